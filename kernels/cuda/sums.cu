/* Sums over rows, which several operations end with. */
#include "kernels/cuda/cuda.cuh"

enum { SUM_ROWS = SK_SUM_ROWS, SUM_COLUMNS = 32, SUM_LANES = 8, JOIN_LANES = 32 };

/* partial (blocks of rows, columns): each block of SUM_ROWS rows summed by SUM_LANES lanes, then the lanes in order. */
__global__ static void sum_row_blocks(int rows, int columns, const float *x, float *partial) {
  __shared__ float lanes[SUM_LANES][SUM_COLUMNS];
  int column = blockIdx.x * SUM_COLUMNS + threadIdx.x, first = blockIdx.y * SUM_ROWS;
  float sum = 0.0f;
  if (column < columns)
#pragma unroll 8
    for (int r = first + threadIdx.y; r < min(first + SUM_ROWS, rows); r += SUM_LANES)
      sum += x[(int64_t)r * columns + column];
  lanes[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || column >= columns) return;
  for (int lane = 1; lane < SUM_LANES; lane++) sum += lanes[lane][threadIdx.x];
  partial[(int64_t)blockIdx.y * columns + column] = sum;
}

/* The blocks of a column, shared by JOIN_LANES lanes, then the lanes in order. */
__global__ static void sum_partials(int blocks, int columns, const float *partial, int split, float *out, float *rest) {
  __shared__ float lanes[JOIN_LANES][SUM_COLUMNS];
  int column = blockIdx.x * SUM_COLUMNS + threadIdx.x;
  float sum = 0.0f;
  if (column < columns)
    for (int block = threadIdx.y; block < blocks; block += JOIN_LANES)
      sum += partial[(int64_t)block * columns + column];
  lanes[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || column >= columns) return;
  for (int lane = 1; lane < JOIN_LANES; lane++) sum += lanes[lane][threadIdx.x];
  float *to = column < split ? out : rest;
  if (to) to[column < split ? column : column - split] += sum;
}

solid_status sk_cuda_join_sums(sk_backend *be, int blocks, int columns, const float *partial, int split, float *out,
                               float *rest) {
  sum_partials<<<sk_cuda_blocks(columns, SUM_COLUMNS), dim3(SUM_COLUMNS, JOIN_LANES), 0, sk_cuda_stream(be)>>>(
      blocks, columns, partial, split, out, rest);
  return sk_cuda_launched(be, "column sum");
}

solid_status sk_cuda_column_sum(sk_backend *be, int rows, int columns, const float *x, float *partial, float *out) {
  if (rows == 0 || columns == 0) return SOLID_OK;
  unsigned blocks = sk_cuda_blocks(rows, SUM_ROWS);
  sum_row_blocks<<<dim3(sk_cuda_blocks(columns, SUM_COLUMNS), blocks), dim3(SUM_COLUMNS, SUM_LANES), 0,
                   sk_cuda_stream(be)>>>(rows, columns, x, partial);
  return sk_cuda_join_sums(be, (int)blocks, columns, partial, columns, out, NULL);
}
