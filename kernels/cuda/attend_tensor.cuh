/* Products of BF16 on tensor cores (mma m16n8k16, FP32 sums), tiles in shared memory, for attention over entries.
 *
 * Fragments, as PTX names them, for lane 4g + t: A (16, 16) holds rows g, g + 8 and columns 2t, 2t + 1, 2t + 8, 2t + 9;
 * B (16, 8) rows 2t, 2t + 1, 2t + 8, 2t + 9 of column g; C (16, 8) rows g, g + 8, columns 2t, 2t + 1. So two
 * neighbouring C are the A of a product whose rows are the same.
 *
 * A tile has rows of D numbers, in chunks of eight, 16 bytes; a row's chunks are permuted so that the same chunk of
 * eight rows that follow one another lies in eight different banks. */
#ifndef SK_ATTEND_TENSOR_CUH
#define SK_ATTEND_TENSOR_CUH

#include "kernels/cuda/attend.cuh"
#include <cuda_bf16.h>

typedef __nv_bfloat16 sk_bf16;

template <int D>
struct sk_tensor_tile {
  static const int CHUNKS = D / 8;
  unsigned base; /* shared address */

  __device__ unsigned at(int row, int chunk) const {
    int turn = CHUNKS >= 8 ? row & 7 : row / (8 / CHUNKS) & (CHUNKS - 1);
    return base + (unsigned)(row * CHUNKS + (chunk ^ turn)) * 16;
  }

  /* Rows first .. first + ROWS - 1 of `from`, zero from `end` on; comes with the next sk_tensor_commit. */
  template <int ROWS, int THREADS>
  __device__ void load(const sk_bf16 *from, int first, int end) const {
#pragma unroll
    for (int i = threadIdx.x; i < ROWS * CHUNKS; i += THREADS) {
      int row = i / CHUNKS, chunk = i % CHUNKS, bytes = first + row < end ? 16 : 0;
      const sk_bf16 *source = from + (int64_t)(bytes ? first + row : first) * D + chunk * 8;
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at(row, chunk)), "l"(source), "r"(bytes)
                   : "memory");
    }
  }

  __device__ void store(int row, int chunk, const unsigned (&x)[4]) const {
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(at(row, chunk)), "r"(x[0]), "r"(x[1]), "r"(x[2]),
                 "r"(x[3])
                 : "memory");
  }

  /* A of rows row .. row + 15 and columns 16 step .. + 15. */
  __device__ void rows(int row, int step, unsigned (&a)[4]) const {
    int lane = threadIdx.x % SK_WARP;
    read(at(row + lane % 16, 2 * step + lane / 16), a);
  }

  /* B of two products with this tile's rows row .. row + 15 as columns, and 16 step .. as what is summed over. */
  __device__ void columns(int row, int step, unsigned (&b)[4]) const {
    int lane = threadIdx.x % SK_WARP;
    read(at(row + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2), b);
  }

  /* B of two products that sum over rows row .. row + 15, with columns 16 pair .. + 15. */
  __device__ void summed(int row, int pair, unsigned (&b)[4]) const {
    int lane = threadIdx.x % SK_WARP;
    unsigned from = at(row + lane % 16, 2 * pair + lane / 16);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3])
                 : "r"(from)
                 : "memory");
  }

  __device__ static void read(unsigned from, unsigned (&x)[4]) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                 : "r"(from)
                 : "memory");
  }
};

__device__ static inline void sk_tensor_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Waits until all but the newest N groups of this thread have arrived. */
template <int N>
__device__ static inline void sk_tensor_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* c += a b */
__device__ static inline void sk_tensor_multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
               "%1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ static inline unsigned sk_tensor_pack(float low, float high) {
  __nv_bfloat162 x = __floats2bfloat162_rn(low, high);
  return *(unsigned *)&x;
}

__device__ static inline float sk_tensor_low(unsigned pair) {
  return __uint_as_float(pair << 16);
}
__device__ static inline float sk_tensor_high(unsigned pair) {
  return __uint_as_float(pair & 0xffff0000u);
}

