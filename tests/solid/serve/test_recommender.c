#include "solid/model/model_parts.h"
#include "solid/recommender.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/fault_store.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { K = 6, MOST_ITEMS = 4096 };

static const uint32_t anna_items[] = {1, 7, 3, 9, 2}, ben_items[] = {4, 11}, session_items[] = {5, 8};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static solid_recommender *recommender_of(const serving *s, solid_store *store, size_t max_batch) {
  solid_recommender *rec = NULL;
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  options.max_batch = (uint32_t)max_batch;
  options.element = SOLID_F32;
  cr_assert_eq(solid_recommender_new(&rec, s->model, store, &options), SOLID_OK, "%s", solid_last_error());
  return rec;
}

/* Window and parameters as the pipeline leaves them. */
static void push(const serving *s, const char *user, const uint32_t *items, size_t n) {
  solid_pipeline *pipeline = NULL;
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  options.element = SOLID_F32;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, &options), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) {
    solid_event event = serving_event_at(s, user, items[i], (solid_position){0, 0});
    cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  }
  solid_pipeline_free(pipeline);
}

static solid_answer ask(solid_recommender *rec, const char *user, const solid_query *query, solid_scored *out) {
  solid_answer answer = {.struct_size = sizeof answer};
  cr_assert_eq(solid_recommend(rec, serving_text(user), query, out, &answer), SOLID_OK, "%s", solid_last_error());
  return answer;
}

static void expect(const solid_answer *answer, solid_source source, uint64_t params_seq, uint64_t window_seq,
                   size_t count) {
  cr_assert_eq(answer->source, source, "source %s, wanted %s", solid_source_name(answer->source),
               solid_source_name(source));
  cr_assert_eq(answer->params_seq, params_seq, "params_seq %llu", (unsigned long long)answer->params_seq);
  cr_assert_eq(answer->window_seq, window_seq, "window_seq %llu", (unsigned long long)answer->window_seq);
  cr_assert_eq(answer->count, count, "%zu items, wanted %zu", answer->count, count);
}

static const uint8_t *skip_items(const uint32_t *items, size_t n, const uint32_t *more, size_t n_more) {
  static uint8_t skip[MOST_ITEMS];
  memset(skip, 0, sizeof skip);
  for (size_t i = 0; i < n; i++) skip[items[i]] = 1;
  for (size_t i = 0; i < n_more; i++) skip[more[i]] = 1;
  return skip;
}

/* The model run directly: window `seen` under the layers generated from `of`, everything of the window left out. */
static void expect_ranking(const serving *s, const char *what, const solid_scored *got, size_t k,
                           const uint32_t *window, size_t n, const uint32_t *of, size_t n_of, const uint8_t *skip) {
  float *u = calloc(s->info.width, sizeof *u);
  solid_scored *want = calloc(k, sizeof *want);
  serving_vector(s, window, n, of, n_of, u);
  cr_assert_eq(serving_rank(s, u, skip, k, want), k, "%s", what);
  serving_same(what, got, want, k);
  free(u), free(want);
}

static solid_query query_of(uint32_t k) {
  solid_query query = SOLID_QUERY_INIT;
  query.k = k;
  return query;
}

/* Ids of items, borrowed from the model. */
static const solid_bytes *ids_of(const serving *s, const uint32_t *items, size_t n) {
  static solid_bytes ids[64];
  for (size_t i = 0; i < n; i++) ids[i] = solid_model_item_id(s->model, items[i]);
  return ids;
}

