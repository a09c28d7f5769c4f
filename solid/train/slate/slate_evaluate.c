/* The lists: one batch of users after the other, from their histories to their lists. What they are worth is
 * slate_figures.c's. */
#include "solid/train/slate_evaluate.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "solid/infer/slate/likelihood.h"
#include "solid/infer/slate/slater.h"
#include "solid/model/model_parts.h"
#include "solid/train/slate/alike.h"
#include "solid/train/slate/slate_figures.h"
#include "solid/worker.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH     64  /* users */
#define POOL      100 /* of a re-ranking */
#define MOST_POOL SOL_MAX_SLATE_ROWS

struct solid_slate_evaluator {
  const solid_model *model;
  const solid_dataset *dataset;
  solid_model_info info;
  uint32_t rows, pool;
  sol_slate_asked asked; /* who is asked about what */
  sol_likeness trained[SOLID_ALIKES], judged[SOLID_ALIKES];
  solid_worker *worker;
  sol_slater *slater;     /* NULL before the first trial that needs it */
  sol_likelihood *raster; /* NULL = not asked */
  size_t words;

  uint32_t *window;   /* (BATCH, L) */
  uint64_t *excluded; /* (BATCH, words) */
  float *h, *u;       /* (BATCH, d) */
  solid_scored *best; /* (BATCH, pool) */
  solid_scored *list; /* (BATCH, rows) */
  solid_question *questions;
  sol_slate_user *slates;
  double *log_p;                         /* (BATCH) */
  sol_likelihood_user *judged_by_raster; /* (BATCH) */
};

/* ---- Construction ---- */

static solid_status take_memory(solid_slate_evaluator *e) {
  size_t d = e->info.width;
  e->words = ((size_t)e->info.items + 63) / 64;
  e->window = calloc(BATCH, e->info.window * sizeof *e->window);
  e->excluded = calloc(BATCH, e->words * sizeof *e->excluded);
  e->h = calloc(BATCH, d * sizeof *e->h);
  e->u = calloc(BATCH, d * sizeof *e->u);
  e->best = calloc(BATCH, e->pool * sizeof *e->best);
  e->list = calloc(BATCH, e->rows * sizeof *e->list);
  e->questions = calloc(BATCH, sizeof *e->questions);
  e->slates = calloc(BATCH, sizeof *e->slates);
  e->log_p = calloc(BATCH, sizeof *e->log_p);
  e->judged_by_raster = calloc(BATCH, sizeof *e->judged_by_raster);
  int all = e->window && e->excluded && e->h && e->u && e->best && e->list && e->questions && e->slates && e->log_p &&
            e->judged_by_raster;
  return all ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: slates of %d users at once", BATCH);
}

/* Its decoder reads what this model's ranker makes. */
static solid_status open_raster(solid_slate_evaluator *e, const solid_model *raster) {
  const sol_config *ours = sol_model_config(e->model), *theirs = sol_model_config(raster);
  size_t ranker = sol_tensors_ranker(ours), codes = (size_t)ours->items * ours->levels;
  if (sol_tensors_ranker(theirs) != ranker || theirs->items != ours->items || theirs->levels != ours->levels ||
      memcmp(e->model->file.codes, raster->file.codes, codes * sizeof *raster->file.codes) != 0)
    return solid_fail(SOLID_EINVAL, "slates: the raster decoder that judges is of another ranker");
  return sol_likelihood_new(&e->raster, raster, e->rows, BATCH);
}

solid_status solid_slate_evaluator_new(solid_slate_evaluator **out, const solid_model *model,
                                       const solid_dataset *dataset, const solid_slate_asking *asking) {
  if (!out || !model || !dataset || !asking)
    return solid_fail(SOLID_EINVAL, "slates: out, model, dataset or what is asked is NULL");
  uint32_t rows = asking->rows;
  solid_slate_evaluator *e = calloc(1, sizeof *e);
  if (!e) return solid_fail(SOLID_ENOMEM, "out of memory: evaluation of slates");
  e->model = model;
  e->dataset = dataset;
  e->rows = rows;
  e->info.struct_size = sizeof e->info;
  solid_status status = solid_model_get_info(model, &e->info);
  if (!status && (rows == 0 || rows > e->info.items || rows > MOST_POOL))
    status = solid_fail(SOLID_ERANGE, "slates: %u rows, the model has %u items and a slate %d rows at most", rows,
                        e->info.items, MOST_POOL);
  e->pool = rows > POOL ? rows : POOL;
  if (!status && e->pool > e->info.items) e->pool = e->info.items;
  if (!status) status = take_memory(e);
  if (!status) status = sol_slate_ask(&e->asked, model, dataset, asking);
  if (!status) status = sol_alike_of_training(e->trained, model, dataset, asking->content);
  if (!status) status = sol_alike_of_judges(e->judged, model, dataset, asking->judges, asking->content);
  if (!status) status = solid_worker_new(&e->worker, model, BATCH);
  if (!status && asking->raster) status = open_raster(e, asking->raster);
  if (status) {
    solid_slate_evaluator_free(e);
    return status;
  }
  *out = e;
  return SOLID_OK;
}

