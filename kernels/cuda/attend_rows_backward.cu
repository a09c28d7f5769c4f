/* Attention of every row in FP32, backward: once over the keys of each query, for dq, and once over the queries of each
 * key, for dk and dv. Every float has one writer. */
#include "kernels/cuda/attend_rows.cuh"

enum { THREADS = SK_ROWS_THREADS, ROW_WARPS = THREADS / 32 };

/* delta_ih = dout_ih . out_ih, of rows in place. */
__global__ static void row_deltas(sk_attend_backward_args a, float *delta) {
  int64_t task = (int64_t)blockIdx.x * ((int)ROW_WARPS) + threadIdx.x / SK_WARP;
  int dh = a.pairs.dh;
  if (task >= (int64_t)a.pairs.q_rows * a.pairs.heads) return;
  float sum = 0.0f;
  for (int i = threadIdx.x % SK_WARP; i < dh; i += SK_WARP) sum += a.dout[task * dh + i] * a.out[task * dh + i];
  sum = sk_warp_sum(sum);
  if (threadIdx.x % SK_WARP == 0) delta[task] = sum;
}

/* BIASED: the block's share of dbias too, summed by every group in a column of its own. */
template <int L, bool BIASED>
__global__ static void __launch_bounds__(THREADS)
    backward_query(sk_rows_call c, float there, float *dq, int dq_stride, float *shares) {
  static const int T = sk_rows_tile<L>::T, GROUPS = THREADS / L;
  extern __shared__ float columns[]; /* (SK_ATTEND_BUCKETS, GROUPS) */
  __shared__ sk_rows_tile<L> keys;
  int head = blockIdx.y;
  const sk_rows_place at = sk_rows_query<L>(c, head);
  const int2 bounds = sk_rows_bounds(at);
  const float *k = c.k + head * c.kv_head, *v = c.v + head * c.kv_head;
  const int32_t *k_at = c.k_at + (int64_t)head * c.keys;
  sk_share q = {}, dout = {}, sum = {};
  float lse = 0.0f, d = 0.0f;
  if (at.row < c.queries) {
    q = sk_load_share<L>(c.q + head * c.q_head + (int64_t)at.row * c.q_stride, c.dh, at.part, c.aligned);
    dout = sk_load_share<L>(c.dout + head * c.dout_head + (int64_t)at.row * c.dout_stride, c.dh, at.part, c.aligned);
    lse = c.lse[head * c.sum_head + (int64_t)at.row * c.sum_stride];
    d = c.delta[head * c.sum_head + (int64_t)at.row * c.sum_stride];
  }
  float scale = rsqrtf((float)c.dh);
  uint64_t stream = ((uint64_t)at.at * c.heads + head) * c.span;
  sk_rows_dropout dropout(c);
  for (int i = threadIdx.x; BIASED && i < SK_ATTEND_BUCKETS * GROUPS; i += THREADS) columns[i] = 0.0f;
  for (int from = bounds.x; from < bounds.y; from += T) {
    __syncthreads();
    keys.load(k, c.kv_stride, v, c.kv_stride, c.dh, from, bounds.y, c.aligned);
    __syncthreads();
    for (int j = from; j < min(from + T, bounds.y); j++) {
      bool mine = j >= at.first && j < at.end;
      if (!__any_sync(0xffffffffu, mine)) continue;
      const sk_share key = sk_shared_share<L>(keys.x[j - from], at.part);
      float s = sk_group_sum<L>(sk_part_dot(q, key));
      float dp = sk_group_sum<L>(sk_part_dot(dout, sk_shared_share<L>(keys.y[j - from], at.part)));
      if (!mine) continue;
      int bucket = 0;
      float power = scale * s - lse;
      if (BIASED) {
        uint32_t y = (uint32_t)(c.q_span ? k_at[j] : j - at.zero);
        bucket = sk_attend_bucket((int32_t)(at.at - at.origin - y));
        power += c.bias[head * SK_ATTEND_BUCKETS + bucket];
      }
      if (c.p > 0.0f) dp = dropout.drop(c, stream + (uint64_t)(c.q_span ? k_at[j] : j - at.zero), dp);
      float ds = expf(power) * (dp - d);
      sk_add_scaled(&sum, ds * scale, key);
      if (BIASED && at.part == 0) columns[bucket * GROUPS + threadIdx.x / L] += ds;
    }
  }
  if (BIASED) {
    __syncthreads();
    for (int i = threadIdx.x; i < SK_ATTEND_BUCKETS; i += THREADS) {
      float share = 0.0f;
      for (int g = 0; g < GROUPS; g++) share += columns[i * GROUPS + g];
      shares[((int64_t)blockIdx.x * c.heads + head) * SK_ATTEND_BUCKETS + i] = share;
    }
  }
  if (at.row >= c.queries) return;
  int row = c.q_row ? c.q_row[(int64_t)head * c.queries + at.row] : at.row;
  if (row >= 0) sk_store_share<L>(dq + (int64_t)row * dq_stride + head * c.dh, c.dh, at.part, sum, 1.0f, there);
}

