#!/usr/bin/env bash
# solid_ingestd and solid_ask over one Redis with a password and keys of another prefix: the user is found, and asking
# changes nobody's time to live.   programs.sh EXAMPLES
set -uo pipefail
bin=$1 bad=0
for tool in redis-server redis-cli; do command -v $tool >/dev/null || { echo "programs: skipped: $tool is not installed"; exit 77; }; done
work=$(mktemp -d) redis=
trap '[ -z "$redis" ] || kill "$redis" 2>/dev/null; rm -rf "$work"' EXIT
# expect NAME EXIT PATTERN COMMAND...: both streams match
expect() {
  local name=$1 code=$2 pattern=$3 output got
  shift 3
  output=$("$@" 2>&1)
  got=$?
  if [ "$got" != "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    printf 'programs: %s: exit %s (want %s), output:\n%s\n' "$name" "$got" "$code" "$output"
    bad=1
  fi
}
for _ in $(seq 50); do
  port=$((20000 + RANDOM % 20000))
  (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
  redis-server --port $port --bind 127.0.0.1 --save '' --appendonly no --dir "$work" --requirepass secret >"$work/redis.log" 2>&1 &
  redis=$!
  for _ in $(seq 3000); do redis-cli -p $port -a secret --no-auth-warning ping 2>/dev/null | grep -q PONG && break 2; sleep 0.05; done
  kill $redis 2>/dev/null
done
key() { redis-cli -p $port -a secret --no-auth-warning -n 2 "$@"; }

"$bin/make_dataset" --users 40 --items 100 --seed 1 --out "$work/data" >/dev/null || exit 1
"$bin/solid_train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --width 8 --codes 4 --epochs 1 --threads 1 \
  --keep-checkpoint --out "$work/model" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
user=$(head -n 1 "$work/data/events.jsonl" | sed 's/.*"user": *"\([^"]*\)".*/\1/')
store=(--redis "127.0.0.1:$port" --redis-password secret --redis-database 2 --prefix shop:)
ingestd=("$bin/solid_ingestd" --model "$work/model" --from-file "$work/data/events.jsonl" --max-future-ms -1)
ask=("$bin/solid_ask" --model "$work/model" --user "$user")

expect "a file that is not there" 5 'nowhere: No such file' "$bin/solid_send" --data "$work/nowhere" --write "$work/lines"
expect "a full disk" 1 '/dev/full: No space left' "$bin/solid_send" --data "$work/data/events.jsonl" --write /dev/full
printf 'user,item\n%.0s' $(seq 50) >"$work/bad.csv"
expect "a file of which every line is rejected" 5 'none of 50 lines could be taken: it reads JSON lines' "$bin/solid_ingestd" --model "$work/model" --store memory --from-file "$work/bad.csv"
printf '{"user":"u","item":"of another shop","ts":1690000000000}\n%.0s' 1 2 >"$work/other.jsonl"
expect "a file of which no item is known" 5 'none of 2 lines could be taken: the model knows none of their items' \
  "$bin/solid_ingestd" --model "$work/model" --store memory --from-file "$work/other.jsonl"
expect "a model that is none" 3 'bad.csv' "$bin/solid_ingestd" --model "$work/bad.csv" --store memory --from-file "$work/bad.csv"
expect "a model that is none, asked" 3 'bad.csv' "$bin/solid_ask" --model "$work/bad.csv" --user "$user"
expect "a name for a file" 2 'a file is known by what is in it' "$bin/solid_ingestd" --model "$work/model" --store memory --from-file "$work/bad.csv" --stream log
# Signals that end other programs say a line and nothing more.
mkfifo "$work/fifo"
"$bin/solid_ingestd" --model "$work/model" --store memory --from-file "$work/fifo" >"$work/signals" 2>&1 & service=$!
exec 9>"$work/fifo"
head -n 1 "$work/data/events.jsonl" >&9
for signal in HUP USR1; do
  for _ in $(seq 3000); do # until it is caught
    kill -$signal $service 2>/dev/null
    grep -q "SIG$signal is ignored" "$work/signals" && break
    sleep 0.05
  done
done
kill -TERM $service
wait $service
expect "SIGHUP and SIGUSR1 are ignored, SIGTERM is not: $?" 0 'SIGUSR1 is ignored' cat "$work/signals"
exec 9>&-
for program in make_dataset solid_ask solid_eval "solid_eval compare" solid_ingestd solid_paper solid_plan solid_send solid_train; do
  expect "help of $program that nobody gets" 1 'standard output: No space left|help: the stream took no more' bash -c '"$1"/$2 --help >/dev/full' - "$bin" "$program"
done
expect "figures that nobody gets" 1 'standard output: No space left' bash -c '"$1/solid_plan" --users 10 >/dev/full' - "$bin"
expect "results that nobody gets, said before the work" 1 'nowhere/x.json: cannot be written: No such' "$bin/solid_eval" --model "$work/model" \
  --data "$work/data/events.jsonl" --json "$work/nowhere/x.json"
expect "a checkpoint of other options" 1 '; --fresh starts again' "$bin/solid_train" --data "$work/data/events.jsonl" \
  --attributes "$work/data/items.json" --width 16 --codes 4 --epochs 1 --threads 1 --out "$work/model"
for address in nonsense 127.0.0.1 127.0.0.1:0 127.0.0.1:70000 127.0.0.1:6379x :6379; do
  expect "address $address of the service" 2 'neither HOST:PORT nor' "${ingestd[@]}" --redis "$address"
  expect "address $address of a question" 2 'neither HOST:PORT nor' "${ask[@]}" --redis "$address"
done
expect "another URL for the service" 2 "'http://127.0.0.1:6379' is neither HOST:PORT nor" "${ingestd[@]}" --redis http://127.0.0.1:6379
expect "a password in a URL" 2 "have options of their own" "${ask[@]}" --redis rediss://u:p@127.0.0.1:6379/0
expect "Sentinels without a master's name" 2 "sentinel://HOST:PORT/MASTER" "${ask[@]}" --redis sentinel://127.0.0.1
expect "a URL for a broker" 2 "'http://a:9092' is a URL" "$bin/solid_send" --data x --topic t --brokers SSL://b:1,http://a:9092,c
expect "an empty kind" 2 'kinds: "=1"' "${ingestd[@]}" --kinds =1 --store memory
expect "no Redis" 4 "is Redis running there\? \(--redis" "${ask[@]}" --redis 127.0.0.1:1
expect "no password" 4 NOAUTH "${ingestd[@]}" --redis "127.0.0.1:$port"
# Where a password stands, and who can read it.
echo secret >"$work/password"
chmod 644 "$work/password"
by_file=(--redis "127.0.0.1:$port" --redis-database 2 --prefix file:)
expect "a password that everybody can read" 0 'warning: .*password: holds a password, and everybody can read it' "${ingestd[@]}" "${by_file[@]}" --redis-password-file "$work/password"
chmod 600 "$work/password"
"${ingestd[@]}" "${by_file[@]}" --redis-password-file "$work/password" 2>&1 | grep 'everybody' >/dev/null && { echo "programs: a warning without a reason"; bad=1; }
expect "two passwords" 2 'exclude one another' "${ask[@]}" "${by_file[@]}" --redis-password-file "$work/password" --redis-password secret
expect "no password in the file" 2 'no password in it' "${ask[@]}" "${by_file[@]}" --redis-password-file /dev/null
printf 'redis-password = "secret" # in quotes\n' >"$work/config"
chmod 644 "$work/config"
expect "a configuration that everybody can read" 0 'config: holds redis-password, and everybody can read it' "${ask[@]}" "${by_file[@]}" --config "$work/config"
"$bin/solid_ingestd" --model "$work/model" --from-file "$work/fifo" "${store[@]}" >/dev/null 2>&1 & service=$!
exec 9>"$work/fifo"
tr '\0' ' ' </proc/$service/cmdline | grep -q 'redis-password \*\*\*\*\*\* ' || { echo "programs: the password stands in the arguments"; bad=1; }
kill -TERM $service
wait $service
exec 9>&-
# What comes in an event must not reach a terminal as it is.
printf '{"user":"u\\u001b[2J","item":"\\u001b]0;x","event":"view","ts":"\\u001b[31m"}\n\033[2Jnot json\n' >"$work/control"
"$bin/solid_ingestd" --model "$work/model" --store memory --from-file "$work/control" >"$work/log" 2>&1
grep -q "$(printf '\033')" "$work/log" && { echo "programs: a control character reached the terminal"; bad=1; }

expect "events" 0 . "${ingestd[@]}" "${store[@]}" --ttl 1000
gzip -c "$work/data/events.jsonl" >"$work/events.gz"
for file in "$work/events.gz" "$work/data" "$work/nowhere"; do
  expect "no events in $file" 5 "$file: (compressed with gzip|is a folder|No such)" "$bin/solid_ingestd" --model "$work/model" "${store[@]}" --from-file "$file"
done
expect "no password in a question" 4 NOAUTH "${ask[@]}" --redis "127.0.0.1:$port"
expect "another prefix knows nobody" 0 'from popularity' "${ask[@]}" --redis "127.0.0.1:$port" --redis-password secret --redis-database 2
expect "found" 0 'from cache' "${ask[@]}" "${store[@]}"
expect "an answer that nobody gets" 1 'standard output: No space left' bash -c '"$@" >/dev/full' - "${ask[@]}" "${store[@]}"
expect "a list with a blocked item" 0 'from' "${ask[@]}" "${store[@]}" --blocked nought
expect "an item of another catalogue" 0 '--session: item nought is not in' "${ask[@]}" "${store[@]}" --session nought

# The time to live that the service gave: kept by a question, and by one that generates and puts back.
record="shop:{$user}"
key pexpire "$record" 500000 >/dev/null
expect "asked again" 0 'from cache' "${ask[@]}" "${store[@]}"
[ "$(key pttl "$record")" -gt 0 ] && [ "$(key pttl "$record")" -le 500000 ] || { echo "programs: asking renewed $(key pttl "$record") ms"; bad=1; }
key hset "$record" p damaged >/dev/null
expect "generated" 0 'from generation' "${ask[@]}" "${store[@]}"
[ "$(key pttl "$record")" -gt 0 ] && [ "$(key pttl "$record")" -le 500000 ] || { echo "programs: what was put back has $(key pttl "$record") ms"; bad=1; }
expect "put back" 0 'from cache' "${ask[@]}" "${store[@]}"

# A foreign key under one user's name: their events are rejected, everybody else's are stored.
key flushdb >/dev/null
key set "$record" text >/dev/null
expect "a foreign key" 0 "user_set_aside" "${ingestd[@]}" "${store[@]}"
[ "$(key get "$record")" = text ] || { echo "programs: a foreign key was touched"; bad=1; }
[ "$(key keys 'shop:{*}' | wc -l)" -ge 30 ] || { echo "programs: $(key keys 'shop:{*}' | wc -l) of 39 other users"; bad=1; }
expect "a question about it" 1 WRONGTYPE "${ask[@]}" "${store[@]}"
# A record of a later version: the stream stops there, however often it is begun, since what was committed would not be read again.
key flushdb >/dev/null
key hset "$record" h $'SU\t' >/dev/null
for _ in 1 2; do expect "a record of a later version" 4 "key $record: .*NEWER version of a record" "${ingestd[@]}" "${store[@]}"; done
[ $bad = 0 ] && echo "programs: one store, two programs"
exit $bad
