#!/usr/bin/env bash
# A rolling upgrade: two versions of the programs, of which the later one writes records that the earlier one does not know, on one Redis
# and one topic, while events flow. One solid_ingestd after the other is replaced; one of the earlier version that meets a later
# record leaves it alone and stops. In the end every user has every event once, in order, with the parameters of the newest.
#   upgrade.sh BUILD
set -uo pipefail
build=$1
old=$build/bin next=$build/bin/next
here=$(cd "$(dirname "$0")" && pwd)
for tool in redis-server redis-cli; do command -v $tool >/dev/null || { echo "[SKIP] $tool is not installed"; exit 77; }; done
work=$(mktemp -d "${TMPDIR:-/tmp}/solid-upgrade-XXXXXX")
pids=()
finish() {
  for pid in ${pids[@]+"${pids[@]}"}; do kill -9 "$pid" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
die() { echo "FAIL: $*"; for log in "$work"/*.log; do echo "-- $log"; tail -n 4 "$log"; done; exit 1; }
. "$here/../support/new_port.sh"
new_port
redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" --loglevel warning >"$work/redis.log" 2>&1 & pids+=($!)
"$old/mini_broker" --topic events --partitions 4 >"$work/broker.txt" 2>"$work/broker.log" & pids+=($!)
for _ in $(seq 200); do [ -s "$work/broker.txt" ] && redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.05; done
kafka=$(head -n 1 "$work/broker.txt")
"$build/tests/e2e/make_model" "$work/model" >/dev/null || die "no model"

# Events of the items that make_model's model has, each user's in order.
awk -v dir="$work" 'BEGIN {
  srand(3)
  for (i = 0; i < 9000; i++) {
    user = "u" int(300 * rand()); item = "item-" int(40 * rand()); ts = sprintf("%.0f", 1690000000000 + i)
    print user "\t" item "\t" ts > (dir "/expected")
    print "{\"user\":\"" user "\",\"item\":\"" item "\",\"ts\":" ts "}" > (dir (i < 8000 ? "/lines" : "/last"))
  }
}'
# start VERSION NAME: a member of the group
start() {
  "$1/solid_ingestd" --model "$work/model" --redis "127.0.0.1:$port" --brokers "$kafka" --topic events --group g --stats-interval 1 \
    --kafka.session.timeout.ms 6000 --kafka.heartbeat.interval.ms 300 >"$work/$2.log" 2>&1 &
  pid=$!
  pids+=("$pid")
}
count() { redis-cli -p "$port" --raw eval "local n = {[1] = 0, [2] = 0, [3] = 0}
  for _, k in ipairs(redis.call('KEYS', 'solid:{*}')) do local v = string.byte(redis.call('HGET', k, 'h'), 3) n[v] = n[v] + 1 end
  return n[$1]" 0; }
wait_for() { # WHAT SECONDS TEST...: until the test is true
  local what=$1 most=$(($2 * 10))
  shift 2
  for _ in $(seq $most); do "$@" && return; sleep 0.1; done
  die "$what does not come"
}
at_work() { grep -q 'partitions [1-9]' "$work/$1.log"; }
has_later() { [ "$(count 3)" -ge "$1" ]; }
is_over() { ! kill -0 "$1" 2>/dev/null; }
stop() {
  kill -TERM "$1" 2>/dev/null
  wait "$1"
}
start "$old" old1; old1=$pid
start "$old" old2; old2=$pid
wait_for "the earlier version" 30 at_work old1
"$old/solid_send" --data "$work/lines" --format lines --rate 700 --brokers "$kafka" --topic events >"$work/send.log" 2>&1 & send=$!
wait_for "a first record" 20 test "$(count 1)" -ge 0
stop $old1 || die "the first one of the earlier version ended with $?"
start "$next" next1; next1=$pid
wait_for "a record of the later version" 30 has_later 20
[ "$(count 1)" -gt 0 ] || die "the test saw no two versions side by side"
kill -0 "$send" 2>/dev/null || die "no events flow any more"

# Who asks with the earlier version gets no answer for such a user, and one for the others; the later one reads both.
user=$(redis-cli -p "$port" --raw eval "for _, k in ipairs(redis.call('KEYS', 'solid:{*}')) do
  if string.byte(redis.call('HGET', k, 'h'), 3) == 3 then return string.sub(k, 8, -2) end end" 0)
"$old/solid_ask" --model "$work/model" --redis "127.0.0.1:$port" --user "$user" >"$work/ask.log" 2>&1 && die "a later record was read: $(cat "$work/ask.log")"
grep -q 'NEWER version of a record than 2' "$work/ask.log" || die "solid_ask says $(cat "$work/ask.log")"
"$next/solid_ask" --model "$work/model" --redis "127.0.0.1:$port" --user "$user" >"$work/ask.log" 2>&1 || die "the later solid_ask: $(cat "$work/ask.log")"
"$old/solid_ask" --model "$work/model" --redis "127.0.0.1:$port" --user "$user" --forget >"$work/ask.log" 2>&1 && die "a later record was removed"

# The last one of the earlier version is stopped, unless a later record has stopped it before. One that comes back by mistake meets them.
stop $old2
code=$?
[ "$code" = 0 ] || { [ "$code" = 4 ] && grep -q NEWER "$work/old2.log"; } || die "the second one of the earlier version ended with $code"
start "$next" next2; next2=$pid
wait_for "the second one of the later version" 30 at_work next2
start "$old" old3; old3=$pid
wait_for "one more of the earlier version" 60 at_work old3
wait $send || die "solid_send ended with $?"
"$old/solid_send" --data "$work/last" --format lines --brokers "$kafka" --topic events >>"$work/send.log" 2>&1 || die "solid_send ended with $?"
wait_for "the end of one of the earlier version" 30 is_over $old3
wait $old3
code=$?
[ "$code" = 4 ] && grep -q 'NEWER version of a record than 2' "$work/old3.log" || die "the earlier version ended with $code"

complete() { "$next/check_store" "$work/model" "$port" "$work/expected" >"$work/check.log" 2>&1; }
wait_for "the last event" 60 complete
cat "$work/check.log"
[ "$(redis-cli -p "$port" --raw keys '*:damaged' | grep -c .)" = 0 ] || die "a record was taken for damaged"
[ "$(count 3)" -gt 200 ] || die "$(count 3) records are of the later version" # whose last events the earlier one wrote may have another
stop $next1 || die "the later version ended with $?"
stop $next2 || die "the later version ended with $?"
complete || die "what was complete is not any more"
echo "upgrade: $(count 3) of 300 users have later records, 9000 events through two versions; the earlier one stopped at a later record, and read none"
