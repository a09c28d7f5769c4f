#!/bin/bash
# exits.sh BIN: one table of exit codes for all programs (examples/common/exit.h): what is wrong is told by the code.
set -u
bin=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# expect CODE WORD PROGRAM ARGUMENTS...: ends with this code, and its last line on stderr has the word.
expect() {
  local code=$1 word=$2 program=$3 got
  shift 3
  [ -x "$bin/$program" ] || { echo "skipped: $program is not built"; return; }
  timeout 600 "$bin/$program" "$@" >"$work/out" 2>"$work/err" </dev/null
  got=$?
  if [ "$got" != "$code" ] || ! tail -n 1 "$work/err" | grep -qF -- "$word"; then
    echo "exits: $program $*: exit code $got, not $code, or no '$word' in: $(tail -n 1 "$work/err")"
    bad=1
  fi
}

printf 'user_id,item_id,timestamp\n' >"$work/good.csv"
for user in a b c d e f; do
  for item in 1 2 3 4 5; do echo "$user,$item,169000000$item"; done
done >>"$work/good.csv"
printf 'user_id,item_id,timestamp\na,1,tomorrow\n' >"$work/bad.csv"
cat "$work/good.csv" "$work/good.csv" >"$work/joined.csv"
{ cat "$work/good.csv"; for event in $(seq 300); do echo "z,$event,1690000000"; done; } >"$work/many.csv"
small=(--width 8 --codes 2 --window 4 --epochs 1 --threads 1 --fresh)
model=$work/model
"$bin/solid_train" --data "$work/good.csv" "${small[@]}" --out "$model" >/dev/null || { echo "exits: no model"; exit 1; }

for program in solid_train solid_eval solid_batch solid_plan solid_paper solid_send solid_ask solid_ingestd solid_serve; do
  expect 2 "--no-such-option" "$program" --no-such-option 1
done
# data
for data in bad.csv absent; do
  expect 5 "$data" solid_train --data "$work/$data" "${small[@]}" --out "$work/x"
  expect 5 "$data" solid_eval --data "$work/$data" --model "$model"
  expect 5 "$data" solid_batch --data "$work/$data" --model "$model" --out "$work/x"
  expect 5 "$data" solid_paper --data "$work/$data"
  [ -x "$bin/solid_send" ] || continue
  "$bin/solid_send" --data "$work/$data" --write "$work/x" >/dev/null 2>&1
  [ $? = 5 ] || { echo "exits: solid_send takes $data"; bad=1; }
done
# a file without times makes events that the stream takes
if [ -x "$bin/solid_send" ]; then
  printf 'anna red blue\n' >"$work/untimed"
  "$bin/solid_send" --data "$work/untimed" --format rows --write - 2>"$work/said" | tail -n 1 | grep -q '"ts":946684800001}' ||
    { echo "exits: solid_send gives no plausible times"; bad=1; }
  grep -q 'no times' "$work/said" || { echo "exits: solid_send does not say that there are no times"; bad=1; }
  # what is counted before a bad line is no share of the events that came out
  printf 'user_id,item_id,timestamp\na,1,5\na,2,6\na,3,tomorrow\n' >"$work/odd.csv"
  expect 5 "odd.csv:4" solid_send --data "$work/odd.csv" --write "$work/x"
  grep -q 'warning: 2 times are odd' "$work/err" || { echo "exits: odd times: $(cat "$work/err")"; bad=1; }
