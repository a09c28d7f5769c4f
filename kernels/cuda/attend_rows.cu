/* Attention of every row in FP32, forward: one pass over the keys of each query, with the softmax kept online. */
#include "kernels/cuda/attend_rows.cuh"

template <int L>
__global__ static void __launch_bounds__(SK_ROWS_THREADS)
    forward(sk_rows_call c, bool join, float *all_out, float *all_lse) {
  static const int T = sk_rows_tile<L>::T;
  __shared__ sk_rows_tile<L> keys;
  int head = blockIdx.y;
  const sk_rows_place at = sk_rows_query<L>(c, head);
  const int2 bounds = sk_rows_bounds(at);
  const float *k = c.k + head * c.kv_head, *v = c.v + head * c.kv_head;
  const int32_t *k_at = c.k_at + (int64_t)head * c.keys;
  sk_share q = {}, sum = {};
  if (at.row < c.queries)
    q = sk_load_share<L>(c.q + head * c.q_head + (int64_t)at.row * c.q_stride, c.dh, at.part, c.aligned);
  float scale = rsqrtf((float)c.dh), top = -INFINITY, total = 0.0f;
  uint64_t stream = ((uint64_t)at.at * c.heads + head) * c.span;
  sk_rows_dropout dropout(c);
  for (int from = bounds.x; from < bounds.y; from += T) {
    __syncthreads();
    keys.load(k, c.kv_stride, v, c.kv_stride, c.dh, from, bounds.y, c.aligned);
    __syncthreads();
    for (int j = from; j < min(from + T, bounds.y); j++) {
      bool mine = j >= at.first && j < at.end;
      if (!__any_sync(0xffffffffu, mine)) continue;
      float s = scale * sk_group_sum<L>(sk_part_dot(q, sk_shared_share<L>(keys.x[j - from], at.part)));
      if (!mine) continue;
      if (c.bias) s += sk_rows_bias(c, head, at.at - at.origin, (uint32_t)(c.q_span ? k_at[j] : j - at.zero));
      if (!(s <= top)) { /* a NaN, too, which then remains the maximum */
        float shrink = top == -INFINITY ? 0.0f : expf(top - s);
        total *= shrink;
        sk_share before = sum;
        sum = {};
        sk_add_scaled(&sum, shrink, before);
        top = s;
      }
      float p = expf(s - top);
      total += p;
      if (c.p > 0.0f) p = dropout.drop(c, stream + (uint64_t)(c.q_span ? k_at[j] : j - at.zero), p);
      sk_add_scaled(&sum, p, sk_shared_share<L>(keys.y[j - from], at.part));
    }
  }
  if (at.row >= c.queries) return;
  int row = c.q_row ? c.q_row[(int64_t)head * c.queries + at.row] : at.row;
  if (row < 0) return;
  int64_t to = (int64_t)row * c.heads + head;
  bool none = at.first >= at.end;
  const sk_attend_join joined(join, join ? all_lse[to] : 0.0f, none ? -INFINITY : top + logf(total));
  __syncwarp(((1u << L) - 1) << threadIdx.x % SK_WARP / L *
                                    L); /* the group reads lse before its first lane writes it */
  sk_store_share<L>(all_out + to * c.dh, c.dh, at.part, sum, none ? 0.0f : joined.here * (1.0f / total), joined.there);
  if (at.part == 0 && all_lse) all_lse[to] = joined.lse;
}

template <int L>
static solid_status launch(sk_backend *be, const sk_rows_call *c, const sk_attend_args *a) {
  dim3 blocks(sk_cuda_blocks(c->queries, SK_ROWS_THREADS / L), c->heads);
  forward<L><<<blocks, SK_ROWS_THREADS, 0, sk_cuda_stream(be)>>>(*c, a->join != 0, a->out, a->lse);
  return sk_cuda_launched(be, "attend");
}

solid_status sk_cuda_attend_rows(sk_backend *be, const sk_attend_args *a, const sk_attend_entries *e) {
  const sk_rows_call c = sk_rows_call_of(a, e);
  if (c.queries == 0) return SOLID_OK;
  solid_status status = SOLID_OK;
  SK_ROWS_DISPATCH(status, c.dh, launch, be, &c, a);
  return status;
}
