#include "tests/ref/ref_quantize.h"
#include <math.h>

double ref_distance(int32_t d, const double *r, const double *c) {
  double sum = 0;
  for (int32_t i = 0; i < d; i++) sum += (r[i] - c[i]) * (r[i] - c[i]);
  return sum;
}

void ref_quantize(const sk_quantize_args *a, const double *x, const double *centroids, int32_t *codes,
                  double *residual) {
  for (int32_t row = 0; row < a->n; row++) {
    double *r = residual + (int64_t)row * a->d;
    int finite = 1;
    for (int32_t i = 0; i < a->d; i++) {
      r[i] = x[(int64_t)row * a->d + i];
      finite = finite && isfinite(r[i]);
    }
    for (int32_t level = 0; level < a->levels; level++) {
      const double *c = centroids + (int64_t)level * a->k * a->d;
      int32_t best = 0;
      for (int32_t k = 1; k < a->k; k++) {
        if (ref_distance(a->d, r, c + (int64_t)k * a->d) < ref_distance(a->d, r, c + (int64_t)best * a->d)) best = k;
      }
      codes[(int64_t)row * a->levels + level] = finite ? best : SK_CODE_NONE;
      for (int32_t i = 0; i < a->d && finite; i++) r[i] -= c[(int64_t)best * a->d + i];
    }
  }
}