fi
# dead letters: what goes together, and what there is
letters=(solid_send --from-dead-letters events.dead-letter)
expect 2 "needs --data, --items, --forget or --from-dead-letters" solid_send --brokers 127.0.0.1:1 --topic events
expect 2 "needs --from-dead-letters" solid_send --data "$work/good.csv" --write "$work/x" --list
expect 2 "needs --brokers" "${letters[@]}" --list
expect 2 "needs --list, or a --reason" "${letters[@]}" --brokers 127.0.0.1:1
expect 2 "without --data, --items, --topic" "${letters[@]}" --brokers 127.0.0.1:1 --list --topic events
expect 2 "unknown_item" "${letters[@]}" --brokers 127.0.0.1:1 --reason unknown
own_lines() { # every line is the program's, and librdkafka's word of the outage is one of them
  [ ! -x "$bin/solid_send" ] || { [ "$(grep -c '^solid_send: kafka: ' "$work/err")" = 1 ] && ! grep -qv '^solid_send: ' "$work/err"; } ||
    { echo "exits: $1: not one line an outage: $(cat "$work/err")"; bad=1; }
}
expect 5 "kafka topic events.dead-letter: no broker answered" "${letters[@]}" --brokers 127.0.0.1:1 --list --timeout-ms 1500
own_lines "dead letters"
expect 5 "no broker answered within 1500 ms" solid_send --data "$work/good.csv" --brokers 127.0.0.1:1 --topic events --timeout-ms 1500
own_lines "events"
# a model that is none, is cut off, or is of a later version
head -c 100 "$model" >"$work/cut"
head -c $(($(wc -c <"$model") - 7)) "$model" >"$work/shorter"
sed 's/"solid.format":"[0-9]*"/"solid.format":"9"/' "$model" >"$work/newer"
for is in "good.csv: no safetensors file, as models are" "cut: cut off, or no safetensors file" "shorter: cut off: tensor" \
  "newer: format 9 is newer than this library's"; do
  expect 3 "$is" solid_eval --data "$work/good.csv" --model "$work/${is%%:*}"
  expect 3 "$is" solid_serve --model "$work/${is%%:*}"
done
expect 5 "titles.csv" solid_train --data "$work/good.csv" "${small[@]}" --titles "$work/titles.csv" --out "$work/x"
expect 5 "a.json" solid_eval compare "$work/a.json" "$work/b.json"
expect 5 "a.json" solid_eval plot "$work/a.json" --out "$work/x.svg"
expect 1 "no/such" solid_eval plot "$work/a.json" --out "$work/no/such.svg"
expect 2 "neither in .svg nor in .png" solid_eval plot "$work/a.json" --out "$work/a.json"
# what is written is none of what is read, under another name neither, and stays as it was
cp "$work/good.csv" "$work/kept.csv"
ln "$work/kept.csv" "$work/other.csv"
expect 2 "this is the file of --data" solid_train --data "$work/kept.csv" "${small[@]}" --out "$work/other.csv"
expect 2 "this is the file of --data" solid_train --data "$work/kept.csv" "${small[@]}" --out "$work/x" --log "$work/kept.csv"
expect 2 "this is the file of --attributes" solid_train --data "$work/good.csv" --attributes "$work/kept.csv" "${small[@]}" --out "$work/kept.csv"
expect 2 "this is the file of --data" solid_batch --data "$work/kept.csv" --model "$model" --out "$work/kept.csv"
expect 2 "this is the file of --data" solid_eval --data "$work/kept.csv" --model "$model" --json "$work/kept.csv"
expect 2 "this is the file of --model" solid_eval --data "$work/kept.csv" --model "$model" --results "$model"
expect 2 "this is the file of B" solid_eval compare "$work/good.csv" "$work/kept.csv" --json "$work/kept.csv"
expect 2 "this is the file of --data" solid_send --data "$work/kept.csv" --write "$work/kept.csv"
# no file is two parts of a split
expect 2 "--test-data $work/other.csv: this is the file of --data" solid_train --data "$work/kept.csv" --valid-data "$work/good.csv" \
  --test-data "$work/other.csv" "${small[@]}" --out "$work/x"
expect 2 "this is the file of --valid-data" solid_eval --data "$work/good.csv" --valid-data "$work/kept.csv" --test-data "$work/kept.csv" --model "$model"
cmp -s "$work/good.csv" "$work/kept.csv" || { echo "exits: a file of events was overwritten"; bad=1; }
# models
cp "$work/good.csv" "$work/none"
for file in none absent; do
  expect 3 "$file" solid_eval --data "$work/good.csv" --model "$work/$file"
  expect 3 "$file" solid_eval --data "$work/good.csv" --model "$work/$file" --protocol paper
  expect 3 "$file" solid_batch --data "$work/good.csv" --model "$work/$file" --out "$work/x"
  expect 3 "$file" solid_plan --model "$work/$file"
  expect 3 "$file" solid_ask --model "$work/$file" --user a
  expect 3 "$file" solid_ingestd --model "$work/$file" --store memory --from-file "$work/good.csv"
  expect 3 "$file" solid_serve --model "$work/$file" --listen 127.0.0.1:0
done
# --listen is read before the model, which is not there
for program in solid_ingestd solid_serve; do
  more=(--listen nonsense)
  [ "$program" = solid_serve ] || more+=(--store memory --from-file "$work/good.csv")
  expect 2 "nonsense" "$program" --model "$work/absent" "${more[@]}"
