/* Where the back end records, a batch is filled up to powers of two of windows and rows; each such size is recorded
 * when the worker is made, and a batch is one upload, one launch and, where nothing is answered, one download. */
#include "solid/infer/worker/encode.h"
#include "solid/extend.h"
#include <assert.h>
#include <string.h>

float *sol_worker_states(const solid_worker *worker, sol_worker_job job) {
  return worker->device.states + (job == SOL_GENERATE ? 0 : worker->max_batch * worker->config->width);
}

/* Window i, cut to the newest items that are read. */
static sol_window window_at(const solid_worker *worker, const sol_window_source *source, size_t i) {
  sol_window w = {0};
  source->window(source->user, i, &w);
  size_t late = sol_least(w.n_newer, worker->L), early = sol_least(w.n_older, worker->L - late);
  if (early) w.older += w.n_older - early;
  if (late) w.newer += w.n_newer - late;
  w.n_older = early, w.n_newer = late;
  return w;
}

static size_t window_rows(const solid_worker *worker, const sol_window_source *source, size_t i) {
  sol_window w = window_at(worker, source, i);
  return w.n_older + w.n_newer;
}

/* Some of the windows, from `first` on. */
typedef struct group {
  size_t first, n, rows;
  int whole; /* these are all */
} group;

/* The next windows, as many as there is room for. */
static group next_group(const solid_worker *worker, const sol_window_source *source, size_t first) {
  group g = {.first = first};
  for (size_t i = first; i < source->n; i++) {
    size_t rows = window_rows(worker, source, i);
    if (g.n > 0 && g.rows + rows > worker->max_rows) break;
    g.n++, g.rows += rows;
  }
  g.whole = g.n == source->n;
  return g;
}

/* Windows that a batch is filled up to where the back end records it. */
static size_t filled_windows(const solid_worker *worker, size_t n) {
  return sol_least((size_t)1 << sol_log2_up(n), worker->max_batch);
}

/* How many states are made of these windows. */
static size_t filled_up(const solid_worker *worker, const sol_window_source *source) {
  group g = next_group(worker, source, 0);
  return worker->be->ops->records && g.whole ? filled_windows(worker, source->n) : source->n;
}

/* Packs a group and brings it to the device. */
static solid_status send_group(solid_worker *worker, sol_worker_job job, const sol_window_source *source,
                               const group *g, sol_packing *packing, sol_batch *packed) {
  int records = worker->be->ops->records && g->whole;
  size_t n = g->n, rows = g->rows, L = worker->L;
  solid_status status = SOLID_OK;
  if (records) {
    if (rows < n) rows = n;
    n = filled_windows(worker, n);
    rows = sol_least(sol_least((size_t)1 << sol_log2_up(rows), n * L), worker->max_rows);
  }
  if (g->first > 0) status = worker->be->ops->sync(worker->be); /* the group before is still on its way from there */
  sol_packing_begin(packing, worker->config, SOL_NEWEST_ROWS, n, rows, worker->host.batch[job]);
  for (size_t i = g->first; i < g->first + g->n; i++) {
    sol_window w = window_at(worker, source, i);
    sol_packing_add(packing, w.older, w.n_older, w.newer, w.n_newer);
  }
  sol_packing_end(packing, packed, records ? worker->L : packing->longest, worker->device.batch[job]);
  sol_worker_send(worker, &status, worker->device.batch[job], worker->host.batch[job],
                  sol_batch_ints(worker->config, SOL_NEWEST_ROWS, n, rows) * sizeof(int32_t));
  return status;
}

/* What is run, or recorded, for one batch. */
typedef struct work {
  sol_pass pass;
  sol_worker_use use;
  int given;         /* states are: nothing is encoded */
  float *h, *params; /* params NULL: encode only */
} work;

static solid_status compute(void *user) {
  const work *w = user;
  solid_status status = w->given ? SOLID_OK : sol_encode(&w->pass, w->h);
  if (status || !w->params) return status;
  return w->use == SOL_WORKER_HALVES ? sol_generate_halves(&w->pass, (uint16_t *)w->params)
                                     : sol_generate(&w->pass, w->params);
}

/* Layers of window `first`. */
static float *params_from(const solid_worker *worker, float *params, size_t first) {
  size_t values = first * worker->P;
  if (!params) return NULL;
  return worker->use == SOL_WORKER_HALVES ? (float *)(void *)((uint16_t *)(void *)params + values) : params + values;
}

solid_status sol_worker_windows(solid_worker *worker, sol_worker_job job, const sol_window_source *source, float *h,
                                float *params) {
  solid_status status = SOLID_OK;
  int records = worker->be->ops->records;
  group g = {0};
  if (worker->given && !params) return SOLID_OK;
  for (size_t first = 0; first < source->n && !status; first += g.n) {
    sol_packing packing;
    sol_batch packed;
    g = next_group(worker, source, first);
    status = send_group(worker, job, source, &g, &packing, &packed);
    work w = {.pass = sol_worker_pass(worker, &packed),
              .use = worker->use,
              .given = worker->given,
              .h = h + first * worker->config->width,
              .params = params_from(worker, params, first)};
    if (status) return status;
    sk_graph **graph =
        &worker->forward[job][records ? sol_log2_up(packing.n) : 0][records ? sol_log2_up(packing.rows) : 0];
    status = g.whole ? worker->be->ops->replay(worker->be, graph, compute, &w) : compute(&w);
  }
  return status;
}

solid_status sol_worker_branches(solid_worker *worker, const sol_window_source *source) {
  solid_status status = SOLID_OK;
  size_t d = worker->config->width;
  group g = {0};
  for (size_t first = 0; first < source->n && !status; first += g.n) {
    sol_packing packing;
    sol_batch packed;
    g = next_group(worker, source, first);
    status = send_group(worker, SOL_GENERATE, source, &g, &packing, &packed);
    sol_pass pass = sol_worker_pass(worker, &packed);
    float *z = worker->device.z + first * d;
    if (!status && !worker->given) status = sol_encode(&pass, sol_worker_states(worker, SOL_GENERATE) + first * d);
    if (!status) status = sol_branches(&pass, z, z + worker->max_batch * d);
  }
  return status;
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

static void window_of(const void *user, size_t i, sol_window *out) {
  const solid_windows *windows = user;
  uint32_t from = windows->offsets[i], n = windows->offsets[i + 1] - from;
  *out = (sol_window){.older = n ? windows->items + from : NULL, .n_older = n};
}

static solid_status run_windows(solid_worker *worker, sol_worker_job job, const solid_windows *windows, float *h,
                                float *params) {
  const sol_window_source source = {windows->n, window_of, windows};
  return sol_worker_windows(worker, job, &source, h, params);
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
  const sol_window_source source = {windows->n, window_of, windows};
  size_t floats = filled_up(worker, &source) * worker->config->width;
  float *h = worker->device.params - floats;
  status = sol_worker_windows(worker, SOL_GENERATE, &source, h, worker->P ? worker->device.params : NULL);
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
