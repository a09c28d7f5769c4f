#include "solid/train/validate.h"
#include "solid/extend.h"
#include "solid/internal/ops.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdlib.h>

#define TOP 10

static size_t validator_bind(sol_validator *v, float *base) {
  const sol_config *config = &v->config;
  size_t used = 0, n = SOL_VALIDATE_BATCH;
  v->u = sol_take(base, &used, n * config->width);
  v->params = sol_take(base, &used, n * sol_config_params(config));
  v->scores = sol_take(base, &used, n * config->items);
  v->scratch = sol_take(base, &used, sol_forward_floats(config, n, v->max_rows));
  return used;
}

/* Counts the users with a target and the rows of the largest batch they make, in their order. */
static void survey(sol_validator *v) {
  size_t rows = 0;
  for (uint32_t u = 0; u < v->history->users; u++) {
    sol_range known;
    if (!sol_split_question(v->history, u, SOL_PART_VALID, &known)) continue;
    if (v->users % SOL_VALIDATE_BATCH == 0) rows = 0;
    size_t length = known.end - known.begin;
    rows += length < v->config.window ? length : v->config.window;
    if (rows > v->max_rows) v->max_rows = rows;
    v->users++;
  }
}

solid_status sol_validator_open(sol_validator *validator, sk_backend *be, const sol_config *config,
                                const sol_history *history) {
  sol_validator *v = validator;
  *v = (sol_validator){.be = be, .config = *config, .history = history};
  survey(v);
  size_t floats = validator_bind(v, NULL), n = SOL_VALIDATE_BATCH, ints = sol_batch_ints(n, v->max_rows);
  void *block = NULL, *device_ints = NULL;
  solid_status status = be->ops->alloc(be, &block, floats * sizeof(float));
  v->block = block;
  if (status == SOLID_OK) status = be->ops->alloc(be, &device_ints, ints * sizeof(int32_t));
  v->ints = device_ints;
  if (status != SOLID_OK) {
    status = solid_fail(status, "%zu MiB for validation: %s", (floats + ints) * 4 / (1u << 20), be->err);
    goto fail;
  }
  validator_bind(v, v->block);
  v->host_ints = malloc(ints * sizeof *v->host_ints);
  v->host_scores = malloc(n * config->items * sizeof *v->host_scores);
  v->offsets = malloc((n + 1) * sizeof *v->offsets);
  v->items = malloc((v->max_rows + 1) * sizeof *v->items);
  v->who = malloc(n * sizeof *v->who);
  v->known = calloc(config->items, sizeof *v->known);
  if (v->host_ints == NULL || v->host_scores == NULL || v->offsets == NULL || v->items == NULL || v->who == NULL ||
      v->known == NULL) {
    status = solid_fail(SOLID_ENOMEM, "validation of %u users", v->users);
    goto fail;
  }
  return SOLID_OK;
fail:
  sol_validator_close(v);
  return status;
}

void sol_validator_close(sol_validator *validator) {
  if (validator->be != NULL) {
    validator->be->ops->free(validator->be, validator->block);
    validator->be->ops->free(validator->be, validator->ints);
  }
  free(validator->host_ints);
  free(validator->host_scores);
  free(validator->offsets);
  free(validator->items);
  free(validator->who);
  free(validator->known);
  *validator = (sol_validator){0};
}

/* The next users with a target, from *user on, as windows. Returns how many. */
static uint32_t next_users(sol_validator *v, uint32_t *user) {
  uint32_t n = 0, row = 0;
  v->offsets[0] = 0;
  for (; *user < v->history->users && n < SOL_VALIDATE_BATCH; ++*user) {
    sol_range known;
    if (!sol_split_question(v->history, *user, SOL_PART_VALID, &known)) continue;
    if (known.end - known.begin > v->config.window) known.begin = known.end - v->config.window;
    for (size_t i = known.begin; i < known.end; i++) v->items[row++] = v->history->sequence[i];
    v->who[n++] = *user;
    v->offsets[n] = row;
  }
  return n;
}

