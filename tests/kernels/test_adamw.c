#include "tests/ref/ref_adamw.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

typedef struct adamw_case {
  int64_t n, step;
  int clip, average; /* clip: 1 = of a norm below the most, 2 = above, 3 = of a NaN norm */
} adamw_case;

static void check_case(rig *r, seed_rng *rng, const adamw_case *c) {
  size_t n = (size_t)c->n;
  float *w = rig_normal(r, rng, n, 1.0f), *m = rig_normal(r, rng, n, 0.1f), *v = rig_normal(r, rng, n, 0.1f);
  float *grad = rig_normal(r, rng, n, 0.5f), *average = rig_normal(r, rng, n, 1.0f);
  for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]);
  if (n > 5) grad[4] = NAN;
  const float sumsq = c->clip == 3 ? NAN : c->clip == 2 ? 100.0f : 0.01f;
  const double sumsq_wide = (double)sumsq;
  sk_adamw_args a = {.n = c->n,
                     .lr = 1e-2f,
                     .b1 = 0.9f,
                     .b2 = 0.98f,
                     .eps = 1e-8f,
                     .decay = 0.01f,
                     .step = c->step,
                     .grad = rig_in(r, grad, n),
                     .sumsq = c->clip ? rig_in(r, &sumsq, 1) : NULL,
                     .max_norm = 5.0f,
                     .w = rig_inout(r, w, n),
                     .m = rig_inout(r, m, n),
                     .v = rig_inout(r, v, n),
                     .average = c->average ? rig_inout(r, average, n) : NULL,
                     .average_keep = 0.99f};
  double *want_w = rig_widen(r, w, n), *want_m = rig_widen(r, m, n), *want_v = rig_widen(r, v, n);
  double *want_average = c->average ? rig_widen(r, average, n) : NULL;
  ref_adamw(&a, rig_widen(r, grad, n), c->clip ? &sumsq_wide : NULL, want_w, want_m, want_v, want_average);
  rig_check(r, "adamw", rig_ops(r)->adamw(rig_backend(r), &a));
  compare_floats("adamw w", rig_read(r, a.w, n), want_w, n, 1e-6, 1e-5);
  compare_floats("adamw m", rig_read(r, a.m, n), want_m, n, 1e-7, 1e-5);
  compare_floats("adamw v", rig_read(r, a.v, n), want_v, n, 1e-7, 1e-5);
  if (c->average) compare_floats("adamw average", rig_read(r, a.average, n), want_average, n, 1e-6, 1e-5);
  rig_reset(r);
}

static void check_adamw(rig *r) {
  seed_rng rng = seed_start(1);
  const adamw_case cases[] = {{0, 1, 0, 0},  {1, 1, 0, 0},         {7, 1, 1, 1},     {7, 3, 2, 0}, {1000, 10, 2, 1},
                              {33, 5, 1, 0}, {20001, 10000, 2, 1}, {20001, 1, 0, 1}, {9, 2, 3, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_case(r, &rng, &cases[i]);
}

Test(adamw, equals_the_reference) {
  rig_each(check_adamw);
}

/* A gradient of zero moves a weight by its decay alone, and a norm of zero clips nothing. */
static void check_zero(rig *r) {
  const float zero = 0.0f, one = 1.0f;
  sk_adamw_args a = {.n = 1,
                     .lr = 0.5f,
                     .b1 = 0.9f,
                     .b2 = 0.999f,
                     .eps = 1e-8f,
                     .decay = 0.5f,
                     .step = 1,
                     .grad = rig_in(r, &zero, 1),
                     .sumsq = rig_in(r, &zero, 1),
                     .max_norm = 1.0f,
                     .w = rig_inout(r, &one, 1),
                     .m = rig_inout(r, &zero, 1),
                     .v = rig_inout(r, &zero, 1)};
  const double want = 0.75;
  rig_check(r, "adamw", rig_ops(r)->adamw(rig_backend(r), &a));
  compare_floats("adamw w", rig_read(r, a.w, 1), &want, 1, 1e-7, 0.0);
}

Test(adamw, takes_a_gradient_of_zero) {
  rig_each(check_zero);
}
