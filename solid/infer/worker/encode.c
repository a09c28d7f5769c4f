/* A worker is a queue on the device and two pieces of memory planned once: one on the device, one on the host through
 * which integers, results and ranked items pass. Every stage is: check, upload, enqueue, download, one sync.
 *
 * A user's result is a record: h and params side by side, so that those of a batch come down in one piece. Where the
 * back end records, a batch is filled up to powers of two of windows and rows; each such size is recorded when the
 * worker is made, and a batch is one upload, one launch, one download. */
#include "solid/extend.h"
#include "solid/infer/worker_parts.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
  if (!status) status = sol_worker_warm_up(worker);
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
    for (int generate = 0; generate < 2; generate++)
      for (int n = 0; n < SOL_WORKER_SIZES; n++)
        for (int rows = 0; rows < SOL_WORKER_SIZES; rows++)
          worker->be->ops->forget(worker->be, worker->graphs[generate][n][rows]);
    worker->be->ops->free_host(worker->be, worker->host_base);
    worker->be->ops->free(worker->be, worker->device_base);
    worker->be->ops->close(worker->be);
  }
  free(worker);
}

size_t solid_worker_mask_words(const solid_worker *worker) {
  return worker->words;
}

/* ---- Transfers; a queue that has failed is left alone ---- */

void sol_worker_upload(solid_worker *worker, solid_status *status, void *device, const void *host, size_t bytes) {
  if (!*status && bytes) *status = worker->be->ops->upload(worker->be, device, host, bytes);
}

void sol_worker_download(solid_worker *worker, solid_status *status, void *host, const void *device, size_t bytes) {
  if (!*status && bytes) *status = worker->be->ops->download(worker->be, host, device, bytes);
}

solid_status sol_worker_finish(solid_worker *worker, solid_status status) {
  solid_status waited = worker->be->ops->sync(worker->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(worker->be, status) : SOLID_OK;
}

sol_pass sol_worker_pass(solid_worker *worker, const sol_batch *batch) {
  return (sol_pass){.be = worker->be,
                    .config = worker->config,
                    .weights = sol_model_weights(worker->model),
                    .catalogue = sol_model_catalogue(worker->model),
                    .batch = batch,
                    .scratch = worker->device.scratch};
}

/* ---- Windows in, states and layers out ---- */

static solid_status check_windows(const solid_worker *worker, const solid_windows *windows) {
  if (!windows || (windows->n && !windows->offsets)) return solid_fail(SOLID_EINVAL, "worker: windows are NULL");
  if (windows->n > worker->max_batch)
    return solid_fail(SOLID_EINVAL, "worker: %zu windows, it was made for %zu", windows->n, worker->max_batch);
  for (size_t i = 0; i < windows->n; i++) {
    uint32_t from = windows->offsets[i], to = windows->offsets[i + 1];
    if (from > to) return solid_fail(SOLID_EINVAL, "worker: window %zu begins at %u and ends at %u", i, from, to);
    if (from < to && !windows->items) return solid_fail(SOLID_EINVAL, "worker: windows without items");
    for (uint32_t j = from; j < to; j++)
      if (windows->items[j] >= worker->config->items)
        return solid_fail(SOLID_ERANGE, "worker: item %u in window %zu, the model has %u", windows->items[j], i,
                          worker->config->items);
  }
  return SOLID_OK;
}

/* What is run, or recorded, for one batch. */
typedef struct work {
  sol_pass pass;
  float *h, *params; /* params NULL: encode only */
} work;

static solid_status compute(void *user) {
  const work *w = user;
  solid_status status = sol_encode(&w->pass, w->h);
  return status || !w->params ? status : sol_generate(&w->pass, w->params);
}

/* Packs and uploads; *graph is where the work on a batch of this size is recorded. */
static solid_status send_batch(solid_worker *worker, const solid_windows *windows, int generate, sol_batch *batch,
                               sk_graph ***graph) {
  solid_status status = SOLID_OK;
  uint32_t L = worker->config->window;
  size_t n = windows->n, rows = sol_batch_rows(L, windows);
  if (worker->be->ops->records) {
    int log_n = sol_log2_up(n), log_rows = sol_log2_up(rows > n ? rows : n);
    n = sol_least((size_t)1 << log_n, worker->max_batch);
    rows = sol_least((size_t)1 << log_rows, n * L);
    *graph = &worker->graphs[generate][log_n][log_rows];
    sol_batch_pack_padded(batch, L, windows, n, rows, worker->host.batch, worker->device.batch);
  } else {
    *graph = &worker->graphs[generate][0][0];
    sol_batch_pack(batch, L, windows, worker->host.batch, worker->device.batch);
  }
  sol_worker_upload(worker, &status, worker->device.batch, worker->host.batch,
                    sol_batch_ints(n, rows) * sizeof(int32_t));
  return status;
}

/* Floats of a window's record. */
static size_t record_floats(const solid_worker *worker) {
  return worker->config->width + (worker->use == SOL_WORKER_HALVES ? (worker->P + 1) / 2 : worker->P);
}

solid_status sol_worker_forward(solid_worker *worker, const solid_windows *windows, int generate) {
  sol_batch batch;
  sk_graph **graph = NULL;
  size_t d = worker->config->width, stride = generate ? record_floats(worker) : d;
  solid_status status = send_batch(worker, windows, generate, &batch, &graph);
  work w = {.pass = sol_worker_pass(worker, &batch), .h = worker->device.records};
  w.pass.halves = worker->use == SOL_WORKER_HALVES;
  w.pass.h_stride = (int64_t)stride;
  w.pass.params_stride = (int64_t)(w.pass.halves ? 2 * stride : stride);
  if (generate) w.params = worker->device.records + d;
  if (!status) status = worker->be->ops->replay(worker->be, graph, compute, &w);
  sol_worker_download(worker, &status, worker->host.records, worker->device.records,
                      windows->n * stride * sizeof(float));
  return sol_worker_finish(worker, status);
}

solid_status solid_worker_encode(solid_worker *worker, const solid_windows *windows, float *h) {
  if (!worker || !windows || (windows->n && !h)) return solid_fail(SOLID_EINVAL, "worker: encode into NULL");
  solid_status status = check_windows(worker, windows);
  if (status || !windows->n) return status;
  status = sol_worker_forward(worker, windows, 0);
  if (!status) memcpy(h, worker->host.records, windows->n * worker->config->width * sizeof *h);
  return status;
}

solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, float **records, size_t *stride) {
  solid_status status = check_windows(worker, windows);
  if (status || !windows->n) return status;
  status = sol_worker_forward(worker, windows, worker->P > 0);
  if (status) return status;
  *records = worker->host.records;
  *stride = record_floats(worker);
  return status;
}

solid_status solid_worker_generate(solid_worker *worker, const solid_windows *windows, float *h, float *params) {
  if (!worker || !windows || (windows->n && (!h || (!params && worker->P))))
    return solid_fail(SOLID_EINVAL, "worker: generate into NULL");
  assert(worker->use == SOL_WORKER_ALL);
  float *records = NULL;
  size_t d = worker->config->width, P = worker->P, stride = 0;
  solid_status status = sol_worker_generate(worker, windows, &records, &stride);
  for (size_t i = 0; i < windows->n && !status; i++) {
    memcpy(h + i * d, records + i * stride, d * sizeof *h);
    if (P) memcpy(params + i * P, records + i * stride + d, P * sizeof *params);
  }
  return status;
}

uint64_t sol_worker_allocations(const solid_worker *worker) {
  return worker->be->allocations;
}

uint64_t sol_worker_bytes(const solid_worker *worker) {
  return worker->be->bytes;
}
