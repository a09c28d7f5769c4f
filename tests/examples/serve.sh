#!/usr/bin/env bash
# solid_serve as a client meets it, with the store in its own memory: questions, rules, reasons, events, limits, what is
# wrong, health, metrics, a token, and that openapi.json says what the handlers do.
#   serve.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq
make_model m.safetensors 1
start --model "$work/m.safetensors" --threads 2 --max-k 50 --max-batch 4 --max-body 4096
# the model's file is read once: what else is read at the start is less than its size
[ ! -r "/proc/$server/io" ] || [ "$(awk '$1 == "rchar:" {print $2}' "/proc/$server/io")" -lt $((2 * $(wc -c <"$work/m.safetensors"))) ] || die "the model is read twice"

# ---- openapi.json is of this server ----
ask 200 /openapi.json
diff <(jq -r '.paths | to_entries[] | .key as $p | .value | keys[] | "\(ascii_upcase) \($p)"' <<<"$body" | sort) \
  <("$bin/solid_serve" --model x --routes | sort) || die "openapi.json and the routes differ"
cp "$work/body" "$work/openapi"
fields=$(jq -r '.components.schemas.Query.properties | keys[]' <<<"$body")
open=$(jq -r '.paths | to_entries[] | select(.value.get.security == []) | .key' <<<"$body")
for field in $fields; do # each is known: a wrong value is its own fault, not that of an unknown field
  ask 400 /recommend -d "{\"$field\": {\"x\": []}}"
  is ".error.message | test(\"unknown field\") | not"
done
ask 400 /recommend -d '{"nonsense": 1}'
is '.error.message | test("unknown field")'
for field in $(jq -r '.components.schemas.SlateQuery.properties | keys[]' "$work/openapi"); do
  ask 400 /slate -d "{\"$field\": {\"x\": []}}"
  is ".error.message | test(\"unknown field\") | not"
done
ask 400 /slate -d '{"nonsense": 1}'
is '.error.message | test("unknown field")'

jq -r '.paths | to_entries[] | .key as $p | .value.get.parameters // [] | .[] | select(.in == "query") | "\($p) \(.name)"' "$work/openapi" >"$work/parameters"
while read -r path name; do # the same of what stands behind a question mark
  curl -s "$url${path/\{id\}/item-1}?$name=" | jq -e '(.error.message // "") | test("is unknown") | not' >/dev/null || die "$path refuses $name"
done <"$work/parameters"
[ "$(wc -l <"$work/parameters")" -ge 10 ] || die "openapi.json has parameters: $(cat "$work/parameters")"
ask 400 '/items?q=copper'
is '.error.message == "argument \"q\" is unknown; see /openapi.json"'
ask 400 '/users/ann/history?k=2'

# ---- questions and events ----
ask 200 '/recommend?user=ann&k=5'
is '.source == "popularity" and (.items | length) == 5 and .items[0].title != null and (.items[0].categories | length) > 0'
ask 200 /events -d '[{"user":"ann","item":"item-3"},{"user":"ann","item":"item-7"},{"user":"ann","item":"nobody"},{"user":"","item":"item-1"}]'
is '.applied == 2 and .unknown_item == 1 and .rejected == 1 and .rejects[0].number == 3 and .rejects[0].code == "bad_user"'
ask 200 '/recommend?user=ann&k=50'
is '.source == "cache" and .window_seq == 2 and ([.items[].item] | index("item-3") == null and index("item-7") == null)'
ask 200 '/recommend?user=ann&k=50&exclude_seen=false'
is '[.items[].item] | length == 50'
ask 200 '/users/ann/history'
is '[.items[].item] == ["item-7", "item-3"]'
ask 200 '/popular?k=3'
is '.from == "stream" and ([.items[].item] | sort) == ["item-3", "item-7"]'
ask 200 '/latest?k=1'
is '[.items[].item] == ["item-7"]'
ask 200 '/items/item-3/similar?k=4'
is '(.items | length) == 4 and ([.items[].item] | index("item-3")) == null and .items[0].similarity >= .items[3].similarity'
ask 404 '/items/nobody/similar'
is '.error.message == "the model has no item \"nobody\": GET /items?search= finds ids by a part of id or title"'
title=$(jq -r '."item-3"' "$work/data/titles.json")
ask 200 '/items?k=5' -G --data-urlencode "search=$title"
is '.items[0].item == "item-3"'

