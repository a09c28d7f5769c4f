#!/usr/bin/env bash
# Cold start through the programs: train without a fifth of the items, ask about them.
#   hidden.sh SOLID_TRAIN SOLID_EVAL MAKE_DATASET
set -euo pipefail
train=$1 evaluate=$2 make_dataset=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "hidden: $*" >&2; exit 1; }
# figure FILE OBJECT METRIC: the first of the three numbers
figure() { tr -d '\n ' <"$1" | grep -oE "\"$2\":\{[^}]*" | grep -oE "\"$3\":\[?[0-9.e-]+" | grep -oE '[0-9.e-]+$'; }

"$make_dataset" --users 600 --items 200 --seed 4 --out "$work/data" >/dev/null
data=(--data "$work/data/events.jsonl")
options=("${data[@]}" --attributes "$work/data/items.json" --width 16 --codes 16 --threads 2 --epochs 15 --out "$work/model" --keep-checkpoint)
"$train" "${options[@]}" --hide 0.2 --hide-seed 3 >"$work/log"
grep -q '^40 of 200 items are hidden' "$work/log" || fail "$(cat "$work/log")"
"$evaluate" --model "$work/model" "${data[@]}" --json "$work/content.json" >"$work/out"
grep -q '^40 of 200 items were hidden' "$work/out" || fail "$(cat "$work/out")"

# The same weights with another item's codes.
cp "$work/model" "$work/content"
"$train" "${options[@]}" --hide 0.2 --hide-seed 3 --hidden-codes random >"$work/log"
grep -q 'continues after epoch 15' "$work/log" || fail "trained again: $(cat "$work/log")"
if cmp -s "$work/content" "$work/model"; then fail "random codes are those of content"; fi
"$evaluate" --model "$work/model" "${data[@]}" --json "$work/random.json" >"$work/out"

on_hidden=$(figure "$work/content.json" model_on_hidden_full users)
on_others=$(figure "$work/content.json" model_on_others_full users)
users=$(sed -n 's/^  "users": \([0-9]*\).*/\1/p' "$work/content.json")
[ "$on_hidden" -gt 0 ] && [ $((on_hidden + on_others)) = "$users" ] || fail "$on_hidden + $on_others users are not $users"
[ "$(figure "$work/content.json" popularity_on_hidden_full 'hr@20')" = 0.0 ] || fail "popularity knows a hidden item"
chance=$(figure "$work/content.json" chance_on_hidden_among 'hr@10')
[ "$chance" = 0.25 ] || fail "10 of 40 places are not a chance of $chance"
content=$(figure "$work/content.json" model_on_hidden_among 'ndcg@20')
random=$(figure "$work/random.json" model_on_hidden_among 'ndcg@20')
awk "BEGIN { exit !($content > $random) }" || fail "among hidden items ndcg@20 $content with content, $random with random codes"

# Another choice of items is another training run; a model of all items has nothing to say.
if "$train" "${options[@]}" --hide 0.2 --hide-seed 4 >/dev/null 2>"$work/err"; then fail "went on with other items"; fi
if "$train" "${options[@]}" --fresh --hide 0.001 >/dev/null 2>"$work/err"; then fail "hid nothing"; fi
grep -q 'hides 0 of them' "$work/err" || fail "$(cat "$work/err")"
"$train" "${options[@]}" --fresh --epochs 1 --hide 0 >"$work/log"
"$evaluate" --model "$work/model" "${data[@]}" --json "$work/whole.json" >"$work/out"
if grep -q hidden "$work/out" || grep -q '"hidden":' "$work/whole.json"; then fail "speaks of hidden items where none are"; fi
"$evaluate" --model "$work/model" "${data[@]}" --hide 0.2 --hide-seed 3 --json "$work/apart.json" >"$work/out"
grep -q '^40 of 200 items are reported separately' "$work/out" || fail "$(cat "$work/out")"
[ "$(figure "$work/apart.json" model_on_hidden_full users)" = "$on_hidden" ] || fail "--hide finds other items than --hide of training"
if "$evaluate" --model "$work/content" "${data[@]}" --hide 0.2 --hide-seed 4 >/dev/null 2>"$work/err"; then fail "asked about other items"; fi
echo "hidden: $on_hidden of $users targets are hidden items; ndcg@20 among them $content, with random codes $random"
