#include "solid/train/fit/backward.h"
#include "kernels/ops.h"

static void dropout(sol_run *run, size_t n, float p, uint64_t seed, const float *x, float *y) {
  sol_op_dropout(run, &(sk_dropout_args){.n = (int64_t)n, .p = p, .seed = seed, .x = x, .y = y});
}

/* Of y = f(x w^T + b): dw and db accumulate, dx is overwritten. */
static void linear_backward(sol_run *run, int32_t n, int32_t in, int32_t out, const float *x, const float *w,
                            const float *dy, float *dx, float *dw, float *db) {
  sol_op_linear_backward(
      run,
      &(sk_linear_backward_args){.n = n, .in = in, .out = out, .x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .db = db});
}

static void scatter(sol_run *run, int32_t n, int32_t d, uint32_t rows, const float *dout, const int32_t *index,
                    float *dtable) {
  sol_op_embed_backward(
      run, &(sk_embed_backward_args){
               .n = n, .d = d, .rows = (int32_t)rows, .dout = dout, .index = index, .scale = 1, .dtable = dtable});
}

/* What both halves of a block need. */
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
  size_t floats = (size_t)n * (size_t)d;
  dropout(b->run, floats, b->drop->p, sol_site_seed(b->drop->seed, b->site + 3), b->dx, b->t);
  linear_backward(b->run, n, 4 * d, d, b->s->hidden, b->w->down_w, b->t, b->wide, b->g->down_w, b->g->down_b);
  if (b->drop->p > 0)
    dropout(b->run, 4 * floats, b->drop->p, sol_site_seed(b->drop->seed, b->site + 2), b->wide, b->wide);
  sol_op_activate_backward(b->run,
                           &(sk_activate_backward_args){
                               .n = 4 * (int64_t)floats, .f = SK_GELU, .x = b->s->up, .dy = b->wide, .dx = b->wide});
  linear_backward(b->run, n, d, 4 * d, b->s->norm2, b->w->up_w, b->wide, b->t, b->g->up_w, b->g->up_b);
  sol_op_layer_norm_backward(b->run, &(sk_layer_norm_backward_args){.n = n,
                                                                    .d = d,
                                                                    .x = b->s->mid,
                                                                    .gamma = b->w->norm2_gamma,
                                                                    .mean = b->s->mean2,
                                                                    .rstd = b->s->rstd2,
                                                                    .dy = b->t,
                                                                    .accumulate_dx = 1,
                                                                    .dx = b->dx,
                                                                    .dgamma = b->g->norm2_gamma,
                                                                    .dbeta = b->g->norm2_beta});
}

/* Gradients of queries and keys that were turned by their ages. */
static void turn_back(const block_pass *b, int32_t n, int32_t d, float *dqkv) {
  const sol_config *config = b->pass->config;
  if (config->positions != SOL_POSITIONS_ROTARY) return;
  sol_op_rotate(b->run, &(sk_rotate_args){.n = n,
                                          .heads = 2 * (int32_t)config->heads,
                                          .dh = (int32_t)(config->width / config->heads),
                                          .positions = b->pass->batch->ages,
                                          .direction = 1,
                                          .x = dqkv,
                                          .stride = 3 * d});
}

