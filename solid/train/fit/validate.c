#include "solid/train/fit/validate.h"
#include "kernels/ops.h"
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

static size_t validator_bind(sol_validator *v, float *base) {
  const sol_config *config = &v->config;
  size_t used = 0, n = v->batch;
  v->u = sol_take(base, &used, n * config->width);
  v->params = sol_take(base, &used, n * sol_config_params(config));
  v->scores = sol_take(base, &used, n * (size_t)depth(v));
  v->scratch = sol_take(base, &used, sol_forward_floats(config, n, v->max_rows));
  return used;
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

solid_status sol_validator_open(sol_validator *validator, sk_backend *be, const sol_config *config,
                                const solid_dataset *dataset, int repeats) {
  sol_validator *v = validator;
  *v = (sol_validator){.be = be, .config = *config, .dataset = dataset, .batch = users_at_once(be), .repeats = repeats};
  survey(v);
  v->words = (config->items + 63) / 64;
  size_t n = v->batch, floats = validator_bind(v, NULL),
         batch_ints = sol_batch_ints(config, SOL_NEWEST_ROWS, n, v->max_rows);
  size_t ints = batch_ints + n * (size_t)depth(v), mask_bytes = n * v->words * sizeof(uint64_t);
  void *block = NULL, *device_ints = NULL, *device_mask = NULL, *host_ints = NULL, *host_mask = NULL;
  solid_status status = be->ops->alloc(be, &block, floats * sizeof(float));
  if (status == SOLID_OK) status = be->ops->alloc(be, &device_ints, ints * sizeof(int32_t));
  if (status == SOLID_OK) status = be->ops->alloc(be, &device_mask, mask_bytes);
  if (status == SOLID_OK) status = be->ops->alloc_host(be, &host_ints, ints * sizeof(int32_t));
  if (status == SOLID_OK) status = be->ops->alloc_host(be, &host_mask, mask_bytes);
  v->block = block, v->ints = device_ints, v->mask = device_mask;
  v->host_ints = host_ints, v->host_mask = host_mask;
  if (status != SOLID_OK) {
    status = solid_fail(status, "%zu MiB for validation: %s", ((floats + ints) * 4 + mask_bytes) >> 20, be->err);
    goto fail;
  }
  validator_bind(v, v->block);
  v->index = v->ints + batch_ints;
  v->host_index = v->host_ints + batch_ints;
  v->offsets = malloc((n + 1) * sizeof *v->offsets);
  v->items = malloc((v->max_rows + 1) * sizeof *v->items);
  v->who = malloc(n * sizeof *v->who);
  if (v->offsets == NULL || v->items == NULL || v->who == NULL) {
    status = solid_fail(SOLID_ENOMEM, "validation of %u users", v->users);
    goto fail;
  }
  return SOLID_OK;
fail:
  sol_validator_close(v);
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
  free(validator->items);
  free(validator->who);
  *validator = (sol_validator){0};
}

/* The next users with a target, from *user on: their windows, and masks of what they know already, the target excepted,
 * where items do not come again. Returns how many. */
static uint32_t next_users(sol_validator *v, uint32_t *user) {
  uint32_t n = 0, row = 0;
  v->offsets[0] = 0;
  for (; *user < v->dataset->users && n < v->batch; ++*user) {
    solid_range known;
    if (!solid_split_question(v->dataset, *user, SOLID_PART_VALID, &known)) continue;
    if (n > 0 && row + window_of(v, known) > MOST_ROWS) break;
    uint64_t *mask = v->host_mask + n * v->words;
    uint32_t target = v->dataset->sequence[known.end];
    memset(mask, 0, v->words * sizeof *mask);
    for (size_t i = known.begin; i < known.end; i++) {
      uint32_t item = v->dataset->sequence[i];
      if (item != target && !v->repeats) mask[item / 64] |= (uint64_t)1 << item % 64;
      if (known.end - i <= v->config.window) v->items[row++] = item;
    }
    v->who[n++] = *user;
    v->offsets[n] = row;
  }
  return n;
}

/* The best items of n windows, on the host. */
static solid_status rank(sol_validator *v, const sol_weights *weights, const sol_catalogue *catalogue, uint32_t n) {
  sk_backend *be = v->be;
  sol_batch batch;
  solid_windows windows = {.n = n, .offsets = v->offsets, .items = v->items};
  sol_pass pass = {.be = be,
                   .config = &v->config,
                   .weights = weights,
                   .catalogue = catalogue,
                   .batch = &batch,
                   .scratch = v->scratch};
  sol_batch_pack(&batch, &v->config, SOL_NEWEST_ROWS, &windows, v->host_ints, v->ints);
  sol_run run = {be, SOLID_OK};
  size_t ints = sol_batch_ints(&v->config, SOL_NEWEST_ROWS, n, v->offsets[n]);
  run.status = be->ops->upload(be, v->ints, v->host_ints, ints * sizeof(int32_t));
  if (run.status == SOLID_OK)
    run.status = be->ops->upload(be, v->mask, v->host_mask, n * v->words * sizeof *v->host_mask);
  if (run.status == SOLID_OK) run.status = sol_encode(&pass, v->u);
  if (run.status == SOLID_OK) run.status = sol_generate(&pass, v->params);
  if (run.status == SOLID_OK) run.status = sol_apply(&pass, (int32_t)n, v->u, v->params, NULL, v->u);
  sol_op_topk(&run, &(sk_topk_args){.n = (int32_t)n,
                                    .d = (int32_t)v->config.width,
                                    .items = (int32_t)v->config.items,
                                    .k = depth(v),
                                    .u = v->u,
                                    .e = catalogue->vectors,
                                    .mask = v->mask,
                                    .mask_words = (int32_t)v->words,
                                    .index = v->index,
                                    .score = v->scores});
  if (run.status == SOLID_OK)
    run.status = be->ops->download(be, v->host_index, v->index, n * (size_t)depth(v) * sizeof *v->index);
  if (run.status == SOLID_OK) run.status = be->ops->sync(be);
  return run.status;
}

solid_status sol_validator_warm_up(sol_validator *validator, const sol_weights *weights,
                                   const sol_catalogue *catalogue) {
  sol_validator *v = validator;
  uint32_t n = v->users < v->batch ? v->users : v->batch, window = v->config.window;
  size_t row = 0;
  if (n == 0) return SOLID_OK;
  for (uint32_t i = 0; i < n; i++) {
    size_t spare = v->max_rows - row;
    v->offsets[i] = (uint32_t)row;
    row += spare < window ? spare : window;
  }
  v->offsets[n] = (uint32_t)row;
  memset(v->items, 0, row * sizeof *v->items);
  memset(v->host_mask, 0, n * v->words * sizeof *v->host_mask);
  solid_status status = rank(v, weights, catalogue, n);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", v->be->err);
}

solid_status sol_validator_run(sol_validator *validator, const sol_weights *weights, sol_catalogue *catalogue,
                               sol_validation *result) {
  sol_validator *v = validator;
  solid_status status = sol_catalogue_compute(v->be, &v->config, weights, catalogue);
  double ndcg = 0, hits = 0;
  for (uint32_t user = 0, n; status == SOLID_OK && (n = next_users(v, &user)) > 0;) {
    status = rank(v, weights, catalogue, n);
    for (uint32_t w = 0; status == SOLID_OK && w < n; w++) {
      solid_range known = {0};
      solid_split_question(v->dataset, v->who[w], SOLID_PART_VALID, &known);
      const int32_t *best = v->host_index + w * (size_t)depth(v);
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