# ---- rules ----
ask 200 /recommend -d '{"user":"ann","k":10,"allow":["item-9","item-11","nobody"]}'
is '([.items[].item] | sort) == ["item-11", "item-9"]'
ask 200 /recommend -d '{"user":"ann","k":3,"allow":[]}'
is '.items == []'
ask 200 /recommend -d '{"user":"ann","k":3,"boosts":{"item-100":1000}}'
is '.items[0].item == "item-100"'
ask 200 /recommend -d '{"user":"ann","k":12,"per_category":1}'
is '[.items[].categories[]] | (length > 0) and (length == (unique | length))'
best=$(jq -r '.items[0].item' <<<"$body")
ask 200 /recommend -d "{\"user\":\"ann\",\"k\":10,\"block\":[\"$best\"]}"
is "[.items[].item] | index(\"$best\") == null"
category=$(jq -r '.items[0].categories[0]' <<<"$body")
ask 200 /recommend -d "{\"user\":\"ann\",\"k\":50,\"category\":\"$category\"}"
is "all(.items[]; .categories | index(\"$category\") != null)"
ask 404 /recommend -d '{"user":"ann","category":"no such one"}'
is '.error.message | test("COLUMN=VALUE")'
ask 200 /recommend -d '{"session":["item-5","item-8"],"k":5,"reasons":true}'
is '.source == "session" and all(.items[]; .reasons.events | length <= 2) and any(.items[]; .reasons.events | length > 0)'
is 'all(.items[].reasons.events[]; .item == "item-5" or .item == "item-8")'
ask 200 /recommend -d '{"queries":[{"user":"ann","k":1},{"user":"ann","category":"no such one"},{"k":2}]}'
is '(.answers | length) == 3 and .answers[0].source == "cache" and .answers[1].error.code == "not_found" and .answers[2].source == "popularity"'
ask 400 /recommend -d '{"queries":[{},{},{},{},{}]}'

# ---- slates ----
ask 501 /slate -d '{"user":"ann"}'
is '.error.code == "unsupported" and (.error.message | test("no decoder; train one with solid_train --slate 10"))'

# ---- a retry is harmless ----
for _ in 1 2; do
  ask 200 /events -H 'Idempotency-Key: one' -d '{"user":"bob","item":"item-1"}'
  is '.applied == 1'
done
ask 422 /events -H 'Idempotency-Key: one' -d '{"user":"bob","item":"item-9"}' # no retry: it must not pass for done
is '.error.code == "key_reused"'
ask 200 /events -d '{"user":"bob","item":"item-2","stream":7,"offset":5}'
is '.applied == 1'
ask 200 /events -d '{"user":"bob","item":"item-2","stream":7,"offset":5}'
is '.applied == 0 and .duplicate == 1'
ask 200 /users/bob/history
is '[.items[].item] == ["item-2", "item-1"]'
ask 400 /events -d '{"user":"bob","item":"item-2","stream":7}'

