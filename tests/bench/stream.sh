#!/usr/bin/env bash
# When parameters are made, and what that costs: events/s of solid_ingestd in memory and on Redis for each --generate, beside a bare
# consumer of the same topic; and windows alone on Redis beside redis-benchmark with the same script and as many commands at once.
#   stream.sh BUILD [SECONDS]      wants a real Kafka (Maven fetches it), redis-server, redis-benchmark
set -uo pipefail
build=$(cd "${1:?usage: stream.sh BUILD [SECONDS]}" && pwd) seconds=${2:-8}
bin=$build/bin here=$(cd "$(dirname "$0")/.." && pwd) users=4000 events=${SOLID_BENCH_EVENTS:-4500000} batch=${SOLID_BENCH_BATCH:-1024}
. "$here/examples/serve_lib.sh"
. "$here/e2e/kafka.sh"
. "$here/bench/stream_lib.sh"
command -v redis-benchmark >/dev/null || { echo "[SKIP] redis-benchmark is not installed"; exit 77; }
make_large_model m.safetensors
servers_up
topic events 2
"$build/tests/bench/bench_topic" fill "$kafka_brokers" events $users $items "$events" || die "no events"
echo "$events events of $users users, batches of $batch; $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"

counted() { watch 'solid_ingest_events_total{verdict="accepted"}'; }
# rate GROUP MODE STORE...: events/s from 2.5 s after the first ones on, when windows are about to be full
rate() {
  local group=$1 mode=$2 first=0 last=0 t0=0 t1=0 now
  shift 2
  ingest "$group" events --generate "$mode" --batch-size $batch "$@"
  until [ "$(counted)" -gt 0 ]; do kill -0 "$ingestd" 2>/dev/null || die "solid_ingestd: $(tail -n 2 "$work/ingestd.err")"; sleep 0.02; done
  sleep 2.5
  first=$(counted) t0=$(date +%s%N)
  for _ in $(seq $((seconds * 4))); do
    sleep 0.25
    now=$(counted)
    [ "$now" -lt "$events" ] || break # what ended in between is not counted
    last=$now t1=$(date +%s%N)
  done
  made=$(watch solid_ingest_generated_total)
  ingest_end
  [ "$t1" -gt "$t0" ] || { per_s=0; return; }
  per_s=$(awk -v n=$((last - first)) -v ns=$((t1 - t0)) 'BEGIN {printf "%.0f", 1e9 * n / ns}')
}
bare() { "$build/tests/bench/bench_topic" read "$kafka_brokers" events "$seconds" || die "nothing is read"; }
printf '| --generate | memory, events/s | Redis, events/s | parameters made in the Redis run |\n|---|---|---|---|\n'
before=$(bare)
for mode in ${SOLID_BENCH_MODES:-eager every:5 every:20 every:60s lazy}; do
  rate "memory-$mode" "$mode" --store memory --memory-limit 4096
  in_memory=$per_s
  redis-cli -s "$work/redis.sock" flushall >/dev/null
  rate "redis-$mode" "$mode" --redis "$work/redis.sock"
  printf '| %s | %s | %s | %s |\n' "$mode" "$in_memory" "$per_s" "$made"
done
printf '| a bare consumer, before and after | %s | %s | |\n' "$before" "$(bare)"

# ---- windows alone on Redis, beside the server's own benchmark ----
# Its arguments hold no zero bytes: the positions (of no stream, always new) are put in by a first line before the script.
lua=$here/../store/redis
script="local VERSION = 1
ARGV[5] = string.rep('\\0', 16)
$(cat "$lua/record.lua" "$lua/advance.lua")"
redis-cli -s "$work/redis.sock" flushall >/dev/null
sha=$(redis-cli -s "$work/redis.sock" script load "$script")
ask() { redis-benchmark -s "$work/redis.sock" -c 1 -P $batch -r $users -n "$1" --csv EVALSHA "$sha" 1 'solid:{u__rand_int__}' 50 2592000000 0123456789abcdef 0123456789abcdef 0123456789abcdef '' | tail -n 1; }
ask $((users * 60)) >/dev/null # windows are full
theirs=$(ask 400000 | awk -F'","' '{printf "%.0f", $2}')
printf '\nwindows alone on Redis: %s events/s; redis-benchmark with the same script, %s commands at once: %s /s; share %s %%\n' "$per_s" $batch "$theirs" \
  "$(awk -v a="$per_s" -v b="$theirs" 'BEGIN {printf "%.0f", 100 * a / b}')"
kafka_stop
