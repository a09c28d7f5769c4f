/* A block walks the rows of its windows; a thread owns an output of w_hh h, then a thread owns an element of h. With a
 * narrow h a thread keeps its row of w_hh in registers and a block has several windows, or, narrower still, a warp has
 * a window; else a block has one, and w_hh stays in shared memory if it fits. */
#include "kernels/cuda/gru.cuh"
#include <cuda_pipeline.h>

/* r, z, n and w_hn h + b_hn of element i in a row, for the backward pass. */
__device__ static void keep(const sk_gru_args &a, int64_t row, int i, float r, float z, float n, float gh_n) {
  float *saved = a.saved + row * 4 * a.d;
  saved[i] = r;
  saved[a.d + i] = z;
  saved[2 * a.d + i] = n;
  saved[3 * a.d + i] = gh_n;
}

__global__ static void forward(sk_gru_args a, int in_shared) {
  extern __shared__ float memory[];
  float *h = memory, *gh = h + a.d + SK_GRU_GAP;
  const float *w = a.w_hh;
  int first = a.offsets[blockIdx.x], end = a.offsets[blockIdx.x + 1], gates = 3 * a.d;
  if (in_shared) {
    float *copy = gh + gates;
    for (int i = threadIdx.x; i < gates * a.d; i += blockDim.x)
      copy[(i % a.d) * gates + i / a.d] = w[i]; /* transposed: no bank conflicts */
    w = copy;
  }
  for (int i = threadIdx.x; i < a.d; i += blockDim.x) h[i] = 0.0f;
  __syncthreads();
  for (int row = first; row < end; row++) {
    for (int o = threadIdx.x; o < gates; o += blockDim.x) {
      float sum = a.b_hh[o];
      if (in_shared)
        for (int i = 0; i < a.d; i++) sum += w[i * gates + o] * h[i];
      else
        for (int i = 0; i < a.d; i++) sum += w[(int64_t)o * a.d + i] * h[i];
      gh[o] = sum;
    }
    __syncthreads();
    const float *gx = a.gx + (int64_t)row * gates;
    for (int i = threadIdx.x; i < a.d; i += blockDim.x) {
      float r = sk_sigmoid(gx[i] + gh[i]), z = sk_sigmoid(gx[a.d + i] + gh[a.d + i]), gh_n = gh[2 * a.d + i];
      float n = tanhf(gx[2 * a.d + i] + r * gh_n);
      h[i] = (1.0f - z) * n + z * h[i];
      if (!a.newest_only) a.out[(int64_t)row * a.d + i] = h[i];
      if (a.saved) keep(a, row, i, r, z, n, gh_n);
    }
    __syncthreads();
  }
  if (a.newest_only)
    for (int i = threadIdx.x; i < a.d; i += blockDim.x) a.out[(int64_t)blockIdx.x * a.d + i] = h[i];
}

/* Within 2^-22 of the sigmoid and of tanh, at a third of the latency, which a step waits for twice. */
__device__ static float fast_sigmoid(float x) {
  return __fdividef(1.0f, 1.0f + __expf(-x));
}

__device__ static float fast_tanh(float x) {
  return 2.0f * fast_sigmoid(2.0f * x) - 1.0f;
}

/* One element of a step: r, z, n and the new h, from gx, gh = w_hh h + b_hh and h. */
struct element {
  float r, z, n, h;
};

__device__ static element step_of(float gx_r, float gx_z, float gx_n, float gh_r, float gh_z, float gh_n, float h) {
  float r = fast_sigmoid(gx_r + gh_r), z = fast_sigmoid(gx_z + gh_z), n = fast_tanh(gx_n + r * gh_n);
  return {r, z, n, (1.0f - z) * n + z * h};
}

/* A warp a window of d = 32: lane i owns element i of h and its three rows of w_hh, so that a step needs no barrier. gx
 * comes AHEAD rows before it is used, each lane its own three floats. */
enum { LANE_D = SK_WARP, LANE_WARPS = 2, AHEAD = 8 };

