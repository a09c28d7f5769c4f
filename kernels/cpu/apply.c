/* apply and apply_backward: each row reads its own matrix once, at the speed of memory. */
#include "kernels/apply.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

#define ROWS 16 /* rows a block */

static void apply_row(const sk_apply_args *a, const float *restrict x, const float *restrict w, float *restrict y) {
  int64_t in = a->in, out = a->out, i = 0;
  const float *bias = w + in * out;
  for (int64_t o = 0; o < out; o++) y[o] = bias[o];
  for (; i + 4 <= in; i += 4) {
    const float *w0 = w + i * out, *w1 = w0 + out, *w2 = w1 + out, *w3 = w2 + out;
    float x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
#pragma omp simd
    for (int64_t o = 0; o < out; o++) y[o] += x0 * w0[o] + x1 * w1[o] + x2 * w2[o] + x3 * w3[o];
  }
  for (; i < in; i++) sk_axpy(x[i], w + i * out, y, out);
  if (a->f != SK_TANH) return;
#pragma omp simd
  for (int64_t o = 0; o < out; o++) y[o] = sk_tanh(y[o]);
}

static void apply_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_apply_args *a = arg;
  for (int64_t r = block * ROWS; r < sk_cpu_block_end(a->n, ROWS, block); r++)
    apply_row(a, a->x + r * a->in, a->w + (a->index ? a->index[r] : r) * a->stride, a->y + r * a->out);
}

static solid_status check_activation(sk_backend *be, const char *what, sk_activation f) {
  if (f == SK_IDENTITY || f == SK_TANH) return SOLID_OK;
  return sk_fail(be, SOLID_EUNSUPPORTED, "%s: activation %d, not identity (%d) or tanh (%d)", what, (int)f,
                 (int)SK_IDENTITY, (int)SK_TANH);
}

solid_status SK_CPU(apply)(sk_backend *be, const sk_apply_args *a) {
  solid_status status = check_activation(be, "apply", a->f);
  if (status == SOLID_OK) sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS), apply_block, a);
  return status;
}

static void gradient_row(const sk_apply_backward_args *a, int64_t r) {
  int64_t in = a->in, out = a->out, i = 0;
  const float *x = a->x + r * in, *w = a->w + r * a->stride, *y = a->y + r * out, *dy = a->dy + r * out;
  float *dx = a->dx + r * in, *dw = a->dw + r * (in * out + out), *g = dw + in * out; /* db = g */
  if (a->f == SK_TANH) {
#pragma omp simd
    for (int64_t o = 0; o < out; o++) g[o] = dy[o] * (1.0f - y[o] * y[o]);
  } else {
    for (int64_t o = 0; o < out; o++) g[o] = dy[o];
  }
  for (; i < in; i += 4) {
    int64_t width = in - i < 4 ? in - i : 4;
    float sums[4];
    if (width == 4)
      sk_dot4(g, w + i * out, out, out, sums);
    else
      for (int64_t l = 0; l < width; l++) sums[l] = sk_dot(g, w + (i + l) * out, out);
    for (int64_t l = 0; l < width; l++) {
      dx[i + l] = a->accumulate_dx ? dx[i + l] + sums[l] : sums[l];
      float *dw_i = dw + (i + l) * out, x_i = x[i + l];
#pragma omp simd
      for (int64_t o = 0; o < out; o++) dw_i[o] = x_i * g[o];
    }
  }
}

static void gradient_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_apply_backward_args *a = arg;
  for (int64_t r = block * ROWS; r < sk_cpu_block_end(a->n, ROWS, block); r++) gradient_row(a, r);
}

solid_status SK_CPU(apply_backward)(sk_backend *be, const sk_apply_backward_args *a) {
  solid_status status = check_activation(be, "apply_backward", a->f);
  if (status == SOLID_OK) sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS), gradient_block, a);
  return status;
}
