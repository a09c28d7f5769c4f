/* blend:   y = a x + b y   over n floats. b = 0 overwrites without reading y; y may be x. */
#ifndef SK_BLEND_H
#define SK_BLEND_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_blend_args {
  int64_t n;
  float a, b;
  const float *x;
  float *y;
} sk_blend_args;

SK_NO_SCRATCH(blend)

#endif
