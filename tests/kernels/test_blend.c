#include "tests/ref/ref_blend.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

static void check_case(rig *r, seed_rng *rng, int64_t n, float a, float b) {
  size_t count = (size_t)n;
  float *x = rig_normal(r, rng, count, 1.0f), *y = rig_normal(r, rng, count, 1.0f);
  if (n > 2) x[1] = NAN;
  double *want = rig_widen(r, y, count);
  sk_blend_args args = {.n = n, .a = a, .b = b, .x = rig_in(r, x, count)};
  args.y = b != 0.0f ? rig_inout(r, y, count) : rig_out(r, count);
  ref_blend(&args, rig_widen(r, x, count), want);
  rig_check(r, "blend", rig_ops(r)->blend(rig_backend(r), &args));
  compare_floats("blend y", rig_read(r, args.y, count), want, count, 1e-6, 1e-6);
  rig_reset(r);
}

static void check_blend(rig *r) {
  seed_rng rng = seed_start(1);
  const int64_t sizes[] = {0, 1, 3, 17, 1000, 100003};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    check_case(r, &rng, sizes[i], 2.0f, 0.0f);
    check_case(r, &rng, sizes[i], -0.5f, 1.0f);
    check_case(r, &rng, sizes[i], 1.0f, 0.25f);
  }
}

Test(blend, equals_the_reference) {
  rig_each(check_blend);
}

static void check_in_place(rig *r) {
  const float x[] = {1.0f, 2.0f, 3.0f};
  const double want[] = {3.0, 6.0, 9.0};
  float *y = rig_inout(r, x, 3);
  const sk_blend_args args = {.n = 3, .a = 2.0f, .b = 1.0f, .x = y, .y = y};
  rig_check(r, "blend", rig_ops(r)->blend(rig_backend(r), &args));
  compare_floats("blend y", rig_read(r, y, 3), want, 3, 0.0, 0.0);
}

Test(blend, works_in_place) {
  rig_each(check_in_place);
}
