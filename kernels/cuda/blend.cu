#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

__global__ static void blend(sk_blend_args a) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i < a.n) a.y[i] = a.b == 0.0f ? a.a * a.x[i] : a.a * a.x[i] + a.b * a.y[i];
}

solid_status sk_cuda_blend(sk_backend *be, const sk_blend_args *a) {
  if (a->n == 0) return SOLID_OK;
  blend<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "blend");
}
