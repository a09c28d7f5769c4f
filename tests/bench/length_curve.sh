#!/usr/bin/env bash
# What the length of a history is worth: trains and asks models of a list of kinds, and prints NDCG@10 over the newest so many events
# that a question is asked with. What has its figures already is not made again.
#
#   length_curve.sh run [SET[:KIND...]...]    SET: generated, ml-1m, online-retail; KIND as below; default: all
#   length_curve.sh table                     what the folder of results has, with differences paired by user
#   length_curve.sh plot SET OUT.svg          needs gnuplot
#   length_curve.sh oracle                    what a reader of the generated set's rule finds (length_oracle.py)
#
#   dense    two blocks, every event of the window          one      one block
#   sparse   two blocks, the keys that lists keep           newest   two blocks, windows of 256 events from anywhere, as many rows
#   semi     two blocks, the 256 newest and 32 first        bytes    two blocks, as many of the newest as lists keep
#   masks    the weights of dense, the lists of sparse: comes with dense
#
# Each user's first 80 % train and the questions are spread over the last 10 %; users of 500 events and more. Environment: BUILD
# (build/dev), SOLID_DATA (../shared/data), RESULTS (build/lengths), DEVICE (cpu), SEEDS (0,1,2), JOBS (1), USERS (300) and LONGEST
# (12000) of the generated set, EPOCHS (32), LIMIT (60) seconds of a training, QUESTIONS (8) a user; FEW=1 asks the second and
# third seed with the lengths of the differences only.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/dev} data=${SOLID_DATA:-$root/../shared/data} results=${RESULTS:-$root/build/lengths} device=${DEVICE:-cpu}
epochs=${EPOCHS:-32} precision=fp32
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
    generated) echo "--repeats --width 128 --levels 0 --head static --dropout 0 --smoothing 0 --rate 0.003 --rows 12000 --batch 64 --item-scale 0.125" ;;
    ml-1m) echo "--width 64 --dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 --average 0.999 --rows 32768 --levels 0 --head duet --rank 16" ;;
    *) echo "--repeats --width 64 --dropout 0.3 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 --average 0.99 --rows 16384 --levels 0 --head duet --rank 16" ;;
  esac
}
ask_of() { case $1 in ml-1m) echo "" ;; *) echo "--no-mask" ;; esac; }
lengths_of() { # SET SEED
  case $1:${FEW:-0}:$2 in
    generated:1:[12]) echo 256,2000,10000 ;;
    generated:*) echo 50,200,256,1000,2000,5000,10000 ;;
    ml-1m:*) echo 50,200,256,1000,2000 ;;
    *) echo 50,200,256,1000,2000,5000 ;;
  esac
}
# Lists, in the generated set at most 1,092 keys and half a chunk of 512 in the mean. Of a history of 800 events lists of 84 keys and
# half a chunk of 32 leave a quarter of the pairs.
lists_of() { # SET KIND
  case $2:$1 in
    sparse:generated) echo "" ;;
    semi:generated) echo "--chunk 128 --first 32 --always 192 --budget 0 --dense-below 0" ;;
    bytes:generated) echo "--always 1088 --budget 0 --dense-below 0" ;;
    sparse:*) echo "--chunk 32 --always 32 --budget 48 --dense-below 0" ;;
    semi:*) echo "--chunk 32 --first 32 --always 52 --budget 0 --dense-below 0" ;;
    bytes:*) echo "--chunk 32 --always 80 --budget 0 --dense-below 0" ;;
  esac
}
kind_of() { # SET KIND
  local whole from=""
  [ "$1" != generated ] || from="--window-from 256"
  whole="--window $(window_of "$1") --epochs $epochs --check $((epochs > 7 ? epochs / 8 : 1)) $from"
  case $2 in
    dense) echo "--blocks 2 $whole" ;;
    one) echo "--blocks 1 $whole" ;;
    newest) echo "--blocks 2 --window 256 --cuts 1 --epochs $((14 * epochs)) --check $((epochs > 7 ? 14 * epochs / 8 : 1))" ;;
    sparse | semi | bytes) echo "--blocks 2 $whole --attention sparse $(lists_of "$1" "$2")" ;;
    *) echo "length_curve.sh: $2: no such kind" >&2; return 2 ;;
  esac
}

# What a model finds, as NAME.json.
ask() { # SET SEED MODEL NAME
  local set=$1 model=$3 at=$4
  # shellcheck disable=SC2046
  "$build/bin/solid_eval" --data "$(files_of "$set")" $(read_of "$set") --model "$model" --device "$device" --batch 16 $(ask_of "$set") \
    --precision "$precision" --lengths "$(lengths_of "$set" "$2")" --questions "${QUESTIONS:-8}" --json "$at.part" >"$at.txt" 2>>"$at.log" &&
    mv "$at.part" "$at.json"
}
read_of() { if [ "$1" = generated ]; then echo "--split per-user-ratio --format rows"; else echo "--split per-user-ratio"; fi; }
train() { # SET SEED OUT OPTION...
  # shellcheck disable=SC2046
  "$build/bin/solid_train" --defaults fixed --data "$(files_of "$1")" $(read_of "$1") --heads 2 --positions "${POSITIONS:-rotary}" --rate-end 0.05 --patience 0 \
    $(train_of "$1") "${@:4}" --seed "$2" --limit "${LIMIT:-60}" --out "$3.safetensors" --device "$device" >"$3.log" 2>&1
}

one() { # SET KIND SEED
  local set=$1 kind=$2 seed=$3 at=$results/$2.$1.$3 masks=$results/masks.$1.$3 failed=0
  [ ! -s "$at.json" ] || return 0
  # shellcheck disable=SC2046
  { train "$set" "$seed" "$at" $(kind_of "$set" "$kind") && ask "$set" "$seed" "$at.safetensors" "$at"; } || failed=1
  if [ "$failed:$kind" = 0:dense ]; then # a rate of nothing changes no weight
    # shellcheck disable=SC2046
    { train "$set" "$seed" "$masks" $(kind_of "$set" sparse) --from "$at.safetensors" --window-from 0 --epochs 1 --check 1 --rate 0 --fresh &&
      ask "$set" "$seed" "$masks.safetensors" "$masks"; } || failed=1
    rm -f "$masks.safetensors"
  fi
  [ "$failed" = 0 ] || { echo "$kind.$set.$seed: $(tail -qn 1 "$at.log")"; return 1; }
  [ -n "${KEEP:-}" ] || rm -f "$at.safetensors"
  echo "$kind.$set.$seed after $SECONDS s: $(grep -E '^epoch' "$at.log" | tail -n 1 | cut -c1-80) | $(sed -n '/^newest events/,$p' "$at.txt" |
    awk 'NR > 1 { printf "%s %s  ", $1, $2 }')"
}

run_all() {
  local failed=0 jobs=${JOBS:-1} what set kinds kind seed
  mkdir -p "$results"
  [ $# -gt 0 ] || set -- generated ml-1m online-retail
  for what in "$@"; do
    set=${what%%:*} kinds=dense:sparse:one:newest:semi:bytes
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
  oracle) python3 "$here/length_oracle.py" "$results/generated/histories.txt" --questions "${QUESTIONS:-8}" ;;
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
set xrange [40:12000]
set xtics nomirror (50, 200, 1000, 2000, 5000, 10000)
set ytics nomirror
set border 3
set grid y lc rgb "#dddddd"
set yrange [0:*]
set key bottom right
plot for [i=0:*] "$rows" index i using 2:3 with linespoints pt 7 ps 0.6 title columnheader(1)
G
    ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
