#!/usr/bin/env bash
# From nothing to live recommendations on one machine: installs what is missing, builds, makes a generated data set, trains a
# model, starts Redis and an embedded Kafka broker, streams events through solid_ingestd, and shows how a user's
# recommendations change with new events. Ends with solid_serve answering: its page's address is the last line.
#
#   examples/quickstart.sh                      three or four minutes after the packages, on two cores
#     --data DIR           a real data set instead: DIR/ratings.csv|events.jsonl|*.inter|*.txt and, if there, DIR/movies.csv|items.json|*attributes.json|*.item
#     --kafka HOST:PORT    a real broker instead of the embedded one (the topic is created if need be)
#     --limit N            seconds of training (default 60); the options of training are chosen by the data
#     --sparse             a model made for long histories (window 512, sparse attention); users' states are kept and appended to
#     --keep               leave the servers running until Enter, as on a terminal; model, data and logs are in build/quickstart anyway
set -euo pipefail
cd "$(dirname "$0")/.."

data_dir="" kafka="" limit=60 keep=0 titles="" long=()
while [ $# -gt 0 ]; do
  case $1 in
  --data) data_dir=${2:?--data needs a folder}; shift 2 ;;
  --kafka) kafka=${2:?--kafka needs HOST:PORT}; shift 2 ;;
  --limit) limit=${2:?--limit needs seconds}; shift 2 ;;
  --keep) keep=1; shift ;;
  --sparse) long=(--attention sparse --positions rotary --window 512 --blocks 2 --heads 2); shift ;;
  -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "quickstart: unknown option $1 (see --help)" >&2; exit 2 ;;
  esac
done

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { echo "quickstart: $*" >&2; exit 1; }

say "packages (a minute or two where some are missing)"
cmake/install-packages.sh build run
began=$SECONDS

say "build (a minute or two)"
cmake --preset release -DSOLID_TESTS=OFF >build.quickstart.log 2>&1 && cmake --build --preset release >>build.quickstart.log 2>&1 ||
  { grep -E 'error|Error' -A3 build.quickstart.log | head -n 30; die "the build failed; whole log: build.quickstart.log"; }
rm -f build.quickstart.log
bin=$PWD/build/release/bin work=$PWD/build/quickstart
rm -rf "$work" && mkdir -p "$work"
echo "built in $((SECONDS - began)) s: $("$bin/solid_ingestd" --version | head -n 1)"

