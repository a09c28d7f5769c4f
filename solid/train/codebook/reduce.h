/* One part of a content vector: a matrix of facts about items, reduced to a few numbers an item. */
#ifndef SOLID_TRAIN_CODEBOOK_REDUCE_H
#define SOLID_TRAIN_CODEBOOK_REDUCE_H

#include "solid/context.h"
#include "solid/train/codebook/svd.h"

typedef struct sol_reduce_options {
  uint32_t dims; /* at most */
  uint64_t seed;
  const uint8_t *hidden;    /* (V) 1 = takes no part in the fit; NULL = none */
  const double *yardstick;  /* (V) for sol_rows_normalise; NULL = none */
  const solid_context *ctx; /* its log is told of progress; NULL = silent */
} sol_reduce_options;

/* What was made of one matrix; zeroed = the data has none. */
typedef struct sol_part {
  uint32_t width;
  float *rows;         /* (V, width) */
  float *basis, *mean; /* (cols, width) what rows of A are multiplied by, or NULL; (cols) what is taken off before */
} sol_part;

/* Scales each row to length 1. A row that is no longer than SOL_NO_LENGTH, times its number in `yardstick` (n) unless
 * that is NULL, becomes zero. */
void sol_rows_normalise(float *rows, size_t n, size_t width, const double *yardstick);

/* U S^power with rows of length 1. A matrix without entries leaves the part absent. With power 1 the directions are
 * kept, and hidden rows are laid in; else they are zero. ENOMEM. */
solid_status sol_part_reduce(sol_part *made, const sol_matrix *a, double power, const sol_reduce_options *options);

#endif
