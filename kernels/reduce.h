/* reduce:   *out (+)= sum_i x_i   (SK_SUM)   or   sum_i x_i^2   (SK_SUM_SQUARES)      over n floats, summed in double,
 * stored as one float on the device; += when accumulate. The sum of nothing is 0, and is
 * written. */
#ifndef SK_REDUCE_H
#define SK_REDUCE_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef enum sk_reduction { SK_SUM = 0, SK_SUM_SQUARES = 1 } sk_reduction;

typedef struct sk_reduce_args {
  int64_t n;
  sk_reduction kind;
  const float *x;
  int32_t accumulate;
  float *out;
} sk_reduce_args;

/* A sum of each block, in double. */
enum { SK_REDUCE_BLOCK = 16384 };

static inline uint64_t sk_reduce_scratch(const sk_reduce_args *a) {
  return (sk_pieces((uint64_t)a->n, SK_REDUCE_BLOCK) + 1) * sizeof(double);
}

#endif
