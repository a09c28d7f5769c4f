/* attend: causal multi-head attention of packed queries over packed keys; no padding exists, so none is computed.
 *
 *   For query i of window w and head h, over the keys j of the same window and head that stand no later than it:
 *     s_ij = q_ih . k_jh / sqrt(dh) + bias_h,bucket(i, j)
 *     out_ih = sum_j drop(softmax_j(s_ij)) v_jh          lse_ih = log sum_j exp s_ij
 *   A query that sees no key has out = 0 and lse = -INFINITY.
 *
 * Who reads whom (sk_attend_pairs). Window w holds rows q_offsets[w] .. q_offsets[w+1]-1 of q and rows kv_offsets[w] ..
 *   kv_offsets[w+1]-1 of k and v, oldest first. q_offsets NULL: they are kv_offsets, every row asks and is asked.
 *   q_rows and kv_rows are the last offsets, told apart so that the host need not read them; they may be more: what
 *   comes out for rows behind the last window is undefined. max_queries and max_keys bound what one window has of
 *   either (with lists: what one list has). One query per window is max_queries = 1; it needs no flag.
 *
 *   Positions: NULL: key j of a window stands at j, and its queries are the newest: query i of m stands at n - m + i,
 *   where n counts the window's keys (so below 0 where m > n). Else both are given, ascending within a window:
 *   q_positions (q_rows), kv_positions (kv_rows) or, with kv_position_stride > 0, that many apart for every head.
 *
 *   Lists of active queries and kept keys, for every head (sk_attend_list): queries that are in no list have
 *   out = 0, lse = -INFINITY and dq = 0; keys that are in none have dk = dv = 0. With a list of keys kv_offsets may be
 *   NULL: then a row may be in the lists of several windows that follow one another (the chunks of one history), no
 *   list is empty or ends before the one before it, q_offsets must be there, and where positions are NULL a row's
 * number is its position, of q as of k.
 *
 * bias (heads, SK_ATTEND_BUCKETS), NULL for none: by how far apart query and key stand, sk_attend_bucket(x - y). One
 *   bucket each below 16, then four for every doubling.
 *
 * p, seed: dropout of the probabilities. The pair of query position x and key position y has index
 *   ((origin + x) * heads + h) * span + y in the stream of kernels/dropout.h, in 64 bits. origin = kv_offsets[w], or 0
 *   where that is NULL; span > every y, 0: max_keys.
 *
 * precision: SK_ATTEND_FP32, or SK_ATTEND_BF16: q, k, v, dout, the probabilities and their gradients are rounded to
 *   BF16, products run on tensor cores, sums and softmax are FP32. A NaN or infinity in a value may then reach the 128
 *   queries of its window before it, and nothing else that may not read it. On CUDA that needs dh <= 128, no bias and a
 *   card of sm_80 or later, FP32 dh <= 256, else EUNSUPPORTED. The CPU computes in FP32 and does not look at it.
 *
 * join = 1: out and lse hold the result over other keys, and become that over those and these. lse may be NULL else.
 *
 *   q, k, v: row r of head h starts at ptr + r * stride + h * dh      (so one (rows, 3d) product serves all three)
 *   out (q_rows, heads * dh)      lse (q_rows, heads)
 *
 * attend_backward: from dout, lse, out, and the lists of the forward pass:
 *   D_i = dout_i . out_i, dout rounded as in dp;  dp = dout_i . v_j (through the dropout mask)
 *   ds = p (dp - D_i), p = exp(s - lse)
 * dq, dk, dv are overwritten, or added to with accumulate = 1, and laid out with stride dstride as q, k, v are; dbias,
 * where there is a bias, is added to. Parts that were joined have their gradients one by one, with the joint out and
 * lse.
 *
 * Every float has one writer and one order of summation, on CUDA too. */
#ifndef SK_ATTEND_H
#define SK_ATTEND_H

#include "kernels/scratch.h"
#include <stdint.h>

/* That of head h and window w: rows[h * stride + begin[w] + i], i < count[h * windows + w]; ascending, each once. */
typedef struct sk_attend_list {
  const int32_t *rows;  /* of q or k; NULL: every row of the window is in it */
  const int32_t *begin; /* (windows + 1), ascending: begin[w] + count <= begin[w + 1] <= stride; NULL: the offsets */
  const int32_t *count; /* (heads, windows) */
  int32_t stride;
} sk_attend_list;

typedef struct sk_attend_pairs {
  int32_t windows, heads, dh;
  int32_t q_rows, kv_rows, max_queries, max_keys;
  const int32_t *q_offsets, *kv_offsets;     /* (windows + 1) */
  const int32_t *q_positions, *kv_positions; /* below 2^31 - 1 */
  int32_t kv_position_stride;
  sk_attend_list active, kept;
} sk_attend_pairs;

