#include "kernels/cpu/cpu.h"

#define BLOCK 16384

static void blend_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_blend_args *a = arg;
  int64_t begin = block * BLOCK, end = sk_cpu_block_end(a->n, BLOCK, block);
  const float *x = a->x;
  float *y = a->y;
  float fx = a->a, fy = a->b;
  if (fy == 0.0f) {
#pragma omp simd
    for (int64_t i = begin; i < end; i++) y[i] = fx * x[i];
  } else {
#pragma omp simd
    for (int64_t i = begin; i < end; i++) y[i] = fx * x[i] + fy * y[i];
  }
}

solid_status SK_CPU(blend)(sk_backend *be, const sk_blend_args *a) {
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), blend_block, a);
  return SOLID_OK;
}
