#include "solid/train/metrics.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* Three users with 6, 5 and 6 candidates whose positives stand at 0, 2 and 5 of them (papers' sample of scores): HR and
 * NDCG at 5 are 2/3 and 1/2; all positives found, NDCG is .618736. */
Test(metrics, published_sample) {
  const float scores[3][6] = {{.151f, .152f, .103f, .174f, .135f, .126f},
                              {.151f, .152f, .103f, .174f, .135f, -1},
                              {.151f, .152f, .103f, .174f, .135f, .126f}};
  const int positive[] = {3, 0, 2};
  uint32_t ranks[3] = {0};
  for (int u = 0; u < 3; u++)
    for (int i = 0; i < 6; i++) ranks[u] += scores[u][i] > scores[u][positive[u]];
  solid_metrics metrics;
  solid_metrics_of(ranks, 3, &metrics);
  cr_assert_float_eq(metrics.value[SOLID_HR_5], .666667, 1e-6);
  cr_assert_float_eq(metrics.value[SOLID_NDCG_5], .5, 1e-6);
  cr_assert_float_eq(metrics.value[SOLID_HR_10], 1, 1e-6);
  cr_assert_float_eq(metrics.value[SOLID_NDCG_10], .618736, 1e-6);
}

Test(metrics, by_hand) {
  const uint32_t ranks[] = {0, 4, 5, 9, 10, 19, 20, SOLID_RANK_BEYOND};
  solid_metrics m;
  solid_metrics_of(ranks, 8, &m);
  cr_assert_float_eq(m.value[SOLID_HR_5], 2 / 8.0, 1e-12);
  cr_assert_float_eq(m.value[SOLID_HR_10], 4 / 8.0, 1e-12);
  cr_assert_float_eq(m.value[SOLID_HR_20], 6 / 8.0, 1e-12);
  cr_assert_float_eq(m.value[SOLID_NDCG_5], (1 + 1 / log2(6)) / 8, 1e-12);
  cr_assert_float_eq(m.value[SOLID_NDCG_10], (1 + 1 / log2(6) + 1 / log2(7) + 1 / log2(11)) / 8, 1e-12);
  cr_assert_float_eq(m.value[SOLID_MRR_5], (1 + 1 / 5.0) / 8, 1e-12);
  cr_assert_float_eq(m.value[SOLID_MRR_20], (1 + 1 / 5.0 + 1 / 6.0 + .1 + 1 / 11.0 + 1 / 20.0) / 8, 1e-12);
  cr_assert_str_eq(solid_metric_names[SOLID_NDCG_10], "ndcg@10");
  cr_assert_str_eq(solid_metric_names[SOLID_MRR_20], "mrr@20");
  solid_metrics_of(NULL, 0, &m);
  cr_assert_eq(m.value[SOLID_HR_5], 0);
}

/* A hit rate's bootstrap interval is close to the normal one of a binomial share. */
Test(metrics, interval_of_a_share) {
  enum { USERS = 2000 };
  static uint32_t ranks[USERS];
  for (int i = 0; i < USERS; i++) ranks[i] = i % 5 == 0 ? 3 : SOLID_RANK_BEYOND;
  solid_metrics low, high, again, ignored;
  cr_assert_eq(solid_metrics_interval(ranks, USERS, 2000, 1, &low, &high), SOLID_OK);
  double half = 1.96 * sqrt(.2 * .8 / USERS);
  cr_assert_float_eq(low.value[SOLID_HR_10], .2 - half, .1 * half);
  cr_assert_float_eq(high.value[SOLID_HR_10], .2 + half, .1 * half);
  cr_assert_float_eq(low.value[SOLID_NDCG_10], (.2 - half) / log2(5), .1 * half);
  cr_assert_eq(solid_metrics_interval(ranks, USERS, 2000, 1, &again, &ignored), SOLID_OK);
  cr_assert_eq(low.value[SOLID_HR_10], again.value[SOLID_HR_10]);
}

