#include "solid/infer/worker/warm.h"
#include "solid/extend.h"
#include "solid/infer/worker/answer.h"
#include "solid/infer/worker/encode.h"
#include <stdlib.h>

/* The CPU's ranking takes scratch up to this many rows and places, growing with both; larger rankings take none. A
 * GPU's scratch grows with the rows, and is of another kind when all places are ranked. */
#define WARM_UP_ROWS   32
#define WARM_UP_RANKED 1024

/* The CPU's scratch no longer grows beyond a window of so many steps, which makes lists too (sol_config_check bounds
 * what they need). A dense window of 131,072 would take it a minute. */
#define WARM_UP_STEPS 8192

/* Runs one batch of each job that this worker has. */
static solid_status forward(solid_worker *worker, const solid_windows *windows) {
  sol_made made;
  if (worker->use != SOL_WORKER_ALL) return sol_worker_generate(worker, windows, &made);
  solid_status status = sol_worker_forward(worker, SOL_GENERATE, windows);
  return status ? status : sol_worker_forward(worker, SOL_ENCODE, windows);
}

/* Runs every size of batch, the largest first, so that the kernels' scratch reaches its final size at once. */
static solid_status record_sizes(solid_worker *worker) {
  size_t B = worker->max_batch, L = worker->L;
  uint32_t *items = calloc(worker->max_rows, sizeof *items), *offsets = calloc(B + 1, sizeof *offsets);
  solid_status status = items && offsets ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  for (int log_n = sol_log2_up(B); log_n >= 0 && !status; log_n--) {
    size_t n = sol_least((size_t)1 << log_n, B);
    size_t most = sol_least(n * L, worker->max_rows);
    for (int log_rows = sol_log2_up(most); log_rows >= log_n && !status; log_rows--) {
      size_t rows = sol_least((size_t)1 << log_rows, most);
      for (size_t i = 0; i <= n; i++) offsets[i] = (uint32_t)(i * rows / n);
      solid_windows windows = {n, offsets, items};
      status = forward(worker, &windows);
    }
  }
  free(items);
  free(offsets);
  return status;
}

/* See WARM_UP_ROWS. The rows are ones: for rows of zeroes every item would be among the best, which is slow on a GPU.
 */
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

/* Enough rows that a call of generate_apply takes its largest scratch. */
static solid_status warm_fused(solid_worker *worker) {
  const sol_worker_device *m = &worker->device;
  size_t B = worker->max_batch, d = worker->config->width;
  size_t rows = SK_GENERATE_APPLY_CACHED / sol_config_layer_params(worker->config) + 64;
  solid_status status = worker->be->ops->zero(worker->be, m->z, 2 * B * d * sizeof *m->z);
  if (!status) status = worker->be->ops->zero(worker->be, m->u, B * d * sizeof *m->u);
  if (!status) status = sol_worker_apply_made(worker, 0, sol_least(rows, B));
  return sol_worker_finish(worker, status);
}

/* Rows of ones under layers of zeroes. */
static solid_status record_answers(solid_worker *worker, solid_question *questions, const float *ones,
                                   const float *zeroes, const uint64_t *mask, solid_scored *best) {
  solid_status status = SOLID_OK;
  size_t most = sol_least(SOL_MOST_RECORDED, worker->max_batch), V = worker->config->items;
  for (int log_n = 0; log_n <= sol_log2_up(most) && !status; log_n++) {
    size_t n = sol_least((size_t)1 << log_n, most);
    for (int class = 0; class < SOL_ANSWER_PLACES && !status; class ++)
      for (int masked = 0; masked < 2 && !status; masked++) {
        for (size_t i = 0; i < n; i++)
          questions[i] = (solid_question){.h = ones, .params = zeroes, .excluded = masked ? mask : NULL, .best = best};
        status = solid_worker_answer(worker, questions, n, sol_least(sol_answer_places[class], V));
      }
  }
  return status;
}

static solid_status record_every_answer(solid_worker *worker) {
  size_t d = worker->config->width;
  solid_question *questions = calloc(SOL_MOST_RECORDED, sizeof *questions);
  float *ones = malloc(d * sizeof *ones), *zeroes = calloc(worker->P + 1, sizeof *zeroes);
  uint64_t *mask = calloc(worker->words, sizeof *mask);
  solid_scored *best = calloc(sol_answer_places[SOL_ANSWER_PLACES - 1], sizeof *best);
  solid_status status =
      questions && ones && zeroes && mask && best ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  for (size_t j = 0; j < d && ones; j++) ones[j] = 1.0f;
  if (!status) status = record_answers(worker, questions, ones, zeroes, mask, best);
  free(questions);
  free(ones);
  free(zeroes);
  free(mask);
  free(best);
  return status;
}

/* The kernels' own scratch grows with the largest shapes seen. One pass over the largest shapes (on zeroes) lets it
 * grow here and not during a request. */
solid_status sol_worker_warm_up(solid_worker *worker) {
  const sol_config *config = worker->config;
  int records = worker->be->ops->records;
  uint32_t length = records || worker->L < WARM_UP_STEPS ? worker->L : WARM_UP_STEPS;
  uint32_t *items = calloc(length, sizeof *items), offsets[2] = {0, length};
  float *u = calloc(config->width, sizeof *u), *params = calloc(worker->P + 1, sizeof *params);
  solid_status status = items && u && params ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: worker");
  solid_windows windows = {1, offsets, items};
  if (!status) status = forward(worker, &windows);
  if (!status && worker->use == SOL_WORKER_ALL) status = solid_worker_apply(worker, 1, u, params, u);
  if (!status && worker->use == SOL_WORKER_ALL) status = warm_ranking(worker);
  if (!status && worker->use == SOL_WORKER_ALL && worker->P && worker->fuse) status = warm_fused(worker);
  /* Last, because a recording keeps the addresses of the scratch. */
  if (!status && records) status = record_sizes(worker);
  if (!status && records && worker->use == SOL_WORKER_ALL) status = record_every_answer(worker);
  free(items);
  free(u);
  free(params);
  return status;
}
