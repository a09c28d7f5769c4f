/* The paired comparison against a naive one that goes through the definition, and on cases with a known answer. */
#include "solid/base/random.h"
#include "solid/train/compare.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { USERS = 400, RESAMPLES = 300 };

/* f of one user, from the formulas of metrics.h. */
static double value_of(uint32_t rank, int metric) {
  static const uint32_t cutoffs[] = {5, 10, 20};
  if (rank >= cutoffs[metric % 3]) return 0;
  return metric / 3 == 0 ? 1 : metric / 3 == 1 ? 1 / log2(rank + 2.0) : 1 / (rank + 1.0);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(double *values, int n, double share) {
  qsort(values, (size_t)n, sizeof *values, ascending);
  double at = share * (n - 1), below = floor(at);
  int i = (int)below;
  return i + 1 < n ? values[i] * (1 - (at - below)) + values[i + 1] * (at - below) : values[i];
}

static void fill(uint32_t *ranks, seed_rng *rng, int reach) {
  for (int u = 0; u < USERS; u++) {
    int rank = seed_below(rng, reach);
    ranks[u] = rank < SOLID_RANK_DEPTH ? (uint32_t)rank : SOLID_RANK_BEYOND;
  }
}

Test(compare, agrees_with_the_definition) {
  static uint32_t a[3][USERS], b[2][USERS];
  seed_rng rng = seed_start(8);
  for (int r = 0; r < 3; r++) fill(a[r], &rng, 30);
  for (int r = 0; r < 2; r++) fill(b[r], &rng, 40);
  const uint32_t *const runs_a[] = {a[0], a[1], a[2]}, *const runs_b[] = {b[0], b[1]};
  const solid_runs side_a = {runs_a, 3}, side_b = {runs_b, 2};
  solid_comparison made;
  cr_assert_eq(solid_compare_ranks(&made, &side_a, &side_b, USERS, RESAMPLES, 5), SOLID_OK);
  for (int m = 0; m < SOLID_METRICS; m++) {
    double d[USERS], mean_a = 0, mean_b = 0, mean_d = 0, drawn[RESAMPLES];
    int better = 0, worse = 0;
    for (int u = 0; u < USERS; u++) {
      double of_a = 0, of_b = 0;
      for (int r = 0; r < 3; r++) of_a += value_of(a[r][u], m) / 3;
      for (int r = 0; r < 2; r++) of_b += value_of(b[r][u], m) / 2;
      d[u] = of_a - of_b;
      mean_a += of_a / USERS, mean_b += of_b / USERS, mean_d += d[u] / USERS;
      better += d[u] > 1e-9, worse += d[u] < -1e-9;
    }
    sol_random random = sol_random_start(5, 3); /* the library's stream, so that the draws are the same */
    for (int r = 0; r < RESAMPLES; r++) {
      drawn[r] = 0;
      for (int i = 0; i < USERS; i++) drawn[r] += d[sol_random_below(&random, USERS)] / USERS;
    }
    cr_assert_float_eq(made.a.value[m], mean_a, 1e-12);
    cr_assert_float_eq(made.b.value[m], mean_b, 1e-12);
    cr_assert_float_eq(made.difference.value[m], mean_d, 1e-12);
    cr_assert_float_eq(made.better.value[m], better / (double)USERS, 1e-12);
    cr_assert_float_eq(made.worse.value[m], worse / (double)USERS, 1e-12);
    cr_assert_float_eq(made.low.value[m], quantile(drawn, RESAMPLES, 0.025), 1e-12);
    cr_assert_float_eq(made.high.value[m], quantile(drawn, RESAMPLES, 0.975), 1e-12);
  }
}

/* By hand, four users: hr@5 is 1, 1, 0, 0 against 1, 0, 0, 1. */
Test(compare, by_hand) {
  const uint32_t a[] = {0, 4, 5, 20}, b[] = {1, SOLID_RANK_BEYOND, 9, 3};
  const uint32_t *const runs_a[] = {a}, *const runs_b[] = {b};
  const solid_runs side_a = {runs_a, 1}, side_b = {runs_b, 1};
  solid_comparison made;
  cr_assert_eq(solid_compare_ranks(&made, &side_a, &side_b, 4, 100, 0), SOLID_OK);
  cr_assert_float_eq(made.difference.value[SOLID_HR_5], 0, 1e-12);
  cr_assert_float_eq(made.better.value[SOLID_HR_5], 0.25, 1e-12);
  cr_assert_float_eq(made.worse.value[SOLID_HR_5], 0.25, 1e-12);
  cr_assert_float_eq(made.difference.value[SOLID_MRR_10], (1 - 0.5 + 0.2 + 1 / 6.0 - 0.1 - 0.25) / 4, 1e-12);
  cr_assert_float_eq(made.better.value[SOLID_MRR_10], 0.75, 1e-12);
}

/* Users that are hard for both: the paired interval knows that A is better where the two single ones overlap. */
Test(compare, pairs_are_sharper_than_two_intervals) {
  static uint32_t a[USERS], b[USERS];
  for (int u = 0; u < USERS; u++) {
    b[u] = u % 2 ? 1 : SOLID_RANK_BEYOND;
    a[u] = u % 2 ? (u % 20 == 1 ? 1 : 0) : SOLID_RANK_BEYOND;
  }
  const uint32_t *const runs_a[] = {a}, *const runs_b[] = {b};
  const solid_runs side_a = {runs_a, 1}, side_b = {runs_b, 1};
  solid_comparison made;
  solid_metrics low_a, high_a, low_b, high_b;
  cr_assert_eq(solid_compare_ranks(&made, &side_a, &side_b, USERS, 1000, 0), SOLID_OK);
  cr_assert_eq(solid_metrics_interval(a, USERS, 1000, 0, &low_a, &high_a), SOLID_OK);
  cr_assert_eq(solid_metrics_interval(b, USERS, 1000, 0, &low_b, &high_b), SOLID_OK);
  double width = made.high.value[SOLID_NDCG_10] - made.low.value[SOLID_NDCG_10];
  cr_assert_gt(made.low.value[SOLID_NDCG_10], 0);
  cr_assert_lt(width, 0.8 * (high_a.value[SOLID_NDCG_10] - low_a.value[SOLID_NDCG_10]));
  cr_assert(made.low.value[SOLID_HR_10] == 0 && made.high.value[SOLID_HR_10] == 0, "both hit the same users");
}

Test(compare, refuses_nothing_to_compare) {
  const uint32_t a[] = {1};
  const uint32_t *const runs[] = {a};
  const solid_runs side = {runs, 1}, none = {runs, 0};
  solid_comparison made;
  cr_assert_eq(solid_compare_ranks(&made, &side, &none, 1, 10, 0), SOLID_EINVAL);
  cr_assert_eq(solid_compare_ranks(&made, &side, &side, 0, 10, 0), SOLID_EINVAL);
  cr_assert_eq(solid_compare_ranks(&made, &side, &side, 1, 0, 0), SOLID_EINVAL);
  cr_assert_eq(solid_compare_ranks(&made, &side, &side, 1, 10, 0), SOLID_OK);
}
