/* Is A better than B? Both have ranked for the same users, so each user's difference is one observation. That some
 * users are easier than others cancels out, and the interval is narrower than those of A and B suggest.
 *
 *   d_u = mean of f(rank_u) over the runs of A - the same over the runs of B
 *   f   = a metric of one user, e.g. [r < 10] / log2(r + 2)
 *
 * The interval is that of mean_u d_u when users are resampled with replacement (paired bootstrap; Sakai 2006 for
 * retrieval): it says how much the choice of users matters. It does not contain the variation between seeds; averaging
 * several runs per side makes that small. */
#ifndef SOLID_TRAIN_COMPARE_H
#define SOLID_TRAIN_COMPARE_H

#include "solid/train/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs of one side: ranks of the same users in the same order, as solid_evaluation's. */
typedef struct solid_runs {
  const uint32_t *const *ranks; /* (runs) of (users) */
  size_t runs;
} solid_runs;

typedef struct solid_comparison {
  solid_metrics a, b;          /* means of each side */
  solid_metrics difference;    /* a - b */
  solid_metrics low, high;     /* percentiles 2.5 and 97.5 */
  solid_metrics better, worse; /* shares of the users with d_u above 0, below 0 */
} solid_comparison;

/* EINVAL: a side without runs, no users, no resamples. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_compare_ranks(solid_comparison *out, const solid_runs *a,
                                                              const solid_runs *b, size_t users, uint32_t resamples,
                                                              uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