/* Scores of the whole catalogue for n windows, on the host. */
static solid_status score(sol_validator *v, const sol_weights *weights, const sol_catalogue *catalogue, uint32_t n) {
  sk_backend *be = v->be;
  sol_batch batch;
  solid_windows windows = {.n = n, .offsets = v->offsets, .items = v->items};
  sol_pass pass = {.be = be,
                   .config = &v->config,
                   .weights = weights,
                   .catalogue = catalogue,
                   .batch = &batch,
                   .scratch = v->scratch};
  sol_batch_pack(&batch, v->config.window, &windows, v->host_ints, v->ints);
  sol_run run = {be, SOLID_OK};
  run.status = be->ops->upload(be, v->ints, v->host_ints, sol_batch_ints(n, v->offsets[n]) * sizeof(int32_t));
  if (run.status == SOLID_OK) run.status = sol_encode(&pass, v->u);
  if (run.status == SOLID_OK) run.status = sol_generate(&pass, v->params);
  if (run.status == SOLID_OK) run.status = sol_apply(&pass, (int32_t)n, v->u, v->params, v->u);
  sol_op_linear(&run, &(sk_linear_args){.n = (int32_t)n,
                                        .in = (int32_t)v->config.width,
                                        .out = (int32_t)v->config.items,
                                        .x = v->u,
                                        .w = catalogue->vectors,
                                        .y = v->scores});
  if (run.status == SOLID_OK)
    run.status = be->ops->download(be, v->host_scores, v->scores, (size_t)n * v->config.items * sizeof(float));
  if (run.status == SOLID_OK) run.status = be->ops->sync(be);
  return run.status;
}

/* Items that stand before the target: better ones, and those of the same score and a lower index, the user's history
 * left out. `mark` is a number that known[] does not hold yet. */
static uint32_t rank_of_target(sol_validator *v, uint32_t u, uint32_t mark, const float *scores) {
  sol_range known = {0};
  sol_split_question(v->history, u, SOL_PART_VALID, &known);
  uint32_t target = v->history->sequence[known.end], before = 0;
  float best = scores[target];
  if (isnan(best)) return v->config.items;
  for (uint32_t i = 0; i < v->config.items; i++) before += scores[i] > best;
  for (uint32_t i = 0; i < target; i++) before += scores[i] == best;
  for (size_t i = known.begin; i < known.end; i++) {
    uint32_t item = v->history->sequence[i];
    if (item == target || v->known[item] == mark) continue;
    v->known[item] = mark;
    before -= scores[item] > best || (scores[item] == best && item < target);
  }
  return before;
}

solid_status sol_validator_run(sol_validator *validator, const sol_weights *weights, sol_catalogue *catalogue,
                               sol_validation *result) {
  sol_validator *v = validator;
  solid_status status = sol_catalogue_compute(v->be, &v->config, weights, catalogue);
  double ndcg = 0, hits = 0;
  for (uint32_t i = 0; i < v->config.items; i++) v->known[i] = 0;
  for (uint32_t user = 0, done = 0, n; status == SOLID_OK && (n = next_users(v, &user)) > 0; done += n) {
    status = score(v, weights, catalogue, n);
    for (uint32_t w = 0; status == SOLID_OK && w < n; w++) {
      uint32_t rank = rank_of_target(v, v->who[w], done + w + 1, v->host_scores + (size_t)w * v->config.items);
      if (rank >= TOP) continue;
      hits += 1;
      ndcg += 1 / log2(rank + 2.0);
    }
  }
  if (status != SOLID_OK) return solid_fail(status, "%s", v->be->err);
  double users = v->users > 0 ? v->users : 1;
  *result = (sol_validation){.ndcg10 = ndcg / users, .hit10 = hits / users};
  return SOLID_OK;
}
