#include "solid/train/fit/backward.h"
#include "kernels/formula.h"

/* Shared by both halves of a block. */
typedef struct block_pass {
  sol_run *run;
  const sol_pass *pass;
  const sol_block_weights *w, *g;
  const sol_block_state *s;
  const sol_dropout *drop;
  uint64_t site;
  float *dx;   /* (n, d) gradient of the residual stream, in and out */
  float *wide; /* (n, 4d) */
  float *t;    /* (n, d) */
} block_pass;

static void feed_forward_backward(const block_pass *b) {
  int32_t n = b->pass->batch->rows, d = (int32_t)b->pass->config->width;
  int64_t floats = (int64_t)n * d;
  dropout(b->run, floats, b->drop->p, sol_site_seed(b->drop->seed, b->site + 3), 0, b->dx, b->t);
  linear_backward(b->run, n, 4 * d, d, b->s->activated, b->w->down, b->g->down, b->t, 0, b->wide);
  dropout(b->run, 4 * floats, b->drop->p, sol_site_seed(b->drop->seed, b->site + 2), 0, b->wide, b->wide);
  activate_backward(b->run, 4 * floats, SK_GELU, b->s->up, b->wide, b->wide);
  linear_backward(b->run, n, d, 4 * d, b->s->norm2, b->w->up, b->g->up, b->wide, 0, b->t);
  norm_backward(b->run, n, d, b->s->mid, b->w->norm2, b->g->norm2, b->s->mean2, b->s->rstd2, b->t, 1, b->dx);
}

/* Gradients of queries and keys that were turned by their ages. */
static void turn_back(const block_pass *b, int32_t n, int32_t d, float *dqkv) {
  const sol_config *config = b->pass->config;
  if (config->positions != SOL_POSITIONS_ROTARY) return;
  sol_op_rotate(b->run, &(sk_rotate_args){.n = n,
                                          .heads = 2 * (int32_t)config->heads,
                                          .dh = (int32_t)(config->width / config->heads),
                                          .turned = (int32_t)config->turned,
                                          .positions = b->pass->batch->ages,
                                          .direction = 1,
                                          .x = dqkv,
                                          .stride = 3 * d});
}

static void attention_backward(const block_pass *b) {
  int32_t n = b->pass->batch->rows, d = (int32_t)b->pass->config->width;
  int64_t floats = (int64_t)n * d;
  float *dqkv = b->wide, *dattended = b->wide + 3 * floats;
  dropout(b->run, floats, b->drop->p, sol_site_seed(b->drop->seed, b->site + 1), 0, b->dx, b->t);
  linear_backward(b->run, n, d, d, b->s->attended, b->w->out, b->g->out, b->t, 0, dattended);
  sol_op_attend_backward(b->run, &(sk_attend_backward_args){.pairs = sol_block_pairs(b->pass, b->s),
                                                            .precision = sol_block_precision(b->pass),
                                                            .span = sol_block_span(b->pass),
                                                            .bias = b->w->distance,
                                                            .dbias = b->g->distance,
                                                            .q = b->s->qkv,
                                                            .k = b->s->qkv + d,
                                                            .v = b->s->qkv + 2 * d,
                                                            .q_stride = 3 * d,
                                                            .kv_stride = 3 * d,
                                                            .p = b->drop->p,
                                                            .seed = sol_site_seed(b->drop->seed, b->site),
                                                            .out = b->s->attended,
                                                            .lse = b->s->lse,
                                                            .dout = dattended,
                                                            .dq = dqkv,
                                                            .dk = dqkv + d,
                                                            .dv = dqkv + 2 * d,
                                                            .dq_stride = 3 * d,
                                                            .dkv_stride = 3 * d});
  turn_back(b, n, d, dqkv);
  linear_backward(b->run, n, d, 3 * d, b->s->norm1, b->w->qkv, b->g->qkv, dqkv, 0, b->t);
  norm_backward(b->run, n, d, b->s->x, b->w->norm1, b->g->norm1, b->s->mean1, b->s->rstd1, b->t, 1, b->dx);
}