__global__ static void __launch_bounds__(LANE_WARPS *SK_WARP) by_warps(sk_gru_args a, bool aligned) {
  __shared__ float ring[LANE_WARPS][AHEAD][3][LANE_D];
  __shared__ __align__(16) float states[LANE_WARPS][LANE_D];
  int warp = threadIdx.x / SK_WARP, i = threadIdx.x % SK_WARP;
  float w[3][LANE_D], bias[3], *state = states[warp];
#pragma unroll
  for (int gate = 0; gate < 3; gate++) {
    bias[gate] = a.b_hh[gate * LANE_D + i];
#pragma unroll
    for (int k = 0; k < LANE_D; k += 4) {
      const float4 x = sk_load4(a.w_hh + (gate * LANE_D + i) * LANE_D, k, LANE_D, aligned);
      w[gate][k] = x.x, w[gate][k + 1] = x.y, w[gate][k + 2] = x.z, w[gate][k + 3] = x.w;
    }
  }
  for (int window = blockIdx.x * LANE_WARPS + warp; window < a.windows; window += gridDim.x * LANE_WARPS) {
    int first = a.offsets[window], end = a.offsets[window + 1];
    auto fetch = [&](int row) {
      const float *from = a.gx + (int64_t)row * 3 * LANE_D + i;
      for (int gate = 0; gate < 3 && row < end; gate++)
        __pipeline_memcpy_async(&ring[warp][(unsigned)(row - first) % AHEAD][gate][i], from + gate * LANE_D,
                                sizeof(float));
      __pipeline_commit();
    };
    float h = 0.0f;
    for (int row = first; row < first + AHEAD - 1; row++) fetch(row);
    for (int row = first; row < end; row++) {
      float sum[3][2] = {{bias[0]}, {bias[1]}, {bias[2]}};
      state[i] = h;
      __syncwarp();
#pragma unroll
      for (int k = 0; k < LANE_D; k += 4) {
        float4 x = *(const float4 *)&state[k];
#pragma unroll
        for (int gate = 0; gate < 3; gate++) {
          sum[gate][0] += w[gate][k] * x.x, sum[gate][1] += w[gate][k + 1] * x.y;
          sum[gate][0] += w[gate][k + 2] * x.z, sum[gate][1] += w[gate][k + 3] * x.w;
        }
      }
      __syncwarp();
      fetch(row + AHEAD - 1);
      __pipeline_wait_prior(AHEAD - 1);
      const float(&gx)[3][LANE_D] = ring[warp][(unsigned)(row - first) % AHEAD];
      float gh_n = sum[2][0] + sum[2][1];
      const element next = step_of(gx[0][i], gx[1][i], gx[2][i], sum[0][0] + sum[0][1], sum[1][0] + sum[1][1], gh_n, h);
      h = next.h;
      if (!a.newest_only) a.out[(int64_t)row * LANE_D + i] = h;
      if (a.saved) keep(a, row, i, next.r, next.z, next.n, gh_n);
    }
    if (a.newest_only) a.out[(int64_t)window * LANE_D + i] = h;
    __pipeline_wait_prior(0); /* the ring is free for the next window */
  }
}

