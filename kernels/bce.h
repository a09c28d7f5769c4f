/* bce: binary cross-entropy of a few scored candidates a row, with its gradients.
 *
 *   s_ij = x_i . u_ij                   x (n, d)   u (n, t, d)   s, label, loss (n, t)
 *   loss_ij = max(s, 0) - y s + log(1 + exp(-|s|))               y = label_ij in [0, 1]
 *   g_ij = weight * (sigmoid(s_ij) - y_ij)
 *   dx_i = sum_j g_ij u_ij   du_ij = g_ij x_i                    both overwritten
 *
 *   label NULL: scores alone. loss may be NULL. dx and du may both be NULL: no gradients. NaN propagates by row. */
#ifndef SK_BCE_H
#define SK_BCE_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_bce_args {
  int32_t n, t, d;
  const float *x, *u, *label;
  float weight;
  float *score, *loss, *dx, *du;
} sk_bce_args;

SK_NO_SCRATCH(bce)

#endif
