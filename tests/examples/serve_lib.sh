# What the tests of solid_serve share: a small model, a server on a free port, and checks that say what they got.
# Sourced with $bin set; what support/servers.sh has is there, too.
# shellcheck source=tests/support/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
die() { echo "FAILED: $*"; [ ! -s "$work/serve.err" ] || tail -n "${SERVE_TAIL:-20}" "$work/serve.err"; exit 1; }

# make_model NAME SEED [ARGUMENTS]: a model of little training over the same data.
make_model() {
  local name=$1 seed=$2
  shift 2
  [ -s "$work/data/events.jsonl" ] || "$bin/make_dataset" --out "$work/data" --users 300 --items 200 >/dev/null || die "make_dataset"
  "$bin/solid_train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --titles "$work/data/titles.json" \
    --out "$work/$name" --head solid --epochs 1 --width 16 --seed "$seed" --threads 1 "$@" >"$work/train.log" 2>&1 ||
    die "solid_train: $(tail -n 3 "$work/train.log")"
}

# start [ARGUMENTS]: $url and $server of a server that answers.
start() {
  : >"$work/serve.out"
  "$bin/solid_serve" --listen 127.0.0.1:0 "$@" >"$work/serve.out" 2>"$work/serve.err" &
  server=$!
  for _ in $(seq 3000); do
    url=$(sed -n 's/^listens on \(http.*\)\/$/\1/p' "$work/serve.out")
    [ -z "$url" ] || return 0
    kill -0 "$server" 2>/dev/null || die "the server ended: $(cat "$work/serve.err")"
    sleep 0.05
  done
  die "the server does not listen"
}

# stop: SIGTERM, and its exit code is 0.
stop() {
  kill -TERM "$server"
  wait "$server"
  local code=$?
  [ "$code" = 0 ] || die "the server ended with $code after SIGTERM"
}

# ask STATUS PATH [CURL ARGUMENTS]: the body is in $body.
ask() {
  local want=$1 path=$2 got
  shift 2
  got=$(curl -s -m 600 -o "$work/body" -w '%{http_code}' "$@" "$url$path")
  body=$(<"$work/body")
  [ "$got" = "$want" ] || die "$path $*: status $got, wanted $want: $body"
}

# is JQ-EXPRESSION: true of $body, in place of the one of servers.sh.
is() { jq -e "$1" <<<"$body" >/dev/null || die "not so: $1 of $body"; }

metric() { curl -s "$url/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
