/* A block walks the rows of its windows; a thread owns an output of w_hh h, then a thread owns an element of h. At
 * inference with a narrow h a thread keeps its row of w_hh in registers and a block has several windows; else a block
 * has one, and w_hh stays in shared memory when it fits. dw_hh is one product over all rows afterwards, with h shifted
 * by a row. */
#include "kernels/cuda/cuda.cuh"

/* GAP: floats behind h that nobody writes. The compiler's loops over h load a step ahead, past its end: into what other
 * threads write, were it not for the gap. */
enum { MAX_THREADS = 512, THREADS = 256, GAP = 16 };

__global__ static void forward(sk_gru_args a, int in_shared) {
  extern __shared__ float memory[];
  float *h = memory, *gh = h + a.d + GAP;
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
      if (a.saved) {
        float *saved = a.saved + (int64_t)row * 4 * a.d;
        saved[i] = r;
        saved[a.d + i] = z;
        saved[2 * a.d + i] = n;
        saved[3 * a.d + i] = gh_n;
      }
    }
    __syncthreads();
  }
  if (a.newest_only)
    for (int i = threadIdx.x; i < a.d; i += blockDim.x) a.out[(int64_t)blockIdx.x * a.d + i] = h[i];
}

/* h (WINDOWS, D) of windows blockIdx.x * WINDOWS ..., in step from their oldest rows on. 3 D threads. */
template <int D, int WINDOWS>
__global__ static void __launch_bounds__(3 * D) narrow(sk_gru_args a) {
  const int EACH = (WINDOWS + 2) / 3; /* elements of h a thread */
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
  float gx[EACH][3]; /* of the step to come: on its way while the step before is computed */
  auto load = [&](int step) {
#pragma unroll
    for (int e = 0; e < EACH; e++) {
      int at = o + e * 3 * D, k = at / D;
      if (at >= WINDOWS * D || step >= rows[k]) continue;
      const float *from = a.gx + ((int64_t)first[k] + step) * 3 * D + at % D;
      gx[e][0] = from[0], gx[e][1] = from[D], gx[e][2] = from[2 * D];
    }
  };
  load(0);
  for (int step = 0; step < most; step++) {
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
    __syncthreads();
    float now[EACH][3];
#pragma unroll
    for (int e = 0; e < 3 * EACH; e++) now[e / 3][e % 3] = gx[e / 3][e % 3];
    load(step + 1);
#pragma unroll
    for (int e = 0; e < EACH; e++) {
      int at = o + e * 3 * D, k = at / D, i = at % D;
      if (at >= WINDOWS * D || step >= rows[k]) continue;
      float r = sk_sigmoid(now[e][0] + gh[k][i]), z = sk_sigmoid(now[e][1] + gh[k][D + i]);
      float n = tanhf(now[e][2] + r * gh[k][2 * D + i]), next = (1.0f - z) * n + z * h[k][i];
      h[k][i] = next;
      if (!a.newest_only) a.out[((int64_t)first[k] + step) * D + i] = next;
    }
    __syncthreads();
  }
  if (!a.newest_only) return;
  for (int i = o; i < WINDOWS * D; i += 3 * D) {
    int64_t window = (int64_t)blockIdx.x * WINDOWS + i / D;
    if (window < a.windows) a.out[window * D + i % D] = h[i / D][i % D];
  }
}

__global__ static void backward(sk_gru_backward_args a, int in_shared) {
  extern __shared__ float memory[];
  float *dh = memory, *dgh = dh + a.d + GAP;
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

/* before (rows, d): h before each row. One block per window. */
__global__ static void shift(const int32_t *offsets, int d, const float *out, float *before) {
  int first = offsets[blockIdx.x], end = offsets[blockIdx.x + 1];
  for (int64_t i = (int64_t)first * d + threadIdx.x; i < (int64_t)end * d; i += blockDim.x)
    before[i] = i < (int64_t)(first + 1) * d ? 0.0f : out[i - d];
}

/* Shared bytes of a kernel: with w_hh when the device takes it. */
template <typename K>
static solid_status plan(sk_backend *be, K kernel, int d, int *in_shared, size_t *bytes) {
  size_t small = (size_t)(4 * d + GAP) * sizeof(float), whole = small + (size_t)3 * d * d * sizeof(float);
  int limit = 0;
  solid_status status = sk_cuda_status(
      be, cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, ((sk_cuda *)be)->device),
      "gru limit");
  if (status != SOLID_OK) return status;
  *in_shared = whole <= (size_t)limit;
  *bytes = *in_shared ? whole : small;
  return sk_cuda_status(be, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)*bytes),
                        "gru shared memory");
}

static unsigned threads_for(int outputs) {
  unsigned threads = (unsigned)((outputs + SK_WARP - 1) / SK_WARP * SK_WARP);
  return threads < (unsigned)MAX_THREADS ? threads : (unsigned)MAX_THREADS;
}

template <int D>
static void launch_narrow(sk_backend *be, const sk_gru_args *a) {
  enum { WINDOWS = 6, ONE_EACH = 512 };
  cudaStream_t stream = sk_cuda_stream(be);
  if (a->windows <= ONE_EACH)
    narrow<D, 1><<<a->windows, 3 * D, 0, stream>>>(*a);
  else
    narrow<D, WINDOWS><<<sk_cuda_blocks(a->windows, WINDOWS), 3 * D, 0, stream>>>(*a);
}

solid_status sk_cuda_gru(sk_backend *be, const sk_gru_args *a) {
  if (a->windows == 0) return SOLID_OK;
  if (!a->saved && (a->d == 32 || a->d == 64)) {
    if (a->d == 32)
      launch_narrow<32>(be, a);
    else
      launch_narrow<64>(be, a);
    return sk_cuda_launched(be, "gru");
  }
  int in_shared;
  size_t bytes;
  solid_status status = plan(be, forward, a->d, &in_shared, &bytes);
  if (status != SOLID_OK) return status;
  forward<<<a->windows, threads_for(3 * a->d), bytes, sk_cuda_stream(be)>>>(*a, in_shared);
  return sk_cuda_launched(be, "gru");
}

solid_status sk_cuda_gru_backward(sk_backend *be, const sk_gru_backward_args *a) {
  if (a->windows == 0 || a->rows == 0) return SOLID_OK;
  int in_shared;
  size_t bytes;
  solid_status status = plan(be, backward, a->d, &in_shared, &bytes);
  if (status != SOLID_OK) return status;
  backward<<<a->windows, threads_for(a->d), bytes, sk_cuda_stream(be)>>>(*a, in_shared);
  if ((status = sk_cuda_launched(be, "gru_backward")) != SOLID_OK) return status;
  void *before = NULL;
  status = sk_cuda_workspace(be, (size_t)a->rows * a->d * sizeof(float), &before);
  if (status != SOLID_OK) return status;
  shift<<<a->windows, THREADS, 0, sk_cuda_stream(be)>>>(a->offsets, a->d, a->out, (float *)before);
  status = sk_cuda_product(be, true, false, 3 * a->d, a->d, a->rows, a->scratch, 3 * a->d, (float *)before, a->d, 1.0f,
                           a->dw_hh, a->d);
  if (status == SOLID_OK) status = sk_cuda_column_sum(be, a->rows, 3 * a->d, a->scratch, a->db_hh);
  return status;
}
