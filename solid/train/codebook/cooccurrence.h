/* Positive pointwise mutual information of items that stand close together in a sequence (Levy & Goldberg 2014),
 * counted on training events only.
 *
 *   C_ab = sum over the training pairs (a, b) at distance 1..window, both ways round, of 1 / distance
 *   P_ab = max(0, log(C_ab sum(C) / (s_a s_b))),   s_a = sum_b C_ab
 */
#ifndef SOLID_TRAIN_CODEBOOK_COOCCURRENCE_H
#define SOLID_TRAIN_CODEBOOK_COOCCURRENCE_H

#include "solid/context.h"
#include "solid/train/dataset.h"

/* The positive entries of P (V, V) as compressed rows. */
typedef struct sol_cooccurrence {
  size_t *offsets; /* (V + 1) */
  uint32_t *columns;
  float *values;
} sol_cooccurrence;

/* On success the caller owns *out: sol_cooccurrence_clear. ENOMEM. `ctx`: its log is told how far it is; NULL = silent.
 */
solid_status sol_cooccurrence_count(sol_cooccurrence *out, const solid_dataset *dataset, uint32_t window,
                                    const solid_context *ctx);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_cooccurrence_clear(sol_cooccurrence *cooccurrence);

#endif
