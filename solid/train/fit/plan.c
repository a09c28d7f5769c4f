#include "solid/train/fit/plan.h"
#include "solid/extend.h"
#include "solid/infer/plan_backend.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "solid/train/codebook/codebook_learn.h"
#include "solid/train/data/split.h"
#include "solid/train/fit/trainer.h"
#include <stdlib.h>

/* Users that fill every batch of training and of validation with full windows; which items is all the same. */
static solid_status full_history(sol_history *history, const sol_config *config, uint32_t batch) {
  uint32_t at_once = (uint32_t)sol_plan_table.tile_rows / 16, users = batch > at_once ? batch : at_once;
  size_t events = (size_t)config->window + SOL_SPLIT_MIN_EVENTS;
  *history = (sol_history){.users = users, .items = config->items};
  history->offsets = calloc((size_t)users + 1, sizeof *history->offsets);
  history->sequence = calloc(users * events, sizeof *history->sequence);
  if (!history->offsets || !history->sequence)
    return solid_fail(SOLID_ENOMEM, "out of memory: plan of %u users a step", users);
  for (uint32_t u = 0; u <= users; u++) history->offsets[u] = u * events;
  return SOLID_OK;
}

solid_status sol_plan_training(uint64_t *bytes, const sol_config *config, const sol_train_options *options,
                               const sol_history *history, const uint16_t *codes) {
  sol_trainer *trainer = NULL;
  sk_backend *be = NULL;
  uint16_t *any = codes ? NULL : calloc((size_t)config->items * config->levels + 1, sizeof *any);
  solid_status status = codes || any ? SOLID_OK : solid_fail(SOLID_ENOMEM, "plan of %u items", config->items);
  if (!status) status = sol_plan_table.open(&be, NULL);
  if (!status) status = sol_trainer_open(&trainer, be, config, options, history, codes ? codes : any);
  if (!status) *bytes = be->bytes;
  sol_trainer_close(trainer);
  if (be) be->ops->close(be);
  free(any);
  return status;
}

static solid_status plan_worst_training(uint64_t *bytes, const sol_config *config, const sol_train_options *options) {
  sol_history history = {0};
  solid_status status = full_history(&history, config, options->batch);
  if (!status) status = sol_plan_training(bytes, config, options, &history, NULL);
  sol_history_clear(&history);
  return status;
}

solid_status sol_plan_device(sol_device_plan *plan, const char *path, uint32_t serve,
                             const sol_train_options *options) {
  solid_context ctx = {.ops = &sol_plan_table, .threads = 1};
  solid_model *model = NULL;
  solid_worker *worker = NULL;
  sol_device_plan all = {0};
  solid_status status = solid_model_load(&model, &ctx, path);
  if (!status) status = solid_worker_new(&worker, model, serve);
  if (!status) {
    all.config = *sol_model_config(model);
    all.model = model->be->bytes;
    all.worker = sol_worker_bytes(worker);
    const sol_config *c = &all.config;
    if (c->levels > 0)
      all.learning = sol_code_learner_bytes(c->items, c->levels, c->codes, c->width + SOL_PLAN_CONTENT);
    status = plan_worst_training(&all.training, c, options);
  }
  solid_worker_free(worker);
  solid_model_free(model);
  if (!status) *plan = all;
  return status;
}

solid_status sol_plan_memory(const solid_context *ctx, size_t *left, size_t *total) {
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(ctx, &be);
  if (status) return status;
  status = be->ops->memory(be, left, total);
  if (status) status = sol_backend_fail(be, status);
  be->ops->close(be);
  return status;
}
