#include "solid/train/fit/validate.h"
#include "kernels/formula.h"
#include "solid/extend.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOP       10
#define MOST_ROWS ((size_t)1 << 18) /* at once; a longer window is alone */

/* Users at once, limited by the memory of their generated layers and encoder rows. */
static uint32_t users_at_once(const sk_backend *be) {
  uint32_t n = (uint32_t)be->ops->tile_rows / 16;
  return n > 256 ? n : 256;
}

static int32_t depth(const sol_validator *v) {
  return v->config.items < TOP ? (int32_t)v->config.items : TOP;
}

static uint32_t piece_items(const sol_validator *v) {
  return v->piece > 0 && v->piece < v->config.items ? v->piece : v->config.items;
}

static size_t validator_bind(sol_validator *v, float *base) {
  const sol_config *config = &v->config;
  size_t used = 0, n = v->batch;
  v->u = sol_take(base, &used, n * config->width);
  v->params = sol_take(base, &used, n * sol_config_params(config));
  v->scores = sol_take(base, &used, n * (size_t)depth(v));
  v->scratch = sol_take(base, &used, sol_forward_floats(config, n, v->max_rows));
  if (v->piece == 0) return used;
  size_t rows = v->max_rows * config->width, table = (size_t)piece_items(v) * config->width;
  v->items = sol_take(base, &used, rows);
  if (config->levels == 0) return used;
  v->windows_tables.semantic = sol_take(base, &used, rows);
  v->windows_tables.vectors = sol_take(base, &used, rows);
  v->tables.semantic = sol_take(base, &used, table);
  v->tables.vectors = sol_take(base, &used, table);
  return used;
}

/* Ints of a batch of users: windows, and with pieces which items they have, and those items' semantics. */
static size_t batch_ints(const sol_validator *v, size_t n, size_t rows) {
  size_t each = v->piece > 0 ? 1 + v->config.levels + v->config.slots : 0;
  return sol_batch_ints(&v->config, SOL_NEWEST_ROWS, n, rows) + each * rows;
}

static size_t window_of(const sol_validator *v, solid_range known) {
  size_t length = known.end - known.begin;
  return length < v->config.window ? length : v->config.window;
}

/* Counts the users with a target and the rows of the largest batch they make, in their order. */
static void survey(sol_validator *v) {
  size_t rows = 0, n = 0;
  for (uint32_t u = 0; u < v->dataset->users; u++) {
    solid_range known;
    if (!solid_split_question(v->dataset, u, SOLID_PART_VALID, &known)) continue;
    size_t more = window_of(v, known);
    if (n == v->batch || rows + more > MOST_ROWS) n = rows = 0;
    n++, rows += more;
    if (rows > v->max_rows) v->max_rows = rows;
    v->users++;
  }
}

