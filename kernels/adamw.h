/* adamw (Loshchilov & Hutter 2019) over n floats, with the clip of the gradient's norm folded in:
 *
 *   g = grad * min(1, max_norm / sqrt(*sumsq))       sumsq: device pointer, sum of squares of all gradients, or NULL
 *   m = b1 m + (1 - b1) g     v = b2 v + (1 - b2) g^2
 *   w -= lr (mhat / (sqrt(vhat) + eps) + decay w)    mhat = m / (1 - b1^step), vhat likewise, step from 1
 *
 * average (n), may be NULL: average = average_keep * average + (1 - average_keep) * w, the moving average of weights.
 *
 * A NaN norm is not hidden: it makes all of g NaN, and with it m, v, w. The next loss is then NaN, and training ends.
 */
#ifndef SK_ADAMW_H
#define SK_ADAMW_H

#include "kernels/scratch.h"
#include <math.h>
#include <stdint.h>

#ifdef __CUDACC__
#define SK_ADAMW_FN static __host__ __device__ inline
#else
#define SK_ADAMW_FN static inline
#endif

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

/* What a gradient is multiplied by; sumsq may be NULL. */
SK_ADAMW_FN float sk_adamw_clip(const float *sumsq, float max_norm) {
  if (!sumsq) return 1.0f;
  float norm = sqrtf(*sumsq);
  return norm <= max_norm ? 1.0f : max_norm / norm;
}

#endif
