/* planes: the catalogue once more in whole numbers of 8 bits, cut into two planes of 4, with bounds of the error of
 * either, so that topk on CUDA reads an eighth or a quarter of the bytes and scores in FP32 what is left. The answer is
 * the same to the bit (kernels/topk.h).
 *
 *   e_v = scale_v n_v + r_v            n_vi in -127 .. 127, scale_v a bfloat16
 *   n_vi = 16 high_vi + low_vi         high in -8 .. 7, low in 0 .. 15; high alone stands for 16 high + 8
 *
 * A user is u = step w + t with w_i in -127 .. 127, and for every item of a group
 *
 *   |u . e_v - scale_v step (n_v . w)| <= ||t|| size_g + ||u|| reach_g
 *   size_g >= ||scale_v n_v||      reach_g >= ||r_v||, with what FP32 loses in u . e_v
 *
 * `fine` has both numbers for n, `coarse` for 16 high + 8 in its place. A group with a NaN, an infinity or a norm
 * beyond SK_PLANES_MOST has reach_g = INFINITY: its items are always scored. A row of zeroes has scale 0, which is
 * exact.
 *
 * The operation fills items first .. first + n - 1, both multiples of sk_planes_block or n up to the last item, from
 * their rows e (items, d). Filling them again changes nothing but the bits of rows that changed. */
#ifndef SK_PLANES_H
#define SK_PLANES_H

#include "kernels/scratch.h"
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define SK_PLANES_FN static __host__ __device__ inline
#else
#define SK_PLANES_FN static inline
#endif

enum { SK_PLANES_MAX_D = 256, SK_PLANES_QUADS = 4 /* threads that share an item */ };

#define SK_PLANES_MOST  0x1p60f  /* norm of a row, or of a user, that bounds are made for */
#define SK_PLANES_LEAST 0x1p-60f /* of a user; smaller entries of a row are as good as 0 */
#define SK_PLANES_SLACK 0x1p-16  /* by which bounds are raised, for their own sums */

typedef struct sk_planes {
  int32_t d, items; /* it covers items 0 .. items - 1; topk scores what is behind them in FP32 */
  uint32_t *high, *low;
  uint16_t *scale;         /* (blocks * items of a block) the upper half of the float */
  uint32_t *coarse, *fine; /* (groups) size in the upper half, reach in the lower one, each the upper half of a float */
} sk_planes;

typedef struct sk_planes_args {
  int32_t first, n;
  const float *e;
  sk_planes planes; /* arrays on the device */
} sk_planes_args;

SK_NO_SCRATCH(planes)

/* How rows are laid out, for the operands of m16n8k32: an item has `steps` words in each of four threads, and eight
 * threads have the words of a group. Word s of thread t: byte j has input 32 s + 8 t + j in its low half and input
 * 32 s + 8 t + 4 + j in its high half. */
typedef struct sk_planes_cut {
  int32_t steps; /* of 32 inputs */
  int32_t tiles; /* of 8 items: a block */
} sk_planes_cut;

SK_PLANES_FN sk_planes_cut sk_planes_cut_of(int32_t d) {
  int32_t steps = (d + 31) / 32;
  if (steps > 4) steps = steps > 6 ? 8 : 6;
  sk_planes_cut cut = {steps, steps <= 2 ? 8 : 4};
  return cut;
}

SK_PLANES_FN int32_t sk_planes_block(int32_t d) {
  return 8 * sk_planes_cut_of(d).tiles;
}

/* Neighbouring items that share bounds. */
SK_PLANES_FN int32_t sk_planes_group(int32_t d) {
  return 2 * sk_planes_cut_of(d).tiles;
}

SK_PLANES_FN int64_t sk_planes_blocks(int32_t d, int32_t items) {
  int32_t block = sk_planes_block(d);
  return ((int64_t)items + block - 1) / block;
}

/* Where word s of thread t of an item stands in a plane. Item 2 j + p of group g of its block has column 2 g + p of
 * tile j, and a thread's words of all tiles stand in pieces of four, those of 32 threads side by side. */
