/* One block per row: the residual in shared memory, a thread compares codewords k, k + THREADS, ..., the best wins with
 * ties to the lowest k. */
#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

struct candidate {
  float distance;
  int code;
};

__device__ static bool better(candidate x, candidate y) {
  return x.distance < y.distance || (x.distance == y.distance && x.code < y.code);
}

/* ||c||^2 - 2 r.c, in the one order of every thread. */
__device__ static float distance(const float *r, const float *c, int d) {
  float sum = 0.0f;
  for (int i = 0; i < d; i++) sum += c[i] * (c[i] - 2.0f * r[i]);
  return sum;
}

__global__ static void quantize(sk_quantize_args a) {
  extern __shared__ float r[]; /* (d) */
  __shared__ candidate best[THREADS];
  int64_t row = blockIdx.x;
  int bad = 0;
  for (int i = threadIdx.x; i < a.d; i += THREADS) {
    r[i] = a.x[row * a.d + i];
    bad |= !isfinite(r[i]);
  }
  bad = __syncthreads_or(bad);
  for (int level = 0; level < a.levels; level++) {
    const float *centroids = a.centroids + (int64_t)level * a.k * a.d;
    candidate mine = {INFINITY, a.k};
    for (int k = threadIdx.x; k < a.k && !bad; k += THREADS) {
      candidate other = {distance(r, centroids + (int64_t)k * a.d, a.d), k};
      if (better(other, mine)) mine = other;
    }
    best[threadIdx.x] = mine;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
      if (threadIdx.x < half && better(best[threadIdx.x + half], best[threadIdx.x]))
        best[threadIdx.x] = best[threadIdx.x + half];
      __syncthreads();
    }
    int code = bad ? SK_CODE_NONE : best[0].code;
    if (threadIdx.x == 0) a.codes[row * a.levels + level] = code;
    __syncthreads();
    for (int i = threadIdx.x; i < a.d && !bad; i += THREADS) r[i] -= centroids[(int64_t)code * a.d + i];
    __syncthreads();
  }
  if (a.residual)
    for (int i = threadIdx.x; i < a.d; i += THREADS) a.residual[row * a.d + i] = r[i];
}

solid_status sk_cuda_quantize(sk_backend *be, const sk_quantize_args *a) {
  if (a->n == 0) return SOLID_OK;
  quantize<<<a->n, THREADS, (size_t)a->d * sizeof(float), sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "quantize");
}
