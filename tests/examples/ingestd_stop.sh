#!/usr/bin/env bash
# SIGTERM while solid_ingestd waits for something at its start ends it at once, as an ordered stop: exit code 0.
#   ingestd_stop.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/servers.sh
. "$here/../support/servers.sh"
needs redis-server redis-cli
"$bin/make_dataset" --out "$work/data" --users 60 --items 100 >/dev/null || die "make_dataset"
"$bin/solid_train" --data "$work/data/events.jsonl" --width 8 --codes 4 --epochs 1 --threads 1 --out "$work/model" >/dev/null 2>"$work/train.log" ||
  die "solid_train"

catches_term() { local set; set=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") && [ $((16#$set >> 14 & 1)) = 1 ]; }
is_over() { ! kill -0 "$1" 2>/dev/null; }

# stops WHAT ARGUMENTS...: reads $input
stops() {
  local what=$1 ingestd code
  shift
  "$bin/solid_ingestd" --model "$work/model" "$@" <"$input" >"$work/ingestd.txt" 2>"$work/ingestd.log" &
  ingestd=$!
  within catches_term "$ingestd" || die "$what: it catches no SIGTERM"
  sleep 0.7 # it is in its wait by now, most likely; the code is the same before it
  kill -TERM "$ingestd"
  within is_over "$ingestd" || die "$what: it does not end"
  wait "$ingestd"
  code=$?
  [ "$code" = 0 ] || die "$what: it ends with $code"
  echo "ok: $what"
}
input=/dev/null
topic=(--store memory --topic events --start-timeout-ms 600000 --brokers)

stops "no broker is there" "${topic[@]}" 127.0.0.1:1
grep -q 'solid_ingestd: stopped before anything was read' "$work/ingestd.log" || die "it does not say that nothing was read"
stops "no broker is there, nor for items" "${topic[@]}" 127.0.0.1:1 --items-topic items
start_broker events 1
kill -STOP "$broker"
stops "a broker that does not answer" "${topic[@]}" "$kafka"
kill -CONT "$broker"

mkfifo "$work/pipe"
stops "a pipe that nobody writes to" --store memory --from-file "$work/pipe"
exec 3<>"$work/pipe"
stops "a pipe that nothing comes through" --store memory --from-file "$work/pipe"

start_redis
head -n 100 "$work/data/events.jsonl" | "$bin/solid_ingestd" --model "$work/model" --redis "$work/redis.sock" --from-file - --stream log \
  >"$work/ingestd.txt" 2>"$work/ingestd.log" || die "events of a named input"
input=$work/pipe
stops "an input of which nothing comes again" --redis "$work/redis.sock" --from-file - --stream log
head -n 50 "$work/data/events.jsonl" >&3
stops "an input of which a part comes again" --redis "$work/redis.sock" --from-file - --stream log
input=/dev/null
places=127.0.0.1:$redis_port
for _ in 1 2 3 4 5 6 7; do places=$places,127.0.0.1:$redis_port; done
kill -STOP "$redis"
stops "Sentinels that do not answer" --redis "sentinel://$places/master" --from-file "$work/data/events.jsonl"
stops "nodes that do not answer" --redis "redis://$places" --from-file "$work/data/events.jsonl"
kill -CONT "$redis"
echo "ingestd_stop: every wait of the start can be ended"
