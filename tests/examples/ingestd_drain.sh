#!/usr/bin/env bash
# solid_ingestd ends with 4 where it is the store that a stop could not wait for any longer, and not where it is the broker.
#   ingestd_drain.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/servers.sh
. "$here/../support/servers.sh"
needs redis-server redis-cli
"$bin/make_dataset" --out "$work/data" --users 60 --items 100 >/dev/null || die "make_dataset"
events=$work/data/events.jsonl
"$bin/solid_train" --data "$events" --width 8 --codes 4 --epochs 1 --threads 1 --out "$work/model" >/dev/null 2>"$work/train.log" || die "solid_train"
redis() { redis-cli -s "$work/redis.sock" "$@" >/dev/null; }
is_over() { ! kill -0 "$ingestd" 2>/dev/null; }
says() { grep -q "$1" "$work/ingestd.txt" "$work/ingestd.log"; }
has_users() { [ "$(redis-cli -s "$work/redis.sock" dbsize)" -gt 5 ]; }

begin() {
  : >"$work/ingestd.txt"
  : >"$work/ingestd.log"
  "$bin/solid_ingestd" --model "$work/model" --drain-ms 500 --retry-max-ms 100 --stats-interval 1 "$@" >"$work/ingestd.txt" 2>"$work/ingestd.log" & ingestd=$!
}

# ends CODE TEXT WHAT: after SIGTERM
ends() {
  local want=$1 text=$2 what=$3 code
  kill -TERM "$ingestd"
  within is_over || die "$what: it does not end"
  wait "$ingestd"
  code=$?
  [ "$code" = "$want" ] || die "$what: it ends with $code, not $want"
  says "$text" || die "$what: it does not say '$text'"
  echo "ok: $what"
}

start_redis
mkfifo "$work/pipe"
exec 3<>"$work/pipe"
begin --redis "$work/redis.sock" --from-file "$work/pipe"
head -n 100 "$events" >&3
within has_users || die "no users"
kill -STOP "$redis"
sed -n 101,200p "$events" >&3
within says 'WAITING for the store' || die "it does not wait"
ends 4 'error .*redis .*no answer' "a file of events, and a Redis that is frozen"
kill -CONT "$redis"

start_broker events 1
send() { "$bin/solid_send" --data "$1" --brokers "$kafka" --topic events >/dev/null 2>"$work/send.log" || die "solid_send"; }
head -n 100 "$events" >"$work/some.jsonl"
sed -n 101,200p "$events" >"$work/more.jsonl"
redis flushall
send "$work/some.jsonl"
begin --redis "$work/redis.sock" --brokers "$kafka" --topic events
within has_users || die "no users"
kill -STOP "$redis"
send "$work/more.jsonl"
within says 'WAITING for the store' || die "it does not wait"
ends 4 'error .*redis .*no answer' "a topic, and a Redis that is frozen"
kill -CONT "$redis"

# a store that is full, of those who will make room
seq 6000 | sed 's/.*/{"user":"u&","item":"item-1","ts":1690000000000}/' >"$work/many.jsonl"
begin --store memory --memory-limit 1 --ttl 600 --retry-max-ms 600000 --from-file "$work/many.jsonl"
within says 'WAITING for the store' || die "it does not wait"
ends 4 'error .*memory store: .*bytes' "a store in memory that is full"

# the same topic, by a group of its own: what is in hand gets into the store, and no commit to the broker
redis flushall
begin --redis "$work/redis.sock" --brokers "$kafka" --topic events --group other --dead-letter-topic ""
within has_users || die "no users"
kill -STOP "$redis"
send "$work/more.jsonl"
within says 'WAITING for the store' || die "it does not wait"
kill -STOP "$broker"
kill -CONT "$redis"
within says 'WAITING for .*kafka topic events: no broker answers' || die "it does not wait for the broker"
ends 1 'error .*kafka topic events: no broker answers' "a broker that is frozen"
echo "ingestd_drain: the store's trouble is 4, and the broker's is not"
