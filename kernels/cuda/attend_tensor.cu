/* Attention on tensor cores, forward, in the manner of FlashAttention-2 (Dao 2023): a block has the queries of one
 * tile, a warp 16 * TILES of them, whose scores, weights and sums stay in registers; 64 keys and values at a time come
 * through shared memory, two stages deep. Keys are sorted, so that a query reads the first so many of its window: tiles
 * below the end of the first query need no test, and none beyond that of the last one is touched. */
#include "kernels/cuda/attend_tensor.cuh"

constexpr int THREADS = 128, KEYS = 64, BLOCKS_N = KEYS / 8;

template <int D, int TILES> /* of 16 rows a warp */
struct shape {
  static const int QUERIES = THREADS / SK_WARP * 16 * TILES;
  static const int BYTES = (QUERIES + 4 * KEYS) * D * 2;
};

/* A thread's state of its rows, 2 of every tile. */
template <int D, int TILES>
struct state {
  unsigned q[TILES][D / 16][4];
  float sum[TILES][D / 8][4];
  float top[TILES][2], total[TILES][2];
  int end[TILES][2]; /* of the keys that a row reads */
};

/* Scores of 64 keys -> weights relative to the row's new maximum, in units of log 2; the sums so far are rescaled to
 * it. */
template <int D, int TILES>
__device__ static __forceinline__ void soften(state<D, TILES> &s, int tile, float (&c)[BLOCKS_N][4], float scale,
                                              int from, bool masked) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float top = s.top[tile][r];
#pragma unroll
    for (int n = 0; n < BLOCKS_N; n++)
#pragma unroll
      for (int i = 2 * r; i < 2 * r + 2; i++) {
        int key = from + 8 * n + 2 * (threadIdx.x % 4) + i % 2;
        if (masked && key >= s.end[tile][r]) c[n][i] = -INFINITY;
        top = fmaxf(top, c[n][i] * scale);
      }
    top = sk_quad_max(top);
    float base = top == -INFINITY ? 0.0f : top, shrink = sk_exp2(s.top[tile][r] - base), part = 0.0f;
#pragma unroll
    for (int n = 0; n < BLOCKS_N; n++)
#pragma unroll
      for (int i = 2 * r; i < 2 * r + 2; i++) {
        c[n][i] = sk_exp2(c[n][i] * scale - base);
        part += c[n][i];
      }
    s.top[tile][r] = top;
    s.total[tile][r] = s.total[tile][r] * shrink + part;
#pragma unroll
    for (int n = 0; n < D / 8; n++) s.sum[tile][n][2 * r] *= shrink, s.sum[tile][n][2 * r + 1] *= shrink;
  }
}

template <int D, int TILES, bool DROPPED>
__device__ static __forceinline__ void meet(state<D, TILES> &s, const sk_tensor_call &call,
                                            const sk_tensor_tile<D> &keys, const sk_tensor_tile<D> &values,
                                            const sk_tensor_place &at, int from, bool masked) {
  float c[TILES][BLOCKS_N][4] = {};
#pragma unroll
  for (int step = 0; step < D / 16; step++)
#pragma unroll
    for (int n = 0; n < BLOCKS_N; n += 2) {
      unsigned b[4];
      keys.columns(8 * n, step, b);
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        sk_tensor_multiply(c[tile][n], s.q[tile][step], b[0], b[1]);
        sk_tensor_multiply(c[tile][n + 1], s.q[tile][step], b[2], b[3]);
      }
    }
#pragma unroll
  for (int tile = 0; tile < TILES; tile++)
    soften<D, TILES>(s, tile, c[tile], call.scale * 1.4426950408889634f, from, masked);
  if (DROPPED) {
    const int32_t *k_at = call.e.k_at + (int64_t)at.head * call.e.keys;
    int lane = threadIdx.x % SK_WARP, row = at.first + (int)threadIdx.x / SK_WARP * 16 * TILES + lane / 4;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++)
