/* scout: the catalogue once more in 4 bits an input, with bounds of its error, so that topk on a CPU reads an eighth of
 * the bytes or less and scores in FP32 what is left. The answer is the same to the bit (kernels/topk.h).
 *
 * Rows and users are turned first, y = R e, so that the leading inputs hold most of a catalogue's energy, and cut into
 * two parts: the first SK_SCOUT_LEAD inputs and the rest. Most items are ruled out by the first part and the length of
 * the second. Each part p of a row is
 *
 *   y_v = scale_v (n_v - 7.5) + r_v       n_vi in 0 .. 15, scale_v a bfloat16, so that no product can saturate
 *   reach_g >= ||r_v|| / scale_v          for each group g of 64 items, with what FP32 loses in u . e_v and in turning
 *   size_g  >= ||n_v - 7.5||
 *   tail_g  >= ||the rest of y_v|| / scale_v      of the first part
 *
 * A user's part x = step w + t with w_i in -127 .. 127 then has, for every item of the group,
 *
 *   x . y_v <= scale_v (step (n_v . w - 7.5 sum w) + ||t|| size_g + ||x|| reach_g) = upper_p
 *   u . e_v <= upper_0 + scale_v ||rest of R u|| tail_g       u . e_v <= upper_0 + upper_1
 *
 * A group with a NaN, an infinity or a norm beyond SK_SCOUT_MOST has reach_g = INFINITY: its items are always scored. A
 * row of zeroes has scale 0, which is exact.
 *
 * Items stand in an order of their own, in which the 64 of a group are alike: a tree that halves the catalogue, each
 * time across the leading axis on which it is longest. Groups that promise most are looked at first, which raises the
 * worst of the k best early; an approximate ranking looks at no others. A group promises
 *
 *   sum_i x_i mean_i + 3 sqrt(sum_i x_i^2 variance_i)      over the inputs of the first part
 *
 * rows: for each block of 16 items, line g of 64 bytes has inputs 8g .. 8g + 7: byte 4i + j holds input 8g + j of item
 * i in its low half and input 8g + 4 + j in its high half, so that 16 sums grow side by side. */
#ifndef SK_SCOUT_H
#define SK_SCOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
  SK_SCOUT_BLOCK = 16,
  SK_SCOUT_GROUP = 64,
  SK_SCOUT_LINE = 64,
  SK_SCOUT_LEAD = 16,
  SK_SCOUT_MAX_D = 256,
  SK_SCOUT_PARTS = 2,
  SK_SCOUT_CELLS = 16,               /* groups whose cells stand together, of */
  SK_SCOUT_CELL = 2 * SK_SCOUT_LEAD, /* numbers each */
  SK_SCOUT_AT_ONCE = 256             /* items filled */
};

#define SK_SCOUT_MOST  0x1p60f  /* norm of a row, or of a user, that bounds are made for */
#define SK_SCOUT_LEAST 0x1p-60f /* of a user; smaller entries of a row are as good as 0 */

typedef struct sk_scout_bounds {
  float reach, size, tail;
} sk_scout_bounds;

typedef struct sk_scout_part {
  int32_t d;
  int64_t lines;           /* of a block: ceil(d / 8) */
  uint8_t *rows;           /* (blocks, lines, 64): 4 blocks a group */
  uint16_t *scale;         /* (blocks, 16), the upper half of the float */
  sk_scout_bounds *bounds; /* (groups) */
} sk_scout_part;

typedef struct sk_scout {
  int32_t d, items; /* it covers items 0 .. items - 1; topk scores what is behind them in FP32 */
  float *axes;      /* R (d, d): rows of length 1 at right angles, but for what `skew` says */
  float *grain;     /* (SK_SCOUT_LEAD) what a step of a spot is on each axis */
  int32_t *item; /* (groups * 64) which item stands at a place; the last items, no whole group, stand where they are */
  uint16_t
      *cells;  /* (groups / 16, 2, SK_SCOUT_LEAD, 16) means, variances of 16 groups, bfloat16; NaN: looked at first */
  float *skew; /* (1) of two vectors, what is lost of u . e by turning both: at most skew ||u|| ||e|| */
  sk_scout_part part[SK_SCOUT_PARTS]; /* the second may have no inputs */
} sk_scout;

static inline int64_t sk_scout_groups(const sk_scout *s) {
  return ((int64_t)s->items + SK_SCOUT_GROUP - 1) / SK_SCOUT_GROUP;
}

/* Bytes that sk_scout_bind takes, a multiple of 64, for d <= SK_SCOUT_MAX_D. */
size_t sk_scout_bytes(int32_t d, int32_t items);

/* Whether this machine has instructions that make a pass over it faster than scoring in FP32. */
int sk_scout_is_fast(void);

/* Points the members into `memory`, 64-byte aligned, which may be NULL with 0 items. */
void sk_scout_bind(sk_scout *scout, int32_t d, int32_t items, void *memory);

/* Where an item lies, for the order. */
typedef struct sk_scout_spot {
  int8_t at[SK_SCOUT_LEAD]; /* on the leading axes, in grains */
  int32_t item;
} sk_scout_spot;

/* Fills axes and grain from n rows (n, d) of the catalogue, which may be a sample: the principal axes, longest first.
 * `work`: 2 d d doubles. */
void sk_scout_turn(const sk_scout *scout, const float *e, int64_t n, double *work);

/* Fills the spots (n) of the n <= SK_SCOUT_AT_ONCE items from `first` on, e: their rows (n, d). `work` as below. After
 * sk_scout_turn. */
void sk_scout_spots(const sk_scout *scout, const float *e, int64_t first, int64_t n, sk_scout_spot *spots, float *work);

/* Fills `item` from the spots of all items in turn, which change places. */
void sk_scout_order(const sk_scout *scout, sk_scout_spot *spots);

/* The rest is filled in the order of the items, which a file is read in, and not in that of the places. */
typedef struct sk_scout_filling {
  int32_t *place; /* (items) where an item stands */
  double *sums;   /* (groups, SK_SCOUT_CELL): of the first part's inputs, and of their squares */
} sk_scout_filling;

/* Makes both ready, and the scout empty. After sk_scout_order. */
void sk_scout_begin(const sk_scout *scout, const sk_scout_filling *f);

/* Puts the n <= SK_SCOUT_AT_ONCE items from `first` on to their places; e: their rows (n, d), on the host. `work`:
 * SK_SCOUT_AT_ONCE * d floats. By one thread at a time: items of one group change the same bounds and sums. */
void sk_scout_put(const sk_scout *scout, const sk_scout_filling *f, const float *e, int64_t first, int64_t n,
                  float *work);

/* After the last item. */
void sk_scout_end(const sk_scout *scout, const sk_scout_filling *f);

/* upper (groups, 64): no less than u . e_v of what stands at the places of groups from `first` on, as FP32 sums it in
 * any order; NaN and infinity where nothing is known. For rankings by something else than the product. 0: u has no
 * ordinary size, nothing is known of it, and nothing is written. From any thread. */
int sk_scout_upper(const sk_scout *scout, const float *u, int64_t first, int64_t groups, float *upper);

#endif
