#include "solid/infer/slate/decoder.h"
#include "kernels/formula.h"
#include "solid/infer/forward.h"
#include <string.h>

/* ---- Shapes ---- */

uint32_t sol_decoder_codes(const sol_config *config, uint32_t column) {
  return column < config->levels ? config->codes : config->slate_collisions;
}

uint32_t sol_decoder_first_code(const sol_config *config, uint32_t column) {
  return column * config->codes;
}

int32_t sol_decoder_code(const sol_config *config, uint32_t column, uint32_t code) {
  uint32_t codes = sol_decoder_codes(config, column);
  return (int32_t)(sol_decoder_first_code(config, column) + (code < codes ? code : codes - 1));
}

sol_grid_shape sol_decoder_shape(const sol_config *config, sol_order order, int32_t window, uint32_t rows) {
  return (sol_grid_shape){.n_dims = 2,
                          .dims = {(int32_t)rows, (int32_t)config->levels + 1, 0},
                          .order = order,
                          .window = window,
                          .given = SOL_DECODER_GIVEN};
}

void sol_decoder_index(const sol_config *config, const sol_grid *grid, int32_t slot, int32_t *row, int32_t *column) {
  sol_grid_input in = grid->input[slot];
  *row = *column = -1;
  if (in.kind == SOL_INPUT_ROW) *row = in.index, *column = (int32_t)config->levels + 1;
  if (in.kind == SOL_INPUT_CELL) *row = in.index / grid->width, *column = in.index % grid->width;
}

/* ---- Memory ---- */

static uint32_t blocks_of(const sol_config *config) {
  return config->slate_blocks + sol_config_slate_heads(config) - 1;
}

size_t sol_decoder_bind_training(sol_decoder_state *state, const sol_config *config, size_t windows, size_t slots,
                                 float *base) {
  size_t d = config->width, n = slots * windows, used = 0;
  *state = (sol_decoder_state){0};
  for (uint32_t b = 0; b < blocks_of(config); b++) {
    sol_decoder_block *s = &state->block[b];
    float **const widths_d[] = {&s->x, &s->norm1, &s->q, &s->attended, &s->mid, &s->norm2};
    float **const ones[] = {&s->mean1, &s->rstd1, &s->mean2, &s->rstd2};
    for (size_t i = 0; i < sizeof widths_d / sizeof *widths_d; i++) *widths_d[i] = sol_take(base, &used, n * d);
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) *ones[i] = sol_take(base, &used, n);
    s->kv = sol_take(base, &used, n * 2 * d);
    s->lse = sol_take(base, &used, n * config->heads);
    s->up = sol_take(base, &used, n * 4 * d);
    s->activated = sol_take(base, &used, n * 4 * d);
  }
  state->x = sol_take(base, &used, n * d);
  for (uint32_t h = 0; h < sol_config_slate_heads(config); h++) {
    state->mean[h] = sol_take(base, &used, n);
    state->rstd[h] = sol_take(base, &used, n);
  }
  state->work = sol_take(base, &used, n * d);
  return used;
}

size_t sol_decoder_bind(sol_decoder_state *state, const sol_config *config, size_t windows, size_t slots, size_t kept,
                        float *base) {
  size_t d = config->width, n = slots * windows, used = 0;
  *state = (sol_decoder_state){0};
  sol_decoder_block *one = &state->block[0];
  one->x = one->mid = state->x = sol_take(base, &used, n * d);
  one->norm1 = one->norm2 = sol_take(base, &used, n * d);
  one->q = sol_take(base, &used, n * d);
  one->attended = sol_take(base, &used, n * d);
  one->up = one->activated = sol_take(base, &used, n * 4 * d);
  for (uint32_t b = 0; b < blocks_of(config); b++) {
    if (b) state->block[b] = *one;
    state->block[b].kv = sol_take(base, &used, kept * windows * 2 * d);
  }
  return used;
}

/* ---- The pass ---- */

typedef struct runner {
  sol_run run;
  const sol_decoder_pass *pass;
  int32_t n, d;
} runner;

static void drop(runner *r, int64_t floats, uint64_t site, float *x) {
  dropout(&r->run, floats, r->pass->p, sol_site_seed(r->pass->seed, site), 0, x, x);
}

/* y = x + drop(a w^T + b); y may be x. */
static void residual(runner *r, int32_t in, const float *a, sol_linear w, uint64_t site, const float *x, float *y) {
  int64_t floats = (int64_t)r->n * r->d;
  if (y != x) sol_op_copy(&r->run, y, x, (size_t)floats);
  if (r->pass->p == 0) {
    linear_add(&r->run, r->n, in, r->d, a, w, y);
    return;
  }
  float *work = r->pass->state->work;
  linear(&r->run, r->n, in, r->d, a, w, work);
  drop(r, floats, site, work);
  add(&r->run, floats, work, y);
}

