/* quantize: residual quantization. For each level l = 0 .. levels-1, with residual r starting at x:
 *
 *   code_l = argmin_k ||r - c_lk||^2      ties to the lowest k        r -= c_l,code_l
 *
 *   x (n, d)   centroids (levels, k, d)   codes (n, levels) int32   residual (n, d): what is left at the end, may be
 * NULL
 *
 * A row with a NaN or infinite value gets SK_CODE_NONE at every level. Distances are compared as ||c||^2 - 2 r.c: two
 * backends may differ where two distances differ by less than 1e-5 relative. */
#ifndef SK_QUANTIZE_H
#define SK_QUANTIZE_H

#include "kernels/scratch.h"
#include <stdint.h>

#define SK_CODE_NONE (-1)

typedef struct sk_quantize_args {
  int32_t n, d, levels, k;
  const float *x, *centroids;
  int32_t *codes;
  float *residual;
} sk_quantize_args;

/* The square norm of every centroid, where rows go by tiles. */
enum { SK_QUANTIZE_WIDEST = 192 };

static inline uint64_t sk_quantize_scratch(const sk_quantize_args *a) {
  return a->d > SK_QUANTIZE_WIDEST ? 0 : sizeof(float) * (uint64_t)a->levels * (uint64_t)a->k;
}

#endif