# ---- forgetting: odd bytes in the path, twice, nobody, and what comes later ----
ask 200 /events -d '[{"user":"c/d e%","item":"item-1","stream":7,"offset":50},{"user":"cy","item":"item-2","stream":7,"offset":51}]'
is '.applied == 2'
ask 200 '/users/c%2Fd%20e%25' -X DELETE
is '.had_record == true and .in_topic == false'
ask 200 '/users/c%2Fd%20e%25' -X DELETE
is '.had_record == false'
ask 200 /users/nobody -X DELETE
is '.had_record == false'
ask 200 '/users/c%2Fd%20e%25/history'
is '.seq == 0 and .items == []'
ask 200 /users/cy/history
is '.seq == 1'
ask 200 /events -d '{"user":"c/d e%","item":"item-1","stream":7,"offset":50}'
is '.applied == 0 and .duplicate == 1'
ask 200 /events -d '[{"user":"c/d e%","item":"item-3","stream":7,"offset":52},{"user":"cy","forget":true},{"user":"cy","item":"item-9"}]'
is '.applied == 2'
ask 200 /users/cy/history
is '[.items[].item] == ["item-9"]'
ask 200 '/users/c%2Fd%20e%25/history'
is '[.items[].item] == ["item-3"]'
ask 400 "/users/$(printf 'x%.0s' $(seq 300))" -X DELETE
ask 404 /users/ -X DELETE
ask 405 /users/ann
ask 400 '/users/ann?k=1' -X DELETE

# ---- does it work online? ----
ask 200 '/recommend?user=ann&k=1'
id=$(jq -r .id <<<"$body")
ask 200 /events -d "[{\"user\":\"ann\",\"item\":\"item-9\",\"event\":\"impression\",\"answer\":\"$id\"},{\"user\":\"ann\",\"item\":\"item-9\",\"event\":\"click\",\"answer\":\"$id\"}]"
is '.impression == 1 and .applied == 1'
[ "$(metric 'solid_impressions_total{generation="current",source="cache",mode="user"}')" = 1 ] || die "the impression is not counted"
[ "$(metric 'solid_clicks_total{generation="current",source="cache",mode="user"}')" = 1 ] || die "the click is not counted"

# ---- what is wrong ----
ask 400 /recommend -d '{'
is '.error.code == "not_json"'
ask 400 /recommend -d '[1]'
ask 400 /recommend -d '{"user":"ann","user":"bob"}'
ask 400 /recommend -d '{"user":"ann","k":51}'
ask 400 /recommend -d '{"user":"ann","k":"10"}'
ask 400 '/recommend?user=ann&k=-1'
ask 400 '/recommend?k=1'
ask 400 '/recommend?user=ann&K=3' # no name that a client misspelt passes for one that it left out
is '.error.message | test("\"K\" is unknown")'
ask 400 '/recommend?user=ann&k=3&k=5'
is '.error.message | test("twice")'
ask 400 '/recommend?user=ann&exclude_seen'
is '.error.message | test("no value")'
ask 400 '/recommend?user='
ask 400 '/recommend?user=ann&category='
ask 200 '/recommend?user=ann&fallback=none'
for path in '/items?q=x' '/items/item-3/similar?n=1' '/users/ann/history?k=1' '/popular?n=1' '/latest?n=1' '/model?x=1'; do ask 400 "$path"; done
for path in /recommend /slate /events /model; do ask 400 "$path?k=3" -d '{}'; is '.error.message | test("argument \"k\"")'; done
ask 200 '/metrics?x=1'
ask 200 '/?x=1'
# the arguments that openapi.json says are those that are taken
while read -r path name; do
  ask 400 "${path/\{id\}/item-3}?$name="
  is '.error.message | test("is unknown") | not'
done < <(jq -r '.paths | to_entries[] | .key as $p | .value.get.parameters[]? | select(.in == "query" and .name != "search") | "\($p) \(.name)"' "$work/openapi")
ask 400 /events -d 'no json'
is '.error.code == "not_json" and (.error.message | test("line 1, column"))'
for path in /recommend /slate /events /items; do
  ask 400 $path -d ''
  is '.error.code == "not_json" and (.error.message | test("has no body.*/openapi.json"))'
