#include "kernels/cuda/cuda.cuh"
#include <math.h>

enum { THREADS = 256 };

__global__ static void adamw(sk_adamw_args a, float fix1, float fix2) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i >= a.n) return;
  float clip = sk_adamw_clip(a.sumsq, a.max_norm);
  float g = a.grad[i] * clip;
  float m = a.m[i] = a.b1 * a.m[i] + (1.0f - a.b1) * g;
  float v = a.v[i] = a.b2 * a.v[i] + (1.0f - a.b2) * g * g;
  float w = a.w[i];
  w -= a.lr * (m * fix1 / (sqrtf(v * fix2) + a.eps) + a.decay * w);
  a.w[i] = w;
  if (a.average) a.average[i] = a.average_keep * a.average[i] + (1.0f - a.average_keep) * w;
}

solid_status sk_cuda_adamw(sk_backend *be, const sk_adamw_args *a) {
  if (a->n == 0) return SOLID_OK;
  float fix1 = (float)(1.0 / (1.0 - pow(a->b1, (double)a->step))),
        fix2 = (float)(1.0 / (1.0 - pow(a->b2, (double)a->step)));
  adamw<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a, fix1, fix2);
  return sk_cuda_launched(be, "adamw");
}