done
# what is wrong is named as it was given, with what to do
mkdir "$work/folder"
: >"$work/nothing"
for program in solid_eval solid_batch solid_train; do
  more=(--model "$work/folder")
  [ "$program" = solid_train ] && more=("${small[@]}" --from "$work/folder")
  [ "$program" = solid_eval ] || more+=(--out "$work/x")
  expect 3 "folder: is a directory, and a model is one file" "$program" --data "$work/good.csv" "${more[@]}"
done
expect 3 "folder: is a directory" solid_plan --model "$work/folder"
expect 2 "--k 5,x: must be 1 to 16 cutoffs" solid_eval --data "$work/good.csv" --model "$model" --k 5,x
expect 2 "--lengths 0: must be 1 to 16 numbers of events" solid_eval --data "$work/good.csv" --model "$model" --lengths 0
expect 2 '--orders: "foo" is none of' solid_eval --data "$work/good.csv" --model "$model" --slate 2 --orders raster,foo
expect 2 '--order: "foo" is none of' solid_batch --data "$work/good.csv" --model "$model" --out "$work/x" --slate 2 --order foo
expect 2 "the model has 5 items: take --k 5 or less" solid_batch --data "$work/good.csv" --model "$model" --out "$work/x"
expect 2 "the model has no categories, since it was trained without --attributes" solid_batch --data "$work/good.csv" --model "$model" --out "$work/x" --k 2 --category a
expect 2 "levels is 0: take --levels 1 or more, or a head without them (static, duet)" solid_train --data "$work/good.csv" --width 8 --levels 0 --out "$work/x"
expect 5 "nothing: the file is empty" solid_train --data "$work/good.csv" "${small[@]}" --vectors "$work/nothing" --out "$work/x"
for what in compare plot lists; do
  more=("$work/folder")
  [ "$what" != compare ] || more+=("$work/folder")
  [ "$what" != plot ] || more+=(--out "$work/x.svg")
  expect 5 "folder: Is a directory" solid_eval "$what" "${more[@]}"
  more[0]=$work/good.csv
  expect 5 "not a result of solid_eval" solid_eval "$what" "${more[@]}"
done
expect 2 "solid_eval lists A.json" solid_eval lists
expect 2 "folder: Is a directory" solid_serve --model "$model" --token-file "$work/folder"
expect 5 "joined.csv:32: names of columns where an event is expected: of files that are joined, keep those of the first alone" solid_train --data "$work/joined.csv" "${small[@]}" --out "$work/x"
# an option that would do nothing is named, with what it needs; tests/examples/test_config_needs.c has the rules
events=(--data "$work/good.csv")
expect 2 "--tie-seed: needs --ties shuffle" solid_train "${events[@]}" "${small[@]}" --tie-seed 1 --out "$work/x"
expect 2 "--attribute-item: needs --attributes or --titles" solid_train "${events[@]}" "${small[@]}" --attribute-item a --out "$work/x"
expect 2 "--chunk: needs --attention sparse or --from" solid_train "${events[@]}" "${small[@]}" --chunk 64 --out "$work/x"
expect 2 "--attributes: needs --slate" solid_eval "${events[@]}" --model "$model" --attributes "$work/good.csv"
expect 2 "--stale: needs --model" solid_eval "${events[@]}" --popularity-only --stale 1
expect 2 "--model: has no effect with --popularity-only" solid_eval "${events[@]}" --popularity-only --model "$model"
expect 2 "--top-p: needs --temperature" solid_batch "${events[@]}" --model "$model" --slate 2 --top-p 0.5 --out "$work/x"
expect 2 "--window: has no effect with --model" solid_plan --model "$model" --window 5
expect 2 "--answer-us: needs --answers" solid_plan --rate 10 --answer-us 5
expect 2 "--topic: has no effect with --write" solid_send "${events[@]}" --write "$work/x" --topic t
expect 2 "--user-column: needs --data" solid_send --items "$work/good.csv" --write "$work/x" --user-column a
expect 2 "--user-column: has no effect with --data -" solid_send --data - --write "$work/x" --user-column a
expect 2 "--bad-lines: has no effect with --format lines" solid_send "${events[@]}" --format lines --write "$work/x" --bad-lines skip:1
expect 2 "--kafka.debug: needs --brokers" solid_send "${events[@]}" --write "$work/x" --kafka.debug all
expect 2 "--vectors: needs --semantics vectors" solid_paper "${events[@]}" --vectors "$work/good.csv"
stream=(solid_ingestd --model "$model")
expect 2 "--memory-limit: needs --store memory" "${stream[@]}" --from-file "$work/good.csv" --memory-limit 5
expect 2 "--dead-letter-topic: needs --brokers" "${stream[@]}" --from-file "$work/good.csv" --dead-letter-topic d
expect 2 "--redis: needs --store redis" "${stream[@]}" --from-file "$work/good.csv" --store memory --redis 127.0.0.1:1
expect 2 "--stream log: of a topic it is same or new" "${stream[@]}" --brokers 127.0.0.1:1 --topic t --stream log
service=(solid_serve --model "$model" --listen 127.0.0.1:0)
expect 2 "--redis: needs --store redis" "${service[@]}" --store memory --redis 127.0.0.1:1
expect 2 "--start-without-store: needs --store redis" "${service[@]}" --start-without-store
expect 2 "--kafka.debug: needs --brokers" "${service[@]}" --kafka.debug all
expect 2 "--brokers: needs --topic" "${service[@]}" --brokers 127.0.0.1:1
expect 2 "no/items: cannot be written: No such file" "${service[@]}" --items-file "$work/no/items"
expect 2 "--items-file is for --store memory" "${service[@]}" --store redis --redis 127.0.0.1:1 --items-file "$work/items"
# configuration: a device that is not there, a prefix that is none, a password file without one
expect 2 "device" solid_train --data "$work/good.csv" "${small[@]}" --device none --out "$work/x"
expect 2 "device" solid_eval --data "$work/good.csv" --model "$model" --device none
# a store in memory that is full stays full: that ends the program, unless who is in it expires soon
seq 6000 | sed 's/.*/{"user":"u&","item":"1","ts":1690000000000}/' >"$work/events.jsonl"
expect 4 "raise --memory-limit 1" solid_ingestd --model "$model" --store memory --memory-limit 1 \
  --from-file "$work/events.jsonl"