static void attention_backward(const block_pass *b) {
  const sol_batch *batch = b->pass->batch;
  int32_t n = batch->rows, d = (int32_t)b->pass->config->width;
  size_t floats = (size_t)n * (size_t)d;
  float *dqkv = b->wide, *dattended = b->wide + 3 * floats;
  dropout(b->run, floats, b->drop->p, sol_site_seed(b->drop->seed, b->site + 1), b->dx, b->t);
  linear_backward(b->run, n, d, d, b->s->attended, b->w->out_w, b->t, dattended, b->g->out_w, b->g->out_b);
  sol_op_attend_backward(b->run, &(sk_attend_backward_args){.pairs = sol_batch_pairs(batch, b->pass->config),
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
  linear_backward(b->run, n, d, 3 * d, b->s->norm1, b->w->qkv_w, dqkv, b->t, b->g->qkv_w, b->g->qkv_b);
  sol_op_layer_norm_backward(b->run, &(sk_layer_norm_backward_args){.n = n,
                                                                    .d = d,
                                                                    .x = b->s->x,
                                                                    .gamma = b->w->norm1_gamma,
                                                                    .mean = b->s->mean1,
                                                                    .rstd = b->s->rstd1,
                                                                    .dy = b->t,
                                                                    .accumulate_dx = 1,
                                                                    .dx = b->dx,
                                                                    .dgamma = b->g->norm1_gamma,
                                                                    .dbeta = b->g->norm1_beta});
}

solid_status sol_encode_rows_backward(const sol_pass *pass, const sol_dropout *drop, const sol_encoder_state *state,
                                      float *dh, const sol_weights *grads, const sol_catalogue_grads *tables) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_batch *batch = pass->batch;
  int32_t n = batch->rows, d = (int32_t)pass->config->width;
  sol_op_layer_norm_backward(&run, &(sk_layer_norm_backward_args){.n = n,
                                                                  .d = d,
                                                                  .x = state->x,
                                                                  .gamma = pass->weights->norm_gamma,
                                                                  .mean = state->mean,
                                                                  .rstd = state->rstd,
                                                                  .dy = dh,
                                                                  .dx = dh,
                                                                  .dgamma = grads->norm_gamma,
                                                                  .dbeta = grads->norm_beta});
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
  if (drop->p > 0) dropout(&run, (size_t)n * (size_t)d, drop->p, sol_site_seed(drop->seed, SOL_SITE_INPUT), dh, dh);
  scatter(&run, n, d, pass->config->items, dh, batch->items, tables->vectors);
  if (pass->config->positions == SOL_POSITIONS_LEARNED)
    scatter(&run, n, d, pass->config->window, dh, batch->ages, grads->positions);
  return run.status;
}

solid_status sol_branch_rows_backward(const sol_pass *pass, const sol_branch_weights *weights, sol_site site,
                                      const sol_dropout *drop, const sol_branch_state *state, float *work, float *dz,
                                      const sol_branch_weights *grads, float *dtable) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_batch *batch = pass->batch;
  int32_t n = batch->rows, d = (int32_t)pass->config->width;
  size_t floats = (size_t)n * (size_t)d;
  float *dgates_hidden = work, *t = work + 3 * floats;
  uint64_t at = (uint64_t)site;
  if (drop->p_z > 0) dropout(&run, floats, drop->p_z, sol_site_seed(drop->seed, at + 2), dz, dz);
  linear_backward(&run, n, d, d, state->hidden, weights->mlp2_w, dz, t, grads->mlp2_w, grads->mlp2_b);
  if (drop->p_z > 0) dropout(&run, floats, drop->p_z, sol_site_seed(drop->seed, at + 1), t, t);
  sol_op_activate_backward(
      &run, &(sk_activate_backward_args){.n = (int64_t)floats, .f = SK_TANH, .x = state->sum, .dy = t, .dx = t});
  linear_backward(&run, n, d, d, state->state, weights->mlp1_w, t, dz, grads->mlp1_w, grads->mlp1_b);
  sol_op_gru_backward(&run, &(sk_gru_backward_args){.windows = batch->windows,
                                                    .rows = n,
                                                    .max_window = batch->max_window,
                                                    .d = d,
                                                    .offsets = batch->offsets,
                                                    .w_hh = weights->gru_whh,
                                                    .out = state->state,
                                                    .saved = state->saved,
                                                    .dout = dz,
                                                    .dgx = state->gates,
                                                    .dw_hh = grads->gru_whh,
                                                    .db_hh = grads->gru_bhh,
                                                    .scratch = dgates_hidden});
  linear_backward(&run, n, d, 3 * d, state->input, weights->gru_wih, state->gates, t, grads->gru_wih, grads->gru_bih);
  if (drop->p > 0) dropout(&run, floats, drop->p, sol_site_seed(drop->seed, at), t, t);
  scatter(&run, n, d, pass->config->items, t, batch->items, dtable);
  return run.status;
}

solid_status sol_catalogue_backward(const sol_pass *pass, const sol_catalogue_grads *tables, const sol_weights *grads) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  if (config->levels == 0) return SOLID_OK;
  int64_t floats = (int64_t)config->items * config->width;
  sol_op_blend(&run, &(sk_blend_args){.n = floats, .a = 1, .b = 1, .x = tables->vectors, .y = grads->items});
  sol_op_blend(&run, &(sk_blend_args){.n = floats, .a = 1, .b = 1, .x = tables->vectors, .y = tables->semantic});
  for (uint32_t c = 0; c < config->levels; c++)
    scatter(&run, (int32_t)config->items, (int32_t)config->width, config->codes, tables->semantic,
            pass->catalogue->codes + (size_t)c * config->items,
            grads->metacodes + (size_t)c * config->codes * config->width);
  for (uint32_t s = 0; s < config->slots; s++)
    scatter(&run, (int32_t)config->items, (int32_t)config->width, config->attributes, tables->semantic,
            pass->catalogue->attributes + (size_t)s * config->items, grads->attributes);
  return run.status;
}
