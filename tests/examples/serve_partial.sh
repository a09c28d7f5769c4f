#!/usr/bin/env bash
# POST /events of several users, of whom some fail: the others' events are applied and counted, the answer names each event that was not, and
# a client that sends again what it is told to send again counts nothing twice. With a real Redis.
#   serve_partial.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq redis-server redis-cli
make_model m.safetensors 1
redis() { redis-cli -s "$work/redis.sock" --raw "$@"; }
start_redis
start --model "$work/m.safetensors" --redis "$work/redis.sock" --items-file none --threads 1
event() { printf '{"user":"%s","item":"%s"%s}' "$1" "$2" "${3:-}"; }
has() { # USER NUMBER: so many events of the user were ever applied
  ask 200 "/users/$1/history"
  is ".seq == $2"
}
has_by_now() { within sh -c "curl -s '$url/users/$1/history' | jq -e '.seq == $2'"; has "$1" "$2"; }

# ---- one record of a later version, one key of somebody else: final, each of one user alone ----
ask 200 /events -d "[$(event bob item-1)]"
redis EVAL "local h = redis.call('HGET', KEYS[1], 'h') redis.call('HSET', KEYS[1], 'h', 'SU' .. string.char(4) .. h:sub(4))" 1 'solid:{bob}' >/dev/null
redis SET 'solid:{dan}' text >/dev/null
batch="[$(event ann item-3),$(event bob item-4),$(event cy item-5),$(event ann item-6),$(event dan item-7),$(event eve nothing),$(event '' item-1)]"
ask 200 /events -d "$batch"
is '.applied == 3 and .rejected == 3 and .unknown_item == 1 and .failed == 0 and .unknown == 0 and .error == null'
is '[.rejects[] | [.number, .user, .code, .again]] | sort == [[1, "bob", "newer_record", "no"], [4, "dan", "bad_record", "no"], [5, "eve", "unknown_item", "no"], [6, null, "bad_user", "no"]]'
is '.rejects[] | select(.number == 1) | .message | test("later version")'
has ann 2
has cy 1
ask 501 /events -d "$(event bob item-4)"
is '.error.code == "newer_record" and .applied == 0 and .rejects[0].number == 0 and .rejects[0].user == "bob"'
ask 400 /events -d "$(event dan item-4)"
is '.error.code == "bad_record"'
ask 400 /events -d "$(event '' item-4)"
is '.error.code == "bad_user"'
ask 200 /events -d "[$(event cy item-1),{\"user\":\"bob\",\"forget\":true},$(event ann item-1)]"
is '.applied == 2 and .rejected == 1 and .rejects[0].user == "bob" and .rejects[0].code == "newer_record"'
[ "$(metric 'solid_events_total{verdict="applied"}')" = 6 ] || die "applied events: $(metric 'solid_events_total{verdict="applied"}')"

# ---- more users than are stored at once ----
many=$(for user in $(seq 600); do event "many-$user" item-2; done | sed 's/}{/},{/g')
ask 200 /events -d "[$(event many-1 item-1),$(event bob item-9),$many]"
is '.applied == 601 and .rejected == 1 and [.rejects[].number] == [1]'
has many-600 1
has many-1 2

# ---- the store refuses one user: what was not applied is sent again, and that alone ----
redis ACL SETUSER default resetkeys '~solid:[^{]*' '~solid:{ann}*' '~solid:{cy}*' >/dev/null
batch="[$(event ann item-7),$(event fay item-8),$(event cy item-9),$(event fay item-10)]"
ask 503 /events -D "$work/headers" -d "$batch"
grep -qi '^retry-after: [1-9]' "$work/headers" || die "no Retry-After: $(cat "$work/headers")"
is '.error.code == "store_refused" and .applied == 2 and .failed == 2 and .unknown == 0'
is '[.rejects[] | [.number, .user, .code, .again]] | sort == [[1, "fay", "store_refused", "yes"], [3, "fay", "store_refused", "yes"]]'
jq -c --argjson batch "$batch" '[.rejects[] | select(.again == "yes") | $batch[.number]]' <<<"$body" >"$work/rest"
ask 503 /events -H 'Idempotency-Key: once' -d "$batch"
is '.applied == 2 and .failed == 2'
redis ACL SETUSER default allkeys >/dev/null
ask 200 /events -H 'Idempotency-Key: once' -d "$batch"
is '.applied == 2 and .duplicate == 2 and .failed == 0 and .rejects == []'
ask 200 /events -H 'Idempotency-Key: once' -d "$batch"
is '.applied == 2 and .duplicate == 2'
ask 200 /events -d "@$work/rest"
is '.applied == 2 and .rejects == []'
has ann 5
has cy 4
has fay 4

# ---- the store stands still when it has been asked: nobody knows, and nothing else is said ----
batch="[$(event ann item-1),$(event cy item-2)]"
marked="[$(event gus item-1 ',"stream":7,"offset":1'),$(event hal item-2 ',"stream":7,"offset":2')]"
kill -STOP "$redis"
ask 503 /events -H 'Idempotency-Key: lost' -d "$batch"
is '.error.code == "store_away" and .applied == 0 and .failed == 0 and .unknown == 2'
is '[.rejects[] | [.number, .user, .code, .again]] | sort == [[0, "ann", "unknown", "unsure"], [1, "cy", "unknown", "unsure"]]'
kill -CONT "$redis"
has_by_now ann 6 # what was asked for was done
has_by_now cy 5
ask 200 /events -H 'Idempotency-Key: lost' -d "$batch" # under the key nothing is done twice
is '.applied == 0 and .failed == 0 and .unknown == 2'
has ann 6
kill -STOP "$redis"
ask 503 /events -d "$marked"
is '.unknown == 2'
kill -CONT "$redis"
has_by_now gus 1
has_by_now hal 1
ask 200 /events -d "$marked" # stream and offset make it harmless, and say that it was there
is '.applied == 0 and .duplicate == 2 and .unknown == 0'

# ---- the store is gone before it is asked: nothing was applied, and that is known ----
kill -9 "$redis"
ask 503 /events -H 'Idempotency-Key: away' -d "[$(event ann item-1),$(event cy item-2),$(event ivy nothing)]"
is '.error.code == "store_away" and .applied == 0 and .failed == 3 and .unknown == 0 and all(.rejects[]; .again == "yes")'
start_redis
for _ in $(seq 3000); do # the whole of it again, as a client does that knows nothing of a part: the key makes it right
  [ "$(curl -s -o "$work/body" -w '%{http_code}' -H 'Idempotency-Key: away' -d "[$(event ann item-1),$(event cy item-2),$(event ivy nothing)]" "$url/events")" = 200 ] && break
  sleep 0.1
done
body=$(<"$work/body")
is '.applied == 2 and .unknown_item == 1 and .failed == 0'
has ann 1
has cy 1
stop

# ---- the pages of a user are somebody else's: the events are in the record, and said to be ----
start --model "$work/m.safetensors" --redis "$work/redis.sock" --items-file none --history 1000
redis SET 'solid:{zed}:pages' text >/dev/null
long=$(for _ in $(seq 700); do event zed item-2; done | sed 's/}{/},{/g')
ask 200 /events -d "[$long]"
is '.applied == 700 and .rejected == 0 and .rejects == []'
ask 200 /events -d "[$(event zed item-1)]"
is '.applied == 1 and .rejects == []'
redis DEL 'solid:{zed}:pages' >/dev/null
has zed 701
stop
echo "serve_partial: passed"
