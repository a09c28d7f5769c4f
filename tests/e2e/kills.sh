# The service between Kafka and Redis while it is killed, again and again. e2e.sh sources this.
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # of e2e.sh: work, tool, ingestd, kafka_brokers, redis_port, build, rounds

echo "== what cannot work says so"
new_port
nobody=127.0.0.1:$port
timeout 600 "$ingestd" --model "$work/model" --brokers "$nobody" --topic events --group e2e --store redis \
  --redis "127.0.0.1:$redis_port" >"$work/away.log" 2>&1
code=$?
expect "broker away: exit code $code, and its name" [ "$code" -ne 0 -a "$code" -lt 124 ]
expect "the message names the broker" contains "$nobody" "$work/away.log"
(run_service missing.log first)
code=$?
expect "topic missing: exit code $code" [ "$code" -ne 0 -a "$code" -lt 124 ]
expect "the message names the topic" contains "events" "$work/missing.log"

echo "== events"
# Per user in order; every 97th item is unknown, every 131st event is none. Ids with what needs escaping somewhere.
awk -v dir="$work" -v parts=$((5 * rounds)) 'BEGIN {
  srand(1); each = 3000; users = 400
  split("{\"user\": \"u1\"|[1, 2]|{\"item\": \"item-1\", \"ts\": 1}|{\"user\": \"u1\", \"item\": \"item-1\", \"ts\": \"noon\"}", bad, "|")
  split("not_json|not_object|no_user|bad_ts", why, "|")
  for (i = 0; i < parts * each; i++) {
    n = int(users * rand() * rand()); user = n % 50 == 7 ? "ä}{ " n : "u" n
    item = "item-" int(40 * rand()); ts = sprintf("%.0f", 1690000000000 + i)
    if (i % 131 == 7) { k = int(i / 131) % 4 + 1; line = bad[k]; reasons[why[k]]++ }
    else {
      if (i % 97 == 13) { item = "ghost-" i % 5; reasons["unknown_item"]++ }
      else print user "\t" item "\t" ts > (dir "/expected")
      line = "{\"user\": \"" user "\", \"item\": \"" item "\", \"event\": \"view\", \"ts\": " ts "}"
    }
    print user "\t" line > (dir "/part" int(i / each))
  }
  for (w in reasons) print reasons[w], w > (dir "/reasons")
}' || die "no events"
for topic in events:4 events.dead-letter:1; do
  "$tool" create "$kafka_brokers" "${topic%:*}" "${topic#*:}" || die "no topic $topic"
done

# Until a batch is in the socket of a Redis that stands still: more than 1 KiB is what it has not read of a connection. Where
# something small was on its way when Redis stopped, the service waits for that and sends no batch then: fails.
in_socket() {
  awk -v port="$(printf ':%04X' "$redis_port")" '$2 ~ port "$" && $4 == "01" && $5 !~ /:00000[0-3]/ { found = 1 } END { exit !found }' /proc/net/tcp
}
wait_for_batch() {
  for _ in $(seq 40); do in_socket && return; sleep 0.1; done
  return 1
}
# Produces the rest of $1 while Redis stands still, until a batch is on its way: it will be applied, and nobody will have
# committed it. On a loaded machine a try misses in 4 of 10, therefore there are nine.
stop_at_a_batch() {
  local from caught=0
  for from in $(seq 301 300 2701); do
    [ $caught = 1 ] || kill -STOP "$redis"
    sed -n "$from,$((from + 299))p" "$1" >"$work/rest" && produce "$work/rest"
    [ $caught = 1 ] && continue
    wait_for_batch && caught=1 && continue
    echo "no batch was on its way, again"
    kill -CONT "$redis"
    wait_until "$produced"
  done
}

echo "== stream, and kill"
produced=0 kills=0
produce() {
  kcat -P -q -b "$kafka_brokers" -t events -K '\t' -l "$1" || die "cannot produce"
  produced=$((produced + $(wc -l <"$1")))
}
for number in $(seq 0 $((5 * rounds - 1))); do
  before=$produced part=$((number % 5)) events=$work/part$number
  start_service
  if [ "$part" = 3 ]; then
    run_service ingestd-second.log second & second=$!
    sleep 4 # for the group to share the partitions
  fi
  if [ "$part" = 2 ] || [ "$part" = 4 ]; then
    head -n 300 "$events" >"$work/begin" && produce "$work/begin"
    wait_until $((before + 300))
  fi
  if [ "$part" = 4 ]; then
    stop_at_a_batch "$events"
  elif [ "$part" = 2 ]; then
    kill -STOP "$redis"
    tail -n +301 "$events" >"$work/rest" && produce "$work/rest"
  else
    produce "$events"
  fi
  if [ "$part" = 2 ]; then
    sleep 3
    kill -CONT "$redis"
    echo "Redis stood still for 3 s"
  fi
  [ "$part" = 4 ] || wait_until $((before + 700))
  if [ "$part" = 3 ]; then
    kill -KILL "$second" 2>/dev/null || die "the second instance ended by itself"
    wait "$second" 2>/dev/null
    second=""
    echo "a second instance was killed, too"
  fi
  kill_service
  kill -CONT "$redis"
  now=$("$tool" offsets "$kafka_brokers" e2e events | sed -n 's/^committed \([0-9]*\) of.*/\1/p')
  echo "killed at $now committed of $produced"
  [ "$now" -lt "$produced" ] && kills=$((kills + 1))
done
finish() { # waits for the end of the topic and asks the service to end; its last line is in $work/last
  wait_until "$produced"
  kill -TERM "$service"
  wait "$service"
  code=$?
  service=""
  tail -n 1 "$work/ingestd.log" | tee "$work/last"
}
start_service
finish

echo "== count"
expect "killed in mid-stream $kills times" [ "$kills" -ge $((3 * rounds)) ]
expect "SIGTERM drains: exit code $code" [ "$code" -eq 0 ]
expect "offsets committed to the end" "$tool" offsets "$kafka_brokers" e2e events
expect "every event exactly once, params at the newest event" \
  "$build/tests/e2e/check_store" "$work/model" "$redis_port" "$work/expected"
# a batch that is read again is reported again: one letter for each source offset counts
dead_letters() {
  kcat -C -q -e -b "$kafka_brokers" -t events.dead-letter -f '%h\n' | sort -u | grep -oE 'reason=[a-z_0-9]+' |
    sort | uniq -c | sed 's/reason=//' | awk '{print $1, $2}' | sort >"$work/letters"
  sort "$work/reasons" | diff - "$work/letters" && cat "$work/letters"
}
expect "dead letters, each with its reason" dead_letters
duplicates() { grep -m 1 -oE 'duplicates [1-9][0-9]*' "$work/ingestd.log"; } # of whichever instance met them
expect "a batch that was stored and not committed was skipped" duplicates

echo "== the whole topic again, for another group"
group=again
start_service
finish
valid=$(wc -l <"$work/expected")
expect "every event is a duplicate" contains "duplicates $valid " "$work/last"
expect "nothing changed" "$build/tests/e2e/check_store" "$work/model" "$redis_port" "$work/expected"