Test(recommender, warm_cache_is_the_model_run_directly) {
  serving s = serving_open(SOLID_HEAD_SOLID, 40);
  push(&s, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = query_of(K);
  solid_answer answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  expect_ranking(&s, "warm", out, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, the_newest_click_counts_at_once) {
  serving s = serving_open(SOLID_HEAD_SOLID, 41);
  push(&s, "anna", anna_items, 4);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored before[K], after[K], generated[K];
  solid_query query = query_of(K);
  ask(rec, "anna", &query, before);
  cr_assert_eq(serving_append(&s, s.store, "anna", anna_items + 4, 1), 5);
  solid_answer answer = ask(rec, "anna", &query, after);
  expect(&answer, SOLID_FROM_CACHE_FRESH, 4, 5, K);
  expect_ranking(&s, "fresh", after, K, anna_items, 5, anna_items, 4, skip_items(anna_items, 5, NULL, 0));
  cr_assert_neq(memcmp(before, after, sizeof before), 0, "the click changed nothing");

  push(&s, "anna", anna_items, 1); /* now the parameters have caught up, with one more click */
  answer = ask(rec, "anna", &query, generated);
  expect(&answer, SOLID_FROM_CACHE, 6, 6, K);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* The stored state gives what encoding the same window now gives. */
Test(recommender, the_shortcut_gives_the_same_numbers) {
  serving s = serving_open(SOLID_HEAD_SOLID, 42);
  push(&s, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  uint32_t V = s.info.items;
  solid_scored *shortcut = calloc(V, sizeof *shortcut), *encoded = calloc(V, sizeof *encoded);
  solid_query query = query_of(V);
  query.exclude_seen = 0;
  solid_answer answer = ask(rec, "anna", &query, shortcut);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, V);

  /* The same window and the same layers with an older watermark, in a store of its own, must take the long way. */
  solid_store *older = serving_store(&s);
  serving_append(&s, older, "anna", anna_items, 5);
  solid_bytes id = serving_text("anna");
  solid_step *steps = calloc(s.info.window, sizeof *steps);
  solid_window window = {.steps = steps};
  solid_params params = {.h = calloc(s.info.width, sizeof(float)),
                         .values = calloc(s.info.params, sizeof(float)),
                         .width = s.info.width,
                         .count = s.info.params};
  solid_status of_user;
  uint8_t found = 0;
  cr_assert_eq(s.store->ops->get(s.store, &id, 1, s.info.generation, &window, &params, &found, &of_user), SOLID_OK);
  cr_assert(found);
  params.seq = 4;
  params.generation = s.info.generation;
  for (uint32_t i = 0; i < s.info.width; i++) params.h[i] = 100.0f; /* must not be read */
  cr_assert_eq(older->ops->put_params(older, &id, &params, 1, &of_user), SOLID_OK);
  solid_recommender *slow = recommender_of(&s, older, 1);
  answer = ask(slow, "anna", &query, encoded);
  expect(&answer, SOLID_FROM_CACHE_FRESH, 4, 5, V);
  serving_same("shortcut", shortcut, encoded, V);
  solid_recommender_free(slow);
  solid_recommender_free(rec);
  solid_store_close(older);
  free(shortcut), free(encoded), free(steps), free(params.h), free(params.values);
  serving_close(&s);
}

Test(recommender, session_of_an_anonymous_visitor) {
  serving s = serving_open(SOLID_HEAD_SOLID, 43);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = query_of(K);
  query.session = ids_of(&s, session_items, 2);
  query.n_session = 2;
  solid_answer answer = ask(rec, "", &query, out);
  expect(&answer, SOLID_FROM_SESSION, 0, 0, K);
  const uint8_t *skip = skip_items(session_items, 2, NULL, 0);
  expect_ranking(&s, "session", out, K, session_items, 2, session_items, 2, skip);
  answer = ask(rec, "stranger", &query, out);
  expect(&answer, SOLID_FROM_SESSION, 0, 0, K);
  expect_ranking(&s, "session of a stranger", out, K, session_items, 2, session_items, 2, skip);

  solid_bytes ids[4] = {serving_text("?"), query.session[0], serving_text("no such item"), query.session[1]};
  query.session = ids;
  query.n_session = 4;
  answer = ask(rec, "", &query, out);
  expect(&answer, SOLID_FROM_SESSION, 0, 0, K);
  expect_ranking(&s, "unknown ids are skipped", out, K, session_items, 2, session_items, 2, skip);
  query.n_session = 1;
  answer = ask(rec, "", &query, out);
  expect(&answer, SOLID_FROM_POPULARITY, 0, 0, K);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, session_longer_than_the_window) {
  serving s = serving_open(SOLID_HEAD_SOLID, 44);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  uint32_t L = s.info.window, n = L + 3, items[64];
  cr_assert_leq(n, 64);
  for (uint32_t i = 0; i < n; i++) items[i] = (5 * i + 1) % s.info.items;
  solid_scored out[K];
  solid_query query = query_of(K);
  query.session = ids_of(&s, items, n);
  query.n_session = n;
  ask(rec, "", &query, out);
  expect_ranking(&s, "all are seen, the newest are read", out, K, items + 3, L, items + 3, L,
                 skip_items(items, n, NULL, 0));
  push(&s, "anna", anna_items, 5);
  solid_answer answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE_FRESH, 5, 5, K);
  expect_ranking(&s, "no room for stored items", out, K, items + 3, L, anna_items, 5,
                 skip_items(items, n, anna_items, 5));
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, session_on_top_of_what_is_stored) {
  serving s = serving_open(SOLID_HEAD_SOLID, 45);
  push(&s, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  const uint32_t all[] = {1, 7, 3, 9, 2, 5, 8};
  solid_scored out[K];
  solid_query query = query_of(K);
  query.session = ids_of(&s, session_items, 2);
  query.n_session = 2;
  solid_answer answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE_FRESH, 5, 5, K);
  expect_ranking(&s, "stored and session", out, K, all, 7, anna_items, 5, skip_items(all, 7, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, cold_is_generated_put_back_and_then_warm) {
  serving s = serving_open(SOLID_HEAD_SOLID, 46);
  serving_append(&s, s.store, "anna", anna_items, 5);
  serving_append(&s, s.store, "ben", ben_items, 2);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored cold[K], warm[K];
  solid_query query = query_of(K);
  solid_answer answer = ask(rec, "anna", &query, cold);
  expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  expect_ranking(&s, "cold", cold, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  answer = ask(rec, "anna", &query, warm);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  cr_assert_eq(memcmp(cold, warm, sizeof cold), 0, "cold and warm differ");

  const uint32_t all[] = {4, 11, 5, 8};
  query.session = ids_of(&s, session_items, 2);
  query.n_session = 2;
  answer = ask(rec, "ben", &query, cold);
  expect(&answer, SOLID_FROM_GENERATION, 2, 2, K);
  expect_ranking(&s, "cold with a session", cold, K, all, 4, ben_items, 2, skip_items(all, 4, NULL, 0));
  answer = ask(rec, "ben", &query, warm);
  expect(&answer, SOLID_FROM_CACHE_FRESH, 2, 2, K);
  cr_assert_eq(memcmp(cold, warm, sizeof cold), 0, "cold and warm differ with a session");
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, parameters_of_another_model_are_a_miss) {
  serving s = serving_open(SOLID_HEAD_SOLID, 47), other = serving_open(SOLID_HEAD_SOLID, 147);
  cr_assert_neq(s.info.generation, other.info.generation);
  push(&s, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, s.store, 1), *next = recommender_of(&other, s.store, 1);
  solid_scored out[K];
  solid_query query = query_of(K);
  solid_answer answer = ask(next, "anna", &query, out);
  expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  expect_ranking(&other, "new model", out, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  answer = ask(next, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  expect_ranking(&s, "old model", out, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  solid_recommender_free(rec);
  solid_recommender_free(next);
  serving_close(&other);
  serving_close(&s);
}

Test(recommender, filters_come_before_the_cut) {
  serving s = serving_open(SOLID_HEAD_SOLID, 48);
  push(&s, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  uint32_t V = s.info.items;
  solid_scored *out = calloc(V, sizeof *out), best[K];
  solid_query query = query_of(K);
  ask(rec, "anna", &query, best);

  uint32_t top[3] = {best[0].item, best[1].item, best[4].item};
  solid_bytes blocked[4] = {serving_text("no such item")};
  memcpy(blocked + 1, ids_of(&s, top, 3), 3 * sizeof *blocked);
  query.blocked = blocked;
  query.n_blocked = 4;
  solid_answer answer = ask(rec, "anna", &query, out);
  cr_assert_eq(answer.count, K, "blocking leaves k items");
  expect_ranking(&s, "blocked", out, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, top, 3));

  query = query_of(V);
  query.exclude_seen = 0;
  answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, V);
  expect_ranking(&s, "seen", out, V, anna_items, 5, anna_items, 5, NULL);
  query.exclude_seen = 1;
  answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, V - 5);
  expect_ranking(&s, "unseen", out, V - 5, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  for (uint32_t i = V - 5; i < V; i++) cr_assert(out[i].item == SOLID_NO_ITEM && out[i].score == -INFINITY);
  free(out);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, a_category_gives_its_own_best) {
  serving s = serving_open(SOLID_HEAD_SOLID, 49);
  push(&s, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  cr_assert_gt(s.info.categories, 1);
  solid_scored *out = calloc(s.info.items, sizeof *out);
  for (uint32_t c = 0; c < s.info.categories; c++) {
    const uint32_t *items;
    size_t n;
    cr_assert_eq(solid_model_category_items(s.model, c, &items, &n), SOLID_OK);
    static uint8_t skip[MOST_ITEMS];
    memset(skip, 1, sizeof skip);
    for (size_t i = 0; i < n; i++) skip[items[i]] = 0;
    solid_query query = query_of(s.info.items);
    query.category = solid_model_category_name(s.model, c);
    query.exclude_seen = 0;
    solid_answer answer = ask(rec, "anna", &query, out);
    expect(&answer, SOLID_FROM_CACHE, 5, 5, n);
    if (n) expect_ranking(&s, "category", out, n, anna_items, 5, anna_items, 5, skip);
    query.k = 1;
    answer = ask(rec, "anna", &query, out);
    if (n) expect_ranking(&s, "its best", out, 1, anna_items, 5, anna_items, 5, skip);
    answer = ask(rec, "stranger", &query, out);
    expect(&answer, SOLID_FROM_POPULARITY, 0, 0, n ? 1 : 0);
    if (n) cr_assert_eq(skip[out[0].item], 0, "popularity minds the category");
  }
  solid_query query = query_of(3);
  query.category = serving_text("no such category");
  cr_assert_eq(solid_recommend(rec, serving_text("anna"), &query, out, NULL), SOLID_ENOTFOUND);
  cr_assert_neq(strstr(solid_last_error(), "no such category"), NULL, "%s", solid_last_error());
  free(out);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, popularity_for_the_unknown) {
  serving s = serving_open(SOLID_HEAD_SOLID, 50);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  const float *popularity = sol_model_popularity(s.model);
  uint32_t V = s.info.items;
  solid_scored *out = calloc(V, sizeof *out);
  solid_query query = query_of(V);
  solid_answer answer = ask(rec, "stranger", &query, out);
  expect(&answer, SOLID_FROM_POPULARITY, 0, 0, V);
  for (uint32_t i = 0; i < V; i++) {
    cr_assert_eq(out[i].score, popularity[out[i].item]);
    if (i)
      cr_assert(out[i - 1].score > out[i].score || (out[i - 1].score == out[i].score && out[i - 1].item < out[i].item));
  }
  uint32_t first = out[0].item, second = out[1].item;
  solid_bytes blocked = solid_model_item_id(s.model, first);
  query = query_of(1);
  query.blocked = &blocked;
  query.n_blocked = 1;
  answer = ask(rec, "", &query, out);
  expect(&answer, SOLID_FROM_POPULARITY, 0, 0, 1);
  cr_assert_eq(out[0].item, second);
  cr_assert_eq(solid_recommend(rec, serving_text("stranger"), NULL, out, NULL), SOLID_OK, "no query, no answer");
  cr_assert_eq(out[0].item, first);
  free(out);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* A window of which this model knows nothing is not an empty user vector. */
Test(recommender, a_window_of_unknown_items) {
  serving s = serving_open(SOLID_HEAD_SOLID, 51);
  solid_step step = {42, 1}, room[64];
  solid_position position = {0, 0};
  solid_status of_user;
  solid_append append = {serving_text("anna"), &step, &position, 1};
  solid_window window = {.steps = room};
  cr_assert_eq(s.store->ops->advance(s.store, &append, 1, &window, NULL, &of_user), SOLID_OK);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = query_of(K);
  solid_answer answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_POPULARITY, 0, 1, K);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, refuses_bad_queries) {
  serving s = serving_open(SOLID_HEAD_SOLID, 52);
  solid_recommender *rec = NULL;
  fault_store shorter;
  fault_store_wrap(&shorter, s.store);
  shorter.base.window--;
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  cr_assert_eq(solid_recommender_new(&rec, s.model, &shorter.base, NULL), SOLID_EMISMATCH, "%s", solid_last_error());
  cr_assert_eq(solid_recommender_new(NULL, s.model, s.store, NULL), SOLID_EINVAL);
  options.max_batch = 0;
  cr_assert_eq(solid_recommender_new(&rec, s.model, s.store, &options), SOLID_EINVAL);
  options = solid_recommender_options_default();
  options.element = 3;
  cr_assert_eq(solid_recommender_new(&rec, s.model, s.store, &options), SOLID_EINVAL);
  options.struct_size++;
  cr_assert_eq(solid_recommender_new(&rec, s.model, s.store, &options), SOLID_EINVAL);
  cr_assert_null(rec);
  rec = recommender_of(&s, s.store, 1);
  char id[256];
  memset(id, 'u', sizeof id);
  solid_scored out[K];
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = query_of(K);
  cr_assert_eq(solid_recommend(rec, (solid_bytes){id, 255}, &query, out, &answer), SOLID_OK);
  cr_assert_eq(solid_recommend(rec, (solid_bytes){id, 256}, &query, out, &answer), SOLID_ERANGE);
  cr_assert_neq(strstr(solid_last_error(), "256"), NULL, "%s", solid_last_error());
  cr_assert_eq(solid_recommend(rec, (solid_bytes){NULL, 0}, &query, out, &answer), SOLID_OK);
  cr_assert_eq(answer.source, SOLID_FROM_POPULARITY);
  cr_assert_eq(solid_recommend(rec, (solid_bytes){NULL, 3}, &query, out, &answer), SOLID_EINVAL);
  query.k = 0;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_ERANGE);
  query.k = s.info.items + 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_ERANGE);
  query = query_of(K);
  query.n_session = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  const solid_bytes hollow = {NULL, 4};
  query.session = &hollow;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = query_of(K);
  query.blocked = &hollow;
  query.n_blocked = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = query_of(K);
  query.struct_size = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = query_of(K);
  answer.struct_size = 0;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  answer.struct_size = sizeof answer + 8;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  solid_bytes two[2] = {serving_text("a"), serving_text("b")};
  cr_assert_eq(solid_recommend_batch(rec, two, 2, &query, out, NULL), SOLID_EINVAL, "two for a batch of one");
  cr_assert_eq(solid_recommend_batch(rec, NULL, 0, &query, NULL, NULL), SOLID_OK, "nobody is legal");
  solid_recommender_free(rec);
  solid_recommender_free(NULL);
  serving_close(&s);
}

/* An older caller's structs end early: what follows in them is not read, and answers stand closer together. */
Test(recommender, answers_a_caller_of_an_older_version) {
  enum { OLD = offsetof(solid_answer, count) };
  serving s = serving_open(SOLID_HEAD_SOLID, 55);
  push(&s, "warm", anna_items, 5);
  push(&s, "warm2", ben_items, 2);
  solid_recommender *rec = recommender_of(&s, s.store, 2);
  const solid_bytes ids[2] = {serving_text("warm"), serving_text("warm2")};
  solid_query query = query_of(K), old = query_of(K);
  solid_scored out[2 * K], want[2 * K];
  solid_answer answers[2] = {{.struct_size = sizeof *answers}, {.struct_size = sizeof *answers}}, got;
  _Alignas(solid_answer) unsigned char closer[2 * OLD + 1];
  cr_assert_eq(solid_recommend_batch(rec, ids, 2, &query, want, answers), SOLID_OK, "%s", solid_last_error());

  old.struct_size = offsetof(solid_query, blocked);
  old.n_blocked = old.n_session = 3; /* without data: refused if they were read */
  for (uint32_t i = 0; i < 2; i++) memcpy(closer + i * OLD, &(uint32_t){OLD}, sizeof(uint32_t));
  closer[2 * OLD] = 77;
  cr_assert_eq(solid_recommend_batch(rec, ids, 2, &old, out, (solid_answer *)(void *)closer), SOLID_OK, "%s",
               solid_last_error());
  for (int i = 0; i < 2; i++) {
    memcpy(&got, closer + i * OLD, OLD);
    cr_assert_eq(got.struct_size, OLD);
    cr_assert_eq(got.source, answers[i].source);
    cr_assert_eq(got.window_seq, answers[i].window_seq);
    serving_same("older", out + i * K, want + i * K, K);
  }
  cr_assert_eq(closer[2 * OLD], 77, "written behind the answers");
  memcpy(closer + OLD, &(uint32_t){OLD - 8}, sizeof(uint32_t));
  cr_assert_eq(solid_recommend_batch(rec, ids, 2, &old, out, (solid_answer *)(void *)closer), SOLID_EINVAL);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* Every kind of user in one batch: the same as one by one, with one read and one write. */
static void judge_batch(const solid_query *query) {
  enum { USERS = 9 };
  const char *users[USERS] = {"stranger", "cold", "warm", "", "stale", "nobody", "warm", "cold2", "warm2"};
  serving s = serving_open(SOLID_HEAD_SOLID, 53);
  solid_store *twin = serving_store(&s); /* one by one, from the same beginnings */
  solid_scored out[USERS * K], one[K];
  solid_answer answers[USERS], answer;
  solid_bytes ids[USERS];
  solid_store *own = s.store;
  for (int copy = 0; copy < 2; copy++) {
    s.store = copy ? twin : own;
    push(&s, "warm", anna_items, 5);
    push(&s, "warm2", ben_items, 2);
    push(&s, "stale", anna_items, 3);
    serving_append(&s, s.store, "stale", anna_items + 3, 2);
    serving_append(&s, s.store, "cold", ben_items, 2);
    serving_append(&s, s.store, "cold2", anna_items, 4);
  }
  s.store = own;
  fault_store counted;
  fault_store_wrap(&counted, s.store);
  for (int i = 0; i < USERS; i++) {
    ids[i] = serving_text(users[i]);
    answers[i] = (solid_answer){.struct_size = sizeof answer};
  }
  solid_recommender *rec = recommender_of(&s, &counted.base, USERS), *single = recommender_of(&s, twin, 1);
  cr_assert_eq(solid_recommend_batch(rec, ids, USERS, query, out, answers), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(counted.get.calls, 1);
  cr_assert_eq(counted.get.users, USERS - 1, "the anonymous one is not asked for");
  cr_assert_eq(counted.put_params.calls, 1);
  cr_assert_eq(counted.put_params.users, 2);
  for (int i = 0; i < USERS; i++) {
    answer = ask(single, users[i], query, one);
    expect(&answers[i], answer.source, answer.params_seq, answer.window_seq, answer.count);
    serving_same(users[i], out + i * K, one, answer.count);
  }
  solid_recommender_free(rec);
  solid_recommender_free(single);
  solid_store_close(twin);
  serving_close(&s);
}

Test(recommender, a_batch_is_its_users_one_by_one) {
  solid_query query = query_of(K);
  judge_batch(&query);
}

Test(recommender, a_batch_with_a_session) {
  serving s = serving_open(SOLID_HEAD_SOLID, 53);
  solid_query query = query_of(K);
  query.session = ids_of(&s, session_items, 2);
  query.n_session = 2;
  judge_batch(&query);
  serving_close(&s);
}

Test(recommender, a_store_that_is_away) {
  serving s = serving_open(SOLID_HEAD_SOLID, 54);
  fault_store store;
  fault_store_wrap(&store, s.store);
  serving_append(&s, s.store, "anna", anna_items, 5);
  solid_recommender *rec = recommender_of(&s, &store.base, 1);
  solid_scored out[K];
  solid_query query = query_of(K);
  solid_recommender_stats stats = {.struct_size = sizeof stats};
  store.get.fail_in = 1;
  store.get.status = SOLID_EIO;
  cr_assert_eq(solid_recommend(rec, serving_text("anna"), &query, out, NULL), SOLID_EIO);

  store.put_params.fail_in = 1;
  store.put_params.status = SOLID_EFULL;
  solid_answer answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  expect_ranking(&s, "not put back", out, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  cr_assert_eq(solid_recommender_get_stats(rec, &stats), SOLID_OK);
  cr_assert_eq(stats.unsaved, 1);
  cr_assert_eq(stats.answers[SOLID_FROM_GENERATION], 2);
  cr_assert_eq(stats.answers[SOLID_FROM_CACHE], 1);
  stats.struct_size = 0;
  cr_assert_eq(solid_recommender_get_stats(rec, &stats), SOLID_EINVAL);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* A user whose record is none gets no answer, and says so; the others get theirs. */
Test(recommender, a_foreign_record_stops_nobody_else) {
  serving s = serving_open(SOLID_HEAD_SOLID, 58);
  fault_store store;
  fault_store_wrap(&store, s.store);
  push(&s, "anna", anna_items, 5);
  push(&s, "ben", ben_items, 2);
  serving_append(&s, s.store, "cold", ben_items, 2);
  solid_recommender *rec = recommender_of(&s, &store.base, 3);
  solid_scored out[3 * K], one[K];
  solid_query query = query_of(K);
  query.session = ids_of(&s, session_items, 2);
  query.n_session = 2;
  for (int session = 1; session >= 0; session--) {
    solid_answer answers[3], answer = {.struct_size = sizeof answer};
    solid_bytes ids[3] = {serving_text("anna"), serving_text("ben"), serving_text("cold")};
    for (int i = 0; i < 3; i++) answers[i] = (solid_answer){.struct_size = sizeof answer};
    if (!session) query.n_session = 0;
    store.foreign = NULL;
    cr_assert_eq(solid_recommend(rec, ids[0], &query, one, &answer), SOLID_OK, "%s", solid_last_error());
    store.foreign = "ben";
    cr_assert_eq(solid_recommend_batch(rec, ids, 3, &query, out, answers), SOLID_OK, "%s", solid_last_error());
    cr_assert(answers[0].status == SOLID_OK && answers[2].status == SOLID_OK && answers[0].count == K);
    serving_same("anna", out, one, K);
    cr_assert_eq(answers[1].status, SOLID_EFORMAT);
    cr_assert_eq(answers[1].count, 0);
    for (int i = 0; i < K; i++) cr_assert_eq(out[K + i].item, SOLID_NO_ITEM);
    cr_assert_eq(solid_recommend(rec, ids[1], &query, one, NULL), SOLID_EFORMAT);
    cr_assert_eq(one[0].item, SOLID_NO_ITEM);
  }
  solid_recommender_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_recommender_get_stats(rec, &stats), SOLID_OK);
  cr_assert_eq(stats.set_aside, 4);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, static_head) {
  serving s = serving_open(SOLID_HEAD_STATIC, 55);
  push(&s, "anna", anna_items, 5);
  serving_append(&s, s.store, "ben", ben_items, 2);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = query_of(K);
  solid_answer answer = ask(rec, "anna", &query, out);
  expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  expect_ranking(&s, "warm", out, K, anna_items, 5, anna_items, 5, skip_items(anna_items, 5, NULL, 0));
  answer = ask(rec, "ben", &query, out);
  expect(&answer, SOLID_FROM_GENERATION, 2, 2, K);
  expect_ranking(&s, "cold", out, K, ben_items, 2, ben_items, 2, skip_items(ben_items, 2, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, allocates_nothing_in_the_steady_state) {
  serving s = serving_open(SOLID_HEAD_SOLID, 56);
  push(&s, "anna", anna_items, 4);
  solid_recommender *rec = recommender_of(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = query_of(K), session = query_of(K);
  session.session = ids_of(&s, session_items, 2);
  session.n_session = 2;
  size_t before = alloc_watch_count();
  cr_assert_gt(before, 0);
  ask(rec, "anna", &query, out);
  ask(rec, "anna", &session, out);
  ask(rec, "stranger", &query, out);
  ask(rec, "", &session, out);
  cr_assert_eq(alloc_watch_count(), before, "%zu allocations in the read path", alloc_watch_count() - before);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, survives_every_failing_allocation) {
  serving s = serving_open(SOLID_HEAD_SOLID, 57);
  size_t failures = 0;
  solid_recommender *rec = NULL;
  while (!rec) {
    alloc_watch_fail(++failures);
    solid_status status = solid_recommender_new(&rec, s.model, s.store, NULL);
    alloc_watch_fail(0);
    cr_assert(status == SOLID_ENOMEM || (status == SOLID_OK && rec), "%s", solid_status_name(status));
  }
  cr_assert_gt(failures, 4);
  solid_recommender_free(rec);
  serving_close(&s);
}
