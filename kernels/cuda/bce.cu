/* One warp a row: it walks the candidates, its lanes share their dims. */
#include "kernels/cuda/cuda.cuh"

enum { WARPS = 8 };

__global__ static void bce(sk_bce_args a) {
  int i = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x;
  if (i >= a.n) return;
  const float *x = a.x + (int64_t)i * a.d;
  if (a.label && a.dx)
    for (int c = lane; c < a.d; c += SK_WARP) a.dx[(int64_t)i * a.d + c] = 0.0f;
  for (int j = 0; j < a.t; j++) {
    int64_t at = (int64_t)i * a.t + j;
    const float *u = a.u + at * a.d;
    float s = 0.0f;
    for (int c = lane; c < a.d; c += SK_WARP) s += x[c] * u[c];
    s = sk_warp_sum(s);
    if (lane == 0) a.score[at] = s;
    if (!a.label) continue;
    float y = a.label[at];
    if (lane == 0 && a.loss) a.loss[at] = isnan(s) ? s : fmaxf(s, 0.0f) - y * s + log1pf(expf(-fabsf(s)));
    if (!a.dx) continue;
    float g = a.weight * (sk_sigmoid(s) - y);
    for (int c = lane; c < a.d; c += SK_WARP) {
      a.dx[(int64_t)i * a.d + c] += g * u[c];
      a.du[at * a.d + c] = g * x[c];
    }
  }
}

solid_status sk_cuda_bce(sk_backend *be, const sk_bce_args *a) {
  if (a->n == 0) return SOLID_OK;
  bce<<<sk_cuda_blocks(a->n, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "bce");
}
