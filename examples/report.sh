#!/usr/bin/env bash
# Tables and plots of a folder of result files, as examples/reproduce.sh leaves them:   report.sh FOLDER [PAGE [FIGURES]]
#
# FOLDER/SET.MODEL.SEED.json (solid_eval), FOLDER/compare-SET.json (solid_eval compare) and .jsonl (solid_train --log) become
# FOLDER/accuracy.md, cold.md, staleness.md and *.svg. PAGE: a file in which the text between <!-- NAME --> and <!-- /NAME -->
# is replaced by the table NAME (accuracy and cold). FIGURES: a folder that the plots are copied to.
#
# A figure is the mean over seeds, +- the standard deviation over seeds. Its interval is the mean of the seeds' 95 % bootstrap intervals over users;
# it does not shrink with the number of seeds, because it says how far other users could move the figure. Differences are paired by user.
set -euo pipefail
plot_staleness=$(cd "$(dirname "$0")/../tests/bench" && pwd)/plot_staleness.sh
[ -z "${3:-}" ] || mkdir -p "$3"
out=$(cd "$1" && pwd) page=${2:+$(realpath "$2")} figures=${3:+$(cd "$3" && pwd)}
cd "$out"
skip() { echo "report: skipped: $*"; }
command -v jq >/dev/null || { skip "tables and plots need jq"; exit 0; }

# One line a model: set, model, seeds, users, then (value, low, high) of HR@10 and NDCG@10.
rows='
def mean: add / length;
def deviation: mean as $m | if length > 1 then (map(. - $m | . * .) | add) / (length - 1) | sqrt else 0 end;
def figures($values; $interval): ["hr@10", "ndcg@10"] | map(. as $m | [$values[$m], $interval[$m][0], $interval[$m][1]]) | add;
[inputs | (input_filename | sub("^\\./"; "") | capture("^(?<set>.+?)\\.(?<model>.+)\\.(?<seed>[0-9]+)\\.json$")) + {r: .}]
| group_by([.set, .model])[]
| [.[0].set, .[0].model, length, .[0].r.users] +'

files() { find . -maxdepth 1 -name "$1" | sort; }

accuracy_rows() { # without the cold-start models
  local plain
  plain=$(files '*.[0-9]*.json' | grep -v '\.cold' || true)
  [ -n "$plain" ] || return 0
  { jq -n -r "$rows"' ([.[].r | figures(.metrics; .ci95)] | transpose | map(mean)) + [(map(.r.metrics["hr@10"]) | deviation), (map(.r.metrics["ndcg@10"]) | deviation)] | @tsv' $plain
    jq -n -r "$rows"' (.[0].r | figures(.popularity; .popularity_ci95)) + [0, 0] | @tsv' $plain |
      awk -F'\t' -v OFS='\t' '!seen[$1]++ {$2 = "popularity"; $3 = 0; print}'
    jq -n -r "$rows"' (.[0].r | figures(.item_to_item; .item_to_item_ci95)) + [0, 0] | @tsv' $plain |
      awk -F'\t' -v OFS='\t' '!seen[$1]++ {$2 = "item-to-item"; $3 = 0; print}'
  } | awk -F'\t' '{order["popularity"] = 0; order["item-to-item"] = 1; order["static"] = 2; order["solid"] = 3; print $1 "\t" order[$2] "\t" $0}' | sort -t$'\t' -k1,1 -k2,2n | cut -f3-
}

# solid - static of each set: set, then (difference, low, high) of HR@10 and NDCG@10
difference_rows() {
  local compared
  compared=$(files 'compare-*.json')
  [ -n "$compared" ] || return 0
  jq -r '[input_filename | sub("^\\./compare-"; "") | sub("\\.json$"; "")] + ([.metrics["hr@10", "ndcg@10"] | [.difference, .ci95[]]] | add) | @tsv' $compared
}

# figure: VALUE LOW HIGH as .1234 [.1200, .1260]; with a deviation .1234 ±.0010 [.1200, .1260]
format='function f(x) {x = sprintf("%.4f", x); sub(/^0/, "", x); return x}
function interval(i) {return " [" f($(i + 1)) ", " f($(i + 2)) "]"}
function figure(i) {return f($i) interval(i)}
function with_deviation(i, j) {return f($i) ($3 > 1 ? " ±" f($j) : "") interval(i)}
function signed(x) {x = sprintf("%+.4f", x); sub(/0/, "", x); return x}'

