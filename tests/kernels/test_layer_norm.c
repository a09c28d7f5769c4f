#include "tests/ref/ref_layer_norm.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

typedef struct norm_case {
  int32_t n, d;
} norm_case;

static const norm_case cases[] = {{0, 8}, {1, 64}, {1, 1}, {5, 3}, {200, 17}, {1100, 64}, {2500, 20}};
enum { CASES = sizeof cases / sizeof cases[0] };

typedef struct norm_input {
  size_t n, d, size;
  float *x, *gamma, *beta;
  double *wide_x, *wide_gamma, *wide_beta;
} norm_input;

static norm_input make_input(rig *r, seed_rng *rng, const norm_case *c) {
  norm_input in = {.n = (size_t)c->n, .d = (size_t)c->d, .size = (size_t)c->n * (size_t)c->d};
  in.x = rig_normal(r, rng, in.size, 2.0f);
  in.gamma = rig_normal(r, rng, in.d, 1.0f);
  in.beta = rig_normal(r, rng, in.d, 1.0f);
  for (size_t i = 0; i < in.size; i++) in.x[i] += 3.0f;
  if (c->n > 3) in.x[2 * in.d] = NAN;
  in.wide_x = rig_widen(r, in.x, in.size);
  in.wide_gamma = rig_widen(r, in.gamma, in.d);
  in.wide_beta = rig_widen(r, in.beta, in.d);
  return in;
}

static void check_forward_case(rig *r, seed_rng *rng, const norm_case *c, int save) {
  norm_input in = make_input(r, rng, c);
  double *want = rig_zeros(r, in.size), *mean = rig_zeros(r, in.n), *rstd = rig_zeros(r, in.n);
  sk_layer_norm_args a = {.n = c->n, .d = c->d, .eps = 1e-5f};
  ref_layer_norm(&a, in.wide_x, in.wide_gamma, in.wide_beta, want, mean, rstd);
  a.x = rig_in(r, in.x, in.size);
  a.gamma = rig_in(r, in.gamma, in.d);
  a.beta = rig_in(r, in.beta, in.d);
  a.y = rig_out(r, in.size);
  if (save) a.mean = rig_out(r, in.n), a.rstd = rig_out(r, in.n);
  rig_check(r, "layer_norm", rig_ops(r)->layer_norm(rig_backend(r), &a));
  compare_floats("layer_norm y", rig_read(r, a.y, in.size), want, in.size, 1e-5, 1e-5);
  if (save) {
    compare_floats("layer_norm mean", rig_read(r, a.mean, in.n), mean, in.n, 1e-5, 1e-6);
    compare_floats("layer_norm rstd", rig_read(r, a.rstd, in.n), rstd, in.n, 1e-5, 1e-5);
  }
  rig_reset(r);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(1);
  for (int i = 0; i < CASES; i++)
    for (int save = 0; save < 2; save++) check_forward_case(r, &rng, &cases[i], save);
}

Test(layer_norm, equals_the_reference) {
  rig_each(check_forward);
}

