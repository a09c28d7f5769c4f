/* The dual-parameter generator's product on the tensor cores, of generate.
 *
 * w = clip(zi gi^T + bi) + zs gs^T + bs. A row of z, and a pair of tiles of g, is scaled by a power of two to just
 * under 2^14 and split into two FP16 numbers, x = hi + lo: hi hi + hi lo + lo hi has an error of about 2^-21, close to
 * FP32, at half the cost of three TF32 products. Sums are FP32 and scaled back.
 *
 * pack brings g into the workspace in the order of the registers of mma.m16n8k16, so that a block streams it through
 * shared memory as it stands; a warp keeps its rows of both z in registers and walks the columns. The 16 inputs of a
 * step are permuted alike on both sides: lane (g, t) = (lane / 4, lane % 4) holds inputs 4t .. 4t + 3 of its row or
 * column. The columns of a pair of tiles are permuted so that lane (g, t) ends up with columns 4t .. 4t + 3 of the 16.
 * An infinite z or g may give NaN where the sum would be infinite. */
#ifndef SK_DUAL_CUH
#define SK_DUAL_CUH

#include "kernels/cuda/cuda.cuh"
#include <cuda_fp16.h>
#include <cuda_pipeline.h>

enum {
  SK_DUAL_PAIR = 16, /* columns of a pair of tiles */
  SK_DUAL_STAGES = 3 /* chunks in shared memory */
};

struct sk_dual_args { /* arguments of both operations */
  int n, d, m;
  const float *zi, *gi, *bi, *zs, *gs, *bs; /* a branch that is absent is all NULL, and counts as zero */
  float clip;
};

/* 16 columns of both branches. */
template <int D>
struct __align__(16) sk_dual_pair {
  uint4 g[2][2][2][D / 32][SK_WARP]; /* branch; tile; hi, lo; two steps each */
  float b[2][SK_DUAL_PAIR], scale[2], unused[2];
};

/* The power of two that brings `most` to just under 2^14, and its inverse. */
__device__ static inline float sk_dual_factor(float most, float *inverse) {
  int exponent = max(__float_as_int(most) >> 23, 14);
  *inverse = __int_as_float((exponent - 13) << 23);
  return __int_as_float((267 - exponent) << 23);
}

/* The greatest absolute value, past infinities and NaN. */
__device__ static inline float sk_dual_most(float most, float4 x) {
  const float all[4] = {fabsf(x.x), fabsf(x.y), fabsf(x.z), fabsf(x.w)};
  for (int i = 0; i < 4; i++) most = all[i] < INFINITY ? fmaxf(most, all[i]) : most;
  return most;
}

__device__ static inline void sk_dual_split(float x, float y, unsigned *hi, unsigned *lo) {
  __half2 high = __floats2half2_rn(x, y);
  float2 there = __half22float2(high);
  __half2 low = __floats2half2_rn(x - there.x, y - there.y);
  *hi = *(unsigned *)&high;
  *lo = *(unsigned *)&low;
}

