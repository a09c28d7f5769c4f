#!/usr/bin/env bash
# NDCG@10 over the age of the parameters, from results of solid_eval --stale, as SVG:   plot_staleness.sh OUT.svg RESULT.json...
#
# Results of several seeds are averaged; bands are the mean of their 95 % intervals of the difference from fresh parameters.
# Users whose history is longer than the greatest age, so that no age is cut short. Needs jq and gnuplot.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
out=$1
shift
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
jq -n -r 'def mean: add / length;
  def side($s): map(.[$s]["ndcg@10"]) | [(map(.value) | mean), (map(.value - .difference + .ci95[0]) | mean), (map(.value - .difference + .ci95[1]) | mean)];
  [inputs.stale.rows] | transpose[] | [.[0].events] + side("new_state_full") + side("old_state_full") | @tsv' "$@" >"$rows"
cat "$rows"
gnuplot <<G
set terminal svg size 640,400 font "sans,12" background rgb "white"
set output "$out"
set xlabel "events since the parameters were made"
set ylabel "NDCG\\\\@10"
set xtics nomirror
set ytics nomirror
set border 3
set grid y lc rgb "#dddddd"
set yrange [0:*]
set key bottom left
set style fill solid 0.2 noborder
plot "$rows" using 1:3:4 with filledcurves lc rgb "#1f77b4" notitle, \
     "" using 1:6:7 with filledcurves lc rgb "#d62728" notitle, \
     "" using 1:2 with linespoints lc rgb "#1f77b4" pt 7 ps 0.6 title "state of the newest window, old parameters", \
     "" using 1:5 with linespoints lc rgb "#d62728" pt 7 ps 0.6 title "state as old as the parameters"
G
