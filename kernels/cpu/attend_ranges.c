/* attend_ranges and its backward pass: one block of work owns a window. Rows of a window stand far apart, so a head's
 * are brought together first. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

/* (n, dh) rows of one window and head, side by side; `from` stands at the first. */
static void bring(float *to, const float *from, int64_t stride, int64_t n, int64_t dh) {
  for (int64_t j = 0; j < n; j++) memcpy(to + j * dh, from + j * stride, sizeof(float) * (size_t)dh);
}

static void take_back(float *to, int64_t stride, const float *from, int64_t n, int64_t dh) {
  for (int64_t j = 0; j < n; j++) memcpy(to + j * stride, from + j * dh, sizeof(float) * (size_t)dh);
}

/* Scores of a query with the keys of its ranges, one after the other; returns how many. */
static int64_t scores(const int32_t *offsets, const int32_t *ranges, int64_t i, const float *q, const float *k,
                      int64_t dh, float *s) {
  int64_t n = 0;
  for (int32_t r = offsets[i]; r < offsets[i + 1]; r++) {
    int64_t begin = ranges[2 * r], keys = ranges[2 * r + 1] - begin;
    SK_CPU(attend_scores)(q, k + begin * dh, dh, keys, dh, s + n);
    n += keys;
  }
  return n;
}

static void mix(const int32_t *offsets, const int32_t *ranges, int64_t i, const float *p, const float *v, int64_t dh,
                float *out) {
  for (int32_t r = offsets[i]; r < offsets[i + 1]; r++) {
    int64_t begin = ranges[2 * r], keys = ranges[2 * r + 1] - begin;
    SK_CPU(attend_mix)(p, v + begin * dh, dh, keys, dh, out);
    p += keys;
  }
}

/* s -> probabilities; returns log sum exp of scale * s. */
static float softmax(float *s, int64_t n, float scale) {
  if (n == 0) return -INFINITY;
  float sum, m = sk_exp_below_max(s, n, scale, &sum), share = 1.0f / sum;
#pragma omp simd
  for (int64_t j = 0; j < n; j++) s[j] *= share;
  return m * scale + logf(sum);
}

static void attend_window(const void *arg, int64_t w, void *local) {
  const sk_attend_ranges_args *a = arg;
  int64_t dh = a->dh, B = a->windows, width = (int64_t)a->heads * dh;
  float *k = local, *v = k + a->keys * dh, *s = v + a->keys * dh, scale = 1.0f / sqrtf((float)dh);
  for (int64_t h = 0; h < a->heads; h++) {
    bring(k, a->k + w * a->kv_stride + h * dh, B * a->kv_stride, a->keys, dh);
    bring(v, a->v + w * a->kv_stride + h * dh, B * a->kv_stride, a->keys, dh);
    for (int64_t i = 0; i < a->queries; i++) {
      int64_t row = i * B + w;
      float *out = a->out + row * width + h * dh;
      int64_t n = scores(a->offsets, a->ranges, i, a->q + row * a->q_stride + h * dh, k, dh, s);
      float lse = softmax(s, n, scale);
      if (a->lse) a->lse[row * a->heads + h] = lse;
      memset(out, 0, sizeof(float) * (size_t)dh);
      mix(a->offsets, a->ranges, i, s, v, dh, out);
    }
  }
}

solid_status SK_CPU(attend_ranges)(sk_backend *be, const sk_attend_ranges_args *a) {
  if (a->windows <= 0 || a->queries <= 0) return SOLID_OK;
  size_t floats = (size_t)a->keys * (2 * (size_t)a->dh + 1);
  solid_status status = sk_cpu_reserve(be, sizeof(float) * (floats + 1), 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, a->windows, attend_window, a);
  return SOLID_OK;
}

/* One head of one window, brought together: (keys, dh) k, v, dk, dv; (keys) p, ds. */
typedef struct head_view {
  const sk_attend_ranges_backward_args *a;
  int64_t w, h;
  float *k, *v, *dk, *dv, *p, *ds;
} head_view;

static void query_gradient(const head_view *view, int64_t i) {
  const sk_attend_ranges_backward_args *a = view->a;
  int64_t dh = a->dh, row = i * a->windows + view->w, at = (row * a->heads + view->h) * dh, n = 0;
  const float *q = a->q + row * a->q_stride + view->h * dh, *dout = a->dout + at;
  float *dq = a->dq + row * a->dq_stride + view->h * dh, *p = view->p, *ds = view->ds;
  float scale = 1.0f / sqrtf((float)dh), lse = a->lse[row * a->heads + view->h], mean = sk_dot(dout, a->out + at, dh);
  memset(dq, 0, sizeof(float) * (size_t)dh);
  int64_t keys = scores(a->offsets, a->ranges, i, q, view->k, dh, p);
  scores(a->offsets, a->ranges, i, dout, view->v, dh, ds);
#pragma omp simd
  for (int64_t j = 0; j < keys; j++) {
    p[j] = sk_exp(p[j] * scale - lse);
    ds[j] = p[j] * (ds[j] - mean) * scale;
  }
  mix(a->offsets, a->ranges, i, ds, view->k, dh, dq);
  for (int32_t r = a->offsets[i]; r < a->offsets[i + 1]; r++)
    for (int64_t j = a->ranges[2 * r]; j < a->ranges[2 * r + 1]; j++, n++) {
      sk_axpy(ds[n], q, view->dk + j * dh, dh);
      sk_axpy(p[n], dout, view->dv + j * dh, dh);
    }
}

static void backward_window(const void *arg, int64_t w, void *local) {
  const sk_attend_ranges_backward_args *a = arg;
  int64_t dh = a->dh, B = a->windows, floats = a->keys * dh;
  float *k = local;
  head_view view = {a, w, 0, k, k + floats, k + 2 * floats, k + 3 * floats, k + 4 * floats, k + 4 * floats + a->keys};
  for (view.h = 0; view.h < a->heads; view.h++) {
    int64_t at = w * a->kv_stride + view.h * dh, to = w * a->dkv_stride + view.h * dh;
    bring(view.k, a->k + at, B * a->kv_stride, a->keys, dh);
    bring(view.v, a->v + at, B * a->kv_stride, a->keys, dh);
    memset(view.dk, 0, sizeof(float) * 2 * (size_t)floats);
    for (int64_t i = 0; i < a->queries; i++) query_gradient(&view, i);
    take_back(a->dk + to, B * a->dkv_stride, view.dk, a->keys, dh);
    take_back(a->dv + to, B * a->dkv_stride, view.dv, a->keys, dh);
  }
}

solid_status SK_CPU(attend_ranges_backward)(sk_backend *be, const sk_attend_ranges_backward_args *a) {
  if (a->windows <= 0 || a->keys <= 0) return SOLID_OK;
  size_t floats = (size_t)a->keys * (4 * (size_t)a->dh + 2);
  solid_status status = sk_cpu_reserve(be, sizeof(float) * floats, 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, a->windows, backward_window, a);
  return SOLID_OK;
}
