/* A worker is a queue on the device and two pieces of memory planned once: one on the device, one on the host through
 * which integers, results and ranked items pass. Every stage is: check, upload, enqueue, download, one sync.
 *
 * A user's result is a record: h and params side by side, so that those of a batch come down in one piece. Where the
 * back end records, a batch is filled up to powers of two of windows and rows; each such size is recorded when the
 * worker is made, and a batch is one upload, one launch, one download. */
#include "solid/worker.h"
#include "solid/extend.h"
#include "solid/internal/arena.h"
#include "solid/internal/context.h"
#include "solid/internal/forward.h"
#include "solid/internal/model_parts.h"
#include "solid/internal/worker.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ranked items kept at once, beyond which a ranking is cut into calls of fewer rows: bounds k * max_batch. */
#define RANKED_AT_ONCE 65536

/* Up to so many rows and places together the CPU's ranking takes scratch, which grows with both; larger ones do
 * without. A GPU's grows with the rows, and is another where all places are wanted. */
#define WARM_UP_ROWS   32
#define WARM_UP_RANKED 1024

#define SIZES 32 /* powers of two */

typedef struct device_memory {
  int32_t *batch; /* sol_batch_ints(B, B * L) */
  float *scratch; /* sol_forward_floats(B, B * L) */
  float *records; /* (B, d + P), or h (B, d) alone */
  float *h, *u;   /* (B, d) */
  float *params;  /* (B, P) */
  uint64_t *mask; /* (B, words) */
  int32_t *index; /* (ranked) */
  float *score;   /* (ranked) */
} device_memory;

typedef struct host_memory {
  int32_t *batch;
  float *records;
  int32_t *index;
  float *score;
} host_memory;

struct solid_worker {
  const solid_model *model;
  const sol_config *config;
  sk_backend *be;
  size_t max_batch; /* B */
  size_t words;
  size_t ranked; /* max(V, RANKED_AT_ONCE) */
  size_t P;
  sol_worker_use use;
  device_memory device;
  host_memory host;
  void *device_base, *host_base;
  sk_graph *graphs[2][SIZES][SIZES]; /* encode, or generate too; log2 of windows; log2 of rows */
};

static void device_bind(solid_worker *worker, sol_arena *arena) {
  device_memory *m = &worker->device;
  size_t B = worker->max_batch, d = worker->config->width, rows = B * worker->config->window;
  m->batch = sol_arena_take(arena, sol_batch_ints(B, rows), sizeof *m->batch);
  m->scratch = sol_arena_take(arena, sol_forward_floats(worker->config, B, rows), sizeof *m->scratch);
  m->records = sol_arena_take(arena, B, (d + worker->P) * sizeof *m->records);
  if (worker->use != SOL_WORKER_ALL) return;
  m->h = sol_arena_take(arena, B, d * sizeof *m->h);
  m->u = sol_arena_take(arena, B, d * sizeof *m->u);
  m->params = sol_arena_take(arena, B, worker->P * sizeof *m->params);
  m->mask = sol_arena_take(arena, B, worker->words * sizeof *m->mask);
  m->index = sol_arena_take(arena, worker->ranked, sizeof *m->index);
  m->score = sol_arena_take(arena, worker->ranked, sizeof *m->score);
}

static void host_bind(solid_worker *worker, sol_arena *arena) {
  host_memory *m = &worker->host;
  size_t B = worker->max_batch;
  m->batch = sol_arena_take(arena, sol_batch_ints(B, B * worker->config->window), sizeof *m->batch);
  m->records = sol_arena_take(arena, B, (worker->config->width + worker->P) * sizeof *m->records);
  if (worker->use != SOL_WORKER_ALL) return;
  m->index = sol_arena_take(arena, worker->ranked, sizeof *m->index);
  m->score = sol_arena_take(arena, worker->ranked, sizeof *m->score);
}

static solid_status take_memory(solid_worker *worker) {
  sol_arena device = {NULL, 0}, host = {NULL, 0};
  device_bind(worker, &device);
  host_bind(worker, &host);
  if (device.used == SIZE_MAX || host.used == SIZE_MAX)
    return solid_fail(SOLID_ENOMEM, "out of memory: worker for %zu windows at once", worker->max_batch);
  const sk_backend_ops *ops = worker->be->ops;
  char what[64];
  snprintf(what, sizeof what, "worker for %zu windows at once", worker->max_batch);
  solid_status status = sol_backend_room(worker->be, device.used, what, "use a smaller batch");
  if (status) return status;
  status = ops->alloc_host(worker->be, &worker->host_base, host.used);
  if (!status) status = ops->alloc(worker->be, &worker->device_base, device.used);
  if (status) return solid_fail(status, "%s: %s", what, worker->be->err);
  device = (sol_arena){worker->device_base, 0};
  host = (sol_arena){worker->host_base, 0};
  device_bind(worker, &device);
  host_bind(worker, &host);
  return SOLID_OK;
}

