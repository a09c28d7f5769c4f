#!/usr/bin/env bash
# What is watched: solid_ingestd's metrics and health over a file of events, and that alert rules and board of examples/deploy
# ask for metrics that there are. promtool (Debian: prometheus) checks all of it, and is skipped by name where it is absent.
#   watch.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
deploy=$here/../../examples/deploy
. "$here/serve_lib.sh"
needs curl jq
make_model m.safetensors 1

# ---- solid_ingestd ----
mkfifo "$work/pipe"
"$bin/solid_ingestd" --model "$work/m.safetensors" --store memory --from-file "$work/pipe" --listen 127.0.0.1:0 --batch-size 4 \
  --log-format json >"$work/serve.out" 2>"$work/serve.err" &
server=$!
exec 3>"$work/pipe"
for _ in $(seq 3000); do
  url=$(sed -n 's/^metrics on \(http.*\)\/metrics$/\1/p' "$work/serve.out")
  [ -z "$url" ] || break
  sleep 0.05
done
[ -n "$url" ] || die "solid_ingestd does not listen: $(cat "$work/serve.err")"
ask 200 /health/live
now=$(date +%s%3N)
{ echo '{"user":"u1"}' && for i in $(seq 16); do echo "{\"user\":\"u$((i % 4))\",\"item\":\"item-$i\",\"ts\":$((now - 1000))}"; done; } >&3
later=0
for _ in $(seq 3000); do # a file's counts are told between batches: one of four now and then
  for i in 1 2 3 4; do echo "{\"user\":\"u$i\",\"item\":\"item-$i\",\"ts\":$((now - 1000))}"; done >&3
  later=$((later + 4))
  sleep 0.5
  [ "$(metric solid_ingest_applied_total)" -ge 16 ] && [ "$(metric 'solid_ingest_events_total{verdict="no_item"}')" = 1 ] && break
done
[ "$(metric solid_ingest_applied_total)" -ge 16 ] || die "applied: $(metric solid_ingest_applied_total)"
[ "$(metric 'solid_ingest_events_total{verdict="no_item"}')" = 1 ] || die "the rejected line is not counted"
ask 200 /health/ready
is '.status == "ready"'
applied=$(metric solid_ingest_applied_total) fresh=$(metric solid_freshness_params_seconds_count) # which is counted earlier
[ "$fresh" -ge "$applied" ] && [ "$fresh" -le $((16 + later)) ] || die "freshness of $fresh events, $applied applied"
[ "$(metric 'solid_freshness_params_seconds_bucket{le="0.5"}')" = 0 ] || die "events of a second ago are fresher than half a second"
[ "$(metric 'solid_freshness_window_seconds_bucket{le="60"}')" -ge "$applied" ] || die "windows are not stored within a minute"
[ "$(metric 'solid_store_round_trip_seconds_count{call="put_params"}')" -ge 1 ] || die "no round trips are timed"
ask 200 /metrics
for name in 'solid_store_epoch_info{epoch="[0-9a-f]*"} 1' 'solid_generation_info{generation="[0-9a-f]*",which="own"} 1' 'solid_ingest_generation_live 1' \
  'solid_generate_seconds_count [1-9]' 'process_cpu_seconds_total [0-9.]*'; do
  grep -q "^$name" <<<"$body" || die "no $name in: $body"
done
curl -s "$url/metrics" >"$work/metrics"
exec 3>&-
wait "$server" || die "solid_ingestd ended with $?"
tail -n 1 "$work/serve.out" | grep -q "^events $((17 + later)) " || die "the last line: $(tail -n 1 "$work/serve.out")"
jq -es 'all(.[]; .time and .program == "solid_ingestd")' "$work/serve.err" >/dev/null || die "lines are no JSON: $(cat "$work/serve.err")"

# ---- rules and board ask for what there is ----
start --model "$work/m.safetensors" --warm-up 100/s
ask 200 '/recommend?user=u1'
ask 200 /events -d '{"user":"u1","item":"item-2"}'
for _ in $(seq 3000); do curl -s "$url/metrics" | grep -q '^solid_store_epoch_info{epoch="[0-9a-f]\{32\}"} 1$' && break; sleep 0.1; done
ask 200 /metrics
for name in 'solid_store_epoch_info{epoch="[0-9a-f]*"} 1' 'solid_store_users 1' 'solid_store_bytes [1-9]' 'solid_generate_seconds_count 1' \
  'solid_store_round_trip_seconds_count{call="get"} 1' 'solid_store_round_trip_seconds_count{call="advance"} 1' \
  'solid_generation_info{generation="[0-9a-f]*",which="current"} 1' 'process_cpu_seconds_total [0-9.]*' 'process_resident_memory_bytes [1-9]'; do
  grep -q "^$name" <<<"$body" || die "no $name in: $body"
done
ask 200 '/recommend?user=u1'
ask 200 /events -d "[{\"user\":\"u1\",\"item\":\"item-1\",\"event\":\"impression\",\"answer\":$(jq .id <<<"$body")}]"
curl -s "$url/metrics" >>"$work/metrics"
stop
sed -n 's/^# TYPE \([a-z_]*\) \(.*\)$/\1 \2/p' "$work/metrics" |
  awk '{print $1; if ($2 == "histogram") {print $1 "_bucket"; print $1 "_sum"; print $1 "_count"}}' | sort -u >"$work/names"
{ jq -r '.panels[].targets[].expr' "$deploy/board.json" && grep -E '^ *expr:' "$deploy/alerts.yml"; } | grep -oE 'solid_[a-z_]+' | grep -vE '^solid_(serve|ingestd)$' |
  sort -u >"$work/asked"
[ "$(wc -l <"$work/asked")" -gt 15 ] || die "rules and board ask for little"
unknown=$(comm -13 "$work/names" "$work/asked" | grep -v '^solid_$')
[ -z "$unknown" ] || die "asked for, and nowhere to be had: $unknown"
if ! command -v promtool >/dev/null; then
  echo "[SKIP] promtool is not installed (cmake/install-packages.sh watch)"
  exit 77
fi
promtool check rules "$deploy/alerts.yml" >"$work/promtool" 2>&1 || die "$(cat "$work/promtool")"
promtool check config "$deploy/prometheus.yml" >"$work/promtool" 2>&1 || die "$(cat "$work/promtool")"
promtool test rules "$deploy/alerts_test.yml" >"$work/promtool" 2>&1 || die "$(cat "$work/promtool")"
jq -r '.panels[].targets[].expr' "$deploy/board.json" | sed 's/\$__rate_interval/5m/g' | jq -R . | jq -s '{groups: [{name: "board", rules: [.[] | {record: "x", expr: .}]}]}' >"$work/board.yml"
promtool check rules "$work/board.yml" >"$work/promtool" 2>&1 || grep -q 'duplicate rules' "$work/promtool" || die "the board: $(cat "$work/promtool")"
echo "watch: passed"
