#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

static __device__ const float gelu_scale = 0.7978845608028654f; /* sqrt(2 / pi) */

__device__ static float value(sk_activation f, float x) {
  switch (f) {
  case SK_RELU:
    return x < 0.0f ? 0.0f : x; /* a NaN passes */
  case SK_TANH:
    return tanhf(x);
  case SK_GELU:
    return 0.5f * x * (1.0f + tanhf(gelu_scale * (x + 0.044715f * x * x * x)));
  default:
    return x;
  }
}

__device__ static float slope(sk_activation f, float x) {
  switch (f) {
  case SK_RELU:
    return x > 0.0f ? 1.0f : (x <= 0.0f ? 0.0f : x);
  case SK_TANH: {
    float y = tanhf(x);
    return 1.0f - y * y;
  }
  case SK_GELU: {
    float t = tanhf(gelu_scale * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * gelu_scale * (1.0f + 3.0f * 0.044715f * x * x);
  }
  default:
    return 1.0f;
  }
}

__global__ static void forward(sk_activate_args a) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i < a.n) a.y[i] = value(a.f, a.x[i]);
}

__global__ static void backward(sk_activate_backward_args a) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i < a.n) a.dx[i] = a.dy[i] * slope(a.f, a.x[i]);
}

solid_status sk_cuda_activate(sk_backend *be, const sk_activate_args *a) {
  if (a->n == 0) return SOLID_OK;
  forward<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "activate");
}

solid_status sk_cuda_activate_backward(sk_backend *be, const sk_activate_backward_args *a) {
  if (a->n == 0) return SOLID_OK;
  backward<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "activate_backward");
}
