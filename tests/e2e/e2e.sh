#!/usr/bin/env bash
# The service between a real Apache Kafka and a real Redis:   e2e.sh BUILD_DIR [ROUNDS]
#
# Events of several hundred users go through a topic of four partitions while solid_ingestd is killed (SIGKILL) again and
# again in mid-stream, Redis stops for a while and a second instance comes and dies. Then everything is counted: every
# event exactly once in the windows, params at the newest event, offsets committed to the end, and every event that was
# not taken in the dead-letter topic with its reason. A round has five parts with a kill in each. Exit code 77 = skipped, with the
# reason. Then streams.sh asks on the same broker whether what is read is what was read before, and store.sh empties and rebuilds the store.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: e2e.sh BUILD_DIR [ROUNDS]}" && pwd) rounds=${2:-1}
# shellcheck source=tests/e2e/kafka.sh
. "$here/kafka.sh"
. "$here/../support/servers.sh"
needs redis-server redis-cli kcat
cache=$here/../../build/kafka only=${SOLID_E2E_ONLY:-} # "kills", "streams" or "store": that part alone
kafka_fetch "$cache" || exit $?

service="" second="" group=e2e
ingestd=$build/bin/solid_ingestd tool=$build/tests/e2e/kafka_tool
contains() { grep -qF -- "$1" "$2" || { cat "$2"; return 1; }; }

run_service() { # LOG MEMBER [flags]: in the foreground of the caller's choice
  local log=$1 member=$2
  shift 2
  # a member that comes back under its name takes its partitions over at once
  exec "$ingestd" --model "$work/model" --brokers "$kafka_brokers" --topic events --group "$group" --store redis \
    --redis "127.0.0.1:$redis_port" --batch-size 32 --kafka.group.instance.id="$member" \
    --kafka.session.timeout.ms=6000 "$@" >>"$work/$log" 2>&1
}
start_service() { run_service ingestd.log first --stats-interval 1 & service=$!; }
kill_service() {
  kill -KILL "$service" 2>/dev/null || die "the service ended by itself"
  wait "$service" 2>/dev/null
  service=""
}
wait_until() { "$tool" wait "$kafka_brokers" "$group" events "$1" || die "committed fewer than $1"; }

began=$SECONDS
kafka_start "$cache" "$work/kafka" || die "Apache Kafka does not start"
start_redis
"$build/tests/e2e/make_model" "$work/model" || die "no model"

if [ -z "$only" ] || [ "$only" = kills ]; then
  # shellcheck source=tests/e2e/kills.sh
  . "$here/kills.sh"
fi
if [ "$only" != kills ]; then
  # shellcheck source=tests/e2e/streams.sh
  . "$here/streams.sh"
  # shellcheck source=tests/e2e/store.sh
  . "$here/store.sh"
fi
echo "took $((SECONDS - began)) s"
[ "$failures" = 0 ] || die "$failures checks"
