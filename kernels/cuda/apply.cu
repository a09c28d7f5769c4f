/* One block per row: warps split the inputs, lanes the outputs; the warps' parts are added in order. Many rows of a
 * narrow output have a warp each, with several rows of W on their way at once. */
#include "kernels/cuda/cuda.cuh"

enum { WARPS = 8, MANY = 2048 };

__global__ static void forward(sk_apply_args a) {
  extern __shared__ float parts[]; /* (WARPS, out) */
  const float *w = a.w + (int64_t)blockIdx.x * a.stride, *x = a.x + (int64_t)blockIdx.x * a.in;
  int lane = threadIdx.x, warp = threadIdx.y;
  for (int o = lane; o < a.out; o += SK_WARP) {
    float sum = 0.0f;
    for (int i = warp; i < a.in; i += WARPS) sum += x[i] * w[(int64_t)i * a.out + o];
    parts[warp * a.out + o] = sum;
  }
  __syncthreads();
  for (int o = warp * SK_WARP + lane; o < a.out; o += WARPS * SK_WARP) {
    float sum = w[(int64_t)a.in * a.out + o];
    for (int part = 0; part < WARPS; part++) sum += parts[part * a.out + o];
    a.y[(int64_t)blockIdx.x * a.out + o] = a.f == SK_TANH ? tanhf(sum) : sum;
  }
}

__global__ static void narrow(sk_apply_args a) {
  int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.y;
  int o = threadIdx.x;
  if (row >= a.n || o >= a.out) return;
  const float *w = a.w + row * a.stride + o, *x = a.x + row * a.in;
  float sum = w[a.in * a.out];
#pragma unroll 8
  for (int i = 0; i < a.in; i++) sum += x[i] * w[i * a.out];
  a.y[row * a.out + o] = a.f == SK_TANH ? tanhf(sum) : sum;
}

__global__ static void backward(sk_apply_backward_args a) {
  extern __shared__ float g[]; /* (out) */
  int64_t row = blockIdx.x, m = (int64_t)a.in * a.out + a.out;
  const float *w = a.w + row * a.stride;
  float *dw = a.dw + row * m;
  int lane = threadIdx.x, warp = threadIdx.y;
  for (int o = warp * SK_WARP + lane; o < a.out; o += WARPS * SK_WARP) {
    float y = a.y[row * a.out + o], dy = a.dy[row * a.out + o];
    g[o] = a.f == SK_TANH ? dy * (1.0f - y * y) : dy;
    dw[(int64_t)a.in * a.out + o] = g[o];
  }
  __syncthreads();
  for (int i = warp; i < a.in; i += WARPS) {
    float x = a.x[row * a.in + i], sum = 0.0f;
    for (int o = lane; o < a.out; o += SK_WARP) {
      sum += w[(int64_t)i * a.out + o] * g[o];
      dw[(int64_t)i * a.out + o] = x * g[o];
    }
    sum = sk_warp_sum(sum);
    float *dx = a.dx + row * a.in + i;
    if (lane == 0) *dx = a.accumulate_dx ? *dx + sum : sum;
  }
}

solid_status sk_cuda_apply(sk_backend *be, const sk_apply_args *a) {
  if (a->f != SK_IDENTITY && a->f != SK_TANH) return sk_fail(be, SOLID_EUNSUPPORTED, "cuda apply: activation %d", a->f);
  if (a->n == 0) return SOLID_OK;
  if (a->n >= MANY && a->out <= SK_WARP) {
    narrow<<<sk_cuda_blocks(a->n, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
    return sk_cuda_launched(be, "apply");
  }
  forward<<<a->n, dim3(SK_WARP, WARPS), (size_t)WARPS * a->out * sizeof(float), sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "apply");
}

solid_status sk_cuda_apply_backward(sk_backend *be, const sk_apply_backward_args *a) {
  if (a->f != SK_IDENTITY && a->f != SK_TANH) return sk_fail(be, SOLID_EUNSUPPORTED, "cuda apply: activation %d", a->f);
  if (a->n == 0) return SOLID_OK;
  backward<<<a->n, dim3(SK_WARP, WARPS), (size_t)a->out * sizeof(float), sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "apply_backward");
}