/* h (WINDOWS, D) of windows blockIdx.x * WINDOWS ..., in step from their oldest rows on. 3 D threads. */
template <int D, int WINDOWS>
__global__ static void __launch_bounds__(3 * D) narrow(sk_gru_args a) {
  const int EACH = (WINDOWS + 2) / 3; /* elements of h a thread */
  __shared__ float ring[AHEAD][WINDOWS][3 * D];
  __shared__ __align__(16) float h[WINDOWS][D];
  __shared__ float gh[WINDOWS][3 * D];
  __shared__ int first[WINDOWS], rows[WINDOWS];
  int o = threadIdx.x, most = 0;
  float w[D], bias = a.b_hh[o];
#pragma unroll
  for (int i = 0; i < D; i++) w[i] = a.w_hh[o * D + i];
  if (o < WINDOWS) {
    int window = blockIdx.x * WINDOWS + o;
    first[o] = window < a.windows ? a.offsets[window] : 0;
    rows[o] = window < a.windows ? a.offsets[window + 1] - first[o] : 0;
  }
  for (int i = o; i < WINDOWS * D; i += 3 * D) h[i / D][i % D] = 0.0f;
  __syncthreads();
  for (int k = 0; k < WINDOWS; k++) most = max(most, rows[k]);
  auto fetch = [&](int step) {
#pragma unroll
    for (int k = 0; k < WINDOWS; k++)
      if (step < rows[k])
        __pipeline_memcpy_async(&ring[(unsigned)step % AHEAD][k][o], a.gx + ((int64_t)first[k] + step) * 3 * D + o,
                                sizeof(float));
    __pipeline_commit();
  };
  for (int step = 0; step < AHEAD - 1; step++) fetch(step);
  for (int step = 0; step < most; step++) {
    fetch(step + AHEAD - 1);
#pragma unroll
    for (int k = 0; k < WINDOWS; k++) {
      float sum[4] = {bias};
#pragma unroll
      for (int i = 0; i < D; i += 4) {
        float4 x = *(const float4 *)&h[k][i];
        sum[0] += w[i] * x.x, sum[1] += w[i + 1] * x.y, sum[2] += w[i + 2] * x.z, sum[3] += w[i + 3] * x.w;
      }
      gh[k][o] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    __pipeline_wait_prior(AHEAD - 1);
    __syncthreads();
#pragma unroll
    for (int e = 0; e < EACH; e++) {
      int at = o + e * 3 * D, k = at / D, i = at % D;
      if (at >= WINDOWS * D || step >= rows[k]) continue;
      const float *x = ring[(unsigned)step % AHEAD][k] + i, *y = gh[k] + i;
      const element next = step_of(x[0], x[D], x[2 * D], y[0], y[D], y[2 * D], h[k][i]);
      h[k][i] = next.h;
      if (!a.newest_only) a.out[((int64_t)first[k] + step) * D + i] = next.h;
      if (a.saved) keep(a, (int64_t)first[k] + step, i, next.r, next.z, next.n, y[2 * D]);
    }
    __syncthreads();
  }
  if (!a.newest_only) return;
  for (int i = o; i < WINDOWS * D; i += 3 * D) {
    int64_t window = (int64_t)blockIdx.x * WINDOWS + i / D;
    if (window < a.windows) a.out[window * D + i % D] = h[i / D][i % D];
  }
}

static void launch_64(sk_backend *be, const sk_gru_args *a) {
  enum { D = 64, WINDOWS = 6, ONE_EACH = 512 };
  cudaStream_t stream = sk_cuda_stream(be);
  if (a->windows <= ONE_EACH)
    narrow<D, 1><<<a->windows, 3 * D, 0, stream>>>(*a);
  else
    narrow<D, WINDOWS><<<sk_cuda_blocks(a->windows, WINDOWS), 3 * D, 0, stream>>>(*a);
}

solid_status sk_cuda_gru(sk_backend *be, const sk_gru_args *a) {
  enum { BLOCKS = 132 * 7 }; /* of warps with a window each: what fits on a large card */
  if (a->windows == 0) return SOLID_OK;
  if (a->d == LANE_D || a->d == 64) {
    unsigned blocks = sk_cuda_blocks(a->windows, LANE_WARPS);
    if (blocks > BLOCKS) blocks = BLOCKS;
    if (a->d == LANE_D)
      by_warps<<<blocks, LANE_WARPS *(int)SK_WARP, 0, sk_cuda_stream(be)>>>(*a, sk_rows_aligned(a->w_hh, LANE_D));
    else
      launch_64(be, a);
    return sk_cuda_launched(be, "gru");
  }
  int in_shared;
  size_t bytes;
  solid_status status = sk_gru_plan(be, forward, a->d, &in_shared, &bytes);
  if (status != SOLID_OK) return status;
  forward<<<a->windows, sk_gru_threads(3 * a->d), bytes, sk_cuda_stream(be)>>>(*a, in_shared);
  return sk_cuda_launched(be, "gru");
}
