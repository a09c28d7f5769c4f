/* linear:            y = x w^T + b           x (n, in)   w (out, in)   b (out) or NULL   y (n, out)
 *                    y += ... when accumulate
 *
 * linear_backward:   dx = dy w               dx (n, in) or NULL; += when accumulate_dx
 *                    dw += dy^T x            dw (out, in) or NULL
 *                    db += sum_n dy          db (out) or NULL
 *
 * Products through BLAS; tolerance 1e-5 * sqrt(in) relative to the norm of the row. NaN propagates by row. */
#ifndef SK_LINEAR_H
#define SK_LINEAR_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_linear_args {
  int32_t n, in, out;
  const float *x, *w, *b;
  int32_t accumulate;
  float *y;
} sk_linear_args;

typedef struct sk_linear_backward_args {
  int32_t n, in, out;
  const float *x, *w, *dy;
  int32_t accumulate_dx;
  float *dx, *dw, *db;
} sk_linear_backward_args;

SK_NO_SCRATCH(linear)

/* A narrow layer's gradients are made in shares, one for each block of rows, and added up in order. */
enum {
  SK_NARROW_ROWS = 32,      /* a tile */
  SK_NARROW_BLOCKS = 480,   /* wanted: three to four a multiprocessor of a large card */
  SK_NARROW_WIDEST = 128,   /* of inputs, and of a chunk of outputs: a thread sums a column of dy */
  SK_NARROW_PRODUCT = 4096, /* most floats of w, padded: two tiles of 4 x 4 a thread, and shared memory of every card */
  SK_SUM_ROWS = 128         /* that a block sums where the layer is not narrow: db */
};

static inline int sk_linear_is_narrow(int32_t n, int32_t in, int32_t out) {
  return n > 1 && in <= SK_NARROW_WIDEST && out <= SK_NARROW_WIDEST &&
         sk_whole((uint64_t)in, 4) * sk_whole((uint64_t)out, 4) <= SK_NARROW_PRODUCT;
}

/* Rows of a block, in whole tiles, where each has `chunks` blocks for its outputs. */
static inline uint64_t sk_narrow_rows(uint64_t n, uint64_t chunks) {
  uint64_t blocks = chunks < SK_NARROW_BLOCKS ? SK_NARROW_BLOCKS / chunks : 1;
  return sk_whole(sk_pieces(n, blocks), SK_NARROW_ROWS);
}

/* Of n rows. */
static inline uint64_t sk_linear_sums(int32_t n, int32_t in, int32_t out) {
  uint64_t rows = (uint64_t)n, width = (uint64_t)in, floats = (uint64_t)out * sizeof(float);
  if (rows == 0) return 0;
  if (!sk_linear_is_narrow(n, in, out)) return sk_pieces(rows, SK_SUM_ROWS) * floats;
  return sk_pieces(rows, sk_narrow_rows(rows, 1)) * (width + 1) * floats;
}

static inline uint64_t sk_linear_backward_scratch(const sk_linear_backward_args *a) {
  return sk_linear_sums(a->n, a->in, a->out);
}

#endif
