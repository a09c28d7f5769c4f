#include "tests/ref/ref_attend.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include "tests/support/windows.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define WINDOWS_MAX 32

typedef struct shape {
  int32_t windows, longest, heads, dh;
  float p;
} shape;

/* q, k and v are columns of one (rows, 3d) array, as the encoder has them. */
static sk_attend_args args_of(const shape *s, const int32_t *offsets, int32_t rows) {
  int32_t d = s->heads * s->dh;
  return (sk_attend_args){.pairs = {.windows = s->windows,
                                    .heads = s->heads,
                                    .dh = s->dh,
                                    .q_rows = rows,
                                    .kv_rows = rows,
                                    .max_queries = s->longest + 3,
                                    .max_keys = s->longest + 3,
                                    .kv_offsets = offsets},
                          .q_stride = 3 * d,
                          .kv_stride = 3 * d,
                          .p = s->p,
                          .seed = 0x123456789abcULL};
}

static void run(rig *r, sk_attend_args a, const int32_t *offsets, const float *qkv, size_t rows, size_t d) {
  size_t heads = (size_t)a.pairs.heads;
  a.pairs.kv_offsets = rig_in_int(r, offsets, (size_t)a.pairs.windows + 1);
  a.q = rig_in(r, qkv, rows * 3 * d);
  a.k = a.q + d;
  a.v = a.q + 2 * d;
  double *wide = rig_widen(r, qkv, rows * 3 * d), *out = rig_zeros(r, rows * d);
  double *lse = rig_zeros(r, rows * heads);
  float *got = rig_out(r, rows * d), *got_lse = rig_out(r, rows * heads);
  sk_attend_args host = a;
  host.pairs.kv_offsets = offsets;
  ref_attend(&host, wide, wide + d, wide + 2 * d, out, lse);
  a.out = got;
  a.lse = got_lse;
  rig_check(r, "attend", rig_ops(r)->attend(rig_backend(r), &a));
  compare_floats("attend out", rig_read(r, got, rows * d), out, rows * d, 1e-5, 1e-5);
  compare_floats("attend lse", rig_read(r, got_lse, rows * heads), lse, rows * heads, 1e-5, 1e-5);
}

static const shape shapes[] = {{0, 5, 1, 4, 0.0f},    {1, 1, 1, 1, 0.0f},    {9, 6, 2, 5, 0.0f},
                               {17, 20, 1, 16, 0.3f}, {5, 50, 2, 32, 0.0f},  {3, 131, 1, 64, 0.2f},
                               {2, 200, 3, 7, 0.5f},  {3, 70, 1, 100, 0.3f}, {2, 40, 1, 256, 0.0f}};

static void check_forward(rig *r) {
  seed_rng rng = seed_start(21);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const shape *s = &shapes[i];
    int32_t offsets[WINDOWS_MAX + 1], rows = windows_draw(&rng, s->windows, s->longest, offsets);
    size_t d = (size_t)(s->heads * s->dh);
    float *qkv = rig_normal(r, &rng, (size_t)rows * 3 * d, 1.5f);
    run(r, args_of(s, offsets, rows), offsets, qkv, (size_t)rows, d);
    rig_reset(r);
  }
}

Test(attend, equals_the_reference) {
  rig_each(check_forward);
}

/* A NaN in one row reaches the rows after it in its window and no other. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(22);
  const shape s = {3, 40, 1, 8, 0.0f};
  const int32_t offsets[] = {0, 5, 45, 50};
  float *qkv = rig_normal(r, &rng, 50 * 24, 1.0f);
  qkv[(5 + 23) * 24 + 8] = NAN;  /* a key */
  qkv[(5 + 37) * 24 + 16] = NAN; /* a value */
  qkv[1 * 24] = INFINITY;        /* a query: its own row alone */
  run(r, args_of(&s, offsets, 50), offsets, qkv, 50, 8);
  rig_reset(r);
}

Test(attend, keeps_nan_behind_its_row) {
  rig_each(check_nan);
}

/* 0, 1, 2, ...: the offsets of one query a window. */
static const int32_t *one_each(int32_t *each) {
  for (int32_t w = 0; w <= WINDOWS_MAX; w++) each[w] = w;
  return each;
}