#pragma unroll
      for (int r = 0; r < 2; r++, row += 8) {
        if (row >= at.end) continue;
        uint64_t stream =
            ((uint64_t)call.e.q_at[(int64_t)at.head * call.e.queries + row] * call.heads + at.head) * call.span;
#pragma unroll
        for (int n = 0; n < BLOCKS_N; n++) {
          int key = from + 8 * n + 2 * (lane % 4), last = call.e.keys - 1;
          float2 keep = sk_tensor_keep(call.p, call.seed, stream, k_at[min(key, last)], k_at[min(key + 1, last)]);
          if (r == 0)
            c[tile][n][0] *= keep.x, c[tile][n][1] *= keep.y;
          else
            c[tile][n][2] *= keep.x, c[tile][n][3] *= keep.y;
        }
      }
  }
#pragma unroll
  for (int n = 0; n < BLOCKS_N; n += 2) {
    unsigned a[TILES][4];
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) sk_tensor_turn(c[tile][n], c[tile][n + 1], a[tile]);
#pragma unroll
    for (int pair = 0; pair < D / 16; pair++) {
      unsigned b[4];
      values.summed(8 * n, pair, b);
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        sk_tensor_multiply(s.sum[tile][2 * pair], a[tile], b[0], b[1]);
        sk_tensor_multiply(s.sum[tile][2 * pair + 1], a[tile], b[2], b[3]);
      }
    }
  }
}

template <int D, int TILES>
__device__ static __forceinline__ void finish(state<D, TILES> &s, const sk_tensor_call &call, const sk_tensor_place &at,
                                              bool join, float *out, float *lse) {
  int lane = threadIdx.x % SK_WARP, entry = at.first + (int)threadIdx.x / SK_WARP * 16 * TILES + lane / 4;
#pragma unroll
  for (int tile = 0; tile < TILES; tile++)
#pragma unroll
    for (int r = 0; r < 2; r++, entry += 8) {
      float total = sk_quad_sum(s.total[tile][r]), top = s.top[tile][r] * 0.6931471805599453f;
      if (entry >= at.end) continue;
      int row = call.e.q_row[(int64_t)at.head * call.e.queries + entry];
      int64_t to = (int64_t)row * call.heads + at.head;
      bool none = total == 0.0f;
      const sk_attend_join joined(join, join ? lse[to] : 0.0f, none ? -INFINITY : top + logf(total));
      float share = none ? 0.0f : joined.here / total;
      __syncwarp(0xfu << lane / 4 * 4); /* the four have read lse before one writes it */
#pragma unroll
      for (int n = 0; n < D / 8; n++)
#pragma unroll
        for (int i = 0; i < 2; i++) {
          int column = 8 * n + 2 * (lane % 4) + i;
          if (column >= call.dh) continue;
          float *x = out + to * call.dh + column, y = s.sum[tile][n][2 * r + i] * share;
          *x = joined.there == 0.0f ? y : joined.there * *x + y;
        }
      if (lane % 4 == 0 && lse) lse[to] = joined.lse;
    }
}

