#include "solid/extend.h"
#include "solid/train/evaluate.h"
#include "solid/train/evaluate/ranking.h"
#include "solid/worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIES = 16 }; /* places beyond a ranking's end that are looked at for items that tie with its last */

typedef struct model_ranking {
  const solid_dataset *dataset;
  const solid_evaluate_options *options;
  solid_worker *worker;
  uint32_t batch, window, width, params;
  size_t words, depth;       /* of a mask row; of a ranking, with some more for ties at its end */
  uint32_t told;             /* ranks that are told apart */
  uint64_t *tie;             /* (V of the model) order of items of equal score */
  uint32_t *model_item;      /* (V of the dataset) */
  uint32_t *data_item;       /* (V of the model) the way back; SOLID_NO_ID */
  uint64_t *barred;          /* (words) items that nobody is recommended; NULL = none */
  uint32_t *offsets, *items; /* (batch + 1), (batch * window): what parameters are made of */
  uint32_t *newer;           /* (batch, window): what only the encoder reads */
  uint64_t *excluded;        /* (batch, words) */
  float *h, *p;              /* (batch, d), (batch, P): of a cache */
  solid_question *questions; /* (batch) */
  solid_scored *scored;      /* (batch, depth) */
  uint8_t *covered;          /* (V of the model) */
} model_ranking;

static void model_ranking_close(model_ranking *r) {
  solid_worker_free(r->worker);
  free(r->model_item);
  free(r->data_item);
  free(r->tie);
  free(r->barred);
  free(r->offsets);
  free(r->items);
  free(r->newer);
  free(r->excluded);
  free(r->h);
  free(r->p);
  free(r->questions);
  free(r->scored);
  free(r->covered);
}

static solid_status map_items(model_ranking *r, const solid_model *model, uint32_t model_items) {
  uint32_t unknown = 0, first = 0;
  for (uint32_t v = 0; v < r->dataset->items; v++) {
    r->model_item[v] = solid_model_item_index(model, solid_vocab_id(&r->dataset->item_ids, v));
    if (r->model_item[v] == SOLID_NO_ITEM && !unknown++) first = v;
  }
  if (!unknown) {
    for (uint32_t i = 0; i < model_items; i++) r->data_item[i] = SOLID_NO_ID;
    for (uint32_t v = 0; v < r->dataset->items; v++) r->data_item[r->model_item[v]] = v;
    return SOLID_OK;
  }
  solid_bytes id = solid_vocab_id(&r->dataset->item_ids, first);
  return solid_fail(SOLID_EMISMATCH, "%u of the data's %u items are not among the model's %u, the first is \"%.*s\"",
                    unknown, r->dataset->items, model_items, (int)(id.size < 64 ? id.size : 64), id.data);
}

/* Items of the model that are no candidates, those that the dataset does not know among them. */
static solid_status bar_items(model_ranking *r) {
  const uint8_t *candidates = r->options->candidates;
  if (!candidates) return SOLID_OK;
  r->barred = malloc(r->words * sizeof *r->barred);
  if (!r->barred) return solid_fail(SOLID_ENOMEM, "no memory for a mask of %zu words", r->words);
  memset(r->barred, 0xff, r->words * sizeof *r->barred);
  for (uint32_t v = 0; v < r->dataset->items; v++)
    if (candidates[v]) r->barred[r->model_item[v] / 64] &= ~((uint64_t)1 << r->model_item[v] % 64);
  return SOLID_OK;
}

