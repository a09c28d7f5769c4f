/* attend of long windows and of lists: QUERIES queries of one window and head meet KEYS keys at a time, gathered side
 * by side; the softmax is kept online (Milakov, Gimelshein 2018), so that scratch does not grow with the window. Keys
 * are sorted by position, so that a query sees the first so many of them: keys that all queries of a tile see go to
 * BLAS, those on the boundary are done pair by pair, and no row ever meets a key that it may not read. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include "kernels/philox.h"
#include <string.h>

#define QUERIES  64
#define KEYS     256
#define CLEARING 1024 /* rows a block */

void SK_CPU(attend_seen)(const sk_attend_side *queries, int64_t from, int64_t n, const sk_attend_side *keys,
                         int64_t *seen) {
  int64_t low = 0, high = keys->n;
  for (int64_t i = 0; i < n; i++) {
    int64_t position = sk_attend_position(queries, from + i);
    if (i == 0) {
      while (low < high) { /* keys before `low` are seen, those from `high` on are not */
        int64_t middle = (low + high) / 2;
        if (sk_attend_position(keys, middle) <= position)
          low = middle + 1;
        else
          high = middle;
      }
    }
    while (low < keys->n && sk_attend_position(keys, low) <= position) low++;
    seen[i] = low;
  }
}

void SK_CPU(attend_gather)(const sk_attend_side *side, int64_t from, int64_t n, const float *x, int64_t stride,
                           int64_t dh, float *out) {
  for (int64_t i = 0; i < n; i++)
    memcpy(out + i * dh, x + sk_attend_row(side, from + i) * stride, sizeof(float) * (size_t)dh);
}

void SK_CPU(attend_keep_keys)(const sk_attend_mask *mask, uint64_t index, const sk_attend_side *keys, int64_t from,
                              int64_t n, float *keep) {
  if (!keys->rows && !keys->positions && n > 0) {
    SK_CPU(attend_keep)(mask, index + (uint64_t)sk_attend_position(keys, from), n, keep);
    return;
  }
  float kept = 1.0f / (1.0f - mask->p);
  for (int64_t j = 0; j < n; j++)
    keep[j] = sk_uniform(mask->seed, index + (uint64_t)sk_attend_position(keys, from + j)) >= mask->p ? kept : 0.0f;
}

void SK_CPU(attend_bias_keys)(const float *bias, const sk_attend_pairs *p, int64_t head, int64_t position,
                              const sk_attend_side *keys, int64_t from, int64_t n, float *s) {
  float wide = sqrtf((float)p->dh);
  for (int64_t j = 0; j < n; j++) {
    int64_t distance = position - sk_attend_position(keys, from + j);
    s[j] += wide * bias[head * SK_ATTEND_BUCKETS + sk_attend_bucket((int32_t)distance)];
  }
}

/* The buffers of a tile of queries, in the thread's scratch. */
typedef struct tile {
  const sk_attend_args *a;
  int64_t w, head, n; /* queries */
  sk_attend_side queries, keys;
  int64_t *seen;                    /* (QUERIES) */
  float *q, *sum, *top, *total;     /* (QUERIES, dh) twice; (QUERIES) twice */
  float *k, *v, *s, *keep, *factor; /* (KEYS, dh) twice, (QUERIES, KEYS), (KEYS), (QUERIES) */
} tile;

static size_t tile_floats(int64_t dh) {
  return (size_t)(2 * QUERIES * dh + 5 * QUERIES + 2 * KEYS * dh + QUERIES * KEYS + KEYS);
}

static void tile_bind(tile *t, float *local) {
  int64_t dh = t->a->pairs.dh;
  t->seen = (int64_t *)local, local += 2 * QUERIES;
  t->q = local, local += QUERIES * dh;
  t->sum = local, local += QUERIES * dh;
  t->top = local, local += QUERIES;
  t->total = local, local += QUERIES;
  t->factor = local, local += QUERIES;
  t->k = local, local += KEYS * dh;
  t->v = local, local += KEYS * dh;
  t->s = local, local += QUERIES * KEYS;
  t->keep = local;
}

/* Scores of `n` keys -> weights of row i relative to its new maximum; the sums so far are rescaled to it. */
static void soften(tile *t, int64_t i, int64_t from, int64_t first, int64_t n) {
  const sk_attend_args *a = t->a;
  int64_t dh = a->pairs.dh;
  float *s = t->s + i * KEYS, *sum = t->sum + i * dh;
  int64_t position = sk_attend_position(&t->queries, first + i), origin = sk_attend_origin(&a->pairs, t->w);
  if (a->bias) SK_CPU(attend_bias_keys)(a->bias, &a->pairs, t->head, position, &t->keys, from, n, s);
  float scale = 1.0f / sqrtf((float)dh), before = t->top[i], top = sk_max(s, n) * scale, part = 0.0f;
  top = top > before ? top : before;
  float shrink = before == -INFINITY ? 0.0f : sk_exp(before - top);
#pragma omp simd reduction(+ : part)
  for (int64_t j = 0; j < n; j++) {
    float y = sk_exp(s[j] * scale - top);
    s[j] = y;
    part += y;
  }
  t->top[i] = top;
  t->total[i] = t->total[i] * shrink + part;
  for (int64_t c = 0; c < dh; c++) sum[c] *= shrink;
  if (a->p == 0.0f) return;
  SK_CPU(attend_keep_keys)
  (&(sk_attend_mask){a->p, a->seed}, sk_attend_index(&a->pairs, a->span, origin, t->head, position), &t->keys, from, n,
   t->keep);
  for (int64_t j = 0; j < n; j++) s[j] *= t->keep[j];
}

