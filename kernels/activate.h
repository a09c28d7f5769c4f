/* activate:            y = f(x), element-wise over n floats; y may be x
 *   SK_RELU   max(x, 0)
 *   SK_TANH   tanh(x)
 *   SK_GELU   0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))        (Hendrycks & Gimpel 2016, tanh form)
 *
 * activate_backward:   dx = dy * f'(x), from the input x; dx may be dy. NaN propagates. */
#ifndef SK_ACTIVATE_H
#define SK_ACTIVATE_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef enum sk_activation { SK_IDENTITY = 0, SK_RELU = 1, SK_TANH = 2, SK_GELU = 3 } sk_activation;

typedef struct sk_activate_args {
  int64_t n;
  sk_activation f;
  const float *x;
  float *y;
} sk_activate_args;

typedef struct sk_activate_backward_args {
  int64_t n;
  sk_activation f;
  const float *x, *dy;
  float *dx;
} sk_activate_backward_args;

SK_NO_SCRATCH(activate)
SK_NO_SCRATCH(activate_backward)

#endif
