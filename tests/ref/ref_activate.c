#include "tests/ref/ref_activate.h"
#include <math.h>

static const double gelu_scale = 0.79788456080286535588; /* sqrt(2 / pi) */

static double value(sk_activation f, double x) {
  switch (f) {
  case SK_IDENTITY:
    return x;
  case SK_RELU:
    return isnan(x) ? x : x > 0.0 ? x : 0.0;
  case SK_TANH:
    return tanh(x);
  case SK_GELU:
    return 0.5 * x * (1.0 + tanh(gelu_scale * (x + 0.044715 * x * x * x)));
  }
  return NAN;
}

static double slope(sk_activation f, double x) {
  double t;
  switch (f) {
  case SK_IDENTITY:
    return 1.0;
  case SK_RELU:
    return isnan(x) ? x : x > 0.0 ? 1.0 : 0.0;
  case SK_TANH:
    return 1.0 - tanh(x) * tanh(x);
  case SK_GELU:
    t = tanh(gelu_scale * (x + 0.044715 * x * x * x));
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * gelu_scale * (1.0 + 3.0 * 0.044715 * x * x);
  }
  return NAN;
}

void ref_activate(const sk_activate_args *a, const double *x, double *y) {
  for (int64_t i = 0; i < a->n; i++) y[i] = value(a->f, x[i]);
}

void ref_activate_backward(const sk_activate_backward_args *a, const double *x, const double *dy, double *dx) {
  for (int64_t i = 0; i < a->n; i++) dx[i] = dy[i] * slope(a->f, x[i]);
}
