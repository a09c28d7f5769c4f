#!/usr/bin/env bash
# Tables and plots of a folder of result files, as examples/reproduce.sh leaves them:   report.sh FOLDER [README]
#
# FOLDER/SET.MODEL.SEED.json (solid_eval) and .jsonl (solid_train --log) become FOLDER/accuracy.md, FOLDER/cold.md and
# FOLDER/*.svg. README: a file in which the text between <!-- NAME --> and <!-- /NAME --> becomes the table NAME.
#
# A figure is the mean over seeds; its interval the mean of the seeds' 95 % bootstrap intervals over users, which does not shrink
# with their number: it says how far other users could move the figure.
set -euo pipefail
out=$1 readme=${2:-}
cd "$out"
skip() { echo "report: skipped: $*"; }
command -v jq >/dev/null || { skip "tables and plots need jq"; exit 0; }

# One line a model: set, model, seeds, users, then (value, low, high) of HR@10 and NDCG@10.
rows='
def mean: add / length;
def figures($values; $interval): ["hr@10", "ndcg@10"] | map(. as $m | [$values[$m], $interval[$m][0], $interval[$m][1]]) | add;
[inputs | (input_filename | sub("^\\./"; "") | capture("^(?<set>.+?)\\.(?<model>.+)\\.(?<seed>[0-9]+)\\.json$")) + {r: .}]
| group_by([.set, .model])[]
| [.[0].set, .[0].model, length, .[0].r.users] +'

files() { find . -maxdepth 1 -name "$1" | sort; }

accuracy_rows() { # without the cold-start models
  local plain
  plain=$(files '*.json' | grep -v '\.cold' || true)
  [ -n "$plain" ] || return 0
  { jq -n -r "$rows"' ([.[].r | figures(.metrics; .ci95)] | transpose | map(mean)) | @tsv' $plain
    jq -n -r "$rows"' ([.[0].r | figures(.popularity; .popularity_ci95)] | transpose | map(mean)) | @tsv' $plain |
      awk -F'\t' -v OFS='\t' '!seen[$1]++ {$2 = "popularity"; $3 = 0; print}'
  } | awk -F'\t' '{order["popularity"] = 0; order["static"] = 1; order["solid"] = 2; print $1 "\t" order[$2] "\t" $0}' | sort -t$'\t' -k1,1 -k2,2n | cut -f3-
}

# figure VALUE LOW HIGH as .1234 [.1200, .1260]
format='function f(x) {x = sprintf("%.4f", x); sub(/^0/, "", x); return x}
function figure(i) {return f($i) " [" f($(i + 1)) ", " f($(i + 2)) "]"}'

accuracy_table() {
  echo "| data set | model | HR@10 | NDCG@10 | seeds |"
  echo "|---|---|---|---|---|"
  awk -F'\t' "$format"' {print "| " (last == $1 ? "" : $1 ", " $4 " users") " | " ($2 == "popularity" ? $2 : "`" $2 "`") " | " figure(5) " | " figure(8) " | " ($3 ? $3 : "") " |"; last = $1}' accuracy.tsv
}

cold_rows() {
  local cold
  cold=$(files '*.cold*.json')
  [ -n "$cold" ] || return 0
  local of='def row($name): .hidden[$name] | [.["hr@10"][], .["ndcg@10"][]];'
  { jq -n -r "$of $rows"' [.[0].r.hidden.hidden, .[0].r.hidden.items, ([.[].r.hidden.model_on_hidden_full.users] | mean)] + ([.[].r | row("model_on_hidden_full") + row("model_on_hidden_among") + row("model_on_others_full")] | transpose | map(mean)) | @tsv' $cold
    jq -n -r "$of $rows"' [.[0].r.hidden.hidden, .[0].r.hidden.items, ([.[].r.hidden.model_on_hidden_full.users] | mean)] + ([.[].r | row("popularity_on_hidden_full") + row("chance_on_hidden_among") + row("popularity_on_others_full")] | transpose | map(mean)) | @tsv' $cold |
      awk -F'\t' -v OFS='\t' '$2 == "cold" {$2 = "popularity"; print}'
  } | awk -F'\t' '{n = split("popularity cold-random cold cold-dropout-random cold-dropout cold-all", o, " "); for (i = 1; i <= n; i++) order[o[i]] = i; print $1 "\t" order[$2] "\t" $0}' | sort -t$'\t' -k1,1 -k2,2n | cut -f3-
}

