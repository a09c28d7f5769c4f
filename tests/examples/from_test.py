"""solid_train --from, --search and --limit: what a model knows is kept for newer events and items; the best of several runs is written; time
that runs out within an epoch costs that epoch alone.   from_test.py ROOT BUILD_DIR"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT, BUILD = map(os.path.abspath, sys.argv[1:3])
WORK = tempfile.TemporaryDirectory()


def at(name):
    return os.path.join(WORK.name, name)


def run(program, *args, code=0):
    done = subprocess.run([os.path.join(BUILD, "bin", program), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == code, f"{program} {args}: {done.returncode}\n{done.stdout}"
    return done.stdout


class File:
    """A model file by its tensors."""

    def __init__(self, path):
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = file.read()
        self.metadata, self.tensors = header.pop("__metadata__"), {}
        for name, about in header.items():
            begin, end = about["data_offsets"]
            letter, size = {"F32": ("f", 4), "U32": ("I", 4), "U16": ("H", 2), "U8": ("B", 1)}[about["dtype"]]
            self.tensors[name] = struct.unpack(f"<{(end - begin) // size}{letter}", data[begin:end])
        self.config = json.loads(self.metadata["solid.config"])
        offsets, raw = self.tensors["vocabulary.offsets"], bytes(self.tensors["vocabulary.bytes"])
        self.items = [raw[a:b].decode() for a, b in zip(offsets, offsets[1:])]

    def row(self, tensor, item, width):
        v = self.items.index(item)
        return self.tensors[tensor][v * width:(v + 1) * width]


run("make_dataset", "--users", 150, "--items", 120, "--seed", 8, "--out", at("data"))
with open(at("data/events.jsonl"), encoding="utf-8") as file:
    events = [json.loads(line) for line in file]
ids = sorted({event["item"] for event in events})
late = set(ids[::6])  # items that come later
with open(at("old.jsonl"), "w", encoding="utf-8") as file:
    file.writelines(json.dumps(event) + "\n" for event in events if event["item"] not in late)
shape = ["--width", 16, "--codes", 8, "--window", 20, "--split", "per-user-ratio", "--threads", 1]
about = ["--attributes", at("data/items.json")]
run("solid_train", "--data", at("old.jsonl"), *about, *shape, "--epochs", 3, "--out", at("old"))

# A training that moves nothing shows what it began with: the model's, and content for what is new. Shapes come from the model.
said = run("solid_train", "--data", at("data/events.jsonl"), *about, "--split", "per-user-ratio", "--threads", 1, "--from", at("old"), "--epochs", 1,
           "--rate", 1e-12, "--out", at("begun"))
old, begun = File(at("old")), File(at("begun"))
assert f"goes on from {at('old')}, which knows {len(old.items)} of {len(begun.items)} items" in said, said
assert set(begun.items) == set(old.items) | late and late
assert "nan" not in said and "are not in the data" not in said, said
said = run("solid_train", "--data", at("old.jsonl"), *about, "--split", "per-user-ratio", "--threads", 1, "--from", at("begun"), "--epochs", 1, "--out", at("less"))
assert f"{len(late)} of its {len(begun.items)} items are not in the data" in said and len(File(at("less")).items) == len(old.items), said
d, levels = old.config["width"], old.config["levels"]
assert (d, levels, begun.config["window"]) == (16, 3, 20) and begun.config["codes"] == 8


def close(a, b):
    return len(a) == len(b) and all(abs(x - y) < 1e-5 for x, y in zip(a, b))


known_codes = [{old.row("codes", item, levels)[level] for item in old.items} for level in range(levels)]
for item in begun.items:
    codes = begun.row("codes", item, levels)
    if item in late:
        assert close(begun.row("item.embedding", item, d), [0] * d) and all(code in known_codes[level] for level, code in enumerate(codes)), item
    else:
        assert close(begun.row("item.embedding", item, d), old.row("item.embedding", item, d)), item
        assert codes == old.row("codes", item, levels), item
for name in old.tensors:
    if name.startswith(("block", "generator", "norm", "position", "code.")):
        assert close(old.tensors[name], begun.tensors[name]), name
# New items share their codes with what is like them: a generated item's first attribute is its genre.
with open(at("data/items.json"), encoding="utf-8") as file:
    genre = {item: attributes[0] for item, attributes in json.load(file).items()}
like = [sum(genre[item] == genre[other] for other in old.items if old.row("codes", other, levels)[0] == begun.row("codes", item, levels)[0]) /
        max(1, sum(old.row("codes", other, levels)[0] == begun.row("codes", item, levels)[0] for other in old.items)) for item in late]
by_chance = sum(sum(genre[a] == genre[b] for b in old.items) / len(old.items) for a in late) / len(late)
assert sum(like) / len(like) > 1.5 * by_chance, (sum(like) / len(like), by_chance)

# What the command does not give again stays: attributes and titles of the items that the model knows.
run("solid_train", "--data", at("old.jsonl"), *about, "--titles", at("data/titles.json"), *shape, "--epochs", 1, "--out", at("titled"))
run("solid_train", "--data", at("data/events.jsonl"), "--split", "per-user-ratio", "--threads", 1, "--from", at("titled"), "--epochs", 1, "--out", at("kept"))


def texts(file, name):
    offsets, raw = file.tensors[f"{name}offsets"], bytes(file.tensors[f"{name}bytes"])
    return [raw[a:b].decode() for a, b in zip(offsets, offsets[1:])]


def categories(file):
    names, offsets, items = texts(file, "category.name_"), file.tensors["category.offsets"], file.tensors["category.items"]
    return {(file.items[v], name) for name, a, b in zip(names, offsets, offsets[1:]) for v in items[a:b]}


titled, kept = File(at("titled")), File(at("kept"))
assert dict(zip(kept.items, texts(kept, "title."))) == {item: dict(zip(titled.items, texts(titled, "title."))).get(item, "") for item in kept.items}
assert categories(titled) and categories(kept) == categories(titled)

# It learns on, and what cannot be gone on from is refused.
full = ["--data", at("data/events.jsonl"), *about, "--split", "per-user-ratio", "--threads", 1]
run("solid_train", *full, "--from", at("old"), "--epochs", 2, "--out", at("on"))
assert not close(File(at("on")).tensors["norm.weight"], old.tensors["norm.weight"])
assert "has width 16, the options 32" in run("solid_train", *full, "--from", at("old"), "--width", 32, "--out", at("x"), code=1)
assert "may know the hidden items" in run("solid_train", *full, "--from", at("old"), "--hide", 0.1, "--out", at("x"), code=2)
run("make_dataset", "--users", 20, "--items", 100, "--seed", 1, "--out", at("other"))
with open(at("other/events.jsonl"), encoding="utf-8") as file:
    renamed = file.read().replace("item-", "article-")
with open(at("other/events.jsonl"), "w", encoding="utf-8") as file:
    file.write(renamed)
assert "knows none of the" in run("solid_train", "--data", at("other/events.jsonl"), "--split", "per-user-ratio", "--from", at("old"), "--out", at("x"), code=5)

# A search: all runs in a table, the best is the model, the same again.
search = ["--data", at("old.jsonl"), *about, *shape, "--epochs", 2, "--swap", 0, "--search", 4]
said = run("solid_train", *search, "--batch", 32, "--out", at("best"))
table = [line.split() for line in said[said.index("  run  valid ndcg@10"):].splitlines()[1:5]]
assert sorted(int(row[0]) for row in table) == [1, 2, 3, 4] and {row[5] for row in table} == {"32"}, said
assert [float(row[1]) for row in table] == sorted((float(row[1]) for row in table), reverse=True)
assert {row[8] for row in table} == {"0"}, "a given option is not searched"
assert len({tuple(row[4:]) for row in table}) == 4 and next(row[4:] for row in table if row[0] == "1") == ["0.001", "32", "0.3", "0.1", "0"]
assert f"{table[0][1]}" in said.splitlines()[-1] and f'run {table[0][0]} of 4' in said.splitlines()[-1]
assert abs(float(table[0][1]) - max(float(x) for x in re.findall(r"valid ndcg@10 ([0-9.]+)", said))) < 1e-4
assert f'"dropout":{table[0][6]}' in File(at("best")).metadata["solid.training"].replace(" ", "")
assert not os.path.exists(at("best.search"))
again = run("solid_train", *search, "--batch", 32, "--out", at("again"))
assert open(at("best"), "rb").read() == open(at("again"), "rb").read()
assert "exclude one another" in run("solid_train", *search, "--refit", "--out", at("x"), code=2)

# Time that runs out within an epoch: longer and longer, until it is neither within the first one nor in the moments between two.
run("make_dataset", "--users", 1000, "--items", 120, "--seed", 8, "--out", at("large"))
large, seconds, stopped = ["--data", at("large/events.jsonl"), *shape], 0.9, None
while not stopped:
    assert seconds < 60, "no run ended within an epoch"
    said = run("solid_train", *large, "--batch", 1, "--epochs", 100000, "--check", 1, "--limit", seconds, "--fresh", "--out", at("cut"))
    last = re.findall(r"^epoch +(\d+) ", said, flags=re.M)[-1]
    assert re.search(rf"best epoch \d+ of {last},", said), said
    stopped = re.search(r"the time is over within epoch (\d+)", said)
    assert not stopped or int(stopped[1]) == int(last) + 1, said
    seconds *= 1.7
run("solid_eval", "--data", at("large/events.jsonl"), "--model", at("cut"), "--split", "per-user-ratio")

# A limit without a number of epochs: the schedule is fitted to it, ends, and is what the model says it was trained with.
# It is doubled until an epoch fits into it, on a machine of any speed.
seconds, fitted = 2, None
while not fitted:
    assert seconds < 100, said
    said = run("solid_train", *large, "--limit", seconds, "--fresh", "--keep-checkpoint", "--out", at("fitted"))
    fitted = re.search(rf"^{seconds} s: time for (\d+) epochs?$", said, flags=re.M)
    assert fitted or f"\n{seconds} s: no time for an epoch; one is trained all the same\n" in said, said
    seconds *= 2
fitted = int(fitted[1])
last = int(re.findall(r"^epoch +(\d+) ", said, flags=re.M)[-1])
trained = json.loads(File(at("fitted")).metadata["solid.training"])
assert 1 <= last and 1 <= fitted, said
assert "time is over" in said or trained["options"]["epochs"] == last, said  # a busy machine may cut the last epoch off
assert trained["options"]["rate-end"] == 0.05
assert trained["options"]["check"] == min(max(trained["options"]["epochs"] // 14, 1), 5), trained  # as of a training that was to be as long
steps = -(-1000 // trained["options"]["batch"]) * trained["options"]["epochs"]
assert abs(trained["options"]["average"] - min(max(1 - 6 / steps, 0.9), 0.999)) < 1e-6, trained
# A limit that no epoch fits into is said in its own unit, and there is a model all the same.
said = run("solid_train", *large, "--limit", 0.001, "--fresh", "--out", at("short"))
assert "\n1 ms: no time for an epoch; one is trained all the same\n" in said and re.search(r"best epoch 1 of 1,", said), said
# It goes on from its checkpoint with another limit.
said = run("solid_train", *large, "--limit", seconds, "--out", at("fitted"))
assert "continues after epoch" in said, said
# So does one that was in its second training when it was stopped: of that, what the first has outgrown is begun anew.
again = [*large, "--limit", 1, "--refit", "--keep-checkpoint", "--out", at("again")]
run("solid_train", *again)
said = run("solid_train", *again)
assert "continues after epoch" in said and "trains again for" in said, said
# A training without a limit that turns out to take too long is ended by one.
same = large
run("solid_train", *same, "--epochs", 2, "--keep-checkpoint", "--out", at("hurried"))
said = run("solid_train", *same, "--limit", 1, "--out", at("hurried"))
assert "continues after epoch 2" in said, said
# The time that there is chooses the model of long histories, by the command alone. What was begun with another goes on as it is.
run("make_dataset", "--users", 60, "--items", 200, "--events", 100, "--seed", 8, "--out", at("histories"))
long = ["--data", at("histories/events.jsonl"), "--width", 8, "--threads", 1, "--out", at("long")]
said = run("solid_train", *long, "--limit", 1, "--fresh", "--keep-checkpoint")
assert "long histories, no time for more than 12000 events; window 50, blocks 1" in said, said
for limit in ([], ["--limit", 1], ["--limit", 300]):
    said = run("solid_train", *long, *limit, "--epochs", 1, "--fresh", "--keep-checkpoint")
    wide = "window 50, blocks 1" if limit and limit[1] == 1 else "window 200, blocks 2"
    assert wide in said, said
    for other in ([], ["--limit", 1], ["--limit", 300]):
        said = run("solid_train", *long, *other, "--epochs", 1, "--keep-checkpoint")
        assert wide in said and "continues after epoch 1" in said, said
print(f"from: {len(old.items)} items kept, {len(late)} from content; search; limit")