solid_status sol_encode_rows_backward(const sol_pass *pass, const sol_dropout *drop, const sol_encoder_state *state,
                                      float *dh, const sol_weights *grads, const sol_catalogue_grads *tables) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_batch *batch = pass->batch;
  int32_t n = batch->rows, d = (int32_t)pass->config->width;
  norm_backward(&run, n, d, state->x, pass->weights->norm, grads->norm, state->mean, state->rstd, dh, 0, dh);
  for (uint32_t b = pass->config->blocks; b-- > 0;) {
    block_pass block = {.run = &run,
                        .pass = pass,
                        .w = &pass->weights->block[b],
                        .g = &grads->block[b],
                        .s = &state->block[b],
                        .drop = drop,
                        .site = SOL_SITE_BLOCK + 4 * (uint64_t)b,
                        .dx = dh,
                        .wide = state->work,
                        .t = state->grad};
    feed_forward_backward(&block);
    attention_backward(&block);
  }
  dropout(&run, (int64_t)n * d, drop->p, sol_site_seed(drop->seed, SOL_SITE_INPUT), 0, dh, dh);
  scatter(&run, n, d, (int32_t)pass->config->items, dh, batch->items, tables->vectors);
  if (pass->config->positions == SOL_POSITIONS_LEARNED)
    scatter(&run, n, d, (int32_t)pass->config->window, dh, batch->ages, grads->positions);
  return run.status;
}

solid_status sol_branch_rows_backward(const sol_pass *pass, const sol_branch_weights *weights, sol_site site,
                                      const sol_dropout *drop, const sol_branch_state *state, float *work, float *dz,
                                      const sol_branch_weights *grads, float *dtable) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_batch *batch = pass->batch;
  int32_t n = batch->rows, d = (int32_t)pass->config->width;
  int64_t floats = (int64_t)n * d;
  float *dgates_recurrent = work, *t = work + 3 * floats;
  uint64_t at = (uint64_t)site;
  dropout(&run, floats, drop->p_z, sol_site_seed(drop->seed, at + 2), 0, dz, dz);
  linear_backward(&run, n, d, d, state->activated, weights->mlp2, grads->mlp2, dz, 0, t);
  dropout(&run, floats, drop->p_z, sol_site_seed(drop->seed, at + 1), 0, t, t);
  activate_backward(&run, floats, SK_TANH, state->sum, t, t);
  linear_backward(&run, n, d, d, state->state, weights->mlp1, grads->mlp1, t, 0, dz);
  sol_op_gru_backward(&run, &(sk_gru_backward_args){.windows = batch->recent.windows,
                                                    .rows = n,
                                                    .max_window = batch->recent.max_window,
                                                    .d = d,
                                                    .offsets = batch->recent.offsets,
                                                    .w_hh = weights->gru.recurrent.w,
                                                    .out = state->state,
                                                    .saved = state->saved,
                                                    .dout = dz,
                                                    .dgx = state->gates,
                                                    .dw_hh = grads->gru.recurrent.w,
                                                    .db_hh = grads->gru.recurrent.b,
                                                    .scratch = dgates_recurrent});
  linear_backward(&run, n, d, 3 * d, state->input, weights->gru.in, grads->gru.in, state->gates, 0, t);
  dropout(&run, floats, drop->p, sol_site_seed(drop->seed, at), 0, t, t);
  scatter(&run, n, d, (int32_t)pass->config->items, t, batch->items, dtable);
  return run.status;
}

solid_status sol_catalogue_backward(const sol_pass *pass, const sol_catalogue_grads *tables, const sol_weights *grads) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  if (config->levels == 0) return SOLID_OK;
  int32_t V = (int32_t)config->items, d = (int32_t)config->width;
  add(&run, (int64_t)V * d, tables->vectors, grads->items);
  add(&run, (int64_t)V * d, tables->vectors, tables->semantic);
  for (uint32_t c = 0; c < config->levels; c++)
    scatter(&run, V, d, (int32_t)config->codes, tables->semantic, pass->catalogue->codes + (size_t)c * config->items,
            grads->metacodes + (size_t)c * config->codes * config->width);
  for (uint32_t s = 0; s < config->slots; s++)
    scatter(&run, V, d, (int32_t)config->attributes, tables->semantic,
            pass->catalogue->attributes + (size_t)s * config->items, grads->attributes);
  return run.status;
}