static solid_status model_ranking_open(model_ranking *r, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info);
  if (!status) status = solid_worker_new(&r->worker, model, r->batch);
  if (status) return status;
  r->window = info.window;
  r->width = info.width;
  r->params = info.params;
  r->words = solid_worker_mask_words(r->worker);
  r->told = sol_evaluation_depth(r->options);
  r->depth = info.items < r->told + TIES ? info.items : r->told + TIES;
  size_t n = r->batch;
  r->model_item = malloc(r->dataset->items * sizeof *r->model_item);
  r->data_item = malloc((size_t)info.items * sizeof *r->data_item);
  r->tie = malloc((size_t)info.items * sizeof *r->tie);
  r->offsets = malloc((n + 1) * sizeof *r->offsets);
  r->items = malloc(n * r->window * sizeof *r->items);
  r->newer = malloc(n * r->window * sizeof *r->newer);
  r->excluded = malloc(n * r->words * sizeof *r->excluded);
  r->questions = malloc(n * sizeof *r->questions);
  r->scored = malloc(n * r->depth * sizeof *r->scored);
  r->covered = calloc(info.items, 1);
  int cached = r->options->cache != NULL;
  if (cached) r->h = malloc(n * r->width * sizeof *r->h);
  if (cached) r->p = malloc((n * r->params + 1) * sizeof *r->p);
  if (!r->model_item || !r->data_item || !r->tie || !r->offsets || !r->items || !r->newer || !r->excluded ||
      !r->questions || !r->scored || !r->covered || (cached && (!r->h || !r->p)))
    return solid_fail(SOLID_ENOMEM, "no memory to rank for %zu users at once", n);
  for (uint32_t v = 0; v < info.items; v++) r->tie[v] = sol_tie_of(solid_model_item_id(model, v));
  status = map_items(r, model, info.items);
  return status ? status : bar_items(r);
}

/* Parameters are made of a window that ends `stale` events before the question; the encoder reads those too, unless
 * its state is to be as old. */
static void ask_window(model_ranking *r, size_t i, solid_range known, solid_question *q) {
  uint32_t stale = r->options->stale, at = r->offsets[i];
  size_t newest = known.end - known.begin > stale ? known.end - stale : known.begin + 1;
  uint32_t *newer = r->newer + i * r->window;
  q->window = r->items + at;
  q->session = newer;
  for (size_t e = known.begin; e < known.end; e++) {
    uint32_t item = r->model_item[r->dataset->sequence[e]];
    if (e < newest && newest - e <= r->window) r->items[at++] = item;
    if (e >= newest && known.end - e <= r->window && !r->options->stale_state) newer[q->n_session++] = item;
  }
  q->n_window = at - r->offsets[i];
  r->offsets[i + 1] = at;
}

static void ask_mask(model_ranking *r, size_t i, solid_range known, solid_question *q) {
  if (r->options->keep_history && !r->barred) return;
  uint32_t target = r->model_item[r->dataset->sequence[known.end]];
  uint64_t *mask = r->excluded + i * r->words;
  if (r->barred)
    memcpy(mask, r->barred, r->words * sizeof *mask);
  else
    memset(mask, 0, r->words * sizeof *mask);
  for (size_t e = known.begin; e < known.end && !r->options->keep_history; e++) {
    uint32_t item = r->model_item[r->dataset->sequence[e]];
    if (item != target) mask[item / 64] |= (uint64_t)1 << item % 64;
  }
  q->excluded = mask;
}

static void ask(model_ranking *r, const uint32_t *who, size_t n) {
  r->offsets[0] = 0;
  for (size_t i = 0; i < n; i++) {
    solid_range known = {0, 0};
    solid_split_question(r->dataset, who[i], r->options->part, &known);
    solid_question *q = &r->questions[i];
    *q = (solid_question){.best = r->scored + i * r->depth};
    ask_window(r, i, known, q);
    ask_mask(r, i, known, q);
  }
}

/* The worker gives ties to the lowest index, which may be the order of the data. */
static void reorder_ties(const model_ranking *r, solid_scored *row, size_t n) {
  for (size_t i = 1; i < n; i++) {
    solid_scored moved = row[i];
    size_t at = i;
    for (; at && row[at - 1].score == moved.score && r->tie[row[at - 1].item] > r->tie[moved.item]; at--)
      row[at] = row[at - 1];
    row[at] = moved;
  }
}