static sk_attend_args newest_args(const shape *s, const int32_t *each, const int32_t *offsets, int32_t rows) {
  sk_attend_args a = args_of(s, offsets, rows);
  a.pairs.q_offsets = each, a.pairs.q_rows = s->windows, a.pairs.max_queries = 1;
  a.q_stride = s->heads * s->dh, a.kv_stride = 2 * a.q_stride;
  return a;
}

static void check_newest(rig *r) {
  seed_rng rng = seed_start(23);
  int32_t each[WINDOWS_MAX + 1];
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    shape s = shapes[i];
    s.p = 0.0f;
    int32_t offsets[WINDOWS_MAX + 1], rows = windows_draw(&rng, s.windows, s.longest, offsets);
    size_t d = (size_t)(s.heads * s.dh), windows = (size_t)s.windows;
    float *q = rig_normal(r, &rng, windows * d, 1.0f), *kv = rig_normal(r, &rng, (size_t)rows * 2 * d, 1.0f);
    sk_attend_args a = newest_args(&s, one_each(each), offsets, rows);
    double *wide = rig_widen(r, kv, (size_t)rows * 2 * d), *want = rig_zeros(r, windows * d);
    ref_attend(&a, rig_widen(r, q, windows * d), wide, wide + d, want, NULL);
    a.pairs.kv_offsets = rig_in_int(r, offsets, windows + 1);
    a.pairs.q_offsets = rig_in_int(r, each, windows + 1);
    a.q = rig_in(r, q, windows * d);
    a.k = rig_in(r, kv, (size_t)rows * 2 * d);
    a.v = a.k + d;
    a.out = rig_out(r, windows * d);
    rig_check(r, "attend newest", rig_ops(r)->attend(rig_backend(r), &a));
    compare_floats("attend newest", rig_read(r, a.out, windows * d), want, windows * d, 1e-5, 1e-5);
    rig_reset(r);
  }
}

Test(attend, serves_the_newest_row_alone) {
  rig_each(check_newest);
}

typedef struct loss_context {
  const sk_attend_args *a;
  const double *q, *k, *v, *weight;
  double *out;
} loss_context;

static double loss(void *context) {
  const loss_context *c = context;
  size_t d = (size_t)(c->a->pairs.heads * c->a->pairs.dh);
  ref_attend(c->a, c->q, c->k, c->v, c->out, NULL);
  return slope_weigh(c->weight, c->out, (size_t)c->a->pairs.q_rows * d);
}

static void check_gradient(rig *r, seed_rng *rng, const shape *s, size_t step) {
  int32_t offsets[WINDOWS_MAX + 1], rows = windows_draw(rng, s->windows, s->longest, offsets);
  size_t d = (size_t)(s->heads * s->dh), n = (size_t)rows * d;
  float *qkv = rig_normal(r, rng, 3 * n, 1.0f), *dout = rig_normal(r, rng, n, 1.0f);
  sk_attend_args a = args_of(s, offsets, rows), f = a;
  f.pairs.kv_offsets = rig_in_int(r, offsets, (size_t)s->windows + 1);
  f.q = rig_in(r, qkv, 3 * n);
  f.k = f.q + d;
  f.v = f.q + 2 * d;
  f.out = rig_out(r, n);
  f.lse = rig_out(r, (size_t)(rows * s->heads));
  rig_check(r, "attend", rig_ops(r)->attend(rig_backend(r), &f));
  float *dqkv = rig_out(r, 3 * n);
  sk_attend_backward_args b = {.pairs = f.pairs};
  b.q = f.q, b.k = f.k, b.v = f.v, b.q_stride = f.q_stride, b.kv_stride = f.kv_stride;
  b.p = f.p, b.seed = f.seed, b.out = f.out, b.lse = f.lse, b.dout = rig_in(r, dout, n);
  b.dq = dqkv, b.dk = dqkv + d, b.dv = dqkv + 2 * d;
  b.dq_stride = b.dkv_stride = (int32_t)(3 * d);
  rig_check(r, "attend_backward", rig_ops(r)->attend_backward(rig_backend(r), &b));
  double *wide = rig_widen(r, qkv, 3 * n), *slope = rig_zeros(r, 3 * n);
  loss_context c = {&a, wide, wide + d, wide + 2 * d, rig_widen(r, dout, n), rig_zeros(r, n)};
  slope_fill(loss, &c, wide, 3 * n, step, slope);
  slope_compare("attend dqkv", rig_read(r, dqkv, 3 * n), slope, 3 * n, step);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(24);
  check_gradient(r, &rng, &(shape){0, 3, 1, 4, 0.0f}, 1);
  check_gradient(r, &rng, &(shape){1, 1, 1, 3, 0.0f}, 1);
  check_gradient(r, &rng, &(shape){6, 5, 2, 3, 0.0f}, 1);
  check_gradient(r, &rng, &(shape){6, 7, 1, 5, 0.4f}, 1);
  check_gradient(r, &rng, &(shape){3, 37, 2, 4, 0.2f}, 7);
  check_gradient(r, &rng, &(shape){2, 60, 1, 8, 0.0f}, 11);
  check_gradient(r, &rng, &(shape){3, 50, 2, 32, 0.3f}, 211);
  check_gradient(r, &rng, &(shape){2, 40, 1, 64, 0.2f}, 211);
  check_gradient(r, &rng, &(shape){2, 20, 1, 100, 0.2f}, 211);
  check_gradient(r, &rng, &(shape){2, 20, 1, 256, 0.2f}, 409);
}

