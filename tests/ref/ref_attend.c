#include "tests/ref/ref_attend.h"
#include "tests/ref/ref_dropout.h"
#include <math.h>
#include <string.h>

/* 1 / (1 - p) or 0 by the stream of kernels/dropout.h. */
static double keep(const sk_attend_args *a, uint64_t index) {
  uint32_t c[4] = {(uint32_t)(index / 4), (uint32_t)(index / 4 >> 32), 0, 0};
  uint32_t k[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
  ref_philox(c, k);
  return (c[index % 4] >> 8) / 16777216.0 >= (double)a->p ? 1.0 / (1.0 - (double)a->p) : 0.0;
}

static double score(const sk_attend_args *a, const double *q, const double *k) {
  double s = 0;
  for (int32_t c = 0; c < a->dh; c++) s += q[c] * k[c];
  return s / sqrt((double)a->dh);
}

/* One query: row `row` of the batch in a window that begins at `first`; `at` is where q and out hold it. */
static void attend_one(const sk_attend_args *a, int32_t first, int32_t row, int32_t at, int32_t head, const double *q,
                       const double *k, const double *v, double *out, double *lse) {
  const double *q_i = q + (int64_t)at * a->q_stride + head * a->dh;
  double *o = out + ((int64_t)at * a->heads + head) * a->dh;
  double max = -INFINITY, sum = 0;
  for (int32_t j = first; j <= row; j++) max = fmax(max, score(a, q_i, k + (int64_t)j * a->kv_stride + head * a->dh));
  for (int32_t j = first; j <= row; j++) sum += exp(score(a, q_i, k + (int64_t)j * a->kv_stride + head * a->dh) - max);
  memset(o, 0, sizeof *o * (size_t)a->dh);
  if (lse) lse[(int64_t)at * a->heads + head] = max + log(sum);
  for (int32_t j = first; j <= row; j++) {
    double p = exp(score(a, q_i, k + (int64_t)j * a->kv_stride + head * a->dh) - max) / sum;
    uint64_t index = ((uint64_t)row * (uint64_t)a->heads + (uint64_t)head) * (uint64_t)a->max_window;
    if (a->p > 0) p *= keep(a, index + (uint64_t)(j - first));
    for (int32_t c = 0; c < a->dh; c++) o[c] += p * v[(int64_t)j * a->kv_stride + head * a->dh + c];
  }
}

void ref_attend(const sk_attend_args *a, const double *q, const double *k, const double *v, double *out, double *lse) {
  for (int32_t w = 0; w < a->windows; w++) {
    int32_t first = a->offsets[w], last = a->offsets[w + 1];
    for (int32_t h = 0; h < a->heads; h++) {
      if (!a->newest_only) {
        for (int32_t i = first; i < last; i++) attend_one(a, first, i, i, h, q, k, v, out, lse);
      } else if (last > first) {
        attend_one(a, first, last - 1, w, h, q, k, v, out, lse);
      } else {
        memset(out + ((int64_t)w * a->heads + h) * a->dh, 0, sizeof *out * (size_t)a->dh);
      }
    }
  }
}
