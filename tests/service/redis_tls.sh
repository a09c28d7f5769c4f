#!/usr/bin/env bash
# The programs and a Redis that can be reached by TLS alone: one server that wants our certificate, then a cluster of three. What is
# wrong with a certificate ends them with the store's exit code, 4, and the reason.
#   redis_tls.sh BUILD
set -uo pipefail
build=$1 bin=$1/bin
for need in redis-server redis-cli openssl; do command -v "$need" >/dev/null || { echo "[SKIP] $need is not installed"; exit 77; }; done
"$bin/solid_ask" --model x --user u --redis rediss://x 2>&1 | grep -q 'built without TLS' && { echo "[SKIP] built without TLS"; exit 77; }
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/support/new_port.sh
. "$here/support/new_port.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/solid-tls-XXXXXX") servers=()
clean_up() {
  exec 2>/dev/null # the shell would say of each that it was killed
  for pid in ${servers[@]+"${servers[@]}"}; do kill -KILL "$pid" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT
die() { echo "FAIL: $*"; exit 1; }
"$here/support/certificates.sh" "$work/certs" || exit 77
certs=$work/certs
ask_redis() { redis-cli --tls --cacert "$certs/ca.pem" --cert "$certs/client.pem" --key "$certs/client.key" -h 127.0.0.1 "$@"; }
serve_redis() { # PORT [arguments]
  local port=$1
  shift
  mkdir -p "$work/$port"
  redis-server --port 0 --tls-port "$port" --bind 127.0.0.1 --save "" --dir "$work/$port" --tls-cert-file "$certs/server.pem" \
    --tls-key-file "$certs/server.key" --tls-ca-cert-file "$certs/ca.pem" "$@" >"$work/$port/log" 2>&1 & servers+=("$!")
  for _ in $(seq 3000); do ask_redis -p "$port" ping 2>/dev/null | grep -q PONG && return; sleep 0.05; done
  die "no server: $(tail -n 3 "$work/$port/log")"
}
for i in $(seq 0 199); do echo "{\"user\":\"u$((i % 20))\",\"item\":\"item-$((i % 40))\",\"ts\":$((1690000000000 + i))}"; done >"$work/events.jsonl"
"$build/tests/e2e/make_model" "$work/model" || die "no model"
run() { # EXIT-CODE TEXT ADDRESS [flags]
  local code=$1 text=$2 address=$3 got
  shift 3
  timeout 600 "$bin/solid_ingestd" --model "$work/model" --from-file "$work/events.jsonl" --redis "$address" "$@" >"$work/out" 2>&1
  got=$?
  [ "$got" = "$code" ] || die "$address $*: exit code $got, not $code: $(tail -n 3 "$work/out")"
  grep -qF -- "$text" "$work/out" || die "$address $*: does not say '$text': $(tail -n 3 "$work/out")"
  echo "ok: exit code $code: ${text:-read}"
}

new_port
serve_redis "$port" --tls-auth-clients yes
ours=(--redis-cert "$certs/client.pem" --redis-key "$certs/client.key") all=(--redis-ca "$certs/ca.pem" "${ours[@]}")
run 0 'events 200' "rediss://127.0.0.1:$port" "${all[@]}"
run 0 'events 0 ' "rediss://localhost:$port" "${all[@]}"
"$bin/solid_ask" --model "$work/model" --redis "rediss://localhost:$port" "${all[@]}" --user u3 | grep -q item- || die "no answer"
run 4 "the server's certificate: " "rediss://127.0.0.1:$port" --redis-ca "$certs/other-ca.pem" "${ours[@]}"
run 4 "the server's certificate: " "rediss://127.0.0.1:$port" "${ours[@]}"
run 4 'hostname mismatch' "rediss://127.0.0.1:$port" "${all[@]}" --redis-tls-name elsewhere.example
run 4 'it wants a certificate of ours' "rediss://127.0.0.1:$port" --redis-ca "$certs/ca.pem"
run 4 'No such file' "rediss://127.0.0.1:$port" "${ours[@]}" --redis-ca "$work/nowhere.pem"
run 2 'have options of their own' "rediss://me:secret@127.0.0.1:$port" "${all[@]}"

ports=()
for _ in 1 2 3; do
  new_port && bus=$port
  new_port
  ports+=("$port")
  serve_redis "$port" --cluster-enabled yes --cluster-port "$bus" --tls-cluster yes --tls-auth-clients no
  ask_redis -p "$port" cluster set-config-epoch ${#ports[@]} >/dev/null
  ask_redis -p "$port" cluster addslotsrange $(((${#ports[@]} - 1) * 5462)) $((${#ports[@]} * 5462 - 1 - 2 * (${#ports[@]} == 3))) >/dev/null
  if [ ${#ports[@]} = 1 ]; then first=$bus; else ask_redis -p "$port" cluster meet 127.0.0.1 "${ports[0]}" "$first" >/dev/null; fi
done
for port in "${ports[@]}"; do
  for _ in $(seq 3000); do ask_redis -p "$port" cluster info | grep -q 'cluster_state:ok' && break; sleep 0.1; done
done
run 0 'events 200' "rediss://127.0.0.1:${ports[0]},localhost:${ports[1]}" --redis-ca "$certs/ca.pem"
run 0 'events 0 ' "rediss://localhost:${ports[2]}" --redis-ca "$certs/ca.pem"
for port in "${ports[@]}"; do [ "$(ask_redis -p "$port" --scan --pattern 'solid:{*}' | grep -c .)" -gt 0 ] || die "nobody is on node $port"; done
echo "redis_tls: passed in $SECONDS s"
