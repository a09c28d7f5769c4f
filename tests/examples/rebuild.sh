#!/usr/bin/env bash
# A store that was lost is filled again from the topic's beginning by one command, while questions are answered; who was forgotten stays
# forgotten: by the store's own list where a rebuild begins over it, and by the wish in the topic where all of it was lost. With
# EVENTS it says how long so many take.
#   rebuild.sh FOLDER-OF-PROGRAMS [EVENTS]
set -uo pipefail
bin=$1 events=${2:-4000}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq redis-server redis-cli
make_model m.safetensors 1
start_broker events 2
start_redis
redis() { redis-cli -s "$work/redis.sock" --raw "$@"; }
# run NAME ARGUMENTS...: solid_ingestd; end: SIGTERM
run() {
  local name=$1
  shift
  : >"$work/$name.out"
  "$bin/solid_ingestd" --model "$work/m.safetensors" --redis "$work/redis.sock" --brokers "$kafka" --topic events --dead-letter-topic '' \
    --stats-interval 1 --kafka.session.timeout.ms 6000 --kafka.heartbeat.interval.ms 300 "$@" >"$work/$name.out" 2>"$work/serve.err" &
  ingestd=$!
}
end() { kill -TERM "$ingestd"; wait "$ingestd" || die "solid_ingestd ended with $?"; }
until_true() { for _ in $(seq 3000); do eval "$1" && return; kill -0 "$ingestd" 2>/dev/null || die "solid_ingestd has ended"; sleep 0.05; done; die "not so: $1"; }
# records: what the store has of all users, time excepted
records() {
  redis eval "local of = {} for i, key in ipairs(redis.call('KEYS', 'solid:{*')) do of[i] = key .. ' ' .. redis.sha1hex(redis.call('HGET', key, 's')) end
    table.sort(of) return of" 0
}
awk -v n="$events" 'BEGIN { srand(5); for (i = 0; i < n; i++)
  printf "{\"user\":\"u%d\",\"item\":\"item-%d\",\"ts\":%.0f}\n", 300 * rand(), 200 * rand(), 1690000000000 + i }' >"$work/lines"
send() { "$bin/solid_send" "$@" --brokers "$kafka" --topic events >"$work/send.log" 2>&1 || die "solid_send: $(cat "$work/send.log")"; }
send --data "$work/lines" --format lines
run first
until_true 'grep -q "^events $events .* lag 0 " "$work/first.out"'
"$bin/solid_ask" --model "$work/m.safetensors" --redis "$work/redis.sock" --user u1 --forget >/dev/null || die "solid_ask --forget"
send --forget u2
send --forget u3
printf '{"user":"u3","item":"item-7","ts":1690000000000}\n' | send --data - --format lines
until_true 'grep -q "^events $((events + 3)) .* lag 0 " "$work/first.out"'
end
for gone in u1 u2; do [ "$(redis exists "solid:{$gone}")" = 0 ] || die "$gone is there"; done
records >"$work/before"
[ "$(wc -l <"$work/before")" = 298 ] || die "$(wc -l <"$work/before") users"

# ---- over what is there: the list counts, and nobody who asks is without an answer ----
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock"
run over --rebuild --group over
until_true 'grep -q "rebuilt: $((events + 3)) events in" "$work/serve.err" "$work/over.out" 2>/dev/null'
ask 200 '/users/u3/history'
is '[.items[].item] == ["item-7"]'
end
records >"$work/after"
diff "$work/before" "$work/after" || die "the rebuilt store is another one"
grep -h 'rebuilt:' "$work/serve.err" "$work/over.out"

# ---- the same events once more, from offset 0, by two of a group that has read nothing yet: nothing changes ----
run twice --group twice
first=$ingestd
run twice2 --group twice
count() { tail -n 1 "$work/$1.out" 2>/dev/null | sed -n 's/^events \([0-9]*\) .*/\1/p'; }
until_true '[ $(($(count twice)0 / 10 + $(count twice2)0 / 10)) -ge $((events + 3)) ]'
end
kill -TERM "$first"
wait "$first" || die "solid_ingestd ended with $?"
records >"$work/after"
diff "$work/before" "$work/after" || die "read again, the store is another one"

# ---- after everything was lost: by hand, u1's wish is lost with it, while those in the topic count ----
redis flushall >/dev/null
run lost
wait "$ingestd" && die "a lost store is not noticed"
[ $? = 4 ] || die "a lost store: exit code"
run again --rebuild --group again
until_true 'grep -q "rebuilt: $((events + 3)) events in" "$work/serve.err" "$work/again.out" 2>/dev/null'
end
records | grep -v '{u1}' >"$work/after"
diff "$work/before" "$work/after" || die "the store that was filled anew is another one"
[ "$(redis exists 'solid:{u1}')" = 1 ] || die "u1 should be back: only the store was told"
stop
echo "rebuild: $events events, twice; who was forgotten stays forgotten"
