/* slate: after what is read once a request (slate_read.cu), a cluster of blocks decodes a user's slate from its first
 * step to its last (slate_cluster.cu), or one block where there are many users, shapes are large or the device has no
 * clusters: that is here. What a block reads again and again lies in shared memory where that is large enough. */
#define RANK         0
#define RANKS        1
#define SHARE(words) ((void)(words), __syncthreads())
#include "kernels/cuda/slate.cuh"

template <int D, typename T>
__device__ static void share(const slate_user<D> *, T *to, T x) {
  *to = x;
}

#define SK_SLATE_PRIMITIVES "kernels/cuda/slate_primitives.cuh"
#include "kernels/slate_body.h"

/* Without room for `small` in shared memory the lists stay where they are, too. */
template <int D>
__global__ static void __launch_bounds__(THREADS)
    decode(const __grid_constant__ sk_slate_args a, const __grid_constant__ slate_small places, float *large,
           int64_t large_words, float *small) {
  extern __shared__ float4 shared[];
  float *mine = small ? small + (int64_t)blockIdx.x * places.words : (float *)shared;
  sk_slate_grid grid = a.grid;
  if (!small) grid = settle(a.grid, (int32_t *)(mine + places.words));
  slate_user<D> user;
  slate_bind_large(&user, &a, (int)blockIdx.x, large + (int64_t)blockIdx.x * large_words);
  slate_bind_small(&user, &places, mine);
  user.g = &grid;
  __syncthreads();
  slate_decode(&user);
}

/* Bytes of shared memory that a block may ask for beside what a kernel has of its own. */
static solid_status room_of(sk_backend *be, size_t *bytes) {
  static const int own = 16 * 1024;
  int most = 0;
  cudaError_t error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, ((sk_cuda *)be)->device);
  *bytes = (size_t)(most - own);
  return error == cudaSuccess ? SOLID_OK : sk_cuda_status(be, error, "slate");
}

/* All that is read four floats at a time begins where it may. */
static bool is_aligned(const sk_slate_net *net) {
  const float *const few[] = {net->state_w, net->user_w, net->out};
  bool aligned = true;
  for (const float *w : few) aligned = aligned && (uintptr_t)w % 16 == 0;
  for (int b = 0; b < net->blocks; b++) {
    const sk_slate_block *w = &net->block[b];
    for (const float *of : {w->qkv_w, w->out_w, w->up_w, w->down_w}) aligned = aligned && (uintptr_t)of % 16 == 0;
  }
  return aligned;
}

template <int D>
static solid_status run(sk_backend *be, const sk_slate_args *a, const slate_small *places, float *memory,
                        size_t bytes) {
  int64_t large = slate_large_of(a).words;
  cudaError_t error = cudaFuncSetAttribute(decode<D>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
  if (error != cudaSuccess) return sk_cuda_status(be, error, "slate");
  decode<D>
      <<<a->n, THREADS, bytes, sk_cuda_stream(be)>>>(*a, *places, memory, large, bytes ? NULL : memory + a->n * large);
  return sk_cuda_launched(be, "slate");
}

solid_status sk_cuda_slate(sk_backend *be, const sk_slate_args *a) {
  if (a->net.d / a->net.heads > MOST_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda slate: head width %d, at most %d", a->net.d / a->net.heads, MOST_DH);
  if (a->n <= 0) return SOLID_OK;
  slate_small places = slate_small_of(a);
  int64_t words = slate_large_of(a).words;
  size_t room = 0, bytes = (size_t)(places.words + slate_list_words(&a->grid)) * sizeof(float);
  solid_status status = room_of(be, &room);
  if (status != SOLID_OK) return status;
  if (bytes > room) bytes = 0, words += places.words;
  void *memory = NULL;
  status = sk_cuda_workspace(be, (size_t)a->n * (size_t)words * sizeof(float), &memory);
  if (status == SOLID_OK) status = sk_cuda_slate_read(be, a, (float *)memory);
  if (status != SOLID_OK) return status;
  bool aligned = is_aligned(&a->net);
  if (bytes && sk_cuda_slate_is_clustered(be, a, bytes))
    return sk_cuda_slate_cluster(be, a, (float *)memory, bytes, aligned);
  if (aligned && a->net.d == 64) return run<64>(be, a, &places, (float *)memory, bytes);
  return run<0>(be, a, &places, (float *)memory, bytes);
}
