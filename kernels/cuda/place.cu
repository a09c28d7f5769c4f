/* A warp a row. */
#include "kernels/cuda/cuda.cuh"

enum { ROWS = 8 };

__global__ static void place_rows(sk_place_args a) {
  int row = blockIdx.x * ROWS + threadIdx.y;
  if (row >= a.n) return;
  int index = a.index[row];
  if (index < 0) return;
  for (int i = threadIdx.x; i < a.width; i += SK_WARP)
    a.table[(int64_t)index * a.width + i] = a.x[(int64_t)row * a.stride + i];
}

solid_status sk_cuda_place(sk_backend *be, const sk_place_args *a) {
  if (a->n == 0) return SOLID_OK;
  place_rows<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "place");
}
