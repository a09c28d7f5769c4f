/* Two stages, both in double: blocks of fixed size, then the blocks in order. */
#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256, PER_BLOCK = SK_REDUCE_BLOCK };

__device__ static double block_sum(double x) {
  __shared__ double lanes[THREADS];
  lanes[threadIdx.x] = x;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) lanes[threadIdx.x] += lanes[threadIdx.x + half];
    __syncthreads();
  }
  return lanes[0];
}

__global__ static void sum_blocks(sk_reduce_args a, double *partial) {
  int64_t first = (int64_t)blockIdx.x * PER_BLOCK, end = min(first + PER_BLOCK, a.n);
  double sum = 0.0;
  for (int64_t i = first + threadIdx.x; i < end; i += THREADS) {
    double x = a.x[i];
    sum += a.kind == SK_SUM_SQUARES ? x * x : x;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ static void finish(int64_t blocks, const double *partial, int accumulate, float *out) {
  double sum = 0.0;
  for (int64_t i = threadIdx.x; i < blocks; i += THREADS) sum += partial[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *out = (float)(sum + (accumulate ? (double)*out : 0.0));
}

solid_status sk_cuda_reduce(sk_backend *be, const sk_reduce_args *a) {
  int64_t blocks = (a->n + PER_BLOCK - 1) / PER_BLOCK;
  void *partial = NULL;
  solid_status status = sk_cuda_workspace(be, sk_reduce_scratch(a), &partial);
  if (status != SOLID_OK) return status;
  if (blocks > 0) sum_blocks<<<(unsigned)blocks, THREADS, 0, sk_cuda_stream(be)>>>(*a, (double *)partial);
  finish<<<1, THREADS, 0, sk_cuda_stream(be)>>>(blocks, (double *)partial, a->accumulate, a->out);
  return sk_cuda_launched(be, "reduce");
}
