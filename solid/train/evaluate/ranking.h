/* What the rankings and their figures share. */
#ifndef SOLID_TRAIN_EVALUATE_RANKING_H
#define SOLID_TRAIN_EVALUATE_RANKING_H

#include "solid/train/evaluate.h"

/* What every ranking shares: room for the users that have a target, who they are, and how many do not. ENOTFOUND: none.
 */
solid_status sol_evaluation_open(solid_evaluation *evaluation, const solid_dataset *dataset, solid_part part,
                                 uint32_t items);

/* Share of the `items` marked in covered. */
double sol_evaluation_share(const uint8_t *covered, uint32_t items);

/* The 2.5th and 97.5th percentile of n >= 1 values, linear between neighbours; sorts them. */
void sol_metrics_percentiles(double *values, size_t n, double *low, double *high);

#endif
