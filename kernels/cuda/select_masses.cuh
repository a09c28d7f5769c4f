/* The masses of select's candidates: what all probes read of each. Scores are products on tensor cores; factors are
 * split in two BF16, x = hi + lo, and three products give 16 bits of either. A thread reads the keys of its fragments
 * from memory itself, four numbers at a time: entries 2t, 2t + 1, 2t + 8, 2t + 9 of a product are numbers 4t .. 4t + 3
 * of a key and of a probe, as a sum does not ask for the order. Where a block's part fits one tile and the probes one
 * half, the scores of the first pass, over rows, are still there in the second, over columns. */
#ifndef SK_SELECT_MASSES_CUH
#define SK_SELECT_MASSES_CUH

#include "kernels/cuda/select_desk.cuh"

#ifdef SK_SELECT_CLUSTERS

/* Four numbers from `first` on of a row of dh, zero behind it; NULL: zeros. */
__device__ static inline float4 sk_select_four(const float *row, int first, int dh, bool aligned) {
  if (!row || first >= dh) return {};
  return sk_load4(row, first, dh, aligned);
}

/* Two BF16 each of high and low parts: x, y of the first two numbers. */
struct sk_select_split_four {
  uint2 hi, lo;
  __device__ explicit sk_select_split_four(const float4 &x) {
    hi = make_uint2(sk_tensor_pack(x.x, x.y), sk_tensor_pack(x.z, x.w));
    lo = make_uint2(sk_tensor_pack(x.x - sk_tensor_low(hi.x), x.y - sk_tensor_high(hi.x)),
                    sk_tensor_pack(x.z - sk_tensor_low(hi.y), x.w - sk_tensor_high(hi.y)));
  }
};

/* The rows of a full window's probes: sk_select_probe. */
__device__ static inline void sk_select_list_probes(const sk_select_args &a, const sk_select_cut &cut,
                                                    const sk_select_desk &d) {
  int length = a.rule.chunk, strided = sk_select_strided(&a.rule, length), probes = sk_select_probes(&a.rule, length);
  for (int t = threadIdx.x; t < cut.probes; t += SK_SELECT_THREADS)
    d.row[t] = t >= probes ? -1 : t < strided ? t * a.rule.stride : length - probes + t;
}

/* The probes of a window that begins with row `first`, scaled so that scores are in units of log 2, as fragments of A:
 * (tile of 16, step, hi or lo, lane, words 0 .. 3) of the numbers that the lane has of rows lane / 4 and 8 more. */
template <int D>
__device__ static inline void sk_select_load_probes(const sk_select_args &a, const sk_select_cut &cut,
                                                    const sk_select_desk &d, int head, int first) {
  const int FOURS = D / 4;
  const float scale = 1.4426950408889634f * rsqrtf((float)a.dh);
  const float *q = a.q + (int64_t)first * a.q_stride + head * a.dh;
#pragma unroll 2
  for (int i = threadIdx.x; i < cut.probes * FOURS; i += SK_SELECT_THREADS) {
    int t = i / FOURS, four = i % FOURS, lane = t % 8 * 4 + four % 4, row = d.row[t];
    float4 x = sk_select_four(row >= 0 ? q + (int64_t)row * a.q_stride : NULL, 4 * four, a.dh, cut.aligned);
    x.x *= scale, x.y *= scale, x.z *= scale, x.w *= scale;
    const sk_select_split_four s(x);
    unsigned *to = d.asked + (t / 16 * (D / 16) + four / 4) * 256 + lane * 4 + t / 8 % 2;
    to[0] = s.hi.x, to[2] = s.hi.y, to[128] = s.lo.x, to[130] = s.lo.y;
  }
}

/* Below every score. */
#define SK_SELECT_LEAST -1e30f

/* Top and sum of up to 16 parts, `stride` apart, by the eight lanes of a row together; one order. */
__device__ static inline float2 sk_select_join(const float2 *from, int count, int stride) {
  int i = threadIdx.x % 8;
  const float2 none = {SK_SELECT_LEAST, 0.0f}, x = i < count ? from[i * stride] : none,
               y = i + 8 < count ? from[(i + 8) * stride] : none;
  float top = fmaxf(x.x, y.x);
#pragma unroll
  for (int step = 1; step < 8; step *= 2) top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, step));
  float sum = x.y * sk_exp2(x.x - top) + y.y * sk_exp2(y.x - top);
#pragma unroll
  for (int step = 1; step < 8; step *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return make_float2(top, sum);
}

/* A warp has G groups of eight candidates at once. */
template <int D, int G>
struct sk_select_weigher {
  const sk_select_args &a;
  const sk_select_cut &cut;
  const sk_select_desk &d;
  const sk_select_work &at;
  int first, last; /* the block's candidates */

