#include "solid/train/compare.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/evaluate/ranking.h"
#include <math.h>
#include <stdlib.h>

/* Each user's mean over the runs, into `of` (users, SOLID_METRICS). */
static void average(const solid_runs *side, size_t users, double *of) {
  for (size_t u = 0; u < users; u++) {
    double *row = of + u * SOLID_METRICS;
    for (int m = 0; m < SOLID_METRICS; m++) row[m] = 0;
    for (size_t r = 0; r < side->runs; r++) {
      solid_metrics one;
      solid_metrics_of(&side->ranks[r][u], 1, &one);
      for (int m = 0; m < SOLID_METRICS; m++) row[m] += one.value[m];
    }
    for (int m = 0; m < SOLID_METRICS; m++) row[m] /= (double)side->runs;
  }
}

static void mean_of(const double *of, size_t users, solid_metrics *mean) {
  *mean = (solid_metrics){{0}};
  for (size_t u = 0; u < users; u++)
    for (int m = 0; m < SOLID_METRICS; m++) mean->value[m] += of[u * SOLID_METRICS + (size_t)m];
  for (int m = 0; m < SOLID_METRICS; m++) mean->value[m] /= (double)users;
}

/* A difference that is only rounding of the means must not count as a win. */
#define SAME 1e-12

static void count_signs(const double *difference, size_t users, solid_comparison *made) {
  for (size_t u = 0; u < users; u++)
    for (int m = 0; m < SOLID_METRICS; m++) {
      made->better.value[m] += difference[u * SOLID_METRICS + (size_t)m] > SAME;
      made->worse.value[m] += difference[u * SOLID_METRICS + (size_t)m] < -SAME;
    }
  for (int m = 0; m < SOLID_METRICS; m++) {
    made->better.value[m] /= (double)users;
    made->worse.value[m] /= (double)users;
  }
}

/* Row m of drawn (SOLID_METRICS, resamples) gets the means of metric m. */
static void resample(const double *difference, size_t users, uint32_t resamples, uint64_t seed, double *drawn) {
  sol_random random = sol_random_start(seed, 3);
  for (uint32_t r = 0; r < resamples; r++) {
    double sum[SOLID_METRICS] = {0};
    for (size_t i = 0; i < users; i++) {
      const double *row = difference + sol_random_below(&random, users) * SOLID_METRICS;
      for (int m = 0; m < SOLID_METRICS; m++) sum[m] += row[m];
    }
    for (size_t m = 0; m < SOLID_METRICS; m++) drawn[m * resamples + r] = sum[m] / (double)users;
  }
}

solid_status solid_compare_ranks(solid_comparison *out, const solid_runs *a, const solid_runs *b, size_t users,
                                 uint32_t resamples, uint64_t seed) {
  if (!out || !a || !b) return solid_fail(SOLID_EINVAL, "compare: NULL argument");
  if (!a->runs || !b->runs || !users || !resamples)
    return solid_fail(SOLID_EINVAL, "compare: %zu runs with %zu, %zu users, %u resamples", a->runs, b->runs, users,
                      resamples);
  solid_comparison made = {0};
  double *of_a = malloc(users * SOLID_METRICS * sizeof *of_a), *of_b = malloc(users * SOLID_METRICS * sizeof *of_b);
  double *drawn = malloc((size_t)SOLID_METRICS * resamples * sizeof *drawn);
  solid_status status = SOLID_OK;
  if (!of_a || !of_b || !drawn) {
    status = solid_fail(SOLID_ENOMEM, "no memory to compare for %zu users", users);
    goto done;
  }
  average(a, users, of_a);
  average(b, users, of_b);
  mean_of(of_a, users, &made.a);
  mean_of(of_b, users, &made.b);
  for (size_t i = 0; i < users * SOLID_METRICS; i++) of_a[i] -= of_b[i];
  mean_of(of_a, users, &made.difference);
  count_signs(of_a, users, &made);
  resample(of_a, users, resamples, seed, drawn);
  for (size_t m = 0; m < SOLID_METRICS; m++)
    sol_metrics_percentiles(drawn + m * resamples, resamples, &made.low.value[m], &made.high.value[m]);
  *out = made;

done:
  free(of_a);
  free(of_b);
  free(drawn);
  return status;
}
