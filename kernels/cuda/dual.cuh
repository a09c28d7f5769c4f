/* The dual-parameter generator's product on the tensor cores, shared by generate and generate_apply.
 *
 * w = clip(zi gi^T + bi) + zs gs^T + bs. FP32 operands are split into a TF32 part and the rest: x = hi + lo;
 * z g = hi hi + hi lo + lo hi errs by some 2^-21, near to FP32 itself. A warp keeps its rows of both z in registers,
 * split, and walks the columns of w, whose rows of g the block brings into shared memory a chunk ahead. Inputs are
 * permuted alike on both sides so that lane (g, t) = (lane / 4, lane % 4) holds inputs 16 h + 4 t .. + 3 of its row or
 * column. An infinite z or g may give NaN where the sum would be infinite. */
#ifndef SK_DUAL_CUH
#define SK_DUAL_CUH

#include "kernels/cuda/cuda.cuh"
#include <cuda_pipeline.h>

enum {
  SK_DUAL_MAX_D = 64,
  SK_DUAL_WARPS = 8,
  SK_DUAL_THREADS = SK_DUAL_WARPS * (int)SK_WARP,
  SK_DUAL_TILE = 8,  /* columns of a product */
  SK_DUAL_CHUNK = 64 /* columns in shared memory */
};

struct sk_dual_args { /* what both operations have in common */
  int n, d, m;
  const float *zi, *gi, *bi, *zs, *gs, *bs; /* a branch that is absent is all NULL, and counts as zero */
  float clip;
  bool aligned; /* the rows of gi and gs, and d is all of D */
};

/* Columns first .. first + SK_DUAL_CHUNK of both branches; half h of column c stands at h ^ (c & 1), so that no two
 * lanes of a quarter of a warp meet in a bank. */
template <int D>
struct __align__(16) sk_dual_chunk {
  float g[2][SK_DUAL_CHUNK][D], b[2][SK_DUAL_CHUNK];

  __device__ void load(const sk_dual_args &a, int first) {
    const float *gs[2] = {a.gi, a.gs}, *bs[2] = {a.bi, a.bs};
#pragma unroll
    for (int k = 0; k < 2; k++) {
      bool there = gs[k] != NULL;
      for (int i = threadIdx.x; i < SK_DUAL_CHUNK * D / 4; i += SK_DUAL_THREADS) {
        int column = i / (D / 4), part = 4 * (i % (D / 4));
        float *to = &g[k][column][part ^ (column & 1) << 4];
        const float *from = there ? gs[k] + (int64_t)(first + column) * a.d : NULL;
        if (there && a.aligned && first + column < a.m)
          __pipeline_memcpy_async(to, from + part, 16);
        else
          *(float4 *)to = there && first + column < a.m ? sk_load4(from, part, a.d, false) : float4{};
      }
      for (int i = threadIdx.x; i < SK_DUAL_CHUNK; i += SK_DUAL_THREADS)
        b[k][i] = there && first + i < a.m ? bs[k][first + i] : 0.0f;
    }
    __pipeline_commit();
  }
};

__device__ static inline void sk_split(float x, unsigned *hi, unsigned *lo) {
  *hi = __float_as_uint(x) & 0xffffe000u;
  *lo = __float_as_uint(x - __uint_as_float(*hi));
}

__device__ static inline void sk_mma_tf32(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* 16 * TILES rows of z. */
template <int D, int TILES>
struct sk_dual_rows {
  unsigned hi[TILES][D / 8][4], lo[TILES][D / 8][4];

  __device__ void load(const float *z, int row, int n, int d) {
    int g = threadIdx.x % SK_WARP / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int k = 0; k < 2 * TILES; k++) {
      int mine = row + g + 8 * k, tile = k / 2, half = k % 2;
#pragma unroll
      for (int h = 0; h < D / 16; h++) {
        float4 x = z && mine < n ? sk_load4(z + (int64_t)mine * d, 16 * h + 4 * t, d, false) : float4{};
        sk_split(x.x, &hi[tile][2 * h][half], &lo[tile][2 * h][half]);
        sk_split(x.y, &hi[tile][2 * h][half + 2], &lo[tile][2 * h][half + 2]);
        sk_split(x.z, &hi[tile][2 * h + 1][half], &lo[tile][2 * h + 1][half]);
        sk_split(x.w, &hi[tile][2 * h + 1][half + 2], &lo[tile][2 * h + 1][half + 2]);
      }
    }
  }
};

