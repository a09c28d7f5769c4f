/* slate: whole slates of n users, greedy, in one operation: every step of a grid, the blocks over its slots, the logits
 * of its cells, the trie and the guide, without going back to the host in between.
 *
 *   What is computed is written down in solid/infer/slate/: grid.h (steps, slots, keys, sources), decoder.h (inputs,
 *   blocks, heads, logits), walk.h (open children), guide.h and slate.h (the choice). In short, a user at a time:
 *     a step's slots go in      x = inputs; blocks over x, keys and values kept; out_h = norm_h(x)
 *     a step's cells come out   logit_j = out_c . (mean of the sources' outputs)
 *     a cell of row r           open children c of r's node: held(c) < left(c)
 *                               value(c) = (1 - g) log p(c) + g s(c), p over the open codes, s(c) the (held + 1)-th
 * best allowed score below c; the largest; of equal ones the better item, or the lower code where g = 0
 *
 *   excluded: bit v % 64 of word v / 64 of a row leaves out item v; NULL = nothing. Items whose score is NaN or
 * -INFINITY are left out too. lead (n, K) items and lead_score, -1 = none: the ranker's own list, which comes first as
 * it stands where scores differ by rounding; lead NULL = there is none. item (n, K): of the rows; -1 everywhere where
 * fewer than K are left, and nothing else is computed for such a user. item_score (n, K): of those, by the ranker.
 * log_p (n): of the slate by the decoder, over open codes.
 *
 *   The grid's and the trie's lists are device arrays, uint32 where they are the trie's. codes of column c:
 * column_codes[c] from column_first[c] on; a code beyond the last shares its row. Tolerance: that of the products;
 * where two values are equal up to rounding another code may be chosen. */
#ifndef SK_SLATE_H
#define SK_SLATE_H

#include "kernels/scratch.h"
#include <stdint.h>

enum { SK_SLATE_COLUMNS = 9, SK_SLATE_BLOCKS = 9, SK_SLATE_HEADS = 2, SK_SLATE_GIVEN = 2, SK_SLATE_PARTS = 16 };

typedef struct sk_slate_block {
  const float *norm1_gamma, *norm1_beta, *qkv_w, *qkv_b, *out_w, *out_b;
  const float *norm2_gamma, *norm2_beta, *up_w, *up_b, *down_w, *down_b;
} sk_slate_block;

typedef struct sk_slate_net {
  int32_t d, heads, blocks, first_head, out_heads; /* of attention; in all; the block behind which head 0 stands; H */
  sk_slate_block block[SK_SLATE_BLOCKS];
  const float *norm_gamma[SK_SLATE_HEADS], *norm_beta[SK_SLATE_HEADS];
  const float *state_w, *state_b, *user_w, *user_b, *codes, *rows, *columns, *out;
  int32_t column_first[SK_SLATE_COLUMNS], column_codes[SK_SLATE_COLUMNS];
} sk_slate_net;

/* solid/infer/slate/grid.h; input and source are pairs, ranges too. */
typedef struct sk_slate_grid {
  int32_t rows, width, steps, inputs, n_ranges, n_sources;
  int32_t most_inputs, most_cells; /* of a step */
  const int32_t *cell_offsets, *cell, *input_offsets, *input, *key_offsets, *ranges, *source_offsets, *source;
} sk_slate_grid;

/* solid/model/trie.h; level l has begin, code and child of its nodes. */
typedef struct sk_slate_trie {
  int32_t items, widest, first_nodes; /* first_nodes: of level 1 */
  const uint32_t *item, *place;       /* by place; by item */
  const uint32_t *begin[SK_SLATE_COLUMNS + 1], *code[SK_SLATE_COLUMNS + 1], *child[SK_SLATE_COLUMNS + 1];
} sk_slate_trie;

typedef struct sk_slate_args {
  int32_t n;
  sk_slate_net net;
  sk_slate_grid grid;
  sk_slate_trie trie;
  const float *h, *u;       /* (n, d) */
  const float *score;       /* (n, items) by item */
  const uint64_t *excluded; /* (n, words) */
  int32_t words;
  const int32_t *lead;
  const float *lead_score;
  float guide;
  int32_t *item;
  float *item_score;
  float *log_p;
} sk_slate_args;

/* All of a user's memory, as if none of it were shared memory: an upper bound. */
static inline uint64_t sk_slate_scratch(const sk_slate_args *a) {
  const sk_slate_net *net = &a->net;
  uint64_t d = (uint64_t)net->d, m = (uint64_t)a->grid.most_inputs, inputs = (uint64_t)a->grid.inputs, codes = 0;
  for (int c = 0; c < a->grid.width; c++) codes += (uint64_t)net->column_codes[c];
  uint64_t heads = net->heads > 0 ? (uint64_t)net->heads : 1; /* no network, no heads */
  uint64_t cells = (uint64_t)a->grid.rows * ((uint64_t)a->grid.width + 1), n = (uint64_t)a->grid.most_cells;
  uint64_t small = 2 * (uint64_t)net->blocks * inputs * d + (8 + (uint64_t)net->out_heads) * m * d;
  small += inputs + (SK_SLATE_PARTS + m * heads) * (d / heads + 2) + n * ((uint64_t)net->out_heads * d + codes);
  small += 4 * (uint64_t)a->trie.widest + 3 * cells;
  uint64_t large = (uint64_t)a->trie.items * 10 / 9 + 2 * (uint64_t)a->trie.first_nodes;
  return 4 * (uint64_t)a->n * (small + large + 256);
}

#endif
