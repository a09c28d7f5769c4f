#!/usr/bin/env bash
# solid_serve where something is away or in the way: the store gone and back, access to it denied, a start without it,
# slow clients, thousands of connections, a token that is guessed at, a service that drains with an answer in hand.
#   serve_away.sh BUILD
set -uo pipefail
bin=$1/bin
[ -x "$bin/solid_serve" ] || { echo "[SKIP] solid_serve is not built"; exit 77; }
command -v redis-server >/dev/null || { echo "[SKIP] redis-server is not installed"; exit 77; }
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/examples/serve_lib.sh"
make_model m.safetensors 1
new_port # sets port
redis_up() {
  redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >"$work/redis.log" 2>&1 &
  redis=$!
  for _ in $(seq 3000); do redis-cli -p "$port" ping 2>/dev/null | grep -q PONG && return; sleep 0.05; done
  die "redis does not answer"
}
ready() { for _ in $(seq 3000); do curl -s "$url/recommend?user=ann&fallback=popularity" >/dev/null; [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/health/ready")" = "$1" ] && return; sleep 0.1; done; die "not $1: $(curl -s "$url/health/ready")"; }

# ---- a start without the store ----
start --model "$work/m.safetensors" --store redis --redis "127.0.0.1:$port" --start-without-store
ask 503 '/recommend?user=ann' -D "$work/headers"
grep -qi '^retry-after: [1-9]' "$work/headers" || die "no Retry-After: $(cat "$work/headers")"
ask 200 '/recommend?user=ann&fallback=popularity'
is '.fallback == true and .source == "popularity"'
ask 200 /recommend -d '{"user":"ann","session":["item-3"],"fallback":"popularity"}'
is '.fallback == true and .source == "session"'
ask 503 /events -d '{"user":"ann","item":"item-3"}'
ask 200 /health/live
ask 503 /health/ready
is '.store == "away"'
redis_up
ready 200
ask 200 /events -d '[{"user":"ann","item":"item-3"},{"user":"ann","item":"item-5"}]'
is '.applied == 2'
ask 200 '/recommend?user=ann&fallback=popularity'
is '.source == "cache" and .fallback == null'

# ---- two processes of one store follow the same record ----
first=$url first_server=$server
start --model "$work/m.safetensors" --store redis --redis "127.0.0.1:$port"
ask 200 '/recommend?user=ann'
is '.source == "cache" and .window_seq == 2'
cp "$work/m.safetensors" "$work/old.safetensors"
make_model n.safetensors 2
cp "$work/n.safetensors" "$work/m.next" && mv "$work/m.next" "$work/m.safetensors"
version() { curl -s "$1/model" | jq .version; }
current() { curl -s "$1/model" | jq -r .current; }
for _ in $(seq 3000); do [ "$(version "$first")" = "$(version "$url")" ] && [ "$(version "$url")" -ge 2 ] && break; sleep 0.1; done
sleep 1.5 # neither changes it again
[ "$(current "$first")" = "$(current "$url")" ] || die "the processes disagree: $(current "$first") and $(current "$url")"
[ "$(version "$first") $(version "$url")" = "2 2" ] || die "versions $(version "$first") and $(version "$url") after one change"
stop
url=$first server=$first_server

# ---- solid_ingestd with a model that is not live writes windows and leaves parameters alone ----
ask 200 '/recommend?user=ann' # parameters of the live one
echo "{\"user\":\"ann\",\"item\":\"item-9\",\"ts\":$(date +%s%3N)}" >"$work/one.jsonl"
"$bin/solid_ingestd" --model "$work/old.safetensors" --redis "127.0.0.1:$port" --from-file "$work/one.jsonl" >"$work/ingestd.log" 2>&1 ||
  die "solid_ingestd: $(cat "$work/ingestd.log")"
grep -q 'parameters are left to the questions' "$work/ingestd.log" || die "nothing is said: $(cat "$work/ingestd.log")"
ask 200 '/recommend?user=ann'
is '.source == "generation" and .window_seq == 3'
ask 200 '/recommend?user=ann'
is '.source == "cache"'

# ---- the store goes, and comes back empty ----
kill -9 "$redis"
ready 503
ask 503 '/recommend?user=ann'
redis_up
ready 200
ask 200 '/recommend?user=ann'
is '.source == "popularity"'
for _ in $(seq 3000); do redis-cli -p "$port" --scan | grep -q . && break; sleep 0.1; done
redis-cli -p "$port" --scan | grep . >/dev/null || die "the record of what is live was not written again"
stop

