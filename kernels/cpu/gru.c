/* gru: blocks of windows, longest first; each time step is one product over the windows that still run. */
#include "kernels/cpu/gru.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define WORTH_TURNING 16 /* steps of the last window that runs: turning the weights costs some products */

/* One row: gates from gx and w_hh h, h in place. saved (4, d) may be NULL. */
static void step_row(const sk_gru_args *a, const float *restrict gx, const float *restrict gh, float *restrict h,
                     float *restrict saved) {
  int64_t d = a->d;
  const float *restrict b = a->b_hh;
  if (!saved) {
#pragma omp simd
    for (int64_t c = 0; c < d; c++) {
      float r = sk_sigmoid(gx[c] + gh[c] + b[c]);
      float z = sk_sigmoid(gx[d + c] + gh[d + c] + b[d + c]);
      float n = sk_tanh(gx[2 * d + c] + r * (gh[2 * d + c] + b[2 * d + c]));
      h[c] = (1.0f - z) * n + z * h[c];
    }
    return;
  }
#pragma omp simd
  for (int64_t c = 0; c < d; c++) {
    float gh_n = gh[2 * d + c] + b[2 * d + c];
    float r = sk_sigmoid(gx[c] + gh[c] + b[c]);
    float z = sk_sigmoid(gx[d + c] + gh[d + c] + b[d + c]);
    float n = sk_tanh(gx[2 * d + c] + r * gh_n);
    h[c] = (1.0f - z) * n + z * h[c];
    saved[c] = r;
    saved[d + c] = z;
    saved[2 * d + c] = n;
    saved[3 * d + c] = gh_n;
  }
}

/* gh (3 d) = w_hh h of one window, from the transposed weights, four inputs at a time: all outputs side by side leave
 * no sums to be added up across lanes, and BLAS need not be called for every step. */
static void multiply_row(int64_t d, const float *restrict turned, const float *restrict h, float *restrict gh) {
  int64_t n = 3 * d, i = 0;
  memset(gh, 0, (size_t)n * sizeof *gh);
  for (; i + 4 <= d; i += 4) {
    const float *restrict w = turned + i * n;
    float a = h[i], b = h[i + 1], c = h[i + 2], e = h[i + 3];
#pragma omp simd
    for (int64_t o = 0; o < n; o++) gh[o] += a * w[o] + b * w[n + o] + (c * w[2 * n + o] + e * w[3 * n + o]);
  }
  for (; i < d; i++) sk_axpy(h[i], turned + i * n, gh, n);
}

static void turn(int64_t d, const float *w, float *turned) {
  for (int64_t o = 0; o < 3 * d; o++)
    for (int64_t i = 0; i < d; i++) turned[i * 3 * d + o] = w[o * d + i];
}

static void gru_block(const void *arg, int64_t block, void *local) {
  const sk_gru_args *a = arg;
  int64_t d = a->d, size = sk_gru_block_windows(a->windows), end = sk_cpu_block_end(a->windows, size, block);
  sk_gru_order o = sk_gru_order_of(a->offsets, block * size, end);
  float *h = local, *gh = h + SK_GRU_WINDOWS * d, *turned = gh + SK_GRU_WINDOWS * 3 * d;
  int is_turned = 0;
  memset(h, 0,
         sizeof(float) * (size_t)(SK_GRU_WINDOWS * 4 * d)); /* gh is set, too, because the first step has no product */
  int32_t running = sk_gru_running(&o, 0, o.count);
  for (int32_t t = 0; running > 0; running = sk_gru_running(&o, ++t, running)) {
    if (t > 0 && running == 1 && !is_turned && o.length[0] - t >= WORTH_TURNING)
      turn(d, a->w_hh, turned), is_turned = 1;
    if (is_turned)
      multiply_row(d, turned, h, gh);
    else if (t > 0 && running == 1)
      sk_cpu_gemv(3 * d, d, a->w_hh, d, h, 0.0f, gh);
    else if (t > 0)
      sk_gemm_nt(running, 3 * d, d, h, d, a->w_hh, d, 0.0f, gh, 3 * d);
    for (int32_t i = 0; i < running; i++) {
      int64_t row = o.first[i] + t;
      step_row(a, a->gx + row * 3 * d, gh + i * 3 * d, h + i * d, a->saved ? a->saved + row * 4 * d : NULL);
      if (!a->newest_only) memcpy(a->out + row * d, h + i * d, sizeof(float) * (size_t)d);
    }
  }
  for (int32_t i = 0; i < o.count && a->newest_only; i++)
    memcpy(a->out + o.window[i] * d, h + i * d, sizeof(float) * (size_t)d);
}

solid_status SK_CPU(gru)(sk_backend *be, const sk_gru_args *a) {
  solid_status status = sk_cpu_reserve(be, sizeof(float) * (SK_GRU_WINDOWS * 4 + 3 * (size_t)a->d) * (size_t)a->d, 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, sk_cpu_blocks(a->windows, sk_gru_block_windows(a->windows)), gru_block, a);
  return SOLID_OK;
}
