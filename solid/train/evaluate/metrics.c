#include "solid/train/metrics.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/evaluate/ranking.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CUTOFFS 3

static const uint32_t cutoffs[CUTOFFS] = {5, 10, SOLID_RANK_DEPTH};

const char *const solid_metric_names[SOLID_METRICS] = {"hr@5",    "hr@10", "hr@20",  "ndcg@5", "ndcg@10",
                                                       "ndcg@20", "mrr@5", "mrr@10", "mrr@20"};

/* Every figure is a function of how often each rank occurs; the last cell holds what is beyond. */
static void from_counts(const size_t counts[SOLID_RANK_DEPTH + 1], size_t n, solid_metrics *metrics) {
  memset(metrics, 0, sizeof *metrics);
  if (!n) return;
  for (int c = 0; c < CUTOFFS; c++) {
    double hr = 0, ndcg = 0, mrr = 0;
    for (uint32_t rank = 0; rank < cutoffs[c]; rank++) {
      double count = (double)counts[rank];
      hr += count;
      ndcg += count / log2(rank + 2.0);
      mrr += count / (rank + 1.0);
    }
    metrics->value[SOLID_HR_5 + c] = hr / (double)n;
    metrics->value[SOLID_NDCG_5 + c] = ndcg / (double)n;
    metrics->value[SOLID_MRR_5 + c] = mrr / (double)n;
  }
}

static uint32_t cell_of(uint32_t rank) {
  return rank < SOLID_RANK_DEPTH ? rank : SOLID_RANK_DEPTH;
}

void solid_metrics_of(const uint32_t *ranks, size_t n, solid_metrics *metrics) {
  size_t counts[SOLID_RANK_DEPTH + 1] = {0};
  for (size_t i = 0; i < n; i++) counts[cell_of(ranks[i])]++;
  from_counts(counts, n, metrics);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double share) {
  double at = share * (double)(n - 1);
  size_t below = (size_t)at;
  if (below + 1 >= n) return sorted[n - 1];
  return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void sol_metrics_percentiles(double *values, size_t n, double *low, double *high) {
  qsort(values, n, sizeof *values, ascending);
  *low = percentile(values, n, 0.025);
  *high = percentile(values, n, 0.975);
}

solid_status solid_metrics_interval(const uint32_t *ranks, size_t n, uint32_t resamples, uint64_t seed,
                                    solid_metrics *low, solid_metrics *high) {
  if (!n || !resamples) return solid_fail(SOLID_EINVAL, "interval of %zu users in %u resamples", n, resamples);
  double *drawn = malloc((size_t)SOLID_METRICS * resamples * sizeof *drawn); /* (SOLID_METRICS, resamples) */
  if (!drawn) return solid_fail(SOLID_ENOMEM, "no memory for %u resamples", resamples);
  sol_random random = sol_random_start(seed, 2);
  for (uint32_t r = 0; r < resamples; r++) {
    size_t counts[SOLID_RANK_DEPTH + 1] = {0};
    solid_metrics metrics;
    for (size_t i = 0; i < n; i++) counts[cell_of(ranks[sol_random_below(&random, n)])]++;
    from_counts(counts, n, &metrics);
    for (size_t m = 0; m < SOLID_METRICS; m++) drawn[m * resamples + r] = metrics.value[m];
  }
  for (size_t m = 0; m < SOLID_METRICS; m++)
    sol_metrics_percentiles(drawn + m * resamples, resamples, &low->value[m], &high->value[m]);
  free(drawn);
  return SOLID_OK;
}
