/* Attention of the slots of a step over what has gone in: a row of queries and a head are a *pair*, whose keys are
 * shared by some warps and within a warp by groups, each with a softmax of its own so far. The warps' parts meet in
 * shared memory. */
#ifndef SK_CUDA_SLATE_ATTEND_CUH
#define SK_CUDA_SLATE_ATTEND_CUH

enum { MOST_PARTS = 8 /* of a pair */ };

/* 1 where the slot reads the key. */
__device__ static inline bool reads(const sk_slate_grid &g, int slot, int key) {
  for (int e = g.key_offsets[slot]; e < g.key_offsets[slot + 1]; e++)
    if (key >= g.ranges[2 * e] && key < g.ranges[2 * e + 1]) return true;
  return false;
}

/* A softmax so far: the sum of the values, dims c * 4 LANES + 4 lane .. of a lane. */
template <int CHUNKS>
struct mean {
  float top = -INFINITY, total = 0.0f, sum[CHUNKS][4] = {};
};

template <int CHUNKS>
__device__ static __forceinline__ void take_key(mean<CHUNKS> *m, float score, const float *v, int dh, bool aligned) {
  float top = fmaxf(m->top, score), shrink = expf(m->top - top), p = expf(score - top);
  int lane = threadIdx.x % LANES;
  m->total = m->total * shrink + p;
  m->top = top;
#pragma unroll
  for (int c = 0; c < CHUNKS; c++) {
    int j = (c * LANES + lane) * 4;
    if (j >= dh) break;
    float4 x = sk_load4(v, j, dh, aligned);
    m->sum[c][0] = m->sum[c][0] * shrink + p * x.x, m->sum[c][1] = m->sum[c][1] * shrink + p * x.y;
    m->sum[c][2] = m->sum[c][2] * shrink + p * x.z, m->sum[c][3] = m->sum[c][3] * shrink + p * x.w;
  }
}

/* What the groups of a warp have, together. */
template <int CHUNKS>
__device__ static __forceinline__ void join_groups(mean<CHUNKS> *m) {
  float top = m->top;
#pragma unroll
  for (int step = LANES; step < SK_WARP; step *= 2) top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, step));
  float shrink = m->top == -INFINITY ? 0.0f : expf(m->top - top);
  m->top = top;
  m->total *= shrink;
#pragma unroll
  for (int step = LANES; step < SK_WARP; step *= 2) m->total += __shfl_xor_sync(0xffffffffu, m->total, step);
#pragma unroll
  for (int c = 0; c < CHUNKS; c++)
#pragma unroll
    for (int k = 0; k < 4; k++) {
      m->sum[c][k] *= shrink;
#pragma unroll
      for (int step = LANES; step < SK_WARP; step *= 2)
        m->sum[c][k] += __shfl_xor_sync(0xffffffffu, m->sum[c][k], step);
    }
}

/* A warp's part of a pair, into dh + 2 words at `to`. */
FN void attend_part(const USER *s, int slot, const float *q, const float *kv, int h, int part, int parts, int keys,
                    float *to) {
  constexpr int CHUNKS = D ? (D + LANES * 4 - 1) / (LANES * 4) : MOST_DH / (LANES * 4);
  int d = WIDTH(s), dh = d / s->a->net.heads, lane = threadIdx.x % LANES, group = threadIdx.x % SK_WARP / LANES;
  bool aligned = dh % 4 == 0;
  float scale = rsqrtf((float)dh), query[CHUNKS][4];
  mean<CHUNKS> m;
#pragma unroll
  for (int c = 0; c < CHUNKS; c++) {
    float4 x = sk_load4(q, (c * LANES + lane) * 4, dh, aligned);
    query[c][0] = x.x, query[c][1] = x.y, query[c][2] = x.z, query[c][3] = x.w;
  }
  for (int first = part * IN_WARP; first < keys; first += parts * IN_WARP) {
    int key = first + group;
    bool read = key < keys && reads(*s->g, slot, key);
    const float *k = kv + min(key, keys - 1) * 2 * d + h * dh;
    float sum = 0.0f;
#pragma unroll
    for (int c = 0; c < CHUNKS; c++) {
      float4 x = sk_load4(k, (c * LANES + lane) * 4, dh, aligned);
      sum += x.x * query[c][0] + x.y * query[c][1] + x.z * query[c][2] + x.w * query[c][3];
    }
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (read) take_key(&m, scale * sum, k + d, dh, aligned);
  }
  join_groups(&m);
  if (group) return;
#pragma unroll
  for (int c = 0; c < CHUNKS; c++)
#pragma unroll
    for (int k = 0; k < 4; k++)
      if ((c * LANES + lane) * 4 + k < dh) to[2 + (c * LANES + lane) * 4 + k] = m.sum[c][k];
  if (lane == 0) to[0] = m.top, to[1] = m.total;
}

/* Queries s->q of slots first .. over the keys of their ranges, into s->attended. What has not gone in is never
 * read. */
FN void attend(const USER *s, int first, int slots, const float *kv) {
  int d = WIDTH(s), heads = s->a->net.heads, dh = d / heads, pairs = slots * heads, size = dh + 2;
  int warp = threadIdx.x / SK_WARP, parts = max(min(WARPS / pairs, (int)MOST_PARTS), 1);
  for (int i = warp; i < pairs * parts; i += WARPS) {
    int pair = i / parts, r = pair / heads, h = pair % heads;
    attend_part(s, first + r, s->q + r * d + h * dh, kv, h, i % parts, parts, first + slots, s->part + i * size);
  }
  __syncthreads();
  FOR(i, slots * d) {
    const float *part = s->part + (i / d * heads + i % d / dh) * parts * size;
    float top[MOST_PARTS], most = -INFINITY, total = 0.0f, sum = 0.0f;
#pragma unroll
    for (int k = 0; k < MOST_PARTS; k++) most = fmaxf(most, top[k] = k < parts ? part[k * size] : -INFINITY);
#pragma unroll
    for (int k = 0; k < MOST_PARTS; k++) {
      float shrink = top[k] == -INFINITY ? 0.0f : expf(top[k] - most);
      const float *mine = part + min(k, parts - 1) * size;
      total += shrink * mine[1], sum += shrink * mine[2 + i % dh];
    }
    s->attended[i] = sum / total;
  }
  __syncthreads();
}

#endif
