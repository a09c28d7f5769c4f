#!/usr/bin/env bash
# Items that come and go without training or restart, on a real Apache Kafka and a real Redis:   items.sh BUILD_DIR
#
# A writer (solid_ingestd) and two readers (solid_serve) share a Redis. An item comes through the topic of items: it is
# recommended, clicked through the topic of events, in the window, hidden, and gone. The readers give equal answers all the time.
# Then the writer is killed while items come, and Redis is emptied. Exit code 77 = skipped, with the reason.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: items.sh BUILD_DIR}" && pwd)
# shellcheck source=tests/e2e/kafka.sh
. "$here/kafka.sh"
. "$here/../support/servers.sh"
needs redis-server redis-cli kcat curl jq
cache=$here/../../build/kafka
kafka_fetch "$cache" || exit $?

tool=$build/tests/e2e/kafka_tool
start_writer() {
  "$build/bin/solid_ingestd" --model "$work/model" --brokers "$kafka_brokers" --topic events --items-topic items --group e2e \
    --store redis --redis "127.0.0.1:$redis_port" --spare-items 1 --batch-ms 20 --listen 127.0.0.1:0 \
    --kafka.group.instance.id=one --kafka.session.timeout.ms=6000 >>"$work/writer.log" 2>&1 & writer=$!
}
urls=() readers=()
start_reader() {
  local log=$work/reader${#readers[@]}.log
  "$build/bin/solid_serve" --model "$work/model" --store redis --redis "127.0.0.1:$redis_port" --listen 127.0.0.1:0 \
    --spare-items 1 --max-k 5000 >"$log" 2>&1 &
  readers+=($!)
  within grep -q '^listens on ' "$log" || die "a reader does not listen"
  urls+=("$(sed -n 's/^listens on \(http.*\)\/$/\1/p' "$log")")
}
list() { curl -s "${urls[$1]}/recommend?user=$2&k=${3:-500}"; } # READER USER
ids() { list "$@" | jq -c '[.items[] | [.item, .score]]'; }
has() { list "$1" "$2" | jq -e --arg item "$3" '[.items[].item] | index($item) != null' >/dev/null; }
hasnt() { ! has "$@"; }
agree() { # all readers say the same of these users
  local user
  for user in ann ben; do is "$(ids 0 "$user")" "$(ids 1 "$user")" || return 1; done
}
item() { printf '%s\n' "$2" | kcat -P -b "$kafka_brokers" -t items -k "$1" || die "cannot put $2"; }
click() { printf '{"user":"%s","item":"%s","ts":%s000}\n' "$1" "$2" "$(date +%s)" | kcat -P -b "$kafka_brokers" -t events -k "$1" || die "cannot put"; }
newest() { list_history "$1" "$2" | jq -r '.items[0].item // ""'; }
list_history() { curl -s "${urls[$1]}/users/$2/history"; }
newest_is() { is "$(newest "$1" "$2")" "$3"; }
letters() { kcat -C -q -e -b "$kafka_brokers" -t events.dead-letter -f '.' 2>/dev/null | wc -c; }
entries() { redis-cli -p "$redis_port" hlen solid:items; } # and one for its head

kafka_start "$cache" "$work/kafka" || die "Apache Kafka does not start"
start_redis
"$build/bin/make_dataset" --out "$work/data" --users 300 --items 200 >/dev/null || die "no data"
"$build/bin/solid_train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --out "$work/model" --epochs 1 \
  --width 16 --threads 1 >"$work/train.log" 2>&1 || die "no model"
attributes=$(jq -c '."item-3"' "$work/data/items.json")
for topic in events events.dead-letter items; do "$tool" create "$kafka_brokers" $topic 1 || die "no topic"; done
start_writer
start_reader
start_reader

echo "== one item's life"
click ann item-3
click ben item-5
expect "the first click is in the window" within newest_is 0 ann item-3
within newest_is 0 ben item-5 || die "the second is not"
expect "an item that nobody knows is not recommended" hasnt 0 ann chair
printf '{"item":"chair","title":"A red chair","attributes":%s}\n' "$attributes" >"$work/new.jsonl"
expect "solid_send --items" "$build/bin/solid_send" --items "$work/new.jsonl" --brokers "$kafka_brokers" --topic items
for r in 0 1; do expect "reader $r recommends it" within has $r ann chair; done
expect "both give equal answers" agree
click ann chair
for r in 0 1; do expect "the click is in the window of reader $r" within newest_is $r ann chair; done
expect "what was taken is not recommended" hasnt 0 ann chair
expect "to another user it is" has 1 ben chair
expect "hidden by HTTP, through the other reader" curl -sf "${urls[1]}/items" -d '{"item":"chair","change":"hidden"}'
for r in 0 1; do expect "reader $r does not recommend it" within hasnt $r ben chair; done
click ben chair
expect "hidden items are still taken" within newest_is 0 ben chair
item chair '{"item":"chair","change":"removed"}'
for r in 0 1; do expect "removed: gone from the window of reader $r" within newest_is $r ben item-5; done
before=$(letters)
click ben chair
expect "and its events are dead letters" within eval 'is "$(letters)" $((before + 1))'
expect "nobody was started again" kill -0 "$writer" "${readers[@]}"

echo "== added and clicked at once: the writer reads the log before it rejects"
before=$(letters)
for i in $(seq 20); do
  curl -sf "${urls[$((i % 2))]}/items" -d "{\"item\":\"quick-$i\",\"attributes\":$attributes}" >/dev/null || die "POST /items"
  click ann "quick-$i"
done
expect "all 20 clicks are in the window" within newest_is 1 ann quick-20
expect "none is a dead letter" is "$(letters)" "$before"

echo "== more than there are spare rows for, the writer killed meanwhile"
for i in $(seq 400); do printf '{"item":"many-%s","attributes":%s}\n' "$i" "$attributes"; done >"$work/many.jsonl"
"$build/bin/solid_send" --items "$work/many.jsonl" --brokers "$kafka_brokers" --topic items --rate 800 >/dev/null 2>&1 &
sender=$!
sleep 0.2
kill -KILL "$writer"
wait "$writer" 2>/dev/null
start_writer
wait "$sender" || die "solid_send"
all_there() { is "$(list 0 "$1" 900 | jq '[.items[].item | select(startswith("many-"))] | length')" 400; }
expect "all are recommended" within all_there ann
expect "each is in the log once" is "$(entries)" $((1 + 3 + 20 + 400))
expect "both give equal answers" within agree
click ben many-400
expect "and clicked" within newest_is 1 ben many-400
expect "both give equal answers" within agree
printf 'no json\n{"item":""}\n{"item":"late","attributes":%s}\n' "$attributes" | kcat -P -b "$kafka_brokers" -t items
expect "what is no item is passed over" within has 0 ben late
expect "and told of with its place" grep -q 'items topic items, partition 0, offset 403: passed over: ' "$work/writer.log"

echo "== Redis loses what it held"
redis-cli -p "$redis_port" flushall >/dev/null
expect "readers forget the log's items" within hasnt 0 ben late
expect "and go on" curl -sf "${urls[0]}/recommend?user=ben&k=3"
expect "added again" curl -sf "${urls[0]}/items" -d "{\"item\":\"late\",\"attributes\":$attributes}"
for r in 0 1; do expect "reader $r recommends it" within has $r ben late; done
[ "$failures" = 0 ] || die "$failures checks"
echo "items: all checks"
