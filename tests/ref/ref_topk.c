#include "tests/ref/ref_topk.h"
#include <math.h>
#include <stdlib.h>

void ref_topk_scores(const sk_topk_args *a, int32_t row, const double *u, const double *e, double *s) {
  const uint64_t *mask = a->mask ? a->mask + (int64_t)row * a->mask_words : NULL;
  for (int32_t v = 0; v < a->items; v++) {
    s[v] = 0;
    for (int32_t c = 0; c < a->d; c++) s[v] += u[(int64_t)row * a->d + c] * e[(int64_t)v * a->d + c];
    if (isnan(s[v]) || (mask && mask[v / 64] >> (v % 64) & 1)) s[v] = -INFINITY;
  }
}

void ref_topk(const sk_topk_args *a, const double *u, const double *e, int32_t *index, double *score) {
  double *s = malloc(sizeof *s * (size_t)a->items);
  for (int32_t row = 0; row < a->n; row++) {
    ref_topk_scores(a, row, u, e, s);
    for (int32_t place = 0; place < a->k; place++) {
      int32_t best = -1;
      for (int32_t v = 0; v < a->items; v++) {
        if (s[v] > (best < 0 ? -INFINITY : s[best])) best = v;
      }
      index[(int64_t)row * a->k + place] = best;
      score[(int64_t)row * a->k + place] = best < 0 ? -INFINITY : s[best];
      if (best >= 0) s[best] = -INFINITY;
    }
  }
  free(s);
}
