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

/* The probes of window w, scaled so that scores are in units of log 2, as fragments of A: (tile of 16, step, hi or lo,
 * lane, row / 8) of the numbers that the lane has of that row. unseen: of the newest candidates. `most` in all. */
template <int D>
__device__ static __noinline__ void sk_select_load_probes(const sk_select_args &a, bool aligned, int head, int w,
                                                          int most, uint2 *asked, int32_t *unseen) {
  const int FOURS = D / 4;
  const float scale = 1.4426950408889634f * rsqrtf((float)a.dh);
  int first = a.q_offsets[w], length = a.q_offsets[w + 1] - first;
  int strided = sk_select_strided(&a.rule, length), probes = strided + min(length, a.rule.recent);
  const float *q = a.q + (int64_t)first * a.q_stride + head * a.dh;
  for (int i = threadIdx.x; i < most * FOURS; i += SK_SELECT_THREADS) {
    int t = i / FOURS, four = i % FOURS, lane = t % 8 * 4 + four % 4;
    int row = t < strided ? t * a.rule.stride : length - probes + t; /* sk_select_probe */
    float4 x = sk_select_four(t < probes ? q + (int64_t)row * a.q_stride : NULL, 4 * four, a.dh, aligned);
    x.x *= scale, x.y *= scale, x.z *= scale, x.w *= scale;
    const sk_select_split_four s(x);
    uint2 *to = asked + (t / 16 * (D / 16) + four / 4) * 128 + lane * 2 + t / 8 % 2;
    to[0] = s.hi, to[64] = s.lo;
    if (four == 0) unseen[t] = t < probes ? length - 1 - row : INT_MAX;
  }
}

/* Top and sum of up to 16 parts, `stride` apart, by the eight lanes of a row together; one order. */
__device__ static inline float2 sk_select_join(const float2 *from, int count, int stride) {
  int i = threadIdx.x % 8;
  const float2 none = {-INFINITY, 0.0f}, x = i < count ? from[i * stride] : none,
               y = i + 8 < count ? from[(i + 8) * stride] : none;
  float top = fmaxf(x.x, y.x);
#pragma unroll
  for (int step = 1; step < 8; step *= 2) top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, step));
  float base = top == -INFINITY ? 0.0f : top, sum = x.y * sk_exp2(x.x - base) + y.y * sk_exp2(y.x - base);
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

  /* Adds the products of two groups. */
  __device__ __forceinline__ void multiply(int round, int half, int g, scores &c) const {
    float4 key[2][D / 16];
    bool both = group(round, g + 1) < last;
#pragma unroll
    for (int k = 0; k < 2; k++) {
      int place = group(round, g + k) + lane() / 4;
      const float *row = place < last ? a.k + (int64_t)d.rows[place] * a.kv_stride + at.head * a.dh : NULL;
#pragma unroll
      for (int step = 0; step < D / 16; step++)
        key[k][step] = sk_select_four(row, 16 * step + 4 * (lane() % 4), a.dh, cut.aligned);
    }
    const uint4 *asked = (const uint4 *)d.asked + half * (4 * D / 16 * 64) + lane();
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
      const sk_select_split_four b[2] = {sk_select_split_four(key[0][step]), sk_select_split_four(key[1][step])};
#pragma unroll
      for (int pair = 0; pair < 4; pair += 2) {
        uint4 hi[2], lo[2];
#pragma unroll
        for (int m = 0; m < 2; m++) {
          const uint4 *from = asked + ((pair + m) * (D / 16) + step) * 64;
          hi[m] = from[0], lo[m] = from[32];
        }
#pragma unroll
        for (int k = 0; k < 2; k++) {
          if (k && !both) continue;
#pragma unroll
          for (int product = 0; product < 3; product++)
#pragma unroll
            for (int m = 0; m < 2; m++) {
              const uint4 &x = product == 0 ? lo[m] : hi[m];
              const uint2 &y = product == 1 ? b[k].lo : b[k].hi;
              const unsigned factor[4] = {x.x, x.z, x.y, x.w};
              sk_tensor_multiply(c[pair + m][g + k], factor, y.x, y.y);
            }
        }
      }
    }
  }

  /* -INFINITY for what a probe does not see. What stands for no probe reads nothing: its lse is INFINITY. */
  __device__ __forceinline__ void score(int round, int half, scores &c) const {
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int g = 0; g < G; g++)
#pragma unroll
        for (int i = 0; i < 4; i++) c[m][g][i] = 0.0f;
