#include "solid/infer/slate/grid.h"
#include "tests/ref/ref_attend_ranges.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { QUERIES_MAX = 80, RANGES_MAX = 400 };

typedef struct shape {
  int32_t windows, queries, keys, heads, dh;
} shape;

typedef struct lists {
  int32_t offsets[QUERIES_MAX + 1], ranges[2 * RANGES_MAX];
} lists;

/* Ranges that are apart, rise and may be empty in number; the offsets begin at 3, as those of a later step do. */
static void draw_lists(seed_rng *rng, const shape *s, lists *l) {
  int32_t n = 3;
  memset(l, 0, sizeof *l);
  for (int32_t i = 0; i < s->queries; i++) {
    l->offsets[i] = n;
    for (int32_t at = seed_below(rng, 3); at < s->keys && n < RANGES_MAX - 1; n++) {
      int32_t end = at + 1 + seed_below(rng, 4) * seed_below(rng, 12);
      l->ranges[2 * n] = at;
      l->ranges[2 * n + 1] = end < s->keys ? end : s->keys;
      at = end + 1 + seed_below(rng, 5);
      if (seed_below(rng, 4) == 0) at = s->keys;
    }
  }
  l->offsets[s->queries] = n;
}

static sk_attend_ranges_args args_of(const shape *s, const lists *l) {
  int32_t d = s->heads * s->dh;
  return (sk_attend_ranges_args){.windows = s->windows,
                                 .queries = s->queries,
                                 .keys = s->keys,
                                 .heads = s->heads,
                                 .dh = s->dh,
                                 .offsets = l->offsets,
                                 .ranges = l->ranges,
                                 .q_stride = d + 3,
                                 .kv_stride = 2 * d};
}

/* Puts inputs on the device; q (queries, windows, d + 3), kv (keys, windows, 2 d). */
static sk_attend_ranges_args on_device(rig *r, sk_attend_ranges_args a, const float *q, const float *kv) {
  size_t d = (size_t)(a.heads * a.dh), queries = (size_t)a.queries * (size_t)a.windows;
  a.offsets = rig_in_int(r, a.offsets, (size_t)a.queries + 1);
  a.ranges = rig_in_int(r, a.ranges, 2 * RANGES_MAX);
  a.q = rig_in(r, q, queries * (size_t)a.q_stride);
  a.k = rig_in(r, kv, (size_t)a.keys * (size_t)a.windows * 2 * d);
  a.v = a.k + d;
  a.out = rig_out(r, queries * d);
  a.lse = rig_out(r, queries * (size_t)a.heads);
  return a;
}

static const shape shapes[] = {{0, 3, 4, 1, 4},    {1, 1, 1, 1, 1},    {3, 5, 9, 2, 5},    {2, 0, 7, 1, 4},
                               {5, 3, 40, 2, 8},   {4, 52, 52, 4, 8},  {7, 70, 90, 1, 16}, {2, 9, 33, 3, 32},
                               {1, 4, 70, 2, 64},  {2, 6, 40, 1, 256}, {1, 1, 700, 2, 64}, {1, 5, 600, 1, 16},
                               {1, 2, 900, 1, 80}, {600, 2, 70, 2, 4}};

static void check_forward(rig *r) {
  seed_rng rng = seed_start(61);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    lists l;
    draw_lists(&rng, s, &l);
    sk_attend_ranges_args host = args_of(s, &l);
    size_t d = (size_t)(s->heads * s->dh), rows = (size_t)(s->queries * s->windows);
    size_t nq = rows * (size_t)host.q_stride, nkv = (size_t)(s->keys * s->windows) * 2 * d;
    float *q = rig_normal(r, &rng, nq, 1.5f), *kv = rig_normal(r, &rng, nkv, 1.5f);
    double *wide = rig_widen(r, kv, nkv), *out = rig_zeros(r, rows * d), *lse = rig_zeros(r, rows * (size_t)s->heads);
    ref_attend_ranges(&host, rig_widen(r, q, nq), wide, wide + d, out, lse);
    sk_attend_ranges_args a = on_device(r, host, q, kv);
    rig_check(r, "attend_ranges", rig_ops(r)->attend_ranges(rig_backend(r), &a));
    compare_floats("attend_ranges out", rig_read(r, a.out, rows * d), out, rows * d, 1e-5, 1e-5);
    compare_floats("attend_ranges lse", rig_read(r, a.lse, rows * (size_t)s->heads), lse, rows * (size_t)s->heads, 1e-5,
                   1e-5);
    rig_reset(r);
  }
}

Test(attend_ranges, equals_the_reference) {
  rig_each(check_forward);
}

