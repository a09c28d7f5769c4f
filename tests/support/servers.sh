# What scripts share that start servers and check what programs do with them: source it.
#
#   $work                    a folder; at the end it goes, with everything that was started
#   needs TOOL...            skips the script (77) where one is not installed
#   die WHAT                 ends the script, with the last lines of $work/*.log
#   expect WHAT COMMAND...   a check that does not end the script; failures counts
#   is GOT WANTED, within COMMAND...   conditions: within waits until it holds
#   start_redis [ARGUMENTS]  one in memory: $redis, its process, at $redis_port of 127.0.0.1 and at $work/redis.sock
#   start_broker TOPIC PARTITIONS   a mini_broker of $bin: $broker, its process, and $kafka, its address
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # of those who source it
. "$(dirname "${BASH_SOURCE[0]}")/new_port.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/solid-servers-XXXXXX")
failures=0
servers_end() {
  local running
  running=$(jobs -p)
  exec 2>/dev/null # the shell would say of each that it was killed
  # shellcheck disable=SC2086
  [ -z "$running" ] || kill -KILL $running 2>/dev/null
  wait 2>/dev/null
  rm -rf "$work"
}
trap servers_end EXIT
trap 'exit 1' INT TERM
trap : PIPE # whoever reads may be gone: then a printf of the shell fails, and says so, where SIGPIPE would end the script without a word

needs() {
  local tool
  for tool in "$@"; do command -v "$tool" >/dev/null || { echo "[SKIP] $tool is not installed"; exit 77; }; done
}

die() {
  local log
  echo "FAILED: $*"
  for log in "$work"/*.log; do [ -s "$log" ] && { echo "-- $(basename "$log")"; tail -n 8 "$log"; }; done
  exit 1
}

expect() {
  local what=$1
  shift
  if "$@" >"$work/out" 2>&1; then echo "ok: $what"; else echo "FAILED: $what"; failures=$((failures + 1)); fi
  sed 's/^/    /' "$work/out"
}

is() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

within() {
  for _ in $(seq 3000); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "not in time: $*"
  "$@"
}

start_redis() {
  new_port
  redis_port=$port
  redis-server --port "$redis_port" --bind 127.0.0.1 --unixsocket "$work/redis.sock" --save "" --appendonly no --dir "$work" --loglevel warning "$@" \
    >"$work/redis.log" 2>&1 &
  redis=$!
  within redis-cli -s "$work/redis.sock" ping || die "redis-server does not answer"
}

start_broker() {
  : >"$work/broker.txt"
  "$bin/mini_broker" --topic "$1" --partitions "$2" >"$work/broker.txt" 2>"$work/broker.log" &
  broker=$!
  within grep -qE '[0-9.]+:[0-9]+' "$work/broker.txt" || die "no broker"
  kafka=$(grep -oE '[0-9.]+:[0-9]+' "$work/broker.txt" | head -n 1)
}
