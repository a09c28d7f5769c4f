/* The items that a sampled softmax is taken over besides those of the batch. N draws, of which every other one is
 * uniform, so that no item is rare beyond reason, and every other one log-uniform by popularity, so that the items
 * which make most of the sum are seldom left out:
 *
 *   q_v = log((r + 2) / (r + 1)) / log(V + 1)             r = 0, 1, .. the item's place by training events
 *   P_v = 1 - (1 - 1/V)^ceil(N/2) (1 - q_v)^floor(N/2)    that v is drawn at all
 *   offset_v = -log P_v                                   kernels/xent.h
 *
 * Items of the batch are there for certain: their offset is 0, and drawing one of them changes nothing. So the draws do
 * not depend on the batch, the sum of exponentials has the whole catalogue's as its mean, and a target cannot be its
 * own negative. */
#ifndef SOLID_TRAIN_FIT_SAMPLER_H
#define SOLID_TRAIN_FIT_SAMPLER_H

#include "solid/base/random.h"
#include "solid/status.h"
#include <stdint.h>

typedef struct sol_sampler {
  uint32_t items, draws;
  uint32_t *by_place, *place; /* (items) each, from place to item and back */
} sol_sampler;

/* The items' places are their numbers until sol_sampler_order. ENOMEM. A zeroed struct may be closed. */
solid_status sol_sampler_open(sol_sampler *sampler, uint32_t items, uint32_t draws);
void sol_sampler_close(sol_sampler *sampler);

/* Places by `count` (items), the largest first; ties by number. ENOMEM. */
solid_status sol_sampler_order(sol_sampler *sampler, const float *count);

/* Draw number `i` of a step. */
uint32_t sol_sampler_draw(const sol_sampler *sampler, uint32_t i, sol_random *random);

float sol_sampler_offset(const sol_sampler *sampler, uint32_t item);

#endif