Test(metrics, interval_of_nothing_and_of_the_certain) {
  const uint32_t ranks[] = {0, 0, 0};
  solid_metrics low, high;
  cr_assert_eq(solid_metrics_interval(ranks, 0, 10, 1, &low, &high), SOLID_EINVAL);
  cr_assert_eq(solid_metrics_interval(ranks, 3, 0, 1, &low, &high), SOLID_EINVAL);
  cr_assert_eq(solid_metrics_interval(ranks, 3, 1, 1, &low, &high), SOLID_OK);
  for (int m = 0; m < SOLID_METRICS; m++) cr_assert(low.value[m] == 1 && high.value[m] == 1);
}

Test(metrics, cutoffs_by_hand) {
  const uint32_t ranks[] = {0, 4, 6, 30, 48, 49, 50, SOLID_RANK_BEYOND}, k[] = {1, 7, 50};
  solid_cutoff value[3], low[3], high[3];
  cr_assert_eq(solid_metrics_cutoffs(ranks, 8, k, 3, 200, 1, value, low, high), SOLID_OK);
  cr_assert(value[0].k == 1 && value[1].k == 7 && value[2].k == 50);
  cr_assert_float_eq(value[0].recall, 1 / 8.0, 1e-12);
  cr_assert_float_eq(value[1].recall, 3 / 8.0, 1e-12);
  cr_assert_float_eq(value[1].precision, 3 / 8.0 / 7, 1e-12);
  cr_assert_float_eq(value[1].ndcg, (1 + 1 / log2(6) + 1 / log2(8)) / 8, 1e-12);
  cr_assert_float_eq(value[1].map, (1 + 1 / 5.0 + 1 / 7.0) / 8, 1e-12);
  cr_assert_float_eq(value[2].recall, 6 / 8.0, 1e-12, "rank 49 is the fiftieth place");
  for (int i = 0; i < 3; i++) cr_assert(low[i].recall <= value[i].recall && value[i].recall <= high[i].recall);
  cr_assert_lt(low[1].recall, high[1].recall);
}

/* At the cutoffs that everybody has they are the same figures, with the same intervals. */
Test(metrics, cutoffs_are_the_other_figures) {
  uint32_t ranks[300];
  const uint32_t k[] = {5, 10, 20};
  seed_rng rng = seed_start(3);
  for (int i = 0; i < 300; i++) ranks[i] = (uint32_t)seed_below(&rng, 60);
  solid_metrics value, low, high;
  solid_cutoff at[3], at_low[3], at_high[3];
  solid_metrics_of(ranks, 300, &value);
  cr_assert_eq(solid_metrics_interval(ranks, 300, 100, 7, &low, &high), SOLID_OK);
  cr_assert_eq(solid_metrics_cutoffs(ranks, 300, k, 3, 100, 7, at, at_low, at_high), SOLID_OK);
  for (int i = 0; i < 3; i++) {
    cr_assert_float_eq(at[i].recall, value.value[SOLID_HR_5 + i], 1e-12);
    cr_assert_float_eq(at[i].ndcg, value.value[SOLID_NDCG_5 + i], 1e-12);
    cr_assert_float_eq(at[i].map, value.value[SOLID_MRR_5 + i], 1e-12);
    cr_assert_float_eq(at_low[i].ndcg, low.value[SOLID_NDCG_5 + i], 1e-12);
    cr_assert_float_eq(at_high[i].map, high.value[SOLID_MRR_5 + i], 1e-12);
  }
}

Test(metrics, cutoffs_that_are_none) {
  const uint32_t rank = 0, zero = 0, far = SOLID_CUTOFF_MAX + 1, one = 1;
  solid_cutoff v, l, h;
  cr_assert_eq(solid_metrics_cutoffs(&rank, 1, &zero, 1, 1, 0, &v, &l, &h), SOLID_ERANGE);
  cr_assert_eq(solid_metrics_cutoffs(&rank, 1, &far, 1, 1, 0, &v, &l, &h), SOLID_ERANGE);
  cr_assert_eq(solid_metrics_cutoffs(&rank, 0, &one, 1, 1, 0, &v, &l, &h), SOLID_EINVAL);
}