accuracy_table() {
  echo "| data set | model | HR@10 | over \`static\` | NDCG@10 | over \`static\` | seeds |"
  echo "|---|---|---|---|---|---|---|"
  awk -F'\t' "$format"' function over(i) {return $2 == "solid" && $1 in known ? signed(d[$1, i]) " [" signed(d[$1, i + 1]) ", " signed(d[$1, i + 2]) "]" : ""}
    NR == FNR {known[$1]; for (i = 2; i <= NF; i++) d[$1, i] = $i; next}
    {print "| " (last == $1 ? "" : $1 ", " $4 " users") " | " ($3 ? "`" $2 "`" : $2) " | " with_deviation(5, 11) " | " over(2) " | " with_deviation(8, 12) " | " over(5) " | " ($3 ? $3 : "") " |"; last = $1}' <(difference_rows) accuracy.tsv
}

# NDCG@10 by the age of the parameters, of the results that asked: set, seeds, who, events, then (value, difference, low, high)
# under the encoder's newest state and under one as old.
staleness_rows() {
  local asked
  asked=$(files '*.solid.[0-9]*.json' | xargs -r grep -l '"stale"' || true)
  [ -n "$asked" ] || return 0
  jq -n -r 'def mean: add / length;
    def side($name): [.[] | .[$name]["ndcg@10"] | [.value, .difference, .ci95[]]] | transpose | map(mean);
    [inputs | (input_filename | capture("^\\./(?<set>[^.]+)")) + {stale}] | group_by(.set)[] | [.[0].set, length] as $who | .[0].stale as $one
    | ("new_state new_state_full" | split(" "))[] as $new | select($one.rows[0][$new]) | ($new | sub("^new"; "old")) as $old
    | [.[].stale.rows] | transpose[] | $who + [if $new == "new_state" then "\($one.users) users" else "\($one.full_users) users with over \([$one.rows[].events] | max) events" end, .[0].events] + side($new) + side($old) | @tsv' $asked
}

staleness_table() {
  echo "| data set | parameters so many events old | encoder on the newest window | change | encoder as old | change |"
  echo "|---|---|---|---|---|---|"
  awk -F'\t' "$format"' function change(i) {return $4 == 0 ? "" : signed($i) " [" signed($(i + 1)) ", " signed($(i + 2)) "]"}
    {group = $1 ", " $3; print "| " (last == group ? "" : group) " | " $4 " | " f($5) " | " change(6) " | " f($9) " | " change(10) " |"; last = group}' staleness.tsv
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
      name["popularity"] = "popularity; random order among hidden items"
      name["cold-random"] = "another item'"'"'s codes"; name["cold"] = "codes from content"
      name["cold-dropout-random"] = "item dropout, another item'"'"'s codes"; name["cold-dropout"] = "item dropout, codes from content"
      name["cold-all"] = "nothing hidden"}
    {print "| " (last == $1 ? "" : $1 ", " $5 " of " $6 "; about " int($7 + .5) " events") " | " name[$2] " | " figure(8) " | " figure(11) " | " figure(14) " | " figure(20) " | " $3 " |"; last = $1}' cold.tsv
}

# put NAME: the table NAME.md between the markers of the page
put() {
  local begin="<!-- $1 -->" end="<!-- /$1 -->"
  [ "$(grep -cxF -- "$begin" "$page")" = 1 ] && [ "$(grep -cxF -- "$end" "$page")" = 1 ] ||
    { echo "report: $page has no lines '$begin' and '$end'" >&2; return 1; }
  awk -v begin="$begin" -v end="$end" -v table="$out/$1.md" '
    $0 == end {inside = 0}
    !inside {print}
    $0 == begin {inside = 1; while ((getline line < table) > 0) print line}' "$page" >"$page.new"
  cat "$page.new" >"$page" && rm -f "$page.new"
  echo "report: $page: table $1"
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
staleness_rows >staleness.tsv
for table in accuracy cold staleness; do
  [ -s $table.tsv ] || { rm -f $table.tsv; continue; }
  ${table}_table >$table.md
  cat $table.md
  if [ -n "$page" ] && [ $table != staleness ]; then put $table; fi
done
command -v gnuplot >/dev/null || { skip "plots need gnuplot"; exit 0; }
if [ -s accuracy.tsv ]; then
  cut -f1 accuracy.tsv | sort -u | while read -r set; do plot_curves "$set"; done
  plot_comparison
fi
if [ -s staleness.tsv ]; then
  cut -f1 staleness.tsv | sort -u | while read -r set; do
    grep -q '"new_state_full"' "$set".solid.1.json || continue
    "$plot_staleness" "staleness-$set.svg" "$set".solid.[0-9]*.json >/dev/null && echo "report: staleness-$set.svg"
  done
fi
[ -z "$figures" ] || cp -- *.svg "$figures"/