/* Takes keys from .. from + n - 1 into queries first .. first + t->n - 1. */
static void meet(tile *t, int64_t first, int64_t from, int64_t n) {
  int64_t dh = t->a->pairs.dh;
  int whole = t->n > 1 && t->seen[0] >= from + n;
  SK_CPU(attend_gather)(&t->keys, from, n, t->a->k + t->head * dh, t->a->kv_stride, dh, t->k);
  SK_CPU(attend_gather)(&t->keys, from, n, t->a->v + t->head * dh, t->a->kv_stride, dh, t->v);
  if (whole) sk_gemm_nt(t->n, n, dh, t->q, dh, t->k, dh, 0.0f, t->s, KEYS);
  for (int64_t i = 0; i < t->n; i++) {
    int64_t mine = t->seen[i] - from < n ? t->seen[i] - from : n;
    if (mine <= 0) continue;
    if (!whole) SK_CPU(attend_scores)(t->q + i * dh, t->k, dh, mine, dh, t->s + i * KEYS);
    soften(t, i, from, first, mine);
    if (!whole) SK_CPU(attend_mix)(t->s + i * KEYS, t->v, dh, mine, dh, t->sum + i * dh);
  }
  if (whole) sk_gemm_nn(t->n, dh, n, t->s, KEYS, t->v, dh, 1.0f, t->sum, dh);
}

/* Writes row i of the tile to its place, joined with the result that is there if a->join says so. */
static void finish(const tile *t, int64_t first, int64_t i) {
  const sk_attend_args *a = t->a;
  int64_t dh = a->pairs.dh, row = sk_attend_row(&t->queries, first + i), heads = a->pairs.heads;
  float *out = a->out + (row * heads + t->head) * dh, *lse = a->lse ? a->lse + row * heads + t->head : NULL;
  const float *sum = t->sum + i * dh;
  float mine = t->seen[i] > 0 ? t->top[i] + logf(t->total[i]) : -INFINITY, share = 1.0f / t->total[i], rest = 0.0f;
  if (a->join) {
    float there = *lse, top = there > mine ? there : mine;
    if (mine == -INFINITY) return;
    float both = top + logf(expf(there - top) + expf(mine - top));
    rest = there == -INFINITY ? 0.0f : expf(there - both);
    share *= expf(mine - both);
    mine = both;
  }
  for (int64_t c = 0; c < dh; c++) {
    float y = mine == -INFINITY ? 0.0f : sum[c] * share;
    out[c] = rest > 0.0f ? rest * out[c] + y : y;
  }
  if (lse) *lse = mine;
}

static int64_t tiles_of(const sk_attend_pairs *p) {
  return sk_cpu_blocks(p->max_queries, QUERIES);
}

static void tile_block(const void *arg, int64_t block, void *local) {
  const sk_attend_args *a = arg;
  int64_t tiles = tiles_of(&a->pairs), dh = a->pairs.dh, first = block % tiles * QUERIES, at = block / tiles;
  tile t = {.a = a, .head = at % a->pairs.heads, .w = at / a->pairs.heads};
  t.queries = sk_attend_side_of_queries(&a->pairs, t.w, t.head);
  if (first >= t.queries.n) return;
  t.keys = sk_attend_side_of_keys(&a->pairs, t.w, t.head);
  t.n = t.queries.n - first < QUERIES ? t.queries.n - first : QUERIES;
  tile_bind(&t, local);
  SK_CPU(attend_seen)(&t.queries, first, t.n, &t.keys, t.seen);
  SK_CPU(attend_gather)(&t.queries, first, t.n, a->q + t.head * dh, a->q_stride, dh, t.q);
  memset(t.sum, 0, sizeof(float) * (size_t)(t.n * dh));
  for (int64_t i = 0; i < t.n; i++) t.top[i] = -INFINITY, t.total[i] = 0.0f;
  int64_t all = t.seen[0], end = t.seen[t.n - 1], n; /* the first keys are seen by all queries */
  for (int64_t from = 0; from < end; from += n) {
    int64_t to = from < all ? all : end;
    n = to - from < KEYS ? to - from : KEYS;
    meet(&t, first, from, n);
  }
  for (int64_t i = 0; i < t.n; i++) finish(&t, first, i);
}

/* Queries that are in no list. */
static void clear_block(const void *arg, int64_t block, void *local) {
  const sk_attend_args *a = arg;
  int64_t heads = a->pairs.heads, end = sk_cpu_block_end(a->pairs.q_rows, CLEARING, block);
  (void)local;
  for (int64_t at = block * CLEARING * heads; at < end * heads; at++) {
    memset(a->out + at * a->pairs.dh, 0, sizeof(float) * (size_t)a->pairs.dh);
    if (a->lse) a->lse[at] = -INFINITY;
  }
}

solid_status SK_CPU(attend_tiles)(sk_backend *be, const sk_attend_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * tile_floats(p->dh), 0);
  if (status != SOLID_OK) return status;
  if (p->active.rows && !a->join) sk_cpu_parallel(be, sk_cpu_blocks(p->q_rows, CLEARING), clear_block, a);
  sk_cpu_parallel(be, (int64_t)p->windows * p->heads * tiles_of(p), tile_block, a);
  return SOLID_OK;
}
