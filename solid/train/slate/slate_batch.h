/* A batch of slates in training, and what of it goes to the device as integers. */
#ifndef SOLID_TRAIN_SLATE_SLATE_BATCH_H
#define SOLID_TRAIN_SLATE_SLATE_BATCH_H

#include "solid/infer/slate/decoder.h"
#include <stddef.h>

/* Codes (n, K, C) of the slates of n users; a row of NO_CODE has no target, and no row behind it has one. */
#define SOL_SLATE_NO_CODE UINT32_MAX

typedef struct sol_slate_batch {
  size_t n;
  const float *h, *u; /* (n, d) */
  const uint32_t *codes;
} sol_slate_batch;

/* Rows of the embeddings for all slots, and for all cells, column by column, the sources of their logits and their
 * targets: one array, so that one upload brings it. */
typedef struct sol_slate_ints {
  int32_t *codes, *rows, *columns; /* (slots, n) */
  int32_t *alone, *both;           /* (columns, rows, n, heads) */
  int32_t *targets;                /* (columns, rows, n) -1 = none */
} sol_slate_ints;

/* int32s for n users. */
size_t sol_slate_ints_count(const sol_config *config, const sol_grid *grid, size_t n);
sol_slate_ints sol_slate_ints_bind(const sol_config *config, const sol_grid *grid, size_t n, int32_t *base);
void sol_slate_ints_fill(const sol_config *config, const sol_grid *grid, const sol_slate_batch *batch, int32_t *base);

/* Cells that have a target. */
size_t sol_slate_count_targets(const sol_grid *grid, const sol_slate_batch *batch);

#endif
