/* Where the back end records, a batch is filled up to powers of two of windows and rows; each such size is recorded
 * when the worker is made, and a batch is one upload, one launch and, where nothing is answered, one download. */
#include "solid/infer/worker/encode.h"
#include "solid/extend.h"
#include <assert.h>
#include <string.h>

float *sol_worker_states(const solid_worker *worker, sol_worker_job job) {
  return worker->device.states + (job == SOL_GENERATE ? 0 : worker->max_batch * worker->config->width);
}

void sol_worker_begin(solid_worker *worker, sol_worker_job job, size_t n, size_t rows, sol_packing *packing) {
  uint32_t L = worker->config->window;
  if (worker->be->ops->records) {
    if (rows < n) rows = n;
    n = sol_least((size_t)1 << sol_log2_up(n), worker->max_batch);
    rows = sol_least((size_t)1 << sol_log2_up(rows), n * L);
  }
  sol_packing_begin(packing, L, n, rows, worker->host.batch[job]);
}

/* What is run, or recorded, for one batch. */
typedef struct work {
  sol_pass pass;
  sol_worker_use use;
  float *h, *params; /* params NULL: encode only */
} work;

static solid_status compute(void *user) {
  const work *w = user;
  solid_status status = sol_encode(&w->pass, w->h);
  if (status || !w->params) return status;
  return w->use == SOL_WORKER_HALVES ? sol_generate_halves(&w->pass, (uint16_t *)w->params)
                                     : sol_generate(&w->pass, w->params);
}

static solid_status send_batch(solid_worker *worker, sol_worker_job job, sol_packing *packing, sol_batch *packed) {
  solid_status status = SOLID_OK;
  sol_packing_end(packing, packed, worker->be->ops->records ? worker->config->window : packing->longest,
                  worker->device.batch[job]);
  sol_worker_send(worker, &status, worker->device.batch[job], worker->host.batch[job],
                  sol_batch_ints(packing->n, packing->rows) * sizeof(int32_t));
  return status;
}

solid_status sol_worker_run(solid_worker *worker, sol_worker_job job, sol_packing *packing, float *h, float *params) {
  sol_batch packed;
  int records = worker->be->ops->records;
  sk_graph **graph =
      &worker->forward[job][records ? sol_log2_up(packing->n) : 0][records ? sol_log2_up(packing->rows) : 0];
  solid_status status = send_batch(worker, job, packing, &packed);
  work w = {.pass = sol_worker_pass(worker, &packed), .use = worker->use, .h = h, .params = params};
  return status ? status : worker->be->ops->replay(worker->be, graph, compute, &w);
}

solid_status sol_worker_run_branches(solid_worker *worker, sol_packing *packing) {
  sol_batch packed;
  solid_status status = send_batch(worker, SOL_GENERATE, packing, &packed);
  sol_pass pass = sol_worker_pass(worker, &packed);
  float *z = worker->device.z;
  if (!status) status = sol_encode(&pass, sol_worker_states(worker, SOL_GENERATE));
  return status ? status : sol_branches(&pass, z, z + worker->max_batch * worker->config->width);
}

/* ---- The stages ---- */

solid_status sol_worker_check_items(const solid_worker *worker, const char *what, size_t i, const uint32_t *items,
                                    size_t n) {
  if (n && !items) return solid_fail(SOLID_EINVAL, "worker: %s %zu has %zu items but no data", what, i, n);
  for (size_t j = 0; j < n; j++)
    if (items[j] >= worker->config->items)
      return solid_fail(SOLID_ERANGE, "worker: item %u in %s %zu, the model has %u", items[j], what, i,
                        worker->config->items);
  return SOLID_OK;
}

static solid_status check_windows(const solid_worker *worker, const solid_windows *windows) {
  if (!windows || (windows->n && !windows->offsets)) return solid_fail(SOLID_EINVAL, "worker: windows are NULL");
  if (windows->n > worker->max_batch)
    return solid_fail(SOLID_EINVAL, "worker: %zu windows, it was made for %zu", windows->n, worker->max_batch);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < windows->n && !status; i++) {
    uint32_t from = windows->offsets[i], to = windows->offsets[i + 1];
    if (from > to) return solid_fail(SOLID_EINVAL, "worker: window %zu begins at %u and ends at %u", i, from, to);
    if (from < to) status = sol_worker_check_items(worker, "window", i, windows->items + from, to - from);
  }
  return status;
}

