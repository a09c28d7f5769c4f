/* Stored states, stored layers and windows go up, items come down, and the host waits once:
 *
 *   SOL_GENERATE  windows of rows without stored layers  -> states [0, G), params [0, G)
 *   SOL_ENCODE    windows of rows whose state is not known, or has a session behind it  -> states [B, B + E)
 *   block         stored states -> states [2B, 2B + n); masks; for each row where its state and its layers are
 *   stored layers -> params [B, 2B)
 *   the end       gather h; u = h + y(h); k best
 *
 * Where memory is unified and no row's layers are stored or wanted, they are not written out: generate_apply.
 *
 * Rows are never moved: the end reads each row's state and layers where they lie. Where the back end records, few rows
 * are filled up to a power of two by repeating the first, and places to one of two numbers, so that the end is one
 * launch. */
#include "solid/infer/worker/answer.h"
#include "kernels/formula.h"
#include "solid/extend.h"
#include "solid/infer/worker/encode.h"
#include "solid/infer/worker/rank.h"
#include <assert.h>
#include <string.h>

const size_t sol_answer_places[SOL_ANSWER_PLACES] = {16, 128};

/* ---- Which rows need what ---- */

static int is_stored(const solid_worker *worker, const solid_question *q) {
  return worker->P ? q->params != NULL : q->h != NULL;
}

static int is_generated(const solid_worker *worker, const solid_question *q) {
  return !is_stored(worker, q);
}

static int is_encoded(const solid_worker *worker, const solid_question *q) {
  return q->n_session > 0 || (is_stored(worker, q) && !q->h);
}

static solid_status check_question(const solid_worker *worker, const solid_question *questions, size_t n, size_t k) {
  solid_status status = sol_worker_check_ranking(worker, n, k);
  for (size_t i = 0; i < n && !status; i++) {
    if (!questions[i].best) return solid_fail(SOLID_EINVAL, "worker: question %zu has no room for its items", i);
    status = sol_worker_check_items(worker, "window", i, questions[i].window, questions[i].n_window);
    if (!status) status = sol_worker_check_items(worker, "session", i, questions[i].session, questions[i].n_session);
  }
  return status;
}

/* 1 if all layers are made from windows and the caller wants none of them: they need not be written out. */
static int is_fused(const solid_worker *worker, const solid_question *questions, size_t n) {
  if (!worker->fuse || !worker->P) return 0;
  for (size_t i = 0; i < n; i++)
    if (!is_generated(worker, &questions[i]) || questions[i].keep) return 0;
  return 1;
}

/* ---- Windows ---- */

/* The questions that need a window, with their sessions or without. */
typedef struct needy {
  const solid_question *questions;
  const uint32_t *which; /* (n) */
  int session;
} needy;

static void window_of(const void *user, size_t i, sol_window *out) {
  const needy *of = user;
  const solid_question *q = &of->questions[of->which[i]];
  *out = (sol_window){
      .older = q->window, .n_older = q->n_window, .newer = q->session, .n_newer = of->session ? q->n_session : 0};
}

/* Packs and enqueues the rows that `wanted` selects, with their sessions for SOL_ENCODE; there may be none. */
static solid_status run_some(solid_worker *worker, sol_worker_job job, int fused, const solid_question *questions,
                             size_t n, int (*wanted)(const solid_worker *, const solid_question *)) {
  const needy of = {questions, worker->host_which, job == SOL_ENCODE};
  sol_window_source source = {0, window_of, &of};
  for (size_t i = 0; i < n; i++)
    if (wanted(worker, &questions[i])) worker->host_which[source.n++] = (uint32_t)i;
  if (!source.n) return SOLID_OK;
  if (fused && job == SOL_GENERATE) return sol_worker_branches(worker, &source);
  return sol_worker_windows(worker, job, &source, sol_worker_states(worker, job),
                            job == SOL_GENERATE && worker->P ? worker->device.params : NULL);
}

/* ---- What is stored, and where everything is ---- */

float *sol_worker_room(const solid_worker *worker) {
  return worker->host.known;
}

/* How many rows the end runs with for a question of n rows. */
static size_t filled_up(const solid_worker *worker, size_t n) {
  size_t size = (size_t)1 << sol_log2_up(n);
  return worker->be->ops->records && size <= SOL_MOST_RECORDED ? sol_least(size, worker->max_batch) : n;
}

uint64_t *sol_worker_masks(const solid_worker *worker, size_t n) {
  return sol_worker_block(worker, worker->host.question, filled_up(worker, n), 1).mask;
}

