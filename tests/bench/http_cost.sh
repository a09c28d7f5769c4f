#!/usr/bin/env bash
# What HTTP costs beside the question itself, in one run: processor time a request of solid_serve (getrusage's, as its /metrics have it)
# for /health/live, which does nothing, and for /recommend of users who are in the store, by wrk over connections that are kept;
# and of solid_recommend alone, over the same model and users (bench_serve).
#   http_cost.sh BUILD [SECONDS]        wants wrk (Debian); the model has Beauty's shapes: 12,101 items, width 64, windows of 50
set -uo pipefail
build=$(cd "${1:?usage: http_cost.sh BUILD [SECONDS]}" && pwd) seconds=${2:-8}
bin=$build/bin here=$(cd "$(dirname "$0")/.." && pwd)
command -v wrk >/dev/null || { echo "[SKIP] wrk is not installed"; exit 77; }
. "$here/examples/serve_lib.sh"
. "$here/bench/stream_lib.sh"
make_large_model m.safetensors
head -n 20000 "$work/large/events.jsonl" | sort -s -t'"' -k4,4 >"$work/some.jsonl" # a user's events side by side, as bench_serve wants them
start --model "$work/m.safetensors" --threads 1
jq -c '{user, item, ts}' "$work/some.jsonl" | split -l 2000 - "$work/part."
for part in "$work"/part.*; do jq -sc . "$part" >"$work/body.json"; ask 200 /events --data-binary @"$work/body.json"; done
jq -r .user "$work/some.jsonl" | sort -u | head -n 200 >"$work/users"
{ echo 'local users = {'; sed 's/.*/"&",/' "$work/users"; echo '}'; echo 'local i = 0
request = function() i = i % #users + 1; return wrk.format("GET", "/recommend?user=" .. users[i]) end'; } >"$work/ask.lua"
used() { metric process_cpu_seconds_total; }
measure() { # NAME WRK-ARGUMENTS
  local name=$1 before after requests
  shift
  before=$(used)
  wrk -t1 -c4 -d"$seconds" --latency "$@" >"$work/wrk"
  after=$(used)
  requests=$(awk '/requests in/ {print $1}' "$work/wrk")
  ! grep -q 'Non-2xx' "$work/wrk" || die "$name: $(grep Non-2xx "$work/wrk")"
  cpu=$(awk -v a="$before" -v b="$after" -v n="$requests" 'BEGIN {printf "%.1f", 1e6 * (b - a) / n}')
  printf '| %s | %s | %.0f | %s | %s |\n' "$name" "$cpu" "$(awk '/Requests\/sec/ {print $2}' "$work/wrk")" "$(awk '$1 == "50%" {print $2}' "$work/wrk")" \
    "$(awk '$1 == "99%" {print $2}' "$work/wrk")"
}
echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); one thread of solid_serve, 4 connections, $seconds s each"
printf '| | processor time, us | requests/s | p50 | p99 |\n|---|---|---|---|---|\n'
measure "an empty handler (/health/live)" "$url/health/live"
empty=$cpu
measure "/recommend, parameters in memory" -s "$work/ask.lua" "$url"
bare=$("$build/tests/bench/bench_serve" --no-redis --queries 20000 --model "$work/m.safetensors" --data "$work/some.jsonl" 2>/dev/null |
  awk '$1 == "memory" && $2 == "warm" {print $NF}')
printf '| solid_recommend alone | %s | | | |\n' "$bare"
awk -v b="$bare" -v e="$empty" -v c="$cpu" 'BEGIN {printf "\nallowed: %.1f us (the call + 1.5 times an empty handler); it takes %.1f: %s\n", b + 1.5 * e, c, c <= b + 1.5 * e ? "met" : "MISSED"}'
stop
