#include "solid/train/fit/budget.h"
#include "solid/base/values.h"
#include "solid/extend.h"
#include "solid/infer/plan_backend.h"
#include "solid/infer/slate/slater.h"
#include "solid/infer/state/image.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/context.h"
#include "solid/model/model_parts.h"
#include "solid/store.h"
#include "solid/train/codebook/codebook_learn.h"
#include "solid/train/fit/state.h"
#include "solid/train/split.h"
#include <stdio.h>
#include <stdlib.h>

/* Users that fill every batch of training and validation with full windows; their items do not matter. */
static solid_status full_history(solid_dataset *dataset, const sol_config *config, uint32_t batch) {
  uint32_t at_once = (uint32_t)sol_plan_table.tile_rows / 16, users = batch > at_once ? batch : at_once;
  size_t events = (size_t)config->window + SOLID_SPLIT_MIN_EVENTS;
  *dataset = (solid_dataset){.users = users, .items = config->items};
  dataset->offsets = calloc((size_t)users + 1, sizeof *dataset->offsets);
  dataset->sequence = calloc(users * events, sizeof *dataset->sequence);
  if (!dataset->offsets || !dataset->sequence)
    return solid_fail(SOLID_ENOMEM, "out of memory: plan of %u users a step", users);
  for (uint32_t u = 0; u <= users; u++) dataset->offsets[u] = u * events;
  return SOLID_OK;
}

solid_status sol_budget_training(uint64_t *bytes, const sol_fit_task *task) {
  sol_fit *fit = NULL;
  sk_backend *be = NULL;
  sol_fit_task any = *task;
  uint16_t *codes = task->codes ? NULL : calloc((size_t)task->config->items * task->config->levels + 1, sizeof *codes);
  if (!task->codes) any.codes = codes;
  solid_status status = any.codes ? SOLID_OK : solid_fail(SOLID_ENOMEM, "plan of %u items", task->config->items);
  if (!status) status = sol_plan_table.open(&be, NULL);
  if (!status) status = sol_fit_open(&fit, be, &any);
  if (!status) *bytes = be->bytes;
  sol_fit_close(fit);
  if (be) be->ops->close(be);
  free(codes);
  return status;
}

/* A step has room for one window at least: nobody trains such a model with fewer rows. */
static solid_status plan_worst_training(uint64_t *bytes, const sol_config *config, const solid_train_options *options) {
  solid_dataset dataset = {0};
  solid_train_options roomy = *options;
  if (roomy.rows < config->window) roomy.rows = config->window;
  solid_status status = full_history(&dataset, config, options->batch);
  if (!status) status = sol_budget_training(bytes, &(sol_fit_task){config, &roomy, &dataset, NULL, 0});
  solid_dataset_clear(&dataset);
  return status;
}

solid_status solid_budget_device(solid_device_budget *budget, const char *path, uint32_t serve,
                                 const solid_train_options *options) {
  solid_context ctx = {.ops = &sol_plan_table, .threads = 1};
  solid_model *model = NULL;
  solid_worker *worker = NULL;
  sol_slater *slater = NULL;
  solid_device_budget all = {0};
  solid_status status = solid_model_load(&model, &ctx, path);
  if (!status) status = solid_worker_new(&worker, model, serve);
  if (!status && sol_model_config(model)->slate_rows) status = sol_slater_new(&slater, model, serve);
  if (!status) {
    all.model = model->be->bytes;
    all.host = sol_model_host_bytes(model);
    all.worker = sol_worker_bytes(worker);
    all.slates = slater ? sol_slater_bytes(slater) : 0;
    const sol_config *c = sol_model_config(model);
    if (c->levels > 0)
      all.learning = sol_code_learner_bytes(c->items, c->levels, c->codes, c->width + SOLID_BUDGET_CONTENT);
    status = plan_worst_training(&all.training, c, options);
  }
  sol_slater_free(slater);
  solid_worker_free(worker);
  solid_model_free(model);
  if (!status) *budget = all;
  return status;
}

solid_status solid_budget_memory(const solid_context *ctx, size_t *left, size_t *total) {
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(ctx, &be);
  if (status) return status;
  status = be->ops->memory(be, left, total);
  if (status) status = sol_backend_fail(be, status);
  be->ops->close(be);
  return status;
}

solid_status sol_fit_new(sol_fit **out, const solid_context *ctx, const sol_fit_task *task) {
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(ctx, &be);
  if (status != SOLID_OK) return status;
  uint64_t bytes = 0;
  if (be->ops->records) status = sol_budget_training(&bytes, task);
  char what[64];
  snprintf(what, sizeof what, "training with %u users a step", task->options->batch);
  if (status == SOLID_OK) status = sol_backend_room(be, bytes, what, "use a smaller batch, or fewer rows a step");
  if (status == SOLID_OK) status = sol_fit_open(out, be, task);
  if (status == SOLID_OK)
    (*out)->owns_backend = 1;
  else
    be->ops->close(be);
  return status;
}

solid_state_budget solid_budget_state(const solid_model *model, uint64_t events) {
  const sol_config *config = sol_model_config(model);
  if (config->attention != SOL_ATTENTION_SPARSE || config->positions != SOL_POSITIONS_ROTARY)
    return (solid_state_budget){0};
  if (events > config->window) events = config->window; /* as many as a state begins with */
  sol_image_size size = sol_image_expected(model, SOL_VALUES_I8, events);
  if (size.bytes > SOLID_STATE_MAX || size.parts > SOLID_STATE_PARTS) return (solid_state_budget){0};
  return (solid_state_budget){(uint32_t)size.bytes, (uint32_t)size.parts};
}
