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
# Training counts: a 4, c 3, b 2; d, e, f, which nobody took, follow as f e d: the targets d, d, f stand at places 2, 2 and 0.
printf 'u1 a b c d\nu2 a b e d\nu3 a c c b f\nu4 c a\n' >"$folder/data.txt"
printf 'u1 a b\nu2 a c b d e\n' >"$folder/one.txt"
printf 'u1 a\nu2 b\nu3 a\n' >"$folder/short.txt"
printf '{"user": "u", "item": "i", "ts": 1}\n{"user": \n' >"$folder/broken.jsonl"

expect figures 0 '3 users with a test target \(1 without one' --popularity-only --data "$folder/data.txt" --format rows
expect mrr 0 '^mrr@5 +0\.5556' --popularity-only --data "$folder/data.txt" --format rows --json "$folder/out.json"
for part in '"ranks"|"popularity_ranks": "[abc]{3}"' '"items_unseen": \{' '"gini@10"' '"novelty@10"' '"questions_hash": "[0-9a-f]{16}"' '"hr@10": 1.0' '"part": "test"' '"users": 3' '"items": 6' '"ci95"|"popularity_ci95"' '"data_hash": "[0-9a-f]{16}"'; do
  grep -qE "$part" "$folder/out.json" || { echo "eval: the JSON lacks $part"; bad=1; }
done
expect "cutoffs of one's own" 0 '^precision@2 +0\.1667 .*' --popularity-only --data "$folder/data.txt" --format rows --k 3,2 --results "$folder/results"
grep -qx '{"user":"u3","item":"f","popularity":0,"item_to_item":[0-9]*}' "$folder/results" || { echo "eval: results: $(cat "$folder/results")"; bad=1; }
expect "recall" 0 '^recall@3 +1\.0000' --popularity-only --data "$folder/data.txt" --format rows --k 3,2 --json "$folder/out.json"
grep -q '"item_to_item_at": {' "$folder/out.json" || { echo "eval: the JSON lacks the cutoffs"; bad=1; }
expect "cutoffs that are none" 2 'commas between' --popularity-only --data "$folder/data.txt" --format rows --k 3,x
expect "a cutoff too far" 2 'from 1 to 1000' --popularity-only --data "$folder/data.txt" --format rows --k 1001
expect "item-to-item" 0 'item-to-item: [0-9]+ neighbours, chosen on the validation part' --popularity-only --data "$folder/data.txt" --format rows
expect valid 0 'valid target' --popularity-only --data "$folder/data.txt" --format rows --part valid
expect unmasked 0 'history not masked' --popularity-only --data "$folder/data.txt" --format rows --no-mask
expect "one user" 0 '1 users' --popularity-only --data "$folder/one.txt" --format rows
expect "nobody to ask" 5 'none of 3 users has 3 events' --popularity-only --data "$folder/short.txt" --format pairs
expect "nobody to ask, whose" 5 'short.txt: none of 3 users' --popularity-only --data "$folder/short.txt" --format pairs
expect "nobody to ask, ratio" 5 'short.txt: none of 3 users has 3 events, the fewest that a ratio splits' --popularity-only --data "$folder/short.txt" --split per-user-ratio
expect "no model" 2 '--model is missing' --data "$folder/data.txt"
expect "model away" 3 'away.safetensors' --data "$folder/data.txt" --model "$folder/away.safetensors"
expect "data away" 5 'away.txt' --popularity-only --data "$folder/away.txt"
expect "broken line" 5 'broken.jsonl:2' --popularity-only --data "$folder/broken.jsonl"
expect "json cannot be written" 1 "$folder/no/out.json" --popularity-only --data "$folder/data.txt" --format rows --json "$folder/no/out.json"

expect "slices: newcomers" 0 '^users_few +3 ' "--popularity-only" --data "$folder/data.txt" --format rows
expect "slices: threshold" 0 '^users_few +2 ' "--popularity-only" --data "$folder/data.txt" --format rows --few 2
expect "slices: unseen targets" 0 '^items_unseen +3 ' "--popularity-only" --data "$folder/data.txt" --format rows
expect "slices: head" 0 '^items_head +0$' "--popularity-only" --data "$folder/data.txt" --format rows

