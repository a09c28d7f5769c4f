#!/usr/bin/env bash
# NDCG over likeness of lists, a curve an order, from results of solid_eval --slate, as a table and an SVG:
#   plot_slates.sh OUT.svg likeness|company|content RESULT.json...
#
# Results of one data set, of several models and seeds: lists of the same kind, order and guide (or lambda) are averaged. solid_eval
# lists says how far curves are apart. Needs jq; without gnuplot there is no SVG.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
out=$1 alike=$2
shift 2
rows=$(mktemp -d)
trap 'rm -rf "$rows"' EXIT
jq -n -r --arg alike "$alike" 'def mean: add / length;
  [inputs.slates.lists[] | {curve: (if .list == "slate" then .order elif .list == "ranked" then "ranked" else "re-ranked by \(.order)" end),
    knob: (if .list == "slate" then .guide elif .list == "ranked" then 0 else .lambda end), f: .figures, forwards}]
  | group_by([.curve, .knob])[] | [.[0].curve, .[0].knob, (map(.f[$alike].value) | mean), (map(.f.ndcg.value) | mean),
    (map(.f.recall.value) | mean), (map(.f.next.value) | mean), .[0].forwards, length] | @tsv' "$@" >"$rows/all"
printf '%-21s %8s %9s %8s %8s %8s %9s %6s\n' curve knob "$alike" ndcg recall next forwards runs
awk -F'\t' '{printf "%-21s %8s %9.4f %8.4f %8.4f %8.4f %9d %6d\n", $1, $2, $3, $4, $5, $6, $7, $8}' "$rows/all"

command -v gnuplot >/dev/null || { echo "plot_slates: skipped: no SVG without gnuplot"; exit 0; }
plots=""
while read -r curve; do
  awk -F'\t' -v c="$curve" '$1 == c {print $3, $4}' "$rows/all" >"$rows/$curve"
  plots+="${plots:+, }\"$rows/$curve\" with linespoints pt 7 ps 0.6 title \"$curve\""
done < <(cut -f1 "$rows/all" | sort -u)
gnuplot <<G
set terminal svg size 860,420 font "sans,12" background rgb "white"
set output "$out"
set xlabel "how alike a list's items are ($alike)"
set ylabel "NDCG"
set border 3
set grid lc rgb "#dddddd"
set xtics nomirror
set ytics nomirror
set key outside right top vertical samplen 1.5
plot $plots
G
