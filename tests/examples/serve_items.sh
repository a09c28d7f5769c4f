#!/usr/bin/env bash
# Items that come and go by HTTP: one is added, recommended, clicked, hidden, shown, removed, without a restart; the log outlives
# a kill; bad entries are named; more come than there is room for.
#   serve_items.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq
make_model m.safetensors 1
start --model "$work/m.safetensors" --threads 2 --spare-items 1
[ ! -e "$work/m.safetensors.items" ] || die "a log of no items has a file"

ask 200 /openapi.json
for field in $(jq -r '.components.schemas.ItemEntry.properties | keys[]' <<<"$body"); do
  ask 400 /items -d "{\"$field\": {\"x\": []}}"
  is ".rejects[0].message | test(\"unknown\") | not"
done
ask 400 /items -d '{"item": "x", "colour": "red"}'
is '.rejects[0].message | test("\"colour\" is unknown")'
ask 400 /items -d '{"item": 7}'
is '.rejects[0].message | test("ids are texts")'
ask 400 /items -d '{'
is '.error.code == "not_json"'
ask 400 /items -d '{"item": "x", "vector": [1e999]}'
ask 400 /items -d '{"items": 3}'

# ---- one item's life ----
categories=$(jq -c '."item-3"' "$work/data/items.json")
ask 200 /events -d '[{"user":"ann","item":"item-3"},{"user":"ann","item":"item-7"}]'
ask 200 /events -d '{"user":"ann","item":"chair"}'
is '.unknown_item == 1'
ask 200 /items -d "[{\"item\":\"chair\",\"title\":\"A red chair\",\"attributes\":$categories},{\"item\":\"\"}]"
is '.appended == 1 and .rejected == 1 and .rejects[0].number == 1 and .version == 1 and .unplaced == []'
has() { jq -e "[.items[].item] | index(\"$1\") != null" <<<"$body" >/dev/null; }
ask 200 '/recommend?user=ann&k=201'
has chair || die "not recommended with the next request: $body"
jq -e '.items[] | select(.item == "chair") | .title == "A red chair" and (.categories | length) > 0' <<<"$body" >/dev/null || die "$body"
ask 200 /recommend -d '{"k":201,"session":["item-3"]}'
has chair || die "unknown to visitors"
ask 200 "/recommend?user=ann&k=201&category=$(jq -r '.[0]' <<<"$categories")"
has chair || die "not in its category"
ask 200 '/items/chair/similar?k=3'
is '.items | length == 3'
ask 200 '/items?search=red+chair'
is '.items[0].item == "chair"'
ask 200 /items -d "{\"item\":\"chair\",\"title\":\"A red chair\",\"attributes\":$categories}"
is '.appended == 0 and .unchanged == 1 and .version == 1'
ask 200 /events -d '{"user":"ann","item":"chair"}'
is '.applied == 1'
ask 200 '/users/ann/history'
is '.items[0].item == "chair"'
ask 200 /events -d '{"user":"ben","item":"item-3"}'
ask 200 '/recommend?user=ben&k=201'
has chair || die "$body"
ask 200 /items -d '{"item":"chair","change":"hidden"}'
ask 200 '/recommend?user=ben&k=201'
has chair && die "hidden, and recommended"
ask 200 '/latest?k=5'
has chair && die "hidden, and among the latest"
ask 200 /items -d '[{"item":"chair","change":"shown"},{"item":"item-5","change":"hidden"}]'
ask 200 '/recommend?user=ben&k=201'
has chair || die "shown, and not recommended"
has item-5 && die "a trained item is hidden, and recommended"

# ---- the log outlives a kill, with what a client was told of ----
kill -9 "$server"
wait "$server" 2>/dev/null
printf 'half a fra' >>"$work/m.safetensors.items"
start --model "$work/m.safetensors" --threads 2 --spare-items 1
grep -q 'm.safetensors.items: the last write was not finished: its 10 bytes' "$work/serve.err" || die "$(cat "$work/serve.err")"
ask 200 /events -d '{"user":"ben","item":"item-3"}'
ask 200 '/recommend?user=ben&k=201'
has chair || die "gone after a kill"
has item-5 && die "shown after a kill"
ask 200 /items -d '{"item":"chair","change":"removed"}'
is '.version == 5'
ask 200 '/recommend?user=ben&k=201'
has chair && die "removed, and recommended"
ask 200 /events -d '{"user":"ben","item":"chair"}'
is '.unknown_item == 1'
ask 404 '/items/chair/similar'
"$bin/solid_serve" --model "$work/m.safetensors" --listen 127.0.0.1:0 >/dev/null 2>"$work/err" && die "two services on one log"
grep -q 'another process has this item log' "$work/err" || die "$(cat "$work/err")"

# ---- more than there are spare rows for: nothing is refused, and a larger copy takes over ----
jq -nc "[range(500) | {item: \"new-\\(.)\", attributes: $categories}]" >"$work/many.json"
ask 200 /items -d "@$work/many.json"
is '.appended == 500 and .version == 505'
for _ in $(seq 3000); do
  ask 200 '/recommend?user=ben&k=700'
  n=$(jq '[.items[].item | select(startswith("new-"))] | length' <<<"$body")
  [ "$n" = 500 ] && break
  sleep 0.1
done
[ "$n" = 500 ] || die "$n of 500 new items"
is '[.items[].item] | length == (unique | length)'
[ "$(metric solid_item_log_entries)" = 505 ] || die "entries: $(metric solid_item_log_entries)"
[ "$(metric solid_generations_in_memory)" = 1 ] || die "generations: $(metric solid_generations_in_memory)"

# ---- an item of which the model knows nothing: taken, and whoever sent it hears that nobody will see it ----
ask 200 /items -d "[{\"item\":\"known\",\"attributes\":$categories},{\"item\":\"odd\",\"attributes\":[\"no such\"]},{\"item\":\"bare\"}]"
is '.appended == 3 and .unplaced == [1, 2]'
ask 200 '/recommend?user=ben&k=1000'
has known || die "not recommended: known"
has odd && die "recommended, though nothing is known of it"
ask 200 /events -d '{"user":"ben","item":"odd"}'
is '.applied == 1'
stop

# ---- a full disk: what is wrong, and everything else goes on ----
cp "$work/m.safetensors" "$work/full.safetensors"
trap '' XFSZ
ulimit -S -f 48
start --model "$work/full.safetensors" --threads 2
ulimit -S -f unlimited
trap - XFSZ
jq -nc "[range(100) | {item: \"new-\(.)\", title: (\"t\" * 300)}]" >"$work/long.json"
ask 200 /items -d "@$work/long.json"
is '.appended == 100'
ask 503 /items -d "$(sed 's/new-/other-/g' "$work/long.json")"
is '.error.code == "store_full" and (.error.message | test("full.safetensors.items: write: File too large: nothing of it is kept"))'
ask 200 /health/ready
ask 200 '/recommend?user=ben&k=5'
ask 200 /items -d '{"item":"small"}'
is '.appended == 1 and .version == 101'
stop
echo "serve_items: 508 entries, one restart"
