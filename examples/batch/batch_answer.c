/* Rankings are made by a worker, many users at once. Slates, and the popular items for users of whom the model knows
 * nothing, come from a recommender over a store that stays empty: the history is given as a session. */
#include "examples/batch/batch.h"
#include "solid/extend.h"
#include "store/memory_store.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct batch_answerer {
  const batch_run *run;
  size_t most, words;
  uint32_t k, window;
  solid_worker *worker; /* NULL with slates */
  solid_store *store;
  solid_recommender *recommender; /* and its store: made when they are needed */
  solid_slate_options slate;
  uint64_t *barred;   /* (words) items blocked for everybody */
  uint64_t *outside;  /* (words) blocked, or not of the category */
  uint64_t *excluded; /* (most, words) */
  uint32_t *items;    /* (most, window) */
  solid_question *questions;
  solid_scored *best; /* (most, k) */
  size_t *place;      /* (most) which of the lists a question is */
  solid_bytes *ids;   /* (V + window) for the recommender: blocked items, and the session */
};

static void set_bit(void *mask, uint32_t item) {
  ((uint64_t *)mask)[item / 64] |= UINT64_C(1) << item % 64;
}

static solid_status make_masks(batch_answerer *a) {
  const batch_run *run = a->run;
  for (size_t i = 0; i < run->blocked.count; i++)
    set_bit(a->barred, solid_model_item_index(run->model, run->blocked.ids[i]));
  memcpy(a->outside, a->barred, a->words * sizeof *a->outside);
  if (!run->args.category) return SOLID_OK;
  const uint32_t *items = NULL;
  size_t n = 0;
  solid_bytes name = {run->args.category, strlen(run->args.category)};
  solid_status status = solid_model_category_items(run->model, solid_model_category(run->model, name), &items, &n);
  if (status) return status;
  memset(a->outside, 0xff, a->words * sizeof *a->outside);
  for (size_t i = 0; i < n; i++)
    if (!(a->barred[items[i] / 64] >> items[i] % 64 & 1)) a->outside[items[i] / 64] &= ~(UINT64_C(1) << items[i] % 64);
  return SOLID_OK;
}

static solid_status take_memory(batch_answerer *a) {
  size_t n = a->most, V = a->run->info.items;
  a->words = (V + 63) / 64;
  a->barred = calloc(a->words, sizeof *a->barred);
  a->outside = calloc(a->words, sizeof *a->outside);
  a->excluded = malloc(n * a->words * sizeof *a->excluded);
  a->items = malloc(n * a->window * sizeof *a->items);
  a->questions = malloc(n * sizeof *a->questions);
  a->best = malloc(n * a->k * sizeof *a->best);
  a->place = malloc(n * sizeof *a->place);
  a->ids = malloc((V + a->window) * sizeof *a->ids);
  if (!a->barred || !a->outside || !a->excluded || !a->items || !a->questions || !a->best || !a->place || !a->ids)
    return solid_fail(SOLID_ENOMEM, "no memory to answer %zu users at once", n);
  return make_masks(a);
}

static solid_status open_recommender(batch_answerer *a) {
  if (a->recommender) return SOLID_OK;
  solid_status status = solid_store_open_memory(&a->store, a->run->model, NULL);
  return status ? status : solid_recommender_new(&a->recommender, a->run->model, a->store, NULL);
}

solid_status batch_answerer_new(batch_answerer **out, const batch_run *run, size_t most) {
  const batch_arguments *args = &run->args;
  batch_answerer *a = calloc(1, sizeof *a);
  if (!a) return solid_fail(SOLID_ENOMEM, "no memory to answer");
  a->run = run;
  a->most = most;
  a->k = (uint32_t)(args->slate.rows ? args->slate.rows : args->k);
  a->window = run->info.window;
  solid_status status = take_memory(a);
  if (!status && args->slate.rows) status = slate_options_read(&args->slate, "order", &a->slate);
  if (!status) status = args->slate.rows ? open_recommender(a) : solid_worker_new(&a->worker, run->model, most);
  if (!status)
    *out = a;
  else
    batch_answerer_free(a);
  return status;
}