done
ask 400 /recommend -d '{"user":""}'
is '.error.message == "\"user\" is an id of 0 bytes, 1 to 255 are allowed"'
ask 400 "/recommend?user=$(printf 'x%.0s' $(seq 256))"
is '.error.message == "\"user\" is an id of 256 bytes, 1 to 255 are allowed"'
ask 400 /recommend -d '{"session":"item-1"}'
is '.error.message == "\"session\" is not a list of ids"'
ask 400 /recommend -d '3'
ask 400 /recommend -d '[]'
is '.error.message == "a question is not an object, {\"user\": ..., \"k\": ...}; see /openapi.json"'
ask 400 /events --data-binary $'{"user":"a","item":"item-1"}\n{"user":"a","item":"item-2"}'
is '.error.message | test("several events are a list")'
ask 400 /events -d '[]'
ask 400 /events -d '{"events":5}'
ask 400 /events -d '{"events":[{"user":"ann","item":"item-1"}],"user":"bob","item":"item-2"}'
is '.error.message | test("stand alone")'
ask 400 /model -d '{"action":"back","share":0.5}'
is '.error.message | test("for all users")'
ask 404 /nowhere
ask 405 /events
# a proxy's form of the target (RFC 9112, 3.2.2): scheme and host say nothing of the path
target() { local want=$1 target=$2; shift 2; ask "$want" / --request-target "$target" "$@"; }
target 200 'http://any.host:1/recommend?user=ann&k=3'
is '.user == "ann" and (.items | length) == 3'
target 200 'HTTPS://me@[::1]:8080/items/item-1/similar?k=2'
is '.items | length == 2'
target 200 'http://any.host'
target 200 'http://any.host/events' -d '{"user":"far","item":"item-1"}'
is '.applied == 1'
target 200 'http://any.host/users/far' -X DELETE
is '.had_record == true'
target 405 'http://any.host/events'
target 404 'http://any.host/nowhere'
for wrong in 'http:///recommend?user=ann' 'ftp://any.host/recommend?user=ann' 'http:/recommend?user=ann' '*'; do target 404 "$wrong"; done
target 404 '*' -X OPTIONS
target 405 '/recommend' -X OPTIONS
ask 405 /health/live -X DELETE
ask 413 /events -d "$(head -c 5000 /dev/zero | tr '\0' 'x')"
ask 413 /events -H 'Transfer-Encoding: chunked' -d "$(head -c 5000 /dev/zero | tr '\0' 'x')"
ask 200 /recommend -d '{"user":"a\"b\\c\n"}'
is '.user == "a\"b\\c\n"'

# ---- health and metrics ----
ask 200 /health/live
ask 200 /health/ready
is '.status == "ready" and .store == "ok"'
ask 200 /metrics
grep -q '^solid_answers_total{source="cache"} [1-9]' <<<"$body" || die "no answers from the cache are counted"
if command -v promtool >/dev/null; then
  promtool check metrics <<<"$body" || die "promtool does not take the metrics"
else
  echo "[SKIP] promtool is not installed"
fi
ask 200 /
grep -q '<script src="page.js">' <<<"$body" || die "no page"
ask 200 /page.js
stop

# ---- a model with a decoder ----
"$bin/solid_train" --data "$work/data/events.jsonl" --attributes "$work/data/items.json" --slate 8 --slate-of "$work/m.safetensors" --slate-epochs 1 \
  --slate-blocks 1 --threads 1 --out "$work/s.safetensors" >"$work/train.log" 2>&1 || die "a decoder: $(tail -n 3 "$work/train.log")"
