/* topk: score the catalogue and keep the best, without materialising rows x items.
 *
 *   s_v = u . e_v       u (n, d)   e (items, d)
 *   mask: n rows of mask_words 64-bit words, bit v set = item v is left out; NULL = none
 *   index (n, k) int32, score (n, k): best first, ties to the lowest index; places that remain are -1 and -INFINITY.
 *   A NaN score counts as -INFINITY and such an item is never returned. 1 <= k <= items. */
#ifndef SK_TOPK_H
#define SK_TOPK_H

#include <stdint.h>

typedef struct sk_topk_args {
  int32_t n, d, items, k;
  const float *u, *e;
  const uint64_t *mask;
  int32_t mask_words;
  int32_t *index;
  float *score;
} sk_topk_args;

#endif
