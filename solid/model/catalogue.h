/* The catalogue's tables on the device: codes, attributes and vectors of every item. */
#ifndef SOLID_MODEL_CATALOGUE_H
#define SOLID_MODEL_CATALOGUE_H

#include "kernels/backend.h"
#include "solid/model/tensors.h"

/* Tables over the catalogue, made from the weights once per model or training step.
 * semantic_v = sum_c M_c[code_c(v)] + sum of T[a] over v's attributes, vectors_v = E_v + semantic_v. */
typedef struct sol_catalogue {
  const int32_t *codes;      /* (C, V) level-major */
  const int32_t *attributes; /* (S, V) slot-major, -1 = none; not read without slots */
  const float *items;        /* (V, d) = E */
  float *semantic;           /* (V, d); NULL without codes */
  float *vectors;            /* (V, d); = items without codes */
} sol_catalogue;

/* (V, S) of a model file or a trainer -> (S, V) as above, on the host. */
void sol_catalogue_turn_attributes(const sol_config *config, const uint32_t *attributes, int32_t *turned);

/* Fills semantic and vectors (memory of the caller) from the weights; sets items, and vectors too when there are no
 * codes (then `vectors` may be NULL on entry and is only read from afterwards). */
solid_status sol_catalogue_compute(sk_backend *be, const sol_config *config, const sol_weights *weights,
                                   sol_catalogue *catalogue);

#endif
