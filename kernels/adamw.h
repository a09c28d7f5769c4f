/* adamw (Loshchilov & Hutter 2019) over n floats, with the clip of the gradient's norm folded in:
 *
 *   g = grad * min(1, max_norm / sqrt(*sumsq))       sumsq: device pointer, sum of squares of all gradients, or NULL
 *   m = b1 m + (1 - b1) g     v = b2 v + (1 - b2) g^2
 *   w -= lr (mhat / (sqrt(vhat) + eps) + decay w)    mhat = m / (1 - b1^step), vhat likewise, step from 1
 *
 * average (n), may be NULL: average = average_keep * average + (1 - average_keep) * w, the moving average of weights.
 */
#ifndef SK_ADAMW_H
#define SK_ADAMW_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_adamw_args {
  int64_t n;
  float lr, b1, b2, eps, decay;
  int64_t step;
  const float *grad, *sumsq;
  float max_norm;
  float *w, *m, *v;
  float *average;
  float average_keep;
} sk_adamw_args;

SK_NO_SCRATCH(adamw)

#endif
