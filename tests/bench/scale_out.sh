#!/usr/bin/env bash
# What a second consumer and a second reader add, on a Redis Cluster of three nodes: events/s and answers/s, and where the processor time
# goes: of each process, of each node, of the broker; commands and bytes an event or answer at Redis. What solid_plan says stands below.
# On a machine of few cores all of them share these: what limits is then the sum, which is printed as cores busy.
#   scale_out.sh BUILD [SECONDS]      wants redis-server, redis-cli, wrk; the broker is mini_broker, in memory
set -uo pipefail
build=$(cd "${1:?usage: scale_out.sh BUILD [SECONDS]}" && pwd) seconds=${2:-6}
bin=$build/bin here=$(cd "$(dirname "$0")/.." && pwd) users=2000 items=2000 partitions=4 events=${SOLID_BENCH_EVENTS:-240000}
. "$here/examples/serve_lib.sh"
. "$here/support/new_port.sh"
for tool in redis-server redis-cli wrk curl; do command -v $tool >/dev/null || { echo "[SKIP] $tool is not installed"; exit 77; }; done
"$bin/make_dataset" --out "$work/data" --users 600 --items $items >/dev/null || die "make_dataset"
seq 0 $((items - 1)) | awk '{printf "{\"user\": \"all%d\", \"item\": \"item-%d\", \"event\": \"view\", \"ts\": %.0f}\n", $1 / 20, $1, 1500000000000 + $1}' >>"$work/data/events.jsonl"
"$bin/solid_train" --defaults fixed --data "$work/data/events.jsonl" --out "$work/m" --head solid --rank 16 --epochs 1 --threads 2 >"$work/train.log" 2>&1 ||
  die "solid_train: $(tail -n 3 "$work/train.log")"

# ---- servers ----
nodes=() redis_pids=()
for _ in 1 2 3; do
  new_port
  mkdir "$work/$port"
  redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work/$port" --cluster-enabled yes --cluster-port $((port + 10000)) \
    --loglevel warning >/dev/null 2>&1 &
  pids+=($!) redis_pids+=($!) nodes+=("$port")
done
for port in "${nodes[@]}"; do for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.05; done; done
redis-cli --cluster create "${nodes[@]/#/127.0.0.1:}" --cluster-yes >"$work/cluster.log" 2>&1 || die "no cluster: $(tail -n 3 "$work/cluster.log")"
for _ in $(seq 100); do redis-cli -p "${nodes[0]}" cluster info | grep -q 'cluster_state:ok' && break; sleep 0.1; done
"$bin/mini_broker" --topic events --partitions $partitions >"$work/broker.txt" 2>&1 & broker=$!
for _ in $(seq 100); do [ -s "$work/broker.txt" ] && break; sleep 0.05; done
kafka=$(head -n 1 "$work/broker.txt")
awk -v n="$events" -v u=$users -v m=$items 'BEGIN { srand(5); for (i = 0; i < n; i++)
  printf "{\"user\":\"u%d\",\"item\":\"item-%d\",\"ts\":%.0f}\n", u * rand(), m * rand(), 1690000000000 + i }' >"$work/lines"
"$bin/solid_send" --data "$work/lines" --format lines --brokers "$kafka" --topic events >"$work/send.log" 2>&1 || die "solid_send: $(cat "$work/send.log")"

