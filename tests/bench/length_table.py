"""What length_curve.sh measured, as tables in Markdown, or as rows for its plot.

    length_table.py FOLDER [--rows SET]

Figures are means over seeds, in the rows for a plot over those that were asked with all lengths. Differences at a length are paired: a user's figure is the mean over seeds and questions, and the
interval is of users drawn again with replacement."""
import glob, json, os, random, re, sys

NAMES = {"dense": "two blocks, dense", "sparse": "two blocks, sparse", "masks": "two blocks, sparse on the weights of dense",
         "bytes": "two blocks, the newest, as many as sparse keeps", "semi": "two blocks, the newest and the first",
         "one": "one block, dense", "newest": "two blocks, trained on 256 events"}


def read(folder):
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.*.*.json"))):
        kind, name, seed = re.fullmatch(r"([a-z]+)\.(.+)\.(\d+)\.json", os.path.basename(path)).groups()
        for row in json.load(open(path))["lengths"]["rows"]:
            found.setdefault(name, {}).setdefault(kind, {}).setdefault(row["events"], {})[seed] = row["of_users"]
    return found


def of_users(seeds):
    return [sum(user) / len(user) for user in zip(*seeds.values())]


def mean(x):
    return sum(x) / len(x)


def difference(a, b):
    """Relative to the mean of b, with its interval."""
    seeds = sorted(set(a) & set(b))
    d = [x - y for x, y in zip(of_users({s: a[s] for s in seeds}), of_users({s: b[s] for s in seeds}))]
    base, draw = mean(of_users({s: b[s] for s in seeds})), random.Random(1)
    if not base:
        return "nothing to compare with", len(seeds)
    drawn = sorted(mean(draw.choices(d, k=len(d))) for _ in range(2000))
    return f"{100 * mean(d) / base:+.1f} % [{100 * drawn[49] / base:+.1f}, {100 * drawn[1949] / base:+.1f}]", len(seeds)


def table(name, kinds):
    lengths = sorted({n for k in kinds.values() for n in k})
    seeds = max(len(s) for k in kinds.values() for s in k.values())
    users = len(next(iter(next(iter(next(iter(kinds.values())).values())).values())))
    print(f"\n{name}: NDCG@10, {users} users, {seeds} seeds\n")
    print("| model, asked with the newest | " + " | ".join(f"{n:,}" for n in lengths) + " |\n|" + "---|" * (len(lengths) + 1))
    for kind in [k for k in NAMES if k in kinds]:
        cells = [f"{mean(of_users(kinds[kind][n])):.4f}".lstrip("0") if n in kinds[kind] else "" for n in lengths]
        print(f"| {NAMES[kind]} | " + " | ".join(cells) + " |")
    counts = [max(len(k[n]) for k in kinds.values() if n in k) for n in lengths]
    if min(counts) < seeds:
        print("| seeds | " + " | ".join(map(str, counts)) + " |")
    print()
    most = lengths[-1]
    pairs = [("dense", most, "newest", 256), ("dense", most, "one", most), ("dense", most, "dense", 256), ("one", most, "one", 256),
             ("sparse", most, "dense", most), ("masks", most, "dense", most), ("sparse", most, "bytes", most), ("sparse", most, "semi", most)]
    for a, at, b, by in pairs:
        if a in kinds and b in kinds and at in kinds[a] and by in kinds[b]:
            text, seeds = difference(kinds[a][at], kinds[b][by])
            print(f"{NAMES[a]}, {at:,} events, against {NAMES[b]}, {by:,} events: {text}, {seeds} seeds")


found = read(sys.argv[1])
if len(sys.argv) > 2:
    for kind in [k for k in NAMES if k in found[sys.argv[3]]]:
        lengths = found[sys.argv[3]][kind]
        print(f'"{NAMES[kind]}"')
        seeds = set.intersection(*(set(s) for s in lengths.values()))  # those that were asked with all lengths
        for n in sorted(lengths):
            print(kind, n, mean(of_users({s: lengths[n][s] for s in seeds})))
        print("\n")
else:
    for name, kinds in found.items():
        table(name, kinds)
