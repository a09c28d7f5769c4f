#!/usr/bin/env bash
# Sentinels with a user and a password of their own, beside a master with another: each gets its own, and what is wrong says where.
#   sentinel.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs redis-server redis-cli
make_model m.safetensors 1
new_port && master=$port
redis-server --port "$master" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" --requirepass of-redis >/dev/null 2>&1 &
new_port && sentinel=$port
mkdir "$work/s"
printf '%s\n' "port $sentinel" 'bind 127.0.0.1' "dir $work/s" "sentinel monitor mine 127.0.0.1 $master 1" 'sentinel auth-pass mine of-redis' \
  'user default off' 'user anna on >of-sentinels +@all' >"$work/s/conf"
redis-server "$work/s/conf" --sentinel >"$work/s/log" 2>&1 &
for _ in $(seq 3000); do redis-cli -p "$sentinel" --user anna --pass of-sentinels sentinel master mine 2>/dev/null | grep -q "$master" && break; sleep 0.1; done
for word in redis sentinels; do (umask 077 && echo "of-$word" >"$work/$word"); done
# try CODE TEXT ARGUMENTS...
try() {
  local code=$1 text=$2 got
  shift 2
  "$bin/solid_ask" --model "$work/m.safetensors" --user ann "$@" >"$work/out" 2>&1
  got=$?
  [ "$got" = "$code" ] && grep -qF -- "$text" "$work/out" || die "$*: exit code $got, not $code, or no '$text' in: $(cat "$work/out")"
}
at=(--redis "sentinel://127.0.0.1:$sentinel/mine" --redis-password-file "$work/redis")
who=(--redis-sentinel-user anna --redis-sentinel-password-file "$work/sentinels")
try 0 'from popularity' "${at[@]}" "${who[@]}"
try 4 "redis 127.0.0.1:$sentinel: NOAUTH" "${at[@]}"
try 4 "redis 127.0.0.1:$sentinel: WRONGPASS" "${at[@]}" --redis-sentinel-user anna --redis-sentinel-password-file "$work/redis"
try 4 "redis 127.0.0.1:$master: WRONGPASS" --redis "sentinel://127.0.0.1:$sentinel/mine" --redis-password-file "$work/sentinels" "${who[@]}"
try 2 'needs --redis-sentinel-password-file' "${at[@]}" --redis-sentinel-user anna
try 2 'is for sentinel://' --redis "127.0.0.1:$master" "${who[@]}"
echo "sentinel: passed"