/* mode: 0 = dx apart, 1 = dx accumulates, 2 = dx is dy */
static void check_backward_case(rig *r, seed_rng *rng, const norm_case *c, int mode) {
  norm_input in = make_input(r, rng, c);
  float *dy = rig_normal(r, rng, in.size, 1.0f), *dx = rig_normal(r, rng, in.size, 1.0f);
  float *dgamma = rig_normal(r, rng, in.d, 1.0f), *dbeta = rig_normal(r, rng, in.d, 1.0f);
  if (c->n > 3) in.x[2 * in.d] = 1.0f, in.wide_x[2 * in.d] = 1.0; /* one NaN would be in every sum */
  double *y = rig_zeros(r, in.size), *mean = rig_zeros(r, in.n), *rstd = rig_zeros(r, in.n);
  double *want = rig_widen(r, dx, in.size), *want_dgamma = rig_widen(r, dgamma, in.d);
  double *want_dbeta = rig_widen(r, dbeta, in.d);
  const sk_layer_norm_args forward = {.n = c->n, .d = c->d, .eps = 1e-5f};
  ref_layer_norm(&forward, in.wide_x, in.wide_gamma, in.wide_beta, y, mean, rstd);
  sk_layer_norm_backward_args a = {.n = c->n, .d = c->d, .accumulate_dx = mode == 1};
  ref_layer_norm_backward(&a, in.wide_x, in.wide_gamma, mean, rstd, rig_widen(r, dy, in.size), want, want_dgamma,
                          want_dbeta);
  float *saved_mean = rig_normal(r, rng, in.n, 0.0f), *saved_rstd = rig_normal(r, rng, in.n, 0.0f);
  for (size_t i = 0; i < in.n; i++) saved_mean[i] = (float)mean[i], saved_rstd[i] = (float)rstd[i];
  a.x = rig_in(r, in.x, in.size);
  a.gamma = rig_in(r, in.gamma, in.d);
  a.mean = rig_in(r, saved_mean, in.n);
  a.rstd = rig_in(r, saved_rstd, in.n);
  a.dx = mode == 2 ? rig_inout(r, dy, in.size) : mode == 1 ? rig_inout(r, dx, in.size) : rig_out(r, in.size);
  a.dy = mode == 2 ? a.dx : rig_in(r, dy, in.size);
  a.dgamma = rig_inout(r, dgamma, in.d);
  a.dbeta = rig_inout(r, dbeta, in.d);
  rig_check(r, "layer_norm_backward", rig_ops(r)->layer_norm_backward(rig_backend(r), &a));
  /* a row of one element has a variance of 0 and rstd = 1 / sqrt(eps): errors grow by as much */
  double absolute = c->d == 1 ? 1e-3 : 2e-5;
  compare_floats("layer_norm dx", rig_read(r, a.dx, in.size), want, in.size, absolute, 1e-4);
  compare_floats("layer_norm dgamma", rig_read(r, a.dgamma, in.d), want_dgamma, in.d, 2e-4, 1e-4);
  compare_floats("layer_norm dbeta", rig_read(r, a.dbeta, in.d), want_dbeta, in.d, 1e-4, 1e-4);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(2);
  for (int i = 0; i < CASES; i++)
    for (int mode = 0; mode < 3; mode++) check_backward_case(r, &rng, &cases[i], mode);
}

Test(layer_norm, backward_equals_the_reference) {
  rig_each(check_backward);
}

static void check_in_place(rig *r) {
  seed_rng rng = seed_start(4);
  norm_input in = make_input(r, &rng, &(norm_case){5, 9});
  double *want = rig_zeros(r, in.size);
  sk_layer_norm_args a = {.n = 5, .d = 9, .eps = 1e-5f};
  ref_layer_norm(&a, in.wide_x, in.wide_gamma, in.wide_beta, want, NULL, NULL);
  a.y = rig_inout(r, in.x, in.size);
  a.x = a.y;
  a.gamma = rig_in(r, in.gamma, in.d);
  a.beta = rig_in(r, in.beta, in.d);
  rig_check(r, "layer_norm", rig_ops(r)->layer_norm(rig_backend(r), &a));
  compare_floats("layer_norm y", rig_read(r, a.y, in.size), want, in.size, 1e-5, 1e-5);
}

Test(layer_norm, works_in_place) {
  rig_each(check_in_place);
}

enum { N = 3, D = 5 };

typedef struct loss {
  double x[N * D], gamma[D], beta[D], dy[N * D];
} loss;

static double loss_value(void *context) {
  const loss *l = context;
  double y[N * D], sum = 0.0;
  const sk_layer_norm_args a = {.n = N, .d = D, .eps = 1e-5f};
  ref_layer_norm(&a, l->x, l->gamma, l->beta, y, NULL, NULL);
  for (int i = 0; i < N * D; i++) sum += l->dy[i] * y[i];
  return sum;
}

Test(layer_norm, reference_gradient_is_the_slope) {
  seed_rng rng = seed_start(3);
  loss l;
  double y[N * D], mean[N], rstd[N], dx[N * D], dgamma[D] = {0.0}, dbeta[D] = {0.0};
  for (int i = 0; i < N * D; i++) l.x[i] = (double)seed_normal(&rng), l.dy[i] = (double)seed_normal(&rng);
  for (int i = 0; i < D; i++) l.gamma[i] = (double)seed_normal(&rng), l.beta[i] = (double)seed_normal(&rng);
  const sk_layer_norm_args forward = {.n = N, .d = D, .eps = 1e-5f};
  const sk_layer_norm_backward_args backward = {.n = N, .d = D};
  ref_layer_norm(&forward, l.x, l.gamma, l.beta, y, mean, rstd);
  ref_layer_norm_backward(&backward, l.x, l.gamma, mean, rstd, l.dy, dx, dgamma, dbeta);
  compare_gradient("layer_norm dx", loss_value, &l, l.x, N * D, dx);
  compare_gradient("layer_norm dgamma", loss_value, &l, l.gamma, D, dgamma);
  compare_gradient("layer_norm dbeta", loss_value, &l, l.beta, D, dbeta);
}
