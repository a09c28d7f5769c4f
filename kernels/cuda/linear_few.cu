/* y = x w^T + b in one launch, for products so small that starting cuBLAS and a kernel for the bias would take longer.
 * A block has a tile of y; both operands come through shared memory. */
#include "kernels/cuda/cuda.cuh"

enum { COLUMNS = 32, ROWS = 8, THREADS = COLUMNS * ROWS, PART = 128 /* inputs at a time */ };

__global__ static void __launch_bounds__(THREADS) few(sk_linear_args a) {
  __shared__ float w[COLUMNS][PART + 1], x[ROWS][PART];
  int column0 = blockIdx.x * COLUMNS, row0 = blockIdx.y * ROWS;
  int lane = threadIdx.x % COLUMNS, warp = threadIdx.x / COLUMNS, column = column0 + lane, row = row0 + warp;
  float sum[4] = {};
  for (int first = 0; first < a.in; first += PART) {
    int inputs = min(PART, a.in - first), whole = (inputs + 3) / 4 * 4;
#pragma unroll
    for (int c = 0; c < COLUMNS / ROWS; c++)
#pragma unroll
      for (int k = lane; k < PART; k += COLUMNS) {
        int mine = c * ROWS + warp;
        if (k < whole)
          w[mine][k] = k < inputs && column0 + mine < a.out ? a.w[(int64_t)(column0 + mine) * a.in + first + k] : 0.0f;
      }
#pragma unroll
    for (int k = lane; k < PART; k += COLUMNS)
      if (k < whole) x[warp][k] = k < inputs && row < a.n ? a.x[(int64_t)row * a.in + first + k] : 0.0f;
    __syncthreads();
#pragma unroll 8
    for (int k = 0; k < whole; k += 4)
#pragma unroll
      for (int i = 0; i < 4; i++) sum[i] += x[warp][k + i] * w[lane][k + i];
    __syncthreads();
  }
  if (row >= a.n || column >= a.out) return;
  float *y = a.y + (int64_t)row * a.out + column, value = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  if (a.b) value += a.b[column];
  *y = a.accumulate ? *y + value : value;
}

bool sk_cuda_linear_is_few(const sk_linear_args *a) {
  return a->in <= 2 * PART && (int64_t)a->n * a->out <= 1 << 18;
}

solid_status sk_cuda_linear_few(sk_backend *be, const sk_linear_args *a) {
  dim3 blocks(sk_cuda_blocks(a->out, COLUMNS), sk_cuda_blocks(a->n, ROWS));
  few<<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "linear");
}
