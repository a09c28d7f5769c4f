/* linear:            y = x w^T + b           x (n, in)   w (out, in)   b (out) or NULL   y (n, out)
 *                    y += ... when accumulate
 *
 * linear_backward:   dx = dy w               dx (n, in) or NULL; += when accumulate_dx
 *                    dw += dy^T x            dw (out, in) or NULL
 *                    db += sum_n dy          db (out) or NULL
 *
 * Products through BLAS; tolerance 1e-5 * sqrt(in) relative to the norm of the row. NaN propagates by row. */
#ifndef SK_LINEAR_H
#define SK_LINEAR_H

#include <stdint.h>

typedef struct sk_linear_args {
  int32_t n, in, out;
  const float *x, *w, *b;
  int32_t accumulate;
  float *y;
} sk_linear_args;

typedef struct sk_linear_backward_args {
  int32_t n, in, out;
  const float *x, *w, *dy;
  int32_t accumulate_dx;
  float *dx, *dw, *db;
} sk_linear_backward_args;

#endif
