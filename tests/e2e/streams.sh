# Is what is read what was read? Topics that are made again, that lose their beginning or their end, and others of the
# same name, on the broker and Redis of e2e.sh, which sources this. Every case has a prefix of its own, whose users must
# hold each event once, whatever its offset was.
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # of e2e.sh: only, work, tool, ingestd, kafka_brokers, redis_port, build

expected=$work/stream-expected

start_stream() { # TOPIC [flags]; in_group=NAME and at=BROKERS before it, where they are others
  local topic=$1
  shift
  : >"$work/stream.log" # here, since the shell that starts the service may empty it after the first look at what is said
  "$ingestd" --model "$work/model" --brokers "${at:-$kafka_brokers}" --topic "$topic" --group "${in_group:-$case}" --prefix "$case:" \
    --store redis --redis "127.0.0.1:$redis_port" --batch-size 64 --stats-interval 1 --kafka.session.timeout.ms=6000 \
    --kafka.heartbeat.interval.ms=500 --dead-letter-topic= --verbose "$@" >"$work/stream.log" 2>&1 & service=$!
}
stop_stream() { # sets code
  kill -TERM "$service" 2>/dev/null
  wait "$service"
  code=$?
  service=""
}
until_said() { # TEXT: in the log of the service, in time
  for _ in $(seq 3000); do
    grep -qF -- "$1" "$work/stream.log" && return 0
    kill -0 "$service" 2>/dev/null || break
    sleep 0.1
  done
  echo "not said: $1"
  tail -n 5 "$work/stream.log"
  return 1
}
put() { "$tool" put "$kafka_brokers" "$@" >>"$expected" || die "cannot put into $1"; } # TOPIC FIRST COUNT SEED
make() { "$tool" create "$kafka_brokers" "$@" || die "no topic $1"; }
make_again() { # TOPIC PARTITIONS: deleting takes the broker a moment
  "$tool" delete "$kafka_brokers" "$1" || die "topic $1 stays"
  for _ in $(seq 3000); do
    "$tool" create "$kafka_brokers" "$@" 2>/dev/null && return 0
    sleep 0.1
  done
  die "topic $1 does not come back"
}
holds() { "$build/tests/e2e/check_store" "$work/model" "$redis_port" "$expected" "$case:"; }
holds_soon() { # the store is filled in time, or what it lacks is said
  for _ in $(seq 3000); do
    holds >/dev/null 2>&1 && break
    kill -0 "$service" 2>/dev/null || break
    sleep 0.5
  done
  holds || { tail -n 15 "$work/stream.log" && return 1; }
}
says() { grep -F -- "$1" "$work/stream.log"; }
says_not() { ! grep -F -- "$1" "$work/stream.log"; }
begin() { case=$1 && : >"$expected" && echo "== streams: $1, at $((SECONDS - began)) s"; }
new_stream='a new stream, read from its beginning'

[ "$only" = store ] && return

begin again
make again 2
put again 0 500 1
start_stream again
expect "read once" holds_soon
stop_stream
in_group=other start_stream again
until_said "events 500"
stop_stream
expect "another group finds duplicates" says "duplicates 500"
expect "and changes nothing" holds
expect "it is no new stream" says_not "$new_stream"

begin recreated
make recreated 2
put recreated 0 500 1
start_stream recreated
expect "read once" holds_soon
stop_stream
make_again recreated 2
put recreated 500 100 2
start_stream recreated
expect "made again while nobody read: all of it is new" holds_soon
expect "and is said" says "$new_stream"
stop_stream

begin grown
make grown 1
put grown 0 100 1
start_stream grown
expect "read once" holds_soon
stop_stream
make_again grown 1
put grown 100 400 2
start_stream grown
expect "made again and grown beyond what was read: all of it is new" holds_soon
expect "and is said" says "$new_stream"
stop_stream

begin live
make live 1
put live 0 300 1
start_stream live
expect "read once" holds_soon
make_again live 1
put live 300 200 2
expect "made again while it was read: all of it is new" holds_soon
stop_stream
expect "and the service goes on" [ "$code" = 0 ]

begin wider
make wider 1
put wider 0 200 1
start_stream wider --kafka.topic.metadata.refresh.interval.ms=1000
expect "read once" holds_soon
"$tool" grow "$kafka_brokers" wider 4 || die "no more partitions"
put wider 200 400 1
expect "more partitions while it was read: each from its beginning" holds_soon
stop_stream
expect "and the service goes on" [ "$code" = 0 ]