Test(attend, backward_equals_finite_differences) {
  rig_each(check_backward);
}

/* One query a window over all of its rows; empty windows among them. */
static void check_newest_gradient(rig *r, seed_rng *rng, const shape *s, size_t step) {
  int32_t offsets[WINDOWS_MAX + 1], rows = windows_draw(rng, s->windows, s->longest, offsets);
  size_t d = (size_t)(s->heads * s->dh), n = (size_t)s->windows * d, m = (size_t)rows * d, lses = (size_t)s->heads;
  float *q = rig_normal(r, rng, n, 1.0f), *kv = rig_normal(r, rng, 2 * m, 1.0f), *dout = rig_normal(r, rng, n, 1.0f);
  int32_t each[WINDOWS_MAX + 1];
  sk_attend_args a = newest_args(s, one_each(each), offsets, rows), f = a;
  f.pairs.kv_offsets = rig_in_int(r, offsets, (size_t)s->windows + 1);
  f.pairs.q_offsets = rig_in_int(r, each, (size_t)s->windows + 1);
  f.q = rig_in(r, q, n), f.k = rig_in(r, kv, 2 * m), f.v = f.k + d;
  f.out = rig_out(r, n), f.lse = rig_out(r, lses * (size_t)s->windows);
  rig_check(r, "attend", rig_ops(r)->attend(rig_backend(r), &f));
  sk_attend_backward_args b = {.pairs = f.pairs};
  b.q = f.q, b.k = f.k, b.v = f.v, b.q_stride = f.q_stride, b.kv_stride = f.kv_stride;
  b.p = f.p, b.seed = f.seed, b.out = f.out, b.lse = f.lse, b.dout = rig_in(r, dout, n);
  b.dq = rig_out(r, n), b.dk = rig_out(r, 2 * m), b.dv = b.dk + d;
  b.dq_stride = (int32_t)d, b.dkv_stride = (int32_t)(2 * d);
  rig_check(r, "attend_backward", rig_ops(r)->attend_backward(rig_backend(r), &b));
  double *wide_q = rig_widen(r, q, n), *wide = rig_widen(r, kv, 2 * m), *slope = rig_zeros(r, n + 2 * m);
  loss_context c = {&a, wide_q, wide, wide + d, rig_widen(r, dout, n), rig_zeros(r, n)};
  slope_fill(loss, &c, wide_q, n, step, slope);
  slope_compare("attend newest dq", rig_read(r, b.dq, n), slope, n, step);
  slope_fill(loss, &c, wide, 2 * m, step, slope + n);
  slope_compare("attend newest dkv", rig_read(r, b.dk, 2 * m), slope + n, 2 * m, step);
  rig_reset(r);
}

static void check_newest_backward(rig *r) {
  seed_rng rng = seed_start(25);
  check_newest_gradient(r, &rng, &(shape){0, 3, 1, 4, 0.0f}, 1);
  check_newest_gradient(r, &rng, &(shape){9, 6, 2, 5, 0.0f}, 1);
  check_newest_gradient(r, &rng, &(shape){5, 20, 1, 16, 0.3f}, 1);
  check_newest_gradient(r, &rng, &(shape){2, 60, 4, 8, 0.0f}, 3);
}

Test(attend, backward_of_the_newest_row_equals_finite_differences) {
  rig_each(check_newest_backward);
}
