#!/usr/bin/env python3
"""Makes paper_<backbone>.safetensors: what PyTorch computes for the models of the SOLID paper, layer by layer.

    python3 make_paper_golden.py FOLDER [quick]     needs torch and safetensors; a minute, quick: without the judge

Every case runs in double, with autograd; the files hold float32. Weights are not stored: both sides make them from their
names (value_of below, and tests/examples/test_paper_golden.c). Large arrays are stored as every k-th element, k =
ceil(count / limit) made odd. Autograd is itself judged here, by central differences of the loss.
"""
import math
import sys

import numpy
import torch
from safetensors.numpy import save_file
from torch import nn

torch.set_default_dtype(torch.float64)
MASK = (1 << 64) - 1
BACKBONES = ["sasrec", "gru4rec", "din"]
HEADS = ["base", "duet", "solid"]
FORMS = ["faithful", "fixed"]


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
    if name.endswith(".gamma"):
        u = 1.0 + 0.1 * u
    else:
        u = u / math.sqrt(shape[-1]) if len(shape) == 2 else 0.1 * u
    return torch.tensor(u.astype(numpy.float32).astype(numpy.float64))


class Paper:
    """Section 1.5 (SASRec), and the same heads on GRU4Rec and DIN (1.8)."""

    def __init__(self, backbone, head, form, items, semantics, clusters, width, heads, window, clip, weight):
        self.backbone, self.head, self.form = backbone, head, form
        self.items, self.semantics, self.clusters = items, semantics, clusters
        self.d, self.heads, self.window, self.clip, self.weight = width, heads, window, clip, weight
        self.fixed = form == "fixed"
        self.w = {}
        d = width
        self.layers = [(2 * d, 4 * d), (4 * d, 2 * d), (2 * d, 1)] if backbone == "din" else [(d, d), (d, d)]
        self.add("items", items, d)
        if backbone == "sasrec":
            self.add("positions", window, d)
        self.linear("sequence", d, d)
        self.linear("target1", d, d)
        if backbone != "din":
            self.linear("target2", d, d)
        if backbone == "sasrec":
            self.linear("attention.in", d, 3 * d)
            self.linear("attention.out", d, d)
            self.add("norm1.gamma", d), self.add("norm1.beta", d)
            self.linear("ffn1", d, 4 * d)
            self.linear("ffn2", 4 * d, d)
            self.add("norm2.gamma", d), self.add("norm2.beta", d)
        elif backbone == "gru4rec":
            self.gru_weights("encoder")
        else:
            for name in ("query", "key", "value"):
                self.add(name + ".weight", d, d)
        if head == "base":
            for n, (i, o) in enumerate(self.layers):
                self.linear(f"layer{n}", i, o)
        else:
            self.branch("item")
        if head == "solid":
            self.add("semantics", semantics, d)
            if backbone == "sasrec":
                self.add("semantic_positions", window, d)
            self.linear("semantic_sequence", d, d)
            self.linear("decoder1", d, 2 * d)
            self.linear("decoder2", 2 * d, d)
            self.branch("semantic")
            self.add("codebook", semantics, d)
        self.trained = [n for n in self.w if n != "codebook" and (self.fixed or ".generator" not in n)]

    def add(self, name, *shape):
        self.w[name] = value_of(name, shape).requires_grad_()

    def linear(self, name, i, o):
        self.add(name + ".weight", o, i)
        self.add(name + ".bias", o)

    def gru_weights(self, name):
        for part, shape in (("w_ih", (3 * self.d, self.d)), ("b_ih", (3 * self.d,)), ("w_hh", (3 * self.d, self.d)),
                            ("b_hh", (3 * self.d,))):
            self.add(f"{name}.gru.{part}", *shape)

    def branch(self, name):
        self.gru_weights(name)
        self.linear(f"{name}.mlp1", self.d, self.d)
        self.linear(f"{name}.mlp2", self.d, self.d)
        for n, (i, o) in enumerate(self.layers):
            self.linear(f"{name}.generator{n}", self.d, i * o + o)

    def apply_linear(self, name, x):
        return nn.functional.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    def gru(self, name, x):
        module = nn.GRU(self.d, self.d, batch_first=True)
        names = {"weight_ih_l0": "w_ih", "bias_ih_l0": "b_ih", "weight_hh_l0": "w_hh", "bias_hh_l0": "b_hh"}
        return torch.func.functional_call(module, {k: self.w[f"{name}.gru.{v}"] for k, v in names.items()}, (x,))[0]

    def transformer(self, x, padding):
        module = nn.TransformerEncoderLayer(self.d, self.heads, 4 * self.d, dropout=0.0, batch_first=True)
        names = {"self_attn.in_proj_weight": "attention.in.weight", "self_attn.in_proj_bias": "attention.in.bias",
                 "self_attn.out_proj.weight": "attention.out.weight", "self_attn.out_proj.bias": "attention.out.bias",
                 "norm1.weight": "norm1.gamma", "norm1.bias": "norm1.beta", "norm2.weight": "norm2.gamma",
                 "norm2.bias": "norm2.beta", "linear1.weight": "ffn1.weight", "linear1.bias": "ffn1.bias",
                 "linear2.weight": "ffn2.weight", "linear2.bias": "ffn2.bias"}
        mask = {"src_key_padding_mask": padding} if self.fixed else {}
        return torch.func.functional_call(module, {k: self.w[v] for k, v in names.items()}, (x,), mask)

    def sequence(self, table, positions, linear, ids):
        x = self.w[table][ids]
        if self.backbone == "sasrec":
            x = x + self.w[positions]
        return torch.tanh(self.apply_linear(linear, x))

    def state(self, name, x, newest):
        s = self.gru(name, x)[torch.arange(len(x)), newest]
        return self.apply_linear(f"{name}.mlp2", torch.tanh(self.apply_linear(f"{name}.mlp1", s)))

    def generated(self, name, n, z):
        return self.apply_linear(f"{name}.generator{n}", z)

    def forward(self, v, c, target, label, frozen=None):
        """v, c (rows, L); target, label (rows). One row a candidate, as the authors have it. Returns every layer."""
        out = {}
        rows, real = torch.arange(len(v)), v != 0
        newest = torch.clamp(real.sum(1) - 1, min=0)
        hv = out["item_sequence"] = self.sequence("items", "positions", "sequence", v)
        u = torch.tanh(self.apply_linear("target1", self.w["items"][target]))
        if self.backbone != "din":
            u = self.apply_linear("target2", u)
        out["target"] = u
        if self.backbone == "sasrec":
            x = self.transformer(hv, ~real)[rows, newest]
        elif self.backbone == "gru4rec":
            x = self.gru("encoder", hv)[rows, newest]
        else:
            q, k, value = (self.apply_linear(n, y) for n, y in (("query", u), ("key", hv), ("value", hv)))
            s = torch.einsum("bd,bld->bl", q, k) / math.sqrt(self.d) - 1e8 * (~real)
            x = torch.cat([u, torch.einsum("bl,bld->bd", torch.softmax(s, 1), value)], 1)
        out["state"] = x
        codebook_loss = torch.zeros(())
        if self.head == "duet":
            z1 = out["z_item"] = self.state("item", hv, newest)
        if self.head == "solid":
            hc = out["semantic_sequence"] = self.sequence("semantics", "semantic_positions", "semantic_sequence", c)
            table = self.w["codebook"].detach()
            low, high = (1, self.clusters + 1) if self.fixed else (0, self.semantics)
            code = low + torch.cdist(hv, table[low:high]).argmin(-1)
            q = table[code]
            out["code"], out["quantized"] = code, q
            if self.fixed:  # straight through
                step = frozen["step"] if frozen else (q - hv).detach()
                frozen is None and out.__setitem__("_step", step)
                q = hv + step
            r = nn.functional.leaky_relu(self.apply_linear("decoder1", q), 0.1)
            r = out["decoded"] = self.apply_linear("decoder2", r)
            square = (hc - table[code]) ** 2
            codebook_loss = (square[real].mean() if self.fixed else square.mean())
            z1 = out["z_item"] = self.state("item", r, newest)
            z2 = out["z_semantic"] = self.state("semantic", hc, newest)
        for n, (i, o) in enumerate(self.layers):
            last = n + 1 == len(self.layers)
            if self.head == "base":
                x = self.apply_linear(f"layer{n}", x)
            else:
                w = self.generated("item", n, z1)
                if self.head == "solid":
                    w = torch.clamp(w, -self.clip, self.clip) + self.generated("semantic", n, z2)
                out[f"generated{n}"] = w
                x = torch.einsum("bi,bio->bo", x, w[:, : i * o].reshape(-1, i, o)) + w[:, i * o :]
            x = x if last else torch.tanh(x)
            out[f"layer{n}"] = x
        logit = x[:, 0] if self.backbone == "din" else (x * u).sum(1)
        out["logit"], out["codebook_loss"] = logit, codebook_loss
        out["loss"] = nn.functional.binary_cross_entropy_with_logits(logit, label) + self.weight * codebook_loss
        return out


