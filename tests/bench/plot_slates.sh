#!/usr/bin/env bash
# NDCG over likeness of lists, a curve an order, from results of solid_eval --slate, as a table and an SVG:   plot_slates.sh OUT.svg RESULT.json...
#
# Results of one data set, of several models and seeds: lists of the same kind, order and guide (or lambda) are averaged. Below the
# table, for every order NDCG at likeness L, straight between neighbours, and its share of raster's (L: between the ends of both).
# Needs jq; without gnuplot there is no SVG.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
out=$1
shift
rows=$(mktemp -d)
trap 'rm -rf "$rows"' EXIT
jq -n -r 'def mean: add / length;
  [inputs.slates.lists[] | {curve: (if .list == "slate" then .order elif .list == "ranked" then "re-ranked" else .list end),
    knob: (if .list == "slate" then .guide elif .list == "ranked" then 0 else .lambda end), f: .figures, forwards}]
  | group_by([.curve, .knob])[] | [.[0].curve, .[0].knob, (map(.f.likeness.value) | mean), (map(.f.ndcg.value) | mean),
    (map(.f.recall.value) | mean), (map(.f.next.value) | mean), .[0].forwards, length] | @tsv' "$@" >"$rows/all"
printf '%-12s %8s %9s %8s %8s %8s %9s %6s\n' curve knob likeness ndcg recall next forwards runs
awk -F'\t' '{printf "%-12s %8s %9.4f %8.4f %8.4f %8.4f %9d %6d\n", $1, $2, $3, $4, $5, $6, $7, $8}' "$rows/all"

# NDCG of each curve at ten places of likeness, along its points in the order of the knob
awk -F'\t' '
  {n[$1]++; x[$1, n[$1]] = $3; y[$1, n[$1]] = $4; if (!($1 in low) || $3 < low[$1]) low[$1] = $3; if ($3 > high[$1]) high[$1] = $3}
  function at(c, l,   i, best, a, b, v) { # the best of the segments that cross l
    best = -1
    for (i = 2; i <= n[c]; i++) {
      a = x[c, i - 1]; b = x[c, i]
      if (a == b || (l - a) * (l - b) > 0) continue
      v = y[c, i - 1] + (y[c, i] - y[c, i - 1]) * (l - a) / (b - a)
      if (v > best) best = v
    }
    return best
  }
  END {
    if (!("raster" in n)) exit
    for (c in n) if (c != "raster") {
      lo = low[c] > low["raster"] ? low[c] : low["raster"]; hi = high[c] < high["raster"] ? high[c] : high["raster"]
      for (k = 1; k < 4 && hi > lo; k++) {
        l = lo + (hi - lo) * k / 4
        if (at(c, l) > 0 && at("raster", l) > 0) printf "at likeness %.4f: %s %.4f, raster %.4f, share %.4f\n", l, c, at(c, l), at("raster", l), at(c, l) / at("raster", l)
      }
    }
  }' "$rows/all" | sort
command -v gnuplot >/dev/null || { echo "plot_slates: skipped: no SVG without gnuplot"; exit 0; }
plots=""
while read -r curve; do
  awk -F'\t' -v c="$curve" '$1 == c {print $3, $4}' "$rows/all" >"$rows/$curve"
  plots+="${plots:+, }\"$rows/$curve\" with linespoints pt 7 ps 0.6 title \"$curve\""
done < <(cut -f1 "$rows/all" | sort -u)
gnuplot <<G
set terminal svg size 640,420 font "sans,12" background rgb "white"
set output "$out"
set xlabel "likeness of a list's items"
set ylabel "NDCG"
set border 3
set grid lc rgb "#dddddd"
set xtics nomirror
set ytics nomirror
set key bottom left
plot $plots
G
