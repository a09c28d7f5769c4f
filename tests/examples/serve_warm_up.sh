#!/usr/bin/env bash
# solid_serve --warm-up: after a change of the model, parameters of all known users are made before anybody asks, no faster than told,
# and the metrics say how far it is. In memory and on Redis, where it also keeps nobody from being forgotten.
#   serve_warm_up.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq redis-server
make_model a.safetensors 1
make_model b.safetensors 2
users=30
start_redis
left() { redis-cli -s "$work/redis.sock" pttl "solid:{u$1}"; }

warm() { # RATE STORE...: everybody has parameters of the first model, then the second one becomes live
  local rate=$1 began now looked
  shift
  cp "$work/a.safetensors" "$work/m.safetensors"
  start --model "$work/m.safetensors" --warm-up "$rate/s" "$@"
  for user in $(seq $users); do ask 200 /events -d "{\"user\":\"u$user\",\"item\":\"item-$user\"}"; done
  [ "$1 $2" != "--store redis" ] || { redis-cli -s "$work/redis.sock" pexpire 'solid:{u7}' 600000 >/dev/null; }
  began=$(date +%s%3N)
  cp "$work/b.safetensors" "$work/m.next" && mv "$work/m.next" "$work/m.safetensors"
  for _ in $(seq 3000); do [ "$(metric solid_model_switches_total)" -ge 1 ] && break; sleep 0.05; done
  for _ in $(seq 3000); do
    looked=$(metric solid_warm_up_users) now=$(date +%s%3N)
    [ "$looked" -le $(((now - began) * rate / 1000 + 1)) ] || die "$looked users in $((now - began)) ms at $rate/s"
    [ "$(metric solid_warm_up_running) $looked" = "0 $users" ] && break
    sleep 0.05
  done
  ask 200 /model
  is ".warm_up == {\"running\": false, \"users\": $users, \"made\": $users, \"failed\": 0}"
  [ "$(metric solid_warm_up_made)" = $users ] || die "made: $(metric solid_warm_up_made)"
  for user in 1 7 $users; do
    ask 200 "/recommend?user=u$user"
    is '.source == "cache" and .params_seq == 1'
    [ "$1 $2 $user" != "--store redis 1" ] || [ "$(left 7)" -le 600000 ] || die "the warm-up has given u7 another $(left 7) ms to live"
  done
  [ "$(metric 'solid_answers_total{source="generation"}')" = 0 ] || die "the warm-up's own questions are counted as answers"
  stop
  grep -q "warm-up of generation .*: $users users, parameters of $users made" "$work/serve.err" || die "nothing is said of it"
}
warm 20 --store memory
warm 1000 --store redis --redis "$work/redis.sock"
# the store names a previous model that a process which started since then does not hold
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock"
ask 409 /model -d '{"action": "back"}'
is '.error.code == "no_previous" and (.error.message | test("generation [0-9a-f]{16}, is not in the memory of this process"))'
stop
code=0
"$bin/solid_serve" --model "$work/a.safetensors" --warm-up 5 2>"$work/serve.err" || code=$?
[ "$code" = 2 ] && grep -q 'not N/s' "$work/serve.err" || die "--warm-up 5 is taken"
echo "serve_warm_up: passed"
