#!/usr/bin/env bash
# A picture of the board over one run: a real Prometheus scrapes solid_serve and solid_ingestd, between a real Kafka and a Redis, while
# events come and questions are asked, the model changes, Redis stands still, and a burst of events comes; then every panel's own
# expressions are asked of it and drawn with gnuplot.
#   board.sh BUILD OUT.png [SECONDS]      wants prometheus, gnuplot, wrk, redis-server, a real Kafka (Maven fetches it)
set -uo pipefail
build=$(cd "${1:?usage: board.sh BUILD OUT.png [SECONDS]}" && pwd) out=$(realpath -m "${2:?usage: board.sh BUILD OUT.png [SECONDS]}") seconds=${3:-90}
bin=$build/bin here=$(cd "$(dirname "$0")/.." && pwd) users=4000
for tool in prometheus gnuplot wrk jq; do command -v $tool >/dev/null || { echo "[SKIP] $tool is not installed"; exit 77; }; done
. "$here/examples/serve_lib.sh"
. "$here/e2e/kafka.sh"
. "$here/bench/stream_lib.sh"
board=$here/../examples/deploy/board.json
make_large_model m.safetensors
"$bin/solid_train" --defaults fixed --data "$work/large/events.jsonl" --titles "$work/large/titles.json" --out "$work/n.safetensors" --head solid --epochs 1 --rank 16 --threads 2 >/dev/null
servers_up
topic events 2 message.timestamp.type=LogAppendTime
new_port
listen=127.0.0.1:$port
ingest board events --redis "$work/redis.sock"
start --model "$work/m.safetensors" --store redis --redis "$work/redis.sock" --warm-up 400/s
new_port
cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
  - {job_name: solid_serve, static_configs: [{targets: ["${url#http://}"]}]}
  - {job_name: solid_ingestd, static_configs: [{targets: ["$(sed 's|http://||; s|/metrics||' <<<"$watched")"]}]}
YAML
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address="127.0.0.1:$port" --log.level=error 2>"$work/prometheus.log" &
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null && break; sleep 0.1; done
began=$(date +%s)
# two items in a hundred are unknown to the model
"$build/tests/bench/bench_topic" pace "$kafka_brokers" events $users $((items + 200)) 500 "$seconds" 2>/dev/null &
echo 'local i = 0
request = function() i = (i * 7 + 11) % 4000; return wrk.format("GET", "/recommend?user=u" .. i .. "&fallback=popularity") end
delay = function() return 8 end' >"$work/ask.lua"
wrk -t1 -c2 -d"$seconds" -s "$work/ask.lua" "$url" >/dev/null &
clicks() { # one answer in five is clicked
  local n=0 id
  while [ $(($(date +%s) - began)) -lt "$seconds" ]; do
    n=$((n + 1))
    if [ $((n % 2)) = 0 ]; then id=$(curl -s "$url/recommend?user=u$((n % 50))" | jq -r .id)
    else id=$(curl -s "$url/recommend" -d "{\"session\":[\"item-$((n % 900))\"]}" | jq -r .id); fi
    curl -s -o /dev/null "$url/events" -d "[{\"user\":\"u$((n % 50))\",\"item\":\"item-$((n % 700))\",\"event\":\"impression\",\"answer\":\"$id\"}$([ $((n % 5)) -gt 0 ] || echo ",{\"user\":\"u$((n % 50))\",\"item\":\"item-$((n % 700))\",\"event\":\"click\",\"answer\":\"$id\"}")]"
    sleep 0.1
  done
}
clicks &
at() { local left=$((began + seconds * $1 / 100 - $(date +%s))); [ "$left" -le 0 ] || sleep "$left"; }
at 30 # another model
cp "$work/n.safetensors" "$work/m.next" && mv "$work/m.next" "$work/m.safetensors"
at 40 # solid_ingestd has left parameters to the questions meanwhile: it is started with that model, too
ingest_end
ingest board events --redis "$work/redis.sock"
at 55 # Redis stands still for five seconds
redis-cli -s "$work/redis.sock" client pause 5000 all >/dev/null
at 80 # a burst
"$build/tests/bench/bench_topic" fill "$kafka_brokers" events $users $items 20000 2>/dev/null
at 100
stopped=$(date +%s)

n=$(jq '.panels | length' "$board")
{ echo "set terminal pngcairo size 1300,$((220 * ((n + 2) / 3))) font 'sans,9' background '#ffffff'"
  echo "set output '$out'"
  echo "set multiplot layout $(((n + 2) / 3)),3 title 'examples/deploy/board.json over one run of $seconds s: another model at $((seconds * 30 / 100)) s, solid_ingestd has it at $((seconds * 40 / 100)) s, Redis stands still at $((seconds * 55 / 100)) s, 20,000 events at once at $((seconds * 80 / 100)) s' noenhanced"
  echo "set xrange [0:$seconds]; set yrange [0:*]; set grid lc '#dddddd'; set key below samplen 2 spacing 0.9; set datafile missing 'NaN'"
  for i in $(seq 0 $((n - 1))); do
    : >"$work/panel$i"
    while IFS=$'\t' read -r expr legend; do
      curl -s "http://127.0.0.1:$port/api/v1/query_range" --data-urlencode "query=${expr//\$__rate_interval/5s}" --data "start=$began&end=$stopped&step=1" |
        jq -r --arg legend "$legend" --argjson began "$began" '.data.result[] | .metric as $m |
          "\"" + (($legend | gsub("\\{\\{(?<l>\\w+)\\}\\}"; $m[.l] // "")) | gsub("^ +| +$"; "") | if . == "" then "value" else . end) + "\"",
          (.values[] | "\(.[0] - $began) \(.[1])"), "", ""' >>"$work/panel$i"
    done < <(jq -r ".panels[$i].targets[] | [.expr, (.legendFormat // \"\")] | @tsv" "$board")
    series=$(grep -c '^"' "$work/panel$i")
    echo "set title \"$(jq -r ".panels[$i].title" "$board")\" noenhanced"
    if [ "$series" = 0 ]; then echo "set yrange [0:1]; plot -1 title 'none'; set yrange [0:*]"; else
      echo "plot for [i=0:$((series - 1))] '$work/panel$i' index i using 1:2 with lines lw 1.5 title columnheader(1) noenhanced"
    fi
  done
  echo "unset multiplot"
} >"$work/plot"
gnuplot "$work/plot" || die "gnuplot: $(head -n 3 "$work/plot")"
stop
ingest_end
kafka_stop
echo "board: $n panels over $seconds s in $out ($(stat -c %s "$out") bytes)"
