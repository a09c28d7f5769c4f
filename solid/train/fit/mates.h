/* An item's mates: the nearest by content of those that share its first code. In training one of them sometimes
 * replaces the item, so that similar items learn from one another (stochastic shared embeddings, Wu et al. 2019, with
 * codebook and content for the graph). */
#ifndef SOLID_TRAIN_FIT_MATES_H
#define SOLID_TRAIN_FIT_MATES_H

#include "solid/base/random.h"
#include "solid/status.h"

#define SOL_MATES_MOST  10   /* of an item */
#define SOL_MATES_AMONG 1024 /* of a code's items, the following ones in order, are compared with each */

typedef struct sol_mates {
  uint32_t mated;  /* items that have any */
  uint32_t *count; /* (V) */
  uint32_t *mates; /* (V, SOL_MATES_MOST), nearest first */
} sol_mates;

typedef struct sol_mates_source {
  uint32_t items, levels, codes; /* V, C, K */
  const uint16_t *table;         /* (V, C) below K */
  const float *content;          /* (V, width) */
  uint32_t width;
} sol_mates_source;

/* Nothing of the source is kept. On one thread, up to SOL_MATES_AMONG distances an item: a second for a hundred
 * thousand items in groups of a hundred, minutes for millions in large groups. ENOMEM. A zeroed struct may be closed.
 */
solid_status sol_mates_open(sol_mates *mates, const sol_mates_source *source);
void sol_mates_close(sol_mates *mates);

/* One of the item's mates, each as likely; the item itself where it has none. */
uint32_t sol_mates_draw(const sol_mates *mates, uint32_t item, sol_random *random);

#endif
