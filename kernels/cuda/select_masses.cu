/* The masses of select's candidates: what all probes read of each. Scores are products on tensor cores, twice, for the
 * sums of rows and for those of columns, so that none is stored. Factors are split in two BF16, x = hi + lo, and three
 * products give 16 bits of either. */
#include "kernels/cuda/attend_tensor.cuh"
#include "kernels/cuda/select.cuh"

constexpr int WARPS = 4, THREADS = WARPS * SK_WARP, TILE = SK_SELECT_TILE, BLOCKS_N = TILE / 8;

/* Rows of FP32 in two tiles of BF16. */
template <int D>
struct split_tile {
  sk_tensor_tile<D> hi, lo;

  /* Row `row` is what from(row) points to, NULL for zeros; dh numbers, then zeros. */
  template <typename FROM>
  __device__ void load(int rows, int dh, bool aligned, FROM from) const {
    for (int i = threadIdx.x; i < rows * (D / 8); i += THREADS) {
      int row = i / (D / 8), chunk = i % (D / 8);
      const float *x = from(row);
      float4 a = x ? sk_load4(x, 8 * chunk, dh, aligned) : float4{},
             b = x ? sk_load4(x, 8 * chunk + 4, dh, aligned) : float4{};
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
  }
};

/* A block has all probes and two tiles of candidates. */
template <int D, int TILES>
struct shape {
  static const int PROBES = WARPS * 16 * TILES;
  static const int BYTES = 2 * (PROBES + 2 * TILE) * D * 2;
};

/* A thread's state of its rows, 2 of every tile: how many candidates the probe sees. */
template <int TILES>
struct probe_rows {
  int seen[TILES][2];
  __device__ probe_rows(const sk_select_args &a, const sk_select_work &at, int probes) {
    int row = (int)threadIdx.x / SK_WARP * 16 * TILES + (int)threadIdx.x % SK_WARP / 4;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++)
#pragma unroll
      for (int r = 0; r < 2; r++, row += 8)
        seen[tile][r] = row < probes ? at.n - (at.length - 1 - sk_select_probe(&a.rule, at.length, row)) : 0;
  }
};

template <int D, int TILES>
__device__ static __forceinline__ void load_tiles(const sk_select_args &a, const sk_select_work &at, int first,
                                                  int probes, const split_tile<D> &asked, const split_tile<D> &keys) {
  bool aligned = (a.q_stride | a.kv_stride | a.dh) % 4 == 0 && ((uintptr_t)a.q | (uintptr_t)a.k) % 16 == 0;
  asked.load(shape<D, TILES>::PROBES, a.dh, aligned, [&](int t) {
    int64_t row = a.q_offsets[at.w] + sk_select_probe(&a.rule, at.length, t);
    return t < probes ? a.q + row * a.q_stride + at.head * a.dh : (const float *)NULL;
  });
  keys.load(2 * TILE, a.dh, aligned, [&](int j) {
    return first + j < at.n ? a.k + (int64_t)at.rows[first + j] * a.kv_stride + at.head * a.dh : (const float *)NULL;
  });
  __syncthreads();
}

/* Scores of the warp's probes and candidates first .. first + 63, which are rows `from` .. of the tile, in units of
 * log 2; -INFINITY for what a probe does not see. */
template <int D, int TILES>
__device__ static __forceinline__ void scores(const probe_rows<TILES> &mine, const split_tile<D> &asked,
                                              const split_tile<D> &keys, int from, int first, float scale,
                                              float (&c)[TILES][BLOCKS_N][4]) {
  int row = (int)threadIdx.x / SK_WARP * 16 * TILES;
#pragma unroll
  for (int step = 0; step < D / 16; step++) {
    unsigned hi[TILES][4], lo[TILES][4];
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
      asked.hi.rows(row + 16 * tile, step, hi[tile]);
      asked.lo.rows(row + 16 * tile, step, lo[tile]);
    }
#pragma unroll
    for (int n = 0; n < BLOCKS_N; n += 2) {
      unsigned b[4], small[4];
      keys.hi.columns(from + 8 * n, step, b);
      keys.lo.columns(from + 8 * n, step, small);
#pragma unroll
      for (int tile = 0; tile < TILES; tile++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
          sk_tensor_multiply(c[tile][n + half], lo[tile], b[2 * half], b[2 * half + 1]);
          sk_tensor_multiply(c[tile][n + half], hi[tile], small[2 * half], small[2 * half + 1]);
          sk_tensor_multiply(c[tile][n + half], hi[tile], b[2 * half], b[2 * half + 1]);
        }
    }
  }
