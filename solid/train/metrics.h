/* Metrics of ranks. A rank is the number of items before the target: 0 is the best.
 *
 *   HR@k = mean [rank < k]    NDCG@k = mean [rank < k] / log2(rank + 2)    MRR@k = mean [rank < k] / (rank + 1)
 */
#ifndef SOLID_TRAIN_METRICS_H
#define SOLID_TRAIN_METRICS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_RANK_DEPTH  20         /* ranks from here on are not distinguished */
#define SOLID_RANK_BEYOND UINT32_MAX /* the target is not among the first SOLID_RANK_DEPTH */

/* The order of the figures; solid_metric_names has the same. */
typedef enum solid_metric {
  SOLID_HR_5,
  SOLID_HR_10,
  SOLID_HR_20,
  SOLID_NDCG_5,
  SOLID_NDCG_10,
  SOLID_NDCG_20,
  SOLID_MRR_5,
  SOLID_MRR_10,
  SOLID_MRR_20,
  SOLID_METRICS
} solid_metric;

extern SOLID_API const char *const solid_metric_names[SOLID_METRICS]; /* "hr@5", ... */

typedef struct solid_metrics {
  double value[SOLID_METRICS];
} solid_metrics;

/* All zero for n = 0. */
SOLID_API void solid_metrics_of(const uint32_t *ranks, size_t n, solid_metrics *metrics);

/* 95 % interval of each figure over users: percentiles 2.5 and 97.5 (linear between neighbours) of `resamples` draws of
 * n users with replacement. EINVAL: n or resamples is 0. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_metrics_interval(const uint32_t *ranks, size_t n, uint32_t resamples,
                                                                 uint64_t seed, solid_metrics *low,
                                                                 solid_metrics *high);

#define SOLID_CUTOFF_MAX 1000

/* Figures at a cutoff of the caller's choice. Each user has one target: recall is HR, MAP is MRR. */
typedef struct solid_cutoff {
  uint32_t k;
  double recall, precision, ndcg, map; /* mean [rank < k], the same / k, and as above */
} solid_cutoff;

/* The figures at each of `count` cutoffs k (1 .. SOLID_CUTOFF_MAX) into value (count), with their intervals as those of
 * solid_metrics_interval in low and high (count; k is set in all). Ranks must be known up to the largest k
 * (solid_evaluate_options.depth). EINVAL as above. ERANGE: a cutoff. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_metrics_cutoffs(const uint32_t *ranks, size_t n, const uint32_t *k,
                                                                size_t count, uint32_t resamples, uint64_t seed,
                                                                solid_cutoff *value, solid_cutoff *low,
                                                                solid_cutoff *high);

#ifdef __cplusplus
}
#endif
#endif
