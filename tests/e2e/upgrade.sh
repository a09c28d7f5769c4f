#!/usr/bin/env bash
# A rolling upgrade: two versions of the programs, of which the later one writes records that the earlier one does not know, on one Redis
# and one topic, while events flow. One solid_ingestd after the other is replaced; one of the earlier version that meets a later
# record leaves it alone and stops. In the end every user has every event once, in order, with the parameters of the newest.
#   upgrade.sh BUILD
set -uo pipefail
build=$1
old=$build/bin next=$build/bin/next bin=$build/bin
# shellcheck source=tests/support/servers.sh
. "$(dirname "$0")/../support/servers.sh"
needs redis-server redis-cli
start_redis
start_broker events 4
"$build/tests/e2e/make_model" "$work/model" >/dev/null || die "no model"

# Events of the items that make_model's model has, each user's in order: piece after piece of 300 until there is $work/enough, so that
# they flow as long as the versions need, and slowly enough to see both at work.
: >"$work/expected"
send_piece() { # NUMBER
  awk -v dir="$work" -v number="$1" 'BEGIN {
    srand(3 + number)
    for (i = 0; i < 300; i++) {
      user = "u" int(300 * rand()); item = "item-" int(40 * rand()); ts = sprintf("%.0f", 1690000000000 + 300 * number + i)
      print user "\t" item "\t" ts >> (dir "/expected")
      print "{\"user\":\"" user "\",\"item\":\"" item "\",\"ts\":" ts "}" > (dir "/piece")
    }
  }'
  "$old/solid_send" --data "$work/piece" --format lines --rate 200 --brokers "$kafka" --topic events >>"$work/send.log" 2>&1
}
send() {
  local number=0
  until [ -e "$work/enough" ]; do send_piece $((number++)) || return; done
}
# start VERSION NAME: a member of the group
start() {
  "$1/solid_ingestd" --model "$work/model" --redis "127.0.0.1:$redis_port" --brokers "$kafka" --topic events --group g --stats-interval 1 \
    --kafka.session.timeout.ms 6000 --kafka.heartbeat.interval.ms 300 >"$work/$2.log" 2>&1 &
  pid=$!
}
count() { redis-cli -p "$redis_port" --raw eval "local n = {[1] = 0, [2] = 0, [3] = 0, [4] = 0}
  for _, k in ipairs(redis.call('KEYS', 'solid:{*}')) do local v = string.byte(redis.call('HGET', k, 'h'), 3) n[v] = n[v] + 1 end
  return n[$1]" 0; }
wait_for() { within "${@:2}" || die "$1 does not come"; } # WHAT TEST...
at_work() { grep -q 'partitions [1-9]' "$work/$1.log"; }
has_later() { [ "$(count 4)" -ge "$1" ]; }
is_over() { ! kill -0 "$1" 2>/dev/null; }
stop() {
  kill -TERM "$1" 2>/dev/null
  wait "$1"
}
start "$old" old1; old1=$pid
start "$old" old2; old2=$pid
wait_for "the earlier version" at_work old1
grep -q 'WAITING for partitions from group g, for [0-9]* s' "$work/old1.log" || die "nobody said why there are no events"
send & send=$!
has_records() { [ $(($(count 1) + $(count 3))) -gt 0 ]; }
wait_for "a first record" has_records
stop $old1 || die "the first one of the earlier version ended with $?"
start "$next" next1; next1=$pid
wait_for "a record of the later version" has_later 20
[ "$(count 1)" -gt 0 ] || die "the test saw no two versions side by side"
kill -0 "$send" 2>/dev/null || die "no events flow any more"

# Who asks with the earlier version gets no answer for such a user, and one for the others; the later one reads both.
user=$(redis-cli -p "$redis_port" --raw eval "for _, k in ipairs(redis.call('KEYS', 'solid:{*}')) do
  if string.byte(redis.call('HGET', k, 'h'), 3) == 4 then return string.sub(k, 8, -2) end end" 0)
"$old/solid_ask" --model "$work/model" --redis "127.0.0.1:$redis_port" --user "$user" >"$work/ask.log" 2>&1 && die "a later record was read: $(cat "$work/ask.log")"
grep -q 'NEWER version of a record than 3' "$work/ask.log" || die "solid_ask says $(cat "$work/ask.log")"
"$next/solid_ask" --model "$work/model" --redis "127.0.0.1:$redis_port" --user "$user" >"$work/ask.log" 2>&1 || die "the later solid_ask: $(cat "$work/ask.log")"
"$old/solid_ask" --model "$work/model" --redis "127.0.0.1:$redis_port" --user "$user" --forget >"$work/ask.log" 2>&1 && die "a later record was removed"

# The last one of the earlier version is stopped, unless a later record has stopped it before. One that comes back by mistake meets them.
stop $old2
code=$?
[ "$code" = 0 ] || { [ "$code" = 4 ] && grep -q NEWER "$work/old2.log"; } || die "the second one of the earlier version ended with $code"
start "$next" next2; next2=$pid
wait_for "the second one of the later version" at_work next2
wait_for "later records in every partition" has_later 290 # else the earlier version might be given one without any, and never end
start "$old" old3; old3=$pid
wait_for "one more of the earlier version" at_work old3
wait_for "the end of one of the earlier version" is_over $old3 # events flow until it has met a later record
wait_for "records of the later version" has_later 201 # not all: whose last events the earlier one wrote may have another
touch "$work/enough"
wait $send || die "solid_send ended with $?"
wait $old3
code=$?
[ "$code" = 4 ] && grep -q 'NEWER version of a record than 3' "$work/old3.log" || die "the earlier version ended with $code"

complete() { "$next/check_store" "$work/model" "$redis_port" "$work/expected" >"$work/check.log" 2>&1; }
wait_for "the last event" complete
cat "$work/check.log"
[ "$(redis-cli -p "$redis_port" --raw keys '*:damaged' | grep -c .)" = 0 ] || die "a record was taken for damaged"
stop $next1 || die "the later version ended with $?"
stop $next2 || die "the later version ended with $?"
complete || die "what was complete is not any more"
echo "upgrade: $(count 4) of 300 users have later records, $(wc -l <"$work/expected") events through two versions; the earlier one stopped at a later record, and read none"
