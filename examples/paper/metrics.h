/* The figures of the paper's protocol (definitions of the authors' util/new_metrics.py). Rows are candidates, a user's
 * rows side by side; a run of equal users is a group.
 *
 *   AUC     over all rows together: share of (positive, negative) pairs in order, a tie counts half
 *   UAUC    mean over groups of the group's AUC; groups without a positive or without a negative are left out
 *   logloss mean of -log p of what happened, p kept within 1e-15 of 0 and 1
 *   NDCG@n  mean over groups with a positive of DCG / IDCG, gains 1 / log2(place + 2)
 *   HR@n    share of groups with a positive that have one among the first n
 *
 * Equal scores: SOL_PAPER_TIES_EXPECTED takes the expected value over all orders of the tied rows, which favours
 * nobody; SOL_PAPER_TIES_FILE lets the row that comes first in the file win, as the authors' stable sort does. */
#ifndef EXAMPLES_PAPER_METRICS_H
#define EXAMPLES_PAPER_METRICS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct sol_paper_row {
  uint32_t user;
  float score; /* a probability */
  int32_t label;
} sol_paper_row;

typedef enum sol_paper_ties { SOL_PAPER_TIES_EXPECTED, SOL_PAPER_TIES_FILE } sol_paper_ties;

#define SOL_PAPER_DEPTHS 3 /* 5, 10, 20 */
extern const uint32_t sol_paper_depths[SOL_PAPER_DEPTHS];

typedef struct sol_paper_metrics {
  double auc, uauc, logloss;
  double ndcg[SOL_PAPER_DEPTHS], hr[SOL_PAPER_DEPTHS];
  size_t users; /* groups */
} sol_paper_metrics;

/* EINVAL: no row, no positive or no negative at all; ERANGE: a score that is not within 0 .. 1. ENOMEM. */
solid_status sol_paper_metrics_of(const sol_paper_row *rows, size_t n, sol_paper_ties ties, sol_paper_metrics *out);

/* NDCG@depth and HR@depth alone. Both 0 without a group that counts. ENOMEM. */
solid_status sol_paper_ndcg_hr(const sol_paper_row *rows, size_t n, uint32_t depth, sol_paper_ties ties, double *ndcg,
                               double *hr);

#endif
