"""Prints what the runs of accuracy.sh reach: means over seeds, in the order of the validation figure.

    accuracy_table.py FOLDER"""
import glob, json, os, re, statistics, sys

COLUMNS = ("hr@5", "hr@10", "ndcg@5", "ndcg@10")


def read(folder):
    runs = {}
    for path in glob.glob(os.path.join(folder, "*.test.json")):
        stem = path[: -len(".test.json")]
        name, data, seed = os.path.basename(stem).rsplit(".", 2)
        if not os.path.exists(stem + ".valid.json"):  # another run's model, asked again
            continue
        with open(path) as f, open(stem + ".valid.json") as g, open(stem + ".log") as log:
            test, valid, text = json.load(f)["metrics"], json.load(g)["metrics"], log.read()
        epochs = re.findall(r"best epoch (\d+) of (\d+)", text)
        if "trains again" in text:  # a refit has seen the validation events: what counts is what it was chosen by
            valid["ndcg@10"] = float(re.findall(r"validation ndcg@10 ([\d.]+)", text)[-1])
        seconds = [float(s) for s in re.findall(r"users/s  ([\d.]+) s", text)]
        runs.setdefault((data, name), []).append(
            dict(seed=seed, test=test, valid=valid, best=epochs[-1] if epochs else ("?", "?"), seconds=sum(seconds)))
    return runs


def figures(values):
    mean = statistics.fmean(values)
    return f"{mean:.4f}" + (f" +-{statistics.stdev(values):.4f}" if len(values) > 1 else "        ")


def main():
    runs = read(sys.argv[1])
    for data in sorted({d for d, _ in runs}):
        rows = [(name, r) for (d, name), r in runs.items() if d == data]
        rows.sort(key=lambda row: -statistics.fmean(x["valid"]["ndcg@10"] for x in row[1]))
        print(f"\n{data:26s} seeds  valid ndcg@10  test " + " ".join(f"{c:15s}" for c in COLUMNS) + " best of epochs, s")
        for name, r in rows:
            best = " ".join("{}/{}".format(*x["best"]) for x in sorted(r, key=lambda x: x["seed"]))
            print(f"{name:26s} {len(r):5d}  {figures([x['valid']['ndcg@10'] for x in r])}    "
                  + " ".join(figures([x["test"][c] for x in r]) for c in COLUMNS)
                  + f" {best}, {statistics.fmean(x['seconds'] for x in r):.0f}")


main()
