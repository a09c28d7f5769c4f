/* The encoder: a causal transformer over packed windows, pre-norm (Xiong et al. 2020) with GELU.
 *
 *   x = drop(e_item + position_age), or drop(e_item) where queries and keys are turned or scores have a bias instead
 *   per block:  x += drop(attend(qkv(norm1 x)) out^T)      x += drop(drop(gelu(up(norm2 x))) down^T)
 *   h = norm(x) */
#include "kernels/ops.h"
#include "solid/base/random.h"
#include "solid/infer/forward.h"
#include <assert.h>

#define NORM_EPS 1e-5f

static const sol_dropout no_dropout = {0};

uint64_t sol_site_seed(uint64_t seed, uint64_t site) {
  return sol_random_at(seed, site);
}

/* y = x + drop(a w^T + b) over n rows; y may be x. `work` (n, d) is used with dropout only. */
static void residual(sol_run *run, int32_t n, int32_t in, int32_t d, const float *a, const float *w, const float *b,
                     float p, uint64_t seed, float *work, const float *x, float *y) {
  size_t floats = (size_t)n * (size_t)d;
  if (y != x) sol_op_copy(run, y, x, floats);
  int direct = p == 0.0f;
  sol_op_linear(run,
                &(sk_linear_args){
                    .n = n, .in = in, .out = d, .x = a, .w = w, .b = b, .accumulate = direct, .y = direct ? y : work});
  if (direct) return;
  sol_op_dropout(run, &(sk_dropout_args){.n = (int64_t)floats, .p = p, .seed = seed, .x = work, .y = work});
  sol_op_blend(run, &(sk_blend_args){.n = (int64_t)floats, .a = 1, .b = 1, .x = work, .y = y});
}

/* The feed-forward half, over n rows: y = mid + drop(drop(gelu(up(norm2 mid))) down^T). */
static void feed_forward(sol_run *run, const sol_config *config, const sol_block_weights *w, int32_t n,
                         const sol_dropout *drop, uint64_t site, const sol_block_state *s, float *work, float *y) {
  int32_t d = (int32_t)config->width;
  int64_t wide = (int64_t)n * 4 * d;
  sol_op_layer_norm(run, &(sk_layer_norm_args){.n = n,
                                               .d = d,
                                               .x = s->mid,
                                               .gamma = w->norm2_gamma,
                                               .beta = w->norm2_beta,
                                               .eps = NORM_EPS,
                                               .y = s->norm2,
                                               .mean = s->mean2,
                                               .rstd = s->rstd2});
  sol_op_linear(
      run, &(sk_linear_args){.n = n, .in = d, .out = 4 * d, .x = s->norm2, .w = w->up_w, .b = w->up_b, .y = s->up});
  sol_op_activate(run, &(sk_activate_args){.n = wide, .f = SK_GELU, .x = s->up, .y = s->hidden});
  if (drop->p > 0)
    sol_op_dropout(
        run, &(sk_dropout_args){
                 .n = wide, .p = drop->p, .seed = sol_site_seed(drop->seed, site + 2), .x = s->hidden, .y = s->hidden});
  residual(run, n, 4 * d, d, s->hidden, w->down_w, w->down_b, drop->p, sol_site_seed(drop->seed, site + 3), work,
           s->mid, y);
}

/* Queries and keys, `parts` times d floats of n rows, turned by the ages of their steps, which count down. */
static void turn(sol_run *run, const sol_pass *pass, int32_t n, int32_t parts, float *x, int32_t stride) {
  const sol_config *config = pass->config;
  if (config->positions != SOL_POSITIONS_ROTARY) return;
  sol_op_rotate(run, &(sk_rotate_args){.n = n,
                                       .heads = parts * (int32_t)config->heads,
                                       .dh = (int32_t)(config->width / config->heads),
                                       .positions = pass->batch->ages,
                                       .direction = -1,
                                       .x = x,
                                       .stride = stride});
}

/* One block over all rows: s->x -> y, keeping what s has room for. */
static void block_rows(sol_run *run, const sol_pass *pass, uint32_t b, const sol_dropout *drop,
                       const sol_block_state *s, float *work, float *y) {
  const sol_batch *batch = pass->batch;
  const sol_block_weights *w = &pass->weights->block[b];
  int32_t n = batch->rows, d = (int32_t)pass->config->width;
  uint64_t site = SOL_SITE_BLOCK + 4 * (uint64_t)b;
  sol_op_layer_norm(run, &(sk_layer_norm_args){.n = n,
                                               .d = d,
                                               .x = s->x,
                                               .gamma = w->norm1_gamma,
                                               .beta = w->norm1_beta,
                                               .eps = NORM_EPS,
                                               .y = s->norm1,
                                               .mean = s->mean1,
                                               .rstd = s->rstd1});
  sol_op_linear(
      run, &(sk_linear_args){.n = n, .in = d, .out = 3 * d, .x = s->norm1, .w = w->qkv_w, .b = w->qkv_b, .y = s->qkv});
  turn(run, pass, n, 2, s->qkv, 3 * d);
  sol_op_attend(run, &(sk_attend_args){.pairs = sol_batch_pairs(batch, pass->config),
                                       .bias = w->distance,
                                       .q = s->qkv,
                                       .k = s->qkv + d,
                                       .v = s->qkv + 2 * d,
                                       .q_stride = 3 * d,
                                       .kv_stride = 3 * d,
                                       .p = drop->p,
                                       .seed = sol_site_seed(drop->seed, site),
                                       .out = s->attended,
                                       .lse = s->lse});
  residual(run, n, d, d, s->attended, w->out_w, w->out_b, drop->p, sol_site_seed(drop->seed, site + 1), work, s->x,
           s->mid);
  feed_forward(run, pass->config, w, n, drop, site, s, work, y);
}

