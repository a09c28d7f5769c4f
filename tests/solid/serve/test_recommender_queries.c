/* What is asked for: filters, categories, and questions that are refused. */
#include "tests/solid/serve/asking.h"
#include "tests/support/fault_store.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

Test(recommender, filters_come_before_the_cut) {
  serving s = serving_open(SOLID_HEAD_SOLID, 48);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  uint32_t V = s.info.items;
  solid_scored *out = calloc(V, sizeof *out), best[K];
  solid_query query = asking_query(K);
  asking_answer(rec, "anna", &query, best);

  uint32_t top[3] = {best[0].item, best[1].item, best[4].item};
  solid_bytes blocked[4] = {serving_text("no such item")};
  memcpy(blocked + 1, asking_ids(&s, top, 3), 3 * sizeof *blocked);
  query.blocked = blocked;
  query.n_blocked = 4;
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  cr_assert_eq(answer.count, K, "blocking leaves k items");
  asking_judge(&s, "blocked", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, top, 3));

  query = asking_query(V);
  query.exclude_seen = 0;
  answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, V);
  asking_judge(&s, "seen", out, V, anna_items, 5, anna_items, 5, NULL);
  query.exclude_seen = 1;
  answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, V - 5);
  asking_judge(&s, "unseen", out, V - 5, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  for (uint32_t i = V - 5; i < V; i++) cr_assert(out[i].item == SOLID_NO_ITEM && out[i].score == -INFINITY);
  free(out);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, a_category_gives_its_own_best) {
  serving s = serving_open(SOLID_HEAD_SOLID, 49);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  cr_assert_gt(s.info.categories, 1);
  solid_scored *out = calloc(s.info.items, sizeof *out);
  for (uint32_t c = 0; c < s.info.categories; c++) {
    const uint32_t *items;
    size_t n;
    cr_assert_eq(solid_model_category_items(s.model, c, &items, &n), SOLID_OK);
    static uint8_t skip[MOST_ITEMS];
    memset(skip, 1, sizeof skip);
    for (size_t i = 0; i < n; i++) skip[items[i]] = 0;
    solid_query query = asking_query(s.info.items);
    query.category = solid_model_category_name(s.model, c);
    query.exclude_seen = 0;
    solid_answer answer = asking_answer(rec, "anna", &query, out);
    asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, n);
    if (n) asking_judge(&s, "category", out, n, anna_items, 5, anna_items, 5, skip);
    query.k = 1;
    answer = asking_answer(rec, "anna", &query, out);
    if (n) asking_judge(&s, "its best", out, 1, anna_items, 5, anna_items, 5, skip);
    answer = asking_answer(rec, "stranger", &query, out);
    asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 0, n ? 1 : 0);
    if (n) cr_assert_eq(skip[out[0].item], 0, "popularity minds the category");
  }
  solid_query query = asking_query(3);
  query.category = serving_text("no such category");
  cr_assert_eq(solid_recommend(rec, serving_text("anna"), &query, out, NULL), SOLID_ENOTFOUND);
  cr_assert_neq(strstr(solid_last_error(), "no such category"), NULL, "%s", solid_last_error());
  free(out);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* Alone, within a category, less what is blocked, and none at all; those that the model does not know are ignored. */
Test(recommender, only_what_is_allowed) {
  enum { FIRST = 6, ALLOWED = 14 };
  serving s = serving_open(SOLID_HEAD_SOLID, 54);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored *out = calloc(s.info.items, sizeof *out);
  solid_bytes ids[ALLOWED + 1];
  for (uint32_t i = 0; i < ALLOWED; i++) ids[i] = solid_model_item_id(s.model, FIRST + i);
  ids[ALLOWED] = serving_text("no such item");
  for (int round = 0; round < 4; round++) {
    static uint8_t skip[MOST_ITEMS];
    size_t left = 0;
    solid_query query = asking_query(s.info.items);
    query.exclude_seen = 0, query.only_allowed = 1, query.allowed = ids, query.n_allowed = round == 3 ? 0 : ALLOWED + 1;
    if (round > 0) query.category = serving_text("third");
    if (round > 1) query.blocked = ids, query.n_blocked = 5;
    for (uint32_t v = 0; v < s.info.items; v++) {
      skip[v] = v < FIRST || v >= FIRST + ALLOWED || (round > 0 && v % 3) || (round > 1 && v < FIRST + 5) || round == 3;
      left += !skip[v];
    }
    solid_answer answer = asking_answer(rec, "anna", &query, out);
    asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, left);
    if (left) asking_judge(&s, "allowed", out, left, anna_items, 5, anna_items, 5, skip);
    answer = asking_answer(rec, "stranger", &query, out);
    asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 0, left);
    for (size_t i = 0; i < left; i++) cr_assert_eq(skip[out[i].item], 0, "popularity minds what is allowed");
  }
  free(out);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, refuses_a_store_and_options_that_do_not_fit) {
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
  options = solid_recommender_options_default();
  options.refresh_ms = -1;
  cr_assert_eq(solid_recommender_new(&rec, s.model, s.store, &options), SOLID_EINVAL);
  options.struct_size++;
  cr_assert_eq(solid_recommender_new(&rec, s.model, s.store, &options), SOLID_EINVAL);
  cr_assert_null(rec);
  serving_close(&s);
}

Test(recommender, refuses_bad_queries) {
  serving s = serving_open(SOLID_HEAD_SOLID, 52);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  char id[256];
  memset(id, 'u', sizeof id);
  solid_scored out[K];
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = asking_query(K);
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
  query = asking_query(K);
  query.n_session = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  const solid_bytes hollow = {NULL, 4};
  query.session = &hollow;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = asking_query(K);
  query.blocked = &hollow;
  query.n_blocked = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = asking_query(K);
  query.allowed = &hollow, query.n_allowed = 1; /* not read where all are allowed */
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_OK);
  query.only_allowed = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query.allowed = NULL;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = asking_query(K);
  query.struct_size = 1;
  cr_assert_eq(solid_recommend(rec, serving_text("a"), &query, out, &answer), SOLID_EINVAL);
  query = asking_query(K);
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
  asking_push(&s, "warm", anna_items, 5);
  asking_push(&s, "warm2", ben_items, 2);
  solid_recommender *rec = asking_recommender(&s, s.store, 2);
  const solid_bytes ids[2] = {serving_text("warm"), serving_text("warm2")};
  solid_query query = asking_query(K), old = asking_query(K);
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
