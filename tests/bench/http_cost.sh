#!/usr/bin/env bash
# What HTTP costs beside the question itself, in one run: processor time a request of solid_serve (getrusage's, as its /metrics have it)
# for /health/live, which does nothing, and for /recommend of users who are in the store, by wrk over connections that are kept;
# and of solid_recommend alone, over the same model and users (bench_serve).
#   http_cost.sh BUILD [SECONDS [ROUNDS]]        wants wrk (Debian); the model has Beauty's shapes: 12,101 items, width 64, windows of 50
set -uo pipefail
build=$(cd "${1:?usage: http_cost.sh BUILD [SECONDS [ROUNDS]]}" && pwd) seconds=${2:-2} rounds=${3:-7}
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
measure() { # FILE WRK-ARGUMENTS: "CPU-us requests/s p50 p99" into the file
  local to=$1 before after requests
  shift
  before=$(used)
  wrk -t1 -c4 -d"$seconds" --latency "$@" >"$work/wrk"
  after=$(used)
  requests=$(awk '/requests in/ {print $1}' "$work/wrk")
  ! grep -q 'Non-2xx' "$work/wrk" || die "$to: $(grep Non-2xx "$work/wrk")"
  awk -v a="$before" -v b="$after" -v n="$requests" '/Requests\/sec/ {rate = $2} $1 == "50%" {p50 = $2} $1 == "99%" {p99 = $2}
    END {printf "%.1f %.0f %s %s\n", 1e6 * (b - a) / n, rate, p50, p99}' "$work/wrk" >>"$work/$to"
}
bare() {
  "$build/tests/bench/bench_serve" --no-redis --queries 20000 --model "$work/m.safetensors" --data "$work/some.jsonl" 2>/dev/null |
    awk '$1 == "memory" && $2 == "warm" {print $NF}' >>"$work/bare"
}
for _ in $(seq $rounds); do # in turn: neighbours on the machine come and go
  measure empty "$url/health/live"
  measure recommend -s "$work/ask.lua" "$url"
  bare
done
stop
middle() { sort -g "$work/$1" | sed -n "$(((rounds + 1) / 2))p"; } # the round of the middle processor time
row() { printf '| %s | %s | %s | %s | %s |\n' "$@"; }
echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); one thread of solid_serve, 4 connections, the middle one of $rounds rounds of $seconds s each"
printf '| | processor time, us | requests/s | p50 | p99 |\n|---|---|---|---|---|\n'
row "an empty handler (/health/live)" $(middle empty)
row "/recommend, parameters in memory" $(middle recommend)
printf '| solid_recommend alone | %s | | | |\n' "$(middle bare)"
awk -v b="$(middle bare)" -v e="$(middle empty | cut -d' ' -f1)" -v c="$(middle recommend | cut -d' ' -f1)" 'BEGIN {
  printf "\nallowed: %.1f us (the call + 1.5 times an empty handler); it takes %.1f: %s\n", b + 1.5 * e, c, c <= b + 1.5 * e ? "met" : "MISSED"}'