#pragma unroll
    for (int g = 0; g < G; g += 2)
      if (group(round, g) < last) multiply(round, half, g, c);
#pragma unroll
    for (int g = 0; g < G; g++) {
      if (group(round, g) + 8 <= min(last, at.n - at.length)) continue; /* before the chunk: all see them */
#pragma unroll
      for (int m = 0; m < 4; m++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          int sees = min(last, at.n - d.unseen[row(half, m, r)]);
#pragma unroll
          for (int i = 0; i < 2; i++)
            if (candidate(round, g) + i >= sees) c[m][g][2 * r + i] = -INFINITY;
        }
    }
  }

  /* Top and sum of the warp's scores, joined with those before; scores become shares of the warp's top. */
  __device__ __forceinline__ void sum_rows(int round, int half, scores &c) const {
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float2 *to = d.tops + warp() * cut.probes + row(half, m, r);
        const float2 before = round ? *to : make_float2(-INFINITY, 0.0f);
        float top = before.x, sum = 0.0f;
#pragma unroll
        for (int g = 0; g < G; g++) top = fmaxf(top, fmaxf(c[m][g][2 * r], c[m][g][2 * r + 1]));
        top = sk_quad_max(top);
        float base = top == -INFINITY ? 0.0f : top;
#pragma unroll
        for (int g = 0; g < G; g++)
#pragma unroll
          for (int i = 0; i < 2; i++) sum += c[m][g][2 * r + i] = sk_exp2(c[m][g][2 * r + i] - base);
        sum = sk_quad_sum(sum) + before.y * sk_exp2(before.x - base);
        if (lane() % 4 == 0) *to = make_float2(top, sum);
      }
    __syncwarp();
  }

  /* From tops and sums of all warps of all blocks of the head to lse, in units of log 2. */
  __device__ __forceinline__ void join_rows() const {
    const int AT_ONCE = SK_SELECT_THREADS / 8;
    __syncthreads();
    for (int t = threadIdx.x / 8; t < cut.probes; t += AT_ONCE) {
      const float2 mine = sk_select_join(d.tops + t, SK_SELECT_WARPS, cut.probes);
      for (int block = threadIdx.x % 8; block < cut.each; block += 8)
        sk_select_send(SK_SELECT_ROWS, d.parts + at.part * cut.probes + t, at.head * cut.each + block, mine.x, mine.y);
    }
    sk_select_await(SK_SELECT_ROWS, at.turn, cut.each * cut.probes * (int)sizeof(float2));
    for (int t = threadIdx.x / 8; t < cut.probes; t += AT_ONCE) {
      const float2 all = sk_select_join(d.parts + t, cut.each, cut.probes);
      if (threadIdx.x % 8 == 0) d.lse[t] = t < at.probes ? all.x + __log2f(all.y) : INFINITY;
    }
    __syncthreads();
  }

  /* kept: scores are shares of the warp's top. */
  __device__ __forceinline__ void add_columns(int half, bool kept, const scores &c, float (&sum)[G][2]) const {
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        int probe = row(half, m, r);
        float from = d.lse[probe], factor = kept ? sk_exp2(d.tops[warp() * cut.probes + probe].x - from) : 1.0f;
#pragma unroll
        for (int g = 0; g < G; g++)
#pragma unroll
          for (int i = 0; i < 2; i++) {
            float x = c[m][g][2 * r + i];
            sum[g][i] += factor * (kept ? x : sk_exp2(x - from));
          }
      }
  }

  /* Sums over probes of the warp's candidates, to every block of the head. A NaN counts nothing. */
  __device__ __forceinline__ void send_masses(int round, float (&sum)[G][2]) const {
#pragma unroll
    for (int g = 0; g < G; g++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        for (int far = 4; far < SK_WARP; far *= 2) sum[g][i] += __shfl_xor_sync(0xffffffffu, sum[g][i], far);
        if (!(sum[g][i] >= 0.0f)) sum[g][i] = 0.0f;
      }
      int place = candidate(round, g);
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
            add_columns(half, kept, c, sum);
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