__device__ static inline void sk_dual_mma(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* clip, and add; a NaN passes. */
__device__ static inline float sk_dual_join(float wi, float clip, float ws) {
  asm("{.reg .f32 t; min.NaN.f32 t, %0, %1; max.NaN.f32 %0, t, %2;}" : "+f"(wi) : "f"(clip), "f"(-clip));
  return wi + ws;
}

/* Block (SK_WARP, 2): a warp packs a branch of pair blockIdx.x. */
template <int D>
__global__ static void sk_dual_pack(sk_dual_args a, bool aligned, sk_dual_pair<D> *pairs) {
  int lane = threadIdx.x, branch = threadIdx.y, first = blockIdx.x * SK_DUAL_PAIR;
  const float *from = branch ? a.gs : a.gi, *bias = branch ? a.bs : a.bi;
  sk_dual_pair<D> &to = pairs[blockIdx.x];
  float4 x[2][D / 16];
  float most = 0.0f, scale;
#pragma unroll
  for (int i = 0; i < D / 8; i++) {
    int tile = i / (D / 16), step = i % (D / 16), column = first + lane / 8 * 4 + 2 * tile + lane / 4 % 2;
    bool there = from && column < a.m;
    x[tile][step] = there ? sk_load4(from + (int64_t)column * a.d, 16 * step + lane % 4 * 4, a.d, aligned) : float4{};
    most = sk_dual_most(most, x[tile][step]);
  }
  float factor = sk_dual_factor(sk_warp_max(most), &scale);
#pragma unroll
  for (int i = 0; i < D / 16; i++) {
    int tile = i / (D / 32), half = i % (D / 32);
    float4 y = x[tile][2 * half], z = x[tile][2 * half + 1];
    uint4 hi, lo;
    sk_dual_split(y.x * factor, y.y * factor, &hi.x, &lo.x), sk_dual_split(y.z * factor, y.w * factor, &hi.y, &lo.y);
    sk_dual_split(z.x * factor, z.y * factor, &hi.z, &lo.z), sk_dual_split(z.z * factor, z.w * factor, &hi.w, &lo.w);
    to.g[branch][tile][0][half][lane] = hi;
    to.g[branch][tile][1][half][lane] = lo;
  }
  if (lane < SK_DUAL_PAIR) to.b[branch][lane] = from && first + lane < a.m ? bias[first + lane] : 0.0f;
  if (lane == 0) to.scale[branch] = scale;
}

/* 16 * TILES rows of z; scale: of rows 8k + g, NaN where one holds what is no finite number. */
template <int D, int TILES>
struct sk_dual_rows {
  unsigned hi[TILES][D / 16][4], lo[TILES][D / 16][4];
  float scale[2 * TILES];

  __device__ void load(const float *z, int row, int n, int d) {
    int lane = threadIdx.x % SK_WARP, t = lane % 4;
    bool aligned = d % 4 == 0 && (size_t)z % 16 == 0;
#pragma unroll
    for (int k = 0; k < 2 * TILES; k++) {
      int mine = row + lane / 4 + 8 * k;
      float4 x[D / 16];
      float most = 0.0f, spoiled = 0.0f;
#pragma unroll
      for (int s = 0; s < D / 16; s++) {
        x[s] = z && mine < n ? sk_load4(z + (int64_t)mine * d, 16 * s + 4 * t, d, aligned) : float4{};
        most = sk_dual_most(most, x[s]);
        spoiled += 0.0f * x[s].x + 0.0f * x[s].y + (0.0f * x[s].z + 0.0f * x[s].w);
      }
      for (int step = 1; step < 4; step *= 2) {
        most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, step));
        spoiled += __shfl_xor_sync(0xffffffffu, spoiled, step);
      }
      float factor = sk_dual_factor(most, &scale[k]);
      scale[k] += spoiled;
#pragma unroll
      for (int s = 0; s < D / 16; s++) {
        unsigned *high = &hi[k / 2][s][k % 2], *low = &lo[k / 2][s][k % 2];
        sk_dual_split(x[s].x * factor, x[s].y * factor, high, low);
        sk_dual_split(x[s].z * factor, x[s].w * factor, high + 2, low + 2);
      }
    }
  }
};

/* w, and the item branch before its clip, of a pair's 16 columns: element [k][c] is row 8k + g, column 4t + c. Small
 * terms are summed before great ones. */
