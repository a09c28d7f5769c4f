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

#include <stdint.h>

typedef struct sk_embed_args {
  int32_t n, d, rows;
  const float *table;
  const int32_t *index;
  float scale;
  int32_t accumulate;
  float *out;
} sk_embed_args;

typedef struct sk_embed_backward_args {
  int32_t n, d, rows;
  const float *dout;
  const int32_t *index;
  float scale;
  float *dtable;
} sk_embed_backward_args;

#endif
