#include "tests/ref/ref_apply.h"
#include <math.h>

void ref_apply(const sk_apply_args *a, const double *x, const double *w, double *y) {
  for (int32_t row = 0; row < a->n; row++) {
    const double *w_r = w + (int64_t)(a->index ? a->index[row] : row) * a->stride;
    for (int32_t o = 0; o < a->out; o++) {
      double sum = w_r[(int64_t)a->in * a->out + o];
      for (int32_t i = 0; i < a->in; i++) sum += x[(int64_t)row * a->in + i] * w_r[(int64_t)i * a->out + o];
      y[(int64_t)row * a->out + o] = a->f == SK_TANH ? tanh(sum) : sum;
    }
  }
}
