/* The decoder of slates: a few causal blocks over what a grid is given (the user) and the cells so far.
 *
 *   Given inputs, two of them:  x_0 = W_h h + b_h      x_1 = W_u u + b_u         the encoder's state and the user
 * vector A row's token:              x = row[i] + column[C] A cell of row i, column c:  x = code[c, code] + row[i] +
 * column[c] Blocks as the encoder's (pre-norm, GELU), attention by the grid's ranges of slots. Heads, in series:
 * "right" is norm_0 of the output of block n, "down" (near-to-far alone) norm_1 of the output of one block more. The
 * logits of a cell of column c are out_c (u_0 | u_1), where u_k is the mean's share of the output at the cell's source
 * for head k, and zero where there is none: the mean of the logits of the neighbours before it.
 *
 * Rows of an array stand slot by slot, and within a slot window by window (kernels/attend_ranges.h), so that a step is
 * one stretch. Decoding runs some slots at a time over keys and values that are kept; training runs all at once. All
 * pointers are device pointers. Nothing here allocates. */
#ifndef SOLID_INFER_SLATE_DECODER_H
#define SOLID_INFER_SLATE_DECODER_H

#include "kernels/backend.h"
#include "solid/infer/slate/grid.h"
#include "solid/model/tensors.h"

#define SOL_DECODER_GIVEN  2
#define SOL_DECODER_BLOCKS (SOL_MAX_BLOCKS + SOL_MAX_SLATE_HEADS - 1)

/* What a block leaves; n = rows of the slots that go in. Without training x = mid and nothing else lasts but kv. */
typedef struct sol_decoder_block {
  float *x;                     /* (n, d) its input */
  float *norm1, *mean1, *rstd1; /* (n, d), (n), (n) */
  float *q;                     /* (n, d) */
  float *kv;                    /* (all slots, windows, 2d) */
  float *attended, *lse;        /* (n, d), (n, heads) */
  float *mid;                   /* (n, d) after the attention's residual */
  float *norm2, *mean2, *rstd2;
  float *up, *activated; /* (n, 4d) before GELU; after GELU and dropout */
} sol_decoder_block;

typedef struct sol_decoder_state {
  sol_decoder_block block[SOL_DECODER_BLOCKS];
  float *x;                                                     /* (n, d) the last block's output */
  float *mean[SOL_MAX_SLATE_HEADS], *rstd[SOL_MAX_SLATE_HEADS]; /* (n) of the heads' norms */
  float *work;                                                  /* (n, d) */
} sol_decoder_state;

/* Point the members into `base` (NULL only counts) and return how many floats they take: for `slots` slots at a time of
 * `kept` in all; and for training, where all go in at once and everything lasts. */
size_t sol_decoder_bind(sol_decoder_state *state, const sol_config *config, size_t windows, size_t slots, size_t kept,
                        float *base);
size_t sol_decoder_bind_training(sol_decoder_state *state, const sol_config *config, size_t windows, size_t slots,
                                 float *base);

typedef struct sol_decoder_pass {
  sk_backend *be;
  const sol_config *config;
  const sol_decoder_weights *weights;
  const sol_decoder_state *state;
  int32_t windows;
  int32_t first, slots;       /* slots first .. first + slots - 1 go in */
  const int32_t *key_offsets; /* (slots + 1) of those slots, into ranges */
  const int32_t *ranges;
  const int32_t *codes, *rows, *columns; /* (slots, windows) rows of the embeddings, -1 = none */
  const float *h, *u;                    /* (windows, d), read where slot 0 goes in */
  float p;                               /* dropout of training */
  uint64_t seed;
} sol_decoder_pass;

/* Slots go in: out (heads, slots, windows, d), the outputs of every head. */
solid_status sol_decoder_run(const sol_decoder_pass *pass, float *out);

/* n rows of what meets sol_decoder_weights.out, y (n, heads, d), from out (outputs, d) as above taken as one table:
 * y_i = alone_i, or half of both_i: (n heads) indices each, one of them -1 everywhere in a row. */
solid_status sol_decoder_gather(const sol_decoder_pass *pass, int32_t n, int32_t outputs, const float *out,
                                const int32_t *alone, const int32_t *both, float *y);

/* logits (n, codes of the column) of rows y (n, heads, d) that are all of one column. */
solid_status sol_decoder_logits(const sol_decoder_pass *pass, int32_t n, uint32_t column, const float *y,
                                float *logits);

/* Codes of a column, and the first of them among the codes of all columns. */
uint32_t sol_decoder_codes(const sol_config *config, uint32_t column);
uint32_t sol_decoder_first_code(const sol_config *config, uint32_t column);

/* The row of the code embeddings of a column's code; collisions beyond those that were trained share the last row. */
int32_t sol_decoder_code(const sol_config *config, uint32_t column, uint32_t code);

/* The shape of a decoder's grid. */
sol_grid_shape sol_decoder_shape(const sol_config *config, sol_order order, int32_t window, uint32_t rows);

/* Rows of the row and column embeddings for one slot, -1 = none. */
void sol_decoder_index(const sol_config *config, const sol_grid *grid, int32_t slot, int32_t *row, int32_t *column);

#endif