# Splits. Boundaries at 10 s and 20 s: u1 trains on a and b, c and d are asked; u2 has no validation target.
printf 'user\titem\ttimestamp\nu1\ta\t1\nu1\tb\t2\nu1\tc\t11\nu1\td\t21\nu2\ta\t3\nu2\ta\t3\nu2\tb\t25\n' >"$folder/timed.tsv"
{ cat "$folder/timed.tsv"; printf 'u3\ta\t22\n'; } >"$folder/single.tsv"
printf 'u1 1 2 3 3\nu2 1 1 1 5\nu3 1 2 3 4 5\n' >"$folder/times.txt"
printf 'u1 1 2 3\n' >"$folder/few.txt"
printf 'u9 1 2 3\n' >"$folder/stranger.txt"
printf 'u1 1 2 3 noon\n' >"$folder/noon.txt"
timed=(--popularity-only --data "$folder/timed.tsv" --split global-time)
rows=(--popularity-only --data "$folder/data.txt" --format rows)
expect "global time" 0 '2 users with a test target' "${timed[@]}" --valid-from 10 --test-from 20
expect "global time, valid" 0 '1 users with a valid target' "${timed[@]}" --valid-from 10 --test-from 20 --part valid
expect "boundaries are told" 0 'split: global-time 10000 20000' "${timed[@]}" --valid-from 10 --test-from 20
expect "duplicates are told" 0 'warning: .*1 events equal an earlier one' "${timed[@]}" --valid-from 10 --test-from 20
expect "no test" 5 'none of 2 users has a test target: split global-time' "${timed[@]}" --valid-from 10 --test-from 90
expect "wrong way round" 2 'is not before that of the test' "${timed[@]}" --valid-from 20 --test-from 10
expect "no times" 2 'needs times, and the data has none' "${rows[@]}" --split global-time
expect "times beside" 0 'split: global-time 3000 4000' "${rows[@]}" --times "$folder/times.txt" --split global-time --valid-from 3 --test-from 4
expect "users without times" 0 'warning: 1 users have no times' "${rows[@]}" --times "$folder/times.txt" --split global-time --valid-from 3 --test-from 4
expect "few times" 5 'few.txt: user "u1" has 3 times and 4 events' "${rows[@]}" --times "$folder/few.txt"
expect "times of others" 5 'stranger.txt: user "u9" is not in the data' "${rows[@]}" --times "$folder/stranger.txt"
sort "$folder/times.txt" "$folder/times.txt" | awk '!seen[$0]++ { print; next } { again = again $0 "\n" } END { printf "%s", again }' >"$folder/again.txt"
expect "times twice" 5 'again.txt: user "u[0-9]*" for the second time' "${rows[@]}" --times "$folder/again.txt"
expect "no time at all" 5 'noon.txt: user "u1": "noon" is not a time' "${rows[@]}" --times "$folder/noon.txt"
expect ties 0 'leave-one-out, ties shuffled by 4' "${rows[@]}" --times "$folder/times.txt" --ties shuffle --tie-seed 4
expect "ties without times" 2 'the data has no times' "${rows[@]}" --ties shuffle
expect ratio 0 'split: per-user-ratio 0.5 0.25' "${rows[@]}" --split per-user-ratio --train-share 0.5 --valid-share 0.25
printf 'user\titem\ttimestamp\nu1\ta\t5\nu1\tb\t5\nu2\ta\t5\nu2\tb\t5\n' >"$folder/at_once.tsv"
expect "all at once" 5 'at_once.tsv: no event lies between 0.8 and 0.9 of all 4 in time' --popularity-only --data "$folder/at_once.tsv" --split global-time
expect "one event, global time" 0 '2 users with a test target \(1 without one' --popularity-only --data "$folder/single.tsv" --split global-time --valid-from 10 --test-from 20
expect "one boundary" 2 'both times' "${rows[@]}" --split global-time --valid-from 1690000000
expect "shares" 2 'shares of 0.9' "${rows[@]}" --split per-user-ratio --train-share 0.9 --valid-share 0.25
# Files that were split before: the same questions, and the same figures, as of the whole. As events, and as histories that tell again
# what came before.
printf 'u1 a b c d\nu2 a b e d\nu3 a c c b f\nu4 c a e b\n' >"$folder/whole.txt"
printf 'u1 a b\nu2 a b\nu3 a c c\nu4 c a\n' >"$folder/train.txt"
printf 'u1 c\nu2 e\nu3 b\nu4 e\n' >"$folder/valid.txt"
printf 'u4 b\nu1 d\nu2 d\nu3 f\n' >"$folder/test.txt"
awk 'BEGIN { OFS = "\t"; print "user_id:token", "item_id_list:token_seq", "item_id:token" } { list = $2; for (i = 3; i <= NF - 2; i++) { print $1, list, $i; list = list " " $i } }' "$folder/whole.txt" >"$folder/train.inter"
for part in 1 0; do
  awk -v cut=$part 'BEGIN { OFS = "\t"; print "user_id:token", "item_id_list:token_seq", "item_id:token" } { list = $2; for (i = 3; i < NF - cut; i++) list = list " " $i; print $1, list, $(NF - cut) }' "$folder/whole.txt" >"$folder/$part.inter"
