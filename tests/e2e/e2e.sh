#!/usr/bin/env bash
# The service between a real Apache Kafka and a real Redis:   e2e.sh BUILD_DIR [ROUNDS]
#
# Events of several hundred users go through a topic of four partitions while solid_ingestd is killed (SIGKILL) again and
# again in mid-stream, Redis stops for a while and a second instance comes and dies. Then everything is counted: every
# event exactly once in the windows, params at the newest event, offsets committed to the end, and every event that was
# not taken in the dead-letter topic with its reason. A round has five parts with a kill in each. Exit code 77 = skipped, with the
# reason.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: e2e.sh BUILD_DIR [ROUNDS]}" && pwd) rounds=${2:-1}
# shellcheck source=tests/e2e/kafka.sh
. "$here/kafka.sh"
for tool in redis-server redis-cli kcat; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
cache=$here/../../build/kafka
kafka_fetch "$cache" || exit $?

work=$(mktemp -d) service="" second="" redis="" group=e2e failures=0
ingestd=$build/bin/solid_ingestd tool=$build/tests/e2e/kafka_tool
clean_up() {
  for pid in $service $second $redis; do kill -KILL "$pid" 2>/dev/null; done
  wait $service $second $redis 2>/dev/null
  kafka_stop
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

die() {
  echo "FAILED: $*"
  for log in "$work"/ingestd*.log; do [ -f "$log" ] && { echo "-- $(basename "$log")"; tail -n 8 "$log"; }; done
  exit 1
}
expect() { # WHAT COMMAND...: a check that does not end the run
  local what=$1
  shift
  if "$@" >"$work/out" 2>&1; then echo "ok: $what"; else echo "FAILED: $what"; failures=$((failures + 1)); fi
  sed 's/^/    /' "$work/out"
}
contains() { grep -qF -- "$1" "$2" || { cat "$2"; return 1; }; }

run_service() { # LOG MEMBER [flags]: in the foreground of the caller's choice
  local log=$1 member=$2
  shift 2
  # a member that comes back under its name takes its partitions over at once
  exec "$ingestd" --model "$work/model" --brokers "$kafka_brokers" --topic events --group "$group" --store redis \
    --redis "127.0.0.1:$redis_port" --batch-size 32 --kafka.group.instance.id="$member" \
    --kafka.session.timeout.ms=6000 "$@" >>"$work/$log" 2>&1
}
start_service() { run_service ingestd.log first & service=$!; }
kill_service() {
  kill -KILL "$service" 2>/dev/null || die "the service ended by itself"
  wait "$service" 2>/dev/null
  service=""
}
wait_until() { "$tool" wait "$kafka_brokers" "$group" events "$1" || die "committed fewer than $1"; }

began=$SECONDS
kafka_start "$cache" "$work/kafka" || die "Apache Kafka does not start"
redis_port=$(free_port) || die "no port"
redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no --dir "$work" --loglevel warning >/dev/null &
redis=$!
for _ in $(seq 100); do redis-cli -p "$redis_port" ping >/dev/null 2>&1 && break; sleep 0.1; done
"$build/tests/e2e/make_model" "$work/model" || die "no model"

echo "== what cannot work says so"
nobody=127.0.0.1:$(free_port)
timeout 60 "$ingestd" --model "$work/model" --brokers "$nobody" --topic events --group e2e --store redis \
  --redis "127.0.0.1:$redis_port" >"$work/away.log" 2>&1
code=$?
expect "broker away: exit code $code, and its name" [ "$code" -ne 0 -a "$code" -lt 124 ]
expect "the message names the broker" contains "$nobody" "$work/away.log"
(run_service missing.log first)
code=$?
expect "topic missing: exit code $code" [ "$code" -ne 0 -a "$code" -lt 124 ]
expect "the message names the topic" contains "events" "$work/missing.log"

echo "== events"
# Per user in order; every 97th item is unknown, every 131st event is none. Ids with what needs escaping somewhere.
awk -v dir="$work" -v parts=$((5 * rounds)) 'BEGIN {
  srand(1); each = 3000; users = 400
  split("{\"user\": \"u1\"|[1, 2]|{\"item\": \"item-1\", \"ts\": 1}|{\"user\": \"u1\", \"item\": \"item-1\", \"ts\": \"noon\"}", bad, "|")
  split("not_json|not_object|no_user|bad_ts", why, "|")
  for (i = 0; i < parts * each; i++) {
    n = int(users * rand() * rand()); user = n % 50 == 7 ? "ä}{ " n : "u" n
    item = "item-" int(40 * rand()); ts = sprintf("%.0f", 1690000000000 + i)
    if (i % 131 == 7) { k = int(i / 131) % 4 + 1; line = bad[k]; reasons[why[k]]++ }
    else {
      if (i % 97 == 13) { item = "ghost-" i % 5; reasons["unknown_item"]++ }
      else print user "\t" item "\t" ts > (dir "/expected")
      line = "{\"user\": \"" user "\", \"item\": \"" item "\", \"event\": \"view\", \"ts\": " ts "}"
    }
    print user "\t" line > (dir "/part" int(i / each))
  }
  for (w in reasons) print reasons[w], w > (dir "/reasons")
}' || die "no events"
for topic in events:4 events.dead-letter:1; do
  "$tool" create "$kafka_brokers" "${topic%:*}" "${topic#*:}" || die "no topic $topic"
