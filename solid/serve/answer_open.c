/* An answerer's memory, model and order of popularity. */
#include "solid/base/arena.h"
#include "solid/extend.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "solid/serve/answer.h"
#include "solid/serve/grouping.h"
#include <stdlib.h>

static void answerer_bind(sol_answerer *a, sol_arena *arena) {
  size_t B = a->max_batch, kept = a->keeper ? B : 0;
  a->rows = sol_arena_take(arena, B, sizeof *a->rows);
  a->questions = sol_arena_take(arena, B, sizeof *a->questions);
  a->asked_by = sol_arena_take(arena, B, sizeof *a->asked_by);
  a->h = sol_arena_take(arena, B, a->info.width * sizeof *a->h);
  a->fresh = sol_arena_take(arena, kept, a->info.width * sizeof *a->fresh);
  a->with = sol_arena_take(arena, kept, a->info.width * sizeof *a->with);
  a->wishes = sol_arena_take(arena, kept, sizeof *a->wishes);
  a->known = sol_arena_take(arena, B, a->tail * sizeof *a->known);
  a->by_popularity = sol_arena_take(arena, a->info.items, sizeof *a->by_popularity);
  a->users = sol_arena_take(arena, B, sizeof *a->users);
  a->windows = sol_arena_take(arena, B, sizeof *a->windows);
  a->params = sol_arena_take(arena, B, sizeof *a->params);
  a->found = sol_arena_take(arena, B, sizeof *a->found);
  a->statuses = sol_arena_take(arena, B, sizeof *a->statuses);
  a->steps = sol_arena_take(arena, B, a->tail * sizeof *a->steps);
  a->dislikes = sol_arena_take(arena, B, SOLID_DISLIKES_MAX * sizeof *a->dislikes);
  a->closed = a->model->growth ? sol_arena_take(arena, a->words, sizeof *a->closed) : NULL;
}

typedef struct popular {
  float events;
  uint32_t item;
} popular;

static int more_popular(const void *left, const void *right) {
  const popular *a = left, *b = right;
  if (a->events != b->events) return a->events > b->events ? -1 : 1;
  return (a->item > b->item) - (a->item < b->item);
}

static solid_status sort_by_popularity(sol_answerer *a) {
  popular *order = calloc(a->info.items, sizeof *order);
  if (!order) return solid_fail(SOLID_ENOMEM, "out of memory: popularity of %u items", a->info.items);
  for (uint32_t v = 0; v < a->info.items; v++) order[v] = (popular){a->popularity[v], v};
  qsort(order, a->info.items, sizeof *order, more_popular);
  for (uint32_t v = 0; v < a->info.items; v++) a->by_popularity[v] = order[v].item;
  free(order);
  return SOLID_OK;
}

/* States that are behind the history for long are stored again: no consumer does, then. */
enum { BEHIND = 64 };

static solid_status open_model(sol_answerer *a) {
  a->tail = a->store->window;
  if (!sol_keeper_serves(a->model, a->store)) return solid_worker_new(&a->worker, a->model, a->max_batch);
  const sol_keeper_options options = {.users = a->max_batch, .behind = BEHIND};
  a->tail = SOL_KEEPER_TAIL;
  solid_status status = sol_keeper_new(&a->keeper, a->model, a->store, &options);
  return status ? status : sol_worker_new_given(&a->worker, a->model, a->max_batch, SOL_WORKER_ALL);
}

solid_status sol_answerer_open(sol_answerer *a, const solid_model *model, solid_store *store,
                               const solid_recommender_options *options) {
  a->model = model;
  a->store = store;
  a->max_batch = options->max_batch;
  a->element = options->element;
  a->refresh_events = options->refresh_events;
  a->refresh_ms = options->refresh_ms;
  a->items = options->items;
  if (a->items && !store->follows_items) store->follows_items = 1;
  a->popularity = sol_model_popularity(model);
  a->info.struct_size = sizeof a->info;
  sol_arena arena = {NULL, 0};
  solid_status status = solid_model_get_info(model, &a->info);
  if (!status) status = sol_store_check(store, &a->info);
  if (!status) status = open_model(a);
  if (status) return status;
  a->words = solid_worker_mask_words(a->worker);
  answerer_bind(a, &arena);
  a->memory = sol_arena_memory(&arena);
  if (!a->memory) return solid_fail(SOLID_ENOMEM, "out of memory: recommender for %zu users at once", a->max_batch);
  arena = (sol_arena){a->memory, 0};
  answerer_bind(a, &arena);
  return sort_by_popularity(a);
}

void sol_answerer_close(sol_answerer *a) {
  solid_worker_free(a->worker);
  sol_keeper_free(a->keeper);
  free(a->seen);
  free(a->memory);
}