static void take(model_ranking *r, const uint32_t *who, size_t n, uint32_t *ranks, uint32_t *shown) {
  for (size_t i = 0; i < n; i++) {
    solid_range known = {0, 0};
    solid_split_question(r->dataset, who[i], r->options->part, &known);
    uint32_t target = r->model_item[r->dataset->sequence[known.end]];
    solid_scored *row = r->questions[i].best;
    ranks[i] = SOLID_RANK_BEYOND;
    reorder_ties(r, row, r->questions[i].count);
    for (size_t k = 0; k < r->questions[i].count && k < r->told; k++) {
      if (row[k].item == target) ranks[i] = (uint32_t)k;
      if (k >= SOLID_COVERED_DEPTH) continue;
      r->covered[row[k].item] = 1;
      shown[i * SOLID_COVERED_DEPTH + k] = r->data_item[row[k].item];
    }
  }
}

/* Puts h and params of n users into the cache and continues with what it returns: the numbers that a request would get.
 */
static solid_status through_cache(model_ranking *r, size_t n, uint64_t generation) {
  solid_store *cache = r->options->cache;
  solid_step *steps = malloc(((size_t)cache->window + 1) * sizeof *steps);
  if (!steps) return solid_fail(SOLID_ENOMEM, "no memory for a window of %u steps", cache->window);
  const solid_windows windows = {n, r->offsets, r->items};
  solid_status status = solid_worker_generate(r->worker, &windows, r->h, r->params ? r->p : NULL);
  for (size_t i = 0; i < n && !status; i++) {
    char id[24];
    solid_bytes user = {id, (size_t)snprintf(id, sizeof id, "%zu", i)};
    solid_params params = {.h = r->h + i * r->width,
                           .values = r->p + i * r->params,
                           .generation = generation,
                           .width = r->width,
                           .count = r->params,
                           .element = r->options->cache_element};
    solid_window window = {.steps = steps};
    uint8_t found = 0;
    solid_status of_user;
    status = cache->ops->put_params(cache, &user, &params, 1, &of_user);
    if (!status) status = of_user;
    if (!status) status = cache->ops->get(cache, &user, 1, generation, &window, &params, &found, &of_user);
    if (!status && !found)
      status = solid_fail(SOLID_EINTERNAL, "%s store: params just put are not found", cache->ops->name);
    r->questions[i].h = params.h;
    r->questions[i].params = params.values;
  }
  free(steps);
  return status;
}

solid_evaluate_options solid_evaluate_options_default(void) {
  return (solid_evaluate_options)SOLID_EVALUATE_OPTIONS_INIT;
}

solid_status solid_evaluate_model(solid_evaluation *out, const solid_model *model, const solid_dataset *dataset,
                                  const solid_evaluate_options *options) {
  static const solid_evaluate_options defaults = SOLID_EVALUATE_OPTIONS_INIT;
  if (!out || !model || !dataset) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  if (!options) options = &defaults;
  if (!options->batch) return solid_fail(SOLID_EINVAL, "evaluate: batch is 0");
  solid_model_info info = {.struct_size = sizeof info};
  solid_evaluation made = {0};
  model_ranking r = {.dataset = dataset, .options = options};
  solid_status status = solid_model_get_info(model, &info);
  if (!status) status = sol_evaluation_open(&made, dataset, options->part, info.items);
  if (status) return status;
  r.batch = options->batch < made.users ? options->batch : made.users;
  status = model_ranking_open(&r, model);
  for (uint32_t begin = 0; begin < made.users && !status; begin += r.batch) {
    size_t n = made.users - begin < r.batch ? made.users - begin : r.batch;
    ask(&r, made.who + begin, n);
    if (options->cache) status = through_cache(&r, n, info.generation);
    if (!status) status = solid_worker_answer(r.worker, r.questions, n, r.depth);
    if (!status) take(&r, made.who + begin, n, made.ranks + begin, made.shown + (size_t)begin * SOLID_COVERED_DEPTH);
  }
  if (!status) made.coverage = sol_evaluation_share(r.covered, info.items);
  model_ranking_close(&r);
  if (status)
    solid_evaluation_clear(&made);
  else
    *out = made;
  return status;
}
