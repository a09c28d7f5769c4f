/* The k best of whole rows, for widths and k that topk.cu does not take: the plain product, sorted by CUB. */
#include "kernels/cuda/topk.cuh"
#include <cub/device/device_radix_sort.cuh>

enum { THREADS = 256 };

/* Masked items, NaN and -INFINITY become 0. */
__global__ static void make_keys(sk_topk_args a, int row, const float *s, sk_topk_key *keys) {
  int v = blockIdx.x * THREADS + threadIdx.x;
  if (v < a.items) keys[v] = !(s[v] > -INFINITY) || sk_topk_absent(a, row, v, 1, true) ? 0 : sk_topk_key_of(s[v], v);
}

__global__ static void unpack(sk_topk_args a, int row, const sk_topk_key *keys) {
  int place = blockIdx.x * THREADS + threadIdx.x;
  int64_t at = (int64_t)row * a.k + place;
  if (place < a.k) sk_topk_unpack(keys[place], &a.index[at], &a.score[at]);
}

solid_status sk_cuda_topk_sort(sk_backend *be, const sk_topk_args *a) {
  cudaStream_t stream = sk_cuda_stream(be);
  size_t bytes = sk_topk_sort_bytes(a);
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_topk_scratch(a), &memory);
  sk_topk_key *from = (sk_topk_key *)memory, *to = from + a->items;
  float *s = (float *)(to + a->items);
  for (int row = 0; row < a->n && status == SOLID_OK; row++) {
    status = sk_cuda_product(be, false, true, 1, a->items, a->d, a->u + (int64_t)row * a->d, a->d, a->e, a->d, 0.0f, s,
                             a->items);
    if (status != SOLID_OK) return status;
    make_keys<<<sk_cuda_blocks(a->items, THREADS), THREADS, 0, stream>>>(*a, row, s, from);
    cudaError_t error =
        cub::DeviceRadixSort::SortKeysDescending(to + 2 * (size_t)a->items, bytes, from, to, a->items, 0, 64, stream);
    if ((status = sk_cuda_status(be, error, "topk sort")) != SOLID_OK) return status;
    unpack<<<sk_cuda_blocks(a->k, THREADS), THREADS, 0, stream>>>(*a, row, to);
    status = sk_cuda_launched(be, "topk");
  }
  return status;
}
