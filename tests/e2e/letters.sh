#!/usr/bin/env bash
# Dead letters looked at and sent again, on a real Apache Kafka and a real Redis:   letters.sh BUILD_DIR
#
# A model of 30 items rejects what is about items 30 .. 39. Then a model of 40 items takes over, and solid_send sends the
# rejected events again: each once, in their order, to the partition they came from. Exit code 77 = skipped, with the
# reason.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: letters.sh BUILD_DIR}" && pwd)
# shellcheck source=tests/e2e/kafka.sh
. "$here/kafka.sh"
. "$here/../support/servers.sh"
needs redis-server redis-cli kcat
cache=$here/../../build/kafka
kafka_fetch "$cache" || exit $?

service="" tool=$build/tests/e2e/kafka_tool dead=events.dead-letter
has() { grep -qF -- "$1" "$work/said" || { cat "$work/said"; return 1; }; }
send() { # CODE flags...: what it says is in "said"
  local code=$1 got
  shift
  timeout 600 "$build/bin/solid_send" --brokers "$kafka_brokers" "$@" >"$work/said" 2>&1
  got=$?
  [ "$got" = "$code" ] || { echo "exit code $got, not $code:"; cat "$work/said"; return 1; }
}
size_of() { "$tool" offsets "$kafka_brokers" letters "$1" | sed -n 's/^committed [0-9]* of \([0-9]*\).*/\1/p'; } # TOPIC
serve() { # MODEL: until everything in the topic is committed
  "$build/bin/solid_ingestd" --model "$1" --brokers "$kafka_brokers" --topic events --group letters --store redis \
    --redis "127.0.0.1:$redis_port" --kafka.session.timeout.ms=6000 >>"$work/ingestd.log" 2>&1 & service=$!
  local size
  size=$(size_of events)
  [ -n "$size" ] && "$tool" wait "$kafka_brokers" letters events "$size" || die "the topic is not read"
  kill -TERM "$service"
  wait "$service" || die "the service ended with $?"
  service=""
}
take_over() { # the model of 40 items is live from now on, as solid_serve makes it
  ln -s small "$work/current"
  : >"$work/serve.log"
  "$build/bin/solid_serve" --model "$work/current" --store redis --redis "127.0.0.1:$redis_port" --listen 127.0.0.1:0 \
    >"$work/serve.log" 2>&1 & service=$!
  within grep -q 'http://' "$work/serve.log"
  ln -sfn large "$work/current"
  kill -HUP "$service"
  within grep -q 'is live for 100' "$work/serve.log"
  kill -TERM "$service"
  wait "$service" && service="" && grep -q 'is live for 100' "$work/serve.log" || die "the model does not take over: $(cat "$work/serve.log")"
}
put() { # PARTITION KEY LINE
  printf '%s\n' "$3" | kcat -P -b "$kafka_brokers" -t events -p "$1" -k "$2" || die "cannot put $3"
}

kafka_start "$cache" "$work/kafka" || die "Apache Kafka does not start"
start_redis
"$build/tests/e2e/make_model" "$work/small" 30 && "$build/tests/e2e/make_model" "$work/large" 40 || die "no model"
"$tool" create "$kafka_brokers" events 2 && "$tool" create "$kafka_brokers" $dead 1 || die "no topic"

echo "== rejected"
"$tool" put "$kafka_brokers" events 0 400 1 >"$work/events" || die "cannot put"
for part in 0 1; do # one key in two partitions: a partitioner would bring both into one
  put $part key '{"user": "part'$part'", "item": "item-33", "ts": 1690000000500}'
  printf 'part%s\titem-33\t1690000000500\n' $part >>"$work/events"
done
put 0 x $'no \033[31mJSON'
put 0 x "$(head -c 70000 /dev/zero | tr '\0' x)"
put 1 x '{"user": "u1", "item": "ghost", "ts": 1690000000600}'
serve "$work/small"
known='$2 !~ /^item-3.$/'
awk -F'\t' "$known" "$work/events" >"$work/expected"
awk -F'\t' "!($known)" "$work/events" >"$work/again"
again=$(wc -l <"$work/again") before=$(size_of events) letters=$(size_of $dead)
expect "$again events about 10 items are rejected" is "$letters" $((again + 3))
printf 'by another program\n' | kcat -P -b "$kafka_brokers" -t $dead

echo "== looked at"
expect "the list" send 0 --from-dead-letters $dead --list
expect "counts by reason" has "$((again + 1))  unknown_item "
expect "and what has none" has "1  - "
expect "in all" has "$((letters + 1))  dead letters"
expect "shows what came, from where" has 'not_json, events [0] at '
expect "without what controls a terminal" has 'no \x1b[31mJSON'
expect "of one reason" send 0 --from-dead-letters $dead --list --reason too_large
expect "no other is counted" has "1  dead letters"
expect "nothing is sent" is "$(size_of events)" "$before"

echo "== sent again"
take_over
serve "$work/large"
expect "a limit" send 0 --from-dead-letters $dead --reason unknown_item --limit 10
expect "is kept" has '10 events, 10 delivered, 0 failed'
sent=$(size_of events)
"$build/bin/solid_send" --brokers "$kafka_brokers" --from-dead-letters $dead --reason unknown_item --rate 5 >"$work/said" 2>&1 & sender=$!
more() { [ "$(size_of events)" -gt "$sent" ]; }
within more || die "nothing is sent"
kill -TERM $sender
wait $sender
expect "SIGTERM ends it" is $? 0
some=$(sed -n 's/^solid_send: \([0-9]*\) events, \1 delivered.*/\1/p' "$work/said")
expect "in between, after ${some:=0}" [ "$some" -gt 0 -a "$some" -lt "$((again - 9))" ]
expect "the others" send 0 --from-dead-letters $dead --reason unknown_item
expect "and no more" has "$((again - 9 - some)) events, $((again - 9 - some)) delivered"
expect "a second run" send 0 --from-dead-letters $dead --reason unknown_item
expect "sends nothing" has '0 events, 0 delivered'
expect "each is in the topic once more" is "$(size_of events)" $((before + again + 1))
for part in 0 1; do
  expect "in the partition it came from: $part" is "$(kcat -C -q -e -b "$kafka_brokers" -t events -p $part | grep -c "\"part$part\"")" 2
done
expect "what was cut" send 0 --from-dead-letters $dead --reason too_large
expect "is not sent" has '1 not sent: too large'
serve "$work/large"
cat "$work/again" >>"$work/expected"
expect "every window has each event once, the late ones at its end" \
  "$build/tests/e2e/check_store" "$work/large" "$redis_port" "$work/expected"
expect "what is unknown still" send 0 --from-dead-letters $dead --reason unknown_item
expect "is a dead letter again, and sent again" has '1 events, 1 delivered'

echo "== what cannot work"
expect "no such topic" send 5 --from-dead-letters nowhere --list --timeout-ms 3000
"$tool" delete "$kafka_brokers" events || die "topic events stays"
expect "the topic that they came from is gone" send 5 --from-dead-letters $dead --reason not_json --timeout-ms 3000
expect "names it" has "topic 'events'"
"$tool" create "$kafka_brokers" events 2 || die "no topic"
expect "and nothing was taken for sent" send 0 --from-dead-letters $dead --reason not_json
expect "the letter is sent" has '1 events, 1 delivered'
[ "$failures" = 0 ] || die "$failures checks"
