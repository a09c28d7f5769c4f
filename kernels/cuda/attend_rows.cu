/* Attention of every row, forward and backward, for training. A group of `L` lanes has one row, each lane a share of
 * its dims in registers; the block brings the other side's rows through shared memory, 16 floats of every row a lane.
 * The forward pass keeps the softmax online. The backward pass goes once over the keys of each query, for dq, and once
 * over the queries of each key, for dk and dv: every float has one writer.
 *
 * A block's rows may belong to several windows: each group takes part in what its own window holds. */
#include "kernels/cuda/attend.cuh"

enum { THREADS = 128, ROW_WARPS = THREADS / 32, FOURS = 4 /* float4s of a row a lane */ };

/* A lane's share of a row: float4s number part, part + L, part + 2 L, ... so that neighbours read neighbours. */
struct share {
  float4 x[FOURS];
};

template <int L>
__device__ static share load_share(const float *row, int dh, int part, bool aligned) {
  share s;
#pragma unroll
  for (int c = 0; c < FOURS; c++) s.x[c] = sk_load4(row, 4 * (c * L + part), dh, aligned);
  return s;
}

template <int L>
__device__ static void store_share(float *row, int dh, int part, const share &s, float scale) {
#pragma unroll
  for (int c = 0; c < FOURS; c++) {
    int first = 4 * (c * L + part);
    if (first < dh) row[first] = scale * s.x[c].x;
    if (first + 1 < dh) row[first + 1] = scale * s.x[c].y;
    if (first + 2 < dh) row[first + 2] = scale * s.x[c].z;
    if (first + 3 < dh) row[first + 3] = scale * s.x[c].w;
  }
}

template <int L>
__device__ static share shared_share(const float4 *row, int part) {
  share s;
#pragma unroll
  for (int c = 0; c < FOURS; c++) s.x[c] = row[c * L + part];
  return s;
}

