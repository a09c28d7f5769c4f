#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

/* 0.5 (1 + tanh u) = sigmoid(2u), which does not cancel for negative x; 2u = GELU_SCALE (x + GELU_CUBE x^3). */
static __device__ const float gelu_scale = 2.0f * 0.7978845608028654f, gelu_cube = 0.044715f;

__device__ static float value(sk_activation f, float x) {
  switch (f) {
  case SK_RELU:
    return x < 0.0f ? 0.0f : x; /* in this order a NaN passes */
  case SK_TANH:
    return tanhf(x);
  case SK_GELU:
    return x * sk_sigmoid(gelu_scale * (x + gelu_cube * x * x * x));
  default:
    return x;
  }
}

/* Beyond 20 the slope of GELU is 0 or 1 and x^2 may overflow: there x counts as 20. */
__device__ static float gelu_slope(float x) {
  float c = x < -20.0f ? -20.0f : x > 20.0f ? 20.0f : x, s = sk_sigmoid(gelu_scale * (c + gelu_cube * c * c * c));
  return s + c * s * (1.0f - s) * gelu_scale * (1.0f + 3.0f * gelu_cube * c * c);
}

__device__ static float slope(sk_activation f, float x) {
  switch (f) {
  case SK_RELU:
    return isnan(x) ? x : x > 0.0f ? 1.0f : 0.0f;
  case SK_TANH:
    return 1.0f - tanhf(x) * tanhf(x);
  case SK_GELU:
    return gelu_slope(x);
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
