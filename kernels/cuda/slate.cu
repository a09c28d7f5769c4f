/* slate: one block decodes a user's slate from its first step to its last. What it reads again and again lies in shared
 * memory where that is large enough, weights come from L2, scores and bits by place from the workspace. */
#include "kernels/cuda/cuda.cuh"

#define BOTH                __host__ __device__ static inline
#define FN                  __device__ static
#define FOR(i, n)           for (int i = (int)threadIdx.x; i < (int)(n); i += (int)blockDim.x)
#define ONE                 if (threadIdx.x == 0)
#define SYNC()              __syncthreads()
#define POPCOUNT(x)         (uint32_t) __popc(x)
#define SK_SLATE_PRIMITIVES "kernels/cuda/slate_primitives.cuh"
#include "kernels/slate_body.h"

enum { THREADS = 512 };

__global__ static void __launch_bounds__(THREADS) decode(const __grid_constant__ sk_slate_args a, slate_places places,
                                                         float *memory, int64_t small_words, int64_t large_words) {
  extern __shared__ float4 shared[];
  __shared__ slate_user user;
  float *mine = memory + (int64_t)blockIdx.x * (small_words + large_words);
  if (threadIdx.x == 0)
    slate_bind(&user, &a, (int)blockIdx.x, small_words ? mine : (float *)shared, &places, mine + small_words);
  __syncthreads();
  slate_decode(&user);
}

/* Bytes of shared memory that a block may ask for beside what the kernel has of its own. */
static solid_status room_of(sk_backend *be, int64_t *bytes) {
  static const int own = 16 * 1024;
  int most = 0;
  cudaError_t error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, ((sk_cuda *)be)->device);
  *bytes = most - own;
  return error == cudaSuccess ? SOLID_OK : sk_cuda_status(be, error, "slate");
}

solid_status sk_cuda_slate(sk_backend *be, const sk_slate_args *a) {
  if (a->n <= 0) return SOLID_OK;
  slate_places places = slate_small_places(a);
  int64_t large = slate_large_words(a), small = places.words, room = 0;
  solid_status status = room_of(be, &room);
  if (status != SOLID_OK) return status;
  int64_t dynamic = small * (int64_t)sizeof(float) <= room ? small * (int64_t)sizeof(float) : 0;
  if (dynamic) small = 0;
  void *memory = NULL;
  status = sk_cuda_workspace(be, (size_t)a->n * (size_t)(small + large) * sizeof(float), &memory);
  if (status != SOLID_OK) return status;
  cudaError_t error = cudaFuncSetAttribute(decode, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)dynamic);
  if (error != cudaSuccess) return sk_cuda_status(be, error, "slate");
  decode<<<a->n, THREADS, (size_t)dynamic, sk_cuda_stream(be)>>>(*a, places, (float *)memory, small, large);
  return sk_cuda_launched(be, "slate");
}