/* The row of host.known that holds row i's stored layers; they are copied there unless they lie there already. */
static size_t take_layers(const solid_worker *worker, size_t i, const float *stored) {
  size_t bytes = worker->P * sizeof *stored;
  uintptr_t at = (uintptr_t)stored, room = (uintptr_t)worker->host.known;
  if (at >= room && at < room + worker->max_batch * bytes) return (at - room) / bytes;
  memcpy(worker->host.known + i * worker->P, stored, bytes);
  return i;
}

/* Neighbouring rows of host.known that go up in one piece. */
typedef struct stored_run {
  size_t first, n;
} stored_run;

static void send_run(solid_worker *worker, solid_status *status, const stored_run *run) {
  size_t at = run->first * worker->P, floats = run->n * worker->P;
  if (floats)
    sol_worker_send(worker, status, worker->device.known + at, worker->host.known + at, floats * sizeof(float));
}

/* Fills in where each row's state and layers are, and uploads the stored layers. */
static solid_status place_rows(solid_worker *worker, const solid_question *questions, size_t n,
                               const sol_question_block *block) {
  size_t B = worker->max_batch, d = worker->config->width, made = 0, encoded = 0;
  stored_run run = {0, 0};
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n; i++) {
    const solid_question *q = &questions[i];
    int generated = is_generated(worker, q);
    size_t state = made, params = made;
    if (!generated || q->h) state = 2 * B + i;
    if (q->h) memcpy(block->h + i * d, q->h, d * sizeof *q->h);
    if (is_encoded(worker, q)) state = B + encoded++;
    if (!generated && worker->P) {
      size_t row = take_layers(worker, i, q->params);
      if (row != run.first + run.n) {
        send_run(worker, &status, &run);
        run = (stored_run){row, 0};
      }
      run.n++;
      params = B + row;
    }
    made += (size_t)generated;
    block->state_of[i] = (int32_t)state;
    block->params_of[i] = (int32_t)params;
  }
  send_run(worker, &status, &run);
  return status;
}

static void place_masks(const solid_worker *worker, const solid_question *questions, size_t n, uint64_t *mask) {
  size_t words = worker->words;
  for (size_t i = 0; i < n; i++, mask += words) {
    if (!questions[i].excluded)
      memset(mask, 0, words * sizeof *mask);
    else if (questions[i].excluded != mask)
      memcpy(mask, questions[i].excluded, words * sizeof *mask);
  }
}

/* Rows n .. size are row 0 again: a row of zeroes would have every item among its best. */
static void repeat_first(const solid_worker *worker, const sol_question_block *block, size_t n, size_t size) {
  for (size_t i = n; i < size; i++) {
    block->state_of[i] = block->state_of[0];
    block->params_of[i] = block->params_of[0];
    if (block->mask) memcpy(block->mask + i * worker->words, block->mask, worker->words * sizeof *block->mask);
  }
}

/* ---- The end ---- */

typedef struct ending {
  solid_worker *worker;
  sol_question_block block; /* on the device */
  size_t first, n, k;       /* rows */
  int fused;
} ending;

static void gather_states(sol_run *run, const ending *e, size_t n) {
  solid_worker *worker = e->worker;
  gather(run, (int32_t)n, (int32_t)worker->config->width, (int32_t)(3 * worker->max_batch), worker->device.states,
         e->block.state_of + e->first, 0, worker->device.u);
}

/* Row i of the question is window i of its batch. */
solid_status sol_worker_apply_made(solid_worker *worker, size_t first, size_t n) {
  const sol_config *config = worker->config;
  sol_pass pass = sol_worker_pass(worker, NULL);
  const float *z_item = worker->device.z + first * config->width;
  const float *z_semantic = z_item + worker->max_batch * config->width;
  return sol_generate_apply(&pass, (int32_t)n, worker->device.u, sol_config_has_item_branch(config) ? z_item : NULL,
                            sol_config_has_semantic_branch(config) ? z_semantic : NULL, worker->device.u);
}

static solid_status end(void *user) {
  const ending *e = user;
  solid_worker *worker = e->worker;
  sol_run run = {worker->be, SOLID_OK};
  float *u = worker->device.u;
  gather_states(&run, e, e->n);
  sol_pass pass = sol_worker_pass(worker, NULL);
  solid_status status = run.status;
  const uint64_t *mask = e->block.mask ? e->block.mask + e->first * worker->words : NULL;
  if (!status && e->fused)
    status = sol_worker_apply_made(worker, e->first, e->n);
  else if (!status)
    status = sol_apply(&pass, (int32_t)e->n, u, worker->device.params, e->block.params_of + e->first, u);
  return status ? status : sol_worker_topk(worker, e->n, u, mask, e->k);
}

/* Enqueues the end of `rows` rows from e->first on, as one recorded launch if these are all rows and their number is
 * recorded. */
