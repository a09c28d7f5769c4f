#include "solid/train/slate/decoder_backward.h"
#include "kernels/ops.h"
#include "solid/infer/forward.h"

typedef struct runner {
  sol_run run;
  const sol_decoder_pass *pass;
  const sol_decoder_scratch *scratch;
  const sol_decoder_weights *grads;
  int32_t n, d;
} runner;

static void norm_backward(runner *r, const float *x, const float *gamma, const float *mean, const float *rstd,
                          const float *dy, int accumulate, float *dgamma, float *dbeta) {
  sol_op_layer_norm_backward(&r->run, &(sk_layer_norm_backward_args){.n = r->n,
                                                                     .d = r->d,
                                                                     .x = x,
                                                                     .gamma = gamma,
                                                                     .mean = mean,
                                                                     .rstd = rstd,
                                                                     .dy = dy,
                                                                     .accumulate_dx = accumulate,
                                                                     .dx = r->scratch->dx,
                                                                     .dgamma = dgamma,
                                                                     .dbeta = dbeta});
}

static void linear_backward(runner *r, int32_t n, int32_t in, int32_t out, const float *x, const float *w,
                            const float *dy, int accumulate, float *dx, float *dw, float *db) {
  sol_op_linear_backward(&r->run, &(sk_linear_backward_args){.n = n,
                                                             .in = in,
                                                             .out = out,
                                                             .x = x,
                                                             .w = w,
                                                             .dy = dy,
                                                             .accumulate_dx = accumulate,
                                                             .dx = dx,
                                                             .dw = dw,
                                                             .db = db});
}

static void dropout(runner *r, int64_t floats, uint64_t site, const float *x, float *y) {
  const sol_decoder_pass *pass = r->pass;
  if (pass->p > 0)
    sol_op_dropout(&r->run, &(sk_dropout_args){
                                .n = floats, .p = pass->p, .seed = sol_site_seed(pass->seed, site), .x = x, .y = y});
  else if (y != x)
    sol_op_copy(&r->run, y, x, (size_t)floats);
}

static void feed_forward(runner *r, const sol_block_weights *w, const sol_block_weights *g, const sol_decoder_block *s,
                         uint64_t site) {
  const sol_decoder_scratch *c = r->scratch;
  int64_t floats = (int64_t)r->n * r->d;
  dropout(r, floats, site + 3, c->dx, c->t);
  linear_backward(r, r->n, 4 * r->d, r->d, s->hidden, w->down_w, c->t, 0, c->wide, g->down_w, g->down_b);
  dropout(r, 4 * floats, site + 2, c->wide, c->wide);
  sol_op_activate_backward(
      &r->run, &(sk_activate_backward_args){.n = 4 * floats, .f = SK_GELU, .x = s->up, .dy = c->wide, .dx = c->wide});
  linear_backward(r, r->n, r->d, 4 * r->d, s->norm2, w->up_w, c->wide, 0, c->t, g->up_w, g->up_b);
  norm_backward(r, s->mid, w->norm2_gamma, s->mean2, s->rstd2, c->t, 1, g->norm2_gamma, g->norm2_beta);
}

/* wide holds the gradients of q (n, d), of keys and values (n, 2d), and of what was attended (n, d). */
static void attention(runner *r, const sol_block_weights *w, const sol_block_weights *g, const sol_decoder_block *s,
                      uint64_t site) {
  const sol_decoder_pass *pass = r->pass;
  const sol_decoder_scratch *c = r->scratch;
  int32_t d = r->d, heads = (int32_t)pass->config->heads;
  size_t floats = (size_t)r->n * (size_t)d, square = (size_t)d * (size_t)d;
  float *dq = c->wide, *dkv = dq + floats, *dattended = dkv + 2 * floats;
  dropout(r, (int64_t)floats, site + 1, c->dx, c->t);
  linear_backward(r, r->n, d, d, s->attended, w->out_w, c->t, 0, dattended, g->out_w, g->out_b);
  sol_op_attend_ranges_backward(&r->run, &(sk_attend_ranges_backward_args){.windows = pass->windows,
                                                                           .queries = pass->slots,
                                                                           .keys = pass->slots,
                                                                           .heads = heads,
                                                                           .dh = d / heads,
                                                                           .offsets = pass->key_offsets,
                                                                           .ranges = pass->ranges,
                                                                           .q = s->q,
                                                                           .k = s->kv,
                                                                           .v = s->kv + d,
                                                                           .q_stride = d,
                                                                           .kv_stride = 2 * d,
                                                                           .out = s->attended,
                                                                           .lse = s->lse,
                                                                           .dout = dattended,
                                                                           .dq = dq,
                                                                           .dk = dkv,
                                                                           .dv = dkv + d,
                                                                           .dq_stride = d,
                                                                           .dkv_stride = 2 * d});
  linear_backward(r, r->n, d, d, s->norm1, w->qkv_w, dq, 0, c->t, g->qkv_w, g->qkv_b);
  linear_backward(r, r->n, d, 2 * d, s->norm1, w->qkv_w + square, dkv, 1, c->t, g->qkv_w + square, g->qkv_b + d);
  norm_backward(r, s->x, w->norm1_gamma, s->mean1, s->rstd1, c->t, 1, g->norm1_gamma, g->norm1_beta);
}

