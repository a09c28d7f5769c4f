"""What each part is worth, and what old parameters cost, of the runs that accuracy.sh made, as tables in Markdown.

    accuracy_parts.py FOLDER SOLID_EVAL [DATA...]

Differences are paired by user, over all seeds of both sides, by `solid_eval compare`. Results of --stale hold a comparison
for each seed: shown are their means, of the intervals too, which is wider than an interval of the mean."""
import glob, json, os, statistics, subprocess, sys, tempfile

METRICS = ("hr@10", "ndcg@10")
STORED = ("-f16", "-i8")  # the same model, its parameters in fewer bytes


def results(folder, name, data):
    return sorted(glob.glob(os.path.join(folder, f"{name}.{data}.*.test.json")))


def rows_of(folder, data):
    names = {os.path.basename(p).rsplit(".", 4)[0] for p in glob.glob(os.path.join(folder, f"*.{data}.*.test.json"))}
    return sorted(n for n in names if not n.endswith("-stale"))


def figure(x, places=4):
    return f"{x:.{places}f}".replace("0.", ".", 1)


def signed(difference, low, high):
    sign = lambda x: ("+" if x >= 0 else "-") + figure(abs(x))
    return f"{sign(difference)} [{sign(low)}, {sign(high)}]"


def compare(program, a, b):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([program, "compare", *a, "--", *b, "--json", out.name], check=True, stdout=subprocess.DEVNULL)
        return json.load(open(out.name))["metrics"]


def table(folder, program, data, names, against, title):
    print(f"\n{title}\n\n| {data} | seeds | valid NDCG@10 | HR@10 | difference | NDCG@10 | difference |\n|" + "---|" * 7)
    for name in names:
        base = results(folder, against(name), data)
        files = results(folder, name, data)
        if not base:
            continue
        m = compare(program, files, base)
        valid = [json.load(open(v))["metrics"]["ndcg@10"]
                 for v in (f.replace(".test.json", ".valid.json") for f in files) if os.path.exists(v)]
        shown = [figure(m[k]["a"]) + " | " + ("" if files == base else signed(m[k]["difference"], *m[k]["ci95"]))
                 for k in METRICS]
        print(f"| {name} | {len(files)} | {figure(statistics.fmean(valid)) if valid else ''} | " + " | ".join(shown) + " |")


def stale(folder, data):
    files = results(folder, "solid-stale", data)
    if not files:
        return
    runs = [json.load(open(f))["stale"] for f in files]
    for which, users in (("", "users"), ("_full", "full_users")):
        if not runs[0][users]:
            continue
        print(f"\nNDCG@10 of {runs[0][users]} {'users' if not which else 'users whose history is longer than the greatest age'}"
              f", mean of {len(runs)} seeds:\n\n| {data}, events old | state of the newest window | everything as old |\n|---|---|---|")
        for age in zip(*(r["rows"] for r in runs)):
            cells = []
            for state in ("new_state", "old_state"):
                c = [a[state + which]["ndcg@10"] for a in age]
                mean = lambda values: statistics.fmean(values)
                cells.append(figure(mean([x["value"] for x in c])) + ("" if age[0]["events"] == 0 else ", " + signed(
                    mean([x["difference"] for x in c]), *(mean([x["ci95"][i] for x in c]) for i in range(2)))))
            print(f"| {age[0]['events']} | " + " | ".join(cells) + " |")


def main():
    folder, program, *sets = sys.argv[1:]
    for data in sets or ["beauty"]:
        names = rows_of(folder, data)
        stored = [n for n in names if n.endswith(STORED)]
        trained = sorted((n for n in names if n not in stored), key=lambda n: (n != "static", n))
        if "static" in names:
            table(folder, program, data, trained, lambda n: "static", "Difference from `static`:")
        if stored:
            table(folder, program, data, stored, lambda n: n.rsplit("-", 1)[0], "Difference from the same models, uncached:")
        stale(folder, data)


main()
