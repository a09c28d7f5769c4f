/* One block per row. Where rows of W can be read four floats at a time, each lane has its own four outputs and several
 * rows of W in flight; else warps split the inputs and lanes the outputs. The parts of a sum are added in order.
 * Many rows of a narrow output have a warp each in the forward pass. */
#include "kernels/cuda/cuda.cuh"

enum { WARPS = 8, MANY = 2048, QUAD_THREADS = 128 };

__device__ static const float *matrix_of(const sk_apply_args &a, int64_t row) {
  return a.w + (a.index ? a.index[row] : row) * a.stride;
}

__global__ static void forward(sk_apply_args a) {
  extern __shared__ float parts[]; /* (WARPS, out) */
  const float *w = matrix_of(a, blockIdx.x), *x = a.x + (int64_t)blockIdx.x * a.in;
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
  const float *w = matrix_of(a, row) + o, *x = a.x + row * a.in;
  float sum = w[a.in * a.out];
#pragma unroll 8
  for (int i = 0; i < a.in; i++) sum += x[i] * w[i * a.out];
  a.y[row * a.out + o] = a.f == SK_TANH ? tanhf(sum) : sum;
}

/* A lane's part of AHEAD rows of W, AT_ONCE apart from row `from` on, and their inputs; zero beyond the last. `out` is
 * 4 LANES: a warp has 32 / LANES rows of W at a time. */
template <int LANES>
struct quad_rows {
  static const int AT_ONCE = QUAD_THREADS / LANES, AHEAD = 4;
  float4 w[AHEAD];
  float x[AHEAD];

  __device__ quad_rows(const float4 *all_w, const float *all_x, int from, int in, int lane) {
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
      int i = from + k * AT_ONCE;
      w[k] = i < in ? all_w[i * LANES + lane] : float4{};
      x[k] = i < in ? all_x[i] : 0.0f;
    }
  }
};

template <int LANES>
__global__ static void __launch_bounds__(QUAD_THREADS) forward_quads(sk_apply_args a) {
  const int AT_ONCE = quad_rows<LANES>::AT_ONCE, AHEAD = quad_rows<LANES>::AHEAD, WARPS_HERE = QUAD_THREADS / 32;
  __shared__ float4 parts[WARPS_HERE][LANES];
  const float4 *w = (const float4 *)matrix_of(a, blockIdx.x);
  const float *x = a.x + (int64_t)blockIdx.x * a.in;
  int mine = threadIdx.x % LANES, first = threadIdx.x / LANES;
  float4 sum = {};
  for (int from = first; from < a.in; from += AHEAD * AT_ONCE) {
    const quad_rows<LANES> rows(w, x, from, a.in, mine);
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
      if (from + k * AT_ONCE >= a.in) break;
      const float4 at = rows.w[k];
      sum.x += rows.x[k] * at.x, sum.y += rows.x[k] * at.y, sum.z += rows.x[k] * at.z, sum.w += rows.x[k] * at.w;
    }
  }
#pragma unroll
  for (int step = LANES; step < SK_WARP; step *= 2) {
    sum.x += __shfl_xor_sync(0xffffffffu, sum.x, step), sum.y += __shfl_xor_sync(0xffffffffu, sum.y, step);
    sum.z += __shfl_xor_sync(0xffffffffu, sum.z, step), sum.w += __shfl_xor_sync(0xffffffffu, sum.w, step);
  }
  if (threadIdx.x % SK_WARP < LANES) parts[threadIdx.x / SK_WARP][mine] = sum;
  __syncthreads();
  if (threadIdx.x >= LANES) return;
  float4 y = w[a.in * LANES + mine];
  for (int warp = 0; warp < WARPS_HERE; warp++) {
    const float4 part = parts[warp][mine];
    y.x += part.x, y.y += part.y, y.z += part.z, y.w += part.w;
  }
  if (a.f == SK_TANH) y = {tanhf(y.x), tanhf(y.y), tanhf(y.z), tanhf(y.w)};
  ((float4 *)(a.y + (int64_t)blockIdx.x * a.out))[mine] = y;
}