static solid_status warm_up(solid_worker *worker);

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
  worker->ranked = config->items > RANKED_AT_ONCE ? config->items : RANKED_AT_ONCE;
  worker->P = sol_config_params(config);
  worker->use = use;
  solid_status status = sol_backend_open(sol_model_context(model), &worker->be);
  if (!status) status = take_memory(worker);
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
    for (size_t i = 0; i < 2 * SIZES * SIZES; i++)
      worker->be->ops->forget(worker->be, worker->graphs[i / SIZES / SIZES][i / SIZES % SIZES][i % SIZES]);
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

static void upload(solid_worker *worker, solid_status *status, void *device, const void *host, size_t bytes) {
  if (!*status && bytes) *status = worker->be->ops->upload(worker->be, device, host, bytes);
}

static void download(solid_worker *worker, solid_status *status, void *host, const void *device, size_t bytes) {
  if (!*status && bytes) *status = worker->be->ops->download(worker->be, host, device, bytes);
}

/* Waits for what was enqueued, also after a failure, so that no transfer touches the caller's memory later. */
static solid_status finish(solid_worker *worker, solid_status status) {
  solid_status waited = worker->be->ops->sync(worker->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(worker->be, status) : SOLID_OK;
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

static sol_pass start_pass(solid_worker *worker, const sol_batch *batch) {
  return (sol_pass){.be = worker->be,
                    .config = worker->config,
                    .weights = sol_model_weights(worker->model),
                    .catalogue = sol_model_catalogue(worker->model),
                    .batch = batch,
                    .scratch = worker->device.scratch};
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

static int log2_up(size_t n) {
  int log = 0;
  while ((size_t)1 << log < n) log++;
  return log;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Packs and uploads; *graph is where the work on a batch of this size is recorded. */
static solid_status send_batch(solid_worker *worker, const solid_windows *windows, int generate, sol_batch *batch,
                               sk_graph ***graph) {
  solid_status status = SOLID_OK;
  uint32_t L = worker->config->window;
  size_t n = windows->n, rows = sol_batch_rows(L, windows);
  if (worker->be->ops->records) {
    int log_n = log2_up(n), log_rows = log2_up(rows > n ? rows : n);
    n = least((size_t)1 << log_n, worker->max_batch);
    rows = least((size_t)1 << log_rows, n * L);
    *graph = &worker->graphs[generate][log_n][log_rows];
    sol_batch_pack_padded(batch, L, windows, n, rows, worker->host.batch, worker->device.batch);
  } else {
    *graph = &worker->graphs[generate][0][0];
    sol_batch_pack(batch, L, windows, worker->host.batch, worker->device.batch);
  }
  upload(worker, &status, worker->device.batch, worker->host.batch, sol_batch_ints(n, rows) * sizeof(int32_t));
  return status;
}

/* Floats of a window's record. */
static size_t record_floats(const solid_worker *worker) {
  return worker->config->width + (worker->use == SOL_WORKER_HALVES ? (worker->P + 1) / 2 : worker->P);
}

/* Leaves the windows' records in host memory, or h alone. */
static solid_status forward(solid_worker *worker, const solid_windows *windows, int generate) {
  sol_batch batch;
  sk_graph **graph = NULL;
  size_t d = worker->config->width, stride = generate ? record_floats(worker) : d;
  solid_status status = send_batch(worker, windows, generate, &batch, &graph);
  work w = {.pass = start_pass(worker, &batch), .h = worker->device.records};
  w.pass.halves = worker->use == SOL_WORKER_HALVES;
  w.pass.h_stride = (int64_t)stride;
  w.pass.params_stride = (int64_t)(w.pass.halves ? 2 * stride : stride);
  if (generate) w.params = worker->device.records + d;
  if (!status) status = worker->be->ops->replay(worker->be, graph, compute, &w);
  download(worker, &status, worker->host.records, worker->device.records, windows->n * stride * sizeof(float));
  return finish(worker, status);
}

solid_status solid_worker_encode(solid_worker *worker, const solid_windows *windows, float *h) {
  if (!worker || !windows || (windows->n && !h)) return solid_fail(SOLID_EINVAL, "worker: encode into NULL");
  solid_status status = check_windows(worker, windows);
  if (status || !windows->n) return status;
  status = forward(worker, windows, 0);
  if (!status) memcpy(h, worker->host.records, windows->n * worker->config->width * sizeof *h);
  return status;
}

solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, float **records, size_t *stride) {
  solid_status status = check_windows(worker, windows);
  if (status || !windows->n) return status;
  status = forward(worker, windows, worker->P > 0);
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

/* ---- User vectors and ranking ---- */

static solid_status check_rows(const solid_worker *worker, size_t n) {
  if (n <= worker->max_batch) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "worker: %zu rows, it was made for %zu", n, worker->max_batch);
}

solid_status solid_worker_apply(solid_worker *worker, size_t n, const float *h, const float *params, float *u) {
  if (!worker || (n && (!h || !u || (!params && worker->P)))) return solid_fail(SOLID_EINVAL, "worker: apply on NULL");
  assert(worker->use == SOL_WORKER_ALL);
  solid_status status = check_rows(worker, n);
  if (status || !n) return status;
  size_t bytes = n * worker->config->width * sizeof *h;
  if (!worker->P) {
    memmove(u, h, bytes);
    return SOLID_OK;
  }
  upload(worker, &status, worker->device.h, h, bytes);
  upload(worker, &status, worker->device.params, params, n * worker->P * sizeof *params);
  sol_pass pass = start_pass(worker, NULL);
  if (!status) status = sol_apply(&pass, (int32_t)n, worker->device.h, worker->device.params, worker->device.u);
  download(worker, &status, u, worker->device.u, bytes);
  return finish(worker, status);
}

/* Ranks n rows whose n * k results fit the memory set aside. */
static solid_status rank_rows(solid_worker *worker, size_t n, const float *u, const uint64_t *excluded, size_t k,
                              solid_scored *out, size_t *counts) {
  solid_status status = SOLID_OK;
  size_t d = worker->config->width;
  upload(worker, &status, worker->device.u, u, n * d * sizeof *u);
  if (excluded) upload(worker, &status, worker->device.mask, excluded, n * worker->words * sizeof *excluded);
  sk_topk_args args = {.n = (int32_t)n,
                       .d = (int32_t)d,
                       .items = (int32_t)worker->config->items,
                       .k = (int32_t)k,
                       .u = worker->device.u,
                       .e = sol_model_catalogue(worker->model)->vectors,
                       .mask = excluded ? worker->device.mask : NULL,
                       .mask_words = (int32_t)worker->words,
                       .index = worker->device.index,
                       .score = worker->device.score};
  if (!status) status = worker->be->ops->topk(worker->be, &args);
  download(worker, &status, worker->host.index, worker->device.index, n * k * sizeof *worker->host.index);
  download(worker, &status, worker->host.score, worker->device.score, n * k * sizeof *worker->host.score);
  status = finish(worker, status);
  if (status) return status;
  for (size_t i = 0; i < n; i++) {
    const int32_t *index = worker->host.index + i * k;
    const float *score = worker->host.score + i * k;
    size_t count = 0;
    while (count < k && index[count] >= 0) count++;
    for (size_t j = 0; j < k; j++)
      out[i * k + j] =
          j < count ? (solid_scored){(uint32_t)index[j], score[j]} : (solid_scored){SOLID_NO_ITEM, -INFINITY};
    counts[i] = count;
  }
  return SOLID_OK;
}

solid_status solid_worker_rank(solid_worker *worker, size_t n, const float *u, const uint64_t *excluded, size_t k,
                               solid_scored *out, size_t *counts) {
  if (!worker || (n && (!u || !out || !counts))) return solid_fail(SOLID_EINVAL, "worker: rank on NULL");
  assert(worker->use == SOL_WORKER_ALL);
  solid_status status = check_rows(worker, n);
  if (status) return status;
  if (k == 0 || k > worker->config->items)
    return solid_fail(SOLID_ERANGE, "worker: k is %zu, the model has %u items", k, worker->config->items);
  size_t step = worker->ranked / k;
  for (size_t first = 0; first < n && !status; first += step) {
    size_t left = n - first;
    status = rank_rows(worker, left < step ? left : step, u + first * worker->config->width,
                       excluded ? excluded + first * worker->words : NULL, k, out + first * k, counts + first);
  }
  return status;
}

/* Meets every size of batch that there is, the largest first, so that the kernels' scratch is as large as it gets. */
static solid_status record_sizes(solid_worker *worker) {
  size_t B = worker->max_batch, L = worker->config->window;
  uint32_t *items = calloc(B * L, sizeof *items), *offsets = calloc(B + 1, sizeof *offsets);
  solid_status status = items && offsets ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  for (int log_n = log2_up(B); log_n >= 0 && !status; log_n--) {
    size_t n = least((size_t)1 << log_n, B);
    for (int log_rows = log2_up(n * L); log_rows >= log_n && !status; log_rows--) {
      size_t rows = least((size_t)1 << log_rows, n * L);
      for (size_t i = 0; i <= n; i++) offsets[i] = (uint32_t)(i * rows / n);
      solid_windows windows = {n, offsets, items};
      status = forward(worker, &windows, 0);
      if (!status && worker->P) status = forward(worker, &windows, 1);
    }
  }
  free(items);
  free(offsets);
  return status;
}

/* See WARM_UP_ROWS. Of rows of zeroes every item would be among the best, which takes a GPU long. */
static solid_status warm_ranking(solid_worker *worker) {
  size_t V = worker->config->items, B = least(worker->max_batch, worker->ranked);
  size_t sizes[][2] = {{least(B, WARM_UP_ROWS), least(V, WARM_UP_RANKED)}, {B, 1}, {1, V}}; /* rows, places */
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
  if (!status) status = forward(worker, &windows, worker->P > 0);
  if (!status && worker->use == SOL_WORKER_ALL) status = solid_worker_apply(worker, 1, u, params, u);
  if (!status && worker->use == SOL_WORKER_ALL) status = warm_ranking(worker);
  /* Last: a recording points into the scratch as it is. */
  if (!status && worker->be->ops->records) status = record_sizes(worker);
  free(items);
  free(u);
  free(params);
  return status;
}
