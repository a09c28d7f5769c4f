#!/usr/bin/env python3
"""Makes slate.safetensors: what PyTorch computes for the decoder of slates, written from its definition and not from the C code:
whole sequences under a mask, where the library goes step by step over a cache.

    python3 make_slate_golden.py FOLDER        needs torch and numpy; seconds

Runs in double, with autograd; the file holds float32. Weights are not stored: both sides make them from their names (value_of
below, and tests/support/slate_golden.c).
"""
import json
import math
import struct
import sys

import numpy
import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
MASK = (1 << 64) - 1
K, LEVELS, CODES, COLLISIONS, D, HEADS, BLOCKS, B = 4, 2, 5, 3, 8, 2, 2, 3
C = LEVELS + 1
SIZES = [CODES] * LEVELS + [COLLISIONS]
FIRST = [sum(SIZES[:c]) for c in range(C)]
N = sum(SIZES)


def mix(z):
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def uniforms(name, count):
    """count numbers in [-1, 1): splitmix64 from the FNV-1a hash of the name."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return [(mix((h + (i + 1) * 0x9E3779B97F4A7C15) & MASK) >> 40) / float(1 << 23) - 1.0 for i in range(count)]


def value_of(name, shape):
    u = numpy.array(uniforms(name, int(numpy.prod(shape)))).reshape(shape)
    if "norm" in name and name.endswith("weight"):
        u = 1.0 + 0.1 * u
    elif "embedding" in name:
        u = 1.0 * u
    else:
        u = 2.0 * u / math.sqrt(shape[-1]) if len(shape) == 2 else 0.1 * u
    return torch.tensor(u.astype(numpy.float32).astype(numpy.float64))


def weights(near):
    heads = 2 if near else 1
    shapes = {"state.weight": (D, D), "state.bias": (D,), "user.weight": (D, D), "user.bias": (D,), "code.embedding": (N, D),
              "row.embedding": (K, D), "column.embedding": (C + 1, D)}
    for b in range(BLOCKS + heads - 1):
        p = f"block.{b}."
        for norm in ("norm1", "norm2"):
            shapes |= {p + norm + ".weight": (D,), p + norm + ".bias": (D,)}
        for name, out, inner in (("qkv", 3 * D, D), ("out", D, D), ("up", 4 * D, D), ("down", D, 4 * D)):
            shapes |= {p + name + ".weight": (out, inner), p + name + ".bias": (out,)}
    for name in ("right", "down")[:heads]:
        shapes |= {name + ".norm.weight": (D,), name + ".norm.bias": (D,)}
    shapes["out.weight"] = (N, heads * D)
    return {"slate." + n: value_of("slate." + n, s).requires_grad_() for n, s in shapes.items()}


def inputs_of(order, s):
    """Inputs in raster order: (kind, row, column, the step in which it goes in)."""
    if order == "near":
        return [("h", 0, 0, 0), ("u", 0, 0, 0)] + [("cell", i, c, i + c + 1) for i in range(K) for c in range(C)]
    s = C if order == "raster" else min(s, C)
    rows = [("h", 0, 0, 0), ("u", 0, 0, 0)]
    for i in range(K):
        rows += [("row", i, 0, i * s)] + [("cell", i, c, i * s + c + 1) for c in range(C)]
    return rows


def mask_of(order, rows):
    n = len(rows)
    m = torch.zeros(n, n, dtype=torch.bool)
    for q in range(n):
        for k in range(n):
            if rows[q][0] in "hu":
                m[q, k] = k <= q
            elif order == "near":
                m[q, k] = rows[k][3] <= rows[q][3]
            else:
                m[q, k] = k <= q and rows[k][3] <= rows[q][3]
    return m


def layer_norm(w, name, x):
    return functional.layer_norm(x, (D,), w[name + ".weight"], w[name + ".bias"], 1e-5)


def block(w, b, x, m):
    p, n = f"slate.block.{b}.", x.shape[1]
    qkv = functional.linear(layer_norm(w, p + "norm1", x), w[p + "qkv.weight"], w[p + "qkv.bias"])
    q, k, v = (y.view(-1, n, HEADS, D // HEADS).transpose(1, 2) for y in qkv.split(D, 2))
    a = (q @ k.transpose(2, 3) / math.sqrt(D // HEADS)).masked_fill(~m, -math.inf).softmax(3) @ v
    x = x + functional.linear(a.transpose(1, 2).reshape(-1, n, D), w[p + "out.weight"], w[p + "out.bias"])
    up = functional.gelu(functional.linear(layer_norm(w, p + "norm2", x), w[p + "up.weight"], w[p + "up.bias"]), approximate="tanh")
    return x + functional.linear(up, w[p + "down.weight"], w[p + "down.bias"])


def logits_of(w, order, s, h, u, codes):
    """(B, K, C, largest column) logits of every cell given the codes that its order shows it; what is no code is 0."""
    rows, parts = inputs_of(order, s), []
    for kind, i, c, _ in rows:
        if kind == "h":
            parts.append(functional.linear(h, w["slate.state.weight"], w["slate.state.bias"]))
        elif kind == "u":
            parts.append(functional.linear(u, w["slate.user.weight"], w["slate.user.bias"]))
        elif kind == "row":
            parts.append((w["slate.row.embedding"][i] + w["slate.column.embedding"][C]).expand(B, D))
        else:
            parts.append(w["slate.code.embedding"][FIRST[c] + codes[:, i, c]] + w["slate.row.embedding"][i] + w["slate.column.embedding"][c])
    x, m = torch.stack(parts, 1), mask_of(order, rows)
    for b in range(BLOCKS):
        x = block(w, b, x, m)
    outs = [layer_norm(w, "slate.right.norm", x)]
    if order == "near":
        outs.append(layer_norm(w, "slate.down.norm", block(w, BLOCKS, x, m)))
    place = {(kind, i, c): n for n, (kind, i, c, _) in enumerate(rows)}
    result = torch.zeros(B, K, C, max(SIZES))
    for i in range(K):
        for c in range(C):
            if order != "near":
                sources = [(place["row", i, 0] if c == 0 else place["cell", i, c - 1], 0)]
            elif i == 0 and c == 0:
                sources = [(1, 0), (1, 1)]
            else:
                sources = ([(place["cell", i, c - 1], 0)] if c else []) + ([(place["cell", i - 1, c], 1)] if i else [])
            each = [outs[k][:, n] @ w["slate.out.weight"][FIRST[c]:FIRST[c] + SIZES[c], k * D:(k + 1) * D].T for n, k in sources]
            result[:, i, c, :SIZES[c]] = sum(each) / len(each)
    return result


def loss_of(logits, targets):
    total = sum(functional.cross_entropy(logits[:, i, c, :SIZES[c]], targets[:, i, c].clamp_min(0), reduction="none")[targets[:, i, c] >= 0].sum()
                for i in range(K) for c in range(C))
    return total / (targets >= 0).sum()


def write(path, tensors):
    header, data, names = {}, b"", {"float32": "F32", "int32": "I32"}
    for name, x in tensors.items():
        raw = x.tobytes()
        header[name] = {"dtype": names[str(x.dtype)], "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def f32(x):
    return x.detach().numpy().astype(numpy.float32)


def main():
    r = numpy.random.RandomState(18)
    codes = torch.tensor(numpy.stack([r.randint(0, n, (B, K)) for n in SIZES], 2))
    targets = codes.clone()
    targets[0, 2:] = -1
    targets[2, 3] = -1
    h, u = (torch.tensor(r.randn(B, D).astype(numpy.float32).astype(numpy.float64)) for _ in range(2))
    out = {"config": numpy.array([K, LEVELS, CODES, COLLISIONS, D, HEADS, BLOCKS, B], numpy.int32),
           "codes": codes.numpy().astype(numpy.int32), "targets": targets.numpy().astype(numpy.int32), "h": f32(h), "u": f32(u)}
    for order in ("raster", "near"):
        w = weights(order == "near")
        logits = logits_of(w, order, 0, h, u, codes)
        loss = loss_of(logits, targets)
        loss.backward()
        out[order + "/logits"], out[order + "/loss"] = f32(logits), f32(loss).reshape(1)
        out |= {order + "/grad/" + name: f32(x.grad) for name, x in w.items()}
        for s in (1, 2):
            if order == "raster":
                out[f"zipar{s}/logits"] = f32(logits_of(w, "zipar", s, h, u, codes))
    write(sys.argv[1] + "/slate.safetensors", out)


main()
