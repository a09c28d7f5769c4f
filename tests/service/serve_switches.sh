#!/usr/bin/env bash
# solid_serve while its model changes: 200 switches between models of three widths of their generated layers, under load.
# Every answer is one of the three that these models give, none is missing, memory is flat, and so it stays with users
# whose share of the new generation is a half. A warm-up goes on beside it.
#   serve_switches.sh BUILD [SWITCHES]
set -uo pipefail
bin=$1/bin switches=${2:-200}
[ -x "$bin/solid_serve" ] || { echo "[SKIP] solid_serve is not built"; exit 77; }
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/examples/serve_lib.sh"
models=(a b c)
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64" # what is freed is free
make_model a.safetensors 1
make_model b.safetensors 2 --rank 4
make_model c.safetensors 3 --rank 8
link() { ln -sfn "$1.safetensors" "$work/next" && mv -T "$work/next" "$work/current"; }

# What each model answers a session, by itself.
question='{"session":["item-3","item-8","item-11"],"k":10}'
for model in "${models[@]}"; do
  start --model "$work/$model.safetensors"
  ask 200 /recommend -d "$question"
  jq -c 'del(.id)' <<<"$body" >>"$work/known"
  stop
done
[ "$(sort -u "$work/known" | wc -l)" = 3 ] || die "the models answer alike"

link a
start --model "$work/current" --threads 4 --warm-up 500/s
for user in $(seq 20); do ask 200 /events -d "{\"user\":\"u$user\",\"item\":\"item-$user\"}"; done
yes "url = \"$url/recommend\"" | head -n 100 | while read -r line; do printf '%s\ndata = "%s"\nnext\n' "$line" "${question//\"/\\\"}"; done | sed '$d' >"$work/anonymous.curl"
for user in $(seq 20); do echo "url = \"$url/recommend?user=u$user\""; done >"$work/users.curl"
touch "$work/go"
load() { # FILE OF URLS, WHERE ANSWERS GO
  while [ -e "$work/go" ]; do curl -s -f -m 30 -K "$1" >>"$2" 2>>"$work/curl.err" || echo "curl $?" >>"$work/lost"; done
}
load "$work/anonymous.curl" "$work/answers1" & loads=($!)
load "$work/anonymous.curl" "$work/answers2" & loads+=($!)
load "$work/users.curl" "$work/answers3" & loads+=($!)

memory() { awk '/^VmRSS/ {print $2}' "/proc/$server/status"; }
switched() { metric solid_model_switches_total; }
before=$(switched) flat=0
for i in $(seq "$switches"); do
  link "${models[i % 3]}"
  case $((i % 3)) in # each way that there is
  0) kill -HUP "$server" ;;
  1) : ;; # the link is another one: seen by itself
  2) curl -s -o /dev/null "$url/model" -d '{"share": 0.5}' ;;
  esac
  for _ in $(seq 3000); do
    now=$(switched)
    [ "${now:-0}" -ge $((before + i)) ] && break
    sleep 0.02
  done
  [ "${now:-0}" -ge $((before + i)) ] || die "switch $i was not made: $(curl -s "$url/model")"
  before=$((now - i)) # a switch may be asked for and seen twice
  [ "$i" != $((switches / 2)) ] || flat=$(memory)
done
rm "$work/go"
wait "${loads[@]}"
[ ! -s "$work/lost" ] || die "answers are missing: $(sort "$work/lost" | uniq -c | head -n 3)"
jq -c 'del(.id)' "$work/answers1" "$work/answers2" | sort | uniq -c | sort -rn >"$work/seen" || die "an answer is no JSON"
awk '{$1 = ""; print substr($0, 2)}' "$work/seen" | while IFS= read -r line; do
  grep -qxF -- "$line" "$work/known" || { echo "FAIL: an answer that no model gives: $line"; touch "$work/wrong"; }
done
[ ! -e "$work/wrong" ] || exit 1
[ "$(wc -l <"$work/seen")" = 3 ] || die "only $(wc -l <"$work/seen") of the models were asked"
jq -e 'select((.items | length) != 10 or (.source | IN("cache", "generation") | not))' "$work/answers3" >/dev/null &&
  die "a user was answered otherwise than from his history"
[ "$(metric solid_generations_in_memory)" -le 3 ] || die "$(metric solid_generations_in_memory) generations in memory"
end=$(memory)
[ "$end" -le $((flat + flat / 5 + 4096)) ] || die "memory grew from $flat KiB after $((switches / 2)) switches to $end KiB"
asked=$(jq -c '.source' "$work"/answers[123] | wc -l)
stop
echo "serve_switches: passed: $switches switches, $asked answers, $flat KiB after half of them and $end KiB at the end"
