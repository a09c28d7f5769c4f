#!/usr/bin/env bash
# Two sides of results, compared user by user; what does not belong together is refused.
#   compare.sh SOLID_TRAIN SOLID_EVAL MAKE_DATASET
set -euo pipefail
train=$1 eval=$2 make_dataset=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "compare: $*" >&2; exit 1; }
# refused EXIT TEXT ARGUMENTS... of `solid_eval compare`
refused() {
  local want=$1 text=$2 got=0
  shift 2
  "$eval" compare "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$want" ] || fail "exit code $got, not $want: $*: $(cat "$work/err")"
  grep -qF -- "$text" "$work/err" || fail "no '$text' in: $(cat "$work/err")"
}
# number FILE METRIC KEY of a comparison
number() { tr -d '\n ' <"$1" | grep -oE "\"$2\":\{[^}]*" | grep -oE "\"$3\":[0-9.e-]+" | grep -oE '[0-9.e-]+$'; }

"$make_dataset" --users 250 --items 150 --seed 5 --out "$work/data" >/dev/null
data=(--data "$work/data/events.jsonl" --threads 2)
plain=(--head static --levels 0 --width 16 --batch 32)
for seed in 1 2; do
  "$train" "${data[@]}" "${plain[@]}" --seed $seed --epochs 12 --out "$work/long$seed" >/dev/null
  "$train" "${data[@]}" "${plain[@]}" --seed $seed --epochs 1 --out "$work/short$seed" >/dev/null
done
for model in long1 long2 short1 short2; do
  "$eval" "${data[@]}" --model "$work/$model" --json "$work/$model.json" >/dev/null
done

"$eval" compare "$work/long1.json" "$work/long2.json" -- "$work/short1.json" "$work/short2.json" --json "$work/c.json" >"$work/out"
grep -q '^ndcg@10 ' "$work/out" || fail "no ndcg@10 in: $(cat "$work/out")"
# The sides' means are the means of the files.
mean=$(for model in long1 long2; do tr -d '\n ' <"$work/$model.json" | grep -oE '"metrics":\{[^}]*' | head -1 | grep -oE '"hr@20":[0-9.e-]+' | cut -d: -f2; done |
  awk '{ sum += $1 } END { print sum / 2 }')
a=$(number "$work/c.json" hr@20 a)
awk "BEGIN { exit !($a - $mean < 1e-6 && $mean - $a < 1e-6) }" || fail "A's hr@20 is $a, the files' mean $mean"
difference=$(number "$work/c.json" hr@20 difference) b=$(number "$work/c.json" hr@20 b)
awk "BEGIN { d = $a - $b - $difference; exit !(d < 1e-6 && d > -1e-6 && $difference > 0) }" || fail "$a - $b is not $difference, or training does not help"
# The same on both sides is no difference; the same seed is the same comparison.
"$eval" compare "$work/long1.json" "$work/long1.json" | grep -qE '^ndcg@10 .*\+0.00000 \[\+0.00000, \+0.00000\]' || fail "a file differs from itself"
"$eval" compare "$work/long1.json" "$work/long2.json" -- "$work/short1.json" "$work/short2.json" --json "$work/again.json" >/dev/null
cmp "$work/c.json" "$work/again.json" || fail "not reproducible"

refused 2 "two files, or two lists"
refused 2 "two files, or two lists" "$work/long1.json"
refused 2 "two files, or two lists" "$work/long1.json" "$work/long2.json" "$work/short1.json"
refused 2 "once" "$work/long1.json" -- "$work/long2.json" -- "$work/short1.json"
refused 2 "--resamples" "$work/long1.json" "$work/long2.json" --resamples 0
refused 5 "$work/away.json: No such file" "$work/long1.json" "$work/away.json"
echo '{"metrics": 1' >"$work/broken.json"
refused 5 "$work/broken.json:" "$work/broken.json" "$work/long1.json"
echo '{"metrics": 1}' >"$work/other.json"
refused 5 "no ranks" "$work/other.json" "$work/long1.json"
"$eval" "${data[@]}" --model "$work/long1" --part valid --json "$work/valid.json" >/dev/null
refused 5 "part \"test\", $work/valid.json has \"valid\"" "$work/long1.json" "$work/valid.json"
"$eval" "${data[@]}" --model "$work/long1" --no-mask --json "$work/unmasked.json" >/dev/null
refused 5 "masked true" "$work/long1.json" "$work/unmasked.json"
"$eval" "${data[@]}" --model "$work/long1" --split per-user-ratio --allow-other-split --json "$work/ratio.json" >/dev/null
refused 5 'evaluated by split "leave-one-out"' "$work/long1.json" "$work/ratio.json"
head -n -3 "$work/data/events.jsonl" >"$work/fewer.jsonl"
"$eval" --data "$work/fewer.jsonl" --model "$work/long1" --allow-other-data --json "$work/fewer.json" >/dev/null
refused 5 "data_hash" "$work/long1.json" "$work/fewer.json"
sed 's/"ranks": "./"ranks": "Z/' "$work/long2.json" >"$work/wrong.json"
refused 5 "the ranks are not those" "$work/long1.json" "$work/wrong.json"
echo "compare: pairs users, averages seeds, refuses what does not belong together"
