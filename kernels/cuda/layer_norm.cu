/* One warp a row. The weights' gradients are column sums of dy * xhat and dy: each warp keeps those of its rows in
 * shared memory, each block adds up its warps', and the blocks' are joined in a second kernel. */
#include "kernels/cuda/cuda.cuh"

enum { ROWS = SK_LAYER_NORM_ROWS };

__global__ static void forward(sk_layer_norm_args a) {
  int row = blockIdx.x * ROWS + threadIdx.y, lane = threadIdx.x;
  if (row >= a.n) return;
  const float *x = a.x + (int64_t)row * a.d;
  float *y = a.y + (int64_t)row * a.d, sum = 0.0f, squares = 0.0f;
  for (int i = lane; i < a.d; i += SK_WARP) sum += x[i];
  float mean = sk_warp_sum(sum) / a.d;
  for (int i = lane; i < a.d; i += SK_WARP) squares += (x[i] - mean) * (x[i] - mean);
  float rstd = rsqrtf(sk_warp_sum(squares) / a.d + a.eps);
  for (int i = lane; i < a.d; i += SK_WARP) y[i] = (x[i] - mean) * rstd * a.gamma[i] + a.beta[i];
  if (lane == 0 && a.mean) {
    a.mean[row] = mean;
    a.rstd[row] = rstd;
  }
}

/* partial (gridDim.x, 2d): dgamma and dbeta of the block's rows. */
__global__ static void backward(sk_layer_norm_backward_args a, float *partial) {
  extern __shared__ float sums[]; /* (ROWS, 2d) */
  int lane = threadIdx.x;
  float *mine = sums + threadIdx.y * 2 * a.d;
  for (int i = lane; i < a.d; i += SK_WARP) mine[i] = mine[a.d + i] = 0.0f; /* by the lane that adds to them */
  for (int row = blockIdx.x * ROWS + threadIdx.y; row < a.n; row += gridDim.x * ROWS) {
    int64_t at = (int64_t)row * a.d;
    float mean = a.mean[row], rstd = a.rstd[row], sum_g = 0.0f, sum_gx = 0.0f;
    for (int i = lane; i < a.d; i += SK_WARP) {
      float xhat = (a.x[at + i] - mean) * rstd, dy = a.dy[at + i], g = dy * a.gamma[i];
      sum_g += g;
      sum_gx += g * xhat;
      mine[i] += dy * xhat;
      mine[a.d + i] += dy;
    }
    sum_g = sk_warp_sum(sum_g) / a.d;
    sum_gx = sk_warp_sum(sum_gx) / a.d;
    for (int i = lane; i < a.d; i += SK_WARP) {
      float xhat = (a.x[at + i] - mean) * rstd, g = a.dy[at + i] * a.gamma[i];
      float dx = rstd * (g - sum_g - xhat * sum_gx);
      a.dx[at + i] =
          a.accumulate_dx ? a.dx[at + i] + dx : dx; /* dx may be dy: each element is read before it is written */
    }
  }
  __syncthreads();
  for (int i = threadIdx.y * SK_WARP + lane; i < 2 * a.d; i += ROWS * SK_WARP) {
    float sum = sums[i];
    for (int row = 1; row < ROWS; row++) sum += sums[row * 2 * a.d + i];
    partial[(int64_t)blockIdx.x * 2 * a.d + i] = sum;
  }
}

solid_status sk_cuda_layer_norm(sk_backend *be, const sk_layer_norm_args *a) {
  if (a->n == 0) return SOLID_OK;
  forward<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "layer_norm");
}

solid_status sk_cuda_layer_norm_backward(sk_backend *be, const sk_layer_norm_backward_args *a) {
  if (a->n == 0) return SOLID_OK;
  unsigned blocks = (unsigned)sk_layer_norm_backward_blocks(a);
  size_t bytes = (size_t)ROWS * 2 * a->d * sizeof(float);
  void *partial = NULL;
  solid_status status = sk_cuda_workspace(be, sk_layer_norm_backward_scratch(a), &partial);
  if (status == SOLID_OK)
    status = sk_cuda_status(be, cudaFuncSetAttribute(backward, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
                            "layer_norm");
  if (status != SOLID_OK) return status;
  backward<<<blocks, dim3(SK_WARP, ROWS), bytes, sk_cuda_stream(be)>>>(*a, (float *)partial);
  return sk_cuda_join_sums(be, (int)blocks, 2 * a->d, (float *)partial, a->d, a->dgamma, a->dbeta);
}
