#include "tests/support/attend_case.h"
#include "tests/support/windows.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK 48 /* rows of a window that shares keys */

/* Host memory of the rig, as integers. */
static int32_t *integers(rig *r, size_t n) {
  return (int32_t *)rig_zeros(r, (n + 1) / 2 + 1);
}

static float to_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits += 0x7fff + (bits >> 16 & 1);
  bits &= 0xffff0000u;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Some of rows first .. last - 1 with that probability, at `to`; rows from `sure` on are all there. */
static int32_t pick(seed_rng *rng, int32_t first, int32_t last, int32_t sure, double share, int32_t *to) {
  int32_t n = 0;
  for (int32_t row = first; row < last; row++)
    if (row >= sure || seed_uniform(rng) < share) to[n++] = row;
  return n;
}

/* Lists of rows offsets[w] .. offsets[w + 1] - 1, with holes between them; `all`: of all of them. */
static sk_attend_list draw_lists(rig *r, seed_rng *rng, int32_t windows, int32_t heads, const int32_t *offsets,
                                 int all) {
  int32_t stride = offsets[windows] + windows + 1, *begin = integers(r, (size_t)windows + 1);
  int32_t *rows = integers(r, (size_t)(stride * heads)), *count = integers(r, (size_t)(heads * windows));
  for (int32_t w = 0; w < windows; w++) begin[w + 1] = begin[w] + offsets[w + 1] - offsets[w] + w % 2;
  for (int32_t h = 0; h < heads; h++)
    for (int32_t w = 0; w < windows; w++)
      count[h * windows + w] = pick(rng, offsets[w], offsets[w + 1], all ? 0 : offsets[w + 1], (h + 1.0) / (heads + 1),
                                    rows + h * stride + begin[w]);
  return (sk_attend_list){rows, begin, count, stride};
}

static const int32_t *draw_positions(rig *r, seed_rng *rng, int32_t windows, int32_t heads, const int32_t *offsets) {
  int32_t rows = offsets[windows], *positions = integers(r, (size_t)(rows * heads));
  for (int32_t h = 0; h < heads; h++)
    for (int32_t w = 0; w < windows; w++) {
      int32_t at = seed_below(rng, 5);
      for (int32_t i = offsets[w]; i < offsets[w + 1]; i++) positions[h * rows + i] = at += seed_below(rng, 4);
    }
  return positions;
}

/* Each of the `had` rows of the list that stands `before` numbers back with that probability, then rows first .. last -
 * 1. */
static int32_t keep_some(seed_rng *rng, int32_t had, int32_t first, int32_t last, double share, int32_t *to,
                         int32_t before) {
  int32_t n = 0;
  for (int32_t i = 0; i < had; i++)
    if (seed_uniform(rng) < share) to[n++] = to[i - before];
  for (int32_t row = first; row < last; row++) to[n++] = row;
  return n;
}

/* Windows are chunks of histories of `longest` rows; each keeps some of what the one before it had, and its own. */
static void draw_shared(rig *r, seed_rng *rng, const attend_spec *s, sk_attend_pairs *p) {
  int32_t chunks = (s->longest + CHUNK - 1) / CHUNK, windows = s->windows * chunks, rows = s->windows * s->longest;
  int32_t *offsets = integers(r, (size_t)windows + 1), *begin = integers(r, (size_t)windows + 1);
  int32_t stride = windows * s->longest, *count = integers(r, (size_t)(windows * s->heads));
  int32_t *list = integers(r, (size_t)(stride * s->heads));
  for (int32_t w = 0; w < windows; w++) {
    int32_t end = (w % chunks + 1) * CHUNK;
    offsets[w + 1] = w / chunks * s->longest + (end < s->longest ? end : s->longest);
    begin[w + 1] = begin[w] + s->longest;
    for (int32_t h = 0; h < s->heads; h++)
      count[h * windows + w] = keep_some(rng, w % chunks > 0 ? count[h * windows + w - 1] : 0, offsets[w],
                                         offsets[w + 1], 0.5 + 0.2 * (h % 3), list + h * stride + begin[w], s->longest);
  }
  p->windows = windows;
  p->q_offsets = offsets, p->kv_offsets = NULL;
  p->q_rows = p->kv_rows = rows;
  p->max_queries = CHUNK, p->max_keys = s->longest;
  p->kept = (sk_attend_list){list, begin, count, stride};
}

static void draw_windows(rig *r, seed_rng *rng, const attend_spec *s, sk_attend_pairs *p) {
  int32_t *offsets = integers(r, (size_t)s->windows + 1), *few = integers(r, (size_t)s->windows + 1);
  p->kv_rows = p->q_rows = windows_draw(rng, s->windows, s->longest, offsets);
  p->kv_offsets = offsets;
  p->max_queries = p->max_keys = s->longest;
  if (s->kind & ATTEND_FEW) {
    for (int32_t w = 0; w < s->windows; w++) {
      int32_t most = offsets[w + 1] - offsets[w] + 1;
      few[w + 1] = few[w] + seed_below(rng, (most < 6 ? most : 6) + 1);
    }
    p->q_offsets = few, p->q_rows = few[s->windows], p->max_queries = 6;
  }
  if (s->kind & ATTEND_ONE) {
    for (int32_t w = 0; w < s->windows; w++) few[w + 1] = few[w] + (w % 3 != 1);
    p->q_offsets = few, p->q_rows = few[s->windows], p->max_queries = 1;
  }
  const int32_t *queries = p->q_offsets ? p->q_offsets : offsets;
  if (s->kind & ATTEND_POSITIONS) {
    p->q_positions = draw_positions(r, rng, s->windows, 1, queries);
    p->kv_positions = draw_positions(r, rng, s->windows, s->heads, offsets);
    p->kv_position_stride = p->kv_rows;
  }
  if (s->kind & (ATTEND_LISTS | ATTEND_ALL)) {
    p->active = draw_lists(r, rng, s->windows, s->heads, queries, s->kind & ATTEND_ALL);
    p->kept = draw_lists(r, rng, s->windows, s->heads, offsets, s->kind & ATTEND_ALL);
  }
}