begin paused
make paused 1
put paused 0 200 1
start_stream paused --retry-max-ms 500 --batch-ms 2000 # what is put at once is one batch
expect "read once" holds_soon
kill -STOP "$redis"
put paused 200 40 1
until_said "holding"
make_again paused 1
put paused 240 400 2
kill -CONT "$redis"
expect "made again while a batch was held: the batch and all of the new topic" holds_soon
stop_stream

begin second
make second-a 1
make second-b 1
put second-a 0 300 1
start_stream second-a
expect "read once" holds_soon
stop_stream
put second-b 300 300 2
start_stream second-b
expect "a second topic under the prefix is another stream" holds_soon
stop_stream

begin cluster
make cluster 1
put cluster 0 300 1
start_stream cluster
expect "read once" holds_soon
stop_stream
coproc other_broker { exec "$build/bin/mini_broker" --topic cluster --partitions 1; }
# shellcheck disable=SC2034
read -r other <&"${other_broker[0]}"
"$tool" put "$other" cluster 300 200 2 >>"$expected" || die "cannot put into the second cluster"
at=$other start_stream cluster
expect "the same topic of a second cluster is another stream" holds_soon
stop_stream
kill "$other_broker_PID" 2>/dev/null

begin expired
make expired 1
put expired 0 300 1
start_stream expired
expect "read once" holds_soon
stop_stream
"$tool" expire "$kafka_brokers" expired 300 || die "nothing expires"
put expired 300 50 1
start_stream expired
expect "all anchors are gone: the group's offset vouches for the stream" holds_soon
expect "it is no new stream" says_not "$new_stream"
stop_stream
"$tool" expire "$kafka_brokers" expired 350 || die "nothing expires"
put expired 350 50 1
in_group=stranger start_stream expired
wait "$service"
code=$?
service=""
expect "and for a group without one it stops: exit code $code" [ "$code" = 5 ]
expect "naming the choice" says "--stream same goes on, --stream new"
in_group=stranger start_stream expired --stream same
expect "--stream same goes on" holds_soon
stop_stream

begin truncated
make truncated 1
put truncated 0 300 1
start_stream truncated
expect "read once" holds_soon
stop_stream
make_again truncated 1 # the same messages, but for the last ones
"$tool" put "$kafka_brokers" truncated 0 250 1 >/dev/null
"$tool" put "$kafka_brokers" truncated 300 20 2 >/dev/null
start_stream truncated
wait "$service"
code=$?
service=""
expect "its end was cut off: it stops, exit code $code" [ "$code" = 5 ]
expect "naming what was read" says "was read up to offset 299"
expect "and changes nothing" holds

begin compacted
make compacted 1 cleanup.policy=compact segment.ms=100 min.cleanable.dirty.ratio=0.001 max.compaction.lag.ms=100
put compacted 0 300 1
start_stream compacted
expect "read once" holds_soon
stop_stream
put compacted 1000 20 1 # so much later that the broker begins a new segment: the old ones can be compacted
compact() {
  for _ in $(seq 3000); do
    [ "$(kcat -C -q -e -b "$kafka_brokers" -t compacted -f '.' | wc -c)" -lt 100 ] && return 0
    sleep 0.2
  done
  return 1
}
expect "the broker compacts" compact
start_stream compacted
expect "anchors that were compacted away are gone, not different" holds_soon
expect "it is no new stream" says_not "$new_stream"
stop_stream

begin drain
make drain 1
put drain 0 100 1
start_stream drain --retry-max-ms 500 --drain-ms 3000
expect "read once" holds_soon
kill -STOP "$redis"
put drain 100 20 1
until_said "holding"
kill -STOP "$kafka_pid"
kill -CONT "$redis"
until_said "WAITING"
expect "the broker stands still with a batch in hand: the batch is in the store" holds_soon
(sleep 600 && kill -KILL "$service") 2>/dev/null & guard=$!
stop_stream
kill "$guard" 2>/dev/null
kill -CONT "$kafka_pid"
expect "SIGTERM ends it without the broker: exit code $code" [ "$code" = 1 ]
expect "with the reason" says "Local: Timed out"
start_stream drain
until_said "duplicates 20"
expect "what was not committed is read again" holds_soon
stop_stream
