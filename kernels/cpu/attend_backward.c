/* attend_backward of short windows, over the tiles of attend.c: probabilities come back from lse, products go to BLAS
 * before the diagonal and pair by pair on it. One block of work owns all rows of its windows, and so every element of
 * dq, dk and dv. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define QUERIES           16
#define WINDOWS_PER_BLOCK 4

/* One head of one window; k, v, dk and dv stand at its first key, q, out, dout and dq at its first query that has one.
 */
typedef struct head_view {
  const sk_attend_backward_args *a;
  int64_t origin, head;
  int64_t query, skip; /* the first query: its row in q and lse, its place in the window */
  const float *q, *k, *v, *out, *dout;
  float *dq, *dk, *dv;
  float *p, *ds, *keep; /* scratch: (QUERIES, max_keys) twice, (max_keys) */
  float *line, *dline;  /* (max_keys) by distance: the bias of attend_line, its gradient */
} head_view;

/* In: p = q k, ds = dout v. Out: p = the weights that forward used, ds = gradient of q k. */
static void row_gradient(const head_view *view, int64_t place, float *p, float *ds) {
  const sk_attend_backward_args *a = view->a;
  int64_t n = place + 1, dh = a->pairs.dh, heads = a->pairs.heads, width = heads * dh, at = place - view->skip;
  float scale = 1.0f / sqrtf((float)dh), lse = a->lse[(view->query + at) * heads + view->head];
  float mean = sk_dot(view->dout + at * width, view->out + at * width, dh);
  float *keep = view->keep;
  for (int64_t j = 0; a->bias && j < n; j++) p[j] += view->line[place - j];
  if (a->p > 0.0f) {
    sk_attend_mask mask = {a->p, a->seed};
    SK_CPU(attend_keep)(&mask, sk_attend_index(&a->pairs, a->span, view->origin, view->head, place), n, keep);
  } else {
    for (int64_t j = 0; j < n; j++) keep[j] = 1.0f;
  }
  sk_attend_gradient(n, scale, lse, mean, keep, p, ds);
  for (int64_t j = 0; a->bias && j < n; j++) view->dline[place - j] += ds[j];
}

/* The triangle: pairs (from + i, before + j) of the tile's own rows. */
static void spread_triangle(const head_view *view, int64_t from, int64_t queries, int64_t before) {
  const sk_attend_backward_args *a = view->a;
  int64_t dh = a->pairs.dh, width = (int64_t)a->pairs.heads * dh, ld = a->pairs.max_keys;
  for (int64_t i = 0; i < queries; i++) {
    int64_t place = from + i, at = place - view->skip;
    const float *p = view->p + i * ld, *ds = view->ds + i * ld;
    const float *q = view->q + at * a->q_stride, *dout = view->dout + at * width;
    SK_CPU(attend_mix)
    (ds + before, view->k + before * a->kv_stride, a->kv_stride, place + 1 - before, dh, view->dq + at * a->dq_stride);
    for (int64_t j = before; j <= place; j++) {
      sk_axpy(ds[j], q, view->dk + j * a->dkv_stride, dh);
      sk_axpy(p[j], dout, view->dv + j * a->dkv_stride, dh);
    }
  }
}

static void backward_tile(const head_view *view, int64_t from, int64_t queries) {
  const sk_attend_backward_args *a = view->a;
  int64_t dh = a->pairs.dh, width = (int64_t)a->pairs.heads * dh, ld = a->pairs.max_keys, kv = a->kv_stride;
  int64_t before = queries > 1 ? from : 0;
  int64_t at = from - view->skip;
  const float *q = view->q + at * a->q_stride, *dout = view->dout + at * width;
  float *dq = view->dq + at * a->dq_stride;
  if (before > 0) {
    sk_gemm_nt(queries, before, dh, q, a->q_stride, view->k, kv, 0.0f, view->p, ld);
    sk_gemm_nt(queries, before, dh, dout, width, view->v, kv, 0.0f, view->ds, ld);
  }
  for (int64_t i = 0; i < queries; i++) {
    float *p = view->p + i * ld, *ds = view->ds + i * ld;
    int64_t keys = from + i + 1 - before;
    SK_CPU(attend_scores)(q + i * a->q_stride, view->k + before * kv, kv, keys, dh, p + before);
    SK_CPU(attend_scores)(dout + i * width, view->v + before * kv, kv, keys, dh, ds + before);
    row_gradient(view, from + i, p, ds);
    memset(dq + i * a->dq_stride, 0, sizeof(float) * (size_t)dh);
  }
  if (before > 0) {
    sk_gemm_nn(queries, dh, before, view->ds, ld, view->k, kv, 0.0f, dq, a->dq_stride);
    sk_gemm_tn(before, dh, queries, view->ds, ld, q, a->q_stride, 1.0f, view->dk, a->dkv_stride);
    sk_gemm_tn(before, dh, queries, view->p, ld, dout, width, 1.0f, view->dv, a->dkv_stride);
  }
  spread_triangle(view, from, queries, before);
}

