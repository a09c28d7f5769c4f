#!/usr/bin/env bash
# Redis as it is in production, between a broker and the service: a replica is stopped while its master takes 500 events that do
# not reach it; the master is killed, the replica goes on and is promoted, by Sentinels and by a cluster. All 500 are in the
# windows afterwards, once and in order. In the cluster slots move while events come. Prints how long a question took meanwhile.
#   redis_failover.sh BUILD
set -uo pipefail
build=$1 bin=$1/bin began=$SECONDS
for need in redis-server redis-cli; do command -v "$need" >/dev/null || { echo "[SKIP] $need is not installed"; exit 77; }; done
for need in bin/mini_broker tests/e2e/kafka_tool bin/solid_ingestd; do [ -x "$build/$need" ] || { echo "[SKIP] $need is not built"; exit 77; }; done
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/support/new_port.sh
. "$here/support/new_port.sh"
tool=$build/tests/e2e/kafka_tool work=$(mktemp -d "${TMPDIR:-/tmp}/solid-failover-XXXXXX") servers=() service="" probe=""
clean_up() {
  exec 2>/dev/null # the shell would say of each that it was killed
  for pid in $service $probe ${servers[@]+"${servers[@]}"} ${broker_PID:-}; do kill -KILL "$pid" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT
die() { echo "FAIL: $*"; tail -n 15 "$work/service.log" 2>/dev/null; exit 1; }

serve_redis() { # PORT [arguments]: a server; its id is in `server`
  local port=$1
  shift
  mkdir -p "$work/$port"
  redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$work/$port" --repl-diskless-sync-delay 0 \
    --repl-ping-replica-period 1 "$@" >"$work/$port/log" 2>&1 & server=$!
  servers+=("$server")
  pid_of[$port]=$server
}
declare -A pid_of
answers() { until_true eval "redis-cli -p $1 ping | grep -q PONG" || die "no server on $1: $(tail -n 3 "$work/$1/log")"; }
until_true() { # COMMAND...: waits five minutes at most, which is for a slow machine
  local end=$((SECONDS + 300))
  until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.1; done
}
field() { redis-cli -p "$1" info replication | tr -d '\r' | sed -n "s/^$2://p"; }
is_role() { [ "$(field "$1" role)" = "$2" ]; }
in_sync() { [ "$(field "$1" master_link_status)" = up ]; }

"$build/tests/e2e/make_model" "$work/model" || die "no model"
coproc broker { exec "$bin/mini_broker" --topic events --partitions 2 2>/dev/null; }
read -r brokers <&"${broker[0]}" || die "no broker"

start_service() { # NAME ADDRESS [flags]: reads the topic of that name
  name=$1 address=$2
  shift 2
  : >"$work/expected"
  : >"$work/service.log"
  "$bin/solid_ingestd" --model "$work/model" --brokers "$brokers" --topic "$name" --group "$name" --prefix "$name:" --redis "$address" \
    --batch-size 64 --stats-interval 1 --retry-max-ms 300 --dead-letter-topic= --verbose "$@" >"$work/service.log" 2>&1 & service=$!
  until_true grep -q 'partitions assigned' "$work/service.log" || die "the service does not read"
  "$build/tests/e2e/probe_store" "$address" "$name:" >"$work/probe" 2>"$work/probe.err" & probe=$!
}
stop_service() {
  kill -TERM "$service"
  wait "$service" || die "the service ended with $?"
  service=""
  kill -TERM "$probe" 2>/dev/null
  wait "$probe" 2>/dev/null
  local ended=$?
  probe=""
  [ "$ended" = 143 ] || die "a question, whose program ended with $ended: $(cat "$work/probe.err")"
}
put() { "$tool" put "$brokers" "$name" "$@" >>"$work/expected" || die "cannot put"; } # FIRST COUNT SEED
holds() { "$build/tests/e2e/check_store" "$work/model" "$1" "$work/expected" "$name:"; } # PORT
committed() { "$tool" offsets "$brokers" "$name" "$name" 2>/dev/null | grep -oE '[0-9]+ of' | tail -n 1 | cut -d' ' -f1; }
has_committed() { [ "$(committed)" = "$1" ]; }
now() { date +%s%3N; }
has_asked_since() { awk -v from="$1" '$1 >= from {found = 1} END {exit !found}' "$work/probe"; }
p99() { # FROM TO: of the questions that were asked in between
  awk -v from="$1" -v to="$2" '$1 >= from && $1 < to {print $2}' "$work/probe" | sort -n |
    awk '{us[NR] = $1} END {if (!NR) print "none"; else printf "%.2f ms, longest %.2f ms, %d questions", us[int(NR * .99) + (NR < 100)] / 1000, us[NR] / 1000, NR}'
}
fill() { # PORT: nothing that is written from now on reaches a replica that stands still
  for tag in $(seq 200); do
    redis-cli -p "$1" eval "redis.call('SET', KEYS[1], string.rep('x', 33554432)) return 1" 1 "junk{$tag}" 2>/dev/null | grep -q '^1$' && return
  done
  die "the sockets of $1 are not filled"
}

# The master $1 takes 500 events without its replica $2 and is killed. 1000 events were put before.
fail_over() {
  local master=$1 replica=$2 ahead behind
  until_true holds "$master" || die "the first events are not there: $(holds "$master")"
  until_true has_committed 1000 || die "committed: $(committed) of 1000"
  quiet=$(now)
  kill -STOP "${pid_of[$replica]}"
  fill "$master"
  put 1000 500 1
  until_true holds "$master" || die "500 more are not in the master: $(holds "$master")"
  sleep 0.5
  [ "$(committed)" -lt 1500 ] || die "what the replica has not got is committed"
  ahead=$(field "$master" master_repl_offset)
  killed=$(now)
  kill -KILL "${pid_of[$master]}"
  kill -CONT "${pid_of[$replica]}"
  behind=$(field "$replica" slave_repl_offset)
  until_true is_role "$replica" master || die "nobody promotes the replica"
  promoted=$(now)
  [ "$behind" -lt "$ahead" ] || die "the replica was not behind: $behind of $ahead"
  until_true holds "$replica" || die "the 500 are not all there: $(holds "$replica")"
  recovered=$(now)
  grep -q 'may lack what was written last' "$work/service.log" || die "the service has not gone back"
  put 1500 500 1
  until_true holds "$replica" || die "what came afterwards is not there: $(holds "$replica")"
  echo "$name: replica behind by $((ahead - behind)) bytes, promoted $((promoted - killed)) ms after the kill, all 1500 events there after $((recovered - killed)) ms"
  until_true has_asked_since "$recovered" || die "no question is answered any more"
  sleep 1
  stop_service
  holds "$replica" | head -n 1
  [ "$(committed)" = 2000 ] || die "committed: $(committed) of 2000"
  echo "$name: p99 of a question before $(p99 0 "$quiet"); during $(p99 "$killed" "$recovered"); after $(p99 "$recovered" 9999999999999)"
}

echo "== Sentinel"
new_port && master=$port
new_port && replica=$port
sentinels=()
serve_redis "$master"
answers "$master"
serve_redis "$replica" --replicaof 127.0.0.1 "$master"
answers "$replica"
for _ in 1 2 3; do
  new_port
  mkdir -p "$work/$port"
  printf '%s\n' "port $port" "bind 127.0.0.1" "sentinel monitor mine 127.0.0.1 $master 2" "sentinel down-after-milliseconds mine 1000" \
    "sentinel failover-timeout mine 2000" "dir $work/$port" >"$work/$port/conf"
  redis-server "$work/$port/conf" --sentinel >"$work/$port/log" 2>&1 & servers+=("$!")
  sentinels+=("127.0.0.1:$port")
done
for one in "${sentinels[@]}"; do answers "${one#*:}"; done
until_true in_sync "$replica" || die "the replica is not in sync"
sees_all() { redis-cli -p "${sentinels[0]#*:}" sentinel master mine | tr '\n' ' ' | grep -q 'num-slaves 1 num-other-sentinels 2'; }
until_true sees_all || die "the Sentinels do not find one another"
start_service sentinel "sentinel://$(IFS=,; echo "${sentinels[*]}")/mine"
put 0 1000 1
fail_over "$master" "$replica"

echo "== cluster, at $((SECONDS - began)) s"
ports=()
for _ in 1 2 3 4 5 6; do
  new_port && bus=$port
  new_port
  ports+=("$port")
  serve_redis "$port" --cluster-enabled yes --cluster-port "$bus" --cluster-node-timeout 1500 --cluster-replica-validity-factor 0
done
for port in "${ports[@]}"; do answers "$port"; done
node_id() { redis-cli -p "$1" cluster myid; }
for i in 0 1 2 3 4 5; do
  [ "$i" -lt 3 ] && redis-cli -p "${ports[i]}" cluster addslotsrange $((i * 16384 / 3 + (i > 0))) $(((i + 1) * 16384 / 3 - (i == 2))) >/dev/null
  redis-cli -p "${ports[i]}" cluster set-config-epoch $((i + 1)) >/dev/null
  bus=$(redis-cli -p "${ports[0]}" config get cluster-port | tail -n 1)
  [ "$i" = 0 ] || redis-cli -p "${ports[i]}" cluster meet 127.0.0.1 "${ports[0]}" "$bus" >/dev/null
done
knows_all() { [ "$(redis-cli -p "$1" cluster nodes | grep -c connected)" = 6 ]; }
for port in "${ports[@]}"; do until_true knows_all "$port" || die "the nodes do not find one another"; done
for i in 0 1 2; do
  until_true eval "redis-cli -p ${ports[i + 3]} cluster replicate $(node_id "${ports[i]}") | grep -q OK" || die "no replica"
done
for i in 3 4 5; do until_true in_sync "${ports[i]}" || die "a replica is not in sync"; done
serves() { redis-cli -p "$1" cluster info | grep -q 'cluster_state:ok'; }
for port in "${ports[@]}"; do until_true serves "$port" || die "the cluster does not serve"; done
start_service cluster "redis://127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}"
put 0 300 1
moving=$(now)
redis-cli --cluster reshard "127.0.0.1:${ports[0]}" --cluster-from "$(node_id "${ports[1]}")" --cluster-to "$(node_id "${ports[0]}")" \
  --cluster-slots 400 --cluster-yes >"$work/reshard" 2>&1 & reshard=$!
for part in 0 1 2 3 4 5 6; do put $((300 + 100 * part)) 100 1; sleep 0.2; done
wait "$reshard" || die "the slots do not move: $(tail -n 3 "$work/reshard")"
moved=$(now)
until_true holds "${ports[2]}" || die "while slots moved: $(holds "${ports[2]}")"
echo "cluster: 400 slots moved in $((moved - moving)) ms while 700 events came; p99 of a question meanwhile $(p99 "$moving" "$moved")"
fail_over "${ports[0]}" "${ports[3]}"
echo "redis_failover: passed in $((SECONDS - began)) s"