# ---- what is measured ----
ticks=$(getconf CLK_TCK)
cpu_of() { awk -v t="$ticks" '{print ($14 + $15) / t}' "/proc/$1/stat"; } # seconds of a process; its name has no blank
info() { redis-cli -p "$1" info all | tr -d '\r' | awk -F'[:=,]' -v k="$2" '$1 == k {print $2; exit}'; }
calls() { redis-cli -p "$1" info commandstats | tr -d '\r' | awk -F'[:=,]' '$1 == "cmdstat_evalsha" {n = $3} END {print n + 0}'; }
counter() { curl -s "$1" | awk -v name="$2" '$1 == name {print $2}'; }
taken() { local n=0 at; for at in ${watched[@]+"${watched[@]}"}; do n=$((n + $(counter "$at" 'solid_ingest_events_total{verdict="accepted"}'))); done; echo $n; }
look() { # SUFFIX: notes everything
  local i=0 pid port
  for pid in ${writers[@]+"${writers[@]}"} ${readers[@]+"${readers[@]}"} "$broker" "${redis_pids[@]}"; do eval "cpu_$1_$((i++))=$(cpu_of "$pid")"; done
  i=0
  for port in "${nodes[@]}"; do
    eval "in_$1_$i=$(info "$port" total_net_input_bytes) out_$1_$i=$(info "$port" total_net_output_bytes) calls_$1_$i=$(calls "$port")"
    i=$((i + 1))
  done
  eval "events_$1=$(taken) at_$1=$(date +%s%N)"
}
value() { eval "echo \$$1"; }
writer() { # PREFIX GROUP
  "$bin/solid_ingestd" --model "$work/m" --brokers "$kafka" --topic events --group "$2" --prefix "$1:" --redis "redis://127.0.0.1:${nodes[0]}" --dead-letter-topic '' \
    --listen 127.0.0.1:0 --kafka.session.timeout.ms 6000 --kafka.heartbeat.interval.ms 300 ${limit:-} >"$work/w.out$3" 2>"$work/serve.err" &
  pids+=($!) writers+=($!)
  for _ in $(seq 200); do at=$(sed -n 's/^metrics on \(.*\)$/\1/p' "$work/w.out$3"); [ -z "$at" ] || break; sleep 0.05; done
  watched+=("$at")
}
: >"$work/users"
seq 0 $((users - 1)) | sed 's/^/u/' >"$work/users"
{ echo 'local users = {'; sed 's/.*/"&",/' "$work/users"; echo '}'; echo 'local i = 0
request = function() i = i % #users + 1; return wrk.format("GET", "/recommend?user=" .. users[i]) end'; } >"$work/ask.lua"

# measure NAME WRITERS READERS: one row
measure() {
  local name=$1 n_writers=$2 n_readers=$3 i prefix=${4:-p$1$2$3}
  writers=() readers=() watched=() urls=() wrks=()
  for i in $(seq "$n_writers"); do writer "$prefix" "g$prefix" "$i"; done
  for i in $(seq "$n_readers"); do
    start --model "$work/m" --store redis --redis "redis://127.0.0.1:${nodes[0]}" --prefix "$prefix:" --threads 1
    readers+=("$server") urls+=("$url")
  done
  if [ "$n_writers" -gt 0 ]; then # all of them are at work
    for at in "${watched[@]}"; do
      for _ in $(seq 600); do [ "$(counter "$at" 'solid_ingest_events_total{verdict="accepted"}')" -gt 500 ] && break; sleep 0.05; done
    done
  fi
  for url in ${urls[@]+"${urls[@]}"}; do wrk -t1 -c4 -d"$((seconds + 1))" -s "$work/ask.lua" "$url" >"$work/wrk.${url##*:}" & wrks+=($!); done
  sleep 0.5
  look a
  sleep "$seconds"
  look b
  for i in ${wrks[@]+"${wrks[@]}"}; do wait "$i"; done
  report "$name"
  for i in ${writers[@]+"${writers[@]}"} ${readers[@]+"${readers[@]}"}; do kill -TERM "$i"; wait "$i" 2>/dev/null; done
}
report() {
  local i=0 passed answers=0 each="" node="" total=0 bytes_in=0 bytes_out=0 evals=0 n pid rate
  passed=$(awk -v a="$at_a" -v b="$at_b" 'BEGIN {print (b - a) / 1e9}')
  n=$((events_b - events_a))
  for url in ${urls[@]+"${urls[@]}"}; do answers=$(awk -v s="$answers" '/Requests\/sec/ {print s + $2}' "$work/wrk.${url##*:}"); done
  for pid in ${writers[@]+"${writers[@]}"} ${readers[@]+"${readers[@]}"} broker redis redis redis; do
    used=$(awk -v a="$(value cpu_a_$i)" -v b="$(value cpu_b_$i)" -v s="$passed" 'BEGIN {printf "%.2f", (b - a) / s}')
    total=$(awk -v a="$total" -v b="$used" 'BEGIN {print a + b}')
    case $pid in redis) node="$node $used" ;; broker) of_broker=$used ;; *) each="$each $used" ;; esac
    i=$((i + 1))
  done
  for i in 0 1 2; do
    bytes_in=$((bytes_in + $(value in_b_$i) - $(value in_a_$i))) bytes_out=$((bytes_out + $(value out_b_$i) - $(value out_a_$i)))
    evals=$((evals + $(value calls_b_$i) - $(value calls_a_$i)))
  done
  rate=$(awk -v n="$n" -v s="$passed" -v a="$answers" 'BEGIN {printf "%.0f | %.0f", n / s, a}')
  awk -v name="$1" -v rate="$rate" -v each="$each" -v node="$node" -v broker="$of_broker" -v total="$total" -v i="$bytes_in" -v o="$bytes_out" -v e="$evals" \
    -v s="$passed" -v n="$n" -v a="$answers" 'BEGIN {
      done = n + a * s; printf "| %s | %s |%s |%s | %s | %.2f | %.2f | %.0f | %.0f |\n", name, rate, each, node, broker, total, done ? e / done : 0, done ? i / done : 0, done ? o / done : 0 }'
}
echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); $events events of $users users in $partitions partitions; rows of $seconds s; batches as they come"
echo '| | events/s | answers/s | cores of each solid_ingestd or solid_serve | cores of each Redis node | broker | all of them | commands each | bytes in each | bytes out each |'
echo '|---|---|---|---|---|---|---|---|---|---|'
measure "one consumer" 1 0 c1
measure "two consumers" 2 0 c2
measure "one reader" 0 1 c2
measure "two readers" 0 2 c2
measure "two consumers, two readers" 2 2 c3
"$bin/solid_plan" --model "$work/m" --users $users --id-bytes 5 --prefix c1: --rate 10000 --answers 2000 | sed -n '/events\/s/,$p'