template <int LANES>
__global__ static void __launch_bounds__(QUAD_THREADS) backward_quads(sk_apply_backward_args a) {
  const int AT_ONCE = quad_rows<LANES>::AT_ONCE, AHEAD = quad_rows<LANES>::AHEAD;
  int64_t row = blockIdx.x, m = (int64_t)a.in * a.out + a.out;
  const float4 *w = (const float4 *)(a.w + row * a.stride);
  const float *x = a.x + row * a.in;
  float4 *dw = (float4 *)(a.dw + row * m);
  int mine = threadIdx.x % LANES, first = threadIdx.x / LANES;
  float4 g = ((const float4 *)(a.dy + row * a.out))[mine];
  if (a.f == SK_TANH) {
    const float4 y = ((const float4 *)(a.y + row * a.out))[mine];
    g.x *= 1.0f - y.x * y.x, g.y *= 1.0f - y.y * y.y, g.z *= 1.0f - y.z * y.z, g.w *= 1.0f - y.w * y.w;
  }
  if (first == 0) dw[a.in * LANES + mine] = g;
  for (int from = first; from - first < a.in; from += AHEAD * AT_ONCE) { /* alike for all lanes of a warp */
    const quad_rows<LANES> rows(w, x, from, a.in, mine);
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
      int i = from + k * AT_ONCE;
      float x_k = rows.x[k], sum = rows.w[k].x * g.x + rows.w[k].y * g.y + rows.w[k].z * g.z + rows.w[k].w * g.w;
#pragma unroll
      for (int step = LANES / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
      if (i >= a.in) continue;
      dw[i * LANES + mine] = {x_k * g.x, x_k * g.y, x_k * g.z, x_k * g.w};
      float *dx = a.dx + row * a.in + i;
      if (mine == 0) *dx = a.accumulate_dx ? *dx + sum : sum;
    }
  }
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
  bool quads = (((uintptr_t)a->w | (uintptr_t)a->y) & 15) == 0 && a->stride % 4 == 0;
  if (quads && (a->out == 64 || a->out == 128)) {
    if (a->out == 64)
      forward_quads<16><<<a->n, QUAD_THREADS, 0, sk_cuda_stream(be)>>>(*a);
    else
      forward_quads<32><<<a->n, QUAD_THREADS, 0, sk_cuda_stream(be)>>>(*a);
    return sk_cuda_launched(be, "apply");
  }
  forward<<<a->n, dim3(SK_WARP, WARPS), (size_t)WARPS * a->out * sizeof(float), sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "apply");
}

solid_status sk_cuda_apply_backward(sk_backend *be, const sk_apply_backward_args *a) {
  if (a->f != SK_IDENTITY && a->f != SK_TANH) return sk_fail(be, SOLID_EUNSUPPORTED, "cuda apply: activation %d", a->f);
  if (a->n == 0) return SOLID_OK;
  bool quads = (((uintptr_t)a->w | (uintptr_t)a->y | (uintptr_t)a->dy | (uintptr_t)a->dw) & 15) == 0 &&
               a->stride % 4 == 0 && a->dx != a->dy;
  if (quads && (a->out == 16 || a->out == 32 || a->out == 64 || a->out == 128)) {
    dim3 threads(QUAD_THREADS);
    if (a->out == 16)
      backward_quads<4><<<a->n, threads, 0, sk_cuda_stream(be)>>>(*a);
    else if (a->out == 32)
      backward_quads<8><<<a->n, threads, 0, sk_cuda_stream(be)>>>(*a);
    else if (a->out == 64)
      backward_quads<16><<<a->n, threads, 0, sk_cuda_stream(be)>>>(*a);
    else
      backward_quads<32><<<a->n, threads, 0, sk_cuda_stream(be)>>>(*a);
    return sk_cuda_launched(be, "apply_backward");
  }
  backward<<<a->n, dim3(SK_WARP, WARPS), (size_t)a->out * sizeof(float), sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "apply_backward");
}
