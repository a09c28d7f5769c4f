#!/usr/bin/env bash
# Slates through the programs, on made data or on a file (tests/service/public_data.sh has ml-100k): under the whole guide every user's list
# is the ranked one in every order, none is invalid, and forwards are those of the order; what cannot be is refused.
#   slate.sh SOLID_TRAIN SOLID_EVAL MAKE_DATASET made|FILE
set -euo pipefail
train=$1 evaluate=$2 make_dataset=$3 data=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "slate: $*" >&2; exit 1; }
refuses() { # PATTERN COMMAND...
  local pattern=$1
  shift
  if "$@" >"$work/out" 2>&1; then fail "not refused: $*"; fi
  grep -qE -- "$pattern" "$work/out" || fail "no \"$pattern\" in: $(cat "$work/out")"
}

if [ "$data" = made ]; then
  "$make_dataset" --users 400 --items 150 --seed 4 --out "$work/data" >/dev/null
  data=$work/data/events.jsonl
fi
common=(--data "$data" --split per-user-ratio --threads 2)
"$train" "${common[@]}" --width 16 --window 20 --codes 64 --epochs 2 --patience 0 --out "$work/ranker" >/dev/null
for order in raster near-to-far; do
  "$train" "${common[@]}" --slate 10 --slate-of "$work/ranker" --slate-order $order --slate-epochs 2 --slate-blocks 1 --out "$work/$order" >"$work/out"
  grep -q 'with a decoder of slates of 10 items' "$work/out" || fail "$order: $(cat "$work/out")"
done

# both decoders in one evaluation, orders against raster, and results that solid_eval lists takes
"$evaluate" --model "$work/raster" --slate-also "$work/near-to-far" "${common[@]}" --slate 10 --orders raster,zipar:4,near-to-far --guides 1,0.5 \
  --lambdas=2 --judges "$data" --resamples 20 --json "$work/json" >"$work/out"
grep -qE '^zipar:4 +guide 0.5 +\+0.00000 \[\+0.00000, \+0.00000\] +100.00 %' "$work/out" || fail "ZipAR of the whole width is raster: $(cat "$work/out")"
grep -qE '^near-to-far +guide 0.5 ' "$work/out" || fail "$(cat "$work/out")"
grep -qE '^[0-9]+ lists: 0 invalid, 0 with an item twice' "$work/out" || fail "$(cat "$work/out")"
"$evaluate" lists "$work/json" --resamples 20 >"$work/out"
grep -q '^| re-ranked by company | 2 |' "$work/out" || fail "$(cat "$work/out")"
# a decoder is trained after the ranker, which stays: every user has the same ranked list
"$evaluate" --model "$work/raster" --slate-also "$work/ranker" "${common[@]}" --slate 10 --orders raster --guides 1 --lambdas= --resamples 20 >/dev/null ||
  fail "training a decoder changed the ranker"
"$train" "${common[@]}" --width 16 --window 20 --codes 64 --epochs 1 --seed 3 --out "$work/stranger" >/dev/null
refuses 'not that of --model' "$evaluate" --model "$work/raster" --slate-also "$work/stranger" "${common[@]}" --slate 10 --orders raster

# one decoder's opinion of every list: raster's own are as likely as it says itself, and near-to-far's, which it did not make, less so
"$evaluate" --model "$work/near-to-far" --slate-also "$work/raster" "${common[@]}" --slate 10 --orders raster,near-to-far --guides 0 --lambdas= --slate-likelihood \
  --resamples 20 >"$work/out"
awk '/^slate +raster /{ same = $(NF-2) == $(NF-1) && $NF > 0; own = $(NF-1) } /^slate +near-to-far /{ other = $(NF-1) } /^ranked /{ ranked = $(NF-1) }
  END { exit !(same && other < 0 && ranked < own) }' "$work/out" || fail "likelihood under raster: $(cat "$work/out")"
refuses 'neither --model nor --slate-also has a raster decoder' "$evaluate" --model "$work/near-to-far" "${common[@]}" --slate 10 --slate-likelihood

