"""examples/python/solid.py on a model that is trained here: what it gives is what the programs give and what the file has, field by
field as solid/model/FILE.md says; with numpy and without.   python_test.py ROOT BUILD_DIR"""
import ctypes
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT, BUILD = map(os.path.abspath, sys.argv[1:3])
if "--plain" in sys.argv:
    sys.modules["numpy"] = None  # importing it fails
sys.path.insert(0, os.path.join(ROOT, "examples/python"))
sys.dont_write_bytecode = True
import solid  # noqa: E402


def check_defaults():
    """Structs that come back by value are as long as the library's: a member that solid.py lacks would be written behind them."""
    library, _ = solid._load(BUILD)
    for name in ("solid_context_options_default", "solid_query_default", "solid_slate_options_default"):
        options = getattr(library, name)()
        assert options.struct_size == ctypes.sizeof(options), f"{name}: {options.struct_size} bytes, solid.py has {ctypes.sizeof(options)}"


def run(program, *args):
    done = subprocess.run([os.path.join(BUILD, "bin", program), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{program} {args}: {done.stdout}"


def read_file(path):
    """name -> flat list; metadata"""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata, tensors = header.pop("__metadata__"), {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        letter, size = {"F32": ("f", 4), "U32": ("I", 4), "U16": ("H", 2), "U8": ("B", 1)}[about["dtype"]]
        tensors[name] = struct.unpack(f"<{(end - begin) // size}{letter}", data[begin:end])
    return tensors, metadata


def check_layout(names, metadata):
    """Every tensor and every piece of metadata is named in FILE.md."""
    with open(os.path.join(ROOT, "solid/model/FILE.md"), encoding="utf-8") as file:
        ticked = re.findall("`([^`]+)`", file.read())
    full = []
    for text in ticked:  # `.bias` continues the name before it
        full.append(re.sub(r"\.[a-z_]+$", text, full[-1]) if text.startswith(".") else text)
    full += [name.replace(".weight", ".bias") for name in full]
    patterns = [re.escape(name).replace("BRANCH", "(item|semantic)").replace(r"\.N\.", r"\.[0-9]+\.").replace(r"\*", ".*") for name in full]
    for name in [*names, *metadata]:
        assert any(re.fullmatch(pattern, name) for pattern in patterns), f"FILE.md does not name {name}"


def rows(flat, width):
    return [flat[i:i + width] for i in range(0, len(flat), width)]


def close(a, b):
    return all(abs(x - y) <= 1e-4 for x, y in zip(a, b)) and len(a) == len(b)


def check_closed(users):
    users.close()
    users.recommend("a")


def check(model, tensors, events, lists):
    d, levels = model.info["width"], model.info["levels"]
    E, codes = rows(tensors["item.embedding"], d), rows(tensors["codes"], levels)
    M, T = rows(tensors["code.embedding"], d), rows(tensors["attribute.embedding"], d)
    slots = rows(tensors["attributes"], model.info["slots"])
    vectors = [list(map(float, row)) for row in model.vectors]
    for v, vector in enumerate(vectors):
        parts = [E[v]] + [M[level * model.info["codes"] + code] for level, code in enumerate(codes[v])] + [T[a] for a in slots[v] if a != solid.NO_ITEM]
        assert close(vector, [sum(column) for column in zip(*parts)]), f"vector of item {v}"
    assert [list(map(int, row)) for row in model.codes] == list(map(list, codes))

    # The lists are solid_batch's; the user vectors rank like them.
    users = solid.Users(model)
    assert users.push([(e["user"], e["item"], e["ts"]) for e in events] + [("x", "no such item")], skip_unknown=True) == len(events)
    assert events[0]["item"] in model and "no such item" not in model
    try:  # all or nothing: what is pushed again must not count twice
        users.push([("y", events[0]["item"]), ("y", "no such item"), ("y", "nor this")])
    except KeyError as said:
        assert "2 of 3 events" in str(said) and "'no such item'" in str(said) and "skip_unknown" in str(said), said
    else:
        raise AssertionError("unknown items are left out without a word")
    assert users.recommend("y", k=1) and users.source == "popularity", users.source
    histories = {}
    for event in events:
        histories.setdefault(event["user"], []).append(event["item"])
    names = list(histories)[:40]
    user_vectors = [list(map(float, row)) for row in model.user_vectors([histories[name][-model.info["window"]:] for name in names], batch=7)]
    for name, u in zip(names, user_vectors):
        blocked = [item for item in histories[name]]
        found = users.recommend(name, k=5, blocked=blocked)
        assert [(item.id, item.title) for item in found] == lists[name] and users.source in ("cache", "cache+fresh"), name
        seen = {model.index(item) for item in histories[name]}
        scores = sorted(((-sum(x * y for x, y in zip(u, vector)), v) for v, vector in enumerate(vectors) if v not in seen))[:5]
        assert [model.items[v] for _, v in scores] == [item.id for item in found]
        assert close([-score for score, _ in scores], [item.score for item in users.recommend(name, k=5, blocked=blocked)])
    assert [item.id for item in users.slate(names[0], guide=1, blocked=histories[names[0]])] == [id_ for id_, _ in lists[names[0]]]

    assert len(users.slate(names[0])) == model.info["slate_rows"] == 5

    # A visitor, a category, similar items, errors.
    assert len(users.recommend(session=histories[names[0]][:2], k=3)) == 3 and users.source == "session"
    assert len(users.recommend(k=3)) == 3 and users.source == "popularity"
    unit = [[x / (sum(y * y for y in row) ** 0.5 or 1) for x in row] for row in vectors]
    cosines = sorted((-sum(x * y for x, y in zip(unit[0], row)), v) for v, row in enumerate(unit) if v)[:3]
    assert close([item.score for item in model.similar(model.items[0], 3)], [-cosine for cosine, _ in cosines])
    category = model.categories[0]
    assert users.recommend(names[0], k=2, category=category)
    for wrong, error, text in [(lambda: users.recommend("a", category="no such"), solid.Error, "no category"), (lambda: model.index("no such"), KeyError, ""),
                               (lambda: solid.Model("no/such", library=BUILD), solid.Error, "no/such"),
                               (lambda: solid.Model("no/such", library="no/lib"), solid.Error, "is in none of no/lib"),
                               (lambda: model.user_vectors(histories[names[0]][:1]), TypeError, "want a list"),
                               (lambda: users.push([("a", None)]), TypeError, "not None"), (lambda: users.push([(1.5, "item-1")]), TypeError, "not 1.5"),
                               (lambda: users.recommend(session="item-1"), TypeError, "the text 'item-1'"),
                               (lambda: users.push([("a", "item-1", 1, 7)]), ValueError, "not 7"), (lambda: users.push([("", "item-1")]), ValueError, "1 to 255"),
                               (lambda: users.push([("a" * 256, "item-1")]), ValueError, "1 to 255"),
                               (lambda: check_closed(users), solid.Error, "this Users is closed")]:
        try:
            wrong()
        except error as said:
            assert text in str(said), said
        else:
            raise AssertionError(text)


def main():
    with tempfile.TemporaryDirectory() as work:
        data, path = os.path.join(work, "data/events.jsonl"), os.path.join(work, "model")
        run("make_dataset", "--users", 200, "--items", 100, "--seed", 5, "--out", os.path.join(work, "data"))
        run("solid_train", "--data", data, "--attributes", os.path.join(work, "data/items.json"), "--titles", os.path.join(work, "data/titles.json"),
            "--width", 16, "--codes", 8, "--epochs", 2, "--threads", 1, "--split", "per-user-ratio", "--slate", 5, "--slate-epochs", 1, "--out", path)
        run("solid_batch", "--model", path, "--data", data, "--k", 5, "--out", os.path.join(work, "lists"))
        with open(data, encoding="utf-8") as file:
            events = list(map(json.loads, file))
        with open(os.path.join(work, "lists"), encoding="utf-8") as file:
            lists = {line["user"]: [(item["item"], item.get("title")) for item in line["items"]] for line in map(json.loads, file)}
        tensors, metadata = read_file(path)
        check_defaults()
        check_layout(tensors, metadata)
        run("solid_eval", "--data", data, "--model", path, "--split", "per-user-ratio", "--results", os.path.join(work, "results"), "--json",
            os.path.join(work, "json"))
        found = solid.results(os.path.join(work, "results"))
        with open(os.path.join(work, "json"), encoding="utf-8") as file:
            figures = json.load(file)
        assert len(found) == figures["users"] and {result.user for result in found} <= set(lists)
        assert abs(sum(result.rank is not None and result.rank < 10 for result in found) / len(found) - figures["metrics"]["hr@10"]) < 1e-9
        with solid.Model(path, threads=1, library=BUILD) as model:
            assert model.info["head"] == "solid" and model.title(model.items[0])
            check(model, tensors, events, lists)
            users = solid.Users(model)
        for asks in [lambda: model.vectors, lambda: model.similar(model.items[0]), lambda: users.push([]), lambda: users.recommend("a")]:
            try:  # a closed model closes its users, and neither is an address that the library follows
                asks()
            except solid.Error as said:
                assert "is closed" in str(said), said
            else:
                raise AssertionError("a closed model answers")
        with open(os.path.join(work, "ratings.csv"), "w", encoding="utf-8") as file:
            file.write("userId,movieId,timestamp\n" + "".join(f"{e['user']},{e['item']},{e['ts']}\n" for e in events))
        more = {"PYTHONDONTWRITEBYTECODE": "1", "PATH": os.path.join(BUILD, "bin") + ":" + os.environ["PATH"], "LD_LIBRARY_PATH": f"{BUILD}/solid:{BUILD}/store"}
        notebook = os.path.join(ROOT, "examples/python/notebook.py")
        done = subprocess.run([sys.executable, notebook, "ratings.csv"], cwd=work, env={**os.environ, **more}, stdout=subprocess.PIPE, text=True, check=True)
        assert done.stdout.count("   like [") == 5, done.stdout
    with open(notebook, encoding="utf-8") as file:
        lines = [line for line in file if line.strip() and not line.startswith(("#", "import", "from"))]
    assert len(lines) <= 20, f"notebook.py has {len(lines)} lines"
    print("python: vectors, codes, lists, slates, similar items", "without numpy" if sys.modules.get("numpy") is None else "with numpy")


main()