pids=()
finish() {
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap finish EXIT

say "data"
if [ -z "$data_dir" ]; then
  "$bin/make_dataset" --out "$work/data"
  echo "(generated: Zipf popularity, latent tastes by genre, sequels, drifting users; nothing in it is real)"
  data=$work/data/events.jsonl attributes=$work/data/items.json titles=$work/data/titles.json
else
  [ -d "$data_dir" ] || die "--data $data_dir: no such folder"
  first() { find "$data_dir" -maxdepth 1 -type f \( "$@" \) | sort | head -n 1; }
  data=$(first -name 'events.jsonl' -o -name '*.inter' -o -name 'ratings.csv' -o -name '[A-Za-z]*.txt' ! -name '*timestamps*' ! -name 'README*' ! -name 'sas_*')
  attributes=$(first -name 'items.json' -o -name '*attributes.json' -o -name '*.item' -o -name 'movies.csv')
  [ -n "$data" ] || die "--data $data_dir: no events.jsonl, *.inter, ratings.csv or *.txt in it"
  echo "events: $data"; echo "attributes: ${attributes:-none}"
fi

say "train the model: $limit seconds"
"$bin/solid_train" --data "$data" ${attributes:+--attributes "$attributes"} ${titles:+--titles "$titles"} --out "$work/model.safetensors" --head solid \
  --limit "$limit" --seed 1 --threads 2 ${long[@]+"${long[@]}"}

say "how good is it? (the last event of every user was kept from training and is to be found among all items)"
"$bin/solid_eval" --model "$work/model.safetensors" --data "$data" --threads 2 --json "$work/metrics.json" >"$work/metrics.txt"
sed -n '/95 % interval/p; /^hr@10 *[01]\./p; /^ndcg@10 *[01]\./p' "$work/metrics.txt"
jq -r 'def percent: (. * 1000 | round) / 10; "that is: for \(.metrics["hr@10"] | percent) % of the users, the item they took next is among the ten recommended; for \(.popularity["hr@10"] | percent) %, among the ten most popular"' "$work/metrics.json"
echo "all figures: build/quickstart/metrics.txt"

broker_name=${kafka:-"an embedded broker (the mock cluster of librdkafka)"}
say "servers: Redis and $broker_name"
free_port() { for _ in $(seq 50); do port=$((20000 + RANDOM % 20000)); (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }; done; die "no free port"; }
redis_port=$(free_port)
redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >"$work/redis.log" 2>&1 &
pids+=($!)
if [ -z "$kafka" ]; then
  "$bin/mini_broker" --topic events --partitions 3 >"$work/broker.txt" 2>"$work/broker.log" &
  pids+=($!)
  for _ in $(seq 100); do [ -s "$work/broker.txt" ] && break; sleep 0.1; done
  kafka=$(grep -oE '[0-9.]+:[0-9]+' "$work/broker.txt" | head -n 1)
  [ -n "$kafka" ] || die "the embedded broker did not start: $(tail -n 3 "$work/broker.log")"
fi
for _ in $(seq 100); do redis-cli -p "$redis_port" ping >/dev/null 2>&1 && break; sleep 0.1; done
echo "redis 127.0.0.1:$redis_port, kafka $kafka"

say "stream the events through solid_ingestd"
topic=events
events=$work/stream.jsonl
"$bin/solid_send" --data "$data" --write "$events" 2>/dev/null || cp "$data" "$events"
"$bin/solid_ingestd" --model "$work/model.safetensors" --brokers "$kafka" --topic "$topic" --group quickstart \
  --store redis --redis "127.0.0.1:$redis_port" --stats-interval 2 >"$work/ingestd.log" 2>&1 &
ingestd=$!
pids+=($ingestd)
"$bin/solid_send" --brokers "$kafka" --topic "$topic" --data "$events"
ask() { "$bin/solid_ask" --model "$work/model.safetensors" --redis "127.0.0.1:$redis_port" "$@"; }
user=$(tail -n 1 "$events" | jq -r .user)
count=$(jq -r .user "$events" | grep -cFx -- "$user")
ask --user "$user" --until-seq "$count" --timeout 60 --quiet >/dev/null || { tail -n 5 "$work/ingestd.log"; die "the events did not arrive"; }
echo "solid_ingestd stored the newest items of every user, and weights made from them: parameters"

say "recommendations of $user before new events"
ask --user "$user" --k 5 --history 5

say "three new events of $user"
item=$(jq -r .item "$events" | sort | uniq -c | sort -k1,1nr | awk 'NR <= 30 {print $2}' | tail -n 3)
ask --user "$user" --until-seq $((count + 3)) --timeout 30 --quiet &
watcher=$!
sleep 1
for clicked in $item; do
  printf '{"user":"%s","item":"%s","event":"view","ts":%s}\n' "$user" "$clicked" "$(date +%s%3N)"
done | tee "$work/new.jsonl" | "$bin/solid_send" --brokers "$kafka" --topic "$topic" --data -
cat "$work/new.jsonl"
wait "$watcher" || { tail -n 5 "$work/ingestd.log"; die "the new events did not arrive"; }

say "recommendations of $user after them"
ask --user "$user" --k 5 --history 5

kill -TERM "$ingestd" && wait "$ingestd" || die "solid_ingestd did not stop cleanly: $(tail -n 3 "$work/ingestd.log")"
say "solid_ingestd drained and stopped"
tail -n 1 "$work/ingestd.log"

if [ -x "$bin/solid_serve" ]; then
  say "solid_serve answers from the same Redis by HTTP"
  ln -sfn model.safetensors "$work/current"
  "$bin/solid_serve" --model "$work/current" --store redis --redis "127.0.0.1:$redis_port" --listen 127.0.0.1:0 --warm-up 2000/s \
    >"$work/serve.txt" 2>"$work/serve.log" &
  pids+=($!)
  for _ in $(seq 100); do grep -q '^listens' "$work/serve.txt" && break; sleep 0.1; done
  url=$(sed -n 's/^listens on \(.*\)$/\1/p' "$work/serve.txt")
  [ -n "$url" ] || die "solid_serve did not start: $(tail -n 3 "$work/serve.log")"
  echo "curl '${url}recommend?user=$user&k=3&reasons=true'"
  curl -sf "${url}recommend?user=$user&k=3&reasons=true" | jq -r '"from \(.source), generation \(.generation)",
    (.items[] | "  \(.title // .item)\(if .reasons.events[0] then ", like \(.reasons.events[0] | .title // .item)" else "" end)")'
  echo "curl -d '{\"user\": \"you\", \"item\": \"$(head -n 1 <<<"$item")\"}' ${url}events"
  curl -sf -d "{\"user\": \"you\", \"item\": \"$(head -n 1 <<<"$item")\"}" "${url}events" | jq -c .
  curl -sf "${url}recommend?user=you&k=3" | jq -r '"you, from \(.source): \([.items[] | .title // .item] | join(", "))"'

  say "another model while it serves: users warmed up, and the way back"
  "$bin/solid_train" --data "$data" ${attributes:+--attributes "$attributes"} ${titles:+--titles "$titles"} --out "$work/second.safetensors" --head solid \
    --epochs 1 --seed 2 --threads 2 | tail -n 1
  model() { curl -sf "${url}model"; }
  before=$(model | jq -r .current)
  ln -sfn second.safetensors "$work/next" && mv -T "$work/next" "$work/current"
  for _ in $(seq 100); do [ "$(model | jq -r .current)" != "$before" ] && break; sleep 0.1; done
  for _ in $(seq 100); do model | jq -e '.warm_up.users > 0 and (.warm_up.running | not)' >/dev/null && break; sleep 0.1; done
  model | jq -c '{current, previous, share, warm_up}'
  curl -sf -d '{"action": "back"}' "${url}model" >/dev/null
  for _ in $(seq 100); do [ "$(model | jq -r .current)" = "$before" ] && break; sleep 0.1; done
  model | jq -c '{current, previous, share}'

  say "what is counted, in ${url}metrics"
  curl -sf "${url}metrics" | grep -E '^solid_(answers_total|events_total|model_switches_total|store_up|generation_info|warm_up_made)' | grep -v ' 0$'
fi

say "done, $((SECONDS - began)) s after the packages"
echo "model, data, metrics and logs: build/quickstart"
echo "the service by itself, without Redis and Kafka:"
echo "  build/release/bin/solid_serve --model build/quickstart/model.safetensors"
echo "with your own data: README.md says how"
[ -n "${url:-}" ] || exit 0
if [ "$keep" = 1 ] || { [ -t 0 ] && [ -t 1 ]; }; then
  echo "a page for people, and /openapi.json for programs: $url"
  read -rp "the servers run until Enter "
else
  echo "a page for people, and /openapi.json for programs, was (--keep leaves it until Enter): $url"
fi