  static const int TILE = SK_SELECT_WARPS * 8 * G;

  /* Of 64 probes and the warp's candidates: tile row 16 m + lane / 4 + 8 (i / 2), column 8 g + 2 (lane % 4) + i % 2. */
  typedef float scores[4][G][4];

  __device__ static int warp() { return threadIdx.x / SK_WARP; }
  __device__ static int lane() { return threadIdx.x % SK_WARP; }
  __device__ static int row(int half, int m, int r) { return SK_SELECT_HALF * half + 16 * m + 8 * r + lane() / 4; }
  /* The first of a group; groups of a warp lie apart, so that all warps have about as many. */
  __device__ int group(int round, int g) const { return first + 8 * ((round * G + g) * SK_SELECT_WARPS + warp()); }
  __device__ int candidate(int round, int g) const { return group(round, g) + 2 * (lane() % 4); }

  __device__ bool is_there(int round, int g) const { return group(round, g) < last; }

  /* Products of the probes and K groups from g on. */
  template <int K>
  __device__ __forceinline__ void multiply(int round, int half, int g, scores &c) const {
    float4 key[K][D / 16];
#pragma unroll
    for (int k = 0; k < K; k++) {
      int place = group(round, g + k) + lane() / 4;
      const float *row = place < last ? a.k + (int64_t)d.rows[place] * a.kv_stride + at.head * a.dh : NULL;
#pragma unroll
      for (int step = 0; step < D / 16; step++)
        key[k][step] = sk_select_four(row, 16 * step + 4 * (lane() % 4), a.dh, cut.aligned);
#pragma unroll
      for (int i = 0; i < 16; i++) c[i / 4][g + k][i % 4] = 0.0f;
    }
    const uint4 *asked = (const uint4 *)d.asked + half * (4 * D / 16 * 64) + lane();
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
      uint2 high[K], low[K];
#pragma unroll
      for (int k = 0; k < K; k++) {
        const sk_select_split_four b(key[k][step]);
        high[k] = b.hi, low[k] = b.lo;
      }
#pragma unroll
      for (int pair = 0; pair < 4; pair += 2) {
        uint4 hi[2], lo[2];
#pragma unroll
        for (int m = 0; m < 2; m++) {
          const uint4 *from = asked + ((pair + m) * (D / 16) + step) * 64;
          hi[m] = from[0], lo[m] = from[32];
        }
#pragma unroll
        for (int i = 0; i < 6 * K; i++) { /* a group's two products follow those of the others */
          int product = i / (2 * K), k = i / 2 % K, m = i % 2;
          const uint4 &x = product == 0 ? lo[m] : hi[m];
          const uint2 &y = product == 1 ? low[k] : high[k];
          const unsigned factor[4] = {x.x, x.y, x.z, x.w};
          sk_tensor_multiply(c[pair + m][g + k], factor, y.x, y.y);
        }
      }
    }
  }

  /* Of the groups that are there; -INFINITY for what a probe does not see. What stands for no probe reads nothing: its
   * lse is INFINITY. */
  __device__ __forceinline__ void score(int round, int half, scores &c) const {
#pragma unroll
    for (int g = 0; g < G; g += 2)
      if (is_there(round, g + 1))
        multiply<2>(round, half, g, c);
      else if (is_there(round, g))
        multiply<1>(round, half, g, c);
#pragma unroll
    for (int g = 0; g < G; g++) {
      if (group(round, g) + 8 <= min(last, at.n - a.rule.chunk)) continue; /* before the chunk: all see them */
      if (!is_there(round, g)) continue;
#pragma unroll
      for (int i = 0; i < 8; i++) {
        int m = i / 2, r = i % 2, probe = d.row[row(half, m, r)];
        int sees = probe < 0 ? 0 : min(last, at.n - a.rule.chunk + probe + 1);
#pragma unroll
        for (int k = 0; k < 2; k++)
          if (candidate(round, g) + k >= sees) c[m][g][2 * r + k] = -INFINITY;
      }
    }
  }

  /* Top and sum of the warp's scores, joined with those before; scores become shares of the warp's top. */
  __device__ __forceinline__ void sum_rows(int round, int half, scores &c) const {
    float2 *tops = d.tops + warp() * cut.probes + row(half, 0, 0);
    float2 before[8];
    float top[8], sum[8] = {};
#pragma unroll
    for (int i = 0; i < 8; i++)
      before[i] = round ? tops[8 * i] : make_float2(SK_SELECT_LEAST, 0.0f), top[i] = before[i].x;
#pragma unroll
    for (int g = 0; g < G; g++)
      if (is_there(round, g))
#pragma unroll
        for (int i = 0; i < 16; i++) top[i / 2] = fmaxf(top[i / 2], c[i / 4][g][i % 4]);
#pragma unroll
    for (int i = 0; i < 8; i++) top[i] = sk_quad_max(top[i]);
#pragma unroll
    for (int g = 0; g < G; g++)
      if (is_there(round, g))
#pragma unroll
        for (int i = 0; i < 16; i++) sum[i / 2] += c[i / 4][g][i % 4] = sk_exp2(c[i / 4][g][i % 4] - top[i / 2]);
#pragma unroll
    for (int i = 0; i < 8; i++) {
      float all = sk_quad_sum(sum[i]);
      if (round) all += before[i].y * sk_exp2(before[i].x - top[i]);
      if (lane() % 4 == 0) tops[8 * i] = make_float2(top[i], all);
    }
    __syncwarp();
  }

  /* From tops and sums of all warps of all blocks of the head to lse, in units of log 2. */
  __device__ __forceinline__ void join_rows() const {
    const int AT_ONCE = SK_SELECT_THREADS / 8;
    __syncthreads();
#pragma unroll 1
    for (int t = threadIdx.x / 8; t < cut.probes; t += AT_ONCE) {
      const float2 mine = sk_select_join(d.tops + t, SK_SELECT_WARPS, cut.probes);
#pragma unroll 1
      for (int block = threadIdx.x % 8; block < cut.each; block += 8)
        sk_select_send(SK_SELECT_ROWS, d.parts + at.part * cut.probes + t, at.head * cut.each + block, mine.x, mine.y);
    }
    sk_select_await(SK_SELECT_ROWS, at.turn, cut.each * cut.probes * (int)sizeof(float2));
#pragma unroll 1
    for (int t = threadIdx.x / 8; t < cut.probes; t += AT_ONCE) {
      const float2 all = sk_select_join(d.parts + t, cut.each, cut.probes);
      if (threadIdx.x % 8 == 0) d.lse[t] = d.row[t] >= 0 ? all.x + __log2f(all.y) : INFINITY;
    }
    __syncthreads();
  }

  /* kept: scores are shares of the warp's top. */
  __device__ __forceinline__ void add_columns(int round, int half, bool kept, scores &c, float (&sum)[G][2]) const {
    float lse[8], factor[8];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      int probe = row(half, 0, 0) + 8 * i;
      lse[i] = d.lse[probe];
      factor[i] = kept ? sk_exp2(d.tops[warp() * cut.probes + probe].x - lse[i]) : 1.0f;
    }
