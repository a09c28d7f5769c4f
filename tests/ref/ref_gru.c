#include "tests/ref/ref_gru.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static double recurrent(int32_t d, const double *w_hh, const double *b_hh, const double *h, int32_t gate) {
  double sum = b_hh[gate];
  for (int32_t c = 0; c < d; c++) sum += w_hh[(int64_t)gate * d + c] * h[c];
  return sum;
}

static void step(int32_t d, const double *gx, const double *w_hh, const double *b_hh, const double *h, double *next) {
  for (int32_t c = 0; c < d; c++) {
    double r = sigmoid(gx[c] + recurrent(d, w_hh, b_hh, h, c));
    double z = sigmoid(gx[d + c] + recurrent(d, w_hh, b_hh, h, d + c));
    double n = tanh(gx[2 * d + c] + r * recurrent(d, w_hh, b_hh, h, 2 * d + c));
    next[c] = (1 - z) * n + z * h[c];
  }
}

void ref_gru(const sk_gru_args *a, const double *gx, const double *w_hh, const double *b_hh, double *out) {
  size_t bytes = sizeof(double) * (size_t)a->d;
  double *h = malloc(bytes), *next = malloc(bytes);
  for (int32_t w = 0; w < a->windows; w++) {
    memset(h, 0, bytes);
    for (int32_t row = a->offsets[w]; row < a->offsets[w + 1]; row++) {
      step(a->d, gx + (int64_t)row * 3 * a->d, w_hh, b_hh, h, next);
      memcpy(h, next, bytes);
      if (!a->newest_only) memcpy(out + (int64_t)row * a->d, h, bytes);
    }
    if (a->newest_only) memcpy(out + (int64_t)w * a->d, h, bytes);
  }
  free(next);
  free(h);
}
