/* The inexact product of topk by whole numbers (kernels/planes.h): w n_v on the tensor cores, exactly; of each group of
 * neighbouring items its greatest score is left. */
#include "kernels/cuda/topk_planes.cuh"

enum { THREADS = 256, WARPS = THREADS / SK_WARP };

/* Sums begin with it: as a float it is 1.5 * 2^23, and a sum of whole numbers below 2^22 counts in its last bits, so
 * that it need not be converted. d 127 128 < 2^22. */
#define MAGIC_BITS 0x4b400000
#define MAGIC      12582912.0f

/* Of the 16 low halves: what stands for all of them where high halves alone are read. */
#define MIDDLE 8

__device__ static double quad_sum(double x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

__device__ static void load8(const float *x, int first, int d, bool there, float (&out)[8]) {
  float4 low = there ? sk_load4(x, first, d, false) : float4{}, high = there ? sk_load4(x, first + 4, d, false) : low;
  out[0] = low.x, out[1] = low.y, out[2] = low.z, out[3] = low.w;
  out[4] = high.x, out[5] = high.y, out[6] = high.z, out[7] = high.w;
}

/* The step of a row, and ||u||; without bounds the step is 0. */
__device__ static float step_of(const float *x, int steps, int d, int t, bool there, double *norm) {
  float most = 0.0f, in[8];
  double sum = 0.0;
  for (int s = 0; s < steps; s++) {
    load8(x, 32 * s + 8 * t, d, there, in);
    for (int i = 0; i < 8; i++) most = fmaxf(most, fabsf(in[i])), sum += (double)in[i] * (double)in[i];
  }
  most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
  most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
  *norm = sqrt(quad_sum(sum));
  return *norm >= (double)SK_PLANES_LEAST && *norm <= (double)SK_PLANES_MOST ? most / 127.0f : 0.0f;
}

/* words[s]: w of the inputs 32 s + 8 t ... + 3 and of the four behind them. */
__device__ static sk_topk_factor take_row(const float *x, int steps, int d, int t, bool there, bool coarse,
                                          uint2 (&words)[SK_PLANES_MAX_D / 32], float2 *width) {
  double norm, lost = 0.0;
  float step = step_of(x, steps, d, t, there, &norm), in[8];
  int total = 0;
  for (int s = 0; s < steps; s++) {
    unsigned word[2] = {};
    load8(x, 32 * s + 8 * t, d, there, in);
    for (int i = 0; i < 8; i++) {
      float n = step > 0.0f ? fminf(fmaxf(rintf(in[i] / step), -127.0f), 127.0f) : 0.0f;
      double left = (double)in[i] - (double)step * (double)n;
      word[i / 4] |= ((unsigned)(int)n & 0xffu) << (8 * (i % 4));
      total += (int)n, lost += left * left;
    }
    words[s] = {word[0], word[1]};
  }
  total += __shfl_xor_sync(0xffffffffu, total, 1);
  total += __shfl_xor_sync(0xffffffffu, total, 2);
  lost = sqrt(quad_sum(lost));
  *width = step > 0.0f ? float2{__double2float_ru(lost * (1.0 + SK_PLANES_SLACK)),
                                __double2float_ru(norm * (1.0 + SK_PLANES_SLACK))}
                       : float2{0.0f, INFINITY};
  return {step, MAGIC_BITS + (coarse ? MIDDLE * total : 0)};
}

/* Rows of u in tiles of 16 as fragments (tiles, steps, lanes). One warp a tile. */
__global__ static void take_users(sk_topk_args a, int row0, int rows, sk_topk_scouting s) {
  int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  uint2 words[2][SK_PLANES_MAX_D / 32];
  for (int half = 0; half < 2; half++) {
    int row = blockIdx.x * 16 + g + 8 * half;
    float2 width;
    const float *u = a.u + (int64_t)(row0 + min(row, rows - 1)) * a.d;
    sk_topk_factor factor = take_row(u, s.steps, a.d, t, row < rows, s.coarse, words[half], &width);
    if (t == 0) s.widths[row] = width, s.factors[row] = factor;
  }
  for (int i = 0; i < s.steps; i++)
    s.users[((int64_t)blockIdx.x * s.steps + i) * SK_WARP + lane] = {words[0][i].x, words[1][i].x, words[0][i].y,
                                                                     words[1][i].y};
}

__device__ static void mma(int (&c)[4], const uint4 &a, unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

/* The operands of a block's items: of both planes, or of the high halves alone. */
template <int STEPS, int TILES, bool COARSE>
__device__ static void load_items(const sk_planes &planes, int64_t block, int lane, unsigned (&b)[TILES][STEPS][2]) {
  const int PIECES = TILES * STEPS / 4;
  const uint4 *high = (const uint4 *)planes.high + block * PIECES * SK_WARP + lane;
  const uint4 *low = (const uint4 *)planes.low + block * PIECES * SK_WARP + lane;
  uint4 h[PIECES], l[PIECES];
#pragma unroll
  for (int q = 0; q < PIECES; q++) {
    h[q] = __ldg(high + q * SK_WARP);
    if (!COARSE) l[q] = __ldg(low + q * SK_WARP);
  }
#pragma unroll
  for (int q = 0; q < PIECES; q++) {
    unsigned x[4] = {h[q].x, h[q].y, h[q].z, h[q].w}, y[4] = {};
    if (!COARSE) y[0] = l[q].x, y[1] = l[q].y, y[2] = l[q].z, y[3] = l[q].w;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int tile = (4 * q + i) / STEPS, s = (4 * q + i) % STEPS;
      b[tile][s][0] = (x[i] << 4 & SK_PLANES_HIGH) | (y[i] & SK_PLANES_LOW);
      b[tile][s][1] = (x[i] & SK_PLANES_HIGH) | (y[i] >> 4 & SK_PLANES_LOW);
    }
  }
}

/* Over the row's step. */
__device__ static float score_of(int sum, float scale) {
  return fmaf(__int_as_float(sum), scale, -MAGIC * scale);
}

/* The greatest of a lane's scores of a group in row g (half 0) or g + 8 of a tile, over the row's step; bit i of out:
 * item i is absent. */
template <int TILES>
__device__ static float greatest(const int (&c)[TILES][4], int half, const float (&scale)[2 * TILES], unsigned out) {
  float top = -INFINITY;
  if (out == 0) {
#pragma unroll
    for (int i = 0; i < 2 * TILES; i++) top = fmaxf(top, score_of(c[i / 2][2 * half + i % 2], scale[i]));
    return top;
  }
#pragma unroll
  for (int i = 0; i < 2 * TILES; i++)
    if (!(out >> i & 1)) top = fmaxf(top, score_of(c[i / 2][2 * half + i % 2], scale[i]));
  return top;
}

/* A warp keeps a block of items in registers and walks all users, who by high halves are one tile. */
template <int STEPS, int TILES, bool COARSE>
__global__ static void __launch_bounds__(THREADS, COARSE ? STEPS *TILES > 16 ? 3 : 4 : 2)
    scan(sk_topk_args a, int row0, int rows, sk_topk_scouting s) {
  const int SIZE = 2 * TILES;
  int lane = threadIdx.x % SK_WARP, g = lane / 4, t = lane % 4;
  int64_t block = (int64_t)blockIdx.x * WARPS + threadIdx.x / SK_WARP;
  int group = (int)(4 * block) + t;
  if (4 * block >= s.covered) return;
  unsigned b[TILES][STEPS][2], beyond = sk_topk_absent(a, 0, group * SIZE, SIZE, false);
  uint4 halves[TILES / 4];
  float scale[SIZE];
#pragma unroll
  for (int i = 0; i < TILES / 4; i++) halves[i] = ((const uint4 *)(s.planes.scale + (int64_t)group * SIZE))[i];
  load_items<STEPS, TILES, COARSE>(s.planes, block, lane, b);
#pragma unroll
  for (int i = 0; i < SIZE; i++) {
    const uint4 &x = halves[i / 8];
    unsigned word = i % 8 < 2 ? x.x : i % 8 < 4 ? x.y : i % 8 < 6 ? x.z : x.w;
    scale[i] = __uint_as_float(i % 2 ? word & 0xffff0000u : word << 16);
  }
  const int tiles = COARSE ? 1 : (rows + 15) / 16;
  for (int tile = 0; tile < tiles; tile++) {
    sk_topk_factor factor[2] = {s.factors[tile * 16 + g], s.factors[tile * 16 + g + 8]};
    int c[TILES][4];
#pragma unroll
    for (int j = 0; j < TILES; j++) c[j][0] = c[j][1] = factor[0].base, c[j][2] = c[j][3] = factor[1].base;
    const uint4 *from = s.users + (int64_t)tile * STEPS * SK_WARP + lane;
#pragma unroll
    for (int i = 0; i < STEPS; i++) {
      uint4 user = __ldg(from + i * SK_WARP);
#pragma unroll
      for (int j = 0; j < TILES; j++) mma(c[j], user, b[j][i][0], b[j][i][1]);
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = tile * 16 + g + 8 * half;
      if (row >= rows || group >= s.covered) continue;
      unsigned out = a.mask ? sk_topk_absent(a, row0 + row, group * SIZE, SIZE, true) : beyond;
      float top = greatest<TILES>(c, half, scale, out);
      s.best[(int64_t)row * s.stride + group] = top > -INFINITY ? factor[half].step * top : top;
    }
  }
}

void sk_cuda_topk_planes(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s) {
  cudaStream_t stream = sk_cuda_stream(be);
  unsigned blocks = sk_cuda_blocks(s->covered, 4 * WARPS);
  take_users<<<sk_cuda_blocks(rows, 16), SK_WARP, 0, stream>>>(*a, row0, rows, *s);
#define SCAN(STEPS, TILES)                                                                                             \
  (s->coarse ? scan<STEPS, TILES, true> : scan<STEPS, TILES, false>)<<<blocks, THREADS, 0, stream>>>(*a, row0, rows, *s)
  SK_PLANES_SWITCH(s->steps, SCAN)
#undef SCAN
}
