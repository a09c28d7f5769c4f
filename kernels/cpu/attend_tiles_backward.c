/* attend_backward of long windows and of lists, over the tiles of attend_tiles.c: probabilities come back from lse, the
 * gradients of KEYS keys are completed over all of their queries before the next keys begin. One block of work owns a
 * head of a window, or, where windows share keys, a head of all windows, and so every element that it adds to. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define QUERIES  64
#define KEYS     256
#define CLEARING 1024 /* rows a block */

typedef struct tile {
  const sk_attend_backward_args *a;
  int64_t w, head;
  sk_attend_side queries, keys;
  int64_t *seen;          /* (QUERIES) */
  float *q, *dout, *dq;   /* (QUERIES, dh) each */
  float *k, *v, *dk, *dv; /* (KEYS, dh) each */
  float *shares;          /* (heads, SK_ATTEND_BUCKETS) of the block */
  float *p, *ds, *keep;   /* (QUERIES, KEYS) twice, (KEYS) */
} tile;

static size_t tile_floats(int64_t dh) {
  return (size_t)(2 * QUERIES + 3 * QUERIES * dh + 4 * KEYS * dh + 2 * QUERIES * KEYS + KEYS);
}

static void tile_bind(tile *t, float *local) {
  int64_t dh = t->a->pairs.dh;
  float **const queries[] = {&t->q, &t->dout, &t->dq}, **const keys[] = {&t->k, &t->v, &t->dk, &t->dv};
  t->seen = (int64_t *)local, local += 2 * QUERIES;
  for (size_t i = 0; i < 3; i++) *queries[i] = local, local += QUERIES * dh;
  for (size_t i = 0; i < 4; i++) *keys[i] = local, local += KEYS * dh;
  t->p = local, local += QUERIES * KEYS;
  t->ds = local, local += QUERIES * KEYS;
  t->keep = local;
}

/* In: p = q k, ds = dout v of query `query`. Out: p = the weights that forward used, ds = gradient of q k; 0 for keys
 * that it does not see. */
static void row_gradient(tile *t, int64_t query, int64_t i, int64_t from, int64_t n) {
  const sk_attend_backward_args *a = t->a;
  int64_t dh = a->pairs.dh, row = sk_attend_row(&t->queries, query), at = row * a->pairs.heads + t->head;
  int64_t mine = t->seen[i] - from < n ? t->seen[i] - from : n;
  float *p = t->p + i * KEYS, *ds = t->ds + i * KEYS, *keep = t->keep;
  int64_t position = sk_attend_position(&t->queries, query), origin = sk_attend_origin(&a->pairs, t->w);
  if (mine < 0) mine = 0;
  if (a->bias) SK_CPU(attend_bias_keys)(a->bias, &a->pairs, t->head, position, &t->keys, from, mine, p);
  float scale = 1.0f / sqrtf((float)dh), lse = a->lse[at], mean = sk_dot(a->dout + at * dh, a->out + at * dh, dh);
  if (a->p > 0.0f) {
    SK_CPU(attend_keep_keys)
    (&(sk_attend_mask){a->p, a->seed}, sk_attend_index(&a->pairs, a->span, origin, t->head, position), &t->keys, from,
     mine, keep);
  } else {
    for (int64_t j = 0; j < mine; j++) keep[j] = 1.0f;
  }
  sk_attend_gradient(mine, scale, lse, mean, keep, p, ds);
  for (int64_t j = 0; a->bias && j < mine; j++) {
    int64_t distance = position - sk_attend_position(&t->keys, from + j);
    t->shares[t->head * SK_ATTEND_BUCKETS + sk_attend_bucket((int32_t)distance)] += sqrtf((float)dh) * ds[j];
  }
  for (int64_t j = mine; j < n; j++) p[j] = ds[j] = 0.0f;
}

static void scatter(const sk_attend_side *side, int64_t from, int64_t n, const float *x, int64_t dh, float *to,
                    int64_t stride) {
  for (int64_t i = 0; i < n; i++) sk_axpy(1.0f, x + i * dh, to + sk_attend_row(side, from + i) * stride, dh);
}

