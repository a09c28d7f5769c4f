#include "solid/recommender.h"
#include "solid/base/arena.h"
#include "solid/base/handshake.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/grouping.h"
#include "solid/serve/recommender.h"
#include <stdlib.h>
#include <string.h>

/* ---- Construction ---- */

static void request_bind(sol_request *req, size_t B, size_t L, sol_arena *arena) {
  req->rows = sol_arena_take(arena, B, sizeof *req->rows);
  req->offsets = sol_arena_take(arena, B + 1, sizeof *req->offsets);
  req->items = sol_arena_take(arena, B, L * sizeof *req->items);
}

static void recommender_bind(solid_recommender *rec, sol_arena *arena) {
  size_t B = rec->max_batch, L = rec->info.window, d = rec->info.width, P = rec->info.params;
  rec->rows = sol_arena_take(arena, B, sizeof *rec->rows);
  rec->h = sol_arena_take(arena, B, d * sizeof *rec->h);
  rec->values = sol_arena_take(arena, B, P * sizeof *rec->values);
  rec->new_h = sol_arena_take(arena, B, d * sizeof *rec->new_h);
  rec->new_values = sol_arena_take(arena, B, P * sizeof *rec->new_values);
  rec->known = sol_arena_take(arena, B, L * sizeof *rec->known);
  rec->excluded = sol_arena_take(arena, B, rec->words * sizeof *rec->excluded);
  rec->common = sol_arena_take(arena, rec->words, sizeof *rec->common);
  rec->counts = sol_arena_take(arena, B, sizeof *rec->counts);
  rec->session = sol_arena_take(arena, L, sizeof *rec->session);
  rec->by_popularity = sol_arena_take(arena, rec->info.items, sizeof *rec->by_popularity);
  request_bind(&rec->generate, B, L, arena);
  request_bind(&rec->encode, B, L, arena);
  rec->users = sol_arena_take(arena, B, sizeof *rec->users);
  rec->windows = sol_arena_take(arena, B, sizeof *rec->windows);
  rec->params = sol_arena_take(arena, B, sizeof *rec->params);
  rec->found = sol_arena_take(arena, B, sizeof *rec->found);
  rec->statuses = sol_arena_take(arena, B, sizeof *rec->statuses);
  rec->steps = sol_arena_take(arena, B, rec->store->window * sizeof *rec->steps);
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

static solid_status sort_by_popularity(solid_recommender *rec) {
  popular *order = calloc(rec->info.items, sizeof *order);
  if (!order) return solid_fail(SOLID_ENOMEM, "out of memory: popularity of %u items", rec->info.items);
  for (uint32_t v = 0; v < rec->info.items; v++) order[v] = (popular){rec->popularity[v], v};
  qsort(order, rec->info.items, sizeof *order, more_popular);
  for (uint32_t v = 0; v < rec->info.items; v++) rec->by_popularity[v] = order[v].item;
  free(order);
  return SOLID_OK;
}

solid_recommender_options solid_recommender_options_default(void) {
  return (solid_recommender_options)SOLID_RECOMMENDER_OPTIONS_INIT;
}

static solid_status read_options(solid_recommender_options *all, const solid_recommender_options *options) {
  solid_status status = sol_struct_take(all, sizeof *all, options, "recommender options");
  if (status) return status;
  if (all->max_batch == 0) return solid_fail(SOLID_EINVAL, "recommender: max_batch is 0");
  if (all->element > SOLID_I8)
    return solid_fail(SOLID_EINVAL, "recommender: element type %u is none of f32, f16, i8", all->element);
  return SOLID_OK;
}

solid_status solid_recommender_new(solid_recommender **out, const solid_model *model, solid_store *store,
                                   const solid_recommender_options *options) {
  solid_recommender_options all = SOLID_RECOMMENDER_OPTIONS_INIT;
  if (!out || !model || !store) return solid_fail(SOLID_EINVAL, "recommender: out, model or store is NULL");
  solid_status status = read_options(&all, options);
  if (status) return status;
  solid_recommender *rec = calloc(1, sizeof *rec);
  if (!rec) return solid_fail(SOLID_ENOMEM, "out of memory: recommender");
  rec->model = model;
  rec->store = store;
  rec->max_batch = all.max_batch;
  rec->element = all.element;
  rec->popularity = sol_model_popularity(model);
  rec->info.struct_size = sizeof rec->info;
  sol_arena arena = {NULL, 0};
  status = solid_model_get_info(model, &rec->info);
  if (!status) status = sol_store_check(store, &rec->info);
  if (!status) status = solid_worker_new(&rec->worker, model, rec->max_batch);
  if (status) goto done;

  rec->words = solid_worker_mask_words(rec->worker);
  recommender_bind(rec, &arena);
  rec->memory = sol_arena_memory(&arena);
  if (!rec->memory) {
    status = solid_fail(SOLID_ENOMEM, "out of memory: recommender for %zu users at once", rec->max_batch);
    goto done;
  }
  arena = (sol_arena){rec->memory, 0};
  recommender_bind(rec, &arena);
  status = sort_by_popularity(rec);

done:
  if (status) {
    solid_recommender_free(rec);
    return status;
  }
  *out = rec;
  return SOLID_OK;
}

void solid_recommender_free(solid_recommender *rec) {
  if (!rec) return;
  solid_worker_free(rec->worker);
  free(rec->memory);
  free(rec);
}

/* ---- The query ---- */

static solid_status check_ids(const char *what, const solid_bytes *ids, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (ids[i].size && !ids[i].data)
      return solid_fail(SOLID_EINVAL, "query: %s id %zu has %zu bytes but no data", what, i, ids[i].size);
  return SOLID_OK;
}

static solid_status check_query(const solid_recommender *rec, const solid_query *query) {
  if (query->k == 0 || query->k > rec->info.items)
    return solid_fail(SOLID_ERANGE, "query: k is %u, the model has %u items", query->k, rec->info.items);
  if ((query->n_blocked && !query->blocked) || (query->n_session && !query->session) ||
      (query->category.size && !query->category.data))
    return solid_fail(SOLID_EINVAL, "query: blocked, session or category has a size but no data");
  solid_status status = check_ids("blocked", query->blocked, query->n_blocked);
  return status ? status : check_ids("session", query->session, query->n_session);
}

/* Resolves names: rec->session and rec->common. */
static solid_status read_query(solid_recommender *rec, const solid_query *query) {
  memset(rec->common, 0, rec->words * sizeof *rec->common);
  if (query->category.size) {
    const uint32_t *items;
    size_t n;
    uint32_t category = solid_model_category(rec->model, query->category);
    if (category == UINT32_MAX)
      return solid_fail(SOLID_ENOTFOUND, "query: no category \"%s\" in the model",
                        sol_show(query->category.data, query->category.size).text);
    solid_status status = solid_model_category_items(rec->model, category, &items, &n);
    if (status) return status;
    memset(rec->common, 0xff, rec->words * sizeof *rec->common);
    for (size_t i = 0; i < n; i++) rec->common[items[i] / 64] &= ~(UINT64_C(1) << (items[i] % 64));
  }
  for (size_t i = 0; i < query->n_blocked; i++) {
    uint32_t item = solid_model_item_index(rec->model, query->blocked[i]);
    if (item != SOLID_NO_ITEM) sol_exclude(rec->common, item);
  }

  /* From the newest back: all are seen, the newest L are read. */
  size_t L = rec->info.window, first = L;
  for (size_t i = query->n_session; i-- > 0 && (first || query->exclude_seen);) {
    uint32_t item = solid_model_item_index(rec->model, query->session[i]);
    if (item == SOLID_NO_ITEM) continue;
    if (query->exclude_seen) sol_exclude(rec->common, item);
    if (first) rec->session[--first] = item;
  }
  rec->n_session = L - first;
  memmove(rec->session, rec->session + first, rec->n_session * sizeof *rec->session);
  return SOLID_OK;
}

/* ---- The question ---- */

static solid_status check_call(const solid_recommender *rec, const solid_bytes *users, size_t n,
                               const solid_query *query, const solid_scored *out) {
  if (!rec || (n && (!users || !out))) return solid_fail(SOLID_EINVAL, "recommend: recommender, users or out is NULL");
  if (n > rec->max_batch)
    return solid_fail(SOLID_EINVAL, "recommend: %zu users, the recommender was made for %zu", n, rec->max_batch);
  for (size_t i = 0; i < n; i++) {
    if (users[i].size > SOLID_ID_MAX)
      return solid_fail(SOLID_ERANGE, "recommend: user id of %zu bytes, at most %d", users[i].size, SOLID_ID_MAX);
    if (users[i].size && !users[i].data)
      return solid_fail(SOLID_EINVAL, "recommend: user id of %zu bytes without data", users[i].size);
  }
  return check_query(rec, query);
}

/* The caller's answers stand as far apart as the first one's struct_size says. */
static void *answer_at(solid_answer *answers, size_t i) {
  return (unsigned char *)answers + i * answers->struct_size;
}

static solid_status check_answers(solid_answer *answers, size_t n) {
  for (size_t i = 0; i < n && answers; i++) {
    solid_status status = sol_struct_check(answer_at(answers, i), sizeof *answers, "answer");
    if (status) return status;
    uint32_t size;
    memcpy(&size, answer_at(answers, i), sizeof size);
    if (size != answers->struct_size)
      return solid_fail(SOLID_EINVAL, "answer %zu: struct_size %u, that of the first is %u", i, size,
                        answers->struct_size);
  }
  return SOLID_OK;
}

static solid_status write_answer(const solid_recommender *rec, size_t i, solid_answer *answers) {
  const sol_row *r = &rec->rows[i];
  solid_answer all = {.source = r->source,
                      .params_seq = r->params.seq,
                      .window_seq = r->window.seq,
                      .count = rec->counts[i],
                      .status = r->status};
  return sol_struct_give(answer_at(answers, i), &all, sizeof all, "answer");
}

solid_status solid_recommend_batch(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                                   solid_scored *out, solid_answer *answers) {
  solid_query all = SOLID_QUERY_INIT;
  solid_status status = sol_struct_take(&all, sizeof all, query, "query");
  if (!status) status = check_call(rec, users, n, &all, out);
  if (!status) status = check_answers(answers, n);
  if (!status) status = read_query(rec, &all);
  if (!status) status = sol_answer(rec, users, n, &all, out);
  if (status) return status;
  for (size_t i = 0; i < n; i++) {
    if (rec->rows[i].status)
      rec->stats.set_aside++;
    else
      rec->stats.answers[rec->rows[i].source]++;
    if (answers) status = write_answer(rec, i, answers);
  }
  return status;
}

solid_status solid_recommend(solid_recommender *rec, solid_bytes user, const solid_query *query, solid_scored *out,
                             solid_answer *answer) {
  solid_status status = solid_recommend_batch(rec, &user, 1, query, out, answer);
  return status ? status : rec->rows[0].status;
}

solid_status solid_recommender_get_stats(const solid_recommender *rec, solid_recommender_stats *stats) {
  if (!rec || !stats) return solid_fail(SOLID_EINVAL, "recommender stats: recommender or stats is NULL");
  return sol_struct_give(stats, &rec->stats, sizeof *stats, "recommender stats");
}

const char *solid_source_name(solid_source source) {
  switch (source) {
  case SOLID_FROM_CACHE:
    return "cache";
  case SOLID_FROM_CACHE_FRESH:
    return "cache+fresh";
  case SOLID_FROM_GENERATION:
    return "generation";
  case SOLID_FROM_SESSION:
    return "session";
  case SOLID_FROM_POPULARITY:
    return "popularity";
  }
  return "unknown";
}