/* Keys that no query reads may hold anything: what a cache has not been given yet. */
static void check_unread(rig *r) {
  seed_rng rng = seed_start(62);
  const shape s = {3, 4, 20, 2, 8};
  lists l = {.offsets = {0, 1, 2, 3, 4}, .ranges = {0, 5, 0, 5, 2, 5, 1, 9}};
  sk_attend_ranges_args host = args_of(&s, &l);
  size_t d = 16, nq = 12 * (size_t)host.q_stride, nkv = 60 * 2 * d;
  float *q = rig_normal(r, &rng, nq, 1.0f), *kv = rig_normal(r, &rng, nkv, 1.0f);
  double *wide = rig_widen(r, kv, nkv), *out = rig_zeros(r, 12 * d);
  ref_attend_ranges(&host, rig_widen(r, q, nq), wide, wide + d, out, NULL);
  for (size_t i = 27 * 2 * d; i < nkv; i++) kv[i] = NAN; /* keys 9 and on */
  sk_attend_ranges_args a = on_device(r, host, q, kv);
  rig_check(r, "attend_ranges", rig_ops(r)->attend_ranges(rig_backend(r), &a));
  compare_floats("attend_ranges out", rig_read(r, a.out, 12 * d), out, 12 * d, 1e-5, 1e-5);
}

Test(attend_ranges, does_not_look_at_what_nobody_reads) {
  rig_each(check_unread);
}

typedef struct loss_context {
  const sk_attend_ranges_args *a;
  const double *q, *kv, *weight;
  double *out;
} loss_context;

static double loss(void *context) {
  const loss_context *c = context;
  size_t d = (size_t)(c->a->heads * c->a->dh);
  ref_attend_ranges(c->a, c->q, c->kv, c->kv + d, c->out, NULL);
  return slope_weigh(c->weight, c->out, (size_t)c->a->queries * (size_t)c->a->windows * d);
}

static void check_gradient(rig *r, seed_rng *rng, const shape *s, size_t step) {
  lists l;
  draw_lists(rng, s, &l);
  sk_attend_ranges_args host = args_of(s, &l);
  size_t d = (size_t)(s->heads * s->dh), rows = (size_t)(s->queries * s->windows);
  size_t nq = rows * (size_t)host.q_stride, nkv = (size_t)(s->keys * s->windows) * 2 * d;
  float *q = rig_normal(r, rng, nq, 1.0f), *kv = rig_normal(r, rng, nkv, 1.0f), *dout = rig_normal(r, rng, rows * d, 1);
  sk_attend_ranges_args a = on_device(r, host, q, kv);
  rig_check(r, "attend_ranges", rig_ops(r)->attend_ranges(rig_backend(r), &a));
  sk_attend_ranges_backward_args b = {.windows = s->windows, .queries = s->queries, .keys = s->keys, .heads = s->heads};
  b.dh = s->dh, b.offsets = a.offsets, b.ranges = a.ranges;
  b.q = a.q, b.k = a.k, b.v = a.v, b.q_stride = a.q_stride, b.kv_stride = a.kv_stride;
  b.out = a.out, b.lse = a.lse, b.dout = rig_in(r, dout, rows * d);
  b.dq = rig_out(r, rows * d), b.dq_stride = (int32_t)d;
  b.dk = rig_out(r, nkv), b.dv = b.dk + d, b.dkv_stride = (int32_t)(2 * d);
  rig_check(r, "attend_ranges_backward", rig_ops(r)->attend_ranges_backward(rig_backend(r), &b));
  host.q_stride = (int32_t)d; /* the same q without gaps, so that its slopes are laid out as dq */
  float *dense = rig_normal(r, rng, rows * d, 1);
  for (size_t i = 0; i < rows; i++) memcpy(dense + i * d, q + i * (d + 3), d * sizeof *q);
  double *wide_q = rig_widen(r, dense, rows * d), *wide = rig_widen(r, kv, nkv), *slope = rig_zeros(r, rows * d + nkv);
  loss_context c = {&host, wide_q, wide, rig_widen(r, dout, rows * d), rig_zeros(r, rows * d)};
  slope_fill(loss, &c, wide_q, rows * d, step, slope);
  slope_compare("attend_ranges dq", rig_read(r, b.dq, rows * d), slope, rows * d, step);
  slope_fill(loss, &c, wide, nkv, step, slope + rows * d);
  slope_compare("attend_ranges dkv", rig_read(r, b.dk, nkv), slope + rows * d, nkv, step);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(63);
  check_gradient(r, &rng, &(shape){1, 1, 1, 1, 3}, 1);
  check_gradient(r, &rng, &(shape){3, 5, 9, 2, 5}, 1);
  check_gradient(r, &rng, &(shape){2, 40, 45, 2, 8}, 23);
  check_gradient(r, &rng, &(shape){2, 8, 36, 1, 64}, 29);
  check_gradient(r, &rng, &(shape){1, 3, 5, 1, 256}, 31);
}

Test(attend_ranges, backward_equals_finite_differences) {
  rig_each(check_backward);
}

/* A grid's lists are the operation's lists. */
Test(attend_ranges, reads_the_ranges_of_a_grid) {
  cr_assert_eq(sizeof(sol_grid_range), 2 * sizeof(int32_t));
}
