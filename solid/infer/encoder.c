/* The encoder: a causal transformer over packed windows, pre-norm (Xiong et al. 2020) with GELU.
 *
 *   x = drop(e_item + position_age), or drop(e_item) where queries and keys are turned or scores have a bias instead
 *   per block:  x += drop(attend(qkv(norm1 x)) out^T)      x += drop(drop(gelu(up(norm2 x))) down^T)
 *   h = norm(x)
 *
 * With sparse attention every block makes lists of the keys that each chunk of a window reads (kernels/select.h) before
 * it attends; windows below the crossover need none. */
#include "solid/base/random.h"
#include "solid/infer/block.h"
#include <assert.h>

static const sol_dropout no_dropout = {0};

uint64_t sol_site_seed(uint64_t seed, uint64_t site) {
  return sol_random_at(seed, site);
}

/* y = x + drop(a w^T + b) over n rows; y may be x. `work` (n, d) is used with dropout only. */
static void residual(sol_run *run, int32_t n, int32_t in, int32_t d, const float *a, sol_linear w, float p,
                     uint64_t seed, float *work, const float *x, float *y) {
  int64_t floats = (int64_t)n * d;
  if (y != x) sol_op_copy(run, y, x, (size_t)floats);
  if (p == 0.0f) {
    linear_add(run, n, in, d, a, w, y);
    return;
  }
  linear(run, n, in, d, a, w, work);
  dropout(run, floats, p, seed, 0, work, work);
  add(run, floats, work, y);
}

void sol_feed_forward(sol_run *run, const sol_config *config, const sol_block_weights *w, int32_t n,
                      const sol_dropout *drop, uint64_t site, const sol_block_state *s, float *work, float *y) {
  int32_t d = (int32_t)config->width;
  int64_t wide = (int64_t)n * 4 * d;
  norm(run, n, d, s->mid, w->norm2, s->mean2, s->rstd2, s->norm2);
  linear(run, n, d, 4 * d, s->norm2, w->up, s->up);
  activate(run, wide, SK_GELU, s->up, s->activated);
  dropout(run, wide, drop->p, sol_site_seed(drop->seed, site + 2), 0, s->activated, s->activated);
  residual(run, n, 4 * d, d, s->activated, w->down, drop->p, sol_site_seed(drop->seed, site + 3), work, s->mid, y);
}

/* Queries and keys, `parts` times d floats of n rows, turned by the ages of their steps, which count down. */
static void turn(sol_run *run, const sol_pass *pass, int32_t n, int32_t parts, float *x, int32_t stride) {
  const sol_config *config = pass->config;
  if (config->positions != SOL_POSITIONS_ROTARY) return;
  sol_op_rotate(run, &(sk_rotate_args){.n = n,
                                       .heads = parts * (int32_t)config->heads,
                                       .dh = (int32_t)(config->width / config->heads),
                                       .turned = (int32_t)config->turned,
                                       .positions = pass->batch->ages,
                                       .direction = -1,
                                       .x = x,
                                       .stride = stride});
}

/* Windows beyond so many events are long enough for tensor cores. */
#define LONG_WINDOW 1024

sk_attend_pairs sol_block_pairs(const sol_pass *pass, const sol_block_state *s) {
  const sol_chunks *chunks = &pass->batch->chunks;
  const sk_attend_list kept = {s->kept, chunks->begin, s->counts, chunks->entries};
  return sol_batch_pairs(pass->batch, pass->config, chunks->count ? &kept : NULL);
}

/* Of lists, keys are counted as rows of the batch. */
int64_t sol_block_span(const sol_pass *pass) {
  return pass->batch->chunks.count ? pass->batch->rows : 0;
}

int32_t sol_block_precision(const sol_pass *pass) {
  const sol_config *config = pass->config;
  int fits = config->positions != SOL_POSITIONS_DISTANCE && config->width / config->heads <= 128;
  return pass->be->rounds && config->window > LONG_WINDOW && fits ? SK_ATTEND_BF16 : SK_ATTEND_FP32;
}