enum { SK_ATTEND_FP32 = 0, SK_ATTEND_BF16 = 1 };

#define SK_ATTEND_BUCKETS 96

#ifdef __CUDACC__
#define SK_ATTEND_FN static __host__ __device__ inline
#else
#define SK_ATTEND_FN static inline
#endif

SK_ATTEND_FN int32_t sk_attend_bucket(int32_t distance) {
  int32_t power = 4;
  if (distance < 16) return distance > 0 ? distance : 0;
  while (power < 23 && distance >> power > 1) power++; /* 2^power <= distance */
  int32_t part = distance >> (power - 2) & 3;
  return distance >> 24 ? SK_ATTEND_BUCKETS - 1 : 16 + 4 * (power - 4) + part;
}

typedef struct sk_attend_args {
  sk_attend_pairs pairs;
  const float *q, *k, *v;
  int32_t q_stride, kv_stride;
  float p;
  uint64_t seed;
  int64_t span;
  const float *bias;
  int32_t precision, join;
  float *out, *lse;
} sk_attend_args;

typedef struct sk_attend_backward_args {
  sk_attend_pairs pairs;
  const float *q, *k, *v;
  int32_t q_stride, kv_stride;
  float p;
  uint64_t seed;
  int64_t span;
  const float *bias;
  int32_t precision, accumulate;
  const float *out, *lse, *dout;
  float *dq, *dk, *dv;
  int32_t dq_stride, dkv_stride;
  float *dbias;
} sk_attend_backward_args;

/* Entries of one head: the size that kernels which gather lists work with. */
static inline int64_t sk_attend_queries(const sk_attend_pairs *p) {
  return p->active.rows ? p->active.stride : p->q_rows;
}
static inline int64_t sk_attend_keys(const sk_attend_pairs *p) {
  return p->kept.rows ? p->kept.stride : p->kv_rows;
}

/* 1 if there are only windows: no lists and no given positions. */
static inline int sk_attend_is_plain(const sk_attend_pairs *p) {
  return !p->active.rows && !p->kept.rows && !p->q_positions;
}

/* A head's width on tensor cores. */
static inline int32_t sk_attend_padded(int32_t dh) {
  return dh <= 16 ? 16 : dh <= 32 ? 32 : dh <= 64 ? 64 : dh <= 128 ? 128 : dh;
}

/* Entries side by side, FP32 or BF16: for a query its row, position, span and values, backward also dout, lse and
 * dout . out; for a key the same with two values, and its gradients where windows share it. Each of the arrays begins
 * at a multiple of 16 bytes. */
static inline uint64_t sk_attend_gathered(const sk_attend_pairs *p, int32_t precision, int32_t backward) {
  uint64_t dh = (uint64_t)p->dh, heads = (uint64_t)p->heads, bf16 = precision == SK_ATTEND_BF16;
  uint64_t value = bf16 ? 2 * (uint64_t)sk_attend_padded(p->dh) : 4 * dh;
  uint64_t query = 16 + (backward ? 2 * value + 8 : value), key = 16 + 2 * value;
  if (backward && !p->kv_offsets) key += 8 * dh;
  return sk_whole(heads * ((uint64_t)sk_attend_queries(p) * query + (uint64_t)sk_attend_keys(p) * key), 16) + 16 * 16;
}

static inline uint64_t sk_attend_scratch(const sk_attend_args *a) {
  int in_place = a->precision == SK_ATTEND_FP32 && sk_attend_is_plain(&a->pairs);
  return in_place ? 0 : sk_attend_gathered(&a->pairs, a->precision, 0);
}

/* Lanes that share a row in FP32. */
static inline int32_t sk_attend_lanes(int32_t dh) {
  return dh <= 16 ? 1 : dh <= 32 ? 2 : dh <= 64 ? 4 : dh <= 128 ? 8 : 16;
}

/* Floats of what every block of 128 lanes of queries adds to dbias. */
static inline uint64_t sk_attend_bias_parts(const sk_attend_backward_args *a) {
  uint64_t queries = (uint64_t)sk_attend_queries(&a->pairs), rows = 128 / (uint64_t)sk_attend_lanes(a->pairs.dh);
  return a->bias ? sk_pieces(queries, rows) * (uint64_t)a->pairs.heads * SK_ATTEND_BUCKETS : 0;
}

/* In place: a float a row and head, dout . out. */
static inline uint64_t sk_attend_backward_scratch(const sk_attend_backward_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  int in_place = a->precision == SK_ATTEND_FP32 && sk_attend_is_plain(p);
  uint64_t rows = in_place ? 4 * (uint64_t)p->q_rows * (uint64_t)p->heads : sk_attend_gathered(p, a->precision, 1);
  return rows + 4 * sk_attend_bias_parts(a);
}

#endif