static solid_status enqueue_end(ending *e, size_t rows, int all, size_t k) {
  solid_worker *worker = e->worker;
  size_t size = filled_up(worker, rows), class = 0;
  while (class < SOL_ANSWER_PLACES && k > sol_answer_places[class]) class ++;
  e->n = rows, e->k = k;
  if (!worker->be->ops->records || !all || e->fused || size > SOL_MOST_RECORDED || class == SOL_ANSWER_PLACES)
    return end(e);
  e->n = size, e->k = sol_least(sol_answer_places[class], worker->config->items);
  sk_graph **graph = &worker->answers[sol_log2_up(size)][class][e->block.mask != NULL];
  return worker->be->ops->replay(worker->be, graph, end, e);
}

/* Downloads the h and params that the caller wants to keep: all made rows up to the last wanted one. */
static void fetch_made(solid_worker *worker, solid_status *status, solid_question *questions, size_t n) {
  size_t made = 0, wanted = 0, d = worker->config->width, P = worker->P;
  for (size_t i = 0; i < n; i++) {
    made += (size_t)is_generated(worker, &questions[i]);
    if (is_generated(worker, &questions[i]) && questions[i].keep) wanted = made;
  }
  float *h = sol_worker_fetch(worker, status, worker->host.states, worker->device.states, wanted * d * sizeof *h);
  float *params = sol_worker_fetch(worker, status, worker->host.params, worker->device.params, wanted * P * sizeof *h);
  for (size_t i = 0, g = 0; i < n; i++) {
    questions[i].made_h = questions[i].made_params = NULL;
    if (!is_generated(worker, &questions[i])) continue;
    if (questions[i].keep) questions[i].made_h = h + g * d;
    if (questions[i].keep && P) questions[i].made_params = params + g * P;
    g++;
  }
}

/* Downloads the vectors that the caller wants of n rows, then their states, which are gathered over the vectors. */
static void fetch_vectors(const ending *e, solid_status *status, const solid_question *questions, size_t n) {
  const sk_backend_ops *ops = e->worker->be->ops;
  const float *u = e->worker->device.u;
  size_t d = e->worker->config->width, states = 0;
  for (size_t i = 0; i < n && !*status; i++) {
    states += questions[i].state != NULL;
    if (questions[i].vector) *status = ops->download(e->worker->be, questions[i].vector, u + i * d, d * sizeof *u);
  }
  sol_run run = {e->worker->be, *status};
  if (states) gather_states(&run, e, n);
  *status = run.status;
  for (size_t i = 0; i < n && !*status; i++)
    if (questions[i].state) *status = ops->download(e->worker->be, questions[i].state, u + i * d, d * sizeof *u);
}

/* Everything but the end. */
static solid_status send_question(solid_worker *worker, const solid_question *questions, size_t n, ending *e) {
  int masked = 0;
  size_t size = filled_up(worker, n);
  for (size_t i = 0; i < n; i++) masked |= questions[i].excluded != NULL;
  sol_question_block block = sol_worker_block(worker, worker->host.question, size, masked);
  *e = (ending){.worker = worker,
                .block = sol_worker_block(worker, worker->device.question, size, masked),
                .fused = is_fused(worker, questions, n)};
  solid_status status = run_some(worker, SOL_GENERATE, e->fused, questions, n, is_generated);
  if (!status) status = run_some(worker, SOL_ENCODE, 0, questions, n, is_encoded);
  if (!status) status = place_rows(worker, questions, n, &block);
  if (masked) place_masks(worker, questions, n, block.mask);
  repeat_first(worker, &block, n, size);
  sol_worker_send(worker, &status, worker->device.question, worker->host.question, block.bytes);
  return status;
}

solid_status solid_worker_answer(solid_worker *worker, solid_question *questions, size_t n, size_t k) {
  if (!worker || (n && !questions)) return solid_fail(SOLID_EINVAL, "worker: answer on NULL");
  assert(worker->use == SOL_WORKER_ALL);
  solid_status status = check_question(worker, questions, n, k);
  if (status || !n) return status;
  ending e;
  status = send_question(worker, questions, n, &e);
  size_t step = worker->ranked / k;
  for (size_t first = 0, rows; first < n; first += rows) {
    const int32_t *index = NULL;
    const float *score = NULL;
    rows = sol_least(n - first, step);
    e.first = first;
    if (!status) status = enqueue_end(&e, rows, rows == n, k);
    if (first == 0) fetch_made(worker, &status, questions, n);
    if (!status) sol_worker_results(worker, &status, e.n, e.k, &index, &score);
    fetch_vectors(&e, &status, questions + first, rows);
    status = sol_worker_finish(worker, status);
    if (status) return status;
    for (size_t i = 0; i < rows; i++)
      questions[first + i].count = sol_worker_best(index + i * e.k, score + i * e.k, k, questions[first + i].best);
  }
  return SOLID_OK;
}