SK_PLANES_FN int64_t sk_planes_word(sk_planes_cut cut, int64_t item, int32_t t, int32_t s) {
  int32_t size = 2 * cut.tiles, at = (int32_t)(item % (8 * cut.tiles)), group = at / size, m = at % size;
  int32_t thread = 8 * group + 4 * (m % 2) + t, word = m / 2 * cut.steps + s;
  int64_t pieces = item / (8 * cut.tiles) * (cut.tiles * cut.steps / 4) + word / 4;
  return (pieces * 32 + thread) * 4 + word % 4;
}

/* ---- A row in whole numbers, the same on every device ---- */

/* The smallest bfloat16 that is no less than x >= 0. */
SK_PLANES_FN uint32_t sk_planes_above(double x) {
  float y = (float)x;
  uint32_t bits;
  memcpy(&bits, &y, sizeof bits);
  bits += (double)y < x;
  return (bits + 0xffffu) >> 16;
}

SK_PLANES_FN float sk_planes_float(uint32_t upper) {
  uint32_t bits = upper << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Of a row of finite inputs, none of which is more than `most`. */
SK_PLANES_FN uint32_t sk_planes_scale(float most) {
  if (most == 0.0f) return 0;
  return sk_planes_above((most > SK_PLANES_LEAST ? (double)most : (double)SK_PLANES_LEAST) / 127.0);
}

SK_PLANES_FN int32_t sk_planes_level(float y, float inverse) {
  return (int32_t)rintf(y * inverse);
}

/* Sums of squares of what levels stand for, and of what is left of the inputs. */
typedef struct sk_planes_sums {
  double size, lost;
} sk_planes_sums;

SK_PLANES_FN void sk_planes_add(sk_planes_sums *sums, float y, float scale, int32_t level) {
  double stood = (double)scale * (double)level, left = (double)y - stood;
  sums->size += stood * stood;
  sums->lost += left * left;
}

/* u . e in FP32 is off by less than d 2^-23 of the norms, twice what is known of any order of summation, an inexact
 * score by less than 32 2^-23 of them, and underflow takes less than d 2^-149: ||u|| d 2^-80 at the least. */
SK_PLANES_FN void sk_planes_bounds(sk_planes_sums sums, double norm, int32_t d, uint32_t *size, uint32_t *reach) {
  double rounding = norm * (double)(d + 32) * 0x1p-23 + (double)d * 0x1p-80;
  *size = sk_planes_above(sqrt(sums.size) * (1.0 + SK_PLANES_SLACK));
  *reach = sk_planes_above((sqrt(sums.lost) + rounding) * (1.0 + SK_PLANES_SLACK));
}

enum { SK_PLANES_UNBOUNDED = 0x7f80 /* infinity */ };

/* Points the members into `memory`, 64-byte aligned, which may be NULL; returns the bytes that it takes, a multiple of
 * 64, for d <= SK_PLANES_MAX_D. */
static inline size_t sk_planes_bind(sk_planes *planes, int32_t d, int32_t items, void *memory) {
  const sk_planes_cut cut = sk_planes_cut_of(d);
  size_t blocks = (size_t)sk_planes_blocks(d, items), used = 0, at[5];
  const size_t bytes[5] = {
      blocks * 8 * (size_t)(cut.tiles * cut.steps) * 16, blocks * 8 * (size_t)(cut.tiles * cut.steps) * 16,
      blocks * 8 * (size_t)cut.tiles * sizeof(uint16_t), blocks * 4 * sizeof(uint32_t), blocks * 4 * sizeof(uint32_t)};
  for (int i = 0; i < 5; i++) at[i] = used, used += (bytes[i] + 63) / 64 * 64;
  char *base = (char *)memory;
  planes->d = d, planes->items = items;
  planes->high = (uint32_t *)(base ? base + at[0] : NULL);
  planes->low = (uint32_t *)(base ? base + at[1] : NULL);
  planes->scale = (uint16_t *)(base ? base + at[2] : NULL);
  planes->coarse = (uint32_t *)(base ? base + at[3] : NULL);
  planes->fine = (uint32_t *)(base ? base + at[4] : NULL);
  return used;
}

#endif
