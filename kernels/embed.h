/* embed: gather rows of a table.            out_i = s * table[index_i]            (+ out_i when accumulate)
 *
 *   table (rows, d)   index (n) int32, a negative index stands for a row of zeros   out (n, d)
 *
 * embed_backward: scatter-add.              dtable[index_i] += s * dout_i         always accumulates
 *
 * Deterministic: what falls on one row is added in an order that the indices alone decide; on the CPU that of i. An
 * index >= rows is a caller's error. */
#ifndef SK_EMBED_H
#define SK_EMBED_H

#include "kernels/rows.h"
#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_embed_args {
  int32_t n, d, rows;
  const float *table;
  const int32_t *index;
  float scale;
  int32_t accumulate;
  float *out;
  const sk_rows *made; /* in place of table, with scale 1 and without accumulate: this part of them. ESTALE: the file
                          was changed or cannot be read. Other devices than a CPU: EUNSUPPORTED */
  sk_rows_part part;
} sk_embed_args;

typedef struct sk_embed_backward_args {
  int32_t n, d, rows;
  const float *dout;
  const int32_t *index;
  float scale;
  float *dtable;
} sk_embed_backward_args;

SK_NO_SCRATCH(embed)

/* CUDA looks through all indices for each row of a small table; else it sorts them. */
enum { SK_EMBED_PIECE = 16, SK_EMBED_LOOK_COLUMNS = 128, SK_EMBED_LOOK_ROWS = 8192, SK_EMBED_LOOKS = 1 << 26 };

static inline int sk_embed_backward_looks(const sk_embed_backward_args *a) {
  return (int64_t)a->n * a->rows <= SK_EMBED_LOOKS && a->rows <= SK_EMBED_LOOK_ROWS && a->d <= SK_EMBED_LOOK_COLUMNS;
}

/* Keys and positions, before and after: four arrays of this size. */
static inline uint64_t sk_embed_backward_array(const sk_embed_backward_args *a) {
  return sk_whole((uint64_t)a->n * sizeof(int32_t), 256);
}

/* What CUB takes to sort them: both once more, and counters. */
static inline uint64_t sk_embed_backward_sort(const sk_embed_backward_args *a) {
  return 16 * (uint64_t)a->n + (1 << 20);
}

/* The sums of a piece's first and last row stand by themselves. */
static inline uint64_t sk_embed_backward_scratch(const sk_embed_backward_args *a) {
  if (a->n == 0 || sk_embed_backward_looks(a)) return 0;
  uint64_t sums = sk_pieces((uint64_t)a->n, SK_EMBED_PIECE) * 2 * (uint64_t)a->d;
  return 4 * sk_embed_backward_array(a) + sk_embed_backward_sort(a) + sums * sizeof(float);
}

#endif
