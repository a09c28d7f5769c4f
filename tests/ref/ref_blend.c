#include "tests/ref/ref_blend.h"

void ref_blend(const sk_blend_args *a, const double *x, double *y) {
  for (int64_t i = 0; i < a->n; i++) y[i] = (double)a->a * x[i] + (a->b != 0.0f ? (double)a->b * y[i] : 0.0);
}
