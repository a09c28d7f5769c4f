#include "tests/ref/ref_attend_ranges.h"
#include <math.h>

static int reads(const sk_attend_ranges_args *a, int32_t i, int32_t j) {
  for (int32_t r = a->offsets[i]; r < a->offsets[i + 1]; r++)
    if (a->ranges[2 * r] <= j && j < a->ranges[2 * r + 1]) return 1;
  return 0;
}

static double score(const sk_attend_ranges_args *a, const double *q, const double *k) {
  double s = 0;
  for (int32_t c = 0; c < a->dh; c++) s += q[c] * k[c];
  return s / sqrt((double)a->dh);
}

static void attend_one(const sk_attend_ranges_args *a, int32_t i, int32_t w, int32_t h, const double *q,
                       const double *k, const double *v, double *out, double *lse) {
  int64_t B = a->windows, row = i * B + w;
  const double *q_i = q + row * a->q_stride + h * a->dh;
  double max = -INFINITY, sum = 0, *o = out + (row * a->heads + h) * a->dh;
  for (int32_t j = 0; j < a->keys; j++)
    if (reads(a, i, j)) max = fmax(max, score(a, q_i, k + (j * B + w) * a->kv_stride + h * a->dh));
  for (int32_t j = 0; j < a->keys; j++)
    if (reads(a, i, j)) sum += exp(score(a, q_i, k + (j * B + w) * a->kv_stride + h * a->dh) - max);
  if (lse) lse[row * a->heads + h] = sum > 0 ? max + log(sum) : -INFINITY;
  for (int32_t c = 0; c < a->dh; c++) o[c] = 0;
  for (int32_t j = 0; j < a->keys; j++) {
    if (!reads(a, i, j)) continue;
    int64_t at = (j * B + w) * a->kv_stride + h * a->dh;
    double p = exp(score(a, q_i, k + at) - max) / sum;
    for (int32_t c = 0; c < a->dh; c++) o[c] += p * v[at + c];
  }
}

void ref_attend_ranges(const sk_attend_ranges_args *a, const double *q, const double *k, const double *v, double *out,
                       double *lse) {
  for (int32_t i = 0; i < a->queries; i++)
    for (int32_t w = 0; w < a->windows; w++)
      for (int32_t h = 0; h < a->heads; h++) attend_one(a, i, w, h, q, k, v, out, lse);
}