void solid_slate_evaluator_free(solid_slate_evaluator *e) {
  if (!e) return;
  sol_slater_free(e->slater);
  sol_likelihood_free(e->raster);
  solid_worker_free(e->worker);
  for (int a = 0; a < SOLID_ALIKES; a++) {
    sol_likeness_close(&e->trained[a]);
    sol_likeness_close(&e->judged[a]);
  }
  sol_slate_asked_clear(&e->asked);
  free(e->window);
  free(e->excluded);
  free(e->h);
  free(e->u);
  free(e->best);
  free(e->list);
  free(e->questions);
  free(e->slates);
  free(e->log_p);
  free(e->judged_by_raster);
  free(e);
}

/* ---- Lists ---- */

/* Users first .. first + n - 1 of those asked: states, vectors and the best `pool` items. */
static solid_status rank(solid_slate_evaluator *e, uint32_t first, size_t n) {
  size_t L = e->info.window, d = e->info.width;
  memset(e->excluded, 0, n * e->words * sizeof *e->excluded);
  for (size_t i = 0; i < n; i++) {
    const uint32_t *known = e->asked.items + e->asked.known[first + i];
    size_t count = e->asked.targets[first + i] - e->asked.known[first + i], used = count < L ? count : L;
    memcpy(e->window + i * L, known + count - used, used * sizeof *known);
    for (size_t k = 0; k < count; k++) e->excluded[i * e->words + known[k] / 64] |= UINT64_C(1) << (known[k] % 64);
    e->questions[i] = (solid_question){.window = e->window + i * L,
                                       .n_window = used,
                                       .excluded = e->excluded + i * e->words,
                                       .best = e->best + i * e->pool,
                                       .state = e->h + i * d,
                                       .vector = e->u + i * d};
  }
  return solid_worker_answer(e->worker, e->questions, n, e->pool);
}

/* One by one the largest score + lambda x mean likeness to those chosen; of equal ones the better ranked. */
static void rerank(const solid_slate_evaluator *e, const solid_scored *best, size_t count,
                   const solid_slate_trial *trial, solid_scored *list) {
  double like[MOST_POOL] = {0};
  uint8_t taken[MOST_POOL] = {0};
  size_t pool = count;
  for (uint32_t k = 0; k < e->rows; k++) {
    size_t at = pool;
    double largest = -INFINITY;
    for (size_t i = 0; i < pool; i++) {
      double value = best[i].score + (k ? trial->lambda * like[i] / k : 0);
      if (!taken[i] && value > largest) largest = value, at = i;
    }
    if (at == pool) {
      list[k] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
      continue;
    }
    taken[at] = 1;
    list[k] = best[at];
    for (size_t i = 0; i < pool; i++)
      if (!taken[i]) like[i] += sol_likeness_of(&e->trained[trial->alike], best[i].item, best[at].item, SOLID_NO_ITEM);
  }
}

static solid_status decode(solid_slate_evaluator *e, uint32_t first, size_t n, const solid_slate_options *options,
                           double *forwards) {
  size_t d = e->info.width;
  sol_slate_plan plan = {
      .rows = e->rows, .how = {options->guide, options->temperature, options->top_p}, .seed = options->seed + first};
  solid_status status = sol_slate_plan_name(&plan, options->order, options->window, e->info.slate_near != 0);
  if (status) return status;
  for (size_t i = 0; i < n; i++)
    e->slates[i] =
        (sol_slate_user){.h = e->h + i * d,
                         .u = e->u + i * d,
                         .excluded = e->questions[i].excluded,
                         .top = e->questions[i].best,
                         .n_top = (uint32_t)(e->questions[i].count < e->rows ? e->questions[i].count : e->rows),
                         .out = e->list + i * e->rows};
  if (!e->slater) status = sol_slater_new(&e->slater, e->model, BATCH);
  if (!status) status = sol_slater_decode(e->slater, &plan, e->slates, n);
  for (size_t i = 0; i < n && !status; i++) {
    e->log_p[i] = e->slates[i].log_p;
    *forwards += e->slates[i].forwards;
  }
  return status;
}

