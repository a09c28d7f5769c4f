/* xent: softmax cross-entropy of each row against the whole catalogue, with its gradients, in tiles: the (n, items)
 * matrix of logits never exists as a whole.
 *
 *   s_v = u . e_v     lse = log sum_v exp(s_v + o_v)     u (n, d)   e (items, d)   o (items)   target (n) int32
 *   loss = lse - (1 - eps) s_target - eps / whole * sum_v exp(o_v) s_v            eps = label smoothing
 *   g_v = weight * (exp(s_v + o_v - lse) - (1 - eps) [v = target] - eps exp(o_v) / whole)
 *   du = sum_v g_v e_v  (overwritten)      de_v += sum_rows g_v u
 *
 * Without offsets o = 0 and whole = items. With them e is a part of a catalogue of `whole` items of which item v was
 * drawn with probability exp(-o_v), for certain where it is a target: then the sum of exp(s + o) has the catalogue's
 * sum of exp(s) as its mean, and smoothing's term the catalogue's.
 *
 *   loss (n). A row with target < 0 has loss 0 and no gradient. du and de may both be NULL: loss only. */
#ifndef SK_XENT_H
#define SK_XENT_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_xent_args {
  int32_t n, d, items;
  const float *u, *e;
  const float *offset; /* (items), or NULL */
  int32_t whole;       /* with offset */
  const int32_t *target;
  float smoothing, weight;
  float *loss, *du, *de;
} sk_xent_args;

/* CUDA's tile of logits: rows and items at a time, floats from row to row; bytes of all of it: the logits, then the
 * rows of u, then from `state` on the running state of each row (16 bytes). */
typedef struct sk_xent_tile {
  int32_t rows, items, stride;
  uint64_t users, state, bytes;
} sk_xent_tile;

static inline sk_xent_tile sk_xent_tile_of(const sk_xent_args *a) {
  sk_xent_tile tile;
  uint64_t items = sk_most((uint64_t)a->items, 1), rows = sk_most(SK_TILE_FLOATS / items, 256);
  rows = sk_least(sk_least(rows, (uint64_t)a->n), 65535);
  if (rows && SK_TILE_FLOATS / rows < items) items = SK_TILE_FLOATS / rows / 4 * 4;
  tile.rows = (int32_t)rows, tile.items = (int32_t)items, tile.stride = (int32_t)sk_whole(items, 4);
  tile.users = rows * (uint64_t)tile.stride * sizeof(float);
  tile.state = sk_whole(tile.users + rows * (uint64_t)a->d * sizeof(float), 16);
  tile.bytes = tile.state + 16 * rows;
  return tile;
}

/* With offsets, whose number of items changes from step to step, as much as any number up to this one takes. */
static inline uint64_t sk_xent_scratch(const sk_xent_args *a) {
  uint64_t rows = sk_least((uint64_t)a->n, 65535), logits = rows * sk_whole((uint64_t)a->items, 4);
  if (!a->offset) return sk_xent_tile_of(a).bytes;
  return sk_least(logits, SK_TILE_FLOATS + 4 * rows) * sizeof(float) + rows * (sizeof(float) * (uint64_t)a->d + 16) +
         16;
}

#endif
