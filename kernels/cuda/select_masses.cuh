/* The masses of select's candidates: what all probes read of each. Scores are products on tensor cores; factors are
 * split in two BF16, x = hi + lo, and three products give 16 bits of either. Where a block's part fits one tile and the
 * probes one half, the scores of the first pass, over rows, are still there in the second, over columns. */
#ifndef SK_SELECT_MASSES_CUH
#define SK_SELECT_MASSES_CUH

#include "kernels/cuda/select_desk.cuh"

/* Rows of FP32 in two tiles of BF16. */
template <int D>
struct sk_select_tile {
  sk_tensor_tile<D> hi, lo;
  __device__ sk_select_tile(unsigned base, int rows) : hi{base}, lo{base + (unsigned)(rows * D * 2)} {}

  /* Row `row` is what from(row) points to, NULL for zeros; dh numbers, then zeros. A thread's loads come before its
   * stores, so that they are under way together. */
  template <typename FROM>
  __device__ void load(int rows, int dh, bool aligned, FROM from) const {
    const int AT_ONCE = 4;
    for (int first = threadIdx.x; first < rows * (D / 8); first += AT_ONCE * SK_SELECT_THREADS) {
      float4 a[AT_ONCE], b[AT_ONCE];
#pragma unroll
      for (int u = 0; u < AT_ONCE; u++) {
        int i = first + u * SK_SELECT_THREADS, chunk = i % (D / 8);
        const float *x = i < rows * (D / 8) ? from(i / (D / 8)) : (const float *)NULL;
        a[u] = x ? sk_load4(x, 8 * chunk, dh, aligned) : float4{};
        b[u] = x ? sk_load4(x, 8 * chunk + 4, dh, aligned) : float4{};
      }
#pragma unroll
      for (int u = 0; u < AT_ONCE; u++) {
        int i = first + u * SK_SELECT_THREADS;
        if (i < rows * (D / 8)) split(i / (D / 8), i % (D / 8), a[u], b[u]);
      }
    }
  }

  __device__ void split(int row, int chunk, const float4 &a, const float4 &b) const {
    const float all[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
    unsigned high[4], low[4];
#pragma unroll
    for (int c = 0; c < 4; c++) {
      high[c] = sk_tensor_pack(all[2 * c], all[2 * c + 1]);
      low[c] = sk_tensor_pack(all[2 * c] - sk_tensor_low(high[c]), all[2 * c + 1] - sk_tensor_high(high[c]));
    }
    hi.store(row, chunk, high);
    lo.store(row, chunk, low);
  }
};

/* Scores of 64 probes and the warp's candidates: of tile row 16 m + lane / 4 + 8 (i / 2) and column
 * 8 g + 2 (lane % 4) + i % 2. */
typedef float sk_select_scores[4][4][4];

template <int D>
struct sk_select_weigher {
  const sk_select_args &a;
  const sk_select_cut &cut;
  const sk_select_desk &d;
  const sk_select_work &at;
  const int *seen; /* (probes) candidates that each sees */
  int first, last; /* the block's part */
  bool aligned;

  __device__ int warp() const { return (int)threadIdx.x / SK_WARP; }
  __device__ int lane() const { return (int)threadIdx.x % SK_WARP; }
  __device__ int row(int half, int m, int r) const { return SK_SELECT_HALF * half + 16 * m + 8 * r + lane() / 4; }
  __device__ int candidate(int round, int g) const {
    return first + round * cut.tile() + 8 * (warp() * cut.groups + g);
  }

  __device__ void load_probes() const {
    sk_select_tile<D>(d.asked, cut.probes).load(cut.probes, a.dh, aligned, [&](int t) {
      int64_t from = a.q_offsets[at.w] + sk_select_probe(&a.rule, at.length, t);
      return t < at.probes ? a.q + from * a.q_stride + at.head * a.dh : (const float *)NULL;
    });
  }

  __device__ void load_keys(int round) const {
    sk_select_tile<D>(d.keys, cut.tile()).load(cut.tile(), a.dh, aligned, [&](int j) {
      int place = first + round * cut.tile() + j;
      return place < last ? a.k + (int64_t)d.rows[place] * a.kv_stride + at.head * a.dh : (const float *)NULL;
    });
  }

  /* In units of log 2; -INFINITY for what a probe does not see. */
  __device__ __forceinline__ void score(int round, int half, sk_select_scores &c) const {
    const sk_select_tile<D> asked(d.asked, cut.probes), keys(d.keys, cut.tile());
    const float scale = 1.4426950408889634f * rsqrtf((float)a.dh);
    int from = 8 * warp() * cut.groups;
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int g = 0; g < 4; g++)
#pragma unroll
        for (int i = 0; i < 4; i++) c[m][g][i] = 0.0f;
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
      unsigned b[2][4], small[2][4];
#pragma unroll
      for (int pair = 0; pair < 2; pair++) { /* a single group takes eight rows of the next warp's with it */
        int row = 2 * pair < cut.groups ? from + 16 * pair : from;
        keys.hi.columns(row, step, b[pair]);
        keys.lo.columns(row, step, small[pair]);
      }
#pragma unroll
      for (int m = 0; m < 4; m++) {
        unsigned hi[4], lo[4];
        asked.hi.rows(SK_SELECT_HALF * half + 16 * m, step, hi);
        asked.lo.rows(SK_SELECT_HALF * half + 16 * m, step, lo);
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
          if (2 * pair >= cut.groups) continue;
#pragma unroll
          for (int k = 0; k < 2; k++) {
            sk_tensor_multiply(c[m][2 * pair + k], lo, b[pair][2 * k], b[pair][2 * k + 1]);
            sk_tensor_multiply(c[m][2 * pair + k], hi, small[pair][2 * k], small[pair][2 * k + 1]);
            sk_tensor_multiply(c[m][2 * pair + k], hi, b[pair][2 * k], b[pair][2 * k + 1]);
          }
        }
      }
    }
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        int sees = min(last, seen[row(half, m, r)]);
#pragma unroll
        for (int g = 0; g < 4; g++)
