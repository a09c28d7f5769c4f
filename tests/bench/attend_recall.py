#!/usr/bin/env python3
"""What the lists of kept keys leave of the attention of a trained model, and whether queries could be told to read near keys only.

    attend_recall.py MODEL histories.txt [--users 16] [--least 4000] [--p .95] [--budget 1024] [--device cuda]
    attend_recall.py ... --p .95,.98,.995 --budget 1024,2048,4096

Needs PyTorch; reads a model of long windows with rotary positions and the static head. Users of so many events are walked through in
chunks of 512, as kernels/select.h has it, and every row's attention over all older keys is computed beside.

  recall   share of a row's attention that falls on keys it may read, of all rows behind the crossover and of the newest one
  lazy     a row that would read only its chunk, the first and the newest keys before it loses the rest of its attention, its far
           mass. Two scores of omnisparse.md 5.3 choose the rows that stay active: `prototype`, q . (mean of far keys - first key),
           and `blocks`, the log of the sums over means of 64 keys, far against near. `true` chooses by the far mass itself. `random`
           keeps as many at random. Printed: rank correlation with the far mass, and what the others lose.

Of several p and budgets a line each: what lists of those leave, by the head that has least, and the density that it takes."""
import argparse
import json
import math
import struct

import torch
import torch.nn.functional as F

CHUNK, SINK, WINDOW, RECENT, STRIDE, BELOW = 512, 4, 64, 32, 16, 2048