static void gather(sol_run *run, int32_t n, int32_t d, int32_t rows, const float *table, const int32_t *index,
                   int accumulate, float *out) {
  sol_op_embed(run, &(sk_embed_args){.n = n,
                                     .d = d,
                                     .rows = rows,
                                     .table = table,
                                     .index = index,
                                     .scale = 1,
                                     .accumulate = accumulate,
                                     .out = out});
}

static void input_rows(sol_run *run, const sol_pass *pass, const sol_dropout *drop, float *x) {
  const sol_config *config = pass->config;
  int32_t n = pass->batch->rows, d = (int32_t)config->width;
  gather(run, n, d, (int32_t)config->items, pass->catalogue->vectors, pass->batch->items, 0, x);
  if (config->positions == SOL_POSITIONS_LEARNED)
    gather(run, n, d, (int32_t)config->window, pass->weights->positions, pass->batch->ages, 1, x);
  if (drop->p > 0)
    sol_op_dropout(
        run, &(sk_dropout_args){
                 .n = (int64_t)n * d, .p = drop->p, .seed = sol_site_seed(drop->seed, SOL_SITE_INPUT), .x = x, .y = x});
}

static void final_norm(sol_run *run, const sol_pass *pass, int32_t n, const float *x, float *mean, float *rstd,
                       float *h) {
  sol_op_layer_norm(run, &(sk_layer_norm_args){.n = n,
                                               .d = (int32_t)pass->config->width,
                                               .x = x,
                                               .gamma = pass->weights->norm_gamma,
                                               .beta = pass->weights->norm_beta,
                                               .eps = NORM_EPS,
                                               .y = h,
                                               .mean = mean,
                                               .rstd = rstd});
}

/* ---- Training ---- */

static size_t block_state_bind(sol_block_state *s, const sol_config *config, size_t n, float *base) {
  size_t d = config->width, used = 0;
  *s = (sol_block_state){0};
  s->x = sol_take(base, &used, n * d);
  s->norm1 = sol_take(base, &used, n * d);
  s->mean1 = sol_take(base, &used, n);
  s->rstd1 = sol_take(base, &used, n);
  s->qkv = sol_take(base, &used, n * 3 * d);
  s->attended = sol_take(base, &used, n * d);
  s->lse = sol_take(base, &used, n * config->heads);
  s->mid = sol_take(base, &used, n * d);
  s->norm2 = sol_take(base, &used, n * d);
  s->mean2 = sol_take(base, &used, n);
  s->rstd2 = sol_take(base, &used, n);
  s->up = sol_take(base, &used, n * 4 * d);
  s->hidden = sol_take(base, &used, n * 4 * d);
  return used;
}

size_t sol_encoder_state_bind(sol_encoder_state *state, const sol_config *config, size_t rows, float *base) {
  size_t used = 0;
  for (uint32_t b = 0; b < config->blocks; b++)
    used += block_state_bind(&state->block[b], config, rows, base == NULL ? NULL : base + used);
  state->x = sol_take(base, &used, rows * config->width);
  state->mean = sol_take(base, &used, rows);
  state->rstd = sol_take(base, &used, rows);
  state->work = sol_take(base, &used, rows * 4 * config->width);
  state->grad = sol_take(base, &used, rows * config->width);
  return used;
}

solid_status sol_encode_rows(const sol_pass *pass, const sol_dropout *drop, const sol_encoder_state *state, float *h) {
  sol_run run = {pass->be, SOLID_OK};
  uint32_t blocks = pass->config->blocks;
  assert(blocks > 0);
  input_rows(&run, pass, drop, state->block[0].x);
  for (uint32_t b = 0; b < blocks; b++)
    block_rows(&run, pass, b, drop, &state->block[b], state->work, b + 1 < blocks ? state->block[b + 1].x : state->x);
  final_norm(&run, pass, pass->batch->rows, state->x, state->mean, state->rstd, h);
  return run.status;
}

/* ---- Inference ---- */

