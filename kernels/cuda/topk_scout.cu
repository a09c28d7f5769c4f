/* The inexact product of topk: u e^T on the tensor cores with operands rounded to BF16, of which each group of
 * neighbouring items leaves its greatest score, and the lengths that bound the error of it. */
#include "kernels/cuda/topk.cuh"
#include <cuda_bf16.h>

enum { THREADS = 256, WARPS = THREADS / SK_WARP };

/* The most that SK_TOPK_MAX_D squares can lose by falling below the smallest normal float, 2^-126: with it, a length is
 * an upper bound for tiny vectors, too. */
#define LOST_SQUARES 0x1p-118f

/* No less than x >= 0, in the lower half; no size (sk_topk_width). */
__device__ static uint32_t reach_of(float x) {
  return (__float_as_uint(x) + 0xffffu) >> 16;
}

/* Operands lie in the order of mma.m16n8k16's registers with the 16 inputs of a step permuted alike on both sides: lane
 * (g, t) = (lane / 4, lane % 4) holds the inputs 4t .. 4t + 3 of its row or column. */
__device__ static unsigned pack(float low, float high) {
  __nv_bfloat162 x = __floats2bfloat162_rn(low, high);
  return *(unsigned *)&x;
}

__device__ static float square(float4 x) {
  return x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
}

/* Rows of u in tiles of 16 as fragments (tiles, steps, lanes), and slack |u| of each. One warp a tile. */
__global__ static void take_users(sk_topk_args a, int row0, int rows, int steps, float slack, uint4 *users,
                                  float2 *width) {
  int lane = threadIdx.x, g = lane / 4, t = lane % 4, row = blockIdx.x * 16 + g;
  const float *low = a.u + (int64_t)(row0 + row) * a.d, *high = low + 8 * (int64_t)a.d;
  float norm_low = 0.0f, norm_high = 0.0f;
  for (int s = 0; s < steps; s++) {
    float4 x = row < rows ? sk_load4(low, 16 * s + 4 * t, a.d, false) : float4{};
    float4 y = row + 8 < rows ? sk_load4(high, 16 * s + 4 * t, a.d, false) : float4{};
    users[((int64_t)blockIdx.x * steps + s) * SK_WARP + lane] = {pack(x.x, x.y), pack(y.x, y.y), pack(x.z, x.w),
                                                                 pack(y.z, y.w)};
    norm_low += square(x), norm_high += square(y);
  }
  for (int step = 1; step < 4; step *= 2) {
    norm_low += __shfl_xor_sync(0xffffffffu, norm_low, step);
    norm_high += __shfl_xor_sync(0xffffffffu, norm_high, step);
  }
  if (t == 0 && row < rows) width[row] = {0.0f, slack * sqrtf(norm_low + LOST_SQUARES)};
  if (t == 0 && row + 8 < rows) width[row + 8] = {0.0f, slack * sqrtf(norm_high + LOST_SQUARES)};
}

__device__ static void mma(float (&c)[4], const uint4 &a, unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

/* The greatest of a lane's scores of a group in row g (half 0) or g + 8 of a tile; bit i of out: item i is absent. */
template <int TILES>
__device__ static float greatest(const float (&c)[TILES][4], int half, unsigned out) {
  float top = -INFINITY;
  if (out == 0) {
#pragma unroll
    for (int j = 0; j < TILES; j++) top = fmaxf(top, fmaxf(c[j][2 * half], c[j][2 * half + 1]));
    return top;
  }
#pragma unroll
  for (int j = 0; j < TILES; j++) {
    if (!(out >> (2 * j) & 1)) top = fmaxf(top, c[j][2 * half]);
    if (!(out >> (2 * j + 1) & 1)) top = fmaxf(top, c[j][2 * half + 1]);
  }
  return top;
}

/* A warp keeps 8 * TILES items in registers and walks all users. Column n of tile j is item
 * (n / 2) * 2 * TILES + 2 * j + n % 2, so that a lane's columns 2t, 2t + 1 of all tiles are a group of neighbours.
 * WHOLE: a row of e is 16 * STEPS floats, aligned; then many loads are on their way at once. */
template <int STEPS, int TILES, bool WHOLE>
__global__ static void __launch_bounds__(THREADS, 2)
    scout(sk_topk_args a, int row0, int rows, int stride, const uint4 *users, float *best, uint32_t *norm) {
  const int size = 2 * TILES;
  int lane = threadIdx.x % SK_WARP, g = lane / 4, t = lane % 4;
  int first = (blockIdx.x * WARPS + threadIdx.x / SK_WARP) * 8 * TILES, group = first / size + t;
  unsigned b[TILES][STEPS][2], beyond = sk_topk_absent(a, 0, group * size, size, false);
  float longest = 0.0f;
#pragma unroll
  for (int j = 0; j < TILES; j++) {
    const float *item = a.e + (int64_t)min(first + g / 2 * size + 2 * j + g % 2, a.items - 1) * a.d;
    float squares = 0.0f;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      float4 x = WHOLE ? *(const float4 *)(item + 16 * s + 4 * t) : sk_load4(item, 16 * s + 4 * t, a.d, false);
      b[j][s][0] = pack(x.x, x.y), b[j][s][1] = pack(x.z, x.w);
      squares += square(x);
    }
    squares += __shfl_xor_sync(0xffffffffu, squares, 1);
    squares += __shfl_xor_sync(0xffffffffu, squares, 2);
    longest = fmaxf(longest, sqrtf(squares + LOST_SQUARES));
  }
  longest = fmaxf(longest, __shfl_xor_sync(0xffffffffu, longest, 4)); /* columns n and n + 1 share a group */
  longest = __shfl_sync(0xffffffffu, longest, 8 * t);
  if (g == 0 && group < stride) norm[group] = reach_of(longest);
  for (int tile = 0; tile * 16 < rows; tile++) {
    float c[TILES][4] = {};
    const uint4 *from = users + (int64_t)tile * STEPS * SK_WARP + lane;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      uint4 user = __ldg(from + s * SK_WARP);
#pragma unroll
      for (int j = 0; j < TILES; j++) mma(c[j], user, b[j][s][0], b[j][s][1]);
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = tile * 16 + g + 8 * half;
      if (row >= rows || group >= stride) continue;
      unsigned out = a.mask ? sk_topk_absent(a, row0 + row, group * size, size, true) : beyond;
      best[(int64_t)row * stride + group] = greatest<TILES>(c, half, out);
    }
  }
}

void sk_cuda_topk_scout(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s) {
  cudaStream_t stream = sk_cuda_stream(be);
  unsigned blocks = sk_cuda_blocks(a->items, WARPS * 4 * s->size);
  bool whole = s->aligned && a->d == 16 * s->steps;
  const float slack = 1.0f / 128 + 1.0f / 16384 + (float)a->d / (1 << 20);
  take_users<<<sk_cuda_blocks(rows, 16), SK_WARP, 0, stream>>>(*a, row0, rows, s->steps, slack, s->users, s->widths);
#define SCOUT(STEPS, TILES)                                                                                            \
  (whole ? scout<STEPS, TILES, true> : scout<STEPS, TILES, false>)<<<blocks, THREADS, 0, stream>>>(                    \
      *a, row0, rows, s->stride, s->users, s->best, s->norm)
  if (s->steps == 2)
    SCOUT(2, 8);
  else if (s->steps == 4)
    SCOUT(4, 8);
  else if (s->steps == 8)
    SCOUT(8, 4);
  else
    SCOUT(16, 2);
#undef SCOUT
}