#pragma unroll
  for (int tile = 0; tile < TILES; tile++)
#pragma unroll
    for (int n = 0; n < BLOCKS_N; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int candidate = first + 8 * n + 2 * (threadIdx.x % 4) + i % 2;
        c[tile][n][i] = candidate < mine.seen[tile][i / 2] ? c[tile][n][i] * scale : -INFINITY;
      }
}

template <int D, int TILES>
__device__ static __forceinline__ split_tile<D> tiles_at(unsigned char *memory, int rows_before, int rows) {
  unsigned base = (unsigned)__cvta_generic_to_shared(memory) + 2 * rows_before * D * 2;
  return {{base}, {base + rows * D * 2}};
}

/* Top and sum of every probe's scores of two tiles. */
template <int D, int TILES>
__global__ static void __launch_bounds__(THREADS) sum_rows(sk_select_args a, sk_select_desk d, int step, int probes) {
  extern __shared__ __align__(128) unsigned char memory[];
  const int PROBES = shape<D, TILES>::PROBES;
  const sk_select_work at(a, blockIdx.x / d.pairs, step);
  int first = blockIdx.x % d.pairs * 2 * TILE;
  if (at.w < 0 || first >= at.n) return;
  const split_tile<D> asked = tiles_at<D, TILES>(memory, 0, PROBES),
                      keys = tiles_at<D, TILES>(memory, PROBES, 2 * TILE);
  load_tiles<D, TILES>(a, at, first, probes, asked, keys);
  const probe_rows<TILES> mine(a, at, probes);
  float scale = 1.4426950408889634f * rsqrtf((float)a.dh);
  for (int half = 0; half < 2 && first + half * TILE < at.n; half++) {
    float c[TILES][BLOCKS_N][4] = {};
    scores<D, TILES>(mine, asked, keys, half * TILE, first + half * TILE, scale, c);
    float2 *to = d.parts + ((int64_t)at.list * d.tiles + first / TILE + half) * SK_SELECT_PROBES;
    int row = (int)threadIdx.x / SK_WARP * 16 * TILES + (int)threadIdx.x % SK_WARP / 4;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++)
#pragma unroll
      for (int r = 0; r < 2; r++, row += 8) {
        float top = -INFINITY, sum = 0.0f;
#pragma unroll
        for (int n = 0; n < BLOCKS_N; n++) top = fmaxf(top, fmaxf(c[tile][n][2 * r], c[tile][n][2 * r + 1]));
        top = sk_quad_max(top);
        float base = top == -INFINITY ? 0.0f : top;
#pragma unroll
        for (int n = 0; n < BLOCKS_N; n++)
          sum += sk_exp2(c[tile][n][2 * r] - base) + sk_exp2(c[tile][n][2 * r + 1] - base);
        sum = sk_quad_sum(sum);
        if (threadIdx.x % 4 == 0) to[row] = make_float2(top, sum);
      }
  }
}

