"""solid_ask without a store: a visitor's list from the model alone, as text and as JSON; ids with commas; titles; categories.
  ask_test.py BIN_DIR"""
import collections
import json
import os
import subprocess
import sys
import tempfile

BIN = sys.argv[1]
WORK = tempfile.TemporaryDirectory()


def at(name):
    return os.path.join(WORK.name, name)


def run(program, *args, code=0):
    done = subprocess.run([os.path.join(BIN, program), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == code, f"{program} {args}: {done.returncode}\n{done.stdout}"
    return done.stdout


def ask(*args, code=0):
    return run("solid_ask", "--model", at("model"), *args, code=code)


# Items are called "item,7": a list with commas cannot name them.
run("make_dataset", "--users", 150, "--items", 100, "--seed", 2, "--out", at("made"))
for name in ("events.jsonl", "items.json", "titles.json"):
    with open(at("made/" + name), encoding="utf-8") as file, open(at(name), "w", encoding="utf-8") as out:
        out.write(file.read().replace("item-", "item,"))
run("solid_train", "--data", at("events.jsonl"), "--attributes", at("items.json"), "--titles", at("titles.json"), "--width", 16, "--codes", 8,
    "--epochs", 1, "--threads", 1, "--split", "per-user-ratio", "--slate", 4, "--slate-epochs", 1, "--out", at("model"))
with open(at("titles.json"), encoding="utf-8") as file:
    titles = json.load(file)
with open(at("items.json"), encoding="utf-8") as file:
    attributes = json.load(file)
history = collections.defaultdict(list)
with open(at("events.jsonl"), encoding="utf-8") as file:
    for event in map(json.loads, file):
        history[event["user"]].append(event["item"])

# The list of a visitor who did what a user did is the user's; no server is asked.
run("solid_batch", "--model", at("model"), "--data", at("events.jsonl"), "--k", 4, "--out", at("lists"))
with open(at("lists"), encoding="utf-8") as file:
    lists = {line["user"]: line["items"] for line in map(json.loads, file)}
for user in list(lists)[:5]:
    session = ["--session", json.dumps(history[user]), "--k", 4, "--redis", "127.0.0.1:1"]
    answer = json.loads(ask(*session, "--json"))
    assert answer["source"] == "session" and "user" not in answer
    assert [item["item"] for item in answer["items"]] == [item["item"] for item in lists[user]]
    assert all(item["title"] == titles[item["item"]] and set(item["categories"]) == set(attributes[item["item"]]) for item in answer["items"])
    lines = ask(*session).splitlines()
    assert lines[0] == "from session" and len(lines) == 5
    for line, item in zip(lines[1:], answer["items"]):
        assert line.endswith(f"  {item['item']}  {item['title']}"), line

assert "from popularity" in ask() and "from popularity" in ask("--session", "item,1")  # two items, "item" and "1", that nobody knows
assert "--session: item item is not in the model's catalogue" in ask("--session", "item,1")
first = json.loads(ask("--json", "--k", 2))["items"]
second = json.loads(ask("--json", "--k", 1, "--blocked", json.dumps([first[0]["item"]])))["items"]
assert second == first[1:]
slate = json.loads(ask("--json", "--slate", 4, "--guide", 1, *session[:2]))
assert [item["item"] for item in slate["items"]] == [item["item"] for item in lists[user]] and slate["slate"]["order"] == "raster"
assert "is no string" in ask("--session", "[1]", code=2) and "is none" in ask("--session", "[", code=2)

# Categories: all of them, and the one that was meant.
count = collections.Counter(name for of in attributes.values() for name in of)
found = {line["category"]: line["items"] for line in json.loads(ask("--categories", "--json"))}
assert found == count
lines = [line.split(None, 1) for line in ask("--categories").splitlines()]
assert {name: int(items) for items, name in lines} == count and [int(items) for items, _ in lines] == sorted(count.values(), reverse=True)
said = ask("--category", "Genre-1", code=1)
assert 'did you mean "genre-1"' in said, said
assert json.loads(ask("--category", "genre-1", "--json"))["items"]
assert "needs --user" in ask("--until-seq", 3, code=2) and "needs --user" in ask("--forget", code=2)
assert "needs --until-seq or --forget" in ask("--quiet", "--user", "u", code=2)  # it would print nothing at all
assert "--user: is empty" in ask("--user", "", code=2)
assert "needs --slate" in ask("--guide", 1, code=2) and "has no effect with --slate" in ask("--slate", 4, "--k", 4, code=2)
print("ask: visitors without a store, as text and JSON; ids with commas; categories")