# ---- one line an outage, from each store that met it ----
start --model "$work/m.safetensors" --store redis --redis "127.0.0.1:$port" --log-format json --threads 2
for _ in 1 2 3; do ask 200 '/recommend?user=ann'; done
kill -9 "$redis"
for _ in $(seq 30); do curl -s "$url/recommend?user=ann" >/dev/null & curl -s "$url/recommend?user=bob" >/dev/null; wait $!; sleep 0.1; done
redis_up
ready 200
stop
jq 'select(.level == "warning")' "$work/serve.err" >"$work/warnings"
[ -s "$work/warnings" ] || die "an outage is not said"
jq -es 'all(.[]; .thread > 0 and .store > 0 and (.text | test("^redis 127")))' "$work/warnings" >/dev/null || die "who speaks? $(cat "$work/warnings")"
jq -es 'group_by(.store) | all(.[]; length == 1)' "$work/warnings" >/dev/null || die "an outage is said more than once: $(jq -c . "$work/warnings")"

# ---- access that is taken away while it runs: nothing is said to be well, and all goes on when it is given back ----
start --model "$work/m.safetensors" --store redis --redis "127.0.0.1:$port"
ask 200 /events -d '{"user":"ann","item":"item-3"}'
redis-cli -p "$port" ACL SETUSER default -evalsha >/dev/null
ask 503 '/recommend?user=ann' -D "$work/headers"
is '.error.code == "store_refused" and (.error.message | test("NOPERM.*README"))'
grep -qi '^retry-after: [1-9]' "$work/headers" || die "no Retry-After: $(cat "$work/headers")"
ask 503 /events -d '{"user":"ann","item":"item-4"}'
is '.error.code == "store_refused"'
ask 503 /health/ready
ask 200 '/recommend?user=ann&fallback=popularity'
is '.fallback == true'
sleep 1.5 # it is met several times meanwhile
redis-cli -p "$port" ACL SETUSER default +@all >/dev/null
ready 200
ask 200 /events -d '{"user":"ann","item":"item-4"}'
is '.applied == 1'
ask 200 '/recommend?user=ann'
is '.fallback == null'
stop
said=$(grep -c NOPERM "$work/serve.err")
[ "$said" = 1 ] || die "it is said $said times: $(cat "$work/serve.err")"

# ---- a model's file that is cut short while in use: the model is what is wrong, until a whole one is loaded ----
if grep -qE 'avx2|avx512f' /proc/cpuinfo; then # elsewhere nothing of a model stays in its file
  "$1/tests/e2e/make_model" "$work/large" 2200000 || die "no large model"
  cp "$work/large" "$work/whole"
  start --model "$work/large"
  ask 200 /events -d '{"user":"ann","item":"item-3"}'
  ask 200 '/recommend?user=ann'
  truncate -s 1000 "$work/large"
  ask 500 '/recommend?user=ann'
  is '.error.code == "model_changed" and (.error.message | endswith("cut short while in use: load it again; replace it by renaming another one"))'
  ask 200 /events -d '{"user":"ann","item":"item-4"}' # to whom only parameters are wanting: to send it again would count it twice
  is '.applied == 1'
  ask 200 '/recommend?user=ann&fallback=popularity'
  is '.fallback == true and .source == "popularity"'
  ask 503 /health/ready
  is '.model == "changed" and .store == "ok"'
  mv "$work/whole" "$work/large"
  kill -HUP "$server"
  for _ in $(seq 3000); do [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/health/ready")" = 200 ] && break; sleep 0.1; done
  ask 200 '/recommend?user=ann'
  is '.source == "cache" or .source == "cache+fresh" or .source == "generation"'
  # another one, whose file is spoilt as well: to go back to the one before is enough
  model_is() { for _ in $(seq 3000); do [ "$(curl -s "$url/model" | jq -r .current)" "$1" "$2" ] && return; sleep 0.1; done; die "the model is not $*"; }
  before=$(curl -s "$url/model" | jq -r .current)
  cp "$work/large" "$work/whole"
  "$1/tests/e2e/make_model" "$work/next" 2200001 || die "no other large model"
  mv "$work/next" "$work/large"
  model_is != "$before"
  ask 200 '/recommend?user=ann'
  truncate -s 1000 "$work/large"
  ask 200 /events -d '{"user":"ann","item":"item-4"}'
  ask 503 /health/ready
  is '.model == "changed"'
  for _ in $(seq 3000); do curl -s -f -o /dev/null "$url/model" -d '{"action":"back"}' && break; sleep 0.1; done
  model_is = "$before"
  ask 200 '/recommend?user=ann'
  ask 200 /health/ready
  is '.model == "ok"'
  stop
  mv "$work/whole" "$work/large"
  # what reads events ends, since a start loads the model again
  event() { echo "{\"user\":\"ann\",\"item\":\"item-$1\",\"ts\":$(date +%s%3N)}"; }
  mkfifo "$work/events"
  "$bin/solid_ingestd" --model "$work/large" --store memory --from-file "$work/events" --stats-interval 1 >"$work/ingestd.out" 2>"$work/ingestd.log" & reader=$!
  exec 4>"$work/events"
  event 1 >&4
  for _ in $(seq 3000); do grep -q '^events 1 .* parameters 1 ' "$work/ingestd.out" && break; sleep 0.1; done
  truncate -s 1000 "$work/large"
  event 2 >&4
  wait "$reader"
  code=$?
  exec 4>&-
  [ "$code" = 3 ] || die "solid_ingestd ends with $code: $(cat "$work/ingestd.log")"
  tail -n 1 "$work/ingestd.log" | grep -q 'cut short while in use: load it again' || die "solid_ingestd: $(cat "$work/ingestd.log")"
