#!/bin/bash
# send_items.sh BIN: solid_send --items passes on every item of a file, of a pipe, of gzip, or says why not.
set -u
bin=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# same WHAT FILE [< STDIN]: what comes out is the three items, as they are.
same() {
  if ! "$bin/solid_send" --items "$2" --write "$work/out" >"$work/err" 2>&1 || ! cmp -s "$work/items.jsonl" "$work/out"; then
    echo "send_items: $1: $(cat "$work/err")"
    bad=1
  fi
}

# refuses WORD FILE: ends with 5, the last line says why, and nothing is said to be delivered into a file that is not there.
refuses() {
  "$bin/solid_send" --items "$2" --write "$work/refused" >/dev/null 2>"$work/err"
  local code=$?
  if [ "$code" != 5 ] || ! tail -n 1 "$work/err" | grep -qF -- "$1" || [ -e "$work/refused" ] ||
    ! grep -q ' 0 delivered' "$work/err"; then
    echo "send_items: $2: exit code $code, or no '$1' in: $(tail -n 1 "$work/err")"
    bad=1
  fi
}

for n in 1 2 3; do echo "{\"item\":\"sku-$n\",\"title\":\"Chair $n\",\"attributes\":[\"red\"]}"; done >"$work/items.jsonl"
same "a file" "$work/items.jsonl"
same "a pipe" <(cat "$work/items.jsonl")
same "standard input" - <"$work/items.jsonl"
gzip -k "$work/items.jsonl"
same gzip "$work/items.jsonl.gz"
{ printf '\xef\xbb\xbf\n'; cat "$work/items.jsonl"; } >"$work/marked.jsonl"
same "a byte order mark and a blank line" "$work/marked.jsonl"
same "the same as input" - <"$work/marked.jsonl"

printf '{"item":"a"}\0{"item":"b"}\n' >"$work/zero.jsonl"
refuses "zero.jsonl:1: a zero byte" "$work/zero.jsonl"
printf '{"item":"a"}\n{"item":7}\n' >"$work/number.jsonl"
refuses 'number.jsonl:2: "item" is a number' "$work/number.jsonl"
printf '{"item":7,"attributes":["red"]}\n' >"$work/first.jsonl"
refuses 'first.jsonl:1: "item" is a number' "$work/first.jsonl"
printf '[{"item":"a"},{"item":"b"}]\n' >"$work/list.jsonl"
refuses 'list.jsonl:1: a list' "$work/list.jsonl"
: >"$work/empty"
refuses "empty: no items" "$work/empty"

# Standard input has lines: what is wrong is said of the line.
refuses '-:1: field "id" is unknown' - <<<'{"id":"a"}'
refuses "-:1: no JSON" - <<<'item,title'
# An object of attributes by item may be one line, longer than any item.
{ printf '{"a":'; head -c 67108865 /dev/zero | tr '\0' ' '; printf '["red"]}'; } >"$work/long.json"
"$bin/solid_send" --items "$work/long.json" --write - 2>"$work/err" | grep -qF '{"item":"a","attributes":["red"]}' ||
  { echo "send_items: a long line: $(cat "$work/err")"; bad=1; }
rm "$work/long.json"
# A signal ends the wait for a pipe.
waits() { [ -n "$(find "/proc/$sender/fd" -lname "$work/pipe")" ] && grep -q '^State:.*S' "/proc/$sender/status"; }
is_over() { ! kill -0 "$sender" 2>/dev/null; }
within() { for _ in $(seq 3000); do "$@" && return; sleep 0.1; done; echo "send_items: not in time: $*"; bad=1; }
mkfifo "$work/pipe"
exec 3<>"$work/pipe"
"$bin/solid_send" --items "$work/pipe" --write "$work/stopped" 2>"$work/err" 3>&- & sender=$!
within waits
kill -TERM "$sender"
within is_over
kill -KILL "$sender" 2>/dev/null
wait "$sender" || { echo "send_items: a signal while it waits for a pipe: exit code $?, $(cat "$work/err")"; bad=1; }

# A table is read for its titles, and again for its attributes; a title is cut to what the item log takes, not in a character.
printf 'item,title,genres\na,x%s,red|blue\nb,Stool,red\n' "$(printf 'é%.0s' $(seq 600))" >"$work/items.csv"
refuses "is no regular file" <(cat "$work/items.csv")
if ! "$bin/solid_send" --items "$work/items.csv" --write - 2>"$work/err" | tail -n 1 | grep -qF '{"item":"b","title":"Stool","attributes":["red"]}'; then
  echo "send_items: a table: $(cat "$work/err")"
  bad=1
fi
# Which columns are attributes is said as to solid_train; an item of several lines would lose all but the last.
printf 'sku;name;brand;group\na;Chair;acme;seat|wood\nb;Stool;acme;seat\n' >"$work/shop.csv"
"$bin/solid_send" --items "$work/shop.csv" --attribute-item sku --attribute-columns brand,group --attribute-separator semicolon --write "$work/shop" 2>"$work/err"
grep -qF '{"item":"a","title":"Chair","attributes":["brand=acme","group=seat","group=wood"]}' "$work/shop" ||
  { echo "send_items: columns: $(cat "$work/err" "$work/shop")"; bad=1; }
printf 'item,genres\na,red\nb,red\na,blue\n' >"$work/twice.csv"
refuses 'twice.csv: item "a" has several lines' "$work/twice.csv"
exit "$bad"
