#!/usr/bin/env bash
# solid_train as a program: refuses what it cannot do before it works, and a run killed in the middle ends, started
# again, with the same model to the byte.   solid_train.sh SOLID_TRAIN MAKE_DATASET SOLID_EVAL
set -euo pipefail
train=$1 make_dataset=$2 eval=$3
work=$(mktemp -d)
running=
trap '[ -z "$running" ] || kill -9 "$running" 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { echo "solid_train: $*" >&2; exit 1; }

# expect_refusal EXIT TEXT ARGUMENTS...
expect_refusal() {
  local want=$1 text=$2 got=0
  shift 2
  "$train" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$want" ] || fail "exit code $got, not $want: $*"
  grep -qF -- "$text" "$work/err" || fail "no '$text' in: $(cat "$work/err")"
}

"$make_dataset" --users 200 --items 120 --seed 3 --out "$work/data" >/dev/null
data=(--data "$work/data/events.jsonl" --attributes "$work/data/items.json" --width 16 --codes 8 --batch 32 --threads 2)

expect_refusal 1 "$work/no/such: No such file" "${data[@]}" --out "$work/no/such"
expect_refusal 1 "$work: is a folder" "${data[@]}" --out "$work"
expect_refusal 5 "$work/absent" --data "$work/absent" --out "$work/model"
expect_refusal 2 "device" "${data[@]}" --device abacus --out "$work/model"
expect_refusal 2 "--data is required" --out "$work/model"
expect_refusal 2 "--epochs" "${data[@]}" --out "$work/model" --epochs none
expect_refusal 2 "a model without codes" "${data[@]}" --out "$work/model" --head static --levels 0 --item-dropout 0.2
expect_refusal 2 "a model without codes does not know which items are alike" "${data[@]}" --out "$work/model" --head static --levels 0 --swap 0.2
expect_refusal 2 "none of 120 items shares its first code with another: take fewer codes" "${data[@]}" --codes 120 --out "$work/model" --swap 0.2
expect_refusal 2 "hidden items would be known by nothing" --data "$work/data/events.jsonl" --codes 8 --out "$work/model" --hide 0.2
expect_refusal 2 "hidden items would be known by nothing" "${data[@]}" --out "$work/model" --head static --levels 0 --hide 0.2
# Three events of a user are two targets and one to train on: that is said, and nothing of codes.
printf 'user,item,timestamp\n' >"$work/three.csv"
for user in a b c; do
  for item in 1 2 3; do echo "$user,$item,169000000$item"; done
done >>"$work/three.csv"
expect_refusal 5 "none of 3 users has two training events (with leave-one-out these are users of four events): the longest history has 3" --data "$work/three.csv" --out "$work/model"
for user in a b c; do echo "$user,4,1690000004"; done >>"$work/three.csv"
"$train" --data "$work/three.csv" --codes 1 --epochs 1 --threads 1 --out "$work/model" >"$work/out"
grep -q '1 of 1 codes used' "$work/out" && ! grep -q 'use fewer' "$work/out" || fail "one code tells nothing apart: $(cat "$work/out")"
rm "$work/model"
# A file of titles without titles is refused before the training, not after it.
printf 'sku,name\nitem-1,One\n' >"$work/titles.csv"
expect_refusal 5 'no column of items' "${data[@]}" --epochs 1 --out "$work/model" --titles "$work/titles.csv"
[ ! -e "$work/model" ] && ! grep -q epoch "$work/out" || fail "it trained before it read the titles"
"$train" "${data[@]}" --epochs 1 --out "$work/model" --titles "$work/titles.csv" --attribute-item sku >"$work/out"
grep -qF "$work/titles.csv: titles of 1 items" "$work/out" || fail "no title: $(cat "$work/out")"
rm "$work/model"
# A table whose times have no known name is taken in the order of its lines, and that is said.
printf 'user,item,day\nu,a,2023-07-24\nu,b,2023-07-23\nu,c,2023-07-22\nu,d,2023-07-21\n' >"$work/days.csv"
days=(--data "$work/days.csv" --width 8 --codes 2 --epochs 1 --threads 1 --out "$work/model")
"$train" "${days[@]}" >/dev/null 2>"$work/err"
grep -q 'no column is known to hold times (timestamp, .*--time-column' "$work/err" || fail "not said: $(cat "$work/err")"
"$train" "${days[@]}" --time-column day >/dev/null 2>"$work/err"
[ ! -s "$work/err" ] || fail "with times there is nothing to say: $(cat "$work/err")"
rm "$work/model"
# A pipe is read as the file is.
mkfifo "$work/pipe"
cat "$work/data/events.jsonl" >"$work/pipe" &
"$train" --data "$work/pipe" --width 8 --codes 4 --epochs 1 --threads 1 --out "$work/piped" >/dev/null
"$train" --data "$work/data/events.jsonl" --width 8 --codes 4 --epochs 1 --threads 1 --out "$work/plain" >/dev/null
cmp "$work/piped" "$work/plain" || fail "a pipe gives another model than the file"
# Attributes of a pipe are read once: that titles in it are not kept is said.
{ echo item,title,genres; seq -f 'item-%g,"One, that is sold",red' 0 119; } >"$work/pipe" &
"$train" --data "$work/data/events.jsonl" --attributes "$work/pipe" --width 8 --codes 4 --epochs 1 --threads 1 --out "$work/titled" >/dev/null 2>"$work/err"
grep -q 'titles in it are not kept' "$work/err" || fail "titles of a pipe are left out in silence: $(cat "$work/err")"
# What events are worth: a rating below is no step, and both programs have to be told.
printf 'user,item,rating\n' >"$work/rated.csv"
for user in a b c; do
  for item in 1 2 3 4 5; do printf '%s,%s,5\n%s,x%s,1\n' "$user" "$item" "$user" "$item"; done >>"$work/rated.csv"
