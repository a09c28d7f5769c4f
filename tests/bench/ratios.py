#!/usr/bin/env python3
"""Runs bench_gpu and PyTorch on the same GPU, one after the other, and prints the ratios beside their targets.

    ratios.py --bench build/cuda/tests/bench/bench_gpu [--step build/cuda/tests/bench/bench_step] --anchors anchors.py
              [--only NAME] [--json FILE] [--recipe recipe.py --train build/cuda/bin/solid_train --data FOLDER]

anchors.py: a program whose functions copy_bw(), generator() and topk() time what a user would run in PyTorch instead and
print a line a size. What it does not run (the authors' model) is compared with figures that were measured once on an
H200, and marked so. Without --anchors only those. --step: the training step of the authors' model, in both precisions. recipe.py: `recipe.py DATA solidres NAME=VALUE ...` trains the same model in
PyTorch and prints "s/epoch N"; FOLDER has amazon-beauty/Beauty.txt and ml-1m/ml-1m.txt. Needs torch where anchors.py does; nothing else in the tree needs it."""
import argparse
import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile

AUTHORS = {"forward 1": 2.98, "forward 8192": 70.9, "step 1024": 20.9}  # ms, PyTorch 2.11


def pytorch(path):
    """Milliseconds of PyTorch's best form: {("generator", "float32", B) | ("topk", N, B) | ("product", N, B): ms}"""
    spec = importlib.util.spec_from_file_location("anchors", path)
    anchors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anchors)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        for part in (anchors.copy_bw, anchors.generator, anchors.topk):
            part()
    found = {}
    for line in text.getvalue().splitlines():
        print("pytorch:", line)
        if m := re.match(r"generator (\w+) B=(\d+): eager ([\d.]+) ms graph ([\d.]+) ms compile (\S+)", line):
            times = [float(x) for x in m.groups()[2:] if x != "None"]
            found["generator", m[1], int(m[2])] = min(times)
        elif m := re.match(r"score\+top100 bf16 N=(\d+) B=(\d+): ([\d.]+) ms \(gemm alone ([\d.]+)\)", line):
            found["topk", int(m[1]), int(m[2])] = float(m[3])
            found["product", int(m[1]), int(m[2])] = float(m[4])
        elif m := re.match(r"device copy (\d+) GB/s", line):
            found["copy"] = float(m[1])
    return found


def authors_step(program):
    """Rows of rows(): the authors' model itself, with its binary loss on one sampled target a window."""
    out = []
    for precision in ("fp32", "tf32"):
        text = subprocess.run([program, "--device", "cuda", "--precision", precision, "--only", "authors"], check=True,
                              text=True, stdout=subprocess.PIPE).stdout
        ms = float(re.search(r"^authors .* ([\d.]+) ms a step", text, re.M)[1])
        other = AUTHORS["step 1024"]
        out.append((f"authors' training step, B=1024, {precision}", ms, other, "authors' PyTorch (recorded) / ours", other / ms, 20, True))
    return out


# One epoch of a whole training with the same settings: name, data, options of solid_train, arguments of recipe.py.
TRAININGS = (
    ("Beauty", "amazon-beauty/Beauty.txt", (), ("p=0.5", "gdrop=0.5", "odrop=0.5", "ls=0.1")),
    ("ml-1m", "ml-1m/ml-1m.txt", "--window 200 --batch 128 --dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0".split(),
     ("L=200", "B=128", "p=0.2", "gdrop=0.3", "odrop=0.3")))