done
for part in test valid; do
  "$program" --popularity-only --data "$folder/whole.txt" --format rows --part $part --json "$folder/whole.json" >/dev/null
  "$program" --popularity-only --data "$folder/train.txt" --format rows --valid-data "$folder/valid.txt" --test-data "$folder/test.txt" --part $part --json "$folder/parts.json" >/dev/null
  "$program" --popularity-only --data "$folder/train.inter" --valid-data "$folder/1.inter" --test-data "$folder/0.inter" --part $part --json "$folder/lists.json" >/dev/null 2>&1
  for each in whole parts lists; do grep -E '"(popularity_ranks|item_to_item_ranks|questions_hash)"' "$folder/$each.json" >"$folder/$each.said"; done
  [ "$(wc -l <"$folder/whole.said")" = 3 ] && cmp -s "$folder/whole.said" "$folder/parts.said" && cmp -s "$folder/whole.said" "$folder/lists.said" ||
    { echo "eval: $part of files that were split before"; diff "$folder/whole.said" "$folder/parts.said"; diff "$folder/whole.said" "$folder/lists.said"; bad=1; }
done
parts=(--popularity-only --data "$folder/train.txt" --format rows)
expect "given split" 0 'split: given, 4 validation and 4 test targets' "${parts[@]}" --valid-data "$folder/valid.txt" --test-data "$folder/test.txt"
expect "half a split" 2 'both files, or neither' "${parts[@]}" --valid-data "$folder/valid.txt"
expect "two splits" 2 'are the split' "${parts[@]}" --valid-data "$folder/valid.txt" --test-data "$folder/test.txt" --split per-user-ratio
expect "parts of other users" 5 'has a validation target' "${parts[@]}" --valid-data "$folder/stranger.txt" --test-data "$folder/test.txt"
# A plot, where gnuplot is.
printf '{"metrics": {"hr@10": 0.5, "ndcg@10": 0.25}, "ci95": {"hr@10": [0.4, 0.6], "ndcg@10": [0.2, 0.3]}}\n' >"$folder/it's one.json"
expect "no result" 5 'not a result of solid_eval' plot "$folder/data.txt" --out "$folder/x.svg"
expect "no figure" 2 '"hr@7" is none of' plot "$folder/whole.json" --out "$folder/x.svg" --metrics hr@7
expect "no files" 2 'which result files' plot --out "$folder/x.svg"
if command -v gnuplot >/dev/null; then
  expect plot 0 'x.svg: 2 figures of 3 rankings' plot "$folder/whole.json" --metrics hr@10,ndcg@10 "$folder/it's one.json" --out "$folder/x.svg"
  for word in popularity item-to-item "s one.json" 'hr@10' '</svg>'; do
    grep -q "$word" "$folder/x.svg" || { echo "eval: the plot lacks $word"; bad=1; }
  done
else
  expect "plot without gnuplot" 1 'gnuplot is not installed' plot "$folder/whole.json" --out "$folder/x.svg"
fi
# Files that are something else.
printf '1::Toy Story (1995)::Animation\n2::Jumanji (1995)::Adventure\n' >"$folder/movies.dat"
printf 'movieId,title,genres\n1,Toy Story,Animation\n' >"$folder/movies.csv"
printf 'item_id:token\tyear:float\n1\t1995\n' >"$folder/items.item"
printf '\0\1\2\3binary' >"$folder/model.bin"
expect "items, not events" 5 'movies.dat:1: 3 fields, the time is number 4' --popularity-only --data "$folder/movies.dat"
expect "no users" 5 'movies.csv:1: no column of users' --popularity-only --data "$folder/movies.csv"
expect "item side" 5 'items.item:1: no column of users' --popularity-only --data "$folder/items.item"
expect "binary" 5 'model.bin:1: a zero byte: not a text file' --popularity-only --data "$folder/model.bin"
expect "another format" 5 'data.txt:1: no column of users' --popularity-only --data "$folder/data.txt" --format csv
expect "unknown format" 2 'format "xml" is none of' --popularity-only --data "$folder/data.txt" --format xml
expect "unknown flag" 2 'split' --popularity-only --data "$folder/data.txt" --spilt test
[ "$bad" = 0 ] && echo "eval: the program does what it says"
exit "$bad"
