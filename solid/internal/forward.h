/* The model's forward pass over a backend: used by the worker (inference) and the trainer (with dropout, keeping what
 * the backward pass needs). All pointers are device pointers. */
#ifndef SOLID_INTERNAL_FORWARD_H
#define SOLID_INTERNAL_FORWARD_H

#include "kernels/backend.h"
#include "solid/internal/tensors.h"

/* Packed windows on the device. */
typedef struct sol_batch {
  int32_t windows, rows, max_window;
  const int32_t *offsets; /* (windows + 1) */
  const int32_t *items;   /* (rows) dense item index */
  const int32_t *ages;    /* (rows) 0 = newest of its window */
  const int32_t *newest;  /* (windows) row of the newest step, -1 for an empty window */
} sol_batch;

/* Tables over the catalogue, made from the weights once per model or training step.
 * semantic_v = sum_c M_c[code_c(v)], vectors_v = E_v + semantic_v. */
typedef struct sol_catalogue {
  const int32_t *codes; /* (C, V) level-major */
  const float *items;   /* (V, d) = E */
  float *semantic;      /* (V, d); NULL without codes */
  float *vectors;       /* (V, d); = items without codes */
} sol_catalogue;

#endif
