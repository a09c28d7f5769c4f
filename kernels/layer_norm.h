/* layer_norm (Ba et al. 2016):   y = (x - mean) * rstd * gamma + beta,   rstd = 1 / sqrt(var + eps), per row
 *
 *   x, y (n, d)   gamma, beta (d)   mean, rstd (n) saved for the backward pass, both or neither NULL
 *
 * layer_norm_backward, with xhat = (x - mean) * rstd and g = dy * gamma:
 *   dx = rstd * (g - mean_d(g) - xhat * mean_d(g * xhat))     += when accumulate_dx
 *   dgamma += sum_n dy * xhat      dbeta += sum_n dy
 *
 * y may be x. dx may be dy when accumulate_dx is 0. */
#ifndef SK_LAYER_NORM_H
#define SK_LAYER_NORM_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_layer_norm_args {
  int32_t n, d;
  const float *x, *gamma, *beta;
  float eps;
  float *y, *mean, *rstd;
} sk_layer_norm_args;

typedef struct sk_layer_norm_backward_args {
  int32_t n, d;
  const float *x, *gamma, *mean, *rstd, *dy;
  int32_t accumulate_dx;
  float *dx, *dgamma, *dbeta;
} sk_layer_norm_backward_args;

SK_NO_SCRATCH(layer_norm)

/* Blocks of rows, a warp a row, and the sums for gamma and beta of each. */
enum { SK_LAYER_NORM_ROWS = 4, SK_LAYER_NORM_BLOCKS = 528 };

static inline uint64_t sk_layer_norm_backward_blocks(const sk_layer_norm_backward_args *a) {
  return sk_least(sk_pieces((uint64_t)a->n, SK_LAYER_NORM_ROWS), SK_LAYER_NORM_BLOCKS);
}

static inline uint64_t sk_layer_norm_backward_scratch(const sk_layer_norm_backward_args *a) {
  return sk_layer_norm_backward_blocks(a) * 2 * (uint64_t)a->d * sizeof(float);
}

#endif