static void pack_windows(solid_worker *worker, sol_worker_job job, const solid_windows *windows, sol_packing *packing) {
  sol_worker_begin(worker, job, windows->n, sol_batch_rows(worker->config->window, windows), packing);
  sol_packing_windows(packing, windows);
}

static solid_status run_windows(solid_worker *worker, sol_worker_job job, const solid_windows *windows, float *h,
                                float *params) {
  sol_packing packing;
  pack_windows(worker, job, windows, &packing);
  return sol_worker_run(worker, job, &packing, h, params);
}

/* Writes into the caller's memory: directly where host and device share memory, else by way of the worker's buffers. */
static solid_status windows_to(solid_worker *worker, sol_worker_job job, const solid_windows *windows, float *h,
                               float *params) {
  int unified = worker->be->ops->unified;
  size_t floats = windows->n * worker->config->width, values = params ? windows->n * worker->P : 0;
  float *device_h = unified ? h : sol_worker_states(worker, job);
  float *device_params = unified || !params ? params : worker->device.params;
  solid_status status = run_windows(worker, job, windows, device_h, device_params);
  const float *host_h = sol_worker_fetch(worker, &status, worker->host.states, device_h, floats * sizeof *h);
  const float *host_params =
      sol_worker_fetch(worker, &status, worker->host.params, device_params, values * sizeof *params);
  status = sol_worker_finish(worker, status);
  if (status || unified) return status;
  memcpy(h, host_h, floats * sizeof *h);
  if (values) memcpy(params, host_params, values * sizeof *params);
  return SOLID_OK;
}

solid_status solid_worker_encode(solid_worker *worker, const solid_windows *windows, float *h) {
  if (!worker || !windows || (windows->n && !h)) return solid_fail(SOLID_EINVAL, "worker: encode into NULL");
  solid_status status = check_windows(worker, windows);
  return status || !windows->n ? status : windows_to(worker, SOL_ENCODE, windows, h, NULL);
}

solid_status solid_worker_generate(solid_worker *worker, const solid_windows *windows, float *h, float *params) {
  if (!worker || !windows || (windows->n && (!h || (!params && worker->P))))
    return solid_fail(SOLID_EINVAL, "worker: generate into NULL");
  assert(worker->use == SOL_WORKER_ALL);
  solid_status status = check_windows(worker, windows);
  if (status || !windows->n) return status;
  return windows_to(worker, SOL_GENERATE, windows, h, worker->P ? params : NULL);
}

solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, sol_made *made) {
  assert(worker->use != SOL_WORKER_ALL);
  solid_status status = check_windows(worker, windows);
  if (status || !windows->n) return status;
  int halves = worker->use == SOL_WORKER_HALVES;
  size_t values = windows->n * worker->P * (halves ? sizeof(uint16_t) : sizeof(float));
  sol_packing packing;
  pack_windows(worker, SOL_GENERATE, windows, &packing);
  size_t floats = packing.n * worker->config->width;
  float *h = worker->device.params - floats;
  status = sol_worker_run(worker, SOL_GENERATE, &packing, h, worker->P ? worker->device.params : NULL);
  h = sol_worker_fetch(worker, &status, worker->host.params - floats, h, floats * sizeof *h + values);
  *made = (sol_made){.h = h};
  if (halves && worker->P)
    made->halves = (uint16_t *)(h + floats);
  else if (worker->P)
    made->params = h + floats;
  return sol_worker_finish(worker, status);
}

solid_status sol_worker_forward(solid_worker *worker, sol_worker_job job, const solid_windows *windows) {
  assert(worker->use == SOL_WORKER_ALL);
  float *params = job == SOL_GENERATE && worker->P ? worker->device.params : NULL;
  solid_status status = run_windows(worker, job, windows, sol_worker_states(worker, job), params);
  return sol_worker_finish(worker, status);
}