static solid_status make_lists(solid_slate_evaluator *e, uint32_t first, size_t n, const solid_slate_trial *trial,
                               double *forwards) {
  solid_status status = rank(e, first, n);
  memset(e->log_p, 0, n * sizeof *e->log_p);
  if (status) return status;
  if (trial->alike >= SOLID_ALIKES) return solid_fail(SOLID_ERANGE, "slates: alike by %u", trial->alike);
  if (trial->way == SOLID_SLATE_BY_DECODER) return decode(e, first, n, &trial->options, forwards);
  for (size_t i = 0; i < n; i++) {
    const solid_question *q = &e->questions[i];
    if (trial->way == SOLID_SLATE_BY_RERANK)
      rerank(e, q->best, q->count, trial, e->list + i * e->rows);
    else
      memcpy(e->list + i * e->rows, q->best, e->rows * sizeof *e->list);
  }
  return SOLID_OK;
}

/* 1 where the i-th user of the batch has the ranker's list. */
static uint32_t is_ranked(const solid_slate_evaluator *e, size_t i) {
  const solid_scored *list = e->list + i * e->rows, *best = e->questions[i].best;
  for (uint32_t k = 0; k < e->rows; k++)
    if (list[k].item != (k < e->questions[i].count ? best[k].item : SOLID_NO_ITEM)) return 0;
  return 1;
}

/* Users first .. first + n - 1, whose lists are made. */
static solid_status judge_by_raster(solid_slate_evaluator *e, uint32_t first, size_t n, solid_slate_report *report) {
  size_t d = e->info.width;
  if (!e->raster) return SOLID_OK;
  for (size_t i = 0; i < n; i++)
    e->judged_by_raster[i] = (sol_likelihood_user){
        .h = e->h + i * d, .u = e->u + i * d, .excluded = e->questions[i].excluded, .items = e->list + i * e->rows};
  solid_status status = sol_likelihood_of(e->raster, e->judged_by_raster, n);
  for (size_t i = 0; i < n && !status; i++)
    report->each[(size_t)SOLID_SLATE_UNDER_RASTER * report->users + first + i] = e->judged_by_raster[i].log_p;
  return status;
}

solid_status solid_slate_evaluate(solid_slate_evaluator *e, const solid_slate_trial *trial, uint32_t resamples,
                                  uint64_t seed, solid_slate_report *report) {
  if (!e || !trial || !report) return solid_fail(SOLID_EINVAL, "slates: evaluator, trial or report is NULL");
  solid_slate_report made;
  uint8_t *shown = calloc(e->info.items, 1);
  solid_status status = sol_slate_report_open(&made, e->asked.users);
  if (!status && !shown) status = solid_fail(SOLID_ENOMEM, "out of memory: evaluation of slates");
  for (uint32_t first = 0; first < e->asked.users && !status; first += BATCH) {
    size_t n = e->asked.users - first < BATCH ? e->asked.users - first : BATCH;
    double started = sol_steady_s();
    status = make_lists(e, first, n, trial, &made.forwards);
    made.seconds += sol_steady_s() - started;
    if (!status) status = judge_by_raster(e, first, n, &made);
    for (size_t i = 0; i < n && !status; i++) {
      made.ranked += is_ranked(e, i);
      sol_slate_judge(&made, &e->asked, first + (uint32_t)i, e->list + i * e->rows, e->log_p[i], e->judged, shown);
    }
  }
  made.forwards /= e->asked.users;
  for (uint32_t v = 0; v < e->info.items && shown; v++) made.items += shown[v];
  free(shown);
  if (!status) status = sol_slate_report_finish(&made, resamples, seed);
  if (status) {
    solid_slate_report_clear(&made);
    return status;
  }
  *report = made;
  return SOLID_OK;
}
