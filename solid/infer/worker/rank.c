/* User vectors and ranking. */
#include "solid/extend.h"
#include "solid/infer/worker_parts.h"
#include <assert.h>
#include <math.h>
#include <string.h>

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
  sol_worker_upload(worker, &status, worker->device.h, h, bytes);
  sol_worker_upload(worker, &status, worker->device.params, params, n * worker->P * sizeof *params);
  sol_pass pass = sol_worker_pass(worker, NULL);
  if (!status) status = sol_apply(&pass, (int32_t)n, worker->device.h, worker->device.params, worker->device.u);
  sol_worker_download(worker, &status, u, worker->device.u, bytes);
  return sol_worker_finish(worker, status);
}

/* Ranks n rows whose n * k results fit the memory set aside. */
static solid_status rank_rows(solid_worker *worker, size_t n, const float *u, const uint64_t *excluded, size_t k,
                              solid_scored *out, size_t *counts) {
  solid_status status = SOLID_OK;
  size_t d = worker->config->width;
  sol_worker_upload(worker, &status, worker->device.u, u, n * d * sizeof *u);
  if (excluded) sol_worker_upload(worker, &status, worker->device.mask, excluded, n * worker->words * sizeof *excluded);
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
  sol_worker_download(worker, &status, worker->host.index, worker->device.index, n * k * sizeof *worker->host.index);
  sol_worker_download(worker, &status, worker->host.score, worker->device.score, n * k * sizeof *worker->host.score);
  status = sol_worker_finish(worker, status);
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