cold_table() {
  echo "| data set, hidden items | model | hidden target, whole catalogue: HR@10 | NDCG@10 | among hidden items: HR@10 | other targets: HR@10 | seeds |"
  echo "|---|---|---|---|---|---|---|"
  awk -F'\t' "$format"' BEGIN {
      name["popularity"] = "popularity; among hidden items: by lot"
      name["cold-random"] = "another item'"'"'s codes"; name["cold"] = "codes from content"
      name["cold-dropout-random"] = "item dropout, another item'"'"'s codes"; name["cold-dropout"] = "item dropout, codes from content"
      name["cold-all"] = "nothing hidden (what is lost)"}
    {print "| " (last == $1 ? "" : $1 ", " $5 " of " $6 "; about " int($7 + .5) " events") " | " name[$2] " | " figure(8) " | " figure(11) " | " figure(14) " | " figure(20) " | " $3 " |"; last = $1}' cold.tsv
}

# put NAME: the table NAME.md between the markers of the README
put() {
  local begin="<!-- $1 -->" end="<!-- /$1 -->"
  [ "$(grep -cxF -- "$begin" "$readme")" = 1 ] && [ "$(grep -cxF -- "$end" "$readme")" = 1 ] ||
    { echo "report: $readme has no lines '$begin' and '$end'" >&2; return 1; }
  awk -v begin="$begin" -v end="$end" -v table="$out/$1.md" '
    $0 == end {inside = 0}
    !inside {print}
    $0 == begin {inside = 1; while ((getline line < table) > 0) print line}' "$readme" >"$readme.new"
  cat "$readme.new" >"$readme" && rm -f "$readme.new"
  echo "report: $readme: table $1"
}

# ---- Plots ----

style='set terminal svg size 720,420 font "sans,12" background "white" noenhanced
set grid ytics lc rgb "#dddddd"; set border 3; set xtics nomirror; set ytics nomirror; set key top left reverse Left
set linetype 1 lc rgb "#1b6ca8" lw 2; set linetype 2 lc rgb "#e07b39" lw 2; set linetype 3 lc rgb "#888888" lw 2; set linetype 4 lc rgb "#4a9c5d" lw 2'

plot_curves() { # SET: validation NDCG@10 by epoch, one line a seed, one colour a model
  local set=$1 lines="" colour=0 model title file data
  for model in solid static; do
    colour=$((colour + 1)) title="title \"$model\""
    for file in $(files "$set.$model.*.jsonl"); do
      data=$(basename "$file").tsv
      jq -r 'select(.["ndcg@10"] != null) | [.epoch, .["ndcg@10"]] | @tsv' "$file" >"$data"
      lines="$lines${lines:+, }\"$data\" with lines lt $colour $title" title=notitle
    done
  done
  [ -n "$lines" ] || return 0
  printf '%s\nset output "curves-%s.svg"\nset key bottom right\nset title "%s: validation"\nset xlabel "epoch"; set ylabel "NDCG@10"\nplot %s\n' "$style" "$set" "$set" "$lines" | gnuplot
  rm -f "$set".*.jsonl.tsv
  echo "report: curves-$set.svg"
}

plot_comparison() { # bars of HR@10 with intervals: accuracy.tsv has popularity, static and solid of each set
  local model lines="" colour=3
  for model in popularity static solid; do
    awk -F'\t' -v model=$model '!($1 in at) {at[$1] = n++} $2 == model {print at[$1], $5, $6, $7, $1}' accuracy.tsv >"bars-$model.tsv"
  done
  printf '%s\nset output "comparison.svg"\nset title "HR@10, whole catalogue, 95 %% intervals"\nset boxwidth 0.24; set style fill solid 0.85\nset yrange [0:*]; set xrange [-0.6:*]; set offset 0, 0.4, 0, 0\nplot "bars-popularity.tsv" using ($1-0.26):2 with boxes lt 3 title "popularity", "" using ($1-0.26):2:3:4 with yerrorbars lc rgb "#333333" pt 0 notitle, "bars-static.tsv" using 1:2:xtic(5) with boxes lt 2 title "static", "" using 1:2:3:4 with yerrorbars lc rgb "#333333" pt 0 notitle, "bars-solid.tsv" using ($1+0.26):2 with boxes lt 1 title "solid", "" using ($1+0.26):2:3:4 with yerrorbars lc rgb "#333333" pt 0 notitle\n' "$style" | gnuplot
  rm -f bars-*.tsv
  echo "report: comparison.svg"
}

accuracy_rows >accuracy.tsv
cold_rows >cold.tsv
for table in accuracy cold; do
  [ -s $table.tsv ] || { rm -f $table.tsv; continue; }
  ${table}_table >$table.md
  cat $table.md
  if [ -n "$readme" ]; then put $table; fi
done
command -v gnuplot >/dev/null || { skip "plots need gnuplot"; exit 0; }
if [ -s accuracy.tsv ]; then
  cut -f1 accuracy.tsv | sort -u | while read -r set; do plot_curves "$set"; done
  plot_comparison
fi