static void attention(runner *r, const sol_block_weights *w, const sol_decoder_block *s) {
  const sol_decoder_pass *pass = r->pass;
  int32_t d = r->d, heads = (int32_t)pass->config->heads, B = pass->windows;
  float *kv = s->kv + (size_t)pass->first * (size_t)B * 2 * (size_t)d;
  norm(&r->run, r->n, d, s->x, w->norm1, s->mean1, s->rstd1, s->norm1);
  linear(&r->run, r->n, d, d, s->norm1, w->qkv, s->q);
  linear(&r->run, r->n, d, 2 * d, s->norm1, sol_key_value_part(w->qkv, d), kv);
  sol_op_attend_ranges(&r->run, &(sk_attend_ranges_args){.windows = B,
                                                         .queries = pass->slots,
                                                         .keys = pass->first + pass->slots,
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
                                                         .lse = s->lse});
}

/* Block b, from s->x to y. */
static void block(runner *r, uint32_t b, float *y) {
  const sol_decoder_block *s = &r->pass->state->block[b];
  const sol_block_weights *w = &r->pass->weights->block[b];
  uint64_t site = SOL_SITE_BLOCK + 4 * (uint64_t)b;
  int64_t wide = (int64_t)r->n * 4 * r->d;
  attention(r, w, s);
  residual(r, r->d, s->attended, w->out, site + 1, s->x, s->mid);
  norm(&r->run, r->n, r->d, s->mid, w->norm2, s->mean2, s->rstd2, s->norm2);
  linear(&r->run, r->n, r->d, 4 * r->d, s->norm2, w->up, s->up);
  activate(&r->run, wide, SK_GELU, s->up, s->activated);
  drop(r, wide, site + 2, s->activated);
  residual(r, 4 * r->d, s->activated, w->down, site + 3, s->mid, y);
}

static void inputs(runner *r, float *x) {
  const sol_decoder_pass *pass = r->pass;
  const sol_decoder_weights *w = pass->weights;
  const sol_config *config = pass->config;
  int32_t n = r->n, d = r->d, B = pass->windows;
  gather(&r->run, n, d, (int32_t)sol_config_slate_codes(config), w->codes, pass->codes, 0, x);
  gather(&r->run, n, d, (int32_t)config->slate_rows, w->rows, pass->rows, 1, x);
  gather(&r->run, n, d, (int32_t)config->levels + 2, w->columns, pass->columns, 1, x);
  if (pass->first == 0) {
    linear_add(&r->run, B, d, d, pass->h, w->state, x);
    linear_add(&r->run, B, d, d, pass->u, w->user, x + (size_t)B * (size_t)d);
  }
  drop(r, (int64_t)n * d, SOL_SITE_INPUT, x);
}

solid_status sol_decoder_run(const sol_decoder_pass *pass, float *out) {
  const sol_config *config = pass->config;
  const sol_decoder_state *state = pass->state;
  runner r = {{pass->be, SOLID_OK}, pass, pass->slots * pass->windows, (int32_t)config->width};
  uint32_t blocks = blocks_of(config), before = config->slate_blocks - 1;
  inputs(&r, state->block[0].x);
  for (uint32_t b = 0; b < blocks; b++) {
    float *y = b + 1 < blocks ? state->block[b + 1].x : state->x;
    block(&r, b, y);
    if (b < before) continue;
    uint32_t head = b - before;
    norm(&r.run, r.n, r.d, y, pass->weights->norm[head], state->mean[head], state->rstd[head],
         out + (size_t)head * (size_t)r.n * (size_t)r.d);
  }
  return r.run.status;
}

/* ---- Logits ---- */

solid_status sol_decoder_gather(const sol_decoder_pass *pass, int32_t n, int32_t outputs, const float *out,
                                const int32_t *alone, const int32_t *both, float *y) {
  sol_run run = {pass->be, SOLID_OK};
  int32_t heads = (int32_t)sol_config_slate_heads(pass->config), d = (int32_t)pass->config->width;
  sk_embed_args args = {
      .n = n * heads, .d = d, .rows = outputs, .table = out, .index = alone, .scale = 1, .accumulate = 0, .out = y};
  sol_op_embed(&run, &args);
  args.index = both, args.scale = 0.5f, args.accumulate = 1;
  if (heads > 1) sol_op_embed(&run, &args);
  return run.status;
}

solid_status sol_decoder_logits(const sol_decoder_pass *pass, int32_t n, uint32_t column, const float *y,
                                float *logits) {
  const sol_config *config = pass->config;
  int32_t in = (int32_t)(sol_config_slate_heads(config) * config->width);
  const float *w = pass->weights->out + (size_t)sol_decoder_first_code(config, column) * (size_t)in;
  return pass->be->ops->linear(
      pass->be, &(sk_linear_args){
                    .n = n, .in = in, .out = (int32_t)sol_decoder_codes(config, column), .x = y, .w = w, .y = logits});
}
