#!/usr/bin/env bash
# solid_serve with --brokers: events go into the topic and are answered 202 once the broker has them, solid_ingestd brings them to the
# store, and questions are answered from there. Without a broker they are refused in time.
#   serve_topic.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq redis-server
make_model m.safetensors 1
start_broker events 2
start_redis
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock" --brokers "$kafka" --topic events --deadline-ms 3000
ask 202 /events -d '[{"user":"ann","item":"item-3"},{"user":"ann","item":"item-5"},{"user":"","item":"item-5"}]'
is '.produced == 2 and .applied == 0 and .rejected == 1'
ask 200 '/users/ann/history'
is '.seq == 0'
"$bin/solid_ingestd" --model "$work/m.safetensors" --redis "$work/redis.sock" --brokers "$kafka" --topic events --listen 127.0.0.1:0 >"$work/ingestd.log" 2>&1 &
for _ in $(seq 3000); do curl -s "$url/users/ann/history" | jq -e '.seq == 2' >/dev/null && break; sleep 0.1; done
ask 200 '/users/ann/history'
is '.seq == 2 and ([.items[].item] == ["item-5", "item-3"])'
ask 200 '/recommend?user=ann'
is '.source == "cache" or .source == "generation"'
# ---- forgetting: at once, and once more where the wish stands in the topic ----
ask 200 /users/ann -X DELETE
is '.had_record == true and .in_topic == true'
ask 200 '/users/ann/history'
is '.seq == 0'
ask 202 /events -d '{"user":"ann","item":"item-9"}'
"$bin/solid_send" --forget bob --brokers "$kafka" --topic events 2>"$work/send.log" || die "solid_send --forget: $(cat "$work/send.log")"
for _ in $(seq 3000); do curl -s "$url/users/ann/history" | jq -e '.seq == 1' >/dev/null && break; sleep 0.1; done
ask 200 '/users/ann/history'
is '[.items[].item] == ["item-9"]'
ask 400 /users/a%00b -X DELETE
ask 400 /users/%ff -X DELETE
"$bin/solid_ask" --model "$work/m.safetensors" --redis "$work/redis.sock" --user ann --forget >"$work/asked" || die "solid_ask --forget"
grep -qx 'ann is forgotten' "$work/asked" || die "solid_ask says $(cat "$work/asked")"
ask 200 '/users/ann/history'
is '.seq == 0'
ask 202 /events -d '[{"user":"ann","item":"item-3"},{"user":"ann","item":"item-5"}]'
for _ in $(seq 3000); do curl -s "$url/users/ann/history" | jq -e '.seq == 2' >/dev/null && break; sleep 0.1; done
watched=$(sed -n 's/^metrics on \(.*\)$/\1/p' "$work/ingestd.log")
for _ in $(seq 3000); do curl -s "$watched" >"$work/metrics"; grep -q '^solid_ingest_commits_total [1-9]' "$work/metrics" && grep -q '^solid_ingest_lag_events 0' "$work/metrics" &&
  grep -q '^solid_freshness_params_seconds_count 5' "$work/metrics" && break; sleep 0.1; done
for name in 'solid_ingest_partition_lag_events{partition="0"} 0' 'solid_ingest_partition_lag_events{partition="1"} 0' 'solid_ingest_lag_events 0' \
  'solid_ingest_commit_seconds_count [1-9]' 'solid_ingest_forgotten_total 2' 'solid_freshness_window_seconds_count 5' 'solid_freshness_params_seconds_count 5' \
  'solid_store_epoch_info{epoch="[0-9a-f]*"} 1' 'solid_store_evicted_keys_total 0' 'solid_store_connections_total 1' 'solid_ingest_generation_live 1'; do
  grep -q "^$name" "$work/metrics" || die "no $name in: $(cat "$work/metrics")"
done
ask 200 /metrics
grep -q '^solid_store_evicted_keys_total 0' <<<"$body" || die "no evictions"
# ---- the broker goes: one line an outage in each program's own words, none of librdkafka's ----
for event in $(seq 100); do echo "{\"user\":\"u$event\",\"item\":\"item-3\",\"ts\":1690000000000}"; done >"$work/events"
"$bin/solid_send" --data "$work/events" --format lines --rate 20 --brokers "$kafka" --topic events --kafka.message.timeout.ms=3000 \
  2>"$work/send.log" &
sender=$!
for _ in $(seq 3000); do curl -s "$url/users/u1/history" | jq -e '.seq == 1' >/dev/null && break; sleep 0.1; done
kill -9 "$broker"
wait "$sender" && die "solid_send has delivered all: $(cat "$work/send.log")"
[ "$(grep -c '^solid_send: kafka: ' "$work/send.log")" = 1 ] || die "not one line an outage: $(cat "$work/send.log")"
! grep -v '^solid_send: ' "$work/send.log" || die "lines that are not the program's"
ask 503 /events -d '{"user":"ann","item":"item-7"}'
is '.error.code == "broker_away"'
ask 503 /users/bob -X DELETE
is '.error.code == "broker_away"'
ask 200 '/recommend?user=ann'
stop
[ "$(grep -c ' error solid_serve.*: kafka: ' "$work/serve.err")" = 1 ] || die "not one line an outage: $(cat "$work/serve.err")"
! grep '^%' "$work/serve.err" || die "lines that are not the program's"
echo "serve_topic: passed"
