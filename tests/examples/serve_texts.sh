#!/usr/bin/env bash
# One rule of all ways into solid_serve: text is UTF-8 without U+0000, a % begins an escape, and no user is read as another.
#   serve_texts.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve_lib.sh"
needs curl jq
make_model m.safetensors 1
start --model "$work/m.safetensors" --threads 2

ask 400 '/recommend?user=b%c3%a9%ff&k=3'
is '.error.code == "bad_query" and .error.message == "argument \"user\" is not UTF-8 without U+0000: byte 4 of it is 0xff"'
ask 400 '/recommend?user=ann&category=%c3'
is '.error.message | test("\"category\" is not UTF-8.*byte 1 of it is 0xc3")'
ask 400 '/items?search=x%fe'
is '.error.message | test("\"search\" is not UTF-8.*byte 2 of it is 0xfe")'
ask 400 '/users/%2f%ff/history'
is '.error.message == "the id in the path is not UTF-8 without U+0000: byte 2 of it is 0xff"'
ask 400 '/users/a%00/history'
is '.error.message | test("byte 2 of it is 0x00")'
ask 400 '/users/%ff' -X DELETE
ask 400 '/items/%ff/similar'
# a % that begins no escape is no text either, and is named with its place; a %25 is one
ask 400 '/recommend?user=ann%zz&k=3'
is '.error.code == "bad_query" and .error.message == "argument \"user\" has a %, byte 4 as it was sent, that begins no escape: \"%zz\"; %25 is a %"'
ask 400 '/recommend?user=a%41%4'
is '.error.message | test("byte 5 as it was sent.*\"%4\"")'
ask 400 '/recommend?user=ann&category=%'
is '.error.message | test("\"category\" has a %, byte 1 .*\"%\"")'
ask 400 '/items?search=50%25%'
ask 400 '/items?search=%4g'
ask 400 '/recommend?user=a%00b'
is '.error.message | test("byte 2 of it is 0x00")'
for id in '%zz' 'a%4' '%' 'a%%41'; do
  ask 400 "/users/$id/history"
  is '.error.code == "bad_query" and (.error.message | test("the id in the path has a %"))'
  ask 400 "/users/$id" -X DELETE
  ask 400 "/items/$id/similar"
done
ask 200 '/recommend?user=%25zz&k=1'
is '.user == "%zz"'
ask 200 '/recommend?user=a+b%2B%C3%A9&k=1'
is '.user == "a b+\u00e9"'
# a question in the body of a GET would be answered as if it were not there
ask 400 '/popular' -X GET -d '{"k":3}'
is '.error.code == "bad_body" and (.error.message | test("GET takes no body"))'
ask 400 '/users/ann' -X DELETE -d '{}'
ask 200 '/popular' -X GET -d ''
# a packed body is called one, in place of bad JSON
printf '{"user":"ann","item":"a"}' | gzip >"$work/packed"
ask 415 /events -H 'Content-Encoding: gzip' --data-binary "@$work/packed"
is '.error.code == "packed" and (.error.message | test("Content-Encoding: gzip"))'
ask 200 /recommend -H 'Content-Encoding: identity' -d '{"user":"ann","k":1}'
for path in /recommend /slate /events /items; do
  ask 400 $path --data-binary $'{"user":"\xff","item":"\xff"}'
  is '.error.code == "not_json" and (.error.message | test("line 1, column [0-9]+: .*byte 0xff"))'
  ask 400 $path -d '{"user":"a\u0000","item":"a\u0000"}'
done
ask 200 '/recommend?user=b%c3%a9&k=1'
is '.user == "b\u00e9"'
ask 200 '/users/%2f/history'
# a time under another name must not pass for now
ask 400 /events -d '{"user":"tim","item":"item-1","timestamp":"2024-01-01T00:00:00"}'
is '.rejects[0] | .code == "no_ts" and .again == "no" and (.message | test("\"timestamp\" is not read"))'
ask 200 /events -d '[{"user":"tim","item":"item-1","time":1690000000},{"user":"tim","item":"item-2","time":1,"ts":1690000000000}]'
is '.applied == 1 and .rejected == 1 and .rejects[0].number == 0'
ask 200 /users/tim/history
is '[.items[].item] == ["item-2"]'
stop