#pragma unroll
    for (int g = 0; g < G; g++) {
      if (!is_there(round, g)) continue;
      if (!kept)
#pragma unroll
        for (int i = 0; i < 16; i++) c[i / 4][g][i % 4] = sk_exp2(c[i / 4][g][i % 4] - lse[i / 2]);
#pragma unroll
      for (int i = 0; i < 16; i++) sum[g][i % 2] += factor[i / 2] * c[i / 4][g][i % 4];
    }
  }

  /* Sums over probes of the warp's candidates, to every block of the head. A NaN counts nothing. */
  __device__ __forceinline__ void send_masses(int round, float (&sum)[G][2]) const {
#pragma unroll
    for (int g = 0; g < G; g++) {
      if (!is_there(round, g)) continue;
#pragma unroll
      for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int far = 4; far < SK_WARP; far *= 2) sum[g][i] += __shfl_xor_sync(0xffffffffu, sum[g][i], far);
        if (!(sum[g][i] >= 0.0f)) sum[g][i] = 0.0f;
      }
      int place = candidate(round, g);
#pragma unroll 1
      for (int block = lane() / 4; block < cut.each && place < last; block += 8)
        sk_select_send(SK_SELECT_MASSES, (float2 *)(d.mass + place), at.head * cut.each + block, sum[g][0], sum[g][1]);
    }
  }

  /* All of it but waiting for the masses. */
  __device__ void run() const {
    scores c;
    int rounds = max(1, (last - first + TILE - 1) / TILE), halves = cut.probes / SK_SELECT_HALF;
    bool kept = rounds == 1 && halves == 1;
#pragma unroll 1
    for (int pass = 0; pass < 2; pass++) {
#pragma unroll 1
      for (int round = 0; round < rounds; round++) {
        float sum[G][2] = {};
#pragma unroll 1
        for (int half = 0; half < halves; half++) {
          if (pass == 0 || !kept) score(round, half, c);
          if (pass == 0)
            sum_rows(round, half, c);
          else
            add_columns(round, half, kept, c, sum);
        }
        if (pass == 1) send_masses(round, sum);
      }
      if (pass == 0) join_rows();
    }
  }

  /* Bytes that masses of n candidates come in. */
  __device__ static int bytes_of(int n) {
    return (n + 1) / 2 * (int)sizeof(float2);
  }
};
#endif

#endif
