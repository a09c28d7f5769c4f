#!/usr/bin/env python3
"""The arithmetic of solid_recommend in PyTorch eager on one CPU thread, one query at a time, for comparison.

    bench_serve --json > serve.json
    bench_torch.py [--model FILE] [--steps N] [--queries N] [--k K] [--against serve.json] [--json] [--show I,I,...]

Needs torch >= 2 (python3 -m pip install torch --index-url of its CPU wheels); nothing else in the tree needs it or this
script. Without --model: random weights in the shapes of the Amazon Beauty model. Windows are random items, --steps long.
There is no store here, so the ratio to a case over Redis is what a framework would cost before it has fetched anything.

    warm   generated layers and state are at hand: apply, score, mask, top k
    newer  the encoder runs over the window first
    cold   the generator runs too
--show prints the best items for one window, to check the arithmetic against the library's."""
import argparse
import json
import math
import struct
import time

import torch
import torch.nn.functional as F

DTYPES = {"F32": torch.float32, "U16": torch.int16, "U32": torch.int32, "U8": torch.uint8}


def read_model(path):
    """A safetensors file: 8 bytes of length, JSON header, data."""
    blob = open(path, "rb").read()
    (size,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + size])
    config = json.loads(header.pop("__metadata__")["solid.config"])
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + at for at in entry["data_offsets"])
        data = bytearray(blob[begin:end])
        if data:
            tensors[name] = torch.frombuffer(data, dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return config, tensors


def random_model():
    V, d, L, C, K = 12101, 64, 50, 3, 256
    config = dict(items=V, width=d, window=L, blocks=1, heads=1, levels=C, codes=K, rank=0, head="solid", clip=0.1)
    shapes = {"item.embedding": (V, d), "code.embedding": (C, K, d), "position.embedding": (L, d)}
    linear = lambda name, out, inner: shapes.update({name + ".weight": (out, inner), name + ".bias": (out,)})
    for norm in ("norm", "block.0.norm1", "block.0.norm2"):
        shapes.update({norm + ".weight": (d,), norm + ".bias": (d,)})
    for name, out, inner in (("qkv", 3 * d, d), ("out", d, d), ("up", 4 * d, d), ("down", d, 4 * d)):
        linear("block.0." + name, out, inner)
    for branch in ("generator.item.", "generator.semantic."):
        for kind in ("ih", "hh"):
            shapes.update({f"{branch}gru.weight_{kind}": (3 * d, d), f"{branch}gru.bias_{kind}": (3 * d,)})
        linear(branch + "mlp.0", d, d), linear(branch + "mlp.1", d, d)
        linear(branch + "layer.0", d * d + d, d), linear(branch + "layer.1", d * d + d, d)
    tensors = {name: 0.1 * torch.randn(shape) for name, shape in shapes.items()}
    tensors["codes"] = torch.randint(K, (V, C))
    return config, tensors


class Model:
    def __init__(self, config, tensors):
        self.c, self.t = config, tensors
        d, self.head = config["width"], config["head"]
        self.E = tensors["item.embedding"]
        self.semantic = torch.zeros_like(self.E)
        for level in range(config["levels"]):
            codes = tensors["codes"][:, level].to(torch.int64) & 0xFFFF
            self.semantic += tensors["code.embedding"][level][codes]
        self.vectors = self.E + self.semantic
        self.side = config["rank"] or d
        self.m = self.side * self.side + self.side
        self.grus = {}
        for branch, heads in (("item", ("duet", "solid")), ("semantic", ("semantic", "solid"))):
            if self.head in heads:
                gru = torch.nn.GRU(d, d, batch_first=True)
                for kind in ("ih", "hh"):
                    for what in ("weight", "bias"):
                        value = tensors[f"generator.{branch}.gru.{what}_{kind}"]
                        getattr(gru, f"{what}_{kind}_l0").data.copy_(value)
                self.grus[branch] = gru.eval()

    def linear(self, name, x):
        return F.linear(x, self.t[name + ".weight"], self.t[name + ".bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.t[name + ".weight"], self.t[name + ".bias"])

    def encode(self, window):
        n, d, heads = len(window), self.c["width"], self.c["heads"]
        x = (self.vectors[window] + self.t["position.embedding"][:n].flip(0)).unsqueeze(0)
        for b in range(self.c["blocks"]):
            p = f"block.{b}."
            qkv = self.linear(p + "qkv", self.norm(p + "norm1", x))
            q, k, v = qkv.view(1, n, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(1, n, d)
            x = x + self.linear(p + "out", a)
            x = x + self.linear(p + "down", F.gelu(self.linear(p + "up", self.norm(p + "norm2", x))))
        return self.norm("norm", x[:, -1])

    def generate(self, window):
        layers = []
        for branch, gru in self.grus.items():
            p = f"generator.{branch}."
            _, z = gru((self.E if branch == "item" else self.semantic)[window].unsqueeze(0))
            z = self.linear(p + "mlp.1", torch.tanh(self.linear(p + "mlp.0", z[0])))
            layers.append([self.linear(p + f"layer.{i}", z) for i in range(2)])
        if len(layers) == 2:
            t = self.c["clip"]
            return [wi.clamp(-t, t) + ws for wi, ws in zip(*layers)]
        return layers[0] if layers else None

    def apply(self, h, params):
        if params is None:
            return h
        s = self.side
        y = self.linear("generator.down", h) if self.c["rank"] else h
        for i, w in enumerate(params):
            y = torch.einsum("nio,ni->no", w[:, : s * s].view(-1, s, s), y) + w[:, s * s :]
            if i == 0:
                y = torch.tanh(y)
        return h + (self.linear("generator.up", y) if self.c["rank"] else y)

    def rank(self, u, seen, k):
        scores = u @ self.vectors.T
        scores[:, seen] = -math.inf
        return torch.topk(scores, k)


def time_case(name, model, windows, k):
    made = [(w, model.encode(w), model.generate(w)) for w in windows] if name != "cold" else [(w, 0, 0) for w in windows]
    us = []
    for window, h, params in made[:50] + made:
        began = time.perf_counter()
        if name != "warm":
            h = model.encode(window)
        if name == "cold":
            params = model.generate(window)
        best = model.rank(model.apply(h, params), window, k)
        best.indices.tolist(), best.values.tolist()
        us.append(1e6 * (time.perf_counter() - began))
    us = sorted(us[min(50, len(made)) :])
    n = len(us)
    return {"store": "none", "case": name, "queries": n, "mean_us": sum(us) / n, "p50_us": us[n // 2], "p99_us": us[n * 99 // 100]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--against", help="what bench_serve --json printed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", help="item numbers, oldest first")
    a = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    with torch.inference_mode():
        model = Model(*(read_model(a.model) if a.model else random_model()))
        if a.show:
            window = torch.tensor([int(i) for i in a.show.split(",")])
            best = model.rank(model.apply(model.encode(window), model.generate(window)), window, a.k)
            for item, score in zip(best.indices[0].tolist(), best.values[0].tolist()):
                print(f"{item}  {score:.3f}")
            return
        steps = min(a.steps, model.c["window"])
        windows = [torch.randint(model.c["items"], (steps,)) for _ in range(a.queries)]
        results = [time_case(name, model, windows, a.k) for name in ("warm", "newer", "cold")]
    if a.json:
        print(json.dumps(results, indent=1))
    else:
        print(f"torch {torch.__version__} eager, one thread, windows of {steps}; microseconds")
        for r in results:
            print(f"{r['case']:8} mean {r['mean_us']:8.1f}   p50 {r['p50_us']:8.1f}   p99 {r['p99_us']:8.1f}")
    if a.against:
        by_case = {r["case"]: r for r in results}
        for ours in json.load(open(a.against)):
            theirs = by_case.get(ours["case"])
            if theirs:
                times = "   ".join(f"{key[:-3]} {theirs[key] / ours[key]:5.1f} times" for key in ("mean_us", "p50_us", "p99_us"))
                print(f"{ours['store']:7} {ours['case']:8} {times}")


if __name__ == "__main__":
    main()
