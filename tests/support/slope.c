#include "tests/support/slope.h"
#include "tests/support/compare.h"
#include <math.h>

void slope_fill(slope_fn f, void *context, double *x, size_t n, size_t step, double *slope) {
  for (size_t i = 0; i < n; i++) slope[i] = 0.0;
  for (size_t i = 0; i < n; i += step) {
    double at = x[i], h = 1e-5 * (1.0 + fabs(at));
    x[i] = at + h;
    double above = f(context);
    x[i] = at - h;
    double below = f(context);
    x[i] = at;
    slope[i] = (above - below) / (2.0 * h);
  }
}

void slope_compare(const char *what, const float *got, const double *slope, size_t n, size_t step) {
  double largest = 1e-3;
  for (size_t i = 0; i < n; i += step) largest = fmax(largest, fabs(slope[i]));
  for (size_t i = 0; i < n; i += step) compare_floats(what, got + i, slope + i, 1, 2e-4 * largest, 0.0);
}

double slope_weigh(const double *weight, const double *y, size_t n) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += weight[i] * y[i];
  return sum;
}
