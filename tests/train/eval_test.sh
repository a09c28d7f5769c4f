#!/usr/bin/env bash
# solid_eval from outside: figures, JSON, and what it says to bad input.   eval_test.sh PROGRAM
set -uo pipefail
program=$1 bad=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# expect NAME EXIT_CODE PATTERN ARGUMENTS...: output (both streams) matches PATTERN
expect() {
  local name=$1 code=$2 pattern=$3 output got
  shift 3
  output=$("$program" "$@" 2>&1)
  got=$?
  if [ "$got" != "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    printf 'eval: %s: exit %s (want %s), output:\n%s\n' "$name" "$got" "$code" "$output"
    bad=1
  fi
}
# Training counts: a 4, c 3, b 2; the targets d, d, f then stand at places 0, 1 and 2.
printf 'u1 a b c d\nu2 a b e d\nu3 a c c b f\nu4 c a\n' >"$folder/data.txt"
printf 'u1 a b\nu2 a c b d e\n' >"$folder/one.txt"
printf 'u1 a\nu2 b\nu3 a\n' >"$folder/short.txt"
printf '{"user": "u", "item": "i", "ts": 1}\n{"user": \n' >"$folder/broken.jsonl"

expect figures 0 '3 users with a test target \(1 with one or two' --popularity-only --data "$folder/data.txt" --format rows
expect mrr 0 '^mrr@5 +0\.6111' --popularity-only --data "$folder/data.txt" --format rows --json "$folder/out.json"
for part in '"hr@10": 1.0' '"split": "test"' '"users": 3' '"items": 6' '"ci95"|"popularity_ci95"' '"data_hash": "[0-9a-f]{16}"'; do
  grep -qE "$part" "$folder/out.json" || { echo "eval: the JSON lacks $part"; bad=1; }
done
expect valid 0 'valid target' --popularity-only --data "$folder/data.txt" --format rows --split valid
expect unmasked 0 'history not masked' --popularity-only --data "$folder/data.txt" --format rows --no-mask
expect "one user" 0 '1 users' --popularity-only --data "$folder/one.txt" --format rows
expect "nobody to ask" 1 'none of 3 users has 3 events' --popularity-only --data "$folder/short.txt" --format pairs
expect "no model" 2 '--model is missing' --data "$folder/data.txt"
expect "model away" 1 'away.safetensors' --data "$folder/data.txt" --model "$folder/away.safetensors"
expect "data away" 1 'away.txt' --popularity-only --data "$folder/away.txt"
expect "broken line" 1 'broken.jsonl:2' --popularity-only --data "$folder/broken.jsonl"
expect "json cannot be written" 1 "$folder/no/out.json" --popularity-only --data "$folder/data.txt" --format rows --json "$folder/no/out.json"
expect "unknown flag" 2 'split' --popularity-only --data "$folder/data.txt" --spilt test
[ "$bad" = 0 ] && echo "eval: the program does what it says"
exit "$bad"
