#!/usr/bin/env bash
# solid_plan: would a model fit on a GPU of so many bytes? It says what is needed, what there is, and what to lower.
#
#   plan.sh SOLID_PLAN SOLID_TRAIN MAKE_DATASET
set -euo pipefail
plan=$1 train=$2 make_dataset=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "plan: $*" >&2; cat "$work/out" >&2; exit 1; }
# expect CODE TEXT OPTIONS...: solid_plan ends with this code and says this
expect() {
  local code=0 wanted=$1 text=$2
  shift 2
  "$plan" "$@" >"$work/out" 2>&1 || code=$?
  [ "$code" = "$wanted" ] || fail "$*: exit code $code, not $wanted"
  grep -qE -- "$text" "$work/out" || fail "$*: does not say \"$text\""
}
"$make_dataset" --users 60 --items 100 --seed 3 --out "$work/data" >/dev/null
"$train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --width 16 --codes 8 --epochs 1 --out "$work/model" >/dev/null 2>&1

expect 0 'training a model of these shapes' --model "$work/model" --memory 4000000000
expect 0 'training with --learn-codes, besides' --model "$work/model" --memory 4000000000
expect 1 'serving 256 users at once needs [0-9.]+ [kMG]?B, 30\.0 MB are free: use a smaller --batch' --model "$work/model" --memory 30000000
expect 1 'needs .* are free: use a smaller --batch' --model "$work/model" --memory 200000000 --batch 65536
expect 1 'training with 65536 users at once needs .* use a smaller --train-batch' --model "$work/model" --memory 400000000 --train-batch 65536
expect 0 'serving: batches' --model "$work/model" --memory 400000000 --train-batch 0
if grep -q 'serving: slates' "$work/out"; then fail "slates of a model without a decoder"; fi
"$train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --slate 4 --slate-of "$work/model" --slate-blocks 1 --slate-epochs 1 \
  --out "$work/slates" >/dev/null 2>&1
expect 0 'serving: slates.* [0-9.]+ [kMG]B' --model "$work/slates" --memory 4000000000 --train-batch 0
# A model with sparse attention: its users' states, and the hours to make them anew, follow from the file.
"$make_dataset" --long --users 20 --items 100 --genres 4 --longest 200 --seed 3 --out "$work/long" >/dev/null
"$train" --data "$work/long/histories.txt" --format rows --split per-user-ratio --levels 0 --head duet --width 16 --heads 2 --blocks 2 --window 300 \
  --positions rotary --repeats --generator-window 40 --epochs 1 --attention sparse --chunk 32 --always 8 --budget 64 --out "$work/sparse" >/dev/null 2>&1
expect 0 'a new model: [0-9.e+-]+ ms of one core for a user of 2000 events.* hours for 5000 users' --model "$work/sparse" --history 2000 --users 5000
grep -qE 'ever taken, [0-9]{1,3} bytes; attention state, [1-9][0-9]{3,} bytes' "$work/out" || fail "the model's state, or its 100 items, are not counted"
expect 0 'attention state, 70 bytes' --model "$work/sparse" --history 2000 --state 70
if grep -q 'a new model' "$work/out"; then fail "measured what was given"; fi
expect 0 'attention state, 0 bytes' --model "$work/model" --history 2000
# 20,000 events/s of 80 us are 1.6 cores, 1,000 answers/s of 72 us 0.07; Redis has 0.36 + 0.01 for the commands
expect 0 'solid_ingestd +4 processes' --users 1000 --rate 20000 --answers 1000
for line in 'solid_serve +1 threads' 'Redis +1 nodes.* \(0\.37 cores\)' 'partitions +8:'; do
  grep -qE "$line" "$work/out" || fail "--rate does not say \"$line\""
done
expect 0 'Redis +4 nodes, f16: 4 for the commands \(1\.80 cores\), 1 for' --users 1000 --rate 100000
expect 0 'solid_ingestd +3 processes' --users 1000 --rate 100000 --event-us 13
each=$("$plan" --users 1 | awk '$1 == "f16" {print $4}')
expect 0 'Redis +5 nodes, f16: 1 for .*, 5 for the memory' --users 1000000 --rate 10 --node-bytes $((each * 1000000 / 5 + 1))
if "$plan" --users 1000 | grep -q processes; then fail "processes, and no rate was asked for"; fi
expect 2 'needs --rate' --answers 10
expect 2 'needs --model' --memory 1000
expect 2 'exclude' --model "$work/model" --device cpu --memory 1000
expect 2 'unknown' --model "$work/model" --device gpu
for device in cuda cuda:999; do
  "$plan" --model "$work/model" --device $device >"$work/out" 2>&1 && [ $device = cuda ] && continue
  grep -q "device $device" "$work/out" || fail "--device $device is not there: does not say so"
done
