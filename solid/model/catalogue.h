/* The catalogue's tables on the device: codes, attributes and vectors of every item. */
#ifndef SOLID_MODEL_CATALOGUE_H
#define SOLID_MODEL_CATALOGUE_H

#include "kernels/ops.h"
#include "solid/model/tensors.h"

/* Tables over the catalogue, made from the weights once per model or training step.
 * semantic_v = sum_c M_c[code_c(v)] + sum of T[a] over v's attributes, vectors_v = E_v + semantic_v. */
typedef struct sol_catalogue {
  const int32_t *codes;      /* (C, V) level-major */
  const int32_t *attributes; /* (S, V) slot-major, -1 = none; not read without slots */
  const float *items;        /* (V, d) = E */
  float *semantic;           /* (V, d); NULL without codes */
  float *vectors;            /* (V, d); = items without codes */
  const sk_rows *rows;       /* in place of the three: rows that are made when they are read; else NULL */
} sol_catalogue;

/* out (n, d): this part of the rows of n items. A negative index gives a row of zeroes. */
typedef struct sol_item_rows {
  const sol_config *config;
  const sol_catalogue *catalogue;
  sk_rows_part part;
} sol_item_rows;

void sol_gather_items(sol_run *run, sol_item_rows from, int32_t n, const int32_t *index, float *out);

/* (V, S) of a model file or a trainer -> (S, V) as above, on the host. */
void sol_catalogue_turn_attributes(const sol_config *config, const uint32_t *attributes, int32_t *turned);

/* Rows of n items from `first` on of semantic and vectors (n, d), of a config with codes; reads codes and attributes of
 * the catalogue. */
void sol_catalogue_range(sol_run *run, const sol_config *config, const sol_weights *weights,
                         const sol_catalogue *catalogue, uint32_t first, uint32_t n, float *semantic, float *vectors);

/* Fills semantic and vectors (memory of the caller) from the weights; sets items, and vectors too when there are no
 * codes (then `vectors` may be NULL on entry and is only read from afterwards). */
solid_status sol_catalogue_compute(sk_backend *be, const sol_config *config, const sol_weights *weights,
                                   sol_catalogue *catalogue);

#endif
