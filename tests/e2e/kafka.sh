# A real Apache Kafka (KRaft, one node, free ports, a temporary folder) for test scripts. Source it:
#
#   kafka_fetch CACHE_DIR          the jars by Maven, once; 77 when java or mvn is missing or nothing can be fetched
#   kafka_start CACHE_DIR DIR      formats and starts it in DIR; sets kafka_brokers and kafka_pid
#   kafka_stop
#
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../support/new_port.sh"

kafka_fetch() {
  local cache=$1 here
  here=$(dirname "${BASH_SOURCE[0]}")
  [ -f "$cache/complete" ] && return 0
  local tool
  for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; return 77; }
  done
  mkdir -p "$cache"
  cache=$(cd "$cache" && pwd) # Maven would take a relative one as beside pom.xml
  local lock # tests side by side fetch it once
  exec {lock}>"$cache/lock" && flock "$lock"
  [ ! -f "$cache/complete" ] || { exec {lock}>&-; return 0; }
  if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache" >"$cache/fetch.log" 2>&1; then
    tail -n 5 "$cache/fetch.log"
    echo "skipped: Apache Kafka could not be fetched with Maven"
    exec {lock}>&-
    return 77
  fi
  touch "$cache/complete"
  exec {lock}>&-
}

kafka_start() {
  local jars=$1 dir=$2 port controller id quick_start=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1) # the least work before it serves
  new_port && controller=$port && new_port
  mkdir -p "$dir"
  cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
log.retention.ms=-1
PROPERTIES
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d =) # as StorageTool's random-uuid, without a JVM for it
  java "${quick_start[@]}" -cp "$jars/*" kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" >"$dir/format.log" 2>&1 ||
    { tail -n 5 "$dir/format.log"; return 1; }
  java "${quick_start[@]}" -Xmx512m -cp "$jars/*" kafka.Kafka "$dir/server.properties" >"$dir/kafka.log" 2>&1 &
  kafka_pid=$! kafka_brokers=127.0.0.1:$port
  local second
  for second in $(seq 600); do
    grep -qs 'Kafka Server started' "$dir/kafka.log" && { echo "Apache Kafka on $kafka_brokers after $second s"; return 0; }
    kill -0 "$kafka_pid" 2>/dev/null || break
    sleep 1
  done
  tail -n 10 "$dir/kafka.log"
  return 1
}

kafka_stop() {
  [ -n "${kafka_pid:-}" ] || return 0
  kill -KILL "$kafka_pid" 2>/dev/null
  wait "$kafka_pid" 2>/dev/null
  kafka_pid=
}