/* Which keys every chunk of the batch reads, of queries and keys that are `stride` floats apart. Lists of chunks that
 * belong to no window are empty. */
static void select_keys(sol_run *run, const sol_pass *pass, const float *q, const float *k, int32_t stride,
                        const sol_block_state *s) {
  const sol_config *config = pass->config;
  const sol_chunks *chunks = &pass->batch->chunks;
  if (!chunks->count) return;
  sol_op_zero(run, (float *)(void *)s->counts, (size_t)chunks->count * config->heads);
  sol_op_select(run, &(sk_select_args){.rule = sol_config_rule(config),
                                       .histories = pass->batch->windows,
                                       .windows = chunks->count,
                                       .heads = (int32_t)config->heads,
                                       .dh = (int32_t)(config->width / config->heads),
                                       .max_chunks = chunks->most,
                                       .chunk_offsets = chunks->of,
                                       .q_offsets = chunks->offsets,
                                       .q = q,
                                       .k = k,
                                       .q_stride = stride,
                                       .kv_stride = stride,
                                       .rows = s->kept,
                                       .list_stride = chunks->entries,
                                       .begin = chunks->begin,
                                       .count = s->counts});
}

/* One block over all rows: s->x -> y, keeping what s has room for. */
static void block_rows(sol_run *run, const sol_pass *pass, uint32_t b, const sol_dropout *drop,
                       const sol_block_state *s, float *work, float *y) {
  const sol_batch *batch = pass->batch;
  const sol_block_weights *w = &pass->weights->block[b];
  int32_t n = batch->rows, d = (int32_t)pass->config->width;
  uint64_t site = SOL_SITE_BLOCK + 4 * (uint64_t)b;
  norm(run, n, d, s->x, w->norm1, s->mean1, s->rstd1, s->norm1);
  linear(run, n, d, 3 * d, s->norm1, w->qkv, s->qkv);
  turn(run, pass, n, 2, s->qkv, 3 * d);
  select_keys(run, pass, s->qkv, s->qkv + d, 3 * d, s);
  sol_op_attend(run, &(sk_attend_args){.pairs = sol_block_pairs(pass, s),
                                       .precision = sol_block_precision(pass),
                                       .span = sol_block_span(pass),
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
  residual(run, n, d, d, s->attended, w->out, drop->p, sol_site_seed(drop->seed, site + 1), work, s->x, s->mid);
  sol_feed_forward(run, pass->config, w, n, drop, site, s, work, y);
}

static void input_rows(sol_run *run, const sol_pass *pass, const sol_dropout *drop, float *x) {
  const sol_config *config = pass->config;
  int32_t n = pass->batch->rows, d = (int32_t)config->width;
  sol_gather_items(run, (sol_item_rows){config, pass->catalogue, SK_ROWS_WHOLE}, n, pass->batch->items, x);
  if (config->positions == SOL_POSITIONS_LEARNED)
    gather(run, n, d, (int32_t)config->window, pass->weights->positions, pass->batch->ages, 1, x);
  dropout(run, (int64_t)n * d, drop->p, sol_site_seed(drop->seed, SOL_SITE_INPUT), 0, x, x);
}

/* ---- Training ---- */

static void lists_bind(sol_block_state *s, const sol_config *config, size_t windows, size_t rows, float *base,
                       size_t *used) {
  size_t entries = sol_batch_entries(config, windows, rows), chunks = sol_batch_chunks(config, windows, rows);
  s->kept = (int32_t *)(void *)sol_take(base, used, entries * config->heads);
  s->counts = (int32_t *)(void *)sol_take(base, used, chunks * config->heads);
}

static size_t block_state_bind(sol_block_state *s, const sol_config *config, size_t windows, size_t n, float *base) {
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
  s->activated = sol_take(base, &used, n * 4 * d);
  lists_bind(s, config, windows, n, base, &used);
  return used;
}

size_t sol_encoder_state_bind(sol_encoder_state *state, const sol_config *config, size_t windows, size_t rows,
                              float *base) {
  size_t used = 0;
  for (uint32_t b = 0; b < config->blocks; b++)
    used += block_state_bind(&state->block[b], config, windows, rows, base == NULL ? NULL : base + used);
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
  norm(&run, pass->batch->rows, (int32_t)pass->config->width, state->x, pass->weights->norm, state->mean, state->rstd,
       h);
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
  p->rows.up = p->rows.activated = sol_take(base, &used, rows * 4 * d);
  lists_bind(&p->rows, config, windows, rows, base, &used);
  p->norm_newest = sol_take(base, &used, windows * d);
  p->q = sol_take(base, &used, windows * d);
  p->x_newest = sol_take(base, &used, windows * d);
  p->normed = sol_take(base, &used, windows * d);
  p->newest.x = p->newest.mid = p->x_newest;
  p->newest.norm2 = p->norm_newest;
  p->newest.attended = sol_take(base, &used, windows * d);
  p->newest.up = p->newest.activated = sol_take(base, &used, windows * 4 * d);
  return used;
}

size_t sol_encoder_floats(const sol_config *config, size_t windows, size_t rows) {
  newest_plan plan;
  return newest_plan_bind(&plan, config, windows, rows, NULL);
}

/* Of the newest row of each window: rows of q are windows, which the last of their chunks ask. */
static sk_attend_pairs newest_pairs(const sol_pass *pass, const newest_plan *p) {
  const sol_batch *batch = pass->batch;
  sk_attend_pairs pairs = sol_block_pairs(pass, &p->rows);
  pairs.q_rows = batch->windows, pairs.max_queries = 1, pairs.q_offsets = batch->each;
  if (!batch->chunks.count) return pairs;
  pairs.q_offsets = batch->chunks.asks;
  pairs.q_positions = batch->newest, pairs.kv_positions = batch->chunks.numbers;
  return pairs;
}

/* The last block, whose output is wanted at the newest rows only: keys and values of all rows, the rest of few. Lists
 * are made by what rows of the whole window ask, so queries of all are needed then. */
static void last_block(sol_run *run, const sol_pass *pass, const newest_plan *p) {
  const sol_config *config = pass->config;
  const sol_batch *batch = pass->batch;
  const sol_block_weights *w = &pass->weights->block[config->blocks - 1];
  int32_t n = batch->windows, rows = batch->rows, d = (int32_t)config->width, sparse = batch->chunks.count > 0;
  int32_t parts = sparse ? 3 : 2, stride = parts * d;
  float *k = sparse ? p->rows.qkv + d : p->rows.qkv;
  norm(run, rows, d, p->rows.x, w->norm1, NULL, NULL, p->rows.norm1);
  gather(run, n, d, rows, p->rows.norm1, batch->newest, 0, p->norm_newest);
  gather(run, n, d, rows, p->rows.x, batch->newest, 0, p->x_newest);
  linear(run, n, d, d, p->norm_newest, w->qkv, p->q);
  linear(run, rows, d, stride, p->rows.norm1, sparse ? w->qkv : sol_key_value_part(w->qkv, d), p->rows.qkv);
  turn(run, pass, rows, parts - 1, p->rows.qkv, stride); /* the newest query stands at age 0 and stays */
  select_keys(run, pass, p->rows.qkv, k, stride, &p->rows);
  sol_op_attend(run, &(sk_attend_args){.pairs = newest_pairs(pass, p),
                                       .precision = sol_block_precision(pass),
                                       .bias = w->distance,
                                       .q = p->q,
                                       .k = k,
                                       .v = k + d,
                                       .q_stride = d,
                                       .kv_stride = stride,
                                       .out = p->newest.attended});
  residual(run, n, d, d, p->newest.attended, w->out, 0, 0, NULL, p->x_newest, p->x_newest);
  sol_feed_forward(run, config, w, n, &no_dropout, 0, &p->newest, NULL, p->x_newest);
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
  norm(&run, batch->windows, (int32_t)pass->config->width, plan.x_newest, pass->weights->norm, NULL, NULL, plan.normed);
  gather(&run, batch->windows, (int32_t)pass->config->width, batch->windows, plan.normed, batch->present, 0, h);
  return run.status;
}