def trainings(args):
    """Rows of rows(), seconds an epoch with its validation; the first epoch of ours, which warms up, is left out."""
    out = []
    for name, data, options, recipe in TRAININGS:
        data = os.path.join(args.data, data)
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "log")
            subprocess.run([args.train, "--defaults", "fixed", "--data", data, "--out", os.path.join(folder, "model"), "--device", "cuda", "--fresh",
                            "--blocks", "2", "--heads", "2", "--epochs", "8", "--patience", "0", "--log", log, *options],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(log) as lines:
                seconds = [json.loads(line)["seconds"] for line in lines][1:]
        text = subprocess.run([sys.executable, args.recipe, data, "solidres", *recipe, "E=40"], check=True, text=True,
                              stdout=subprocess.PIPE, env=os.environ | {"TMAX": "12"}).stdout
        print("pytorch:", text.strip())
        ours, other = sum(seconds) / len(seconds), float(re.search(r"s/epoch ([\d.]+)", text)[1])
        out.append((f"an epoch of {name}", 1e3 * ours, 1e3 * other, "recipe.py / solid_train", other / ours, 3, True))
    return out


def rows(ours, theirs):
    """(what, our ms, their ms or None, what is compared, value, target, whether greater is better)"""
    out = []

    def ratio(name, other, target, what):
        if name in ours and other:
            out.append((name, ours[name]["ms"], other, what, other / ours[name]["ms"], target, True))

    def share(name, value, target, what):
        if name in ours:
            out.append((name, ours[name]["ms"], None, what, value(ours[name]), target, True))

    written, halves = "generate D=32 x 2 written, B=%d", "generate D=32 x 2 written as f16, tf32, B=%d"
    for users in (1, 1024, 262144):
        great = users == 262144
        for dtype in ("float32", "bfloat16"):
            other = theirs.get(("generator", dtype, users))
            ratio(written % users, other, 5 if great else None, f"PyTorch {dtype} / written")
        ratio(halves % users, other, 5 if great else None, "PyTorch bfloat16 / written as f16")
    share(written % 262144, lambda c: c["memory_floor_ms"] / c["ms"], 0.60, "share of the copy bandwidth")
    ratio("window to score D=32 L=30, B=8192", AUTHORS["forward 8192"], 50, "authors' PyTorch (recorded) / ours")
    name = "window to score D=32 L=30, B=1"
    ratio(name, AUTHORS["forward 1"], None, "authors' PyTorch (recorded) / ours")
    if name in ours:
        out.append((name, ours[name]["ms"], None, "ms", ours[name]["ms"], 0.10, False))
    # Our own model's step, for information: it ranks the next item of all 30,720 positions among all 12,101 items, where
    # the authors' scores one sampled item a window. Their model is what authors_step() measures.
    ratio("training step D=32 L=30, B=1024 (positions/s)", AUTHORS["step 1024"], None, "another model: every position, all items")
    for items, users, target in ((10**6, 1, 1.6), (10**6, 64, 4.8), (10**6, 1024, 8.4), (10**7, 1, 1.5), (10**7, 64, None)):
        name = f"score + top-100, {items} items, B={users}"
        ratio(name, theirs.get(("topk", items, users)), target, "PyTorch bfloat16 / ours")
        product = theirs.get(("product", items, users))
        if product and name in ours:
            limit = 1.5 if users == 1024 else None
            out.append((name, ours[name]["ms"], product, "ours / PyTorch's product alone", ours[name]["ms"] / product, limit, False))
    share("codebook 3 x 256, width 128, 10000000 rows", lambda c: c["share"], 0.50, "share of the floor")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--step")
    parser.add_argument("--anchors")
    parser.add_argument("--only", help="cases of bench_gpu whose name holds this")
    parser.add_argument("--json")
    parser.add_argument("--recipe")
    parser.add_argument("--train")
    parser.add_argument("--data")
    args = parser.parse_args()
    command = [args.bench, "--json"] + (["--only", args.only] if args.only else [])
    bench = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    theirs = pytorch(args.anchors) if args.anchors else {}
    table = rows({case["name"]: case for case in bench["cases"]}, theirs)
    if args.step:
        table += authors_step(args.step)
    if args.recipe:
        table += trainings(args)
    print(f"copy {bench['copy_bytes_per_second'] / 1e9:.0f} GB/s, products: fp32 {bench['fp32_flops'] / 1e12:.1f}, "
          f"tf32 {bench['tf32_flops'] / 1e12:.0f}, bf16 {bench['bf16_flops'] / 1e12:.0f} TFLOP/s")
    print(f"{'case':48} {'ms':>10} {'memory':>9} {'arithmetic':>10}  share of the greater floor")
    for case in bench["cases"]:
        print(f"{case['name']:48} {case['ms']:10.4f} {case['memory_floor_ms']:9.4f} {case['arithmetic_floor_ms']:10.4f}  "
              f"{100 * case['share']:5.1f} %  {case['per_second']:.4g} /s")
    print(f"{'ratio':46} {'ours':>12} {'theirs':>9}")
    for name, ours, other, what, value, target, more in table:
        verdict = "" if target is None else "met" if (value >= target if more else value <= target) else "MISSED"
        bound = "" if target is None else f"{'>=' if more else '<='} {target:g}"
        print(f"{name:46} {ours:9.4f} ms {'' if other is None else f'{other:.4f}':>9}  {what:36} {value:8.3f} {bound:>8} {verdict}")
    if args.json:
        keys = ("name", "ms", "other_ms", "what", "value", "target", "more_is_better")
        with open(args.json, "w") as file:
            json.dump({"bench": bench, "ratios": [dict(zip(keys, row)) for row in table]}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
