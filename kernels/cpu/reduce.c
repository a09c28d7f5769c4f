#include "kernels/cpu/cpu.h"

#define BLOCK 16384

typedef struct sum_args {
  sk_reduce_args a;
  double *sums; /* one a block */
} sum_args;

static void sum_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sum_args *s = arg;
  const int64_t begin = block * BLOCK, end = sk_cpu_block_end(s->a.n, BLOCK, block);
  const float *x = s->a.x;
  double sum = 0.0;
  if (s->a.kind == SK_SUM) {
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) sum += (double)x[i];
  } else {
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) sum += (double)x[i] * (double)x[i];
  }
  s->sums[block] = sum;
}

/* n = 0 is an empty sum: without accumulate it still writes 0. */
solid_status SK_CPU(reduce)(sk_backend *be, const sk_reduce_args *a) {
  const int64_t blocks = sk_cpu_blocks(a->n, BLOCK);
  sum_args s = {*a, NULL};
  solid_status status = sk_cpu_reserve(be, 0, (size_t)blocks * sizeof *s.sums);
  if (status != SOLID_OK) return status;
  s.sums = sk_cpu_shared(be);
  sk_cpu_parallel(be, blocks, sum_block, &s);
  double sum = a->accumulate ? (double)*a->out : 0.0;
  for (int64_t block = 0; block < blocks; block++) sum += s.sums[block];
  *a->out = (float)sum;
  return SOLID_OK;
}