fi

# ---- clients that are slow, many, or gone ----
ulimit -n 8192 2>/dev/null # for 3,000 of ours and as many of theirs; fewer files hold fewer connections
many=$(($(ulimit -n) > 3500 ? 3000 : 200))
start --model "$work/m.safetensors" --connections 1000 --idle-timeout 1
address() { local host=${url#http://}; name=${host%:*} number=${host##*:}; }
address
memory() { awk '/^VmRSS/ {print $2}' "/proc/$server/status"; }
ask 200 '/recommend?user=ann'
before=$(memory)
exec {half}<>"/dev/tcp/$name/$number" && printf 'GET /recommend?user=ann HTTP/1.1\r\nHost' >&"$half" # and no more of it
for _ in $(seq $many); do exec {held}<>"/dev/tcp/$name/$number" && holds+=("$held"); done 2>/dev/null
open=$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)
[ "$open" -le 1010 ] || die "$open sockets are held of $many connections where 1000 are allowed"
[ "$(memory)" -le $((before + 65536)) ] || die "$many connections took $(($(memory) - before)) KiB"
sleep 2
ask 200 '/recommend?user=ann' # the silent ones were closed
for held in "$half" "${holds[@]}"; do exec {held}>&-; done
stop
start --model "$work/m.safetensors" --deadline-ms 1000
address
{ printf 'POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n{"user"'; sleep 1.5; printf ':"ann","item":"item-1"}%38s' ''; sleep 0.3; } | timeout 300 bash -c "exec 4<&0 3<>/dev/tcp/$name/$number; cat <&4 >&3 & head -n 1 <&3" >"$work/slow"
grep -q ' 408 ' "$work/slow" || die "a slow body is answered with: $(cat "$work/slow")"
{ printf 'GET /recommend?user=%s HTTP/1.1\r\nHost: x\r\n\r\n' "$(head -c 70000 /dev/zero | tr '\0' 'a')"; sleep 0.2; } | timeout 300 bash -c "exec 4<&0 3<>/dev/tcp/$name/$number; cat <&4 >&3 & head -n 1 <&3" >"$work/long" 2>/dev/null
grep -qE ' (413|414|431) ' "$work/long" || die "a head of 70 KB is answered with: $(cat "$work/long")"
for _ in $(seq 20); do printf 'POST /recommend HTTP/1.1\r\nContent-Length: 100\r\n\r\n{' >"/dev/tcp/$name/$number"; done
ask 200 '/recommend?user=ann'
[ "$(awk '/^Threads/ {print $2}' "/proc/$server/status")" -lt 12 ] || die "threads grow with connections"

# ---- SIGTERM lets answers out ----
for _ in $(seq 8); do (curl -s -m 10 -o /dev/null -w '%{http_code}\n' "$url/recommend" -d '{"queries":['"$(yes '{"session":["item-1"],"k":100}' | head -n 250 | paste -sd,)"']}' >>"$work/last") & done
sleep 0.05
stop
wait $(jobs -p | grep -vxF "${redis:-0}") 2>/dev/null
! grep -qvE '^(200|000)$' "$work/last" || die "while it drained: $(sort "$work/last" | uniq -c)"
echo "serve_away: passed, with ${#holds[@]} connections held"
