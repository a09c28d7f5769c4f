#include "tests/ref/ref_apply.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

typedef struct shape {
  int32_t n, in, out, gap;
  sk_activation f;
} shape;

static void check_case(rig *r, const shape *s, const float *x, const float *w) {
  size_t n = (size_t)s->n, in = (size_t)s->in, out = (size_t)s->out, stride = in * out + out + (size_t)s->gap;
  sk_apply_args a = {.n = s->n, .in = s->in, .out = s->out, .f = s->f, .stride = (int64_t)stride};
  a.x = rig_in(r, x, n * in);
  a.w = rig_in(r, w, n * stride);
  a.y = rig_out(r, n * out);
  double *want = rig_zeros(r, n * out);
  ref_apply(&a, rig_widen(r, x, n * in), rig_widen(r, w, n * stride), want);
  rig_check(r, "apply", rig_ops(r)->apply(rig_backend(r), &a));
  compare_floats("apply y", rig_read(r, a.y, n * out), want, n * out, 1e-5, 1e-5);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(51);
  const shape shapes[] = {{0, 3, 4, 0, SK_TANH},         {1, 64, 64, 0, SK_TANH},    {1, 1, 1, 3, SK_IDENTITY},
                          {19, 7, 5, 0, SK_IDENTITY},    {33, 16, 16, 272, SK_TANH}, {5, 3, 70, 1, SK_TANH},
                          {40, 30, 129, 0, SK_IDENTITY}, {2100, 7, 20, 3, SK_TANH},  {5, 37, 128, 4, SK_TANH}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const shape *s = &shapes[i];
    size_t stride = (size_t)(s->in * s->out + s->out + s->gap);
    float *x = rig_normal(r, &rng, (size_t)(s->n * s->in), 1.0f);
    check_case(r, s, x, rig_normal(r, &rng, (size_t)s->n * stride, 0.3f));
    rig_reset(r);
  }
}

Test(apply, equals_the_reference) {
  rig_each(check_forward);
}

/* Several rows under one matrix, some matrices under no row. */
static void check_index(rig *r) {
  seed_rng rng = seed_start(54);
  const shape shapes[] = {{5, 7, 5, 2, SK_TANH}, {9, 64, 64, 0, SK_TANH}, {2100, 3, 8, 1, SK_IDENTITY}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const shape *s = &shapes[i];
    size_t n = (size_t)s->n, in = (size_t)s->in, out = (size_t)s->out, stride = in * out + out + (size_t)s->gap;
    sk_apply_args a = {.n = s->n, .in = s->in, .out = s->out, .f = s->f, .stride = (int64_t)stride};
    int32_t *index = calloc(n, sizeof *index);
    for (size_t row = 0; row < n; row++) index[row] = seed_below(&rng, 2 * s->n);
    float *x = rig_normal(r, &rng, n * in, 1.0f), *w = rig_normal(r, &rng, 2 * n * stride, 0.3f);
    a.x = rig_in(r, x, n * in);
    a.w = rig_in(r, w, 2 * n * stride);
    a.index = rig_in_int(r, index, n);
    a.y = rig_out(r, n * out);
    rig_check(r, "apply", rig_ops(r)->apply(rig_backend(r), &a));
    double *want = rig_zeros(r, n * out);
    a.index = index;
    ref_apply(&a, rig_widen(r, x, n * in), rig_widen(r, w, 2 * n * stride), want);
    compare_floats("apply y", rig_read(r, a.y, n * out), want, n * out, 1e-5, 1e-5);
    free(index);
    rig_reset(r);
  }
}

Test(apply, takes_the_matrix_that_the_index_says) {
  rig_each(check_index);
}

