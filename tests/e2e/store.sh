# A store that loses what it holds, that is filled anew, and records of an earlier layout, on the broker and Redis of
# e2e.sh, which sources this behind streams.sh and with its functions.
#
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of e2e.sh and streams.sh

until_ended() { # sets code: the service ends by itself, in time
  for _ in $(seq 3000); do
    kill -0 "$service" 2>/dev/null || break
    sleep 0.1
  done
  kill -TERM "$service" 2>/dev/null
  wait "$service"
  code=$?
  service=""
}
redis() { redis-cli -p "$redis_port" "$@"; }

begin lost
make lost 3
put lost 0 600 1
start_stream lost
expect "read once" holds_soon
stop_stream
redis flushall >/dev/null
start_stream lost
until_ended
expect "emptied at rest: the service ends with 4" [ "$code" = 4 ]
expect "and says what to do" says "--rebuild"
start_stream lost --rebuild
expect "rebuilt: all is there again" holds_soon
stop_stream
start_stream lost
until_said "lag 0"
stop_stream
expect "and is gone on with" [ "$code" = 0 ]
expect "without a change" holds
start_stream lost
until_said "lag 0"
redis flushall >/dev/null
put lost 600 50 2
until_ended
expect "emptied while it was read: the service ends with 4" [ "$code" = 4 ]
expect "and says so" says "lost:epoch"
start_stream lost --rebuild
expect "rebuilt once more" holds_soon
stop_stream

begin anew
make anew 2
put anew 0 300 1
start_stream anew
expect "read once" holds_soon
stop_stream
start_stream anew --rebuild
expect "rebuilt over what was there: each event once" holds_soon
stop_stream

begin rest
make rest 1
put rest 0 200 1
start_stream rest
expect "read once" holds_soon
stop_stream
"$tool" expire "$kafka_brokers" rest 100 || die "nothing expires"
start_stream rest --rebuild
until_ended
expect "a topic that lost its beginning is no source of a rebuild" [ "$code" = 5 ]
expect "which says from where it could be" says "begins at offset 100"
expect "and changes nothing" holds
start_stream rest --rebuild --yes
until_said "lag 0"
stop_stream
expect "with --yes from what is left" says "events 100 "

# Records as the layout before had them: a window and its marks, made of those of today.
to_old='
local n = 0
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. "{*}")) do
  local h, s = unpack(redis.call("HMGET", key, "h", "s"))
  local low, high = struct.unpack("<I4I4", h, 21)
  redis.call("HSET", key .. ":w", "s", s, "n", string.format("%.0f", high * 4294967296 + low))
  for at = 69, #h, 16 do redis.call("HSET", key .. ":w", "m" .. h:sub(at, at + 7), h:sub(at + 8, at + 15)) end
  redis.call("DEL", key)
  n = n + 1
end
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. "stream:*")) do redis.call("DEL", key) end
redis.call("DEL", ARGV[1] .. "epoch")
return n'

begin adopt
make adopt 2
put adopt 0 400 1
start_stream adopt --adopt-marks # of nobody: its streams have the numbers that they had
expect "read once" holds_soon
stop_stream
redis eval "$to_old" 0 adopt: >/dev/null
in_group=fresh start_stream adopt
until_ended
expect "an earlier layout ends the service with 4" [ "$code" = 4 ]
expect "and names the one way" says "--adopt-marks"
expect "and the other" says "--rebuild"
in_group=fresh start_stream adopt --adopt-marks
until_said "events 400"
put adopt 400 100 2
expect "taken over: what was applied counts, what comes is applied" holds_soon
stop_stream
redis eval "$to_old" 0 adopt: >/dev/null
in_group=fresh start_stream adopt --rebuild
expect "or rebuilt: all is read again" holds_soon
stop_stream
expect "and nothing of the layout before is left" [ "$(redis keys 'adopt:*:w' | grep -c .)" = 0 ]
