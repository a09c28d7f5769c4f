#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define ROWS 32

static void bce_row(const sk_bce_args *a, int64_t i) {
  int64_t d = a->d, t = a->t;
  const float *x = a->x + i * d, *u = a->u + i * t * d;
  float *score = a->score + i * t, *dx = a->dx ? a->dx + i * d : NULL;
  for (int64_t j = 0; j < t; j++) score[j] = sk_dot(x, u + j * d, d);
  if (!a->label) return;
  const float *label = a->label + i * t;
  for (int64_t j = 0; a->loss && j < t; j++) {
    float s = score[j];
    a->loss[i * t + j] = (s > 0.0f ? s : 0.0f) - label[j] * s + log1pf(expf(-fabsf(s)));
    if (isnan(s)) a->loss[i * t + j] = s;
  }
  if (!dx) return;
  memset(dx, 0, sizeof(float) * (size_t)d);
  for (int64_t j = 0; j < t; j++) {
    float g = a->weight * (sk_sigmoid(score[j]) - label[j]), *du = a->du + (i * t + j) * d;
    sk_axpy(g, u + j * d, dx, d);
#pragma omp simd
    for (int64_t c = 0; c < d; c++) du[c] = g * x[c];
  }
}

static void bce_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_bce_args *a = arg;
  for (int64_t i = block * ROWS; i < sk_cpu_block_end(a->n, ROWS, block); i++) bce_row(a, i);
}

solid_status SK_CPU(bce)(sk_backend *be, const sk_bce_args *a) {
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS), bce_block, a);
  return SOLID_OK;
}
