"""What bench_growth measured, as tables in Markdown: seconds and MiB of each stage, and time over linear between neighbours.

    growth_table.py AFTER.jsonl [BEFORE.jsonl]     with two files: seconds before -> after

Over linear: the ratio of seconds over the ratio of sizes; 1 is linear, below 1 better. `~` marks what was extrapolated."""
import json, sys


def read(path):
    found = {}
    for line in open(path):
        row = json.loads(line)
        found.setdefault(row["axis"], {}).setdefault(row["stage"], {})[row["size"]] = row
    return found


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x >= 0.1 else f"{x:.2g}"


def seconds(row):
    if row is None or "seconds" not in row:
        return "not run"
    s = row["seconds"]
    text = f"{number(s)} s" if s >= 1 else f"{number(1e3 * s)} ms" if s >= 1e-3 else f"{number(1e6 * s)} us"
    return ("~" if row["extrapolated"] else "") + text


def speed(row):
    return f", {row['amount'] / row['seconds']:.0f} MB/s" if row and row["stage"].startswith("read ") and "seconds" in row else ""


def cell(row, before, n):
    text = seconds(row) + speed(row)
    if before is not None:
        return f"{seconds(before.get(n))}{speed(before.get(n))} -> {text}"
    return f"{text}, {number(row['bytes'] / 2**20)} MiB" if row and "seconds" in row else text


def over_linear(sizes, rows):
    there = [n for n in sizes if "seconds" in rows.get(n, {})]
    return " ".join(f"{rows[b]['seconds'] / rows[a]['seconds'] * a / b:.2f}" for a, b in zip(there, there[1:]))


def table(axis, stages, before):
    sizes = sorted({n for rows in stages.values() for n in rows})
    print(f"\n| {axis} | " + " | ".join(f"{n:,}" for n in sizes) + " | over linear |\n|" + "---|" * (len(sizes) + 2))
    for stage, rows in stages.items():
        was = before.get(axis, {}).get(stage, {}) if before else None
        line = over_linear(sizes, rows)
        if was:
            line = f"{over_linear(sizes, was)} -> {line}"
        print(f"| {stage} | " + " | ".join(cell(rows.get(n), was, n) for n in sizes) + f" | {line} |")
    for n in sizes:
        why = next((r[n]["not_run"] for r in stages.values() if "not_run" in r.get(n, {})), None)
        if why:
            print(f"\n{n:,} {axis}: {why}")
    largest(axis, stages)


def largest(axis, stages):
    """The largest size of each machine, and how far it went there."""
    rows = [row for sizes in stages.values() for row in sizes.values() if "seconds" in row]
    for machine in sorted({row.get("machine", "unnamed machine") for row in rows}):
        mine = [row for row in rows if row.get("machine", "unnamed machine") == machine]
        n = max(row["size"] for row in mine)
        names = [row["stage"] for row in mine if row["size"] == n]
        whole = max([row["size"] for row in mine if row["stage"] == "batch of 64"], default=n)
        loads = [row["load"] for row in mine if "load" in row]
        print(f"\nLargest here: {n:,} {axis}, {names[0]} to {names[-1]}" + (f"; all stages: {whole:,}" if whole != n else "")
              + f". {machine}" + (f", load {min(loads):.0f} to {max(loads):.0f}" if loads else ""))


after, before = read(sys.argv[1]), read(sys.argv[2]) if len(sys.argv) > 2 else None
for axis, stages in after.items():
    table(axis, stages, before)