/* Rows do not touch each other: a NaN stays in its own. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(52);
  float *x = rig_normal(r, &rng, 20 * 3, 1.0f), *w = rig_normal(r, &rng, 20 * 8, 1.0f);
  x[4] = NAN;
  w[9 * 8 + 5] = NAN;
  check_case(r, &(shape){20, 3, 2, 0, SK_TANH}, x, w);
  rig_reset(r);
}

Test(apply, keeps_nan_in_its_row) {
  rig_each(check_nan);
}

static void check_unknown(rig *r) {
  sk_apply_args a = {.n = 0, .in = 1, .out = 1, .f = SK_GELU, .stride = 2};
  sk_apply_backward_args b = {.n = 0, .in = 1, .out = 1, .f = SK_RELU, .stride = 2};
  cr_assert(rig_ops(r)->apply(rig_backend(r), &a) == SOLID_EUNSUPPORTED);
  cr_assert(rig_ops(r)->apply_backward(rig_backend(r), &b) == SOLID_EUNSUPPORTED);
}

Test(apply, refuses_other_activations) {
  rig_each(check_unknown);
}

typedef struct loss_context {
  const sk_apply_args *a;
  const double *x, *w, *weight;
  double *y;
} loss_context;

static double loss(void *context) {
  const loss_context *c = context;
  ref_apply(c->a, c->x, c->w, c->y);
  return slope_weigh(c->weight, c->y, (size_t)(c->a->n * c->a->out));
}

static void check_gradient(rig *r, seed_rng *rng, const shape *s, int accumulate) {
  size_t n = (size_t)s->n, in = (size_t)s->in, out = (size_t)s->out, m = in * out + out, stride = m + (size_t)s->gap;
  float *x = rig_normal(r, rng, n * in, 1.0f), *w = rig_normal(r, rng, n * stride, 0.5f);
  float *dy = rig_normal(r, rng, n * out, 1.0f), *before = rig_normal(r, rng, n * in, 1.0f);
  sk_apply_args f = {.n = s->n, .in = s->in, .out = s->out, .f = s->f, .stride = (int64_t)stride};
  f.x = rig_in(r, x, n * in);
  f.w = rig_in(r, w, n * stride);
  f.y = rig_out(r, n * out);
  rig_check(r, "apply", rig_ops(r)->apply(rig_backend(r), &f));
  sk_apply_backward_args b = {.n = s->n, .in = s->in, .out = s->out, .f = s->f, .x = f.x, .w = f.w, .y = f.y};
  b.stride = f.stride;
  b.dy = rig_in(r, dy, n * out);
  b.accumulate_dx = accumulate;
  b.dx = accumulate ? rig_inout(r, before, n * in) : rig_out(r, n * in);
  b.dw = rig_out(r, n * m);
  rig_check(r, "apply_backward", rig_ops(r)->apply_backward(rig_backend(r), &b));
  double *xw = rig_widen(r, x, n * in), *ww = rig_widen(r, w, n * stride), *slope = rig_zeros(r, n * stride + n * in);
  loss_context c = {&f, xw, ww, rig_widen(r, dy, n * out), rig_zeros(r, n * out)};
  float *dx = rig_normal(r, rng, n * in, 0.0f);
  const float *got = rig_read(r, b.dx, n * in), *dw = rig_read(r, b.dw, n * m);
  for (size_t i = 0; i < n * in; i++) dx[i] = accumulate ? got[i] - before[i] : got[i];
  slope_fill(loss, &c, xw, n * in, 1, slope);
  slope_compare("apply dx", dx, slope, n * in, 1);
  slope_fill(loss, &c, ww, n * stride, 1, slope);
  for (size_t row = 0; row < n; row++) slope_compare("apply dw", dw + row * m, slope + row * stride, m, 1);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(53);
  for (int accumulate = 0; accumulate < 2; accumulate++) {
    check_gradient(r, &rng, &(shape){1, 4, 6, 0, SK_TANH}, accumulate);
    check_gradient(r, &rng, &(shape){18, 5, 3, 0, SK_TANH}, accumulate);
    check_gradient(r, &rng, &(shape){4, 7, 9, 11, SK_IDENTITY}, accumulate);
    check_gradient(r, &rng, &(shape){2, 1, 1, 0, SK_IDENTITY}, accumulate);
    check_gradient(r, &rng, &(shape){3, 16, 16, 272, SK_TANH}, accumulate); /* widths read four floats at a time */
    check_gradient(r, &rng, &(shape){3, 32, 32, 1060, SK_TANH}, accumulate);
    check_gradient(r, &rng, &(shape){2, 37, 64, 0, SK_IDENTITY}, accumulate);
    check_gradient(r, &rng, &(shape){2, 9, 128, 0, SK_TANH}, accumulate);
  }
}

Test(apply, backward_equals_finite_differences) {
  rig_each(check_backward);
}
