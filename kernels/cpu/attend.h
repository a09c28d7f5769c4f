/* What attend and its backward pass share. */
#ifndef SK_CPU_ATTEND_H
#define SK_CPU_ATTEND_H

#include "kernels/cpu/cpu.h"

/* s_j = q . k_j, key j at k + j * stride, j = 0 .. n-1 */
void SK_CPU(attend_scores)(const float *q, const float *k, int64_t stride, int64_t n, int64_t dh, float *s);

/* out += sum_j p_j v_j */
void SK_CPU(attend_mix)(const float *p, const float *v, int64_t stride, int64_t n, int64_t dh, float *out);

typedef struct sk_attend_mask {
  float p;
  uint64_t seed;
  int64_t heads, max_window;
} sk_attend_mask;

/* keep_j = 1 / (1 - p) or 0 for the first n keys of (row, head). */
void SK_CPU(attend_keep)(const sk_attend_mask *mask, int64_t row, int64_t head, int64_t n, float *keep);

#endif
