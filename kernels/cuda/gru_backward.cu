/* The recurrence backwards, over the rows of a window from its newest: gradients of gh in a->scratch, of gx, and h
 * before each row. dw_hh is one product over all rows afterwards. A block has one window; with a narrow h its threads
 * keep w_hh in registers, else it stays in shared memory if it fits. */
#include "kernels/cuda/gru.cuh"

/* h_before (rows, d): h before each row. */
__global__ static void backward(sk_gru_backward_args a, int in_shared, float *h_before) {
  extern __shared__ float memory[];
  float *dh = memory, *dgh = dh + a.d + SK_GRU_GAP;
  const float *w = a.w_hh;
  int first = a.offsets[blockIdx.x], end = a.offsets[blockIdx.x + 1], gates = 3 * a.d;
  if (in_shared) {
    float *copy = dgh + gates;
    for (int i = threadIdx.x; i < gates * a.d; i += blockDim.x) copy[i] = w[i];
    w = copy;
  }
  for (int i = threadIdx.x; i < a.d; i += blockDim.x) dh[i] = 0.0f;
  __syncthreads();
  for (int row = end - 1; row >= first; row--) {
    const float *saved = a.saved + (int64_t)row * 4 * a.d;
    float *dgx = a.dgx + (int64_t)row * gates, *kept = a.scratch + (int64_t)row * gates;
    for (int i = threadIdx.x; i < a.d; i += blockDim.x) {
      float r = saved[i], z = saved[a.d + i], n = saved[2 * a.d + i], gh_n = saved[3 * a.d + i];
      float before = row > first ? a.out[(int64_t)(row - 1) * a.d + i] : 0.0f;
      h_before[(int64_t)row * a.d + i] = before;
      float g = dh[i] + a.dout[(int64_t)row * a.d + i];
      float dn = g * (1.0f - z) * (1.0f - n * n), dz = g * (before - n) * z * (1.0f - z),
            dr = dn * gh_n * r * (1.0f - r);
      dgx[i] = dr, dgx[a.d + i] = dz, dgx[2 * a.d + i] = dn;
      kept[i] = dgh[i] = dr, kept[a.d + i] = dgh[a.d + i] = dz, kept[2 * a.d + i] = dgh[2 * a.d + i] = dn * r;
      dh[i] = g * z;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < a.d; i += blockDim.x) {
      float sum = dh[i];
      for (int o = 0; o < gates; o++) sum += dgh[o] * w[(int64_t)o * a.d + i];
      dh[i] = sum;
    }
    __syncthreads();
  }
}

/* One window a block, 3 D threads. Thread (gate q, element i) keeps column i of the gate's rows of w_hh in registers;
 * the threads of gate 0 also own the elements of dh, and read the row to come while this one is computed. */
template <int D>
__global__ static void __launch_bounds__(3 * D) narrow_backward(sk_gru_backward_args a, float *h_before) {
  __shared__ __align__(16) float dgh[3][D];
  __shared__ float part[3][D];
  int q = threadIdx.x / D, i = threadIdx.x % D, first = a.offsets[blockIdx.x], end = a.offsets[blockIdx.x + 1];
  float w[D], dh = 0.0f;
#pragma unroll
  for (int k = 0; k < D; k++) w[k] = a.w_hh[(q * D + k) * D + i];
  struct {
    float r, z, n, gh_n, before, dout;
  } next = {};
  auto load = [&](int row) {
    if (q > 0 || row < first) return;
    const float *saved = a.saved + (int64_t)row * 4 * D + i;
    next.r = saved[0], next.z = saved[D], next.n = saved[2 * D], next.gh_n = saved[3 * D];
    next.before = row > first ? a.out[(int64_t)(row - 1) * D + i] : 0.0f;
    next.dout = a.dout[(int64_t)row * D + i];
  };
  load(end - 1);
  for (int row = end - 1; row >= first; row--) {
    if (q == 0) {
      float g = dh + next.dout, dn = g * (1.0f - next.z) * (1.0f - next.n * next.n);
      float dz = g * (next.before - next.n) * next.z * (1.0f - next.z), r = next.r;
      float dr = dn * next.gh_n * r * (1.0f - r), *dgx = a.dgx + (int64_t)row * 3 * D + i,
            *kept = a.scratch + (int64_t)row * 3 * D + i;
      dgx[0] = dr, dgx[D] = dz, dgx[2 * D] = dn;
      h_before[(int64_t)row * D + i] = next.before;
      kept[0] = dgh[0][i] = dr, kept[D] = dgh[1][i] = dz, kept[2 * D] = dgh[2][i] = dn * r;
      dh = g * next.z;
    }
    load(row - 1);
    __syncthreads();
    float sum[4] = {};
#pragma unroll
    for (int k = 0; k < D; k += 4) {
      const float4 x = *(const float4 *)&dgh[q][k];
      sum[0] += w[k] * x.x, sum[1] += w[k + 1] * x.y, sum[2] += w[k + 2] * x.z, sum[3] += w[k + 3] * x.w;
    }
    part[q][i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    __syncthreads();
    dh += part[0][i] + part[1][i] + part[2][i]; /* of gate 0's threads; what the others add up nobody reads */
  }
}

solid_status sk_cuda_gru_backward(sk_backend *be, const sk_gru_backward_args *a) {
  if (a->windows == 0 || a->rows == 0) return SOLID_OK;
  const size_t floats = (size_t)a->rows * a->d;
  sk_linear_backward_args sums = {};
  sums.n = a->rows, sums.in = a->d, sums.out = 3 * a->d;
  sums.dy = a->scratch, sums.dw = a->dw_hh, sums.db = a->db_hh;
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_gru_backward_scratch(a), &memory);
  if (status != SOLID_OK) return status;
  float *before = (float *)memory;
  if (a->d == 32) {
    narrow_backward<32><<<a->windows, 3 * 32, 0, sk_cuda_stream(be)>>>(*a, before);
  } else if (a->d == 64) {
    narrow_backward<64><<<a->windows, 3 * 64, 0, sk_cuda_stream(be)>>>(*a, before);
  } else {
    int in_shared;
    size_t bytes;
    status = sk_gru_plan(be, backward, a->d, &in_shared, &bytes);
    if (status != SOLID_OK) return status;
    backward<<<a->windows, sk_gru_threads(a->d), bytes, sk_cuda_stream(be)>>>(*a, in_shared, before);
  }
  if ((status = sk_cuda_launched(be, "gru_backward")) != SOLID_OK) return status;
  sums.x = before;
  return sk_cuda_linear_backward_in(be, &sums, before + floats);
}