static double *values(rig *r, seed_rng *rng, size_t n, int precision, const float **x) {
  float *drawn = rig_normal(r, rng, n, 1.2f);
  double *wide = rig_widen(r, drawn, n);
  for (size_t i = 0; i < n && precision == SK_ATTEND_BF16; i++) wide[i] = (double)to_bf16(drawn[i]);
  *x = drawn;
  return wide;
}

void attend_narrow(float *x, size_t n, int precision) {
  for (size_t i = 0; i < n && precision == SK_ATTEND_BF16; i++) x[i] = to_bf16(x[i]);
}

attend_case attend_draw(rig *r, seed_rng *rng, const attend_spec *s) {
  attend_case c = {.host = {.pairs = {.windows = s->windows, .heads = s->heads, .dh = s->dh}}};
  sk_attend_pairs *p = &c.host.pairs;
  if (s->kind & ATTEND_SHARED)
    draw_shared(r, rng, s, p);
  else
    draw_windows(r, rng, s, p);
  c.host.precision = s->precision;
  c.host.p = s->p, c.host.seed = 0xabcdef1234ULL, c.host.span = 3000000019LL; /* beyond 32 bits */
  c.host.q_stride = c.host.kv_stride = s->heads * s->dh;
  c.q_floats = (size_t)p->q_rows * (size_t)c.host.q_stride, c.kv_floats = (size_t)p->kv_rows * (size_t)c.host.kv_stride;
  c.lses = (size_t)p->q_rows * (size_t)s->heads;
  if (s->kind & ATTEND_BIAS) {
    c.biases = (size_t)s->heads * SK_ATTEND_BUCKETS;
    c.bias = values(r, rng, c.biases, SK_ATTEND_FP32, &c.host.bias);
  }
  c.q = values(r, rng, c.q_floats, s->precision, &c.host.q);
  c.k = values(r, rng, c.kv_floats, s->precision, &c.host.k);
  c.v = values(r, rng, c.kv_floats, s->precision, &c.host.v);
  return c;
}

static sk_attend_list upload_list(rig *r, const sk_attend_pairs *p, const sk_attend_list *list) {
  sk_attend_list to = {.stride = list->stride};
  if (!list->rows) return to;
  to.rows = rig_in_int(r, list->rows, (size_t)(list->stride * p->heads));
  to.begin = rig_in_int(r, list->begin, (size_t)p->windows + 1);
  to.count = rig_in_int(r, list->count, (size_t)(p->windows * p->heads));
  return to;
}

sk_attend_args attend_upload(rig *r, const attend_case *c) {
  sk_attend_args a = c->host;
  const sk_attend_pairs *p = &c->host.pairs;
  size_t windows = (size_t)p->windows;
  a.pairs.q_offsets = rig_in_int(r, p->q_offsets, windows + 1);
  a.pairs.kv_offsets = rig_in_int(r, p->kv_offsets, windows + 1);
  a.pairs.q_positions = rig_in_int(r, p->q_positions, (size_t)p->q_rows);
  a.pairs.kv_positions = rig_in_int(r, p->kv_positions, (size_t)(p->kv_rows * p->heads));
  a.pairs.active = upload_list(r, p, &p->active);
  a.pairs.kept = upload_list(r, p, &p->kept);
  a.bias = rig_in(r, a.bias, c->biases);
  a.q = rig_in(r, a.q, c->q_floats);
  a.k = rig_in(r, a.k, c->kv_floats);
  a.v = rig_in(r, a.v, c->kv_floats);
  return a;
}

sk_attend_backward_args attend_reverse(const sk_attend_args *f) {
  return (sk_attend_backward_args){.pairs = f->pairs,
                                   .q = f->q,
                                   .k = f->k,
                                   .v = f->v,
                                   .q_stride = f->q_stride,
                                   .kv_stride = f->kv_stride,
                                   .p = f->p,
                                   .seed = f->seed,
                                   .span = f->span,
                                   .bias = f->bias,
                                   .precision = f->precision,
                                   .out = f->out,
                                   .lse = f->lse,
                                   .dq_stride = f->q_stride,
                                   .dkv_stride = f->kv_stride};
}

sk_attend_list attend_half(rig *r, const attend_case *c, int part) {
  const sk_attend_pairs *p = &c->host.pairs;
  sk_attend_list half = p->kept;
  int32_t *rows = integers(r, (size_t)(half.stride * p->heads)), *count = integers(r, (size_t)(p->heads * p->windows));
  for (int32_t h = 0; h < p->heads; h++)
    for (int32_t w = 0; w < p->windows; w++) {
      int32_t at = h * half.stride + half.begin[w], *n = &count[h * p->windows + w];
      for (int32_t i = part; i < half.count[h * p->windows + w]; i += 2) rows[at + (*n)++] = half.rows[at + i];
    }
  half.rows = rows, half.count = count;
  return upload_list(r, p, &half);
}