start --model "$work/s.safetensors"
ask 200 /events -d '[{"user":"ann","item":"item-3"},{"user":"ann","item":"item-7"}]'
ask 200 '/recommend?user=ann&k=8'
ranked=$(jq -c '[.items[].item]' <<<"$body")
ask 200 /slate -d '{"user":"ann","k":8,"guide":1}'
is "[.items[].item] == $ranked and .order == \"raster\" and .source == \"cache\" and .forwards >= 0"
ask 200 /slate -d '{"user":"ann"}'
is '(.items | length) == 8'
ask 200 /slate -d '{"user":"ann","k":8,"guide":0,"order":"zipar:1","reasons":true}'
is '(.items | length) == 8 and ([.items[].item] | unique | length) == 8 and .order == "zipar:1" and .forwards > 0 and .log_likelihood < 0 and .items[0].title != null'
is 'all(.items[]; .item != "item-3" and .item != "item-7") and any(.items[]; .reasons.events | length > 0)'
id=$(jq -r .id <<<"$body")
ask 200 /slate -d "{\"user\":\"ann\",\"k\":3,\"guide\":0.5,\"block\":[\"$(jq -r '.[0]' <<<"$ranked")\"]}"
is "(.items | length) == 3 and ([.items[].item] | index($(jq '.[0]' <<<"$ranked")) == null)"
ask 200 /slate -d '{"session":["item-5"],"k":4}'
is '.source == "session" and (.items | length) == 4'
ask 200 /slate -d '{"queries":[{"user":"ann","k":2},{"user":"ann","k":9},{"k":1}]}'
is '(.answers[0].items | length) == 2 and (.answers[1].error.message | test("8 rows")) and .answers[2].source == "popularity"'
ask 501 /slate -d '{"user":"ann","k":8,"order":"near-to-far"}'
ask 200 /slate -d '{"user":"ann","k":4,"guide":0.5,"order":"zipar:adaptive"}'
is '(.items | length) == 4 and .order == "zipar:adaptive:1" and .forwards > 3'
ask 400 /slate -d '{"user":"ann","order":"zipar:0"}'
ask 400 /slate -d '{"user":"ann","guide":1.1}'
ask 200 /slate -d '{"user":"ann","k":5,"guide":0.5,"allow":["item-1","item-2","item-9","nobody"]}'
is '(.items | length) >= 1 and all(.items[]; .item == "item-1" or .item == "item-2" or .item == "item-9")'
ask 200 /slate -d '{"user":"ann","k":5,"allow":[]}'
is '.items == []'
ask 400 /slate -d '{"user":"ann","boosts":{"item-1":1}}'
is '.error.message | test("not for slates")'
ask 200 /events -d "[{\"user\":\"ann\",\"item\":\"item-9\",\"event\":\"impression\",\"answer\":\"$id\"}]"
[ "$(metric 'solid_impressions_total{generation="current",source="cache",mode="slate"}')" = 1 ] || die "the slate's impression is not counted"
stop

# who does not say how many gets no more than is allowed
start --model "$work/s.safetensors" --max-k 5
for path in '/recommend?user=ann' '/popular' '/items/item-3/similar'; do ask 200 "$path"; is '(.items | length) == 5'; done
for path in /recommend /slate; do ask 200 $path -d '{"session":["item-3"]}'; is '(.items | length) == 5'; done
ask 400 /slate -d '{"session":["item-3"],"k":6}'
stop

