#include "solid/extend.h"
#include "solid/infer/worker/memory.h"
#include "solid/infer/worker/warm.h"
#include "solid/infer/worker/worker.h"
#include <stdlib.h>

solid_status solid_worker_new(solid_worker **out, const solid_model *model, size_t max_batch) {
  return sol_worker_new(out, model, max_batch, SOL_WORKER_ALL);
}

uint32_t sol_worker_reads(const sol_config *config) {
  return config->generator_window && config->generator_window < config->window ? config->generator_window
                                                                               : config->window;
}

static solid_status make(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use,
                         int given) {
  if (!out || !model) return solid_fail(SOLID_EINVAL, "worker: out or model is NULL");
  const sol_config *config = sol_model_config(model);
  uint32_t L = given ? sol_worker_reads(config) : config->window;
  /* The kernels count in int32: rows of a batch, floats of a batch's parameters over the width. */
  if (max_batch == 0 || max_batch > INT32_MAX / 4 / L)
    return solid_fail(SOLID_EINVAL, "worker: max_batch is %zu, it may be 1 .. %u", max_batch,
                      (uint32_t)INT32_MAX / 4 / L);
  solid_worker *worker = calloc(1, sizeof *worker);
  if (!worker) return solid_fail(SOLID_ENOMEM, "out of memory: worker");
  worker->model = model;
  worker->config = config;
  worker->max_batch = max_batch;
  worker->given = given;
  worker->L = L;
  worker->max_rows = sol_least(max_batch * L, sol_most(L, SOL_ROWS_AT_ONCE));
  worker->words = ((size_t)config->items + 63) / 64;
  worker->ranked = config->items > SOL_RANKED_AT_ONCE ? config->items : SOL_RANKED_AT_ONCE;
  worker->P = sol_config_params(config);
  worker->use = use;
  solid_status status = sol_backend_open(sol_model_context(model), &worker->be);
  if (!status && !(worker->host_which = malloc(max_batch * sizeof *worker->host_which)))
    status = solid_fail(SOLID_ENOMEM, "out of memory: worker");
  if (!status) worker->fuse = worker->be->ops->unified;
  if (!status) status = sol_worker_take_memory(worker);
  if (!status) status = sol_worker_warm_up(worker);
  if (status) {
    solid_worker_free(worker);
    return status;
  }
  *out = worker;
  return SOLID_OK;
}

solid_status sol_worker_new(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use) {
  return make(out, model, max_batch, use, 0);
}

solid_status sol_worker_new_given(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use) {
  return make(out, model, max_batch, use, 1);
}

void solid_worker_free(solid_worker *worker) {
  if (!worker) return;
  if (worker->be) {
    sol_worker_give_memory(worker);
    worker->be->ops->close(worker->be);
  }
  free(worker->host_which);
  free(worker);
}

size_t solid_worker_mask_words(const solid_worker *worker) {
  return worker ? worker->words : 0;
}

void sol_worker_fuse(solid_worker *worker, int on) {
  worker->fuse = on;
}

void sol_worker_limit_rows(solid_worker *worker, size_t rows) {
  worker->max_rows = sol_least(rows, worker->max_rows);
}

uint64_t sol_worker_allocations(const solid_worker *worker) {
  return worker->be->allocations;
}

uint64_t sol_worker_bytes(const solid_worker *worker) {
  return worker->be->bytes;
}
