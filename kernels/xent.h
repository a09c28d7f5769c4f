/* xent: softmax cross-entropy of each row against the whole catalogue, with its gradients, in tiles: the (n, items)
 * matrix of logits never exists as a whole.
 *
 *   s_v = u . e_v     lse = log sum_v exp s_v     u (n, d)   e (items, d)   target (n) int32
 *   loss = lse - (1 - eps) s_target - eps * mean_v s_v            eps = label smoothing
 *   g_v = weight * (exp(s_v - lse) - (1 - eps) [v = target] - eps / items)
 *   du = sum_v g_v e_v  (overwritten)      de_v += sum_rows g_v u
 *
 *   loss (n). A row with target < 0 has loss 0 and no gradient. du and de may both be NULL: loss only. */
#ifndef SK_XENT_H
#define SK_XENT_H

#include <stdint.h>

typedef struct sk_xent_args {
  int32_t n, d, items;
  const float *u, *e;
  const int32_t *target;
  float smoothing, weight;
  float *loss, *du, *de;
} sk_xent_args;

#endif
