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
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock" --threads 1
click anna item-3
click ben item-4
redis flushall >/dev/null
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
stop
echo "serve_emptied: two times, without a restart"