static void scatter(runner *r, uint32_t rows, const int32_t *index, float *dtable) {
  sol_op_embed_backward(&r->run, &(sk_embed_backward_args){.n = r->n,
                                                           .d = r->d,
                                                           .rows = (int32_t)rows,
                                                           .dout = r->scratch->dx,
                                                           .index = index,
                                                           .scale = 1,
                                                           .dtable = dtable});
}

static void inputs(runner *r) {
  const sol_decoder_pass *pass = r->pass;
  const sol_decoder_weights *w = pass->weights, *g = r->grads;
  const sol_config *config = pass->config;
  float *dx = r->scratch->dx, *du = dx + (size_t)pass->windows * (size_t)r->d;
  dropout(r, (int64_t)r->n * r->d, SOL_SITE_INPUT, dx, dx);
  scatter(r, sol_config_slate_codes(config), pass->codes, g->codes);
  scatter(r, config->slate_rows, pass->rows, g->rows);
  scatter(r, config->levels + 2, pass->columns, g->columns);
  linear_backward(r, pass->windows, r->d, r->d, pass->h, w->state_w, dx, 0, NULL, g->state_w, g->state_b);
  linear_backward(r, pass->windows, r->d, r->d, pass->u, w->user_w, du, 0, NULL, g->user_w, g->user_b);
}

solid_status sol_decoder_backward(const sol_decoder_pass *pass, const float *dout, const sol_decoder_scratch *scratch,
                                  const sol_decoder_weights *grads) {
  const sol_config *config = pass->config;
  const sol_decoder_state *state = pass->state;
  runner r = {{pass->be, SOLID_OK}, pass, scratch, grads, pass->slots * pass->windows, (int32_t)config->width};
  uint32_t blocks = config->slate_blocks + sol_config_slate_heads(config) - 1, before = config->slate_blocks - 1;
  for (uint32_t b = blocks; b-- > 0;) {
    uint64_t site = SOL_SITE_BLOCK + 4 * (uint64_t)b;
    const float *y = b + 1 < blocks ? state->block[b + 1].x : state->x;
    if (b >= before) {
      uint32_t head = b - before;
      norm_backward(&r, y, pass->weights->norm_gamma[head], state->mean[head], state->rstd[head],
                    dout + (size_t)head * (size_t)r.n * (size_t)r.d, b + 1 < blocks, grads->norm_gamma[head],
                    grads->norm_beta[head]);
    }
    feed_forward(&r, &pass->weights->block[b], &grads->block[b], &state->block[b], site);
    attention(&r, &pass->weights->block[b], &grads->block[b], &state->block[b], site);
  }
  inputs(&r);
  return r.run.status;
}

solid_status sol_decoder_gather_backward(const sol_decoder_pass *pass, int32_t n, int32_t outputs, const float *dy,
                                         const int32_t *alone, const int32_t *both, float *dout) {
  sol_run run = {pass->be, SOLID_OK};
  int32_t heads = (int32_t)sol_config_slate_heads(pass->config), d = (int32_t)pass->config->width;
  sk_embed_backward_args args = {
      .n = n * heads, .d = d, .rows = outputs, .dout = dy, .index = alone, .scale = 1, .dtable = dout};
  sol_op_zero(&run, dout, (size_t)outputs * (size_t)d);
  sol_op_embed_backward(&run, &args);
  args.index = both, args.scale = 0.5f;
  if (heads > 1) sol_op_embed_backward(&run, &args);
  return run.status;
}
