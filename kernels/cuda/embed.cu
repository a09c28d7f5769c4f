/* Gather is a copy. Scatter-add sorts the indices (stable radix sort of (index, position)) and lets one warp sum each
 * run of equal indices in the order of their positions. */
#include "kernels/cuda/cuda.cuh"
#include <cub/device/device_radix_sort.cuh>

enum { ROWS = 8, THREADS = 256 };

__global__ static void gather(sk_embed_args a) {
  int row = blockIdx.x * ROWS + threadIdx.y;
  if (row >= a.n) return;
  int index = a.index[row];
  for (int i = threadIdx.x; i < a.d; i += SK_WARP) {
    float x = index < 0 ? 0.0f : a.scale * a.table[(int64_t)index * a.d + i];
    float *out = a.out + (int64_t)row * a.d + i;
    *out = a.accumulate ? *out + x : x;
  }
}

solid_status sk_cuda_embed(sk_backend *be, const sk_embed_args *a) {
  if (a->n == 0) return SOLID_OK;
  gather<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "embed");
}

__global__ static void number(int n, int *positions) {
  int i = blockIdx.x * THREADS + threadIdx.x;
  if (i < n) positions[i] = i;
}

__global__ static void add_runs(sk_embed_backward_args a, const int *index, const int *position) {
  int first = blockIdx.x * ROWS + threadIdx.y;
  if (first >= a.n || index[first] < 0 || (first > 0 && index[first - 1] == index[first])) return;
  for (int i = threadIdx.x; i < a.d; i += SK_WARP) {
    float *to = a.dtable + (int64_t)index[first] * a.d + i, sum = *to;
    for (int j = first; j < a.n && index[j] == index[first]; j++)
      sum += a.scale * a.dout[(int64_t)position[j] * a.d + i];
    *to = sum;
  }
}

solid_status sk_cuda_embed_backward(sk_backend *be, const sk_embed_backward_args *a) {
  if (a->n == 0) return SOLID_OK;
  cudaStream_t stream = sk_cuda_stream(be);
  size_t sort_bytes = 0, array = ((size_t)a->n * sizeof(int) + 255) / 256 * 256;
  cudaError_t error = cub::DeviceRadixSort::SortPairs(NULL, sort_bytes, a->index, (int *)NULL, (const int *)NULL,
                                                      (int *)NULL, a->n, 0, 32, stream);
  solid_status status = sk_cuda_status(be, error, "embed_backward sort size");
  void *memory = NULL;
  if (status == SOLID_OK) status = sk_cuda_workspace(be, 3 * array + sort_bytes, &memory);
  if (status != SOLID_OK) return status;
  char *at = (char *)memory;
  int *positions = (int *)at, *sorted = (int *)(at + array), *order = (int *)(at + 2 * array);
  number<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, stream>>>(a->n, positions);
  error = cub::DeviceRadixSort::SortPairs(at + 3 * array, sort_bytes, a->index, sorted, positions, order, a->n, 0, 32,
                                          stream);
  if ((status = sk_cuda_status(be, error, "embed_backward sort")) != SOLID_OK) return status;
  add_runs<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, stream>>>(*a, sorted, order);
  return sk_cuda_launched(be, "embed_backward");
}