done
"$train" --data "$work/rated.csv" --min-rating 3 --width 8 --codes 2 --epochs 1 --threads 1 --out "$work/rated" >"$work/out" 2>"$work/err"
grep -q "3 users, 5 items, 15 events" "$work/out" || fail "dislikes were trained on: $(cat "$work/out")"
grep -q "15 of 30 events are dislikes" "$work/err" || fail "dislikes are not said: $(cat "$work/err")"
"$eval" --model "$work/rated" --data "$work/rated.csv" --min-rating 3 >/dev/null 2>&1 || fail "solid_eval does not read ratings as solid_train"
"$eval" --model "$work/rated" --data "$work/rated.csv" >/dev/null 2>&1 && fail "solid_eval takes dislikes for steps"
expect_refusal 2 "has no ratings" --data "$work/data/items.json" --format histories --min-rating 3 --out "$work/model"
# Users and items of too few training events: what the model was not trained on is not asked about.
printf '%s\n' user,item a,1 a,2 a,3 a,4 a,5 b,4 b,5 b,1 b,2 b,3 c,3 c,4 c,5 c,1 c,2 d,1 d,2 d,r e,1 e,2 e,s f,1 f,2 f,t >"$work/cored.csv"
core=(--data "$work/cored.csv" --min-user 2 --min-item 2)
"$train" "${core[@]}" --width 8 --codes 2 --epochs 1 --threads 1 --out "$work/cored" >"$work/out" 2>"$work/err"
grep -q "3 of 6 users and 4 of 8 items have too few training events" "$work/err" || fail "the core is not said: $(cat "$work/err")"
grep -q "3 users, 4 items, 12 events" "$work/out" || fail "another core: $(cat "$work/out")"
"$eval" --model "$work/cored" "${core[@]}" >/dev/null 2>"$work/err" || fail "solid_eval does not know the core: $(cat "$work/err")"
"$eval" --model "$work/cored" --data "$work/cored.csv" >/dev/null 2>&1 && fail "solid_eval does not notice another core"
expect_refusal 5 "leave 0 of 6 users" --data "$work/cored.csv" --min-user 9 --out "$work/model"
expect_refusal 2 "--bad-lines 'skip'" --data "$work/rated.csv" --bad-lines skip --out "$work/model"
printf 'c,6\n,7,1\n' >>"$work/rated.csv"
expect_refusal 5 "$work/rated.csv:33: user of 0 bytes" --data "$work/rated.csv" --out "$work/model"
"$train" --data "$work/rated.csv" --bad-lines skip:1 --width 8 --codes 2 --epochs 1 --threads 1 --out "$work/model" >/dev/null 2>"$work/err"
grep -qF "$work/rated.csv:33: user of 0 bytes" "$work/err" || fail "a bad line is not said: $(cat "$work/err")"
# Data that cannot be split, and files about other items than the data's.
printf 'a 1\nb 2\na 2\n' >"$work/short.txt"
printf 'a 1 2 3 1 2\nb 2\n' >"$work/single.txt"
printf '{"pear": ["fruit"]}\n' >"$work/pears.json"
printf 'abcdabcdabcdabcd' >"$work/two.f32"
expect_refusal 5 "$work/pears.json:1: JSON, but not of events" --data "$work/pears.json" --out "$work/model"
expect_refusal 5 "$work/data/items.json:1: JSON, but not of events" --data "$work/data/items.json" --out "$work/model"
expect_refusal 5 "$work/short.txt: none of 2 users has 3 events" --data "$work/short.txt" --out "$work/model"
expect_refusal 5 "$work/short.txt: none of 2 users has 3 events" --data "$work/short.txt" --split per-user-ratio --out "$work/model"
expect_refusal 2 "$work/short.txt: the global-time split needs times" --data "$work/short.txt" --split global-time --out "$work/model"
expect_refusal 5 "badly: 0 of its 1 items with attributes (0 %) are among the 120 of the data" --data "$work/data/events.jsonl" --attributes "$work/pears.json" --out "$work/model"
expect_refusal 5 "badly: 0 of its 1 items with a vector (0 %) are among the 120 of the data" "${data[@]}" --vectors "$work/two.f32" --vector-width 4 --out "$work/model"
head -c 1920 /dev/zero >"$work/zero.f32"
printf 'item,genres\n1,\n2,\n' >"$work/mute.csv"
expect_refusal 5 "$work/mute.csv has no item with attributes" --data "$work/data/events.jsonl" --attributes "$work/mute.csv" --out "$work/model"
# Rows without ids are items 0, 1, ...
for item in 1 2 3 4 5; do for user in a b c d; do echo "$user,$item"; done; done | sed '1i user,item' >"$work/from1.csv"
printf abcdefghijklmnopqrst >"$work/rows.f32"
expect_refusal 5 "has an item 5 and none called 0: are items counted from 1?" --data "$work/from1.csv" --vectors "$work/rows.f32" --vector-width 1 --out "$work/model"
expect_refusal 5 "$work/zero.f32: all 120 vectors are zero" "${data[@]}" --vectors "$work/zero.f32" --vector-width 4 --out "$work/model"
printf '1::F::1::10::48067\n' >"$work/users.dat"
expect_refusal 5 "$work/users.dat:1: 5 fields under 3 columns" --data "$work/data/events.jsonl" --attributes "$work/users.dat" --out "$work/model"
"$train" --data "$work/single.txt" --width 8 --codes 2 --epochs 1 --threads 1 --out "$work/model" >"$work/out" || fail "a user of one event stops everybody"
grep -q "trains solid on 1 users" "$work/out" || fail "a user of one event trains: $(cat "$work/out")"