/* Buffers of the inference pass. Blocks run in place, so one set serves them all. */
typedef struct newest_plan {
  sol_block_state rows;                       /* x = mid; nothing is kept */
  float *norm_newest, *q, *x_newest, *normed; /* (windows, d) */
  sol_block_state newest;                     /* the last block's feed-forward, over windows */
} newest_plan;

static size_t newest_plan_bind(newest_plan *p, const sol_config *config, size_t windows, size_t rows, float *base) {
  size_t d = config->width, used = 0;
  *p = (newest_plan){0};
  p->rows.x = p->rows.mid = sol_take(base, &used, rows * d);
  p->rows.norm1 = p->rows.norm2 = sol_take(base, &used, rows * d);
  p->rows.qkv = sol_take(base, &used, rows * 3 * d);
  p->rows.attended = sol_take(base, &used, rows * d);
  p->rows.up = p->rows.hidden = sol_take(base, &used, rows * 4 * d);
  p->norm_newest = sol_take(base, &used, windows * d);
  p->q = sol_take(base, &used, windows * d);
  p->x_newest = sol_take(base, &used, windows * d);
  p->normed = sol_take(base, &used, windows * d);
  p->newest.x = p->newest.mid = p->x_newest;
  p->newest.norm2 = p->norm_newest;
  p->newest.attended = sol_take(base, &used, windows * d);
  p->newest.up = p->newest.hidden = sol_take(base, &used, windows * 4 * d);
  return used;
}

size_t sol_encoder_floats(const sol_config *config, size_t windows, size_t rows) {
  newest_plan plan;
  return newest_plan_bind(&plan, config, windows, rows, NULL);
}

/* The last block, whose output is wanted at the newest rows only: keys and values of all rows, the rest of few. */
static void last_block(sol_run *run, const sol_pass *pass, const newest_plan *p) {
  const sol_config *config = pass->config;
  const sol_batch *batch = pass->batch;
  const sol_block_weights *w = &pass->weights->block[config->blocks - 1];
  int32_t n = batch->windows, rows = batch->rows, d = (int32_t)config->width;
  sk_attend_pairs pairs = sol_batch_pairs(batch, config);
  pairs.q_rows = n, pairs.max_queries = 1, pairs.q_offsets = batch->each;
  sol_op_layer_norm(run, &(sk_layer_norm_args){.n = rows,
                                               .d = d,
                                               .x = p->rows.x,
                                               .gamma = w->norm1_gamma,
                                               .beta = w->norm1_beta,
                                               .eps = NORM_EPS,
                                               .y = p->rows.norm1});
  gather(run, n, d, rows, p->rows.norm1, batch->newest, 0, p->norm_newest);
  gather(run, n, d, rows, p->rows.x, batch->newest, 0, p->x_newest);
  sol_op_linear(
      run, &(sk_linear_args){.n = n, .in = d, .out = d, .x = p->norm_newest, .w = w->qkv_w, .b = w->qkv_b, .y = p->q});
  sol_op_linear(run, &(sk_linear_args){.n = rows,
                                       .in = d,
                                       .out = 2 * d,
                                       .x = p->rows.norm1,
                                       .w = w->qkv_w + (size_t)d * (size_t)d,
                                       .b = w->qkv_b + d,
                                       .y = p->rows.qkv});
  turn(run, pass, rows, 1, p->rows.qkv, 2 * d); /* the newest query stands at age 0 and stays */
  sol_op_attend(run, &(sk_attend_args){.pairs = pairs,
                                       .bias = w->distance,
                                       .q = p->q,
                                       .k = p->rows.qkv,
                                       .v = p->rows.qkv + d,
                                       .q_stride = d,
                                       .kv_stride = 2 * d,
                                       .out = p->newest.attended});
  residual(run, n, d, d, p->newest.attended, w->out_w, w->out_b, 0, 0, NULL, p->x_newest, p->x_newest);
  feed_forward(run, config, w, n, &no_dropout, 0, &p->newest, NULL, p->x_newest);
}

solid_status sol_encode(const sol_pass *pass, float *h) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_batch *batch = pass->batch;
  uint32_t blocks = pass->config->blocks;
  newest_plan plan;
  newest_plan_bind(&plan, pass->config, (size_t)batch->windows, (size_t)batch->rows, pass->scratch);
  input_rows(&run, pass, &no_dropout, plan.rows.x);
  for (uint32_t b = 0; b + 1 < blocks; b++) block_rows(&run, pass, b, &no_dropout, &plan.rows, NULL, plan.rows.x);
  last_block(&run, pass, &plan);
  final_norm(&run, pass, batch->windows, plan.x_newest, NULL, NULL, plan.normed);
  sol_op_embed(&run, &(sk_embed_args){.n = batch->windows,
                                      .d = (int32_t)pass->config->width,
                                      .rows = batch->windows,
                                      .table = plan.normed,
                                      .index = batch->present,
                                      .scale = 1,
                                      .out = h,
                                      .stride = pass->h_stride});
  return run.status;
}
