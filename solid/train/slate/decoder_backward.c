#include "solid/train/slate/decoder_backward.h"
#include "kernels/formula.h"
#include "solid/infer/forward.h"

typedef struct runner {
  sol_run run;
  const sol_decoder_pass *pass;
  const sol_decoder_scratch *scratch;
  const sol_decoder_weights *grads;
  int32_t n, d;
} runner;

/* y = drop(x) with the mask of forward; y may be x. */
static void drop(runner *r, int64_t floats, uint64_t site, const float *x, float *y) {
  const sol_decoder_pass *pass = r->pass;
  if (pass->p > 0)
    dropout(&r->run, floats, pass->p, sol_site_seed(pass->seed, site), 0, x, y);
  else if (y != x)
    sol_op_copy(&r->run, y, x, (size_t)floats);
}

static void feed_forward(runner *r, const sol_block_weights *w, const sol_block_weights *g, const sol_decoder_block *s,
                         uint64_t site) {
  const sol_decoder_scratch *c = r->scratch;
  int32_t n = r->n, d = r->d;
  int64_t floats = (int64_t)n * d;
  drop(r, floats, site + 3, c->dx, c->t);
  linear_backward(&r->run, n, 4 * d, d, s->activated, w->down, g->down, c->t, 0, c->wide);
  drop(r, 4 * floats, site + 2, c->wide, c->wide);
  activate_backward(&r->run, 4 * floats, SK_GELU, s->up, c->wide, c->wide);
  linear_backward(&r->run, n, d, 4 * d, s->norm2, w->up, g->up, c->wide, 0, c->t);
  norm_backward(&r->run, n, d, s->mid, w->norm2, g->norm2, s->mean2, s->rstd2, c->t, 1, c->dx);
}

/* wide holds the gradients of q (n, d), of keys and values (n, 2d), and of what was attended (n, d). */
static void attention(runner *r, const sol_block_weights *w, const sol_block_weights *g, const sol_decoder_block *s,
                      uint64_t site) {
  const sol_decoder_pass *pass = r->pass;
  const sol_decoder_scratch *c = r->scratch;
  int32_t n = r->n, d = r->d, heads = (int32_t)pass->config->heads;
  size_t floats = (size_t)n * (size_t)d;
  float *dq = c->wide, *dkv = dq + floats, *dattended = dkv + 2 * floats;
  drop(r, (int64_t)floats, site + 1, c->dx, c->t);
  linear_backward(&r->run, n, d, d, s->attended, w->out, g->out, c->t, 0, dattended);
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
  linear_backward(&r->run, n, d, d, s->norm1, w->qkv, g->qkv, dq, 0, c->t);
  linear_backward(&r->run, n, d, 2 * d, s->norm1, sol_key_value_part(w->qkv, d), sol_key_value_part(g->qkv, d), dkv, 1,
                  c->t);
  norm_backward(&r->run, n, d, s->x, w->norm1, g->norm1, s->mean1, s->rstd1, c->t, 1, c->dx);
}

static void inputs(runner *r) {
  const sol_decoder_pass *pass = r->pass;
  const sol_decoder_weights *w = pass->weights, *g = r->grads;
  const sol_config *config = pass->config;
  int32_t n = r->n, d = r->d, B = pass->windows;
  float *dx = r->scratch->dx, *du = dx + (size_t)B * (size_t)d;
  drop(r, (int64_t)n * d, SOL_SITE_INPUT, dx, dx);
  scatter(&r->run, n, d, (int32_t)sol_config_slate_codes(config), dx, pass->codes, g->codes);
  scatter(&r->run, n, d, (int32_t)config->slate_rows, dx, pass->rows, g->rows);
  scatter(&r->run, n, d, (int32_t)config->levels + 2, dx, pass->columns, g->columns);
  linear_backward(&r->run, B, d, d, pass->h, w->state, g->state, dx, 0, NULL);
  linear_backward(&r->run, B, d, d, pass->u, w->user, g->user, du, 0, NULL);
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
      norm_backward(&r.run, r.n, r.d, y, pass->weights->norm[head], grads->norm[head], state->mean[head],
                    state->rstd[head], dout + (size_t)head * (size_t)r.n * (size_t)r.d, b + 1 < blocks, scratch->dx);
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
