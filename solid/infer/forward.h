/* The model's forward pass over a backend: used by the worker (inference: newest row only, nothing kept) and by the
 * trainer (every row, with dropout, keeping what the backward pass needs). All float and int pointers are device
 * pointers. Nothing here allocates: memory is planned by the caller with the *_floats and *_bind functions. A failing
 * function returns the kernel's status and leaves the text in be->err. */
#ifndef SOLID_INFER_FORWARD_H
#define SOLID_INFER_FORWARD_H

#include "kernels/backend.h"
#include "solid/infer/batch.h"
#include "solid/model/catalogue.h"

/* What every stage over a batch takes. */
typedef struct sol_pass {
  sk_backend *be;
  const sol_config *config;
  const sol_weights *weights;
  const sol_catalogue *catalogue;
  const sol_batch *batch;
  float *scratch; /* inference: sol_forward_floats(config, windows, rows) */
} sol_pass;

/* ---- Inference: the newest row of each window ---- */

/* Floats of scratch that sol_encode, sol_generate and sol_apply need, one after the other, for up to so many windows
 * and rows in all. */
size_t sol_forward_floats(const sol_config *config, size_t windows, size_t rows);
size_t sol_encoder_floats(const sol_config *config, size_t windows, size_t rows);   /* sol_encode alone */
size_t sol_generator_floats(const sol_config *config, size_t windows, size_t rows); /* sol_generate, sol_apply alone */

/* h (windows, d): the encoder's state at the newest row; zero for an empty window. The last block computes query and
 * feed-forward for the newest rows only. */
solid_status sol_encode(const sol_pass *pass, float *h);

/* params (windows, P): the generated layers of each window, [in][out] then [out], layer after layer. Nothing to do for
 * the static head. An empty window gets the layers of z = GRU state 0. */
solid_status sol_generate(const sol_pass *pass, float *params);

/* The same as binary16. */
solid_status sol_generate_halves(const sol_pass *pass, uint16_t *params);

/* u (n, d) = h + y(h), row r under params[r], or params[index[r]] where there is an index; params is (rows, P). u = h
 * without a generator. u may be h. pass->batch and pass->catalogue are not used; scratch:
 * sol_forward_floats(config, n, n) is enough. */
solid_status sol_apply(const sol_pass *pass, int32_t n, const float *h, const float *params, const int32_t *index,
                       float *u);

/* z (windows, d) of each branch that the head has: the layers are generated from it. */
solid_status sol_branches(const sol_pass *pass, float *z_item, float *z_semantic);

/* u (n, d) = h + y(h) under layers that are generated from z (n, d each) and not kept; the z of an absent branch is
 * NULL. As sol_apply otherwise. */
solid_status sol_generate_apply(const sol_pass *pass, int32_t n, const float *h, const float *z_item,
                                const float *z_semantic, float *u);

/* ---- Training: every row, with dropout, kept for the backward pass ---- */

/* Dropout of one training step: probability p at the sites of the encoder and of the generator's inputs, `p_z` inside
 * and after the generator's MLPs, `p_y` on its output. Each site has its own stream, derived from `seed`. */
typedef struct sol_dropout {
  float p, p_z, p_y;
  uint64_t seed;
} sol_dropout;

typedef enum sol_site {
  SOL_SITE_INPUT = 0,
  SOL_SITE_ITEM_INPUT = 1,
  SOL_SITE_ITEM_MLP = 2,
  SOL_SITE_ITEM_Z = 3,
  SOL_SITE_SEMANTIC_INPUT = 4, /* the sites of a branch follow one another */
  SOL_SITE_SEMANTIC_MLP = 5,
  SOL_SITE_SEMANTIC_Z = 6,
  SOL_SITE_OUTPUT = 7,
  SOL_SITE_BLOCK = 1 << 24 /* + 4 * block + {attention, projection, GELU, feed-forward} */
} sol_site;

/* Seed of one site's stream. */
uint64_t sol_site_seed(uint64_t seed, uint64_t site);

/* What a block keeps; n = rows. `x` is the block's input, the next block's `x` its output. */
typedef struct sol_block_state {
  float *x;                     /* (n, d) */
  float *norm1, *mean1, *rstd1; /* (n, d), (n), (n) */
  float *qkv;                   /* (n, 3d) */
  float *attended, *lse;        /* (n, d), (n, heads) */
  int32_t *kept, *counts;       /* lists (heads, entries), (heads, chunks) of the batch's chunks: sparse attention */
  float *mid;                   /* (n, d) after the attention's residual */
  float *norm2, *mean2, *rstd2; /* (n, d), (n), (n) */
  float *up, *activated;        /* (n, 4d) before GELU; after GELU and dropout */
} sol_block_state;

typedef struct sol_encoder_state {
  sol_block_state block[SOL_MAX_BLOCKS];
  float *x;           /* (n, d): the last block's output */
  float *mean, *rstd; /* (n) of the final norm */
  float *work;        /* (n, 4d) scratch of both passes */
  float *grad;        /* (n, d) scratch of the backward pass */
} sol_encoder_state;

typedef struct sol_branch_state {
  float *input;     /* (n, d) embeddings after dropout */
  float *gates;     /* (n, 3d) input products; their gradient in the backward pass */
  float *state;     /* (n, d) of the GRU */
  float *saved;     /* (n, 4d) of the GRU */
  float *sum;       /* (n, d) before tanh */
  float *activated; /* (n, d) after tanh and dropout */
  float *z;         /* (n, d) after dropout */
} sol_branch_state;

/* Point the members into `base` (which may be NULL) and return how many floats they take. */
size_t sol_encoder_state_bind(sol_encoder_state *state, const sol_config *config, size_t windows, size_t rows,
                              float *base);
size_t sol_branch_state_bind(sol_branch_state *state, const sol_config *config, size_t rows, float *base);

/* Who reads whom in a block: the window's older rows, or, where the batch has chunks, those in the block's lists. */
sk_attend_pairs sol_block_pairs(const sol_pass *pass, const sol_block_state *s);

/* Span of attention's dropout (kernels/attend.h), and the precision of its products: BF16 where products may round and
 * windows are long. */
int64_t sol_block_span(const sol_pass *pass);
int32_t sol_block_precision(const sol_pass *pass);

/* h (rows, d) of every row; every window must hold at least one row. */
solid_status sol_encode_rows(const sol_pass *pass, const sol_dropout *drop, const sol_encoder_state *state, float *h);

/* state->z (rows, d) of one branch: `weights` of the branch, `part` what its GRU reads of pass->catalogue (items or
 * semantic), `site` its first dropout site. */
solid_status sol_branch_rows(const sol_pass *pass, const sol_branch_weights *weights, sk_rows_part part, sol_site site,
                             const sol_dropout *drop, const sol_branch_state *state);

#endif
