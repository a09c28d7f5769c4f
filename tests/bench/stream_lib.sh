# What the benches of the stream share: a model of Beauty's shapes, a real Kafka, a Redis that keeps nothing. Sourced after
# tests/examples/serve_lib.sh and tests/e2e/kafka.sh with $bin, $build and $here (tests/) set.
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # of serve_lib.sh and kafka.sh: work, bin, kafka_pid, build, here
items=12101

# Width 64, full-rank layers, windows of 50, all items: what a question and a generation cost does not depend on how well it learned.
make_large_model() { # NAME
  "$bin/make_dataset" --out "$work/large" --users 4000 --items $items >/dev/null || die "make_dataset"
  # each item once more, so that all are in the vocabulary
  seq 0 $((items - 1)) | awk '{printf "{\"user\": \"all%d\", \"item\": \"item-%d\", \"event\": \"view\", \"ts\": %.0f}\n", $1 / 20, $1, 1500000000000 + $1}' >>"$work/large/events.jsonl"
  "$bin/solid_train" --defaults fixed --data "$work/large/events.jsonl" --titles "$work/large/titles.json" --out "$work/$1" --head solid --epochs 1 --threads 2 \
    >"$work/train.log" 2>&1 || die "solid_train: $(tail -n 3 "$work/train.log")"
}
servers_up() {
  needs redis-server redis-cli java
  kafka_fetch "$here/../build/kafka" || exit $?
  kafka_start "$here/../build/kafka" "$work/kafka" >&2 || die "Apache Kafka does not start"
  start_redis
}
topic() { "$build/tests/e2e/kafka_tool" create "$kafka_brokers" "$@" || die "no topic $1"; }
# ingest GROUP TOPIC ARGUMENTS...: $ingestd runs, its metrics are at $watched
ingest() {
  local group=$1 from=$2
  shift 2
  : >"$work/ingestd.out"
  "$bin/solid_ingestd" --model "$work/m.safetensors" --brokers "$kafka_brokers" --topic "$from" --group "$group" --dead-letter-topic '' \
    --listen "${listen:-127.0.0.1:0}" "$@" >"$work/ingestd.out" 2>"$work/ingestd.err" & ingestd=$!
  for _ in $(seq 400); do
    watched=$(sed -n 's/^metrics on \(.*\)$/\1/p' "$work/ingestd.out")
    [ -z "$watched" ] || return 0
    kill -0 "$ingestd" 2>/dev/null || break
    sleep 0.05
  done
  die "solid_ingestd: $(tail -n 3 "$work/ingestd.err")"
}
ingest_end() { kill -TERM "$ingestd" && wait "$ingestd" || die "solid_ingestd ended with $?: $(tail -n 3 "$work/ingestd.err")"; }
watch() { curl -s "$watched" | awk -v name="$1" '$1 == name {print $2}'; }
# quantile Q NAME FILE: of a histogram in Prometheus' text, a straight line within the bucket
quantile() {
  awk -v q="$1" -v name="$2_bucket{le=\"" 'index($1, name) == 1 {le = substr($1, length(name) + 1); sub(/".*/, "", le); at[n] = le; in_[n++] = $2}
    END {want = q * in_[n - 1]; for (i = 0; i < n && in_[i] < want; i++); low = i ? at[i - 1] : 0; below = i ? in_[i - 1] : 0
      if (at[i] == "+Inf") printf "above %.0f", 1000 * low; else printf "%.1f", 1000 * (low + (at[i] - low) * (want - below) / (in_[i] - below))}' "$3"
}
