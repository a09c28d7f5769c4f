#include "solid/recommender.h"
#include "solid/base/handshake.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/recommender.h"
#include <stdlib.h>
#include <string.h>

solid_query solid_query_default(void) {
  return (solid_query)SOLID_QUERY_INIT;
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
  if (all->refresh_ms < 0)
    return solid_fail(SOLID_EINVAL, "recommender: refresh_ms is %lld: 0 or more milliseconds",
                      (long long)all->refresh_ms);
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
  status = sol_answerer_open(&rec->answerer, model, store, &all);
  if (!status) {
    rec->common = calloc(rec->answerer.words, 2 * sizeof *rec->common);
    rec->session = calloc(rec->answerer.info.window, sizeof *rec->session);
    if (!rec->common || !rec->session) status = solid_fail(SOLID_ENOMEM, "out of memory: recommender");
  }
  if (status) {
    solid_recommender_free(rec);
    return status;
  }
  *out = rec;
  return SOLID_OK;
}

void solid_recommender_free(solid_recommender *rec) {
  if (!rec) return;
  sol_recommender_free_slates(rec);
  sol_answerer_close(&rec->answerer);
  free(rec->common);
  free(rec->session);
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
  if (query->k == 0 || query->k > rec->answerer.info.rows)
    return solid_fail(SOLID_ERANGE, "query: k is %u, the model has %u items", query->k,
                      solid_model_item_count(rec->answerer.model));
  size_t n_allowed = query->only_allowed ? query->n_allowed : 0;
  if (query->exclude_seen < SOLID_SEEN_STAYS || query->exclude_seen > SOLID_SEEN_WINDOW)
    return solid_fail(SOLID_EINVAL, "query: exclude_seen is %d: 0 (stays), 1 (ever) or 2 (window)",
                      query->exclude_seen);
  if ((query->n_blocked && !query->blocked) || (query->n_session && !query->session) ||
      (n_allowed && !query->allowed) || (query->category.size && !query->category.data))
    return solid_fail(SOLID_EINVAL, "query: blocked, session, allowed or category has a size but no data");
  solid_status status = check_ids("blocked", query->blocked, query->n_blocked);
  if (!status) status = check_ids("allowed", query->allowed, n_allowed);
  return status ? status : check_ids("session", query->session, query->n_session);
}

/* Starts the common mask: nothing left out, or everything but the items of the query's category. */
static solid_status start_common(solid_recommender *rec, const solid_query *query) {
  const solid_model *model = rec->answerer.model;
  const uint32_t *items;
  size_t n, bytes = rec->answerer.words * sizeof *rec->common;
  memset(rec->common, query->category.size ? 0xff : 0, bytes);
  if (!query->category.size) return SOLID_OK;
  uint32_t category = solid_model_category(model, query->category);
  if (category == UINT32_MAX)
    return solid_fail(SOLID_ENOTFOUND, "query: no category \"%s\" in the model: one of a table is called COLUMN=VALUE",
                      sol_show(query->category.data, query->category.size).text);
  solid_status status = solid_model_category_items(model, category, &items, &n);
  if (status) return status;
  for (size_t i = 0; i < n; i++) sol_include(rec->common, items[i]);
  const sol_growth *growth = model->growth;
  for (uint32_t item = growth ? sol_growth_newest_of(growth, category) : SOLID_NO_ITEM; item != SOLID_NO_ITEM;
       item = sol_growth_older_of(growth, category, item))
    sol_include(rec->common, item);
  return SOLID_OK;
}

/* Leaves out of the common mask what is not among the allowed ones, which are bits behind it. */
static void keep_allowed(solid_recommender *rec, const solid_query *query) {
  size_t words = rec->answerer.words;
  uint64_t *allowed = rec->common + words;
  memset(allowed, 0, words * sizeof *allowed);
  for (size_t i = 0; i < query->n_allowed; i++) {
    uint32_t item = solid_model_item_index(rec->answerer.model, query->allowed[i]);
    if (item != SOLID_NO_ITEM) sol_exclude(allowed, item);
  }
  for (size_t w = 0; w < words; w++) rec->common[w] |= ~allowed[w];
}

/* Resolves names: *ask points into rec. */
static solid_status read_query(solid_recommender *rec, const solid_query *query, sol_ask *ask) {
  const solid_model *model = rec->answerer.model;
  solid_status status = start_common(rec, query);
  if (status) return status;
  if (query->only_allowed) keep_allowed(rec, query);
  for (size_t i = 0; i < query->n_blocked; i++) {
    uint32_t item = solid_model_item_index(model, query->blocked[i]);
    if (item != SOLID_NO_ITEM) sol_exclude(rec->common, item);
  }
  /* From the newest back: all of them count as seen, the newest L are read. */
  size_t L = rec->answerer.info.window, first = L;
  for (size_t i = query->n_session; i-- > 0 && (first || query->exclude_seen);) {
    uint32_t item = solid_model_item_index(model, query->session[i]);
    if (item == SOLID_NO_ITEM) continue;
    if (query->exclude_seen) sol_exclude(rec->common, item);
    if (first) rec->session[--first] = item;
  }
  *ask = (sol_ask){.k = query->k,
                   .exclude_seen = (uint32_t)query->exclude_seen,
                   .common = rec->common,
                   .session = rec->session + first,
                   .n_session = L - first};
  return SOLID_OK;
}

