#!/usr/bin/env bash
# Staleness through the programs: fresh parameters differ in nothing, an old state costs, and a list that is none is refused.
#   stale.sh SOLID_TRAIN SOLID_EVAL MAKE_DATASET
set -euo pipefail
train=$1 evaluate=$2 make_dataset=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "stale: $*" >&2; exit 1; }

"$make_dataset" --users 300 --items 120 --seed 3 --out "$work/data" >/dev/null
data=(--data "$work/data/events.jsonl" --threads 2)
"$train" "${data[@]}" --attributes "$work/data/items.json" --width 16 --codes 8 --batch 32 --epochs 8 --out "$work/model" >/dev/null
"$evaluate" --model "$work/model" "${data[@]}" --stale 0,2,5 --json "$work/stale.json" >"$work/out"
ages=$(grep -cE '^(0|2|5) +0\.[0-9]{4} [+-]' "$work/out")
[ "$ages" = 6 ] || fail "$ages rows, not three ages for all and for long histories: $(cat "$work/out")"
fresh=$(grep -E '^0 ' "$work/out" | head -n 1)
[ "$(grep -o '+0.0000 \[+0.0000, +0.0000\]' <<<"$fresh" | wc -l)" = 2 ] || fail "fresh parameters differ from themselves: $fresh"
grep -qE '^ndcg@10 +'"$(awk '{print $2; exit}' <<<"$fresh")" "$work/out" || fail "not the figure of the table: $fresh"
[ "$(tr -d ' \n' <"$work/stale.json" | grep -o '"events":[025],' | wc -l)" = 3 ] || fail "ages in the result file"
old=$(grep -E '^5 ' "$work/out" | head -n 1 | awk '{print $7}')
[[ $old == -* ]] || fail "a state five events old costs nothing: $old"
for list in 1,x , 1,,2 ''; do
  if "$evaluate" --model "$work/model" "${data[@]}" --stale "$list" >/dev/null 2>"$work/err"; then fail "took --stale '$list'"; fi
done
echo "stale: a state five events old costs $old"
