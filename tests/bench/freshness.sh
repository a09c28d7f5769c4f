#!/usr/bin/env bash
# End to end: how long it takes from the broker's time of an event to its window and to the parameters after it in Redis, at a steady
# rate of events, by solid_ingestd's own histograms.
#   freshness.sh BUILD [EVENTS-A-SECOND [SECONDS [SOLID_INGESTD-ARGUMENTS...]]]      wants a real Kafka (Maven fetches it), redis-server
set -uo pipefail
build=$(cd "${1:?usage: freshness.sh BUILD [EVENTS-A-SECOND [SECONDS]]}" && pwd) per_s=${2:-1000} seconds=${3:-30}
shift $(($# > 3 ? 3 : $#))
bin=$build/bin here=$(cd "$(dirname "$0")/.." && pwd) users=4000
. "$here/examples/serve_lib.sh"
. "$here/e2e/kafka.sh"
. "$here/bench/stream_lib.sh"
make_large_model m.safetensors
servers_up
topic events 2 message.timestamp.type=LogAppendTime
ingest freshness events --redis "$work/redis.sock" "$@"
until curl -s "${watched%metrics}health/ready" | grep -q '"partitions":2'; do kill -0 "$ingestd" || die "solid_ingestd: $(tail -n 3 "$work/ingestd.err")"; sleep 0.1; done
"$build/tests/bench/bench_topic" pace "$kafka_brokers" events $users $items "$per_s" "$seconds" 2>"$work/pace.err" || die "$(cat "$work/pace.err")"
for _ in $(seq 100); do [ "$(watch 'solid_ingest_events_total{verdict="accepted"}')" -ge $((per_s * seconds)) ] && break; sleep 0.1; done
curl -s "$watched" >"$work/metrics"
ingest_end
value() { awk -v name="$1" '$1 == name {print $2}' "$work/metrics"; }
echo "$(value 'solid_ingest_events_total{verdict="accepted"}') events at $per_s/s, $(value solid_ingest_batches_total) batches, $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); milliseconds since the broker's time"
printf '| | p50 | p90 | p99 | mean |\n|---|---|---|---|---|\n'
for what in window params; do
  name=solid_freshness_${what}_seconds
  printf '| %s in Redis | %s | %s | %s | %s |\n' "$what" "$(quantile 0.5 $name "$work/metrics")" "$(quantile 0.9 $name "$work/metrics")" \
    "$(quantile 0.99 $name "$work/metrics")" "$(awk -v s="$(value ${name}_sum)" -v n="$(value ${name}_count)" 'BEGIN {printf "%.1f", 1000 * s / n}')"
done
kafka_stop