def judge_autograd(model, inputs, frozen, gradients):
    """Central differences at a few places of every trained tensor."""
    for name in model.trained:
        tensor, got = model.w[name], gradients[name].reshape(-1)
        flat, worst, largest = tensor.detach().reshape(-1), 0.0, float(got.abs().max())
        for at in range(0, flat.numel(), max(1, flat.numel() // 5)):
            kept, values = float(flat[at]), []
            for h in (1e-6, -1e-6):
                flat[at] = kept + h
                values.append(float(model.forward(*inputs, frozen=frozen)["loss"].detach()))
            flat[at] = kept
            worst = max(worst, abs((values[0] - values[1]) / 2e-6 - float(got[at])))
        assert worst <= 1e-5 * largest + 1e-9, (name, worst, largest)


def sample(x, limit):
    x = x.detach().reshape(-1).numpy()
    step = max(1, -(-len(x) // limit))
    return x[:: step if step == 1 else step | 1]  # odd, so that rows and columns of every number come in


def make_case(tensors, name, lengths, candidates, **config):
    model = Paper(**config)
    windows, window = len(lengths), model.window
    draw = numpy.random.default_rng(len(tensors))
    v = numpy.zeros((windows, window), numpy.int64)
    category = draw.integers(1, model.clusters + 1, model.items)
    category[0] = 0
    for i, length in enumerate(lengths):
        v[i, :length] = draw.integers(1, model.items, length)
    c = category[v]
    target = draw.integers(1, model.items, (windows, candidates))
    label = numpy.zeros((windows, candidates))
    label[:, 0] = 1
    rows = [torch.tensor(numpy.repeat(x, candidates, 0)) for x in (v, c)]
    inputs = (*rows, torch.tensor(target.reshape(-1)), torch.tensor(label.reshape(-1)))
    out = model.forward(*inputs)
    frozen = {"step": out.pop("_step")} if "_step" in out else None
    names = model.trained
    gradients = dict(zip(names, torch.autograd.grad(out["loss"], [model.w[n] for n in names], allow_unused=True)))
    unused = [n for n in names if gradients[n] is None]
    assert not unused, unused
    if model.d < 32 and "quick" not in sys.argv:
        judge_autograd(model, inputs, frozen, gradients)
    tensors[f"{name}/config"] = numpy.array(
        [BACKBONES.index(model.backbone), HEADS.index(model.head), FORMS.index(model.form), model.items,
         model.semantics, model.clusters, model.d, model.heads, window, windows, candidates], numpy.int32)
    tensors[f"{name}/reals"] = numpy.array([model.clip, model.weight], numpy.float32)
    for key, x in (("history", v), ("history_semantics", c), ("candidates", target)):
        tensors[f"{name}/{key}"] = x.astype(numpy.int32)
    by_candidate = {"target", "logit"} | ({"state", "layer0", "layer1", "layer2"} if model.backbone == "din" else set())
    for key, x in out.items():
        if x.dim() > 0 and key not in by_candidate:
            x = x[::candidates]  # one row a window
        kind = numpy.int32 if key == "code" else numpy.float32
        tensors[f"{name}/{key}"] = (x.detach().reshape(-1).numpy() if key == "code" else sample(x, 256)).astype(kind)
    for key, x in gradients.items():
        tensors[f"{name}/gradient/{key}"] = sample(x, 32).astype(numpy.float32)


def main():
    folder = sys.argv[1]
    for backbone in BACKBONES:
        tensors = {}
        for head in HEADS:
            for form in FORMS:
                same = dict(backbone=backbone, head=head, form=form)
                make_case(tensors, f"{head}_{form}_8", [1, 3, 5], 3, items=23, semantics=9, clusters=6, width=8, heads=2,
                          window=5, clip=0.2, weight=0.3, **same)
                make_case(tensors, f"{head}_{form}_32", [10, 4], 5, items=60, semantics=14, clusters=11, width=32,
                          heads=4, window=10, clip=0.01, weight=0.1, **same)
        save_file(tensors, f"{folder}/paper_{backbone}.safetensors")


main()