# Lines go out as they are written: what is prepared is said into a pipe long before the first epoch ends.
mkfifo "$work/lines"
said_early() { # once: on a busy machine this script may read a line later than it was written
  local said
  rm -f "$work/epochs" "$work/early"
  "$train" "${data[@]}" --epochs 2 --log "$work/epochs" --out "$work/said.safetensors" >"$work/lines" 2>"$work/err" &
  running=$!
  : >"$work/said"
  while read -r line; do
    echo "$line" >>"$work/said"
    [ -s "$work/epochs" ] || echo "$line" >>"$work/early"
  done <"$work/lines"
  wait "$running" || fail "into a pipe: $(cat "$work/err")"
  running=
  for said in "reads $work/data/events.jsonl" "120 items" "content: TF-IDF of" "content: SVD of the PPMI of" "codebook: k-means, "; do
    grep -qF "$said" "$work/early" || return 1
  done
}
early=0
for _ in $(seq 20); do
  if said_early; then early=1 && break; fi
done
[ "$early" = 1 ] || fail "not all is said before the first epoch is over: $(cat "$work/said")"

"$train" "${data[@]}" --epochs 40 --swap 0.1 --out "$work/whole" >"$work/whole.log"
[ ! -e "$work/whole.checkpoint" ] || fail "a finished run left its checkpoint"

for _ in $(seq 20); do # on a busy machine the run may be over before this script has its turn to kill it
  rm -f "$work/parts" "$work/parts.checkpoint"
  "$train" "${data[@]}" --epochs 40 --swap 0.1 --out "$work/parts" --keep-checkpoint >"$work/parts.log" &
  running=$!
  until [ -s "$work/parts.checkpoint" ] || ! kill -0 "$running" 2>/dev/null; do sleep 0.02; done
  kill "$running" 2>/dev/null || true
  killed=0
  wait "$running" 2>/dev/null || killed=$?
  running=
  [ -e "$work/parts" ] || break
done
[ ! -e "$work/parts" ] || fail "the run ended before it was killed, twenty times: nothing was tested"
"$train" --help >"$work/help" # into a file: grep -q leaves a pipe early, which ends who still writes into it
[ "$killed" = 143 ] && grep -q 'SIGTERM: 143.*no model is written' "$work/help" || fail "exit code $killed by SIGTERM, or --help does not say 143"
[ -s "$work/parts.checkpoint" ] || fail "no checkpoint: $(cat "$work/parts.log")"
"$train" "${data[@]}" --epochs 40 --swap 0.1 --out "$work/parts" --keep-checkpoint >"$work/parts.log"
grep -q "continues after epoch" "$work/parts.log" || fail "did not go on: $(cat "$work/parts.log")"
cmp "$work/whole" "$work/parts" || fail "the resumed model is not the whole one"
expect_refusal 1 "made with options seed=0, this run has seed=1" "${data[@]}" --epochs 40 --seed 1 --swap 0.1 --out "$work/parts"
expect_refusal 1 "made with config attributes=" "${data[@]}" --swap 0.1 --slots 0 --out "$work/parts"
# A limit of time decides what no option says: what to give is said in its place.
"$train" "${data[@]}" --limit 1 --keep-checkpoint --out "$work/limited" >/dev/null
expect_refusal 1 "give --limit and --epochs as then; --fresh starts again" "${data[@]}" --out "$work/limited"