# ---- another model: for all, for some, for all again, and back ----
cp "$work/s.safetensors" "$work/live.safetensors"
start --model "$work/live.safetensors"
ask 200 /model
first=$(jq -r .current <<<"$body")
ask 409 /model -d '{"action": "back"}' # at once, not as an error of a change that was accepted
is '.error.code == "no_previous" and (.error.message | test("no previous model"))'
ask 200 /model
is '.error == "" and .loading == false'
becomes() { # JQ-EXPRESSION: GET /model says so within seconds
  for _ in $(seq 3000); do
    ask 200 /model
    ! jq -e "$1" <<<"$body" >/dev/null || return 0
    sleep 0.1
  done
  die "the model does not become $1: $body"
}
change() { for _ in $(seq 3000); do [ "$(curl -s -o /dev/null -w '%{http_code}' -d "$1" "$url/model")" != 202 ] || return 0; sleep 0.1; done; die "$1 is not taken"; }
cp "$work/m.safetensors" "$work/next" && mv "$work/next" "$work/live.safetensors"
becomes ".current != \"$first\" and .previous == \"$first\" and .share == 1"
second=$(jq -r .current <<<"$body")
change '{"share": 0.25}'
becomes ".current == \"$second\" and .share == 0.25"
switches=$(metric solid_model_switches_total)
kill -HUP "$server" # the same file: nothing changes
for _ in $(seq 100); do [ "$(metric solid_model_switches_total)" = "$switches" ] || break; sleep 0.05; done
becomes ".current == \"$second\" and .share == 0.25"
change '{}'
becomes ".current == \"$second\" and .share == 1"
change '{"action": "back"}'
becomes ".current == \"$first\" and .previous == \"$second\" and .share == 1"
# a file that is no model changes nothing, and each time that somebody asks for it is in the log
echo none >"$work/next" && mv "$work/next" "$work/live.safetensors"
failures() { for _ in $(seq 3000); do [ "$(metric solid_model_switch_failures_total)" != "$1" ] || return 0; sleep 0.1; done; die "not $1 failures"; }
failures 1
change '{"action": "load"}'
failures 2
becomes ".current == \"$first\" and (.error | contains(\"no safetensors file\"))"
[ "$(grep -c 'load: .*no safetensors file' "$work/serve.err")" = 2 ] || die "two failures in the log: $(cat "$work/serve.err")"
stop

# ---- a token ----
printf '\xef\xbb\xbfsecret-token\r\n' >"$work/token" # as an editor may write it
start --model "$work/m.safetensors" --token-file "$work/token" --log-format json
while read -r method path; do
  path=${path/\{id\}/x}
  [ "$method" = GET ] || continue
  if grep -qxF "$path" <<<"$open"; then ask 200 "$path"; else ask 401 "$path"; fi
done < <("$bin/solid_serve" --model x --routes)
ask 401 /events -d '{"user":"a","item":"item-1"}'
ask 401 /recommend?user=a -H 'Authorization: Bearer secret-toke'
ask 401 /recommend?user=a -H 'Authorization: Bearer secret-tokenn'
ask 401 /recommend?user=a -H 'Authorization: Basic secret-token'
ask 200 /recommend?user=a -H 'Authorization: Bearer secret-token'
ask 200 /recommend?user=a -H 'Authorization: bearer secret-token'
stop
jq -es 'all(.[]; .time and .level and .program == "solid_serve" and .text)' "$work/serve.err" >/dev/null || die "lines are no JSON: $(cat "$work/serve.err")"

# ---- wrong usage is told from what may be better in a minute ----
code_of() { timeout 600 "$bin/solid_serve" "$@" >/dev/null 2>"$work/serve.err"; echo $?; }
[ "$(code_of --model "$work/nothing" --listen 127.0.0.1:0)" = 3 ] || die "no model"
# --listen before the model is loaded: here there is none
[ "$(code_of --model "$work/nothing" --listen nonsense)" = 2 ] || die "no address"
start --model "$work/m.safetensors"
[ "$(code_of --model "$work/nothing" --listen "${url#http://}")" = 5 ] || die "a port that is taken"
grep -q "cannot listen there: Address already in use" "$work/serve.err" || die "why it cannot listen"
stop
[ "$(code_of --model "$work/m.safetensors" --listen 127.0.0.1:0 --store redis --redis 127.0.0.1:1)" = 4 ] || die "no store"
[ "$(code_of --model "$work/m.safetensors" --topic t)" = 2 ] || die "a topic without brokers"
for token in 'with blank' 'blank-behind ' "$(head -c 4095 /dev/zero | tr '\0' x)"; do # that no client can send
  printf '%s\n' "$token" >"$work/token"
  [ "$(code_of --model "$work/nothing" --token-file "$work/token")" = 2 ] || die "a token: $token"
done
echo "serve: passed"