void batch_answerer_free(batch_answerer *a) {
  if (!a) return;
  solid_worker_free(a->worker);
  solid_recommender_free(a->recommender);
  solid_store_close(a->store);
  free(a->barred);
  free(a->outside);
  free(a->excluded);
  free(a->items);
  free(a->questions);
  free(a->best);
  free(a->place);
  free(a->ids);
  free(a);
}

/* The query of one user without an id: his items as a session, what is excluded as blocked items. */
static solid_query query_of(batch_answerer *a, const uint64_t *excluded, const uint32_t *items, size_t n_items) {
  const batch_run *run = a->run;
  solid_query query = SOLID_QUERY_INIT;
  query.k = a->k;
  query.exclude_seen = 0;
  if (run->args.category) query.category = (solid_bytes){run->args.category, strlen(run->args.category)};
  query.blocked = a->ids;
  for (uint32_t v = 0; v < run->info.items; v++)
    if (excluded[v / 64] >> v % 64 & 1) a->ids[query.n_blocked++] = solid_model_item_id(run->model, v);
  solid_bytes *session = a->ids + query.n_blocked;
  for (size_t i = 0; i < n_items; i++) session[i] = solid_model_item_id(run->model, items[i]);
  query.session = session;
  query.n_session = n_items;
  return query;
}

/* The sources are those of solid_recommend for a user whose window the store had. */
static solid_status answer_one(batch_answerer *a, size_t i, size_t seed, const uint32_t *items, size_t n_items,
                               batch_list *list) {
  solid_scored *best = a->best + i * a->k;
  solid_query query = query_of(a, a->excluded + i * a->words, items, n_items);
  solid_status status = open_recommender(a);
  list->items = best;
  list->source = n_items ? SOLID_FROM_GENERATION : SOLID_FROM_POPULARITY;
  if (!status && a->run->args.slate.rows) {
    solid_slate_answer answer = {.struct_size = sizeof answer};
    solid_slate_options options = a->slate;
    options.seed += seed;
    status = solid_slate(a->recommender, (solid_bytes){NULL, 0}, &query, &options, best, &answer);
    list->count = answer.count;
    return status ? status : answer.status;
  }
  solid_answer answer = {.struct_size = sizeof answer};
  if (!status) status = solid_recommend(a->recommender, (solid_bytes){NULL, 0}, &query, best, &answer);
  list->count = answer.count;
  return status ? status : answer.status;
}

static solid_status check_scores(const solid_question *q, solid_bytes user) {
  size_t n = q->count;
  if (!n || (isfinite(q->best[0].score) && isfinite(q->best[n - 1].score))) return SOLID_OK;
  return solid_fail(SOLID_ERANGE, "user \"%.*s\": the scores are no numbers: the model is damaged", (int)user.size,
                    user.data);
}

static solid_status rank(batch_answerer *a, size_t first, size_t m, batch_list *lists) {
  solid_status status = solid_worker_answer(a->worker, a->questions, m, a->k);
  for (size_t q = 0; q < m && !status; q++) {
    size_t i = a->place[q];
    lists[i] = (batch_list){a->questions[q].best, a->questions[q].count, SOLID_FROM_GENERATION};
    status = check_scores(&a->questions[q], a->run->people.asked[first + i]);
  }
  return status;
}

solid_status batch_answer(batch_answerer *a, size_t first, size_t n, batch_list *lists) {
  const batch_people *people = &a->run->people;
  solid_status status = SOLID_OK;
  size_t m = 0;
  for (size_t i = 0; i < n && !status; i++) {
    solid_bytes user = people->asked[first + i];
    uint32_t *items = a->items + i * a->window;
    uint64_t *excluded = a->excluded + i * a->words;
    size_t n_items = batch_people_window(people, user, items, a->window);
    int ranked = a->worker && n_items;
    memcpy(excluded, ranked ? a->outside : a->barred, a->words * sizeof *excluded);
    batch_people_exclude(people, user, !a->run->args.seen, set_bit, excluded);
    if (!ranked) {
      status = answer_one(a, i, first + i, items, n_items, &lists[i]);
      continue;
    }
    a->place[m] = i;
    a->questions[m++] =
        (solid_question){.window = items, .n_window = n_items, .excluded = excluded, .best = a->best + i * a->k};
  }
  return status || !m ? status : rank(a, first, m, lists);
}