def read_model(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        body = f.read()
    kinds = {"F32": torch.float32, "U32": torch.int32, "U8": torch.uint8, "U16": torch.int16}
    tensors = {}
    for name, at in header.items():
        if name != "__metadata__":
            begin, end = at["data_offsets"]
            tensors[name] = torch.frombuffer(bytearray(body[begin:end]) or bytearray(8), dtype=kinds[at["dtype"]])
            tensors[name] = tensors[name].reshape(at["shape"]) if end > begin else tensors[name]
    return json.loads(header["__metadata__"]["solid.config"]), tensors


def turn(x, positions, turned):  # (heads, n, dh)
    c = torch.arange(turned // 2, device=x.device, dtype=torch.float64)
    angle = (-positions.double()[:, None] * 10000.0 ** (-2 * c / turned)).float()
    even, odd = x[..., 0:turned:2], x[..., 1:turned:2]
    y = x.clone()
    y[..., 0:turned:2] = even * angle.cos() - odd * angle.sin()
    y[..., 1:turned:2] = even * angle.sin() + odd * angle.cos()
    return y


def select(q, k, kept, begin, end, p, budget):
    """The next list: kept (heads, m) rows, of which every head has as many; q, k (heads, n, dh)."""
    heads = q.shape[0]
    own = torch.arange(begin, end, device=q.device).expand(heads, -1)
    rows = torch.cat([kept, own], 1)
    n = rows.shape[1]
    if n <= BELOW:
        return rows
    old = end - begin - RECENT
    probes = torch.cat([torch.arange(begin, begin + old, STRIDE), torch.arange(end - RECENT, end)]).to(q.device)
    keys = torch.gather(k, 1, rows[..., None].expand(-1, -1, k.shape[2]))
    s = q[:, probes] @ keys.transpose(1, 2) / math.sqrt(q.shape[2])
    s = s.masked_fill(rows[:, None, :] > probes[None, :, None], -math.inf)
    mass = s.softmax(2).sum(1)
    forced = torch.zeros_like(mass, dtype=torch.bool)
    forced[:, :SINK] = forced[:, n - WINDOW:] = True
    credit = (mass * forced).sum(1, keepdim=True)
    order = mass.masked_fill(forced, -1).sort(1, descending=True)
    have = credit + order.values.clamp(min=0).cumsum(1)
    need = int((have < p * len(probes)).sum(1).max()) + 1
    take = forced.scatter(1, order.indices[:, :min(need, budget, n - SINK - WINDOW)], True)
    return rows[take].reshape(heads, -1)


def rank_correlation(x, y):
    rank = lambda v: v.argsort().argsort().float()
    return torch.corrcoef(torch.stack([rank(x), rank(y)]))[0, 1].item()


class Tally:
    def __init__(self, p):
        self.p, self.pairs, self.all = p, 0.0, 0.0
        self.recall, self.newest, self.far, self.scores = [], [], [], []


def far_scores(q, k, rows, begin, near):
    """The two scores of the rows' queries (heads, r), of keys before the chunk; near (heads, r) is the log of what they read there."""
    scale = 1 / math.sqrt(q.shape[2])
    past = k[:, :begin]
    prototype = (q[:, rows] @ (past[:, 1:].mean(1) - past[:, 0])[:, :, None])[..., 0] * scale
    far = past[:, :begin - WINDOW]
    blocks = far[:, :far.shape[1] // 64 * 64].reshape(k.shape[0], -1, 64, k.shape[2]).mean(2)
    return prototype, (q[:, rows] @ blocks.transpose(1, 2) * scale).logsumexp(2) + math.log(64) - near


def attend(q, k, v, tallies, a, sparse):
    """Output (n, d) of one block; heads' tallies take what is to be known."""
    heads, n, dh = q.shape
    kept, out = torch.empty(heads, 0, dtype=torch.long, device=q.device), torch.empty_like(q)
    for begin in range(0, n, CHUNK):
        end = min(n, begin + CHUNK)
        rows = torch.arange(begin, end, device=q.device)
        s = q[:, rows] @ k[:, :end].transpose(1, 2) / math.sqrt(dh)
        s = s.masked_fill(torch.arange(end, device=q.device)[None, None, :] > rows[None, :, None], -math.inf)
        full = s.softmax(2)
        seen = torch.zeros(heads, end, dtype=torch.bool, device=q.device)
        seen[:, begin:] = True
        seen.scatter_(1, kept, True)
        may = seen[:, None, :]
        out[:, rows] = (s.masked_fill(~may, -math.inf).softmax(2) if sparse else full) @ v[:, :end]
        recall = (full * may).sum(2)
        nearby = torch.zeros(end, dtype=torch.bool, device=q.device)
        nearby[:SINK] = nearby[max(0, begin - WINDOW):] = True
        for h, tally in enumerate(tallies):
            own = end - begin
            tally.pairs += own * kept.shape[1] + own * (own + 1) / 2
            tally.all += own * begin + own * (own + 1) / 2
            if begin >= BELOW:
                tally.recall.append(recall[h])
            if end == n:
                tally.newest.append(recall[h, -1:])
        if begin >= BELOW:
            near = s.masked_fill(~nearby, -math.inf).logsumexp(2)
            scores = far_scores(q, k, rows, begin, near)
            far = (full * ~nearby).sum(2)
            for h, tally in enumerate(tallies):
                tally.far.append(far[h])
                tally.scores.append(torch.stack([x[h] for x in scores]))
        if end < n:
            kept = select(q, k, kept, begin, end, a.p, a.budget)
    return out.transpose(0, 1).reshape(n, -1)


def walk(config, w, items, tallies, a):
    d, heads = config["width"], config["heads"]
    n = len(items)
    x = w["item.embedding"][items]
    ages = torch.arange(n - 1, -1, -1, device=x.device)
    for b in range(config["blocks"]):
        at = lambda name: w[f"block.{b}.{name}"]
        y = F.layer_norm(x, (d,), at("norm1.weight"), at("norm1.bias")) @ at("qkv.weight").T + at("qkv.bias")
        q, k, v = (part.reshape(n, heads, d // heads).transpose(0, 1) for part in y.split(d, 1))
        turned = config.get("turned") or d // heads
        mine = tallies[b * heads:(b + 1) * heads]
        x = x + attend(turn(q, ages, turned), turn(k, ages, turned), v, mine, a, config.get("attention", 0)) @ at("out.weight").T + at("out.bias")
        y = F.layer_norm(x, (d,), at("norm2.weight"), at("norm2.bias")) @ at("up.weight").T + at("up.bias")
        x = x + F.gelu(y, approximate="tanh") @ at("down.weight").T + at("down.bias")
    return F.layer_norm(x, (d,), w["norm.weight"], w["norm.bias"])


def lost(far, score, share):
    active = int(len(far) * share)
    return far[score.argsort(descending=True)[active:]].sum() / len(far)


def ask(users, number, config, w, a):
    """Walks through the users; a tally for each head of each block, and NDCG@10 of every user."""
    tallies, gains = [Tally(a.p) for _ in range(config["blocks"] * config["heads"])], []
    with torch.no_grad():
        for user in users:
            items = torch.tensor([number[i] for i in user[-config["window"]:] if i in number], device=a.device)
            h = walk(config, w, items[:-1], tallies, a)
            last = torch.arange(len(items) * 9 // 10, len(items) - 1, device=a.device)
            score = h[last] @ w["item.embedding"].T
            rank = (score > score.gather(1, items[last + 1][:, None])).sum(1).float()
            gains.append((1 / torch.log2(rank + 2) * (rank < 10)).mean().item())
    return tallies, gains


def percentile(recall):
    return recall.kthvalue(max(1, len(recall) // 20)).values


def print_sweep(users, number, config, w, a, pairs):
    print("| p | budget | density | newest query, each block and head | least | 5th percentile, each | least | NDCG@10 |\n|---|---|---|---|---|---|---|---|")
    for a.p, a.budget in pairs:
        tallies, gains = ask(users, number, config, w, a)
        newest = [torch.cat(t.newest).mean().item() for t in tallies]
        rows = [percentile(torch.cat(t.recall)).item() for t in tallies]
        each = lambda x: ", ".join(f"{v:.3f}" for v in x)
        print(f"| {a.p} | {a.budget} | {sum(t.pairs for t in tallies) / sum(t.all for t in tallies):.3f} | {each(newest)} | {min(newest):.3f} | "
              f"{each(rows)} | {min(rows):.3f} | {sum(gains) / len(gains):.4f} |", flush=True)


def print_heads(users, number, config, w, a):
    tallies, gains = ask(users, number, config, w, a)
    density = sum(t.pairs for t in tallies) / sum(t.all for t in tallies)
    print(f"{len(users)} users of {a.least} events and more, {'sparse' if config.get('attention') else 'dense'} model, p {a.p}, "
          f"budget {a.budget}: density {density:.3f}, NDCG@10 of the last tenth {sum(gains) / len(gains):.4f}")
    print("| block, head | recall of the newest query | of rows, mean | 5th percentile | far mass | correlation, prototype | blocks |")
    print("|---|---|---|---|---|---|---|")
    for i, t in enumerate(tallies):
        recall, far, scores = torch.cat(t.recall), torch.cat(t.far), torch.cat(t.scores, 1)
        t.all_far, t.all_scores = far, scores
        print(f"| {i // config['heads']}, {i % config['heads']} | {torch.cat(t.newest).mean():.4f} | {recall.mean():.4f} | "
              f"{percentile(recall):.4f} | {far.mean():.4f} | {rank_correlation(scores[0], far):.2f} | "
              f"{rank_correlation(scores[1], far):.2f} |")
    print("| share of rows that stay active | attention lost: true | prototype | blocks | random |\n|---|---|---|---|---|")
    for share in (0.75, 0.5, 0.25):
        cells = [sum(lost(t.all_far, score(t), share).item() for t in tallies) / len(tallies)
                 for score in (lambda t: t.all_far, lambda t: t.all_scores[0], lambda t: t.all_scores[1], lambda t: torch.rand_like(t.all_far))]
        print(f"| {share} | " + " | ".join(f"{c:.4f}" for c in cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("file")
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--least", type=int, default=4000)
    parser.add_argument("--p", default="0.95")
    parser.add_argument("--budget", default="1024")
    parser.add_argument("--device", default="cpu")
    a = parser.parse_args()
    config, w = read_model(a.model)
    offsets, text = w["vocabulary.offsets"].tolist(), bytes(w["vocabulary.bytes"].tolist())
    number = {text[offsets[i]:offsets[i + 1]].decode(): i for i in range(len(offsets) - 1)}
    w = {name: x.to(a.device) for name, x in w.items() if x.dtype == torch.float32}
    users = [line.split()[1:] for line in open(a.file)]
    users = [u for u in users if len(u) >= a.least][:a.users]
    pairs = [(float(p), int(budget)) for budget in a.budget.split(",") for p in a.p.split(",")]
    a.p, a.budget = pairs[0]
    if len(pairs) > 1:
        print_sweep(users, number, config, w, a, pairs)
    else:
        print_heads(users, number, config, w, a)


main()
