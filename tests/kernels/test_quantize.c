#include "tests/ref/ref_quantize.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

typedef struct shape {
  int32_t n, d, levels, k;
} shape;

/* Codes may differ where two distances do by less than 1e-5 relative: then the row is judged by its distance alone. */
static void judge_row(const shape *s, const double *x, const double *centroids, const int32_t *got) {
  double r[512];
  for (int32_t i = 0; i < s->d; i++) r[i] = x[i];
  for (int32_t level = 0; level < s->levels; level++) {
    const double *c = centroids + (int64_t)level * s->k * s->d;
    cr_assert(got[level] >= 0 && got[level] < s->k, "code %d of level %d, k %d", got[level], level, s->k);
    double mine = ref_distance(s->d, r, c + (int64_t)got[level] * s->d), best = INFINITY;
    for (int32_t k = 0; k < s->k; k++) best = fmin(best, ref_distance(s->d, r, c + (int64_t)k * s->d));
    cr_assert(mine <= best + 1e-5 * (1.0 + best), "level %d: distance %.9g, nearest %.9g", level, mine, best);
    for (int32_t i = 0; i < s->d; i++) r[i] -= c[(int64_t)got[level] * s->d + i];
  }
}

static void check_case(rig *r, seed_rng *rng, const shape *s, int with_residual) {
  size_t x_count = (size_t)(s->n * s->d), c_count = (size_t)(s->levels * s->k * s->d),
         codes = (size_t)(s->n * s->levels);
  float *x = rig_normal(r, rng, x_count, 1.0f), *c = rig_normal(r, rng, c_count, 0.7f);
  sk_quantize_args a = {.n = s->n, .d = s->d, .levels = s->levels, .k = s->k};
  a.x = rig_in(r, x, x_count);
  a.centroids = rig_in(r, c, c_count);
  a.codes = rig_out_int(r, codes);
  a.residual = with_residual ? rig_out(r, x_count) : NULL;
  rig_check(r, "quantize", rig_ops(r)->quantize(rig_backend(r), &a));
  const int32_t *got = rig_read_int(r, a.codes, codes);
  double *xw = rig_widen(r, x, x_count), *cw = rig_widen(r, c, c_count), *want = rig_widen(r, x, x_count);
  for (int32_t row = 0; row < s->n; row++) {
    judge_row(s, xw + (int64_t)row * s->d, cw, got + (int64_t)row * s->levels);
    for (int32_t level = 0; level < s->levels; level++)
      for (int32_t i = 0; i < s->d; i++)
        want[row * s->d + i] -= cw[((int64_t)level * s->k + got[row * s->levels + level]) * s->d + i];
  }
  if (with_residual) compare_floats("quantize residual", rig_read(r, a.residual, x_count), want, x_count, 1e-5, 1e-5);
  rig_reset(r);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(71);
  const shape shapes[] = {{0, 3, 2, 4},     {1, 1, 1, 1},       {7, 5, 3, 9},    {130, 33, 3, 256},
                          {65, 64, 2, 700}, {300, 128, 3, 256}, {20, 200, 2, 50}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_case(r, &rng, &shapes[i], (int)(i % 2)), check_case(r, &rng, &shapes[i], (int)(1 - i % 2));
}

Test(quantize, finds_the_nearest_at_every_level) {
  rig_each(check_forward);
}

/* Small whole numbers: every distance is exact, ties are many, and codes and residual must equal the reference. */
static void check_ties(rig *r) {
  seed_rng rng = seed_start(72);
  enum { N = 200, D = 3, LEVELS = 3, K = 300 };
  float *x = rig_normal(r, &rng, N * D, 0.0f), *c = rig_normal(r, &rng, LEVELS * K * D, 0.0f);
  for (size_t i = 0; i < N * D; i++) x[i] = (float)(seed_below(&rng, 9) - 4);
  for (size_t i = 0; i < LEVELS * K * D; i++) c[i] = (float)(seed_below(&rng, 5) - 2);
  sk_quantize_args a = {.n = N, .d = D, .levels = LEVELS, .k = K};
  a.x = rig_in(r, x, N * D);
  a.centroids = rig_in(r, c, LEVELS * K * D);
  a.codes = rig_out_int(r, N * LEVELS);
  a.residual = rig_out(r, N * D);
  int32_t want[N * LEVELS];
  double *residual = rig_zeros(r, N * D);
  ref_quantize(&a, rig_widen(r, x, N * D), rig_widen(r, c, LEVELS * K * D), want, residual);
  rig_check(r, "quantize", rig_ops(r)->quantize(rig_backend(r), &a));
  compare_ints("quantize codes", rig_read_int(r, a.codes, N * LEVELS), want, N * LEVELS);
  compare_floats("quantize residual", rig_read(r, a.residual, N * D), residual, N * D, 0.0, 0.0);
  rig_reset(r);
}

Test(quantize, gives_ties_to_the_lowest_code) {
  rig_each(check_ties);
}

/* A row with a NaN or an infinity has no codes, and its neighbours keep theirs. */
static void check_nan(rig *r) {
  const float x[] = {1.0f, 1.0f, NAN, 0.0f, 0.0f, -INFINITY, -1.0f, -1.0f};
  const float c[] = {-1.0f, -1.0f, 1.0f, 1.0f, 0.0f, 0.0f, 5.0f, 5.0f};
  const int32_t none = SK_CODE_NONE, want[] = {1, 0, none, none, none, none, 0, 0};
  sk_quantize_args a = {.n = 4, .d = 2, .levels = 2, .k = 2};
  a.x = rig_in(r, x, 8);
  a.centroids = rig_in(r, c, 8);
  a.codes = rig_out_int(r, 8);
  rig_check(r, "quantize", rig_ops(r)->quantize(rig_backend(r), &a));
  compare_ints("quantize codes", rig_read_int(r, a.codes, 8), want, 8);
  rig_reset(r);
}

Test(quantize, gives_no_code_to_a_row_that_is_not_finite) {
  rig_each(check_nan);
}