# A log that nobody gets costs the exit code, not the model.
expect_refusal 1 "/dev/full: could not be written completely" "${data[@]}" --epochs 1 --log /dev/full --out "$work/unlogged"
[ -s "$work/unlogged" ] || fail "a full disk of the log took the model"

# Learned codes: what is written is what was validated, the codes of the best epoch with its weights.
"$train" "${data[@]}" --epochs 12 --learn-codes 2 --learn-share 2 --out "$work/learned" >"$work/learned.log"
grep -q "learned codes, level 0" "$work/learned.log" || fail "no learned codes in: $(cat "$work/learned.log")"
valid=$(grep -o 'validation ndcg@10 0\.[0-9]*' "$work/learned.log" | grep -o '0\..*')
"$eval" --model "$work/learned" --data "$work/data/events.jsonl" --threads 2 --part valid >"$work/out"
grep -qE "^ndcg@10 +$valid" "$work/out" || fail "the model is not the one of validation $valid: $(cat "$work/out")"
"$train" "${data[@]}" --epochs 2 --learn-codes 1 --hide 0.1 --out "$work/learned" >/dev/null || fail "learned codes with hidden items"
expect_refusal 2 "learn_codes: the model has no codes" "${data[@]}" --out "$work/none" --head static --levels 0 --learn-codes 1

# The split is the model's: another one is refused, by a checkpoint and by the evaluation.
"$train" "${data[@]}" --head static --levels 0 --epochs 1 --keep-checkpoint --out "$work/plain" >/dev/null
expect_refusal 1 "made with data split=leave-one-out, this run has split=global-time" "${data[@]}" --epochs 1 --split global-time --head static --levels 0 --out "$work/plain"
"$train" "${data[@]}" --epochs 2 --split global-time --out "$work/timed" >/dev/null
ask=("$eval" --model "$work/timed" --data "$work/data/events.jsonl" --threads 2)
"${ask[@]}" --split global-time >"$work/out" || fail "the split that it was trained with was refused"
grep -q "split: global-time" "$work/out" || fail "no split in: $(cat "$work/out")"
! "${ask[@]}" >"$work/out" 2>"$work/err" || fail "another split was let through"
grep -q 'trained with split "global-time [0-9]* [0-9]*", it is asked by "leave-one-out"' "$work/err" || fail "$(cat "$work/err")"
"${ask[@]}" --allow-other-split >/dev/null || fail "--allow-other-split was refused"
"$train" "${data[@]}" --epochs 1 --ties shuffle --tie-seed 1 --out "$work/tied" >/dev/null
ask=("$eval" --model "$work/tied" --data "$work/data/events.jsonl" --threads 2 --ties shuffle)
"${ask[@]}" --tie-seed 1 >/dev/null || fail "the order that it was trained with was refused"
! "${ask[@]}" --tie-seed 2 >/dev/null 2>"$work/err" || fail "another order of ties was let through"
grep -q 'ties shuffled by 1", it is asked by "leave-one-out, ties shuffled by 2"\|not the data' "$work/err" || fail "$(cat "$work/err")"
# Other data: another vocabulary, and other events under the same ids.
head -n -3 "$work/data/events.jsonl" >"$work/fewer.jsonl"
printf 'u1 apple pear plum\nu2 apple pear plum\n' >"$work/fruit.txt"
ask=("$eval" --model "$work/whole" --threads 2)
! "${ask[@]}" --data "$work/fewer.jsonl" >/dev/null 2>"$work/err" || fail "other data was let through"
grep -q "is not the data that $work/whole was trained on" "$work/err" || fail "$(cat "$work/err")"
"${ask[@]}" --data "$work/fewer.jsonl" --allow-other-data >/dev/null || fail "--allow-other-data was refused"
! "${ask[@]}" --data "$work/fruit.txt" --format rows --allow-other-data >/dev/null 2>"$work/err" || fail "another vocabulary was let through"
grep -q 'of the data.s 3 items are not among the model' "$work/err" || fail "$(cat "$work/err")"
echo "solid_train: refuses, resumes, keeps to its split"