/* Queries first .. first + m - 1 and keys from .. from + n - 1. */
static void meet(tile *t, int64_t first, int64_t m, int64_t from, int64_t n) {
  const sk_attend_backward_args *a = t->a;
  int64_t dh = a->pairs.dh, column = t->head * dh, width = (int64_t)a->pairs.heads * dh;
  SK_CPU(attend_seen)(&t->queries, first, m, &t->keys, t->seen);
  if (t->seen[m - 1] <= from) return;
  SK_CPU(attend_gather)(&t->queries, first, m, a->q + column, a->q_stride, dh, t->q);
  SK_CPU(attend_gather)(&t->queries, first, m, a->dout + column, width, dh, t->dout);
  sk_gemm_nt(m, n, dh, t->q, dh, t->k, dh, 0.0f, t->p, KEYS);
  sk_gemm_nt(m, n, dh, t->dout, dh, t->v, dh, 0.0f, t->ds, KEYS);
  for (int64_t i = 0; i < m; i++) row_gradient(t, first + i, i, from, n);
  sk_gemm_nn(m, dh, n, t->ds, KEYS, t->k, dh, 0.0f, t->dq, dh);
  sk_gemm_tn(n, dh, m, t->ds, KEYS, t->q, dh, 1.0f, t->dk, dh);
  sk_gemm_tn(n, dh, m, t->p, KEYS, t->dout, dh, 1.0f, t->dv, dh);
  scatter(&t->queries, first, m, t->dq, dh, a->dq + column, a->dq_stride);
}

static void head_of_window(const sk_attend_backward_args *a, int64_t w, int64_t head, void *local, float *shares) {
  int64_t dh = a->pairs.dh, column = head * dh;
  tile t = {.a = a, .w = w, .head = head, .shares = shares};
  t.queries = sk_attend_side_of_queries(&a->pairs, w, head);
  t.keys = sk_attend_side_of_keys(&a->pairs, w, head);
  tile_bind(&t, local);
  for (int64_t from = 0; from < t.keys.n; from += KEYS) {
    int64_t n = t.keys.n - from < KEYS ? t.keys.n - from : KEYS;
    SK_CPU(attend_gather)(&t.keys, from, n, a->k + column, a->kv_stride, dh, t.k);
    SK_CPU(attend_gather)(&t.keys, from, n, a->v + column, a->kv_stride, dh, t.v);
    memset(t.dk, 0, sizeof(float) * (size_t)(n * dh));
    memset(t.dv, 0, sizeof(float) * (size_t)(n * dh));
    for (int64_t first = 0; first < t.queries.n; first += QUERIES)
      meet(&t, first, t.queries.n - first < QUERIES ? t.queries.n - first : QUERIES, from, n);
    scatter(&t.keys, from, n, t.dk, dh, a->dk + column, a->dkv_stride);
    scatter(&t.keys, from, n, t.dv, dh, a->dv + column, a->dkv_stride);
  }
}

typedef struct backward_call {
  const sk_attend_backward_args *a;
  float *shares; /* (blocks, heads, SK_ATTEND_BUCKETS) */
} backward_call;

static float *shares_of(const backward_call *call, int64_t block) {
  size_t bytes = sk_attend_shares(call->a, 1);
  if (bytes == 0) return NULL;
  return memset(call->shares + (size_t)block * bytes / sizeof(float), 0, bytes);
}

static void window_block(const void *arg, int64_t block, void *local) {
  const backward_call *call = arg;
  int64_t heads = call->a->pairs.heads;
  head_of_window(call->a, block / heads, block % heads, local, shares_of(call, block));
}

static void head_block(const void *arg, int64_t head, void *local) {
  const backward_call *call = arg;
  float *shares = shares_of(call, head);
  for (int64_t w = 0; w < call->a->pairs.windows; w++) head_of_window(call->a, w, head, local, shares);
}

static void clear_block(const void *arg, int64_t block, void *local) {
  const sk_attend_backward_args *a = arg;
  size_t bytes = sizeof(float) * (size_t)(a->pairs.heads * a->pairs.dh);
  int64_t rows = a->pairs.q_rows > a->pairs.kv_rows ? a->pairs.q_rows : a->pairs.kv_rows;
  (void)local;
  for (int64_t row = block * CLEARING; row < sk_cpu_block_end(rows, CLEARING, block); row++) {
    if (row < a->pairs.q_rows) memset(a->dq + row * a->dq_stride, 0, bytes);
    if (row >= a->pairs.kv_rows) continue;
    memset(a->dk + row * a->dkv_stride, 0, bytes);
    memset(a->dv + row * a->dkv_stride, 0, bytes);
  }
}

solid_status SK_CPU(attend_tiles_backward)(sk_backend *be, const sk_attend_backward_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  int64_t rows = p->q_rows > p->kv_rows ? p->q_rows : p->kv_rows;
  int64_t blocks = p->kv_offsets ? (int64_t)p->windows * p->heads : p->heads;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * tile_floats(p->dh), sk_attend_shares(a, blocks));
  if (status != SOLID_OK) return status;
  if (!a->accumulate) sk_cpu_parallel(be, sk_cpu_blocks(rows, CLEARING), clear_block, a);
  backward_call call = {a, sk_cpu_shared(be)};
  sk_cpu_parallel(be, blocks, p->kv_offsets ? window_block : head_block, &call);
  SK_CPU(attend_add_shares)(a, call.shares, blocks);
  return SOLID_OK;
}
