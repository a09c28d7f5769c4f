/* Scores by whole numbers, of a few groups. */
#ifndef SK_TOPK_PLANES_CUH
#define SK_TOPK_PLANES_CUH

#include "kernels/cuda/topk.cuh"

/* Steps and tiles of every cut (sk_planes_cut_of): DO(STEPS, TILES) of the one with that many steps. */
#define SK_PLANES_SWITCH(steps, DO)                                                                                    \
  switch (steps) {                                                                                                     \
  case 1:                                                                                                              \
    DO(1, 8);                                                                                                          \
    break;                                                                                                             \
  case 2:                                                                                                              \
    DO(2, 8);                                                                                                          \
    break;                                                                                                             \
  case 3:                                                                                                              \
    DO(3, 4);                                                                                                          \
    break;                                                                                                             \
  case 4:                                                                                                              \
    DO(4, 4);                                                                                                          \
    break;                                                                                                             \
  case 6:                                                                                                              \
    DO(6, 4);                                                                                                          \
    break;                                                                                                             \
  default:                                                                                                             \
    DO(8, 4);                                                                                                          \
  }

#define SK_PLANES_HIGH 0xf0f0f0f0u
#define SK_PLANES_LOW  0x0f0f0f0fu

__device__ static inline float sk_planes_scale_of(uint16_t upper) {
  return __uint_as_float((unsigned)upper << 16);
}

/* w of a row for thread t, as take_users leaves it: words of inputs 32 s + 8 t and 32 s + 8 t + 4. */
template <int STEPS>
__device__ static inline void sk_topk_words(const uint4 *users, int row, int t, int (&w)[STEPS][2]) {
  const uint4 *at = users + (int64_t)(row / 16) * STEPS * SK_WARP + row % 8 * 4 + t;
#pragma unroll
  for (int s = 0; s < STEPS; s++) {
    uint4 x = at[s * SK_WARP];
    w[s][0] = (int)(row / 8 % 2 ? x.y : x.x);
    w[s][1] = (int)(row / 8 % 2 ? x.w : x.z);
  }
}

/* Inexact scores of a group by eight threads, all 32 of a warp at once. Thread 4 p + t receives those of the group's
 * items sk_topk_item_of<TILES>(i), i < TILES / 4. */
template <int STEPS, int TILES>
__device__ static inline void sk_topk_estimate(const sk_planes &planes, int group, const int (&w)[STEPS][2], float step,
                                               float (&score)[TILES / 4]) {
  const int PIECES = TILES * STEPS / 4;
  int64_t at = (int64_t)(group / 4) * PIECES * SK_WARP + group % 4 * 8 + threadIdx.x % 8;
  const uint4 *high = (const uint4 *)planes.high + at, *low = (const uint4 *)planes.low + at;
  int dot[TILES] = {}, t = threadIdx.x % 4;
#pragma unroll
  for (int q = 0; q < PIECES; q++) {
    uint4 h = high[q * SK_WARP], l = low[q * SK_WARP];
    unsigned x[4] = {h.x, h.y, h.z, h.w}, y[4] = {l.x, l.y, l.z, l.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int tile = (4 * q + i) / STEPS, s = (4 * q + i) % STEPS;
      int first = (int)((x[i] << 4 & SK_PLANES_HIGH) | (y[i] & SK_PLANES_LOW));
      int second = (int)((x[i] & SK_PLANES_HIGH) | (y[i] >> 4 & SK_PLANES_LOW));
      dot[tile] = __dp4a(second, w[s][1], __dp4a(first, w[s][0], dot[tile]));
    }
  }
  const uint16_t *scale = planes.scale + (int64_t)group * 2 * TILES + threadIdx.x / 4 % 2;
#pragma unroll
  for (int j = 0; j < TILES; j++) {
    dot[j] += __shfl_xor_sync(0xffffffffu, dot[j], 1);
    dot[j] += __shfl_xor_sync(0xffffffffu, dot[j], 2);
    if (j % 4 == t) score[j / 4] = step * (sk_planes_scale_of(scale[2 * j]) * (float)dot[j]);
  }
}

/* Which item of a group score[i] is of. */
__device__ static inline int sk_topk_item_of(int i) {
  return 2 * (4 * i + (int)threadIdx.x % 4) + (int)threadIdx.x / 4 % 2;
}

#endif