__device__ static float part_dot(const share &x, const share &y) {
  float sum[FOURS];
#pragma unroll
  for (int c = 0; c < FOURS; c++)
    sum[c] = x.x[c].x * y.x[c].x + x.x[c].y * y.x[c].y + x.x[c].z * y.x[c].z + x.x[c].w * y.x[c].w;
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Of the group: every lane gets the same bits. */
template <int L>
__device__ static float group_sum(float x) {
#pragma unroll
  for (int step = L / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

__device__ static void add_scaled(share *to, float scale, const share &x) {
#pragma unroll
  for (int c = 0; c < FOURS; c++) {
    to->x[c].x += scale * x.x[c].x, to->x[c].y += scale * x.x[c].y;
    to->x[c].z += scale * x.x[c].z, to->x[c].w += scale * x.x[c].w;
  }
}

template <int L>
struct tile { /* rows first .. first + T of two arrays */
  static const int T = L <= 4 ? 32 : 16;
  float4 x[T][FOURS * L], y[T][FOURS * L];

  __device__ void load(const float *xs, int x_stride, const float *ys, int y_stride, int dh, int first, int end,
                       bool aligned) {
    for (int i = threadIdx.x; i < T * FOURS * L; i += THREADS) {
      int row = i / (FOURS * L), at = i % (FOURS * L);
      bool there = first + row < end;
      x[row][at] = there ? sk_load4(xs + (int64_t)(first + row) * x_stride, 4 * at, dh, aligned) : float4{};
      y[row][at] = there ? sk_load4(ys + (int64_t)(first + row) * y_stride, 4 * at, dh, aligned) : float4{};
    }
  }
};

/* The row of a group and the bounds of its window; rows past the end, or behind the last window, have an empty one. */
struct place {
  int row, part, first, end;
};

template <int L>
__device__ static place place_of(const int32_t *offsets, int windows, int rows) {
  place at = {(int)(blockIdx.x * (THREADS / L) + threadIdx.x / L), (int)(threadIdx.x % L), rows, rows};
  if (at.row >= rows || at.row >= offsets[windows]) return at;
  int window = sk_attend_window(offsets, windows, at.row);
  at.first = offsets[window], at.end = offsets[window + 1];
  return at;
}

template <int L>
__global__ static void __launch_bounds__(THREADS) forward(sk_attend_args a, bool aligned) {
  __shared__ tile<L> keys;
  __shared__ int begin;
  const place at = place_of<L>(a.offsets, a.windows, a.rows);
  int head = blockIdx.y, end = min((int)(blockIdx.x + 1) * (THREADS / L), a.rows);
  const float *k = a.k + head * a.dh, *v = a.v + head * a.dh;
  share q = {}, sum = {};
  if (at.row < a.rows) q = load_share<L>(a.q + (int64_t)at.row * a.q_stride + head * a.dh, a.dh, at.part, aligned);
  if (threadIdx.x == 0) begin = at.first;
  __syncthreads();
  float scale = rsqrtf((float)a.dh), top = -INFINITY, total = 0.0f, kept = 1.0f / (1.0f - a.p), u[4] = {};
  uint64_t stream = ((uint64_t)at.row * a.heads + head) * a.max_window, group = ~(uint64_t)0;
  for (int from = begin; from < end; from += tile<L>::T) {
    __syncthreads();
    keys.load(k, a.kv_stride, v, a.kv_stride, a.dh, from, end, aligned);
    __syncthreads();
    for (int j = from; j < min(from + tile<L>::T, end); j++) {
      bool mine = j >= at.first && j <= at.row;
      if (!__any_sync(0xffffffffu, mine)) continue;
      float s = scale * group_sum<L>(part_dot(q, shared_share<L>(keys.x[j - from], at.part)));
      if (!mine) continue;
      if (!(s <= top)) { /* a NaN too: it stays on top */
        float shrink = top == -INFINITY ? 0.0f : expf(top - s);
        total *= shrink;
        share before = sum;
        sum = {};
        add_scaled(&sum, shrink, before);
        top = s;
      }
      float p = expf(s - top);
      total += p;
      if (a.p > 0.0f) {
        uint64_t index = stream + (uint64_t)(j - at.first);
        if (index / 4 != group) sk_uniform4(a.seed, group = index / 4, u);
        float mine_u = index % 4 < 2 ? (index % 4 == 0 ? u[0] : u[1]) : (index % 4 == 2 ? u[2] : u[3]);
        p = mine_u >= a.p ? p * kept : 0.0f;
      }
      add_scaled(&sum, p, shared_share<L>(keys.y[j - from], at.part));
    }
  }
  if (at.row >= a.rows) return;
  store_share<L>(a.out + ((int64_t)at.row * a.heads + head) * a.dh, a.dh, at.part, sum, 1.0f / total);
  if (at.part == 0 && a.lse) a.lse[(int64_t)at.row * a.heads + head] = top + logf(total);
}

/* delta_ih = dout_ih . out_ih */
__global__ static void row_deltas(sk_attend_backward_args a, float *delta) {
  int64_t task = (int64_t)blockIdx.x * ((int)ROW_WARPS) + threadIdx.x / SK_WARP;
  if (task >= (int64_t)a.rows * a.heads) return;
  float sum = 0.0f;
  for (int i = threadIdx.x % SK_WARP; i < a.dh; i += SK_WARP) sum += a.dout[task * a.dh + i] * a.out[task * a.dh + i];
  sum = sk_warp_sum(sum);
  if (threadIdx.x % SK_WARP == 0) delta[task] = sum;
}

template <int L>
__global__ static void __launch_bounds__(THREADS)
    backward_query(sk_attend_backward_args a, const float *delta, bool aligned) {
  __shared__ tile<L> keys;
  __shared__ int begin;
  const place at = place_of<L>(a.offsets, a.windows, a.rows);
  int head = blockIdx.y, end = min((int)(blockIdx.x + 1) * (THREADS / L), a.rows);
  int64_t flat = (int64_t)at.row * a.heads + head;
  const float *k = a.k + head * a.dh, *v = a.v + head * a.dh;
  share q = {}, dout = {}, dq = {};
  float lse = 0.0f, d = 0.0f;
  if (at.row < a.rows) {
    q = load_share<L>(a.q + (int64_t)at.row * a.q_stride + head * a.dh, a.dh, at.part, aligned);
    dout = load_share<L>(a.dout + flat * a.dh, a.dh, at.part, aligned);
    lse = a.lse[flat], d = delta[flat];
  }
  if (threadIdx.x == 0) begin = at.first;
  __syncthreads();
  float scale = rsqrtf((float)a.dh), kept = 1.0f / (1.0f - a.p), u[4] = {};
  uint64_t stream = (uint64_t)flat * a.max_window, group = ~(uint64_t)0;
  for (int from = begin; from < end; from += tile<L>::T) {
    __syncthreads();
    keys.load(k, a.kv_stride, v, a.kv_stride, a.dh, from, end, aligned);
    __syncthreads();
    for (int j = from; j < min(from + tile<L>::T, end); j++) {
      bool mine = j >= at.first && j <= at.row;
      if (!__any_sync(0xffffffffu, mine)) continue;
      const share key = shared_share<L>(keys.x[j - from], at.part);
      float s = group_sum<L>(part_dot(q, key));
      float dp = group_sum<L>(part_dot(dout, shared_share<L>(keys.y[j - from], at.part)));
      if (!mine) continue;
      if (a.p > 0.0f) {
        uint64_t index = stream + (uint64_t)(j - at.first);
        if (index / 4 != group) sk_uniform4(a.seed, group = index / 4, u);
        float mine_u = index % 4 < 2 ? (index % 4 == 0 ? u[0] : u[1]) : (index % 4 == 2 ? u[2] : u[3]);
        dp = mine_u >= a.p ? dp * kept : 0.0f;
      }
      add_scaled(&dq, expf(scale * s - lse) * (dp - d) * scale, key);
    }
  }
  if (at.row < a.rows) store_share<L>(a.dq + (int64_t)at.row * a.dq_stride + head * a.dh, a.dh, at.part, dq, 1.0f);
}

template <int L>
__global__ static void __launch_bounds__(THREADS)
    backward_key(sk_attend_backward_args a, const float *delta, bool aligned) {
  static const int T = tile<L>::T;
  __shared__ tile<L> queries;
  __shared__ float lse[T], d[T];
  __shared__ int last;
  const place at = place_of<L>(a.offsets, a.windows, a.rows);
  int head = blockIdx.y, begin = blockIdx.x * (THREADS / L);
  const float *q = a.q + head * a.dh, *dout = a.dout + head * a.dh;
  share k = {}, v = {}, dk = {}, dv = {};
  if (threadIdx.x == 0) last = 0;
  __syncthreads();
  if (at.row < a.rows) {
    k = load_share<L>(a.k + (int64_t)at.row * a.kv_stride + head * a.dh, a.dh, at.part, aligned);
    v = load_share<L>(a.v + (int64_t)at.row * a.kv_stride + head * a.dh, a.dh, at.part, aligned);
    atomicMax(&last, at.end);
  }
  __syncthreads();
  int end = last;
  float scale = rsqrtf((float)a.dh), kept = 1.0f / (1.0f - a.p);
  for (int from = begin; from < end; from += T) {
    __syncthreads();
    queries.load(q, a.q_stride, dout, a.heads * a.dh, a.dh, from, end, aligned);
    for (int i = threadIdx.x; i < T && from + i < end; i += THREADS) {
      lse[i] = a.lse[(int64_t)(from + i) * a.heads + head];
      d[i] = delta[(int64_t)(from + i) * a.heads + head];
    }
    __syncthreads();
    for (int first = from; first < min(from + T, end); first += L) {
      bool some = first + L > at.row && first < at.end;
      if (!__any_sync(0xffffffffu, some)) continue;
      float mine_u = 1.0f; /* of query first + part: the group's lanes share the work */
      if (a.p > 0.0f && some)
        mine_u = sk_uniform(a.seed, ((uint64_t)(first + at.part) * a.heads + head) * a.max_window +
                                        (uint64_t)(at.row - at.first));
#pragma unroll
      for (int step = 0; step < L; step++) {
        int i = first + step;
        float u = __shfl_sync(0xffffffffu, mine_u, step, L);
        const share query = shared_share<L>(queries.x[i - from], at.part),
                    grad = shared_share<L>(queries.y[i - from], at.part);
        float s = group_sum<L>(part_dot(k, query)), dp = group_sum<L>(part_dot(v, grad));
        if (i < at.row || i >= at.end) continue;
        float p = expf(scale * s - lse[i - from]), keep = a.p == 0.0f ? 1.0f : u >= a.p ? kept : 0.0f;
        add_scaled(&dv, p * keep, grad);
        add_scaled(&dk, p * (keep * dp - d[i - from]) * scale, query);
      }
    }
  }
  if (at.row >= a.rows) return;
  store_share<L>(a.dk + (int64_t)at.row * a.dkv_stride + head * a.dh, a.dh, at.part, dk, 1.0f);
  store_share<L>(a.dv + (int64_t)at.row * a.dkv_stride + head * a.dh, a.dh, at.part, dv, 1.0f);
}

static bool all_aligned(const float *const *arrays, int n, int strides) {
  uintptr_t bits = (uintptr_t)strides * sizeof(float);
  for (int i = 0; i < n; i++) bits |= (uintptr_t)arrays[i];
  return bits % 16 == 0;
}

template <int L>
static void launch_forward(sk_backend *be, const sk_attend_args *a) {
  const float *arrays[] = {a->q, a->k, a->v};
  bool aligned = all_aligned(arrays, 3, a->q_stride | a->kv_stride | a->dh);
  forward<L><<<dim3(sk_cuda_blocks(a->rows, THREADS / L), a->heads), THREADS, 0, sk_cuda_stream(be)>>>(*a, aligned);
}

template <int L>
static void launch_backward(sk_backend *be, const sk_attend_backward_args *a, const float *delta) {
  const float *arrays[] = {a->q, a->k, a->v, a->dout};
  bool aligned = all_aligned(arrays, 4, a->q_stride | a->kv_stride | a->dh);
  dim3 blocks(sk_cuda_blocks(a->rows, THREADS / L), a->heads);
  backward_query<L><<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(*a, delta, aligned);
  backward_key<L><<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(*a, delta, aligned);
}

solid_status sk_cuda_attend_rows(sk_backend *be, const sk_attend_args *a) {
  if (a->dh <= 16)
    launch_forward<1>(be, a);
  else if (a->dh <= 32)
    launch_forward<2>(be, a);
  else if (a->dh <= 64)
    launch_forward<4>(be, a);
  else if (a->dh <= 128)
    launch_forward<8>(be, a);
  else
    launch_forward<16>(be, a);
  return sk_cuda_launched(be, "attend");
}

solid_status sk_cuda_attend_rows_backward(sk_backend *be, const sk_attend_backward_args *a) {
  int64_t tasks = (int64_t)a->rows * a->heads;
  void *delta = NULL;
  solid_status status = sk_cuda_workspace(be, sk_attend_backward_scratch(a), &delta);
  if (status != SOLID_OK) return status;
  row_deltas<<<sk_cuda_blocks(tasks, (int)ROW_WARPS), THREADS, 0, sk_cuda_stream(be)>>>(*a, (float *)delta);
  if (a->dh <= 16)
    launch_backward<1>(be, a, (float *)delta);
  else if (a->dh <= 32)
    launch_backward<2>(be, a, (float *)delta);
  else if (a->dh <= 64)
    launch_backward<4>(be, a, (float *)delta);
  else if (a->dh <= 128)
    launch_backward<8>(be, a, (float *)delta);
  else
    launch_backward<16>(be, a, (float *)delta);
  return sk_cuda_launched(be, "attend_backward");
}
