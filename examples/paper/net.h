/* A paper model on one device: memory for a batch of windows, the forward pass, the backward pass, Adam.
 *
 *   encode.c   histories and candidates -> item rows h, target vectors u, the state x_0
 *   branch.c   histories -> z of the item and the semantic branch; the codebook between them
 *   head.c     z -> layers -> x_n -> scores and loss
 *   step.c     all of them in their order, in lanes where one does not wait for another
 *
 * Activations stay where the forward pass left them until the next one, for the backward pass and for tests. */
#ifndef EXAMPLES_PAPER_NET_H
#define EXAMPLES_PAPER_NET_H

#include "examples/paper/batch.h"
#include "examples/paper/weights.h"
#include "kernels/ops.h"

/* tanh(linear(table[id] + position)) of every row */
typedef struct sol_paper_sequence_state {
  float *e, *pre, *h, *dh; /* (rows, d) */
} sol_paper_sequence_state;

typedef struct sol_paper_gru_state {
  float *gates, *h, *saved; /* (rows, 3d), (rows, d), (rows, 4d) */
  float *last;              /* (windows, d): h at the newest row */
} sol_paper_gru_state;

typedef struct sol_paper_branch_state {
  sol_paper_gru_state gru;
  float *pre, *hidden, *z, *dz; /* (windows, d) */
} sol_paper_branch_state;

typedef struct sol_paper_attention_state {             /* sasrec: n = windows; din: n = pairs, keys spread over them */
  float *q, *kv, *spread, *out, *lse;                  /* (n, d), (rows, 2d), (spread rows, 2d), (n, d), (n, heads) */
  float *newest, *sum1, *norm1, *ffn_pre, *ffn, *sum2; /* (n, d), but ffn (n, 4d) */
  float *mean1, *rstd1, *mean2, *rstd2;                /* (n) */
} sol_paper_attention_state;

/* A step as it was recorded for batches of this shape, on which every pointer and every size of it depends. */
typedef struct sol_paper_graph {
  int32_t windows, rows;
  sk_graph *graph;
} sol_paper_graph;

#define SOL_PAPER_MAX_GRAPHS 256

/* Lanes of the back end: each has scratch of its own. */
typedef enum sol_paper_lane {
  SOL_PAPER_MAIN, /* the item rows, the encoder, the head */
  SOL_PAPER_SEMANTIC,
  SOL_PAPER_ITEM,
  SOL_PAPER_TARGET,
  SOL_PAPER_LANES
} sol_paper_lane;

typedef struct sol_paper_net {
  sk_backend *be;
  sol_paper_config config;
  sol_paper_tensors tensors;
  size_t max_windows, candidates;
  const int32_t *category; /* borrowed, host */

  void *memory;
  int32_t *ints, *host; /* (slots, room) */
  int32_t *ready;       /* (room) on the device: the batch at work, always at the same place */
  size_t slots, room;
  sol_paper_batch *batches; /* (slots), with pointers into `ready` */
  size_t *used;             /* (slots) */
  sol_paper_graph *graphs;
  size_t n_graphs;
  float *values, *grads, *moment1, *moment2; /* (total), (total), (trained) twice; the last three NULL in inference */
  sol_paper_weights weights, gradients;
  const sol_paper_batch *batch; /* the one at work */

  sol_paper_sequence_state item, semantic;
  float *candidate, *target_pre, *target_hidden, *u, *du; /* (pairs, d) */
  sol_paper_attention_state attention;
  sol_paper_gru_state encoder;
  float *x, *dx; /* the head's input x_0: (windows, d), for din (pairs, 2d) */
  int32_t *code; /* (rows) */
  float *quantized, *decoder_pre, *decoder_hidden, *decoded, *difference; /* (rows, d), decoder_* (rows, 2d) */
  sol_paper_branch_state item_branch, semantic_branch;
  float *generated[SOL_PAPER_LAYERS], *item_part[SOL_PAPER_LAYERS]; /* (windows, m); before the clip */
  float *layer_pre[SOL_PAPER_LAYERS], *layer[SOL_PAPER_LAYERS];     /* (windows or pairs, out) */
  float *dgenerated[SOL_PAPER_LAYERS], *drun, *ditem_part;          /* (windows, m); drun of one candidate */
  float *dtop;                                                      /* of the last layer's output */
  float *dbranch;                                                   /* (rows, d): the item branch's part of item.dh */
  float *ones, *score, *loss;                                       /* (pairs) */
  float *scratch[SOL_PAPER_LANES][3]; /* for gradients, each as large as any activation of the lane */
  float *const *work;                 /* of the lane at work */
  float *loss_sum, *codebook_sum;     /* (1): sums since they were last taken */
} sol_paper_net;

