/* dropout:   y_i = x_i * keep_i / (1 - p),   keep_i = uniform(seed, first + i) >= p,   i = 0 .. n-1;  y may be x
 *
 * uniform(seed, i) is lane i % 4 of Philox4x32-10 (Salmon et al. 2011) with counter (i / 4 low word, i / 4 high word,
 * 0, 0) and key (seed low, seed high), top 24 bits over 2^24: the same mask on every backend (kernels/philox.h). It is
 * its own backward pass: the same seed applied to dy. p in [0, 1); p = 0 copies. Rows that are worked on in tiles have
 * one mask when `first` says where a tile begins. */
#ifndef SK_DROPOUT_H
#define SK_DROPOUT_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_dropout_args {
  int64_t n;
  float p;
  uint64_t seed;
  int64_t first; /* a multiple of 4 */
  const float *x;
  float *y;
} sk_dropout_args;

SK_NO_SCRATCH(dropout)

#endif
