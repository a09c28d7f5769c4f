#include "tests/ref/ref_linear.h"

void ref_linear(const sk_linear_args *a, const double *x, const double *w, const double *b, double *y) {
  for (int32_t r = 0; r < a->n; r++)
    for (int32_t o = 0; o < a->out; o++) {
      double sum = b ? b[o] : 0.0;
      for (int32_t i = 0; i < a->in; i++) sum += x[r * a->in + i] * w[o * a->in + i];
      y[r * a->out + o] = (a->accumulate ? y[r * a->out + o] : 0.0) + sum;
    }
}

void ref_linear_backward(const sk_linear_backward_args *a, const double *x, const double *w, const double *dy,
                         double *dx, double *dw, double *db) {
  for (int32_t r = 0; r < a->n; r++)
    for (int32_t i = 0; i < a->in && dx; i++) {
      double sum = 0.0;
      for (int32_t o = 0; o < a->out; o++) sum += dy[r * a->out + o] * w[o * a->in + i];
      dx[r * a->in + i] = (a->accumulate_dx ? dx[r * a->in + i] : 0.0) + sum;
    }
  for (int32_t r = 0; r < a->n; r++)
    for (int32_t o = 0; o < a->out; o++) {
      double g = dy[r * a->out + o];
      if (db) db[o] += g;
      for (int32_t i = 0; i < a->in && dw; i++) dw[o * a->in + i] += g * x[r * a->in + i];
    }
}
