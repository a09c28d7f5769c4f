/* attend_ranges: multi-head attention where every window asks the same questions: which keys a query reads is said once
 * for all windows, as ranges. For grids, whose order is the same for everybody.
 *
 *   Query i of window w stands at row i * windows + w, key j likewise: what belongs to one i or j is one stretch, so
 *   that a step of a grid writes one stretch of a cache.
 *     s_ij = q_iwh . k_jwh / sqrt(dh)    over the keys j in ranges offsets[i] .. offsets[i + 1] - 1
 *     out_iwh = sum_j softmax_j(s_ij) v_jwh
 *
 *   q, k, v: row r of head h starts at ptr + r * stride + h * dh
 *   offsets (queries + 1), rising, their first need not be 0     ranges: pairs {begin, end}, apart and in rising order
 *   keys: no range ends beyond it                                out (queries, windows, heads * dh)
 *   lse (queries, windows, heads): log sum exp of s, saved for the backward pass; may be NULL
 *   A query without keys has out 0 and lse -INFINITY. A key that no query reads is never read.
 *   On CUDA dh > 256 is EUNSUPPORTED
 *
 * attend_ranges_backward: from dout, lse, out, with D_i = dout_i . out_i:
 *   dp = dout_i . v_j;  ds = p (dp - D_i);  dq, dk, dv overwritten, laid out with stride dstride as q, k, v are.
 *   A key that nobody reads has gradient 0. */
#ifndef SK_ATTEND_RANGES_H
#define SK_ATTEND_RANGES_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_attend_ranges_args {
  int32_t windows, queries, keys, heads, dh;
  const int32_t *offsets, *ranges;
  const float *q, *k, *v;
  int32_t q_stride, kv_stride;
  float *out, *lse;
} sk_attend_ranges_args;

typedef struct sk_attend_ranges_backward_args {
  int32_t windows, queries, keys, heads, dh;
  const int32_t *offsets, *ranges;
  const float *q, *k, *v;
  int32_t q_stride, kv_stride;
  const float *out, *lse, *dout;
  float *dq, *dk, *dv;
  int32_t dq_stride, dkv_stride;
} sk_attend_ranges_backward_args;

/* CUDA shares long lists of keys of few queries among blocks: so many, each of SK_RANGES_KEYS keys and more, until
 * there are blocks enough. */
enum { SK_RANGES_BLOCKS = 264, SK_RANGES_TILES = 4 * SK_RANGES_BLOCKS, SK_RANGES_KEYS = 256 };

static inline int32_t sk_attend_ranges_shares(const sk_attend_ranges_args *a) {
  uint64_t pairs = sk_most((uint64_t)a->queries * (uint64_t)a->windows * (uint64_t)a->heads, 1);
  uint64_t wanted = (a->queries > 1 ? SK_RANGES_TILES : SK_RANGES_BLOCKS) / pairs; /* a tile is of four queries */
  return (int32_t)sk_most(sk_least(wanted, (uint64_t)a->keys / SK_RANGES_KEYS), 1);
}

/* What each share has of a query and head; blocks are bounded, and so is this. */
static inline uint64_t sk_attend_ranges_scratch(const sk_attend_ranges_args *a) {
  return sk_attend_ranges_shares(a) > 1 ? 4 * SK_RANGES_TILES * ((uint64_t)a->dh + 2) : 0;
}

SK_NO_SCRATCH(attend_ranges_backward)

#endif
