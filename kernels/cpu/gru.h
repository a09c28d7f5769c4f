/* What gru and its backward pass share: the windows of a block, longest first, so that those which still run at a time
 * step are a prefix. */
#ifndef SK_CPU_GRU_H
#define SK_CPU_GRU_H

#include <stdint.h>

#define SK_GRU_WINDOWS 32 /* windows a block, at most */

/* Few windows make small blocks, so that several threads get one. */
static inline int64_t sk_gru_block_windows(int64_t windows) {
  return windows >= 64 ? SK_GRU_WINDOWS : windows >= 32 ? 16 : 8;
}

typedef struct sk_gru_order {
  int32_t count;
  int32_t window[SK_GRU_WINDOWS], first[SK_GRU_WINDOWS], length[SK_GRU_WINDOWS];
} sk_gru_order;

/* Insertion sort, stable: equal lengths keep their order. */
static inline sk_gru_order sk_gru_order_of(const int32_t *offsets, int64_t begin, int64_t end) {
  sk_gru_order o = {0};
  for (int64_t w = begin; w < end; w++) {
    int32_t length = offsets[w + 1] - offsets[w], at = o.count++;
    for (; at > 0 && o.length[at - 1] < length; at--) {
      o.window[at] = o.window[at - 1];
      o.first[at] = o.first[at - 1];
      o.length[at] = o.length[at - 1];
    }
    o.window[at] = (int32_t)w;
    o.first[at] = offsets[w];
    o.length[at] = length;
  }
  return o;
}

/* How many windows have a row at time step t, given that `running` had one at t - 1. */
static inline int32_t sk_gru_running(const sk_gru_order *o, int32_t t, int32_t running) {
  while (running > 0 && o->length[running - 1] <= t) running--;
  return running;
}

#endif
