#!/usr/bin/env bash
# What HTTP costs beside the question itself: CPU time a request of solid_serve (getrusage's, by /proc) for /health/live, which does
# nothing, and for /recommend of users who are in the store, by wrk over connections that are kept, in one run.
#   http_cost.sh BUILD [SECONDS]        wants wrk (Debian); the model has Beauty's shapes: 12,101 items, width 64, windows of 50
set -uo pipefail
bin=$1/bin seconds=${2:-8}
command -v wrk >/dev/null || { echo "[SKIP] wrk is not installed"; exit 77; }
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/examples/serve_lib.sh"
"$bin/make_dataset" --out "$work/data" --users 2000 --items 12101 >/dev/null || die "make_dataset"
"$bin/solid_train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --titles "$work/data/titles.json" \
  --out "$work/m.safetensors" --head solid --epochs 1 --keep-unseen-items --threads 2 >"$work/train.log" 2>&1 ||
  "$bin/solid_train" --data "$work/data/events.jsonl" --titles "$work/data/titles.json" --out "$work/m.safetensors" --head solid --epochs 1 --threads 2 >"$work/train.log" 2>&1 || die "$(tail -n 3 "$work/train.log")"
start --model "$work/m.safetensors" --threads 1
head -n 20000 "$work/data/events.jsonl" | jq -c '{user, item, ts}' | split -l 2000 - "$work/part."
for part in "$work"/part.*; do jq -sc . "$part" >"$work/body.json"; ask 200 /events --data-binary @"$work/body.json"; done
jq -r .user "$work/part.aa" | sort -u | head -n 200 >"$work/users"
{ echo 'local users = {'; sed 's/.*/"&",/' "$work/users"; echo '}'; echo 'local i = 0
request = function() i = i % #users + 1; return wrk.format("GET", "/recommend?user=" .. users[i]) end'; } >"$work/ask.lua"
ticks() { awk '{print $14 + $15}' "/proc/$server/stat"; }
measure() { # NAME WRK-ARGUMENTS
  local name=$1 before after requests
  shift
  before=$(ticks)
  wrk -t1 -c4 -d"$seconds" --latency "$@" >"$work/wrk"
  after=$(ticks)
  requests=$(awk '/requests in/ {print $1}' "$work/wrk")
  grep -q 'Non-2xx' "$work/wrk" && die "$name: $(grep Non-2xx "$work/wrk")"
  cpu=$(awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" -v n="$requests" 'BEGIN {printf "%.1f", 1e6 * t / hz / n}')
  printf '%-12s %9s requests/s   %6s us CPU a request   p50 %s   p99 %s\n' "$name" "$(awk '/Requests\/sec/ {print $2}' "$work/wrk")" "$cpu" \
    "$(awk '$1 == "50%" {print $2}' "$work/wrk")" "$(awk '$1 == "99%" {print $2}' "$work/wrk")"
}
measure nothing "$url/health/live"
empty=$cpu
measure recommend -s "$work/ask.lua" "$url"
bare=$(curl -s "$url/metrics" | awk '/^solid_answer_seconds_sum{source="cache"}/ {s = $2} /^solid_answer_seconds_count{source="cache"}/ {n = $2} END {printf "%.1f", 1e6 * s / n}')
echo "the question itself: $bare us; recommend may cost $(awk -v b="$bare" -v e="$empty" 'BEGIN {printf "%.1f", b + 1.5 * e}') us (the question + 1.5 times nothing), and costs $cpu"
stop
