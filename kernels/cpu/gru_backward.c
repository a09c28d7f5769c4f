/* gru_backward: the recurrence runs backwards over blocks of windows as in gru.c and leaves, for every row, the
 * gradient of gh in a->scratch and the h that it started from in our own scratch. dw_hh is then one product over all
 * rows, cut into parts of fixed number that are summed in order. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gru.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define PART_ROWS 256
#define PARTS_MAX 16

typedef struct gru_job {
  const sk_gru_backward_args *a;
  int64_t parts;
  float *before; /* (rows, d): h before each row */
  float *sums;   /* (parts, 3d, d) */
} gru_job;

/* One row. dh on entry: the gradient from later rows; on return: the part that passes to earlier rows through z. */
static void row_gradient(const sk_gru_backward_args *a, int64_t row, const float *restrict h, float *restrict dh,
                         float *restrict dgh) {
  int64_t d = a->d;
  const float *restrict saved = a->saved + row * 4 * d, *restrict dout = a->dout + row * d;
  float *restrict dgx = a->dgx + row * 3 * d;
#pragma omp simd
  for (int64_t c = 0; c < d; c++) {
    float r = saved[c], z = saved[d + c], n = saved[2 * d + c], gh_n = saved[3 * d + c];
    float g = dh[c] + dout[c];
    float dn = g * (1.0f - z) * (1.0f - n * n);
    float dz = g * (h[c] - n) * z * (1.0f - z);
    float dr = dn * gh_n * r * (1.0f - r);
    dgx[c] = dgh[c] = dr;
    dgx[d + c] = dgh[d + c] = dz;
    dgx[2 * d + c] = dn;
    dgh[2 * d + c] = dn * r;
    dh[c] = g * z;
  }
}

static void recur_block(const void *arg, int64_t block, void *local) {
  const gru_job *job = arg;
  const sk_gru_backward_args *a = job->a;
  int64_t d = a->d, size = sk_gru_block_windows(a->windows), end = sk_cpu_block_end(a->windows, size, block);
  size_t bytes = sizeof(float) * (size_t)d;
  sk_gru_order o = sk_gru_order_of(a->offsets, block * size, end);
  float *dh = local, *dgh = dh + SK_GRU_WINDOWS * d;
  memset(dh, 0, bytes * SK_GRU_WINDOWS);
  int32_t running = 0;
  for (int32_t t = o.length[0] - 1; t >= 0; t--) {
    while (running < o.count && o.length[running] > t) running++;
    for (int32_t i = 0; i < running; i++) {
      int64_t row = o.first[i] + t;
      float *h = job->before + row * d;
      if (t > 0)
        memcpy(h, a->out + (row - 1) * d, bytes);
      else
        memset(h, 0, bytes);
      row_gradient(a, row, h, dh + i * d, dgh + i * 3 * d);
      memcpy(a->scratch + row * 3 * d, dgh + i * 3 * d, 3 * bytes);
    }
    if (t > 0) sk_gemm_nn(running, d, 3 * d, dgh, 3 * d, a->w_hh, d, 1.0f, dh, d);
  }
}

static void part_block(const void *arg, int64_t part, void *local) {
  (void)local;
  const gru_job *job = arg;
  int64_t d = job->a->d, rows = job->a->rows, begin = rows * part / job->parts, end = rows * (part + 1) / job->parts;
  sk_gemm_tn(3 * d, d, end - begin, job->a->scratch + begin * 3 * d, 3 * d, job->before + begin * d, d, 0.0f,
             job->sums + part * 3 * d * d, d);
}

static void sum_parts_block(const void *arg, int64_t row, void *local) {
  (void)local;
  const gru_job *job = arg;
  int64_t d = job->a->d;
  for (int64_t part = 0; part < job->parts; part++)
    sk_axpy(1.0f, job->sums + (part * 3 * d + row) * d, job->a->dw_hh + row * d, d);
}

solid_status SK_CPU(gru_backward)(sk_backend *be, const sk_gru_backward_args *a) {
  if (a->windows <= 0 || a->rows <= 0) return SOLID_OK;
  size_t d = (size_t)a->d;
  gru_job job = {.a = a, .parts = sk_cpu_blocks(a->rows, PART_ROWS)};
  if (job.parts > PARTS_MAX) job.parts = PARTS_MAX;
  size_t local = sizeof(float) * SK_GRU_WINDOWS * 4 * d;
  size_t shared = sizeof(float) * ((size_t)a->rows * d + (size_t)job.parts * 3 * d * d);
  solid_status status = sk_cpu_reserve(be, local, shared);
  if (status != SOLID_OK) return status;
  job.before = sk_cpu_shared(be);
  job.sums = job.before + (size_t)a->rows * d;
  sk_cpu_parallel(be, sk_cpu_blocks(a->windows, sk_gru_block_windows(a->windows)), recur_block, &job);
  sk_cpu_parallel(be, job.parts, part_block, &job);
  sk_cpu_parallel(be, 3 * a->d, sum_parts_block, &job);
  return SK_CPU(column_sums)(be, a->rows, 3 * a->d, a->scratch, 3 * a->d, a->db_hh);
}
