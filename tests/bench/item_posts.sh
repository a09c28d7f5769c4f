#!/usr/bin/env bash
# How long questions take while items are posted to the same solid_serve: two clients ask for lists of 500 users, three seconds
# by themselves, then while a third posts items in ten batches.
#   item_posts.sh BIN [ITEMS [ARGUMENTS OF solid_serve]]        item_posts.sh build/dev/bin 20000 --store redis --redis 127.0.0.1:6379
# BIN: a folder of programs, so that those of two builds can be asked in turn.
set -uo pipefail
bin=$(cd "${1:?usage: item_posts.sh BIN [ITEMS [ARGUMENTS]]}" && pwd) items=${2:-20000}
shift $(($# < 2 ? $# : 2))
. "$(dirname "$0")/../examples/serve_lib.sh"
make_model m.safetensors 4 --codes 16
start --model "$work/m.safetensors" --threads 4 --spare-items 10000 "$@"
echo "load $(cut -d' ' -f1 /proc/loadavg), $items items, solid_serve $*"
python3 - "${url#http://}" "$items" <<'PYTHON' || die "$(tail -n 3 "$work/serve.err")"
import http.client, json, sys, threading, time

address, items = sys.argv[1], int(sys.argv[2])
USERS, POSTS = 500, 10
posting, done, took = False, False, []  # took: (while items were posted, seconds)


def send(connection, method, path, body=None):
    began = time.perf_counter()
    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, (path, answer.status, text)
    return time.perf_counter() - began


def ask(user):
    connection = http.client.HTTPConnection(address)
    while not done:
        user = (user * 1103515245 + 12345) % 1000003
        state = posting
        took.append((state, send(connection, "GET", f"/recommend?user=u{user % USERS}&k=10")))


connection = http.client.HTTPConnection(address)
for first in range(0, USERS, 100):
    send(connection, "POST", "/events", {"events": [{"user": f"u{u}", "item": f"item-{u % 90 + 1}"} for u in range(first, first + 100)]})
askers = [threading.Thread(target=ask, args=(seed,)) for seed in (1, 2)]
for asker in askers:
    asker.start()
time.sleep(3)
posting = True
posts = [send(connection, "POST", "/items", {"items": [{"item": f"new-{p}-{i}", "attributes": [f"genre-{i % 4}"]} for i in range(items // POSTS)]})
         for p in range(POSTS)]
done = True
for asker in askers:
    asker.join()
for state, name in ((False, "by themselves"), (True, "while items are posted")):
    ms = sorted(1e3 * seconds for while_posting, seconds in took if while_posting == state)
    print(f"questions {name}: {len(ms)}, p50 {ms[len(ms) // 2]:.2f}, p99 {ms[int(len(ms) * .99)]:.1f}, longest {ms[-1]:.1f} ms")
print(f"a post of {items // POSTS}: {min(posts):.2f} to {max(posts):.2f} s")
PYTHON
stop