# what the columns say: list order knob forwards recall ndcg next likeness ...
lists() { sed -n '/^lists of/,$p' "$work/out" | grep -E "^$1 "; }
figures() { sed -E 's/^(ranked|slate +[a-z:0-9-]+ +guide 1) +[0-9]+ +//; s/ +[0-9.]+$//' ; } # without the time
check() { # MODEL ORDERS SLATES FORWARDS...
  local model=$1 orders=$2 slates=$3 ranked
  shift 3
  "$evaluate" --model "$work/$model" "${common[@]}" --slate 10 --orders "$orders" --guides 1,0.7,0 --lambdas= --resamples 20 --json "$work/json" >"$work/out"
  if grep -qE 'INVALID|REPEATED' "$work/out"; then fail "$(cat "$work/out")"; fi
  grep -qE 'lists: 0 invalid, 0 with an item twice; under a guide of 1 ([0-9]+) of \1 are the ranked list' "$work/out" || fail "$(cat "$work/out")"
  ranked=$(lists ranked | figures)
  [ "$(lists slate | grep -c 'guide 1 ')" = "$slates" ] || fail "$(cat "$work/out")"
  while read -r line; do
    [ "$line" = "$ranked" ] || fail "under the whole guide: $line, ranked: $ranked"
  done < <(lists slate | grep 'guide 1 ' | figures)
  [ "$(lists slate | grep 'guide 0.7' | sed -E 's/.*guide 0.7 +([0-9]+) .*/\1/' | tr '\n' ' ')" = "$*" ] || fail "forwards: $(cat "$work/out")"
  [ "$(tr -d ' \n' <"$work/json" | grep -o '"invalid":0,"repeated":0' | wc -l)" = $((3 * slates + 1)) ] || fail "result file"
}
check raster raster,zipar:1,zipar:2,zipar:3,zipar:9 5 "40 13 22 31 40 "

# an adaptive window: raster's slates greedy, up to rounding, in fewer forwards
"$evaluate" --model "$work/raster" "${common[@]}" --slate 10 --orders raster,zipar:adaptive,zipar:adaptive:4 --guides 0.5 --lambdas= --resamples 20 >"$work/out"
grep -qE '^zipar:adaptive:1 +guide 0.5 .* (99.[5-9]|100)[0-9.]* %' "$work/out" || fail "the adaptive window is not raster: $(cat "$work/out")"
grep -qE '^slate +zipar:adaptive:4 +guide 0.5 +40 ' "$work/out" || fail "$(cat "$work/out")"
lists slate | grep -E 'zipar:adaptive:1 ' | sed -E 's/.*guide 0.5 +([0-9.]+) .*/\1/' | awk '{ exit !($1 >= 13 && $1 < 40) }' || fail "forwards: $(cat "$work/out")"
check near-to-far near-to-far 1 "13 "

refuses 'trained near-to-far' "$evaluate" --model "$work/near-to-far" "${common[@]}" --slate 10 --orders raster
refuses 'no decoder; train one with solid_train --slate' "$evaluate" --model "$work/ranker" "${common[@]}" --slate 10
refuses '11 rows' "$evaluate" --model "$work/raster" "${common[@]}" --slate 11
refuses 'from 0 to 1' "$evaluate" --model "$work/raster" "${common[@]}" --slate 10 --guides 1.5
for number in nan inf -inf 1,nan; do refuses 'must be numbers' "$evaluate" --model "$work/raster" "${common[@]}" --slate 10 --lambdas=$number; done
refuses 'none of trained, raster' "$evaluate" --model "$work/raster" "${common[@]}" --slate 10 --orders rastre
refuses 'slate-of: needs --slate' "$train" "${common[@]}" --slate-of "$work/ranker" --out "$work/x"
"$make_dataset" --users 50 --items 100 --seed 9 --out "$work/other" >/dev/null
refuses 'trained on other data' "$train" --data "$work/other/events.jsonl" --slate 10 --slate-of "$work/ranker" --out "$work/x"
# a training of a decoder that is killed goes on with the same command, to the bytes of one that is not
other=(--data "$work/other/events.jsonl" --split per-user-ratio --slate-of "$work/small" --slate 8 --slate-epochs 30 --slate-batch 8)
"$train" --data "$work/other/events.jsonl" --split per-user-ratio --width 16 --window 20 --codes 16 --epochs 1 --out "$work/small" >/dev/null
"$train" "${other[@]}" --out "$work/whole" >/dev/null
for _ in $(seq 20); do # on a busy machine the training may be over before this script has its turn to kill it
  rm -f "$work/killed"
  "$train" "${other[@]}" --out "$work/killed" >"$work/out" &
  pid=$!
  until grep -q 'epoch 2 ' "$work/out" || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  [ -s "$work/killed" ] || break
done
if [ -s "$work/killed" ]; then fail "the training was over before it was killed, twenty times"; fi
grep -q 'epoch 2 ' "$work/out" || fail "the training ended: $(cat "$work/out")"
refuses 'seed=0, this run has seed=3; --fresh starts again' "$train" "${other[@]}" --slate-seed 3 --out "$work/killed"
"$train" "${other[@]}" --out "$work/killed" >"$work/out"
if grep -q 'epoch 1 ' "$work/out"; then fail "it began again: $(cat "$work/out")"; fi
cmp "$work/killed" "$work/whole" || fail "a training that was killed gives another model"
[ ! -e "$work/killed.slates" ] || fail "the checkpoint is still there"
echo "slate: under the whole guide all users of $data have the ranked list in six orders"