/* dbias += the sums of the blocks: a warp has one of the heads * SK_ATTEND_BUCKETS places. */
__global__ static void add_shares(const float *shares, int blocks, int places, float *dbias) {
  int place = blockIdx.x * ((int)ROW_WARPS) + threadIdx.x / SK_WARP;
  float sum = 0.0f;
  if (place >= places) return;
  for (int block = threadIdx.x % SK_WARP; block < blocks; block += SK_WARP)
    sum += shares[(int64_t)block * places + place];
  sum = sk_warp_sum(sum);
  if (threadIdx.x % SK_WARP == 0) dbias[place] += sum;
}

/* dk and dv: head h, row r at x + h * to_head + r * to_stride. */
template <int L>
__global__ static void __launch_bounds__(THREADS)
    backward_key(sk_rows_call c, float there, float *all_dk, float *all_dv, int64_t to_head, int to_stride) {
  static const int T = sk_rows_tile<L>::T;
  __shared__ sk_rows_tile<L> queries;
  __shared__ float lse[T], d[T];
  __shared__ uint32_t asks[T];
  int head = blockIdx.y;
  const sk_rows_place at = sk_rows_key<L>(c, head);
  const int2 bounds = sk_rows_bounds(at);
  const float *q = c.q + head * c.q_head, *dout = c.dout + head * c.dout_head;
  sk_share k = {}, v = {}, dk = {}, dv = {};
  if (at.row < c.keys) {
    k = sk_load_share<L>(c.k + head * c.kv_head + (int64_t)at.row * c.kv_stride, c.dh, at.part, c.aligned);
    v = sk_load_share<L>(c.v + head * c.kv_head + (int64_t)at.row * c.kv_stride, c.dh, at.part, c.aligned);
  }
  float scale = rsqrtf((float)c.dh), kept = 1.0f / (1.0f - c.p);
  for (int from = bounds.x; from < bounds.y; from += T) {
    __syncthreads();
    queries.load(q, c.q_stride, dout, c.dout_stride, c.dh, from, bounds.y, c.aligned);
    for (int i = threadIdx.x; i < T && from + i < bounds.y; i += THREADS) {
      lse[i] = c.lse[head * c.sum_head + (int64_t)(from + i) * c.sum_stride];
      d[i] = c.delta[head * c.sum_head + (int64_t)(from + i) * c.sum_stride];
      if (c.k_span) asks[i] = c.q_at[(int64_t)head * c.queries + from + i];
    }
    __syncthreads();
    for (int first = from; first < min(from + T, bounds.y); first += L) {
      bool some = first + L > at.first && first < at.end;
      if (!__any_sync(0xffffffffu, some)) continue;
      float mine_u = 1.0f; /* of query first + part: the group's lanes share the work */
      if (c.p > 0.0f && some) {
        uint32_t x = c.k_span ? asks[first + at.part - from] : (uint32_t)(first + at.part + at.zero);
        mine_u = sk_uniform(c.seed, ((uint64_t)x * c.heads + head) * c.span + at.at);
      }
#pragma unroll
      for (int step = 0; step < L; step++) {
        int i = first + step;
        float u = __shfl_sync(0xffffffffu, mine_u, step, L);
        const sk_share query = sk_shared_share<L>(queries.x[i - from], at.part),
                       grad = sk_shared_share<L>(queries.y[i - from], at.part);
        float s = sk_group_sum<L>(sk_part_dot(k, query)), dp = sk_group_sum<L>(sk_part_dot(v, grad));
        if (i < at.first || i >= at.end) continue;
        float power = scale * s - lse[i - from];
        if (c.bias) {
          uint32_t x = c.k_span ? asks[i - from] - at.origin : (uint32_t)(i + at.zero) - at.origin;
          power += sk_rows_bias(c, head, x, at.at);
        }
        float p = expf(power), keep = c.p == 0.0f ? 1.0f : u >= c.p ? kept : 0.0f;
        sk_add_scaled(&dv, p * keep, grad);
        sk_add_scaled(&dk, p * (keep * dp - d[i - from]) * scale, query);
      }
    }
  }
  if (at.row >= c.keys) return;
  int row = c.k_row ? c.k_row[(int64_t)head * c.keys + at.row] : at.row;
  if (row < 0) return;
  int64_t to = head * to_head + (int64_t)row * to_stride;
  sk_store_share<L>(all_dk + to, c.dh, at.part, dk, 1.0f, there);
  sk_store_share<L>(all_dv + to, c.dh, at.part, dv, 1.0f, there);
}

