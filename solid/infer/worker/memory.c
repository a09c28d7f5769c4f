#include "solid/infer/worker/memory.h"
#include "solid/base/arena.h"
#include "solid/extend.h"
#include <stdio.h>

sol_question_block sol_worker_block(const solid_worker *worker, char *base, size_t n, int masked) {
  size_t h = (n * worker->config->width * sizeof(float) + 7) / 8 * 8, mask = masked ? n * worker->words * 8 : 0;
  return (sol_question_block){.h = (float *)base,
                              .mask = masked ? (uint64_t *)(base + h) : NULL,
                              .state_of = (int32_t *)(base + h + mask),
                              .params_of = (int32_t *)(base + h + mask) + n,
                              .bytes = h + mask + 2 * n * sizeof(int32_t)};
}

static int answers(const solid_worker *worker) {
  return worker->use == SOL_WORKER_ALL;
}

static void device_bind(solid_worker *worker, sol_arena *arena) {
  sol_worker_device *m = &worker->device;
  size_t B = worker->max_batch, d = worker->config->width, rows = worker->max_rows;
  size_t ints = sol_batch_ints(worker->config, SOL_NEWEST_ROWS, B, rows);
  for (int i = 0; i < SOL_JOBS; i++) m->batch[i] = sol_arena_take(arena, ints, sizeof(int32_t));
  size_t scratch =
      worker->given ? sol_generator_floats(worker->config, B, rows) : sol_forward_floats(worker->config, B, rows);
  m->scratch = sol_arena_take(arena, scratch, sizeof *m->scratch);
  /* states and question in one piece: gathering reads both as one table */
  size_t states = 2 * B * d * sizeof *m->states, question = 0;
  if (answers(worker)) question = B * (d * sizeof(float) + worker->words * 8 + 2 * sizeof(int32_t)) + 8;
  m->states = sol_arena_take(arena, states + question, 1);
  m->params = sol_arena_take(arena, answers(worker) ? 2 * B : B, worker->P * sizeof *m->params);
  if (!answers(worker)) return;
  m->question = m->states ? (char *)m->states + states : NULL;
  m->known = m->params ? m->params + B * worker->P : NULL;
  m->u = sol_arena_take(arena, B, d * sizeof *m->u);
  m->z = sol_arena_take(arena, worker->P ? 2 * B : 0, d * sizeof *m->z);
  m->results = sol_arena_take(arena, 2 * worker->ranked, sizeof *m->results);
}

static void host_bind(solid_worker *worker, sol_arena *arena) {
  sol_worker_host *m = &worker->host;
  size_t B = worker->max_batch, d = worker->config->width, P = worker->P;
  size_t ints = sol_batch_ints(worker->config, SOL_NEWEST_ROWS, B, worker->max_rows);
  for (int i = 0; i < SOL_JOBS; i++) m->batch[i] = sol_arena_take(arena, ints, sizeof(int32_t));
  m->states = sol_arena_take(arena, B, d * sizeof *m->states);
  m->params = sol_arena_take(arena, B, P * sizeof *m->params);
  if (!answers(worker)) return;
  m->known = sol_arena_take(arena, B, P * sizeof *m->known);
  m->question = sol_arena_take(arena, B * (d * sizeof(float) + worker->words * 8 + 2 * sizeof(int32_t)) + 8, 1);
  m->results = sol_arena_take(arena, 2 * worker->ranked, sizeof *m->results);
}

/* Unified: what the host fills is where the device reads it. */
static void share(solid_worker *worker) {
  const sol_worker_device *m = &worker->device;
  worker->host = (sol_worker_host){
      .states = m->states, .params = m->params, .known = m->known, .question = m->question, .results = m->results};
  for (int i = 0; i < SOL_JOBS; i++) worker->host.batch[i] = m->batch[i];
}

solid_status sol_worker_take_memory(solid_worker *worker) {
  const sk_backend_ops *ops = worker->be->ops;
  sol_arena device = {NULL, 0}, host = {NULL, 0};
  device_bind(worker, &device);
  if (!ops->unified) host_bind(worker, &host);
  if (device.used == SIZE_MAX || host.used == SIZE_MAX)
    return solid_fail(SOLID_ENOMEM, "out of memory: worker for %zu windows at once", worker->max_batch);
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
  if (ops->unified)
    share(worker);
  else
    host_bind(worker, &host);
  return SOLID_OK;
}

void sol_worker_give_memory(solid_worker *worker) {
  sk_backend *be = worker->be;
  for (int job = 0; job < SOL_JOBS; job++)
    for (int n = 0; n < SOL_WORKER_SIZES; n++)
      for (int rows = 0; rows < SOL_WORKER_SIZES; rows++) be->ops->forget(be, worker->forward[job][n][rows]);
  for (int n = 0; n < SOL_ANSWER_SIZES; n++)
    for (int places = 0; places < SOL_ANSWER_PLACES; places++)
      for (int masked = 0; masked < 2; masked++) be->ops->forget(be, worker->answers[n][places][masked]);
  be->ops->free_host(be, worker->host_base);
  be->ops->free(be, worker->device_base);
}

sol_pass sol_worker_pass(solid_worker *worker, const sol_batch *batch) {
  return (sol_pass){.be = worker->be,
                    .config = worker->config,
                    .weights = sol_model_weights(worker->model),
                    .catalogue = sol_model_catalogue(worker->model),
                    .batch = batch,
                    .scratch = worker->device.scratch};
}

const void *sol_worker_send(solid_worker *worker, solid_status *status, void *device, const void *host, size_t bytes) {
  const sk_backend_ops *ops = worker->be->ops;
  if (ops->unified) return host;
  if (!*status && bytes) *status = ops->upload(worker->be, device, host, bytes);
  return device;
}

void *sol_worker_fetch(solid_worker *worker, solid_status *status, void *host, void *device, size_t bytes) {
  const sk_backend_ops *ops = worker->be->ops;
  if (ops->unified) return device;
  if (!*status && bytes) *status = ops->download(worker->be, host, device, bytes);
  return host;
}

solid_status sol_worker_finish(solid_worker *worker, solid_status status) {
  solid_status waited = worker->be->ops->sync(worker->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(worker->be, status) : SOLID_OK;
}
