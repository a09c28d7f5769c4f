#include "tests/ref/ref_reduce.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

static void check_case(rig *r, seed_rng *rng, int64_t n, sk_reduction kind, int accumulate) {
  size_t count = (size_t)n;
  float *x = rig_normal(r, rng, count, 3.0f);
  const float before = 2.5f;
  double want = (double)before;
  sk_reduce_args a = {.n = n, .kind = kind, .accumulate = accumulate, .x = rig_in(r, x, count)};
  a.out = accumulate ? rig_inout(r, &before, 1) : rig_out(r, 1);
  ref_reduce(&a, rig_widen(r, x, count), &want);
  rig_check(r, "reduce", rig_ops(r)->reduce(rig_backend(r), &a));
  compare_floats("reduce out", rig_read(r, a.out, 1), &want, 1, 1e-9 * (double)n, 1e-7);
  rig_reset(r);
}

static void check_reduce(rig *r) {
  seed_rng rng = seed_start(1);
  const int64_t sizes[] = {0, 1, 3, 17, 1000, 100003};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    for (int accumulate = 0; accumulate < 2; accumulate++) {
      check_case(r, &rng, sizes[i], SK_SUM, accumulate);
      check_case(r, &rng, sizes[i], SK_SUM_SQUARES, accumulate);
    }
}

Test(reduce, equals_the_reference) {
  rig_each(check_reduce);
}

/* A million of 0.1 and one large number: a sum in float loses the small ones. */
static void check_precision(rig *r) {
  enum { N = 1000001 };
  float *x = rig_normal(r, &(seed_rng){1}, N, 0.0f);
  for (int i = 0; i < N; i++) x[i] = 0.1f;
  x[0] = 16777216.0f;
  double want = 0.0;
  sk_reduce_args a = {.n = N, .kind = SK_SUM, .x = rig_in(r, x, N), .out = rig_out(r, 1)};
  ref_reduce(&a, rig_widen(r, x, N), &want);
  rig_check(r, "reduce", rig_ops(r)->reduce(rig_backend(r), &a));
  compare_floats("reduce out", rig_read(r, a.out, 1), &want, 1, 0.0, 1e-7);
}

Test(reduce, sums_in_double) {
  rig_each(check_precision);
}

static void check_nan(rig *r) {
  const float x[] = {1.0f, NAN, 2.0f};
  const double want = NAN;
  sk_reduce_args a = {.n = 3, .kind = SK_SUM_SQUARES, .x = rig_in(r, x, 3), .out = rig_out(r, 1)};
  rig_check(r, "reduce", rig_ops(r)->reduce(rig_backend(r), &a));
  compare_floats("reduce out", rig_read(r, a.out, 1), &want, 1, 0.0, 0.0);
}

Test(reduce, keeps_nan) {
  rig_each(check_nan);
}