/* For `slots` batches of up to `windows` windows with `candidates` candidates each; `training` makes room for
 * gradients. category as in sol_paper_batch_pack, borrowed. Weights are undefined. A zeroed struct may be closed. */
typedef struct sol_paper_net_options {
  size_t slots, windows, candidates;
  const int32_t *category;
  int training;
} sol_paper_net_options;

solid_status sol_paper_net_open(sol_paper_net *net, sk_backend *be, const sol_paper_config *config,
                                const sol_paper_net_options *options);
void sol_paper_net_close(sol_paper_net *net);

/* All weights, from and to the host. */
solid_status sol_paper_net_put(sol_paper_net *net, const float *values);
solid_status sol_paper_net_get(sol_paper_net *net, float *values);

/* Packs a batch into a slot; sol_paper_net_send brings slots 0 .. count-1 to the device at once, so that the device is
 * waited for once in many steps. What works on a slot moves it to `ready` first. */
void sol_paper_net_load(sol_paper_net *net, size_t slot, const int32_t *history, const int32_t *target, size_t windows);
solid_status sol_paper_net_send(sol_paper_net *net, size_t count);

/* Scores of a slot's batch stay in net->score; with `learn`, losses are added up as well. */
solid_status sol_paper_net_forward(sol_paper_net *net, size_t slot, int learn);

/* After a forward pass with `learn`: gradients of mean bce + weight * codebook loss, overwritten. */
solid_status sol_paper_net_backward(sol_paper_net *net);

/* The two passes, from the second time on that a shape of batch occurs as one recording. */
solid_status sol_paper_net_gradients(sol_paper_net *net, size_t slot);

/* Adam (Kingma & Ba 2015) over the trained weights; `number` counts from 1. */
solid_status sol_paper_net_update(sol_paper_net *net, float rate, int64_t number);

/* (windows, candidates) in the order that the candidates came in. */
solid_status sol_paper_net_scores(sol_paper_net *net, float *scores);

/* Sums of the bce over pairs, and of the squares in the codebook's loss, since the last call. */
solid_status sol_paper_net_take_losses(sol_paper_net *net, double *bce, double *codebook);

/* What follows is the work of that lane; all lanes have ended, and the main one goes on. */
void sol_paper_enter(sol_paper_net *net, sol_run *run, sol_paper_lane lane);
void sol_paper_join(sol_paper_net *net, sol_run *run);

/* Parts of the two passes, each in its file. */
void sol_paper_target(sol_paper_net *net, sol_run *run);
void sol_paper_target_backward(sol_paper_net *net, sol_run *run);
void sol_paper_encode(sol_paper_net *net, sol_run *run);
void sol_paper_encode_backward(sol_paper_net *net, sol_run *run);
void sol_paper_item_branch(sol_paper_net *net, sol_run *run);
void sol_paper_item_branch_backward(sol_paper_net *net, sol_run *run);
void sol_paper_semantic_branch(sol_paper_net *net, sol_run *run);
void sol_paper_semantic_branch_backward(sol_paper_net *net, sol_run *run);
void sol_paper_codebook_loss(sol_paper_net *net, sol_run *run);
void sol_paper_generate(sol_paper_net *net, sol_run *run);
void sol_paper_generate_backward(sol_paper_net *net, sol_run *run, sol_paper_lane branch);
void sol_paper_score(sol_paper_net *net, sol_run *run, int learn);
void sol_paper_score_backward(sol_paper_net *net, sol_run *run);

/* The rows of histories, for both tables. */
void sol_paper_sequence(sol_paper_net *net, sol_run *run, const float *table, uint32_t rows, const int32_t *ids,
                        const float *positions, const sol_linear *w, const sol_paper_sequence_state *s);
void sol_paper_sequence_backward(sol_paper_net *net, sol_run *run, float *dtable, uint32_t rows, const int32_t *ids,
                                 float *dpositions, const sol_linear *w, const sol_linear *g,
                                 const sol_paper_sequence_state *s);

/* x (rows, d) -> s->last; dlast (windows, d) -> dx (rows, d). */
void sol_paper_gru_forward(sol_paper_net *net, sol_run *run, const sol_gru *w, const float *x,
                           const sol_paper_gru_state *s);
void sol_paper_gru_backward(sol_paper_net *net, sol_run *run, const sol_gru *w, const sol_gru *g, const float *x,
                            const sol_paper_gru_state *s, const float *dlast, float *dx);

#endif
