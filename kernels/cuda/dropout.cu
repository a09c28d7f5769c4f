#include "kernels/cuda/cuda.cuh"
#include "kernels/philox.h"

enum { THREADS = 256 };

/* One thread, one Philox group: four elements. */
__global__ static void dropout(sk_dropout_args a) {
  int64_t group = (int64_t)blockIdx.x * THREADS + threadIdx.x, first = group * 4;
  if (first >= a.n) return;
  float u[4] = {1.0f, 1.0f, 1.0f, 1.0f}, keep = 1.0f / (1.0f - a.p);
  if (a.p > 0.0f) sk_uniform4(a.seed, (uint64_t)(a.first / 4 + group), u);
  for (int lane = 0; lane < 4 && first + lane < a.n; lane++)
    a.y[first + lane] = a.x[first + lane] * (a.p == 0.0f ? 1.0f : u[lane] >= a.p ? keep : 0.0f); /* a NaN stays */
}

solid_status sk_cuda_dropout(sk_backend *be, const sk_dropout_args *a) {
  if (a->n == 0) return SOLID_OK;
  dropout<<<sk_cuda_blocks(a->n, 4 * THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "dropout");
}
