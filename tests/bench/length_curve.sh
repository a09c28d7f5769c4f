#!/usr/bin/env bash
# What the length of a history is worth: trains and asks models of a list of kinds, and prints NDCG@10 over the newest so many events
# that a question is asked with. What has its figures already is not made again.
#
#   length_curve.sh run [SET[:KIND...]...]    SET: generated, ml-1m, online-retail; KIND as below; default: all
#   length_curve.sh table                     what the folder of results has, with differences paired by user
#   length_curve.sh plot SET OUT.svg          needs gnuplot
#
#   dense    two blocks, every event of the window      one      one block
#   sparse   two blocks, the keys that lists keep       newest   two blocks, windows of 256 events from anywhere, 14 times as many epochs
#
# Each user's first 80 % train and the questions are spread over the last 10 %; users of 500 events and more. Environment: BUILD
# (build/dev), SOLID_DATA (../shared/data), RESULTS (build/lengths), DEVICE (cpu), SEEDS (0,1,2), JOBS (1), USERS (300) and LONGEST
# (12000) of the generated set, EPOCHS (100), RATE (0.003) of it, LIMIT (60) seconds of a training.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/dev} data=${SOLID_DATA:-$root/../shared/data} results=${RESULTS:-$root/build/lengths} device=${DEVICE:-cpu}
epochs=${EPOCHS:-100} precision=fp32
[ "${device%%:*}" = cpu ] || precision=tf32

files_of() {
  case $1 in
    generated) echo "$results/generated/histories.txt" ;;
    ml-1m) echo "$data/ml-1m/ml-1m.txt" ;;
    online-retail) echo "$data/online-retail/events.csv.gz" ;;
    *) echo "length_curve.sh: $1: no such set" >&2; return 2 ;;
  esac
}
# Window, and what a set is trained and asked with. Items come again in generated and online-retail.
window_of() { case $1 in generated) echo 10000 ;; ml-1m) echo 2048 ;; *) echo 8192 ;; esac; }
train_of() {
  case $1 in
    generated) echo "--repeats --levels 0 --head static --dropout 0 --smoothing 0 --rate ${RATE:-0.003} --epochs $epochs" ;;
    ml-1m) echo "--dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 --average 0.999 --epochs $epochs --rows 32768 --levels 0 --head duet --rank 16" ;;
    *) echo "--repeats --dropout 0.3 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 --average 0.99 --epochs $epochs --rows 16384 --levels 0 --head duet --rank 16" ;;
  esac
}
ask_of() { case $1 in ml-1m) echo "" ;; *) echo "--no-mask" ;; esac; }
lengths_of() { case $1 in generated) echo 50,200,256,1000,2000,5000,10000 ;; ml-1m) echo 50,200,256,1000,2000 ;; *) echo 50,200,256,1000,2000,5000 ;; esac; }
# Of a history of 800 events lists of 84 keys and a chunk of 32 leave a quarter of the pairs.
kind_of() {
  local lists="--attention sparse"
  [ "$1" = generated ] || lists="$lists --chunk 32 --always 32 --budget 48 --dense-below 0"
  case $2 in
    dense) echo "--blocks 2 --window $(window_of "$1")" ;;
    one) echo "--blocks 1 --window $(window_of "$1")" ;;
    newest) echo "--blocks 2 --window 256 --cuts 1 --epochs $((14 * epochs))" ;;
    sparse) echo "--blocks 2 --window $(window_of "$1") $lists" ;;
    *) echo "length_curve.sh: $2: no such kind" >&2; return 2 ;;
  esac
}

one() {
  local set=$1 kind=$2 seed=$3 at=$results/$2.$1.$3 file split="--split per-user-ratio"
  [ ! -s "$at.json" ] || return 0
  file=$(files_of "$set")
  [ "$set" != generated ] || split="$split --format rows"
  # shellcheck disable=SC2046
  "$build/bin/solid_train" --data "$file" $split --heads 2 --width 64 --positions "${POSITIONS:-rotary}" --rate-end 0.05 --patience 0 --check 10 \
    $(train_of "$set") $(kind_of "$set" "$kind") --seed "$seed" --limit "${LIMIT:-60}" --out "$at.safetensors" --device "$device" \
    >"$at.log" 2>&1 || { echo "$kind.$set.$seed: $(tail -n 1 "$at.log")"; return 1; }
  # shellcheck disable=SC2046
  "$build/bin/solid_eval" --data "$file" $split --model "$at.safetensors" --device "$device" --batch 16 $(ask_of "$set") --precision "$precision" \
    --lengths "$(lengths_of "$set")" --questions "${QUESTIONS:-16}" --json "$at.part" >"$at.txt" 2>>"$at.log" ||
    { echo "$kind.$set.$seed: $(tail -n 1 "$at.log")"; return 1; }
  mv "$at.part" "$at.json"
  rm -f "$at.safetensors"
  echo "$kind.$set.$seed after $SECONDS s: $(grep -E '^epoch' "$at.log" | tail -n 1 | cut -c1-60) | $(sed -n '/^newest events/,$p' "$at.txt" |
    awk 'NR > 1 { printf "%s %s  ", $1, $2 }')"
}

run_all() {
  local failed=0 jobs=${JOBS:-1} what set kinds kind seed
  mkdir -p "$results"
  [ $# -gt 0 ] || set -- generated ml-1m online-retail
  for what in "$@"; do
    set=${what%%:*} kinds=dense:one:newest:sparse
    [ "$set" = "$what" ] || kinds=${what#*:}
    if [ "$set" = generated ] && [ ! -s "$results/generated/histories.txt" ]; then
      "$build/bin/make_dataset" --long --users "${USERS:-300}" --longest "${LONGEST:-12000}" --out "$results/generated" >/dev/null
    fi
    for seed in $(tr , ' ' <<<"${SEEDS:-0,1,2}"); do
      for kind in ${kinds//:/ }; do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
        one "$set" "$kind" "$seed" &
      done
    done
  done
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
  return $failed
}

case ${1:-} in
  run) run_all "${@:2}" ;;
  table) python3 "$here/length_table.py" "$results" ;;
  plot)
    rows=$(mktemp)
    trap 'rm -f "$rows"' EXIT
    python3 "$here/length_table.py" "$results" --rows "$2" >"$rows"
    gnuplot <<G
set terminal svg size 640,400 font "sans,12" background rgb "white"
set output "$3"
set xlabel "newest events that a question is asked with"
set ylabel "NDCG\\\\@10"
set logscale x
set xtics nomirror (50, 200, 1000, 2000, 5000, 10000)
set ytics nomirror
set border 3
set grid y lc rgb "#dddddd"
set yrange [0:*]
set key top left
plot for [i=0:*] "$rows" index i using 2:3 with linespoints pt 7 ps 0.6 title columnheader(1)
G
    ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