template <int D, int TILES, bool DROPPED>
__global__ static void __launch_bounds__(THREADS, 2) forward(sk_tensor_call call, bool join, float *out, float *lse) {
  const int QUERIES = shape<D, TILES>::QUERIES, STAGE = 2 * KEYS * D * 2;
  extern __shared__ __align__(128) unsigned char memory[];
  const sk_tensor_place at = sk_tensor_place_of<QUERIES, true>(call, call.e.q_side);
  if (at.first >= at.end) return;
  unsigned base = (unsigned)__cvta_generic_to_shared(memory), stages = base + QUERIES * D * 2;
  int64_t queries = (int64_t)at.head * call.e.queries, keys = (int64_t)at.head * call.e.keys;
  const sk_bf16 *q = (const sk_bf16 *)call.e.q + queries * D;
  const sk_bf16 *k = (const sk_bf16 *)call.e.k + keys * D, *v = (const sk_bf16 *)call.e.v + keys * D;
  const int2 whole = call.e.q_span[queries + at.first];
  int begin = whole.x, end = call.e.q_span[queries + at.end - 1].y;
  const sk_tensor_tile<D> asked = {base};
  asked.template load<QUERIES, THREADS>(q, at.first, at.end);
  auto bring = [&](int from, int stage) {
    sk_tensor_tile<D>{stages + stage * STAGE}.template load<KEYS, THREADS>(k, from, end);
    sk_tensor_tile<D>{stages + stage * STAGE + STAGE / 2}.template load<KEYS, THREADS>(v, from, end);
  };
  if (begin < end) bring(begin, 0);
  sk_tensor_commit();
  state<D, TILES> s;
  int warp = threadIdx.x / SK_WARP, lane = threadIdx.x % SK_WARP;
#pragma unroll
  for (int tile = 0; tile < TILES; tile++) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int entry = at.first + (warp * TILES + tile) * 16 + lane / 4 + 8 * r;
      s.end[tile][r] = entry < at.end ? call.e.q_span[queries + entry].y : 0;
      s.top[tile][r] = -INFINITY, s.total[tile][r] = 0.0f;
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++)
      s.sum[tile][n][0] = s.sum[tile][n][1] = s.sum[tile][n][2] = s.sum[tile][n][3] = 0.0f;
  }
  for (int from = begin, stage = 0; from < end; from += KEYS, stage ^= 1) {
    if (from + KEYS < end) bring(from + KEYS, stage ^ 1);
    sk_tensor_commit();
    sk_tensor_wait<1>();
    __syncthreads();
    if (from == begin) {
#pragma unroll
      for (int tile = 0; tile < TILES; tile++)
#pragma unroll
        for (int step = 0; step < D / 16; step++) asked.rows((warp * TILES + tile) * 16, step, s.q[tile][step]);
    }
    const sk_tensor_tile<D> some_keys = {stages + stage * STAGE}, some_values = {stages + stage * STAGE + STAGE / 2};
    meet<D, TILES, DROPPED>(s, call, some_keys, some_values, at, from, from + KEYS > whole.y);
    __syncthreads();
  }
  sk_tensor_wait<0>();
  finish<D, TILES>(s, call, at, join, out, lse);
}

template <int D, int TILES, bool DROPPED>
static solid_status launch_tiles(sk_backend *be, const sk_attend_args *a, const sk_attend_entries *e) {
  const int QUERIES = shape<D, TILES>::QUERIES, BYTES = shape<D, TILES>::BYTES;
  sk_tensor_call call = sk_tensor_call_of(a, e);
  solid_status status = sk_tensor_open(be, forward<D, TILES, DROPPED>, BYTES);
  if (status != SOLID_OK) return status;
  unsigned blocks = sk_tensor_blocks(&call, e->queries, QUERIES, a->pairs.windows, a->pairs.max_queries);
  forward<D, TILES, DROPPED><<<blocks, THREADS, BYTES, sk_cuda_stream(be)>>>(call, a->join != 0, a->out, a->lse);
  return sk_cuda_launched(be, "attend in BF16");
}

/* With two tiles a warp, every key is read half as often; with few queries there would be too few blocks, and the last
 * ones would run alone. Of a list the host knows only a bound. */
template <int D, bool DROPPED>
static solid_status launch(sk_backend *be, const sk_attend_args *a, const sk_attend_entries *e) {
  const int MOST = D <= 64 ? 2 : 1; /* that registers hold */
  int64_t blocks = (int64_t)e->queries / shape<D, 2>::QUERIES * a->pairs.heads;
  if (a->pairs.active.rows || blocks < 800) return launch_tiles<D, 1, DROPPED>(be, a, e);
  return launch_tiles<D, MOST, DROPPED>(be, a, e);
}

solid_status sk_cuda_attend_tensor(sk_backend *be, const sk_attend_args *a, const sk_attend_entries *e) {
  solid_status status = SOLID_OK;
  if (e->queries == 0 || a->pairs.windows == 0) return SOLID_OK;
  SK_TENSOR_DISPATCH(status, e->width, a->p > 0.0f, launch, be, a, e);
  return status;
}
