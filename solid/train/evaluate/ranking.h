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

/* Ranks that are told apart. */
uint32_t sol_evaluation_depth(const solid_evaluate_options *options);

/* By which items of equal score are ordered: it depends on the id alone. */
uint64_t sol_tie_of(solid_bytes id);

/* An item and what orders it: the score first, `tie` among equals. */
typedef struct sol_ranked {
  float score;
  uint32_t item;
  uint64_t tie;
} sol_ranked;

/* For qsort: the best first. */
int sol_ranked_compare(const void *a, const void *b);

/* The items by `score` (V), best first: malloc, or NULL where there is no memory. */
sol_ranked *sol_ranked_all(const solid_dataset *dataset, const float *score);

/* Walks down one user's list, past what is not asked about. */
typedef struct sol_walk {
  const solid_evaluate_options *options;
  uint32_t *seen; /* (V) number of the last user, plus one, whose list the item is not in */
  uint32_t user, target, depth, rank, found;
  uint32_t *shown; /* (SOLID_COVERED_DEPTH) */
} sol_walk;

/* For the user's question; seen was zero at first. */
sol_walk sol_walk_begin(const solid_dataset *dataset, const solid_evaluate_options *options, uint32_t user,
                        uint32_t *seen, uint32_t *shown);
/* The next item of the list. Returns 0 when enough were seen. */
int sol_walk_next(sol_walk *walk, uint32_t item);

/* The 2.5th and 97.5th percentile of n >= 1 values, linear between neighbours; sorts them. */
void sol_metrics_percentiles(double *values, size_t n, double *low, double *high);

#endif