/* w, and the item branch before its clip, of 8 columns of a chunk: elements 0, 1 of a tile are row g, columns 2t and
 * 2t + 1; 2, 3 are row g + 8. Every branch, tile of rows and kind of term has a sum of its own: that many products are
 * in flight at once, and small terms meet small ones. */
template <int D, int TILES>
__device__ static inline void sk_dual_weights(const sk_dual_args &a, const sk_dual_rows<D, TILES> (&z)[2],
                                              const sk_dual_chunk<D> &chunk, int column, float (&w)[TILES][4],
                                              float (&wi)[TILES][4]) {
  int mine = column + threadIdx.x % SK_WARP / 4, t = threadIdx.x % 4;
  float sum[3][2][TILES][4] = {};
#pragma unroll
  for (int h = 0; h < D / 16; h++) {
    unsigned hi[2][4], lo[2][4];
#pragma unroll
    for (int k = 0; k < 2; k++) {
      const float4 x = *(const float4 *)&chunk.g[k][mine][16 * (h ^ (mine & 1)) + 4 * t];
      sk_split(x.x, &hi[k][0], &lo[k][0]), sk_split(x.y, &hi[k][1], &lo[k][1]);
      sk_split(x.z, &hi[k][2], &lo[k][2]), sk_split(x.w, &hi[k][3], &lo[k][3]);
    }
#pragma unroll
    for (int i = 0; i < 2 * 3 * 2 * TILES; i++) {
      int tile = i % TILES, k = i / TILES % 2, term = i / TILES / 2 % 3, step = i / TILES / 6;
      const unsigned(&from)[4] = term == 1 ? z[k].lo[tile][2 * h + step] : z[k].hi[tile][2 * h + step];
      const unsigned *to = (term == 2 ? lo[k] : hi[k]) + 2 * step;
      sk_mma_tf32(sum[term][k][tile], from, to[0], to[1]);
    }
  }
  const float2 bi = *(const float2 *)&chunk.b[0][column + 2 * t], bs = *(const float2 *)&chunk.b[1][column + 2 * t];
#pragma unroll
  for (int i = 0; i < 4 * TILES; i++) {
    int tile = i / 4, k = i % 4;
    float x = sum[0][0][tile][k] + (sum[1][0][tile][k] + sum[2][0][tile][k]) + (k % 2 ? bi.y : bi.x);
    wi[tile][k] = x;
    w[tile][k] = sum[0][1][tile][k] + (sum[1][1][tile][k] + sum[2][1][tile][k]) + (k % 2 ? bs.y : bs.x);
    w[tile][k] += x > a.clip ? a.clip : x < -a.clip ? -a.clip : x; /* a NaN passes */
  }
}

/* How a block's warps share the work: `together` tiles of rows, each with SK_DUAL_WARPS / together warps that take
 * turns at the columns, so that a few rows too keep many warps busy. */
static inline int sk_dual_together(int n, int rows) {
  int tiles = (n + rows - 1) / rows, together = 1;
  while (together < SK_DUAL_WARPS && together * 132 < tiles) together *= 2;
  return together;
}

template <typename A>
static sk_dual_args sk_dual_of(const A *a, int m, int whole) {
  bool aligned = a->d == whole && (!a->zi || sk_rows_aligned(a->gi, a->d)) && (!a->zs || sk_rows_aligned(a->gs, a->d));
  sk_dual_args dual = {a->n, a->d, m, a->zi, a->gi, a->bi, a->zs, a->gs, a->bs, a->clip, aligned};
  if (!a->zi) dual.gi = dual.bi = NULL;
  if (!a->zs) dual.gs = dual.bs = NULL;
  return dual;
}

#endif
