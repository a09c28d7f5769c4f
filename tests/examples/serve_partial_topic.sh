#!/usr/bin/env bash
# POST /events with --brokers, where some messages are not delivered: the answer says of each whether it is in the topic, and who sends again
# what it names gets every event into the topic once.
#   serve_partial_topic.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq redis-server
make_model m.safetensors 1
start_broker events 2
start_redis
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock" --brokers "$kafka" --topic events --deadline-ms 6000 \
  --kafka.message.max.bytes=1000
event() { printf '{"user":"%s","item":"%s"%s}' "$1" "$2" "${3:-}"; }
wide=",\"note\":\"$(head -c 1200 /dev/zero | tr '\0' x)\""

# ---- the third of five is larger than a message may be: the four others are delivered, and said to be ----
batch="[$(event ann item-1),$(event ben item-2),$(event cy item-3 "$wide"),$(event dan item-4),$(event ann item-5)]"
ask 202 /events -d "$batch"
is '.produced == 4 and .rejected == 1 and .failed == 0 and .unknown == 0 and .error == null'
is '[.rejects[] | [.number, .user, .code, .again]] == [[2, "cy", "too_large", "no"]]'
ask 413 /events -d "$(event cy item-3 "$wide")"
is '.error.code == "too_large" and .produced == 0'

# ---- the broker stands still when it has them: nobody knows, and nothing else is said ----
kill -STOP "$broker"
ask 503 /events -H 'Idempotency-Key: still' -d "[$(event ann item-1),$(event cy item-3)]"
is '.error.code == "broker_away" and .produced == 0 and .failed == 0 and .unknown == 2 and all(.rejects[]; .again == "unsure")'
kill -CONT "$broker"
ask 202 /events -H 'Idempotency-Key: still' -d "[$(event ann item-1),$(event cy item-3)]" # under the key nothing is sent twice
is '.produced == 0 and .unknown == 2'

# ---- the broker is away when they come: none is in the topic, and none goes there later ----
kill -9 "$broker"
ask 503 /events -H 'Idempotency-Key: gone' -D "$work/headers" -d "[$(event ann item-1),$(event ben item-2 "$wide"),$(event cy item-3)]"
grep -qi '^retry-after: [1-9]' "$work/headers" || die "no Retry-After: $(cat "$work/headers")"
is '.error.code == "broker_away" and .produced == 0 and .failed + .unknown == 2 and .rejected == 1'
is '[.rejects[] | [.number, .user]] | sort == [[0, "ann"], [1, "ben"], [2, "cy"]]'
is 'all(.rejects[]; (.code == "broker_away" and .again == "yes") or (.code == "unknown" and .again == "unsure") or .code == "too_large")'
stop

# ---- what is in the topic is what the answers say ----
start_broker events 1
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock" --brokers "$kafka" --topic events --deadline-ms 600000 \
  --kafka.message.max.bytes=1000
ask 202 /events -H 'Idempotency-Key: all' -d "$batch"
is '.produced == 4'
ask 202 /events -d "$(event cy item-3)" # what was too large, as it may be
is '.produced == 1'
"$bin/solid_ingestd" --model "$work/m.safetensors" --redis "$work/redis.sock" --brokers "$kafka" --topic events >"$work/ingestd.log" 2>&1 &
within sh -c "curl -s '$url/users/cy/history' | jq -e '.seq == 1'"
for user in ann:2 ben:1 cy:1 dan:1; do
  ask 200 "/users/${user%:*}/history"
  is ".seq == ${user#*:}"
done
stop
echo "serve_partial_topic: passed"