template <int L>
static solid_status launch_queries(sk_backend *be, const sk_rows_call *c, const sk_attend_backward_args *a, float there,
                                   float *shares) {
  const int bytes = (int)sizeof(float) * SK_ATTEND_BUCKETS * THREADS / L;
  dim3 blocks(sk_cuda_blocks(c->queries, THREADS / L), c->heads);
  if (!c->bias) {
    backward_query<L, false><<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(*c, there, a->dq, a->dq_stride, NULL);
    return SOLID_OK;
  }
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(backward_query<L, true>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "attend");
  if (status != SOLID_OK) return status;
  backward_query<L, true><<<blocks, THREADS, bytes, sk_cuda_stream(be)>>>(*c, there, a->dq, a->dq_stride, shares);
  int places = c->heads * SK_ATTEND_BUCKETS;
  add_shares<<<sk_cuda_blocks(places, (int)ROW_WARPS), THREADS, 0, sk_cuda_stream(be)>>>(shares, (int)blocks.x, places,
                                                                                         a->dbias);
  return SOLID_OK;
}

template <int L>
static solid_status launch(sk_backend *be, const sk_rows_call *c, const sk_attend_backward_args *a,
                           const sk_attend_entries *e, float *shares) {
  solid_status status = SOLID_OK;
  float there = a->accumulate ? 1.0f : 0.0f;
  dim3 keys(sk_cuda_blocks(c->keys, THREADS / L), c->heads);
  if (c->queries > 0) status = launch_queries<L>(be, c, a, there, shares);
  if (c->keys == 0 || status != SOLID_OK) return status;
  if (e && e->dk) { /* shared: to the entries, which attend_gather.cu brings together */
    sk_rows_call own = *c;
    own.k_row = NULL;
    backward_key<L><<<keys, THREADS, 0, sk_cuda_stream(be)>>>(own, 0.0f, e->dk, e->dv, (int64_t)c->keys * c->dh, c->dh);
    return SOLID_OK;
  }
  backward_key<L><<<keys, THREADS, 0, sk_cuda_stream(be)>>>(*c, there, a->dk, a->dv, c->dh, a->dkv_stride);
  return SOLID_OK;
}

solid_status sk_cuda_attend_rows_backward(sk_backend *be, const sk_attend_backward_args *a,
                                          const sk_attend_entries *e) {
  sk_rows_call c = sk_rows_call_of(a, e);
  float *shares = e ? e->shares : NULL;
  if (!e) {
    int64_t tasks = (int64_t)c.queries * c.heads;
    void *delta = NULL;
    solid_status status = sk_cuda_workspace(be, sk_attend_backward_scratch(a), &delta);
    if (status != SOLID_OK) return status;
    c.dout = a->dout, c.lse = a->lse, c.delta = (float *)delta;
    c.aligned = c.aligned && (uintptr_t)a->dout % 16 == 0;
    shares = (float *)delta + tasks;
    if (tasks > 0)
      row_deltas<<<sk_cuda_blocks(tasks, (int)ROW_WARPS), THREADS, 0, sk_cuda_stream(be)>>>(*a, (float *)delta);
  }
  solid_status status = SOLID_OK;
  SK_ROWS_DISPATCH(status, c.dh, launch, be, &c, a, e, shares);
  return status == SOLID_OK ? sk_cuda_launched(be, "attend_backward") : status;
}
