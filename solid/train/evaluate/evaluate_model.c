#include "solid/extend.h"
#include "solid/train/evaluate.h"
#include "solid/train/evaluate/ranking.h"
#include "solid/worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct model_ranking {
  const solid_dataset *dataset;
  const solid_evaluate_options *options;
  solid_worker *worker;
  uint32_t batch, window, width, params;
  size_t words, depth;  /* of a mask row; of a ranking */
  uint32_t *model_item; /* (V of the dataset) */
  uint32_t *data_item;  /* (V of the model) the way back; SOLID_NO_ID */
  uint64_t *barred;     /* (words) items that nobody is recommended; NULL = none */
  uint32_t *offsets;    /* (batch + 1) */
  uint32_t *items;      /* (batch * window) */
  uint64_t *excluded;   /* (batch, words) */
  float *h, *p;         /* (batch, d), (batch, P) */
  solid_scored *scored; /* (batch, depth) */
  size_t *counts;       /* (batch) */
  uint8_t *covered;     /* (V of the model) */
} model_ranking;

static void model_ranking_close(model_ranking *r) {
  solid_worker_free(r->worker);
  free(r->model_item);
  free(r->data_item);
  free(r->barred);
  free(r->offsets);
  free(r->items);
  free(r->excluded);
  free(r->h);
  free(r->p);
  free(r->scored);
  free(r->counts);
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
  r->depth = info.items < SOLID_RANK_DEPTH ? info.items : SOLID_RANK_DEPTH;
  size_t n = r->batch;
  r->model_item = malloc(r->dataset->items * sizeof *r->model_item);
  r->data_item = malloc((size_t)info.items * sizeof *r->data_item);
  r->offsets = malloc((n + 1) * sizeof *r->offsets);
  r->items = malloc(n * r->window * sizeof *r->items);
  r->excluded = malloc(n * r->words * sizeof *r->excluded);
  r->h = malloc(n * r->width * sizeof *r->h);
  r->p = malloc((n * r->params + 1) * sizeof *r->p);
  r->scored = malloc(n * r->depth * sizeof *r->scored);
  r->counts = malloc(n * sizeof *r->counts);
  r->covered = calloc(info.items, 1);
  if (!r->model_item || !r->data_item || !r->offsets || !r->items || !r->excluded || !r->h || !r->p || !r->scored ||
      !r->counts || !r->covered)
    return solid_fail(SOLID_ENOMEM, "no memory to rank for %zu users at once", n);
  status = map_items(r, model, info.items);
  return status ? status : bar_items(r);
}

/* Windows and masks of n users; the windows end `stale` events before the question. */
static solid_windows ask(model_ranking *r, const uint32_t *who, size_t n, uint32_t stale) {
  const solid_dataset *dataset = r->dataset;
  memset(r->excluded, 0, n * r->words * sizeof *r->excluded);
  for (size_t i = 0; i < n && r->barred; i++)
    memcpy(r->excluded + i * r->words, r->barred, r->words * sizeof *r->barred);
  r->offsets[0] = 0;
  for (size_t i = 0; i < n; i++) {
    solid_range known = {0, 0};
    solid_split_question(dataset, who[i], r->options->part, &known);
    uint32_t target = r->model_item[dataset->sequence[known.end]], at = r->offsets[i];
    size_t newest = known.end - known.begin > stale ? known.end - stale : known.begin + 1;
    for (size_t e = known.begin; e < known.end; e++) {
      uint32_t item = r->model_item[dataset->sequence[e]];
      if (e < newest && newest - e <= r->window) r->items[at++] = item;
      if (item != target && !r->options->keep_history)
        r->excluded[i * r->words + item / 64] |= (uint64_t)1 << item % 64;
    }
    r->offsets[i + 1] = at;
  }
  return (solid_windows){n, r->offsets, r->items};
}

static void take(model_ranking *r, const uint32_t *who, size_t n, uint32_t *ranks, uint32_t *shown) {
  for (size_t i = 0; i < n; i++) {
    solid_range known = {0, 0};
    solid_split_question(r->dataset, who[i], r->options->part, &known);
    uint32_t target = r->model_item[r->dataset->sequence[known.end]];
    const solid_scored *row = r->scored + i * r->depth;
    ranks[i] = SOLID_RANK_BEYOND;
    for (size_t k = 0; k < r->counts[i]; k++) {
      if (row[k].item == target) ranks[i] = (uint32_t)k;
      if (k >= SOLID_COVERED_DEPTH) continue;
      r->covered[row[k].item] = 1;
      shown[i * SOLID_COVERED_DEPTH + k] = r->data_item[row[k].item];
    }
  }
}

/* Puts h and params of n users into the cache and takes back what it gives: the same numbers as of a request. */
static solid_status through_cache(model_ranking *r, size_t n, uint64_t generation) {
  solid_store *cache = r->options->cache;
  solid_step *steps = malloc(((size_t)cache->window + 1) * sizeof *steps);
  if (!steps) return solid_fail(SOLID_ENOMEM, "no memory for a window of %u steps", cache->window);
  solid_status status = SOLID_OK;
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
  }
  free(steps);
  return status;
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
    solid_windows windows = ask(&r, made.who + begin, n, options->stale);
    status = solid_worker_generate(r.worker, &windows, r.h, r.params ? r.p : NULL);
    if (!status && options->stale && !options->stale_state) {
      windows = ask(&r, made.who + begin, n, 0);
      status = solid_worker_encode(r.worker, &windows, r.h);
    }
    if (!status && options->cache) status = through_cache(&r, n, info.generation);
    if (!status) status = solid_worker_apply(r.worker, n, r.h, r.p, r.h);
    if (!status)
      status = solid_worker_rank(r.worker, n, r.h, options->keep_history && !r.barred ? NULL : r.excluded, r.depth,
                                 r.scored, r.counts);
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