/* A of the 16 columns of c[0] and c[1]. */
__device__ static inline void sk_tensor_turn(const float (&c0)[4], const float (&c1)[4], unsigned (&a)[4]) {
  a[0] = sk_tensor_pack(c0[0], c0[1]), a[1] = sk_tensor_pack(c0[2], c0[3]);
  a[2] = sk_tensor_pack(c1[0], c1[1]), a[3] = sk_tensor_pack(c1[2], c1[3]);
}

/* 2^x; 0 for -INFINITY, NaN for NaN. */
__device__ static inline float sk_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/* Of the four lanes that share rows of C. */
__device__ static inline float sk_quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ static inline float sk_quad_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/* A tile of ROWS entries of one head and window; first >= end: there is none. Those with most to do come first, the
 * newest queries and the oldest keys: NEWEST says which. Where windows are much alike (call.rectangle), the heaviest
 * tiles of all of them do so; else window w has tiles begin[w] / ROWS + w and following: as many numbers as it needs at
 * least, and all of them below entries / ROWS + windows. */
struct sk_tensor_place {
  int head, w, first, end;
};

/* Arguments of a kernel over entries. */
struct sk_tensor_call {
  sk_attend_entries e;
  int heads, dh;
  float scale; /* of scores: 1 / sqrt(dh) */
  float p;
  uint64_t seed, span;
  int rectangle; /* blocks are (tiles of the longest window, windows, heads) */
};

template <int ROWS, bool NEWEST>
__device__ static inline sk_tensor_place sk_tensor_place_of(const sk_tensor_call &call, const sk_attend_side &side) {
  int tile = (int)blockIdx.x / call.heads, low = 0, high = side.windows;
  sk_tensor_place at = {(int)blockIdx.x % call.heads, 0, 0, 0};
  if (call.rectangle) {
    at.w = tile % side.windows, tile /= side.windows;
    int2 range = side.range(at.w, at.head);
    if (NEWEST) tile = (range.y - range.x - 1) / ROWS - tile;
    if (tile < 0 || range.x >= range.y) return at;
    at.first = range.x + tile * ROWS;
    at.end = min(range.y, at.first + ROWS);
    return at;
  }
  if (NEWEST) tile = (int)gridDim.x / call.heads - 1 - tile;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (side.begin[middle] / ROWS + middle <= tile)
      low = middle;
    else
      high = middle;
  }
  int2 range = side.range(low, at.head);
  tile -= side.begin[low] / ROWS + low;
  at.w = low;
  if (tile < 0) return at;
  at.first = range.x + tile * ROWS;
  at.end = min(range.y, at.first + ROWS);
  return at;
}

/* The blocks of a kernel, and how it finds their tiles; `most`: entries of the longest list. */
static inline unsigned sk_tensor_blocks(sk_tensor_call *call, int entries, int rows, int windows, int most) {
  int64_t packed = entries / rows + windows, alike = (int64_t)(most > rows ? (most + rows - 1) / rows : 1) * windows;
  call->rectangle = alike <= 2 * packed;
  return (unsigned)((call->rectangle ? alike : packed) * call->heads);
}

/* keep of the pairs (x, y0) and (x, y1): 1 / (1 - p) or 0; stream = (x * heads + head) * span. */
__device__ static inline float2 sk_tensor_keep(float p, uint64_t seed, uint64_t stream, int y0, int y1) {
  uint64_t i = stream + (uint64_t)y0, j = stream + (uint64_t)y1;
  float u[4], kept = 1.0f / (1.0f - p);
  sk_uniform4(seed, i / 4, u);
  float first = i % 4 < 2 ? (i % 4 == 0 ? u[0] : u[1]) : (i % 4 == 2 ? u[2] : u[3]);
  if (j / 4 != i / 4) sk_uniform4(seed, j / 4, u);
  float second = j % 4 < 2 ? (j % 4 == 0 ? u[0] : u[1]) : (j % 4 == 2 ? u[2] : u[3]);
  return make_float2(first >= p ? kept : 0.0f, second >= p ? kept : 0.0f);
}

