#!/usr/bin/env bash
# A Redis that was emptied under a running server: users can be forgotten and events come in as before, each once, without a restart.
#   serve_emptied.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq redis-server redis-cli
make_model m.safetensors 1
start_redis
redis() { redis-cli -s "$work/redis.sock" --raw "$@"; }
click() { ask 200 /events -d "{\"user\": \"$1\", \"item\": \"$2\"}"; is '.applied == 1'; }
start --model "$work/m.safetensors" --redis "$work/redis.sock" --items-file none --threads 1 # the address alone says where users are kept
click anna item-3
click ben item-4
redis flushall >/dev/null
ask 200 /users/ben/history # to read needs nothing that was written before
is '.seq == 0 and .items == []'
ask 200 /users/anna -X DELETE
is '.had_record == false'
click cleo item-5
ask 200 /users/cleo/history
is '[.items[].item] == ["item-5"]'
redis flushall >/dev/null
click cleo item-6 # the first thing that is written meets it
click cleo item-7
ask 200 /users/cleo/history
is '[.items[].item] | sort == ["item-6", "item-7"]'
ask 200 /users/cleo -X DELETE
is '.had_record == true'
ask 200 '/recommend?user=ben&k=3'
is '.items | length == 3'
[ "$(grep -c 'events go on in an empty store' "$work/serve.err")" = 2 ] || die "it is not said twice: $(cat "$work/serve.err")"
# one change is said once, whichever of the threads meets it, and a store that changes all the time fills no log
stop
start --model "$work/m.safetensors" --redis "$work/redis.sock" --items-file none --threads 4
lines() { grep -c 'events go on in an empty store' "$work/serve.err"; }
clicks() { seq "$1" | xargs -P 8 -I{} curl -s -m 600 -o /dev/null "$url/events" -d '{"user":"dora","item":"item-{}"}'; }
clicks 40
redis flushall >/dev/null
clicks 40
[ "$(lines)" = 1 ] || die "a change is said $(lines) times: $(cat "$work/serve.err")"
changes=100
for _ in $(seq "$changes"); do
  redis flushall >/dev/null
  click eve item-1
done
[ "$(lines)" -gt 4 ] && [ "$(lines)" -lt "$changes" ] || die "$(lines) lines of $changes changes"
# emptied again and again, also within one request: what is not taken is to be sent again
redis -r -1 flushall >"$work/flushed" 2>&1 & flusher=$!
codes=$(seq 30 | xargs -P 4 -I{} curl -s -m 600 -o "$work/answer.{}" -w '%{http_code} %header{retry-after}\n' "$url/events" -d '{"user":"u{}","item":"item-1"}' | sort | uniq -c)
kill "$flusher"
wait "$flusher" 2>/dev/null
! grep -vE ' (200 |503 1)$' <<<"$codes" || die "answers: $codes; $(cat "$work"/answer.* | grep -m 1 internal)"
echo "answers while it was emptied all the time: $codes"
stop
echo "serve_emptied: each change without a restart"
