/* scout: the catalogue once more in 4 bits an input, with bounds of its error, so that topk on a CPU reads an eighth of
 * the bytes and scores in FP32 what is left. The answer is the same to the bit (kernels/topk.h).
 *
 *   e_v = scale_v (n_v - 7.5) + r_v       n_vi in 0 .. 15, scale_v a bfloat16, so that no product can saturate
 *   reach_b >= ||r_v|| / scale_v          for each block b of 16 items, with what FP32 loses in u . e_v
 *   size_b  >= ||n_v - 7.5||
 *
 * A user's u = step w + t with w_i in -127 .. 127 then has, for every item of the block,
 *
 *   u . e_v <= scale_v (step (n_v . w - 7.5 sum w) + ||t|| size_b + ||u|| reach_b)
 *
 * A block with a NaN, an infinity or a norm beyond SK_SCOUT_MOST has reach_b = INFINITY: its items are always scored. A
 * row of zeroes has scale 0, which is exact.
 *
 * rows: for each block, line g of 64 bytes has inputs 8g .. 8g + 7: byte 4i + j holds input 8g + j of item i in its low
 * half and input 8g + 4 + j in its high half, so that 16 sums grow side by side. */
#ifndef SK_SCOUT_H
#define SK_SCOUT_H

#include <stddef.h>
#include <stdint.h>

enum { SK_SCOUT_BLOCK = 16, SK_SCOUT_LINE = 64, SK_SCOUT_MAX_D = 1024 };

#define SK_SCOUT_MOST  0x1p60f  /* norm of a row, or of a user, that bounds are made for */
#define SK_SCOUT_LEAST 0x1p-60f /* of a user; smaller entries of a row are as good as 0 */

typedef struct sk_scout {
  int32_t d, items; /* it covers items 0 .. items - 1; topk scores what is behind them in FP32 */
  int64_t lines;    /* of a block: ceil(d / 8) */
  uint8_t *rows;    /* (blocks, lines, 64) */
  uint16_t *scale;  /* (blocks, 16), the upper half of the float */
  float *reach;     /* (blocks) */
  float *size;      /* (blocks) */
} sk_scout;

static inline int64_t sk_scout_blocks(const sk_scout *s) {
  return ((int64_t)s->items + SK_SCOUT_BLOCK - 1) / SK_SCOUT_BLOCK;
}

/* Bytes that sk_scout_bind takes, a multiple of 64, for d <= SK_SCOUT_MAX_D. */
size_t sk_scout_bytes(int32_t d, int32_t items);

/* Points the members into `memory`, 64-byte aligned, which may be NULL with 0 items. */
void sk_scout_bind(sk_scout *scout, int32_t d, int32_t items, void *memory);

/* Fills the blocks [begin, end) from the catalogue e (items, d) on the host. */
void sk_scout_fill(const sk_scout *scout, const float *e, int64_t begin, int64_t end);

#endif