/* The mass of two tiles of candidates: their shares of all probes, in one order. */
template <int D, int TILES>
__global__ static void __launch_bounds__(THREADS)
    sum_columns(sk_select_args a, sk_select_desk d, int step, int probes) {
  extern __shared__ __align__(128) unsigned char memory[];
  __shared__ float lse[SK_SELECT_PROBES], sums[WARPS][TILE];
  const int PROBES = shape<D, TILES>::PROBES;
  const sk_select_work at(a, blockIdx.x / d.pairs, step);
  int first = blockIdx.x % d.pairs * 2 * TILE, lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP;
  if (at.w < 0 || first >= at.n) return;
  if ((int)threadIdx.x < PROBES) {
    const float2 *parts = d.parts + (int64_t)at.list * d.tiles * SK_SELECT_PROBES + threadIdx.x;
    float top = -INFINITY, sum = 0.0f;
    int tiles = (at.n + TILE - 1) / TILE;
    for (int i = 0; i < tiles; i++) { /* online: every part is read once */
      const float2 part = parts[i * SK_SELECT_PROBES];
      float more = fmaxf(top, part.x), base = more == -INFINITY ? 0.0f : more;
      sum = sum * sk_exp2(top - base) + part.y * sk_exp2(part.x - base);
      top = more;
    }
    lse[threadIdx.x] = top == -INFINITY ? INFINITY : top + log2f(sum);
  }
  const split_tile<D> asked = tiles_at<D, TILES>(memory, 0, PROBES),
                      keys = tiles_at<D, TILES>(memory, PROBES, 2 * TILE);
  load_tiles<D, TILES>(a, at, first, probes, asked, keys);
  const probe_rows<TILES> mine(a, at, probes);
  float scale = 1.4426950408889634f * rsqrtf((float)a.dh);
  for (int half = 0; half < 2 && first + half * TILE < at.n; half++) {
    float c[TILES][BLOCKS_N][4] = {};
    scores<D, TILES>(mine, asked, keys, half * TILE, first + half * TILE, scale, c);
#pragma unroll
    for (int n = 0; n < BLOCKS_N; n++)
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float sum = 0.0f;
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
#pragma unroll
          for (int r = 0; r < 2; r++)
            sum += sk_exp2(c[tile][n][2 * r + i] - lse[(warp * TILES + tile) * 16 + 8 * r + lane / 4]);
        for (int far = 4; far < SK_WARP; far *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, far);
        if (lane < 4) sums[warp][8 * n + 2 * lane + i] = sum;
      }
    __syncthreads();
    int j = threadIdx.x, candidate = first + half * TILE + j;
    if (j < TILE && candidate < at.n) {
      float mass = sums[0][j] + sums[1][j] + sums[2][j] + sums[3][j];
      d.mass[(int64_t)at.list * d.room + candidate] = mass >= 0.0f ? mass : 0.0f; /* a NaN counts nothing */
    }
    __syncthreads();
  }
}

template <int D, int TILES>
static solid_status run(sk_backend *be, const sk_select_args *a, const sk_select_desk *d, int step, int probes) {
  const int BYTES = shape<D, TILES>::BYTES;
  unsigned blocks = (unsigned)(a->histories * a->heads) * (unsigned)d->pairs;
  solid_status status = sk_tensor_open(be, sum_rows<D, TILES>, BYTES);
  if (status == SOLID_OK) status = sk_tensor_open(be, sum_columns<D, TILES>, BYTES);
  if (status != SOLID_OK) return status;
  sum_rows<D, TILES><<<blocks, THREADS, BYTES, sk_cuda_stream(be)>>>(*a, *d, step, probes);
  sum_columns<D, TILES><<<blocks, THREADS, BYTES, sk_cuda_stream(be)>>>(*a, *d, step, probes);
  return SOLID_OK;
}

template <int D>
static solid_status choose(sk_backend *be, const sk_select_args *a, const sk_select_desk *d, int step, int probes) {
  return probes <= shape<D, 1>::PROBES ? run<D, 1>(be, a, d, step, probes) : run<D, 2>(be, a, d, step, probes);
}

solid_status sk_cuda_select_masses(sk_backend *be, const sk_select_args *a, const sk_select_desk *d, int step) {
  int probes = sk_select_probes(&a->rule, a->rule.chunk);
  if (a->dh <= 16) return choose<16>(be, a, d, step, probes);
  if (a->dh <= 32) return choose<32>(be, a, d, step, probes);
  if (a->dh <= 64) return choose<64>(be, a, d, step, probes);
  return choose<128>(be, a, d, step, probes);
}