/* Shares (heads, SK_ATTEND_BUCKETS) of the block += dline, which is of scores before they are scaled. */
static void add_line(const head_view *view, int64_t n, float *shares) {
  float wide = sqrtf((float)view->a->pairs.dh);
  for (int64_t d = 0; d < n; d++)
    shares[view->head * SK_ATTEND_BUCKETS + sk_attend_bucket((int32_t)d)] += wide * view->dline[d];
}

static void backward_window(const sk_attend_backward_args *a, int64_t w, float *local, float *shares) {
  const sk_attend_pairs *p = &a->pairs;
  const int32_t *offsets = sk_attend_q_offsets(p);
  int64_t first = p->kv_offsets[w], keys = p->kv_offsets[w + 1] - first, dh = p->dh, width = (int64_t)p->heads * dh;
  int64_t row = offsets[w], end = offsets[w + 1];
  for (; end - row > keys; row++) memset(a->dq + row * a->dq_stride, 0, sizeof(float) * (size_t)width);
  for (int64_t head = 0; head < p->heads; head++) {
    int64_t column = head * dh;
    head_view view = {.a = a, .origin = first, .head = head, .query = row, .skip = keys - (end - row)};
    view.keep = local;
    view.p = local + p->max_keys;
    view.ds = view.p + (int64_t)QUERIES * p->max_keys;
    view.line = view.ds + (int64_t)QUERIES * p->max_keys;
    view.dline = view.line + p->max_keys;
    if (a->bias) {
      SK_CPU(attend_line)(a->bias, head, dh, keys, view.line);
      memset(view.dline, 0, sizeof(float) * (size_t)keys);
    }
    view.q = a->q + row * a->q_stride + column;
    view.k = a->k + first * a->kv_stride + column;
    view.v = a->v + first * a->kv_stride + column;
    view.out = a->out + row * width + column;
    view.dout = a->dout + row * width + column;
    view.dq = a->dq + row * a->dq_stride + column;
    view.dk = a->dk + first * a->dkv_stride + column;
    view.dv = a->dv + first * a->dkv_stride + column;
    for (int64_t j = 0; j < keys; j++) {
      memset(view.dk + j * a->dkv_stride, 0, sizeof(float) * (size_t)dh);
      memset(view.dv + j * a->dkv_stride, 0, sizeof(float) * (size_t)dh);
    }
    for (int64_t from = view.skip; from < keys; from += QUERIES)
      backward_tile(&view, from, keys - from < QUERIES ? keys - from : QUERIES);
    if (a->bias) add_line(&view, keys, shares);
  }
}

typedef struct backward_call {
  const sk_attend_backward_args *a;
  float *shares; /* (blocks, heads, SK_ATTEND_BUCKETS) */
} backward_call;

static void backward_block(const void *arg, int64_t block, void *local) {
  const backward_call *call = arg;
  size_t bytes = sk_attend_shares(call->a, 1);
  int64_t end = sk_cpu_block_end(call->a->pairs.windows, WINDOWS_PER_BLOCK, block);
  float *shares = bytes > 0 ? call->shares + (size_t)block * bytes / sizeof(float) : NULL;
  if (shares) memset(shares, 0, bytes);
  for (int64_t w = block * WINDOWS_PER_BLOCK; w < end; w++) backward_window(call->a, w, local, shares);
}

void SK_CPU(attend_add_shares)(const sk_attend_backward_args *a, const float *shares, int64_t blocks) {
  int64_t floats = (int64_t)a->pairs.heads * SK_ATTEND_BUCKETS;
  for (int64_t block = 0; a->bias && block < blocks; block++) sk_axpy(1.0f, shares + block * floats, a->dbias, floats);
}

solid_status SK_CPU(attend_backward)(sk_backend *be, const sk_attend_backward_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  if (!sk_attend_is_plain(p) || a->accumulate || p->max_keys > SK_ATTEND_SHORT)
    return SK_CPU(attend_tiles_backward)(be, a);
  size_t floats = (size_t)(2 * QUERIES + 3) * (size_t)p->max_keys;
  int64_t blocks = sk_cpu_blocks(p->windows, WINDOWS_PER_BLOCK);
  solid_status status = sk_cpu_reserve(be, sizeof(float) * floats, sk_attend_shares(a, blocks));
  if (status != SOLID_OK) return status;
  backward_call call = {a, sk_cpu_shared(be)};
  sk_cpu_parallel(be, blocks, backward_block, &call);
  SK_CPU(attend_add_shares)(a, call.shares, blocks);
  return SOLID_OK;
}
