/* From ranks to figures. A rank is the number of items that stand before the target: 0 is the best.
 *
 *   HR@k = mean [rank < k]    NDCG@k = mean [rank < k] / log2(rank + 2)    MRR@k = mean [rank < k] / (rank + 1)
 */
#ifndef SOLID_TRAIN_EVALUATE_METRICS_H
#define SOLID_TRAIN_EVALUATE_METRICS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

#define SOL_RANK_DEPTH  20         /* ranks are told apart up to here */
#define SOL_RANK_BEYOND UINT32_MAX /* the target is not among the first SOL_RANK_DEPTH */

/* The order of the figures; sol_metric_names has the same. */
typedef enum sol_metric {
  SOL_HR_5,
  SOL_HR_10,
  SOL_HR_20,
  SOL_NDCG_5,
  SOL_NDCG_10,
  SOL_NDCG_20,
  SOL_MRR_5,
  SOL_MRR_10,
  SOL_MRR_20,
  SOL_METRICS
} sol_metric;

extern const char *const sol_metric_names[SOL_METRICS]; /* "hr@5", ... */

typedef struct sol_metrics {
  double value[SOL_METRICS];
} sol_metrics;

/* All zero for n = 0. */
void sol_metrics_of(const uint32_t *ranks, size_t n, sol_metrics *metrics);

/* 95 % interval of each figure over users: percentiles 2.5 and 97.5 (linear between neighbours) of `resamples` draws of
 * n users with replacement. EINVAL: n or resamples is 0. ENOMEM. */
solid_status sol_metrics_interval(const uint32_t *ranks, size_t n, uint32_t resamples, uint64_t seed, sol_metrics *low,
                                  sol_metrics *high);

/* The 2.5th and 97.5th percentile of n >= 1 values, linear between neighbours; sorts them. */
void sol_metrics_percentiles(double *values, size_t n, double *low, double *high);

#endif
