/* One warp a row. The weights' gradients are column sums of dy * xhat and dy, by way of the workspace. */
#include "kernels/cuda/cuda.cuh"

enum { ROWS = 4 };

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

/* dgamma's and dbeta's rows go to `rows` (n, 2d). */
__global__ static void backward(sk_layer_norm_backward_args a, float *rows) {
  int row = blockIdx.x * ROWS + threadIdx.y, lane = threadIdx.x;
  if (row >= a.n) return;
  int64_t at = (int64_t)row * a.d;
  float mean = a.mean[row], rstd = a.rstd[row], sum_g = 0.0f, sum_gx = 0.0f;
  for (int i = lane; i < a.d; i += SK_WARP) {
    float xhat = (a.x[at + i] - mean) * rstd, dy = a.dy[at + i], g = dy * a.gamma[i];
    sum_g += g;
    sum_gx += g * xhat;
    rows[2 * at + i] = dy * xhat;
    rows[2 * at + a.d + i] = dy;
  }
  sum_g = sk_warp_sum(sum_g) / a.d;
  sum_gx = sk_warp_sum(sum_gx) / a.d;
  for (int i = lane; i < a.d; i += SK_WARP) {
    float xhat = (a.x[at + i] - mean) * rstd, g = rows[2 * at + a.d + i] * a.gamma[i];
    float dx = rstd * (g - sum_g - xhat * sum_gx);
    a.dx[at + i] = a.accumulate_dx ? a.dx[at + i] + dx : dx;
  }
}

__global__ static void sum_columns(int n, int d, const float *rows, float *dgamma, float *dbeta) {
  __shared__ float lanes[32][SK_WARP];
  int column = blockIdx.x * SK_WARP + threadIdx.x;
  float sum = 0.0f;
  if (column < 2 * d)
    for (int r = threadIdx.y; r < n; r += 32) sum += rows[(int64_t)r * 2 * d + column];
  lanes[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || column >= 2 * d) return;
  for (int lane = 1; lane < 32; lane++) sum += lanes[lane][threadIdx.x];
  if (column < d)
    dgamma[column] += sum;
  else
    dbeta[column - d] += sum;
}

solid_status sk_cuda_layer_norm(sk_backend *be, const sk_layer_norm_args *a) {
  if (a->n == 0) return SOLID_OK;
  forward<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "layer_norm");
}

solid_status sk_cuda_layer_norm_backward(sk_backend *be, const sk_layer_norm_backward_args *a) {
  if (a->n == 0) return SOLID_OK;
  void *rows = NULL;
  solid_status status = sk_cuda_workspace(be, (size_t)a->n * 2 * a->d * sizeof(float), &rows);
  if (status != SOLID_OK) return status;
  backward<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a, (float *)rows);
  sum_columns<<<sk_cuda_blocks(2 * a->d, SK_WARP), dim3(SK_WARP, 32), 0, sk_cuda_stream(be)>>>(
      a->n, a->d, (float *)rows, a->dgamma, a->dbeta);
  return sk_cuda_launched(be, "layer_norm_backward");
}
