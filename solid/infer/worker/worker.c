/* Making a worker: its memory, planned once; the kernels' scratch, which every stage lets grow to what it will ever be;
 * recordings. */
#include "solid/infer/worker/worker.h"
#include "solid/extend.h"
#include "solid/infer/worker/answer.h"
#include "solid/infer/worker/encode.h"
#include <stdlib.h>

/* Up to so many rows and places together the CPU's ranking takes scratch, which grows with both; larger ones do
 * without. A GPU's grows with the rows, and is another where all places are wanted. */
#define WARM_UP_ROWS   32
#define WARM_UP_RANKED 1024

/* One batch of every kind that this worker has. */
static solid_status forward(solid_worker *worker, const solid_windows *windows) {
  sol_made made;
  solid_status status = sol_worker_generate(worker, windows, &made);
  return status || worker->use != SOL_WORKER_ALL ? status : sol_worker_encode(worker, windows);
}

/* Meets every size of batch that there is, the largest first, so that the kernels' scratch is as large as it gets. */
static solid_status record_sizes(solid_worker *worker) {
  size_t B = worker->max_batch, L = worker->config->window;
  uint32_t *items = calloc(B * L, sizeof *items), *offsets = calloc(B + 1, sizeof *offsets);
  solid_status status = items && offsets ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  for (int log_n = sol_log2_up(B); log_n >= 0 && !status; log_n--) {
    size_t n = sol_least((size_t)1 << log_n, B);
    for (int log_rows = sol_log2_up(n * L); log_rows >= log_n && !status; log_rows--) {
      size_t rows = sol_least((size_t)1 << log_rows, n * L);
      for (size_t i = 0; i <= n; i++) offsets[i] = (uint32_t)(i * rows / n);
      solid_windows windows = {n, offsets, items};
      status = forward(worker, &windows);
    }
  }
  free(items);
  free(offsets);
  return status;
}

/* See WARM_UP_ROWS. Of rows of zeroes every item would be among the best, which takes a GPU long. */
static solid_status warm_ranking(solid_worker *worker) {
  size_t V = worker->config->items, B = sol_least(worker->max_batch, worker->ranked);
  size_t sizes[][2] = {{sol_least(B, WARM_UP_ROWS), sol_least(V, WARM_UP_RANKED)}, {B, 1}, {1, V}}; /* rows, places */
  solid_scored *ranked = calloc(worker->ranked, sizeof *ranked);
  float *u = malloc(B * worker->config->width * sizeof *u);
  size_t *counts = calloc(B, sizeof *counts);
  solid_status status = ranked && u && counts ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  for (size_t i = 0; i < B * worker->config->width && u; i++) u[i] = 1.0f;
  for (int i = 0; i < (worker->be->ops->records ? 3 : 1) && !status; i++)
    status = solid_worker_rank(worker, sizes[i][0], u, NULL, sizes[i][1], ranked, counts);
  free(ranked);
  free(u);
  free(counts);
  return status;
}

/* The kernels' own scratch grows with the largest shapes seen; one pass over such shapes, on whatever numbers the
 * memory holds (zeroes), lets it grow here and not under a request. */
static solid_status warm_up(solid_worker *worker) {
  const sol_config *config = worker->config;
  uint32_t *items = calloc(config->window, sizeof *items), offsets[2] = {0, config->window};
  float *u = calloc(config->width, sizeof *u), *params = calloc(worker->P + 1, sizeof *params);
  solid_status status = items && u && params ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  solid_windows windows = {1, offsets, items};
  if (!status) status = forward(worker, &windows);
  if (!status && worker->use == SOL_WORKER_ALL) status = solid_worker_apply(worker, 1, u, params, u);
  if (!status && worker->use == SOL_WORKER_ALL) status = warm_ranking(worker);
  /* Last: a recording points into the scratch as it is. */
  if (!status && worker->be->ops->records) status = record_sizes(worker);
  if (!status && worker->be->ops->records && worker->use == SOL_WORKER_ALL) status = sol_worker_record_answers(worker);
  free(items);
  free(u);
  free(params);
  return status;
}

solid_status solid_worker_new(solid_worker **out, const solid_model *model, size_t max_batch) {
  return sol_worker_new(out, model, max_batch, SOL_WORKER_ALL);
}

solid_status sol_worker_new(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use) {
  if (!out || !model) return solid_fail(SOLID_EINVAL, "worker: out or model is NULL");
  const sol_config *config = sol_model_config(model);
  /* The kernels count in int32: rows of a batch, floats of a batch's parameters over the width. */
  if (max_batch == 0 || max_batch > INT32_MAX / 4 / config->window)
    return solid_fail(SOLID_EINVAL, "worker: max_batch is %zu, it may be 1 .. %u", max_batch,
                      (uint32_t)INT32_MAX / 4 / config->window);
  solid_worker *worker = calloc(1, sizeof *worker);
  if (!worker) return solid_fail(SOLID_ENOMEM, "out of memory: worker");
  worker->model = model;
  worker->config = config;
  worker->max_batch = max_batch;
  worker->words = ((size_t)config->items + 63) / 64;
  worker->ranked = config->items > SOL_RANKED_AT_ONCE ? config->items : SOL_RANKED_AT_ONCE;
  worker->P = sol_config_params(config);
  worker->use = use;
  solid_status status = sol_backend_open(sol_model_context(model), &worker->be);
  if (!status) status = sol_worker_take_memory(worker);
  if (!status) status = warm_up(worker);
  if (status) {
    solid_worker_free(worker);
    return status;
  }
  *out = worker;
  return SOLID_OK;
}

void solid_worker_free(solid_worker *worker) {
  if (!worker) return;
  if (worker->be) {
    sol_worker_give_memory(worker);
    worker->be->ops->close(worker->be);
  }
  free(worker);
}

size_t solid_worker_mask_words(const solid_worker *worker) {
  return worker->words;
}

uint64_t sol_worker_allocations(const solid_worker *worker) {
  return worker->be->allocations;
}

uint64_t sol_worker_bytes(const solid_worker *worker) {
  return worker->be->bytes;
}