static solid_status take_memory(sol_validator *v) {
  sk_backend *be = v->be;
  size_t n = v->batch, top = n * (size_t)depth(v), floats = validator_bind(v, NULL);
  size_t ints = batch_ints(v, n, v->max_rows), mask_bytes = n * v->words * sizeof(uint64_t);
  void *block = NULL, *device_ints = NULL, *device_mask = NULL, *host_ints = NULL, *host_mask = NULL;
  solid_status status = be->ops->alloc(be, &block, floats * sizeof(float));
  if (status == SOLID_OK) status = be->ops->alloc(be, &device_ints, (ints + top) * sizeof(int32_t));
  if (status == SOLID_OK) status = be->ops->alloc(be, &device_mask, mask_bytes);
  if (status == SOLID_OK) status = be->ops->alloc_host(be, &host_ints, (ints + 2 * top) * sizeof(int32_t));
  if (status == SOLID_OK) status = be->ops->alloc_host(be, &host_mask, mask_bytes);
  v->block = block, v->ints = device_ints, v->mask = device_mask;
  v->host_ints = host_ints, v->host_mask = host_mask;
  if (status != SOLID_OK)
    return solid_fail(status, "%zu MiB for validation: %s", ((floats + ints + top) * 4 + mask_bytes) >> 20, be->err);
  validator_bind(v, v->block);
  v->index = v->ints + ints;
  v->host_index = v->host_ints + ints;
  v->host_scores = (float *)(void *)(v->host_index + top);
  v->offsets = malloc((n + 1) * sizeof *v->offsets);
  v->windows = malloc((v->max_rows + 1) * sizeof *v->windows);
  v->numbers = malloc((v->max_rows + 1) * sizeof *v->numbers);
  v->who = malloc(n * sizeof *v->who);
  v->best = malloc(top * sizeof *v->best);
  v->best_scores = malloc(top * sizeof *v->best_scores);
  if (!v->offsets || !v->windows || !v->numbers || !v->who || !v->best || !v->best_scores)
    return solid_fail(SOLID_ENOMEM, "validation of %u users", v->users);
  for (size_t i = 0; i < v->max_rows; i++) v->numbers[i] = (uint32_t)i;
  return SOLID_OK;
}

solid_status sol_validator_open(sol_validator *validator, sk_backend *be, const sol_config *config,
                                const solid_dataset *dataset, int repeats, uint32_t piece) {
  *validator = (sol_validator){
      .be = be, .config = *config, .dataset = dataset, .batch = users_at_once(be), .repeats = repeats, .piece = piece};
  survey(validator);
  validator->words = (piece_items(validator) + 63) / 64;
  solid_status status = take_memory(validator);
  if (status != SOLID_OK) sol_validator_close(validator);
  return status;
}

void sol_validator_close(sol_validator *validator) {
  sk_backend *be = validator->be;
  if (be != NULL) {
    be->ops->free(be, validator->block);
    be->ops->free(be, validator->ints);
    be->ops->free(be, validator->mask);
    be->ops->free_host(be, validator->host_ints);
    be->ops->free_host(be, validator->host_mask);
  }
  free(validator->offsets);
  free(validator->windows);
  free(validator->numbers);
  free(validator->who);
  free(validator->best);
  free(validator->best_scores);
  *validator = (sol_validator){0};
}

/* The next users with a target, from *user on, and their windows. Returns how many. */
static uint32_t next_users(sol_validator *v, uint32_t *user) {
  uint32_t n = 0, row = 0;
  v->offsets[0] = 0;
  for (; *user < v->dataset->users && n < v->batch; ++*user) {
    solid_range known;
    if (!solid_split_question(v->dataset, *user, SOLID_PART_VALID, &known)) continue;
    size_t rows = window_of(v, known);
    if (n > 0 && row + rows > MOST_ROWS) break;
    for (size_t i = known.end - rows; i < known.end; i++) v->windows[row++] = v->dataset->sequence[i];
    v->who[n++] = *user;
    v->offsets[n] = row;
  }
  return n;
}

/* Masks of what n users know already of a piece, the target excepted, where items do not come again. */
static void mask_known(sol_validator *v, uint32_t n, uint32_t first) {
  memset(v->host_mask, 0, n * v->words * sizeof *v->host_mask);
  for (uint32_t w = 0; w < n && !v->repeats; w++) {
    uint64_t *mask = v->host_mask + w * v->words;
    solid_range known = {0};
    solid_split_question(v->dataset, v->who[w], SOLID_PART_VALID, &known);
    uint32_t target = v->dataset->sequence[known.end];
    for (size_t i = known.begin; i < known.end; i++) {
      uint32_t item = v->dataset->sequence[i], at = item - first;
      if (item >= first && at < piece_items(v) && item != target) mask[at / 64] |= (uint64_t)1 << at % 64;
    }
  }
}

