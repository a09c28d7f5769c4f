#include "solid/infer/worker/rank.h"
#include "solid/extend.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static solid_status check_rows(const solid_worker *worker, size_t n) {
  if (n <= worker->max_batch) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "worker: %zu rows, it was made for %zu", n, worker->max_batch);
}

solid_status sol_worker_check_ranking(const solid_worker *worker, size_t n, size_t k) {
  if (k == 0 || k > worker->config->items)
    return solid_fail(SOLID_ERANGE, "worker: k is %zu, the model has %u items", k, worker->config->items);
  return check_rows(worker, n);
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
  const float *device_h = sol_worker_send(worker, &status, worker->device.u, h, bytes);
  const float *layers = sol_worker_send(worker, &status, worker->device.known, params, n * worker->P * sizeof *params);
  float *device_u = worker->be->ops->unified ? u : worker->device.u;
  sol_pass pass = sol_worker_pass(worker, NULL);
  if (!status) status = sol_apply(&pass, (int32_t)n, device_h, layers, NULL, device_u);
  sol_worker_fetch(worker, &status, u, device_u, bytes);
  return sol_worker_finish(worker, status);
}

solid_status sol_worker_topk(solid_worker *worker, size_t n, const float *u, const uint64_t *mask, size_t k) {
  return worker->be->ops->topk(worker->be, &(sk_topk_args){.n = (int32_t)n,
                                                           .d = (int32_t)worker->config->width,
                                                           .items = sol_model_ranked(worker->model, worker->be, k),
                                                           .k = (int32_t)k,
                                                           .u = u,
                                                           .e = sol_model_catalogue(worker->model)->vectors,
                                                           .rows = sol_model_catalogue(worker->model)->rows,
                                                           .mask = mask,
                                                           .mask_words = (int32_t)worker->words,
                                                           .late = worker->model->late_items,
                                                           .scout = sol_model_scout(worker->model),
                                                           .planes = sol_model_planes(worker->model),
                                                           .approximate = sol_model_context(worker->model)->approximate,
                                                           .index = worker->device.results,
                                                           .score = (float *)(worker->device.results + n * k)});
}

void sol_worker_results(solid_worker *worker, solid_status *status, size_t n, size_t k, const int32_t **index,
                        const float **score) {
  int32_t *results =
      sol_worker_fetch(worker, status, worker->host.results, worker->device.results, 2 * n * k * sizeof *results);
  *index = results;
  *score = (const float *)(results + n * k);
}

size_t sol_worker_best(const int32_t *index, const float *score, size_t k, solid_scored *out) {
  size_t count = 0;
  for (; count < k && index[count] >= 0; count++) out[count] = (solid_scored){(uint32_t)index[count], score[count]};
  for (size_t j = count; j < k; j++) out[j] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
  return count;
}

/* Ranks n rows whose n * k results fit the memory set aside. */
static solid_status rank_rows(solid_worker *worker, size_t n, const float *u, const uint64_t *excluded, size_t k,
                              solid_scored *out, size_t *counts) {
  solid_status status = SOLID_OK;
  const int32_t *index;
  const float *score;
  const float *device_u = sol_worker_send(worker, &status, worker->device.u, u, n * worker->config->width * sizeof *u);
  const uint64_t *mask = NULL;
  if (excluded)
    mask = sol_worker_send(worker, &status, sol_worker_block(worker, worker->device.question, n, 1).mask, excluded,
                           n * worker->words * sizeof *excluded);
  if (!status) status = sol_worker_topk(worker, n, device_u, mask, k);
  sol_worker_results(worker, &status, n, k, &index, &score);
  status = sol_worker_finish(worker, status);
  for (size_t i = 0; i < n && !status; i++) counts[i] = sol_worker_best(index + i * k, score + i * k, k, out + i * k);
  return status;
}

solid_status solid_worker_rank(solid_worker *worker, size_t n, const float *u, const uint64_t *excluded, size_t k,
                               solid_scored *out, size_t *counts) {
  if (!worker || (n && (!u || !out || !counts))) return solid_fail(SOLID_EINVAL, "worker: rank on NULL");
  assert(worker->use == SOL_WORKER_ALL);
  solid_status status = sol_worker_check_ranking(worker, n, k);
  size_t step = status ? 1 : worker->ranked / k;
  for (size_t first = 0; first < n && !status; first += step)
    status = rank_rows(worker, sol_least(n - first, step), u + first * worker->config->width,
                       excluded ? excluded + first * worker->words : NULL, k, out + first * k, counts + first);
  return status;
}
