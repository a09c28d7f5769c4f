/* Measures beside accuracy, of the first SOLID_COVERED_DEPTH items of each ranking: how evenly items are shown, how
 * diverse a list is, and how unexpected its items are.
 *
 *   gini        over the items of the data, x ascending, x_i = how often item i was shown (Gini 1912; for
 *               recommendations Fleder and Hosanagar 2009): sum_i (2 i - V - 1) x_i / (V sum_i x_i), i from 1.
 *               0 = all items equally often, near 1 = one item only
 *   diversity   intra-list (Smyth and McClave 2001; Ziegler et al. 2005): mean over users of the mean over their pairs
 *               of shown items of 1 - cosine of the two vectors. Compare rankings by the same vectors
 *   novelty     mean self-information (Zhou et al. 2010): mean over the shown items of -log2 p_v, where
 *               p_v = (n_v + 1) / (n + V) is the item's share of the n training events, one added to every item so
 *               that one without events has a finite value
 */
#ifndef SOLID_TRAIN_BEYOND_H
#define SOLID_TRAIN_BEYOND_H

#include "solid/train/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_beyond {
  double gini, novelty;
  double diversity; /* -1 without vectors, or if no list has two items */
} solid_beyond;

/* Items that the dataset does not know (SOLID_NO_ID in `shown`) are left out. vectors (V of the dataset, width) or
 * NULL. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_beyond_of(solid_beyond *out, const solid_evaluation *evaluation,
                                                          const solid_dataset *dataset, const float *vectors,
                                                          uint32_t width);

#ifdef __cplusplus
}
#endif
#endif
