"""solid_batch on made data: everybody once and in order, what was taken and is blocked left out, csv like JSON, the same lists whatever
the batch, a stopped run continued, slates under the whole guide equal to the rankings.   batch_test.py BIN_DIR"""
import csv
import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile

BIN = sys.argv[1]
WORK = tempfile.TemporaryDirectory()


def at(name):
    return os.path.join(WORK.name, name)


def run(program, *args, code=0, **more):
    done = subprocess.run([os.path.join(BIN, program), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    assert done.returncode == code, f"{program} {args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def refuses(text, *args, code):
    said = run("solid_batch", *args, code=code)
    assert text in said, f"no '{text}' in: {said}"


def lists(name):
    with open(at(name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def items(line):
    return [each["item"] for each in line["items"]]


run("make_dataset", "--users", 300, "--items", 120, "--seed", 3, "--out", at("data"))
events = at("data/events.jsonl")
names = [json.loads(line)["item"] for line in open(events, encoding="utf-8")]
with open(at("titles.json"), "w", encoding="utf-8") as file:
    json.dump({name: f'Title "{name}", of all' for name in names}, file)
run("solid_train", "--data", events, "--attributes", at("data/items.json"), "--titles", at("titles.json"), "--width", 16, "--codes", 16,
    "--epochs", 2, "--threads", 1, "--split", "per-user-ratio", "--slate", 5, "--slate-epochs", 1, "--out", at("model"))
taken = {}
for line in open(events, encoding="utf-8"):
    event = json.loads(line)
    taken.setdefault(event["user"], []).append(event["item"])
common = ["--model", at("model"), "--data", events]

# Everybody, once, in the order of the data; nothing that was taken.
said = run("solid_batch", *common, "--out", at("all.jsonl"))
assert f"{len(taken)} users" in said, said
every = lists("all.jsonl")
assert [line["user"] for line in every] == list(taken)
for line in every:
    assert len(items(line)) == len(set(items(line))) == 10 and line["source"] == "generation"
    assert not set(items(line)) & set(taken[line["user"]])
    assert [each["title"] for each in line["items"]] == [f'Title "{item}", of all' for item in items(line)]
    scores = [each["score"] for each in line["items"]]
    assert scores == sorted(scores, reverse=True)
assert not os.path.exists(at("all.jsonl.part")) and not os.path.exists(at("all.jsonl.part.json"))

# Neither the batch nor the number of threads changes a list.
run("solid_batch", *common, "--batch", 7, "--threads", 2, "--out", at("seven.jsonl"))
assert [items(line) for line in lists("seven.jsonl")] == [items(line) for line in every]

# A batch that several threads write has everybody in his place.
with open(at("many"), "w", encoding="utf-8") as file:
    file.write("\n".join(list(taken) * 9))
run("solid_batch", *common, "--users", at("many"), "--batch", 4096, "--out", at("many.jsonl"))
assert [(line["user"], items(line)) for line in lists("many.jsonl")] == [(line["user"], items(line)) for line in every] * 9

# csv has the same rows.
run("solid_batch", *common, "--out", at("all.csv"))
with open(at("all.csv"), encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
assert [(row["user"], row["item"], row["title"]) for row in rows] == \
    [(line["user"], each["item"], each["title"]) for line in every for each in line["items"]]
assert [int(row["rank"]) for row in rows[:10]] == list(range(1, 11))

# Some users in their order, one of them unknown: the popular items; standard output.
asked = [every[5]["user"], "nobody", every[0]["user"]]
with open(at("users"), "w", encoding="utf-8") as file:
    file.write("\ufeff" + "\r\n".join(asked) + "\n\n")  # as an editor may write it
done = subprocess.run([os.path.join(BIN, "solid_batch"), *common, "--users", at("users"), "--out", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
assert b"1 of the 3 users" in done.stderr, done.stderr
some = [json.loads(line) for line in done.stdout.splitlines()]
assert [line["user"] for line in some] == asked and [line["source"] for line in some] == ["generation", "popularity", "generation"]
assert items(some[0]) == items(every[5]) and items(some[2]) == items(every[0])
counts = [each["score"] for each in some[1]["items"]]
assert counts == sorted(counts, reverse=True) and counts[0] == int(counts[0]) > 1

# A list of users that is packed, and lists that hold something else than ids: nobody is asked whom nobody meant.
with gzip.open(at("users.gz"), "wt", encoding="utf-8") as file:
    file.write("\n".join(asked))
assert run("solid_batch", *common, "--users", at("users.gz"), "--out", at("packed.jsonl")) and lists("packed.jsonl") == some
for content, text in [("user-1\n".encode("utf-16"), "UTF-16"), (b"\xff\xfd\n", ":1: user"), (b"a\0b\n", ":1: a zero byte"),
                      (b"a\rb\r", "carriage returns alone"), (b"nobody\na\rb\n", ":2: user"), (b"nobody\nuser-1 \n", ":2: user"),
                      (b"x" * 256 + b"\n", ":1: user"), (b"\n \n", "no users")]:
    with open(at("wrong"), "wb") as file:
        file.write(content)
    refuses(text, *common, "--users", at("wrong"), "--out", at("x"), code=5)

# Filters.
with open(at("data/items.json"), encoding="utf-8") as file:
    attributes = {item: [str(each) for each in of] for item, of in json.load(file).items()}
category = next(iter(attributes.values()))[0]
blocked = items(every[0])[:2]
run("solid_batch", *common, "--category", category, "--blocked", json.dumps(blocked), "--k", 3, "--out", at("some.jsonl"))
for line in lists("some.jsonl"):
    assert all(category in attributes[item] and item not in blocked + taken[line["user"]] for item in items(line))
run("solid_batch", *common, "--seen", "--k", 120, "--out", at("seen.jsonl"))
assert all(len(items(line)) == 120 for line in lists("seen.jsonl"))
refuses("did you mean", *common, "--category", category.upper() + "x", "--out", at("x"), code=2)

# Dislikes are no steps, and are left out.
hated = items(every[0])[0]
with open(events, encoding="utf-8") as file, open(at("rated.jsonl"), "w", encoding="utf-8") as out:
    for line in file:
        out.write(json.dumps({**json.loads(line), "rating": 5}) + "\n")
    out.write(json.dumps({"user": every[0]["user"], "item": hated, "ts": 1, "rating": 1}) + "\n")
run("solid_batch", "--model", at("model"), "--data", at("rated.jsonl"), "--min-rating", 3, "--out", at("rated.out"))
assert items(lists("rated.out")[0])[:9] == items(every[0])[1:] and lists("rated.out")[1:] == every[1:]


# A run that the disk stops is continued, and the file is what one run gives.
def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))


said = run("solid_batch", *common, "--batch", 16, "--out", at("cut.jsonl"), code=1, preexec_fn=small_files)
assert "cut.jsonl.part: File too large" in said and not os.path.exists(at("cut.jsonl")), said
refuses("was begun with k 10, and this is 9", *common, "--k", 9, "--out", at("cut.jsonl"), code=1)
said = run("solid_batch", *common, "--batch", 16, "--out", at("cut.jsonl"))
assert "continues after" in said and "continues after 0 " not in said, said
run("solid_batch", *common, "--batch", 16, "--out", at("whole.jsonl"))
assert open(at("cut.jsonl"), "rb").read() == open(at("whole.jsonl"), "rb").read()

# Slates under the whole guide are the rankings; without it they are other lists, and valid ones.
run("solid_batch", *common, "--slate", 5, "--guide", 1, "--out", at("guided.jsonl"))
assert [items(line) for line in lists("guided.jsonl")] == [items(line)[:5] for line in every]
run("solid_batch", *common, "--slate", 5, "--guide", 0, "--order", "zipar:1", "--out", at("free.jsonl"))
free = lists("free.jsonl")
assert all(len(set(items(line))) == 5 and not set(items(line)) & set(taken[line["user"]]) for line in free)
assert [items(line) for line in free] != [items(line)[:5] for line in every]

# What cannot be is refused, with the exit code of its cause.
refuses("no/such", "--model", "no/such", "--data", events, "--out", at("x"), code=3)
refuses("no/such", "--model", at("model"), "--data", "no/such", "--out", at("x"), code=5)
refuses("120 items", *common, "--k", 121, "--out", at("x"), code=2)
refuses("--out is required", *common, code=2)
refuses("Is a directory", *common, "--out", WORK.name, code=1)
print(f"batch: {len(taken)} users; lists, csv, filters, slates; continued")