#pragma unroll
          for (int i = 0; i < 2; i++) {
            int place = candidate(round, g) + 2 * (lane() % 4) + i;
            c[m][g][2 * r + i] = g < cut.groups && place < sees ? c[m][g][2 * r + i] * scale : -INFINITY;
          }
      }
  }

  /* Top and sum of the warp's scores, joined with those before; scores become shares of the warp's top. */
  __device__ __forceinline__ void sum_rows(int half, sk_select_scores &c) const {
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float2 *to = d.tops + warp() * cut.probes + row(half, m, r);
        const float2 before = *to;
        float top = before.x, sum = 0.0f;
#pragma unroll
        for (int g = 0; g < 4; g++) top = fmaxf(top, fmaxf(c[m][g][2 * r], c[m][g][2 * r + 1]));
        top = sk_quad_max(top);
        float base = top == -INFINITY ? 0.0f : top;
#pragma unroll
        for (int g = 0; g < 4; g++)
#pragma unroll
          for (int i = 0; i < 2; i++) sum += c[m][g][2 * r + i] = sk_exp2(c[m][g][2 * r + i] - base);
        sum = sk_quad_sum(sum) + before.y * sk_exp2(before.x - base);
        if (lane() % 4 == 0) *to = make_float2(top, sum);
      }
    __syncwarp();
  }

  /* The sum of tops and sums, `stride` apart; one order. */
  __device__ float2 join(const float2 *from, int count, int stride) const {
    float top = -INFINITY, sum = 0.0f;
    for (int i = 0; i < count; i++) top = fmaxf(top, from[i * stride].x);
    float base = top == -INFINITY ? 0.0f : top;
    for (int i = 0; i < count; i++) sum += from[i * stride].y * sk_exp2(from[i * stride].x - base);
    return make_float2(top, sum);
  }

  /* Shares of all probes of the warp's candidates, to every block of the head. */
  __device__ __forceinline__ void write(int round, float (&sum)[4][2]) const {
#pragma unroll
    for (int g = 0; g < 4; g++)
#pragma unroll
      for (int i = 0; i < 2; i++)
        for (int far = 4; far < SK_WARP; far *= 2) sum[g][i] += __shfl_xor_sync(0xffffffffu, sum[g][i], far);
    for (int block = lane() / 4; block < cut.each; block += 8) {
      float *there = sk_select_there(d.mass, at.head * cut.each + block);
#pragma unroll
      for (int g = 0; g < 4; g++)
#pragma unroll
        for (int i = 0; i < 2; i++) {
          int place = candidate(round, g) + 2 * (lane() % 4) + i;
          float mass = sum[g][i];
          if (g < cut.groups && place < last) there[place] = mass >= 0.0f ? mass : 0.0f; /* a NaN counts nothing */
        }
    }
  }

  /* All of it; meets the cluster twice. lse: (probes) of shared memory. */
  __device__ void run(float *lse) const {
    sk_select_scores c;
    int rounds = (last - first + cut.tile() - 1) / cut.tile(), halves = cut.probes / SK_SELECT_HALF;
    bool kept = rounds <= 1 && halves == 1;
    load_probes();
    for (int i = threadIdx.x; i < SK_SELECT_WARPS * cut.probes; i += SK_SELECT_THREADS)
      d.tops[i] = make_float2(-INFINITY, 0.0f);
    for (int round = 0; round < rounds; round++) {
      if (round) __syncthreads();
      load_keys(round);
      __syncthreads();
      for (int half = 0; half < halves; half++) {
        score(round, half, c);
        sum_rows(half, c);
      }
    }
    __syncthreads();
    int t = threadIdx.x;
    if (t < cut.probes) {
      const float2 mine = join(d.tops + t, SK_SELECT_WARPS, cut.probes);
      for (int block = 0; block < cut.each; block++)
        sk_select_there(d.parts, at.head * cut.each + block)[at.part * cut.probes + t] = mine;
    }
    sk_select_meet();
    if (t < cut.probes) {
      const float2 all = join(d.parts + t, cut.each, cut.probes);
      lse[t] = all.x == -INFINITY ? INFINITY : all.x + log2f(all.y);
    }
    __syncthreads();
    for (int round = 0; round < rounds; round++) {
      float sum[4][2] = {};
      if (rounds > 1) {
        __syncthreads();
        load_keys(round);
        __syncthreads();
      }
      for (int half = 0; half < halves; half++) {
        if (!kept) score(round, half, c);
        add_columns(half, kept, lse, c, sum);
      }
      write(round, sum);
    }
    sk_select_meet();
  }

  __device__ __forceinline__ void add_columns(int half, bool kept, const float *lse, const sk_select_scores &c,
                                              float (&sum)[4][2]) const {
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        int probe = row(half, m, r);
        float from = lse[probe], factor = kept ? sk_exp2(d.tops[warp() * cut.probes + probe].x - from) : 1.0f;
#pragma unroll
        for (int g = 0; g < 4; g++)
#pragma unroll
          for (int i = 0; i < 2; i++) {
            float x = c[m][g][2 * r + i];
            sum[g][i] += factor * (kept ? x : sk_exp2(x - from));
          }
      }
  }
};

#endif
