#!/usr/bin/env bash
# Are new items ranked live as the cold-start tables say? Trains with one item in ten hidden and measures them offline (solid_eval). Then
# a server whose model has never heard of them is told of them by POST /items, gets the events of the users whose next item is one of them,
# and is asked for ten items each.
#   cold_live.sh FOLDER-OF-PROGRAMS DATA ATTRIBUTES [ARGUMENTS OF solid_train]        needs curl and jq
set -euo pipefail
bin=$1 data=$2 attributes=$3
shift 3
work=$(mktemp -d "${TMPDIR:-/tmp}/cold-live-XXXXXX")
server=
finish() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
die() { echo "cold_live: $*" >&2; exit 1; }
"$bin/solid_train" --data "$data" --attributes "$attributes" --hide 0.1 --hide-seed 1 --out "$work/offline.safetensors" "$@" >"$work/train.log" 2>&1 ||
  die "solid_train: $(tail -n 3 "$work/train.log")"
"$bin/solid_eval" --model "$work/offline.safetensors" --data "$data" --json "$work/offline.json" >"$work/eval.log" 2>&1 || die "solid_eval: $(tail -n 3 "$work/eval.log")"
mkdir "$work/live"
"${COLD_LIVE:-$bin/../tests/bench/cold_live}" "$work/offline.safetensors" "$data" "$work/live" "$attributes"

"$bin/solid_serve" --model "$work/live/model.safetensors" --listen 127.0.0.1:0 --threads 1 --history 4096 >"$work/serve.out" 2>"$work/serve.err" & server=$!
for _ in $(seq 400); do
  url=$(sed -n 's/^listens on \(http.*\)\/$/\1/p' "$work/serve.out")
  [ -z "$url" ] || break
  kill -0 "$server" 2>/dev/null || die "solid_serve: $(cat "$work/serve.err")"
  sleep 0.1
done
# post PATH NAME FILE LINES: the file's lines as lists of so many
post() {
  split -l "$4" "$3" "$work/piece."
  for piece in "$work"/piece.*; do
    jq -cs "{$2: .}" "$piece" >"$work/body"
    curl -fsS -o "$work/answer" "$url$1" --data-binary "@$work/body" || die "$1: $(cat "$work/answer")"
    rm "$piece"
  done
}
post /events events "$work/live/events.jsonl" 5000 # before anybody has heard of the items: they are clicked after they came
post /items items "$work/live/items.jsonl" 1000
while IFS=$'\t' read -r user target; do
  curl -fsS -G "$url/recommend" --data-urlencode "user=$user" -d k=10 >"$work/answer" || die "no answer for $user"
  jq -r --arg target "$target" '[.items[].item] | index($target) // 10' "$work/answer"
done <"$work/live/targets.tsv" >"$work/ranks"
live=$(awk '{ n++; if ($1 < 10) { hits++; gain += log(2) / log($1 + 2) } } END { printf "%d %.4f %.4f", n, hits / n, gain / n }' "$work/ranks")
offline=$(jq -r '[.. | .model_on_hidden_full? // empty][0] | [.users, (."hr@10" | if type == "array" then .[0] else . end), (."ndcg@10" | if type == "array" then .[0] else . end)] | @tsv' \
  "$work/offline.json")
read -r users hr ndcg <<<"$offline"
printf 'hidden targets of %s users offline: HR@10 %.4f, NDCG@10 %.4f\n' "$users" "$hr" "$ndcg"
read -r n live_hr live_ndcg <<<"$live"
printf 'hidden targets of %s users live:    HR@10 %s, NDCG@10 %s\n' "$n" "$live_hr" "$live_ndcg"
[ "$users" = "$n" ] || die "they are not the same users"