template <int D, int TILES>
__device__ static inline void sk_dual_weights(float clip, const sk_dual_rows<D, TILES> (&z)[2],
                                              const sk_dual_pair<D> &pair, float (&w)[2 * TILES][4],
                                              float (&wi)[2 * TILES][4]) {
  int lane = threadIdx.x % SK_WARP, t = lane % 4;
#pragma unroll
  for (int tile = 0; tile < 2; tile++) {
    float sum[2][TILES][4] = {};
#pragma unroll
    for (int half = 0; half < D / 32; half++) {
      uint4 hi[2], lo[2];
#pragma unroll
      for (int k = 0; k < 2; k++) hi[k] = pair.g[k][tile][0][half][lane], lo[k] = pair.g[k][tile][1][half][lane];
#pragma unroll
      for (int i = 0; i < 2 * 3 * 2 * TILES; i++) {
        int rows = i % TILES, k = i / TILES % 2, step = i / TILES / 2 % 2, term = i / TILES / 4;
        const unsigned(&from)[4] = term == 0 ? z[k].lo[rows][2 * half + step] : z[k].hi[rows][2 * half + step];
        const uint4 &to = term == 1 ? lo[k] : hi[k];
        sk_dual_mma(sum[k][rows], from, step ? to.z : to.x, step ? to.w : to.y);
      }
    }
    const float2 bi = *(const float2 *)&pair.b[0][4 * t + 2 * tile], bs = *(const float2 *)&pair.b[1][4 * t + 2 * tile];
#pragma unroll
    for (int i = 0; i < 4 * TILES; i++) {
      int rows = i / 4, k = i / 2, c = 2 * tile + i % 2;
      float x = sum[0][rows][i % 4] * (z[0].scale[k] * pair.scale[0]) + (i % 2 ? bi.y : bi.x);
      float y = sum[1][rows][i % 4] * (z[1].scale[k] * pair.scale[1]) + (i % 2 ? bs.y : bs.x);
      wi[k][c] = x;
      w[k][c] = sk_dual_join(x, clip, y);
    }
  }
}

/* Neighbours of a row of w, which has m columns, at once where `aligned` says that they may be. */
__device__ static inline void sk_dual_write(int m, bool aligned, int column, const float (&x)[4], float *row) {
  if (column >= m) return;
  float *to = row + column;
  if (aligned) {
    *(float4 *)to = {x[0], x[1], x[2], x[3]};
    return;
  }
#pragma unroll
  for (int c = 0; c < 4; c++)
    if (column + c < m) to[c] = x[c];
}

/* The same as binary16, four or eight of them. */
template <int N>
__device__ static inline void sk_dual_write(int m, bool aligned, int column, const float (&x)[N], uint16_t *row) {
  if (column >= m) return;
  uint16_t *to = row + column;
  unsigned two[N / 2];
#pragma unroll
  for (int c = 0; c < N / 2; c++) two[c] = sk_halves(x[2 * c], x[2 * c + 1]);
  if (aligned) {
    if constexpr (N == 8)
      *(uint4 *)to = {two[0], two[1], two[2], two[3]};
    else
      *(uint2 *)to = {two[0], two[1]};
    return;
  }
#pragma unroll
  for (int c = 0; c < N; c++)
    if (column + c < m) to[c] = (uint16_t)(two[c / 2] >> c % 2 * 16);
}

/* Packed columns on their way into shared memory; all threads of the block, of which there are THREADS; MOST at
 * once. */
template <int THREADS, int MOST, typename PACKED>
__device__ static inline void sk_dual_fetch(PACKED *to, const PACKED *from, int count) {
  const int ALL = MOST * (int)sizeof *to / 16;
#pragma unroll
  for (int first = 0; first < ALL; first += THREADS) {
    int i = first + threadIdx.x;
    if (i < count * (int)sizeof *to / 16) __pipeline_memcpy_async((uint4 *)to + i, (const uint4 *)from + i, 16);
  }
  __pipeline_commit();
}

static inline int sk_dual_pairs(int m) {
  return (m + SK_DUAL_PAIR - 1) / SK_DUAL_PAIR;
}

/* g of both branches, packed at `to`. */
template <int D>
static void sk_dual_pack_all(sk_backend *be, const sk_dual_args *a, sk_dual_pair<D> *to) {
  static_assert(2 * sizeof *to <= SK_PACKED_SIZE(D) && 2 * SK_DUAL_PAIR == SK_PACKED_COLUMNS, "see kernels/generate.h");
  bool aligned = (!a->gi || sk_rows_aligned(a->gi, a->d)) && (!a->gs || sk_rows_aligned(a->gs, a->d));
  sk_dual_pack<D><<<sk_dual_pairs(a->m), dim3(SK_WARP, 2), 0, sk_cuda_stream(be)>>>(*a, aligned, to);
}

template <typename A>
static sk_dual_args sk_dual_of(const A *a, int m) {
  sk_dual_args dual = {a->n, a->d, m, a->zi, a->gi, a->bi, a->zs, a->gs, a->bs, a->clip};
  if (!a->zi) dual.gi = dual.bi = NULL;
  if (!a->zs) dual.gs = dual.bs = NULL;
  return dual;
}

#endif