/* Allows a kernel this many bytes of shared memory; more than 48 KB must be requested. */
template <typename KERNEL>
static inline solid_status sk_tensor_open(sk_backend *be, KERNEL *kernel, size_t bytes) {
  return sk_cuda_status(be, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
                        "attend's shared memory");
}

template <typename ARGS>
static inline sk_tensor_call sk_tensor_call_of(const ARGS *a, const sk_attend_entries *e) {
  const sk_attend_pairs *p = &a->pairs;
  return {*e, p->heads, p->dh, 1.0f / sqrtf((float)p->dh), a->p, a->seed, (uint64_t)sk_attend_span(a->span, p), 0};
}

/* The two products of a backward pass, of rows row .. row + 15 with 8 N columns: c += left_a right_a^T and d += left_b
 * right_b^T. */
template <int D, int N>
__device__ static __forceinline__ void
sk_tensor_products(int row, const sk_tensor_tile<D> &left_a, const sk_tensor_tile<D> &right_a,
                   const sk_tensor_tile<D> &left_b, const sk_tensor_tile<D> &right_b, float (&c)[N][4],
                   float (&d)[N][4]) {
#pragma unroll
  for (int step = 0; step < D / 16; step++) {
    unsigned a[4], g[4];
    left_a.rows(row, step, a);
    left_b.rows(row, step, g);
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      unsigned b[4];
      right_a.columns(8 * n, step, b);
      sk_tensor_multiply(c[n], a, b[0], b[1]);
      sk_tensor_multiply(c[n + 1], a, b[2], b[3]);
      right_b.columns(8 * n, step, b);
      sk_tensor_multiply(d[n], g, b[0], b[1]);
      sk_tensor_multiply(d[n + 1], g, b[2], b[3]);
    }
  }
}

/* sum += weights, as sk_tensor_products left them, times the rows of the tile. */
template <int D, int N>
__device__ static __forceinline__ void sk_tensor_add(float (&sum)[D / 8][4], const float (&weights)[N][4],
                                                     const sk_tensor_tile<D> &tile) {
#pragma unroll
  for (int n = 0; n < N; n += 2) {
    unsigned a[4];
    sk_tensor_turn(weights[n], weights[n + 1], a);
#pragma unroll
    for (int pair = 0; pair < D / 16; pair++) {
      unsigned b[4];
      tile.summed(8 * n, pair, b);
      sk_tensor_multiply(sum[2 * pair], a, b[0], b[1]);
      sk_tensor_multiply(sum[2 * pair + 1], a, b[2], b[3]);
    }
  }
}

/* This thread's part of row r (0, 1) of the sum, scaled, to a row of dh numbers; there = 0: whatever stood there. */
template <int D>
__device__ static __forceinline__ void sk_tensor_store(const float (&sum)[D / 8][4], int r, int dh, float scale,
                                                       float there, float *to) {
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int i = 0; i < 2; i++) {
      int column = 8 * n + 2 * (threadIdx.x % 4) + i;
      float x = scale * sum[n][2 * r + i];
      if (column < dh) to[column] = there == 0.0f ? x : to[column] + x;
    }
}

/* Calls launch<D, DROPPED>(...) for the width of the entries. */
#define SK_TENSOR_DISPATCH(status, width, dropped, launch, ...)                                                        \
  do {                                                                                                                 \
    if ((width) == 16)                                                                                                 \
      status = (dropped) ? launch<16, true>(__VA_ARGS__) : launch<16, false>(__VA_ARGS__);                             \
    else if ((width) == 32)                                                                                            \
      status = (dropped) ? launch<32, true>(__VA_ARGS__) : launch<32, false>(__VA_ARGS__);                             \
    else if ((width) == 64)                                                                                            \
      status = (dropped) ? launch<64, true>(__VA_ARGS__) : launch<64, false>(__VA_ARGS__);                             \
    else                                                                                                               \
      status = (dropped) ? launch<128, true>(__VA_ARGS__) : launch<128, false>(__VA_ARGS__);                           \
  } while (0)

#endif
