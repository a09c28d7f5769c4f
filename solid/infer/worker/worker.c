/* What a worker takes when it is made: two pieces of memory, planned once; the kernels' scratch; recordings. */
#include "solid/base/arena.h"
#include "solid/extend.h"
#include "solid/infer/worker_parts.h"
#include <stdio.h>
#include <stdlib.h>

/* Up to so many rows and places together the CPU's ranking takes scratch, which grows with both; larger ones do
 * without. A GPU's grows with the rows, and is another where all places are wanted. */
#define WARM_UP_ROWS   32
#define WARM_UP_RANKED 1024

static void device_bind(solid_worker *worker, sol_arena *arena) {
  sol_worker_device *m = &worker->device;
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
  sol_worker_host *m = &worker->host;
  size_t B = worker->max_batch;
  m->batch = sol_arena_take(arena, sol_batch_ints(B, B * worker->config->window), sizeof *m->batch);
  m->records = sol_arena_take(arena, B, (worker->config->width + worker->P) * sizeof *m->records);
  if (worker->use != SOL_WORKER_ALL) return;
  m->index = sol_arena_take(arena, worker->ranked, sizeof *m->index);
  m->score = sol_arena_take(arena, worker->ranked, sizeof *m->score);
}

solid_status sol_worker_take_memory(solid_worker *worker) {
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
      status = sol_worker_forward(worker, &windows, 0);
      if (!status && worker->P) status = sol_worker_forward(worker, &windows, 1);
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
solid_status sol_worker_warm_up(solid_worker *worker) {
  const sol_config *config = worker->config;
  uint32_t *items = calloc(config->window, sizeof *items), offsets[2] = {0, config->window};
  float *u = calloc(config->width, sizeof *u), *params = calloc(worker->P + 1, sizeof *params);
  solid_status status = items && u && params ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  solid_windows windows = {1, offsets, items};
  if (!status) status = sol_worker_forward(worker, &windows, worker->P > 0);
  if (!status && worker->use == SOL_WORKER_ALL) status = solid_worker_apply(worker, 1, u, params, u);
  if (!status && worker->use == SOL_WORKER_ALL) status = warm_ranking(worker);
  /* Last: a recording points into the scratch as it is. */
  if (!status && worker->be->ops->records) status = record_sizes(worker);
  free(items);
  free(u);
  free(params);
  return status;
}
