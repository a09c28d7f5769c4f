#!/usr/bin/env python3
"""Long attention beside PyTorch's on one GPU: the table of bench_attend, and every row's ratio to the fastest causal kernel
that scaled_dot_product_attention has there (flash, cuDNN), measured in the same call.

    attend_torch.py --bench build/cuda/tests/bench/bench_attend [--heads 2] [--only N] [--backends flash,cudnn]

BF16 in, FP32 sums, causal, no dropout, as many users as give 65,536 tokens a head; the median of a captured graph's replays. PyTorch's
tensors are (users, heads, n, dh), contiguous BF16; ours are FP32 rows, and what gathers and rounds them is in our times. PyTorch's backward
pass may add in any order; ours is deterministic."""
import argparse
import json
import statistics
import subprocess

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

KERNELS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}


def measure(work, replays=15):
    """Seconds of one run of work, from a graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times, inner = [], 1
    for i in range(-3, replays):
        start.record()
        for _ in range(inner):
            graph.replay()
        end.record()
        end.synchronize()
        ms = start.elapsed_time(end)
        if i >= 0:
            times.append(ms / inner)
        if i == -1:
            inner = 1 if ms > 2 else int(2 / ms) + 1
    return statistics.median(times)


def dense(n, dh, heads, users, names):
    """(name, ms) of the fastest kernel, forward and with backward."""
    q, k, v, dout = (torch.randn(users, heads, n, dh, device="cuda", dtype=torch.bfloat16) for _ in range(4))
    for x in (q, k, v):
        x.requires_grad_()
    best = {}
    for name in names:
        try:
            with sdpa_kernel(KERNELS[name]):
                with torch.no_grad():
                    forward = measure(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))

                def both():
                    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
                    torch.autograd.grad(out, (q, k, v), dout)

                for what, ms in (("forward", forward), ("both", measure(both))):
                    if what not in best or ms < best[what][1]:
                        best[what] = (name, ms)
        except RuntimeError as error:
            print(f"# {name}, {n} events, dh {dh}: {str(error).splitlines()[0]}")
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--only", type=int, default=0)
    parser.add_argument("--backends", default="flash,cudnn")
    o = parser.parse_args()
    command = [o.bench, "--json", "--heads", str(o.heads)] + (["--only", str(o.only)] if o.only else [])
    rows = [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}; x = times faster than the fastest of {o.backends}; own = than our dense")
    theirs, ours = {}, {}
    for row in rows:
        shape = (row["n"], row["dh"])
        if shape not in theirs:
            theirs[shape] = dense(row["n"], row["dh"], row["heads"], row["users"], o.backends.split(","))
            for what, (name, ms) in theirs[shape].items():
                print(f"{name:7} {row['n']:7} dh {row['dh']:3}  {what:8} {ms:9.4f} ms")
        if row["kind"] == "dense":
            ours[shape] = row
        best, own = theirs[shape], ours[shape]
        line = f"{row['kind']:7} {row['n']:7} dh {row['dh']:3}  density {row['density']:.4f}"
        for what in ("forward", "both"):
            ms = row[what + "_ms"]
            line += f"  {what} {ms:9.4f} ms {best[what][1] / ms if what in best else float('nan'):6.2f} x, own {own[what + '_ms'] / ms:5.2f} x"
            line += f" ({own[what + '_ms'] / ms * row['density']:4.0%} of ideal)"
        print(line, flush=True)


if __name__ == "__main__":
    main()