done

echo "== stream, and kill"
produced=0 kills=0
produce() {
  kcat -P -q -b "$kafka_brokers" -t events -K '\t' -l "$1" || die "cannot produce"
  produced=$((produced + $(wc -l <"$1")))
}
for number in $(seq 0 $((5 * rounds - 1))); do
  before=$produced part=$((number % 5)) events=$work/part$number
  start_service
  if [ "$part" = 3 ]; then
    run_service ingestd-second.log second & second=$!
    sleep 4 # for the group to share the partitions
  fi
  if [ "$part" = 2 ] || [ "$part" = 4 ]; then
    head -n 300 "$events" >"$work/begin" && produce "$work/begin"
    wait_until $((before + 300))
    kill -STOP "$redis"
    tail -n +301 "$events" >"$work/rest" && produce "$work/rest"
  else
    produce "$events"
  fi
  if [ "$part" = 2 ]; then
    sleep 3
    kill -CONT "$redis"
    echo "Redis stood still for 3 s"
  fi
  if [ "$part" = 4 ]; then
    sleep 0.6 # a batch is in Redis' socket: it will be applied, and nobody will have committed it
  else
    wait_until $((before + 700))
  fi
  if [ "$part" = 3 ]; then
    kill -KILL "$second" 2>/dev/null || die "the second instance ended by itself"
    wait "$second" 2>/dev/null
    second=""
    echo "a second instance was killed, too"
  fi
  kill_service
  kill -CONT "$redis"
  now=$("$tool" offsets "$kafka_brokers" e2e events | sed -n 's/^committed \([0-9]*\) of.*/\1/p')
  echo "killed at $now committed of $produced"
  [ "$now" -lt "$produced" ] && kills=$((kills + 1))
done
finish() { # waits for the end of the topic and asks the service to end; its last line is in $work/last
  wait_until "$produced"
  kill -TERM "$service"
  wait "$service"
  code=$?
  service=""
  tail -n 1 "$work/ingestd.log" | tee "$work/last"
}
start_service
finish

echo "== count"
expect "killed in mid-stream $kills times" [ "$kills" -ge $((3 * rounds)) ]
expect "SIGTERM drains: exit code $code" [ "$code" -eq 0 ]
expect "offsets committed to the end" "$tool" offsets "$kafka_brokers" e2e events
expect "every event exactly once, params at the newest event" \
  "$build/tests/e2e/check_store" "$work/model" "$redis_port" "$work/expected"
# a batch that is read again is reported again: one letter for each source offset counts
dead_letters() {
  kcat -C -q -e -b "$kafka_brokers" -t events.dead-letter -f '%h\n' | sort -u | grep -oE 'reason=[a-z_0-9]+' |
    sort | uniq -c | sed 's/reason=//' | awk '{print $1, $2}' | sort >"$work/letters"
  sort "$work/reasons" | diff - "$work/letters" && cat "$work/letters"
}
expect "dead letters, each with its reason" dead_letters
expect "a batch that was stored and not committed was skipped" grep -oE 'duplicates [1-9][0-9]*' "$work/last"

echo "== the whole topic again, for another group"
group=again
start_service
finish
valid=$(wc -l <"$work/expected")
expect "every event is a duplicate" contains "duplicates $valid " "$work/last"
expect "nothing changed" "$build/tests/e2e/check_store" "$work/model" "$redis_port" "$work/expected"
echo "took $((SECONDS - began)) s"
[ "$failures" = 0 ] || die "$failures checks"