/* The tables of the windows' items, each row its own item. */
static void make_windows_tables(sol_run *run, sol_validator *v, const sol_weights *weights, const sol_config *here,
                                const int32_t *ids) {
  sol_weights of_rows = *weights;
  uint32_t rows = here->items;
  v->windows_tables.codes = ids + rows;
  v->windows_tables.attributes = ids + rows + rows * (size_t)v->config.levels;
  gather(run, (int32_t)rows, (int32_t)here->width, (int32_t)v->config.items, weights->items, ids, 0, v->items);
  of_rows.items = v->items;
  if (run->status == SOLID_OK) run->status = sol_catalogue_compute(v->be, here, &of_rows, &v->windows_tables);
}

/* u of n windows. */
static solid_status read_windows(sol_validator *v, const sol_weights *weights, const sol_step *step, uint32_t n) {
  sk_backend *be = v->be;
  uint32_t rows = v->offsets[n];
  size_t ints = sol_batch_ints(&v->config, SOL_NEWEST_ROWS, n, rows);
  solid_windows windows = {.n = n, .offsets = v->offsets, .items = v->piece > 0 ? v->numbers : v->windows};
  sol_config here = v->config;
  sol_batch batch;
  sol_pass pass = {.be = be,
                   .config = &here,
                   .weights = weights,
                   .catalogue = v->piece > 0 ? &v->windows_tables : &step->catalogue,
                   .batch = &batch,
                   .scratch = v->scratch};
  sol_run run = {be, SOLID_OK};
  sol_batch_pack(&batch, &v->config, SOL_NEWEST_ROWS, &windows, v->host_ints, v->ints);
  if (v->piece > 0) {
    here.items = rows;
    memcpy(v->host_ints + ints, v->windows, rows * sizeof *v->windows);
    sol_step_pack_semantics(step, rows, v->windows, v->host_ints + ints + rows);
  }
  run.status = be->ops->upload(be, v->ints, v->host_ints, batch_ints(v, n, rows) * sizeof(int32_t));
  if (v->piece > 0) make_windows_tables(&run, v, weights, &here, v->ints + ints);
  if (run.status == SOLID_OK) run.status = sol_encode(&pass, v->u);
  if (run.status == SOLID_OK) run.status = sol_generate(&pass, v->params);
  if (run.status == SOLID_OK) run.status = sol_apply(&pass, (int32_t)n, v->u, v->params, NULL, v->u);
  return run.status;
}

/* Vectors of a piece's items. */
static const float *vectors_of(sol_run *run, sol_validator *v, const sol_weights *weights, const sol_step *step,
                               uint32_t first, uint32_t items) {
  if (v->piece == 0) return step->catalogue.vectors;
  if (v->config.levels == 0) return weights->items + (size_t)first * v->config.width;
  sol_catalogue all = {.codes = step->ints, .attributes = step->ints + sol_step_code_ints(&v->config)};
  sol_catalogue_range(run, &v->config, weights, &all, first, items, v->tables.semantic, v->tables.vectors);
  return v->tables.vectors;
}

/* The k best items of a piece go among the best so far; a tie stays with the earlier item. */
static void merge(sol_validator *v, uint32_t n, uint32_t first, int32_t k) {
  int32_t most = depth(v);
  for (uint32_t w = 0; w < n; w++) {
    int32_t *best = v->best + w * (size_t)most;
    float *scores = v->best_scores + w * (size_t)most;
    for (int32_t i = 0; i < k; i++) {
      int32_t item = v->host_index[w * (size_t)k + i], place = most;
      float score = v->host_scores[w * (size_t)k + i];
      while (item >= 0 && place > 0 && (best[place - 1] < 0 || score > scores[place - 1])) place--;
      if (item < 0 || place == most) break;
      memmove(best + place + 1, best + place, (size_t)(most - place - 1) * sizeof *best);
      memmove(scores + place + 1, scores + place, (size_t)(most - place - 1) * sizeof *scores);
      best[place] = item + (int32_t)first, scores[place] = score;
    }
  }
}

