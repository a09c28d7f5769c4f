/* Attention on tensor cores, backward, gradient of the queries: a warp has 16 of them and goes once over the keys that
 * they read. p comes back from lse; dq = scale sum_j p_ij (keep_ij dout_i . v_j - delta_i) k_j. */
#include "kernels/cuda/attend_tensor.cuh"

constexpr int THREADS = 128, KEYS = 64, BLOCKS_N = KEYS / 8, QUERIES = THREADS / (int)SK_WARP * 16;

template <int D>
constexpr int shared_bytes() {
  return (2 * QUERIES + 4 * KEYS) * D * 2;
}

/* Of a thread's two rows. */
struct rows {
  int end[2];
  float lse[2], delta[2];
  uint64_t stream[2];
};

/* Scores c and dout . v in d -> d = p (keep d - delta). */
template <bool DROPPED>
__device__ static __forceinline__ void row_gradient(const sk_tensor_call &call, const rows &mine, int head, int from,
                                                    bool masked, float (&c)[BLOCKS_N][4], float (&d)[BLOCKS_N][4]) {
  const int32_t *k_at = call.e.k_at + (int64_t)head * call.e.keys;
  float scale = call.scale * 1.4426950408889634f;
#pragma unroll
  for (int n = 0; n < BLOCKS_N; n++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int key = from + 8 * n + 2 * (threadIdx.x % 4), last = call.e.keys - 1;
      float2 keep = make_float2(1.0f, 1.0f);
      if (DROPPED)
        keep = sk_tensor_keep(call.p, call.seed, mine.stream[r], k_at[min(key, last)], k_at[min(key + 1, last)]);
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float p = sk_exp2(c[n][2 * r + i] * scale - mine.lse[r]);
        if (masked && key + i >= mine.end[r]) p = 0.0f;
        d[n][2 * r + i] = p * ((i ? keep.y : keep.x) * d[n][2 * r + i] - mine.delta[r]);
      }
    }
}

template <int D, bool DROPPED>
__global__ static void __launch_bounds__(THREADS, D <= 64 && !DROPPED ? 3 : 1)
    backward(sk_tensor_call call, float there, float *dq, int dq_stride) {
  const int STAGE = 2 * KEYS * D * 2;
  extern __shared__ __align__(128) unsigned char memory[];
  const sk_tensor_place at = sk_tensor_place_of<QUERIES, true>(call, call.e.q_side);
  if (at.first >= at.end) return;
  unsigned base = (unsigned)__cvta_generic_to_shared(memory), stages = base + 2 * QUERIES * D * 2;
  int64_t queries = (int64_t)at.head * call.e.queries, keys = (int64_t)at.head * call.e.keys;
  const sk_bf16 *k = (const sk_bf16 *)call.e.k + keys * D, *v = (const sk_bf16 *)call.e.v + keys * D;
  const int2 whole = call.e.q_span[queries + at.first];
  int begin = whole.x, end = call.e.q_span[queries + at.end - 1].y;
  int row = (int)threadIdx.x / SK_WARP * 16, entry = at.first + row + (int)threadIdx.x % SK_WARP / 4;
  const sk_tensor_tile<D> asked = {base}, grads = {base + QUERIES * D * 2};
  asked.template load<QUERIES, THREADS>((const sk_bf16 *)call.e.q + queries * D, at.first, at.end);
  grads.template load<QUERIES, THREADS>((const sk_bf16 *)call.e.dout + queries * D, at.first, at.end);
  auto bring = [&](int from, int stage) {
    sk_tensor_tile<D>{stages + stage * STAGE}.template load<KEYS, THREADS>(k, from, end);
    sk_tensor_tile<D>{stages + stage * STAGE + STAGE / 2}.template load<KEYS, THREADS>(v, from, end);
  };
  if (begin < end) bring(begin, 0);
  sk_tensor_commit();
  rows mine = {};
#pragma unroll
  for (int r = 0; r < 2; r++) {
    if (entry + 8 * r >= at.end) continue;
    int64_t i = queries + entry + 8 * r;
    mine.end[r] = call.e.q_span[i].y, mine.lse[r] = call.e.lse[i], mine.delta[r] = call.e.delta[i];
    mine.stream[r] = ((uint64_t)call.e.q_at[i] * call.heads + at.head) * call.span;
  }
  float sum[D / 8][4] = {};
  for (int from = begin, stage = 0; from < end; from += KEYS, stage ^= 1) {
    if (from + KEYS < end) bring(from + KEYS, stage ^ 1);
    sk_tensor_commit();
    sk_tensor_wait<1>();
    __syncthreads();
    const sk_tensor_tile<D> some_keys = {stages + stage * STAGE}, some_values = {stages + stage * STAGE + STAGE / 2};
    float c[BLOCKS_N][4] = {}, d[BLOCKS_N][4] = {};
    sk_tensor_products<D, BLOCKS_N>(row, asked, some_keys, grads, some_values, c, d);
    row_gradient<DROPPED>(call, mine, at.head, from, from + KEYS > whole.y || entry + 8 >= at.end, c, d);
    sk_tensor_add<D, BLOCKS_N>(sum, d, some_keys);
    __syncthreads();
  }
  sk_tensor_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; r++) {
    if (entry + 8 * r >= at.end) continue;
    float *to = dq + (int64_t)call.e.q_row[queries + entry + 8 * r] * dq_stride + at.head * call.dh;
    sk_tensor_store<D>(sum, r, call.dh, call.scale, there, to);
  }
}

template <int D, bool DROPPED>
static solid_status launch(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e) {
  sk_tensor_call call = sk_tensor_call_of(a, e);
  solid_status status = sk_tensor_open(be, backward<D, DROPPED>, shared_bytes<D>());
  if (status != SOLID_OK) return status;
  unsigned blocks = sk_tensor_blocks(&call, e->queries, QUERIES, a->pairs.windows, a->pairs.max_queries);
  backward<D, DROPPED><<<blocks, THREADS, shared_bytes<D>(), sk_cuda_stream(be)>>>(call, a->accumulate ? 1.0f : 0.0f,
                                                                                   a->dq, a->dq_stride);
  return sk_cuda_launched(be, "attend_backward in BF16");
}

solid_status sk_cuda_attend_tensor_query(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e) {
  solid_status status = SOLID_OK;
  if (e->queries == 0 || a->pairs.windows == 0) return SOLID_OK;
  SK_TENSOR_DISPATCH(status, e->width, a->p > 0.0f, launch, be, a, e);
  return status;
}
