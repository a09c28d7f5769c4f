/* apply: one generated layer, every row under its own matrix.
 *
 *   y_o = f(sum_i x_i W[i][o] + b[o])       x (n, in)   y (n, out)   f: SK_IDENTITY or SK_TANH
 *   row r's W ([in][out]) starts at w + r * stride, its b (out) follows W; with an index (n) at w + index[r] * stride
 *
 * apply_backward (y as computed; g = dy for identity, dy * (1 - y^2) for tanh):
 *   dx_i = sum_o W[i][o] g_o  (+= when accumulate_dx)   dW[i][o] = x_i g_o   db = g   into dw (n, in * out + out),
 * dense, overwritten */
#ifndef SK_APPLY_H
#define SK_APPLY_H

#include "kernels/activate.h"
#include "kernels/scratch.h"

typedef struct sk_apply_args {
  int32_t n, in, out;
  sk_activation f;
  const float *x, *w;
  int64_t stride;
  const int32_t *index; /* NULL: row r uses the r-th matrix */
  float *y;
} sk_apply_args;

typedef struct sk_apply_backward_args {
  int32_t n, in, out;
  sk_activation f;
  const float *x, *w;
  int64_t stride;
  const float *y, *dy;
  int32_t accumulate_dx;
  float *dx, *dw;
} sk_apply_backward_args;

SK_NO_SCRATCH(apply)
SK_NO_SCRATCH(apply_backward)

#endif