/* The best items of n windows, on the host. */
static solid_status rank(sol_validator *v, const sol_weights *weights, const sol_step *step, uint32_t n) {
  sk_backend *be = v->be;
  sol_run run = {be, read_windows(v, weights, step, n)};
  for (size_t i = 0; i < n * (size_t)depth(v); i++) v->best[i] = -1;
  for (uint32_t first = 0; first < v->config.items && run.status == SOLID_OK; first += piece_items(v)) {
    uint32_t left = v->config.items - first, items = left < piece_items(v) ? left : piece_items(v);
    int32_t k = (int32_t)items < depth(v) ? (int32_t)items : depth(v);
    size_t top = n * (size_t)k;
    mask_known(v, n, first);
    run.status = be->ops->upload(be, v->mask, v->host_mask, n * v->words * sizeof *v->host_mask);
    sol_op_topk(&run, &(sk_topk_args){.n = (int32_t)n,
                                      .d = (int32_t)v->config.width,
                                      .items = (int32_t)items,
                                      .k = k,
                                      .u = v->u,
                                      .e = vectors_of(&run, v, weights, step, first, items),
                                      .mask = v->mask,
                                      .mask_words = (int32_t)v->words,
                                      .index = v->index,
                                      .score = v->scores});
    if (run.status == SOLID_OK) run.status = be->ops->download(be, v->host_index, v->index, top * sizeof *v->index);
    if (run.status == SOLID_OK) run.status = be->ops->download(be, v->host_scores, v->scores, top * sizeof *v->scores);
    if (run.status == SOLID_OK) run.status = be->ops->sync(be);
    if (run.status == SOLID_OK) merge(v, n, first, k);
  }
  return run.status;
}

solid_status sol_validator_warm_up(sol_validator *validator, const sol_weights *weights, const sol_step *step) {
  sol_validator *v = validator;
  uint32_t n = v->users < v->batch ? v->users : v->batch, window = v->config.window, user = 0;
  size_t row = 0;
  if (n == 0) return SOLID_OK;
  uint32_t first = next_users(v, &user); /* fewer than n where their windows are long */
  for (uint32_t i = 0; i < n; i++) {
    if (i >= first) v->who[i] = v->who[0]; /* masks are made of everybody */
    size_t spare = v->max_rows - row;
    v->offsets[i] = (uint32_t)row;
    row += spare < window ? spare : window;
  }
  v->offsets[n] = (uint32_t)row;
  memset(v->windows, 0, row * sizeof *v->windows);
  solid_status status = rank(v, weights, step, n);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", v->be->err);
}

solid_status sol_validator_run(sol_validator *validator, const sol_weights *weights, sol_step *step,
                               sol_validation *result) {
  sol_validator *v = validator;
  solid_status status = v->piece > 0 ? SOLID_OK : sol_catalogue_compute(v->be, &v->config, weights, &step->catalogue);
  double ndcg = 0, hits = 0;
  for (uint32_t user = 0, n; status == SOLID_OK && (n = next_users(v, &user)) > 0;) {
    status = rank(v, weights, step, n);
    for (uint32_t w = 0; status == SOLID_OK && w < n; w++) {
      solid_range known = {0};
      solid_split_question(v->dataset, v->who[w], SOLID_PART_VALID, &known);
      const int32_t *best = v->best + w * (size_t)depth(v);
      for (int32_t k = 0; k < depth(v); k++) {
        if (best[k] != (int32_t)v->dataset->sequence[known.end]) continue;
        hits += 1;
        ndcg += 1 / log2(k + 2.0);
      }
    }
  }
  if (status != SOLID_OK) return solid_fail(status, "%s", v->be->err);
  double users = v->users > 0 ? v->users : 1;
  *result = (sol_validation){.ndcg10 = ndcg / users, .hit10 = hits / users};
  return SOLID_OK;
}