if [ -x "$bin/solid_ingestd" ]; then
  head -n 2048 "$work/events.jsonl" | "$bin/solid_ingestd" --model "$model" --store memory --memory-limit 1 --ttl 1 \
    --from-file - >/dev/null 2>"$work/err" || { echo "exits: who expires was not waited for: $(cat "$work/err")"; bad=1; }
fi
expect 2 "device" solid_ingestd --model "$model" --store memory --from-file "$work/good.csv" --device none
if ! "$bin/solid_ask" --model "$model" --redis 127.0.0.1:1 --user a 2>&1 | grep -q "built without Redis"; then
  : >"$work/empty"
  printf 'a\0b\n' >"$work/zero"
  for program in solid_ask solid_ingestd; do
    more=(--user a)
    [ "$program" = solid_ask ] || more=(--from-file "$work/good.csv")
    for redis in "--prefix a{b}" "--redis-password-file $work/absent" "--redis-password-file $work/empty" "--redis-password-file $work/zero" \
      "--redis-ca $work/good.csv" "--redis-tls-name a"; do
      # shellcheck disable=SC2086
      expect 2 "" "$program" --model "$model" --redis 127.0.0.1:1 $redis "${more[@]}"
    done
    expect 2 "" "$program" --model "$model" --redis rediss://127.0.0.1:1 --redis-key "$work/good.csv" "${more[@]}"
    expect 4 "127.0.0.1:1" "$program" --model "$model" --redis 127.0.0.1:1 "${more[@]}"
  done
fi
# what is written: the rest, and nothing half of it is left, not even by a limit on the size of files
expect 1 "no/such" solid_train --data "$work/good.csv" "${small[@]}" --out "$work/no/such"
(ulimit -f 2 && expect 1 "File too large" solid_train --data "$work/good.csv" "${small[@]}" --out "$work/large" && [ "$bad" = 0 ]) || bad=1
(ulimit -f 4 && expect 1 "large.json: cannot be written: File too large" solid_eval --data "$work/good.csv" --model "$model" --json "$work/large.json" &&
  [ "$bad" = 0 ]) || bad=1
(ulimit -f 4 && expect 1 "large.jsonl: File too large" solid_send --data "$work/many.csv" --write "$work/large.jsonl" && [ "$bad" = 0 ]) || bad=1
[ -z "$(ls "$work" | grep '^large.*tmp$')" ] || { echo "exits: a file is left that could not be written"; bad=1; }
exit "$bad"