/* ---- The question ---- */

static solid_status check_call(const solid_recommender *rec, const solid_bytes *users, size_t n,
                               const solid_query *query, const solid_scored *out) {
  if (!rec || (n && (!users || !out))) return solid_fail(SOLID_EINVAL, "recommend: recommender, users or out is NULL");
  if (n > rec->answerer.max_batch)
    return solid_fail(SOLID_EINVAL, "recommend: %zu users, the recommender was made for %zu", n,
                      rec->answerer.max_batch);
  for (size_t i = 0; i < n; i++) {
    if (users[i].size > SOLID_ID_MAX)
      return solid_fail(SOLID_ERANGE, "recommend: user id of %zu bytes, at most %d", users[i].size, SOLID_ID_MAX);
    if (users[i].size && !users[i].data)
      return solid_fail(SOLID_EINVAL, "recommend: user id of %zu bytes without data", users[i].size);
  }
  return check_query(rec, query);
}

solid_status sol_recommender_ask(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                                 const solid_scored *out, sol_ask *ask) {
  solid_query all = SOLID_QUERY_INIT;
  solid_status status = sol_struct_take(&all, sizeof all, query, "query");
  if (!status) status = check_call(rec, users, n, &all, out);
  return status ? status : read_query(rec, &all, ask);
}

solid_status sol_recommender_read(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                                  const solid_scored *out, sol_ask *ask) {
  sol_ask before = *ask;
  int is_seen_asked = ask->exclude_seen == SOLID_SEEN_EVER;
  solid_status status = sol_answer_read(&rec->answerer, users, n, is_seen_asked);
  if (status || !rec->answerer.has_followed) return status;
  if (is_seen_asked) status = sol_answer_read(&rec->answerer, users, n, 1); /* what was seen may be a new item */
  if (!status) status = sol_recommender_ask(rec, users, n, query, out, ask);
  ask->states = before.states;
  ask->vectors = before.vectors;
  return status;
}

/* ---- Answers ---- */

solid_status sol_check_answers(void *answers, size_t n, size_t known, const char *what) {
  for (size_t i = 0; i < n && answers; i++) {
    uint32_t first, size;
    solid_status status = sol_struct_check(sol_answer_at(answers, i), known, what);
    if (status) return status;
    memcpy(&first, answers, sizeof first);
    memcpy(&size, sol_answer_at(answers, i), sizeof size);
    if (size != first)
      return solid_fail(SOLID_EINVAL, "%s %zu: struct_size %u, that of the first is %u", what, i, size, first);
  }
  return SOLID_OK;
}

static solid_status write_answer(const solid_recommender *rec, size_t i, solid_answer *answers) {
  const sol_row *r = &rec->answerer.rows[i];
  solid_answer all = {.source = r->source,
                      .params_seq = r->params.seq,
                      .window_seq = r->window.seq,
                      .count = r->count,
                      .status = r->status,
                      .seen_since = r->window.seen_since};
  return sol_struct_give(sol_answer_at(answers, i), &all, sizeof all, "answer");
}

solid_status solid_recommend_batch(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                                   solid_scored *out, solid_answer *answers) {
  sol_ask ask;
  solid_status status = sol_recommender_ask(rec, users, n, query, out, &ask);
  if (!status) status = sol_check_answers(answers, n, sizeof *answers, "answer");
  if (!status) status = sol_recommender_read(rec, users, n, query, out, &ask);
  if (!status) status = sol_answer(&rec->answerer, n, &ask, out);
  if (status) return status;
  for (size_t i = 0; i < n; i++) {
    const sol_row *r = &rec->answerer.rows[i];
    if (r->status)
      rec->stats.set_aside++;
    else
      rec->stats.answers[r->source]++;
    if (answers) status = write_answer(rec, i, answers);
  }
  return status;
}

solid_status solid_recommend(solid_recommender *rec, solid_bytes user, const solid_query *query, solid_scored *out,
                             solid_answer *answer) {
  solid_status status = solid_recommend_batch(rec, &user, 1, query, out, answer);
  return status ? status : rec->answerer.rows[0].status;
}

solid_status solid_recommender_get_stats(const solid_recommender *rec, solid_recommender_stats *stats) {
  if (!rec || !stats) return solid_fail(SOLID_EINVAL, "recommender stats: recommender or stats is NULL");
  solid_recommender_stats all = rec->stats;
  all.unsaved = rec->answerer.unsaved;
  all.states = sol_keeper_get_stats(rec->answerer.keeper);
  return sol_struct_give(stats, &all, sizeof all, "recommender stats");
}

const char *solid_source_name(uint32_t source) {
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
