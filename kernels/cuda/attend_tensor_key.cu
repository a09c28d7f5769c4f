/* Attention on tensor cores, backward, gradients of keys and values: a warp has 16 keys and goes once over the queries
 * that read them, in one order, so that nothing is added by two writers. With p from lse, keep of dropout,
 *   dv_j = sum_i keep_ij p_ij dout_i      dk_j = scale sum_i p_ij (keep_ij dout_i . v_j - delta_i) q_i */
#include "kernels/cuda/attend_tensor.cuh"

constexpr int THREADS = 128, KEYS = THREADS / (int)SK_WARP * 16;

template <int D>
struct shape {
  static const int QUERIES = D <= 32 ? 64 : 32, N = QUERIES / 8; /* of a stage */
  static const int STAGE = 2 * QUERIES * D * 2;
  static const int BYTES = 2 * KEYS * D * 2 + 2 * STAGE + 2 * QUERIES * 16;
};

/* A query's numbers besides its rows; end = 0 for none. */
struct __align__(16) asker {
  float lse, delta;
  int end;
  uint32_t at;
};

/* Scores c and v . dout in d, keys by queries -> c = keep p, d = p (keep d - delta). */
template <int N, bool DROPPED>
__device__ static __forceinline__ void pair_gradient(const sk_tensor_call &call, int head, int key, const int (&y)[2],
                                                     const asker *askers, float (&c)[N][4], float (&d)[N][4]) {
  float scale = call.scale * 1.4426950408889634f;
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const asker ask = askers[8 * n + 2 * (threadIdx.x % 4) + i];
      uint64_t stream = ((uint64_t)ask.at * call.heads + head) * call.span;
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float keep = 1.0f, p = sk_exp2(c[n][2 * r + i] * scale - ask.lse);
        if (key + 8 * r >= ask.end) p = 0.0f;
        if (DROPPED) keep = sk_uniform(call.seed, stream + (uint64_t)y[r]) >= call.p ? 1.0f / (1.0f - call.p) : 0.0f;
        d[n][2 * r + i] = p * (keep * d[n][2 * r + i] - ask.delta);
        c[n][2 * r + i] = p * keep;
      }
    }
}

/* dk and dv: head h, row r at x + h * to_head + r * to_stride; rows NULL: entries themselves. */
struct target {
  float *dk, *dv, there;
  const int32_t *rows;
  int64_t to_head;
  int to_stride;
};

template <int D, bool DROPPED>
__global__ static void __launch_bounds__(THREADS, D <= 64 && !DROPPED ? 3 : 1)
    backward(sk_tensor_call call, target to) {
  const int QUERIES = shape<D>::QUERIES, N = shape<D>::N, STAGE = shape<D>::STAGE;
  extern __shared__ __align__(128) unsigned char memory[];
  const sk_tensor_place at = sk_tensor_place_of<KEYS, false>(call, call.e.k_side);
  if (at.first >= at.end) return;
  unsigned base = (unsigned)__cvta_generic_to_shared(memory), stages = base + 2 * KEYS * D * 2;
  asker *askers = (asker *)(memory + 2 * KEYS * D * 2 + 2 * STAGE); /* (2, QUERIES) */
  int64_t queries = (int64_t)at.head * call.e.queries, keys = (int64_t)at.head * call.e.keys;
  const sk_bf16 *q = (const sk_bf16 *)call.e.q + queries * D, *dout = (const sk_bf16 *)call.e.dout + queries * D;
  const int2 read = call.e.k_span[keys + at.first];
  int row = (int)threadIdx.x / SK_WARP * 16, key = at.first + row + (int)threadIdx.x % SK_WARP / 4;
  const sk_tensor_tile<D> held = {base}, values = {base + KEYS * D * 2};
  held.template load<KEYS, THREADS>((const sk_bf16 *)call.e.k + keys * D, at.first, at.end);
  values.template load<KEYS, THREADS>((const sk_bf16 *)call.e.v + keys * D, at.first, at.end);
  auto bring = [&](int from, int stage) {
    sk_tensor_tile<D>{stages + stage * STAGE}.template load<QUERIES, THREADS>(q, from, read.y);
    sk_tensor_tile<D>{stages + stage * STAGE + STAGE / 2}.template load<QUERIES, THREADS>(dout, from, read.y);
    if ((int)threadIdx.x < QUERIES) {
      int64_t i = queries + from + threadIdx.x;
      asker ask = {};
      if (from + (int)threadIdx.x < read.y) ask = {call.e.lse[i], call.e.delta[i], call.e.q_span[i].y, call.e.q_at[i]};
      askers[stage * QUERIES + threadIdx.x] = ask;
    }
  };
  if (read.x < read.y) bring(read.x, 0);
  sk_tensor_commit();
  int y[2] = {};
#pragma unroll
  for (int r = 0; r < 2; r++)
    if (key + 8 * r < at.end) y[r] = call.e.k_at[keys + key + 8 * r];
  float dk[D / 8][4] = {}, dv[D / 8][4] = {};
  for (int from = read.x, stage = 0; from < read.y; from += QUERIES, stage ^= 1) {
    if (from + QUERIES < read.y) bring(from + QUERIES, stage ^ 1);
    sk_tensor_commit();
    sk_tensor_wait<1>();
    __syncthreads();
    const sk_tensor_tile<D> asked = {stages + stage * STAGE}, grads = {stages + stage * STAGE + STAGE / 2};
    float c[N][4] = {}, d[N][4] = {};
    sk_tensor_products<D, N>(row, held, asked, values, grads, c, d);
    pair_gradient<N, DROPPED>(call, at.head, key, y, askers + stage * QUERIES, c, d);
    sk_tensor_add<D, N>(dv, c, grads);
    sk_tensor_add<D, N>(dk, d, asked);
    __syncthreads();
  }
  sk_tensor_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; r++) {
    if (key + 8 * r >= at.end) continue;
    int64_t entry = key + 8 * r, place = to.rows ? to.rows[keys + entry] : entry;
    int64_t first = at.head * to.to_head + place * to.to_stride;
    sk_tensor_store<D>(dk, r, call.dh, call.scale, to.there, to.dk + first);
    sk_tensor_store<D>(dv, r, call.dh, 1.0f, to.there, to.dv + first);
  }
}

template <int D, bool DROPPED>
static solid_status launch(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e) {
  sk_tensor_call call = sk_tensor_call_of(a, e);
  target to = {a->dk, a->dv, a->accumulate ? 1.0f : 0.0f, e->k_row, call.dh, a->dkv_stride};
  if (e->dk) to = {e->dk, e->dv, 0.0f, NULL, (int64_t)e->keys * call.dh, call.dh};
  solid_status status = sk_tensor_open(be, backward<D, DROPPED>, shape<D>::BYTES);
  if (status != SOLID_OK) return status;
  unsigned blocks = sk_tensor_blocks(&call, e->keys, KEYS, a->pairs.windows, a->pairs.max_keys);
  backward<D, DROPPED><<<blocks, THREADS, shape<D>::BYTES, sk_cuda_stream(be)>>>(call, to);
  return sk_cuda_launched(be, "attend_backward in BF16");
}

solid_status sk_cuda_attend_tensor_key(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e) {
  solid_status status = SOLID_OK;
  if (e->keys == 0 || a->pairs.windows == 0) return SOLID_OK;
  SK_TENSOR_DISPATCH(status, e->width, a->p > 0.0f, launch, be, a, e);
  return status;
}
