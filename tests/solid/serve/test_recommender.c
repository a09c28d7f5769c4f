/* Where an answer comes from: stored parameters, a newer window, generation, popularity. */
#include "solid/model/model_parts.h"
#include "tests/solid/serve/asking.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(recommender, warm_cache_is_the_model_run_directly) {
  serving s = serving_open(SOLID_HEAD_SOLID, 40);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = asking_query(K);
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  asking_judge(&s, "warm", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, the_newest_click_counts_at_once) {
  serving s = serving_open(SOLID_HEAD_SOLID, 41);
  asking_push(&s, "anna", anna_items, 4);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored before[K], after[K], generated[K];
  solid_query query = asking_query(K);
  asking_answer(rec, "anna", &query, before);
  cr_assert_eq(serving_append(&s, s.store, "anna", anna_items + 4, 1), 5);
  solid_answer answer = asking_answer(rec, "anna", &query, after);
  asking_expect(&answer, SOLID_FROM_CACHE_FRESH, 4, 5, K);
  asking_judge(&s, "fresh", after, K, anna_items, 5, anna_items, 4, asking_skip(anna_items, 5, NULL, 0));
  cr_assert_neq(memcmp(before, after, sizeof before), 0, "the click changed nothing");

  asking_push(&s, "anna", anna_items, 1); /* now the parameters have caught up, with one more click */
  answer = asking_answer(rec, "anna", &query, generated);
  asking_expect(&answer, SOLID_FROM_CACHE, 6, 6, K);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* The stored state gives what encoding the same window now gives. */
Test(recommender, the_shortcut_gives_the_same_numbers) {
  serving s = serving_open(SOLID_HEAD_SOLID, 42);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  uint32_t V = s.info.items;
  solid_scored *shortcut = calloc(V, sizeof *shortcut), *encoded = calloc(V, sizeof *encoded);
  solid_query query = asking_query(V);
  query.exclude_seen = 0;
  solid_answer answer = asking_answer(rec, "anna", &query, shortcut);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, V);

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
  solid_recommender *slow = asking_recommender(&s, older, 1);
  answer = asking_answer(slow, "anna", &query, encoded);
  asking_expect(&answer, SOLID_FROM_CACHE_FRESH, 4, 5, V);
  serving_same("shortcut", shortcut, encoded, V);
  solid_recommender_free(slow);
  solid_recommender_free(rec);
  solid_store_close(older);
  free(shortcut), free(encoded), free(steps), free(params.h), free(params.values);
  serving_close(&s);
}

Test(recommender, cold_is_generated_put_back_and_then_warm) {
  serving s = serving_open(SOLID_HEAD_SOLID, 46);
  serving_append(&s, s.store, "anna", anna_items, 5);
  serving_append(&s, s.store, "ben", ben_items, 2);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored cold[K], warm[K];
  solid_query query = asking_query(K);
  solid_answer answer = asking_answer(rec, "anna", &query, cold);
  asking_expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  asking_judge(&s, "cold", cold, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  answer = asking_answer(rec, "anna", &query, warm);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  cr_assert_eq(memcmp(cold, warm, sizeof cold), 0, "cold and warm differ");

  const uint32_t all[] = {4, 11, 5, 8};
  query.session = asking_ids(&s, session_items, 2);
  query.n_session = 2;
  answer = asking_answer(rec, "ben", &query, cold);
  asking_expect(&answer, SOLID_FROM_GENERATION, 2, 2, K);
  asking_judge(&s, "cold with a session", cold, K, all, 4, ben_items, 2, asking_skip(all, 4, NULL, 0));
  answer = asking_answer(rec, "ben", &query, warm);
  asking_expect(&answer, SOLID_FROM_CACHE_FRESH, 2, 2, K);
  cr_assert_eq(memcmp(cold, warm, sizeof cold), 0, "cold and warm differ with a session");
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, parameters_of_another_model_are_a_miss) {
  serving s = serving_open(SOLID_HEAD_SOLID, 47), other = serving_open(SOLID_HEAD_SOLID, 147);
  cr_assert_neq(s.info.generation, other.info.generation);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1), *next = asking_recommender(&other, s.store, 1);
  solid_scored out[K];
  solid_query query = asking_query(K);
  solid_answer answer = asking_answer(next, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  asking_judge(&other, "new model", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  answer = asking_answer(next, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  asking_judge(&s, "old model", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  solid_recommender_free(rec);
  solid_recommender_free(next);
  serving_close(&other);
  serving_close(&s);
}

Test(recommender, popularity_for_the_unknown) {
  serving s = serving_open(SOLID_HEAD_SOLID, 50);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  const float *popularity = sol_model_popularity(s.model);
  uint32_t V = s.info.items;
  solid_scored *out = calloc(V, sizeof *out);
  solid_query query = asking_query(V);
  solid_answer answer = asking_answer(rec, "stranger", &query, out);
  asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 0, V);
  for (uint32_t i = 0; i < V; i++) {
    cr_assert_eq(out[i].score, popularity[out[i].item]);
    if (i)
      cr_assert(out[i - 1].score > out[i].score || (out[i - 1].score == out[i].score && out[i - 1].item < out[i].item));
  }
  uint32_t first = out[0].item, second = out[1].item;
  solid_bytes blocked = solid_model_item_id(s.model, first);
  query = asking_query(1);
  query.blocked = &blocked;
  query.n_blocked = 1;
  answer = asking_answer(rec, "", &query, out);
  asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 0, 1);
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
  solid_append append = {.user = serving_text("anna"), .steps = &step, .positions = &position, .count = 1};
  solid_window window = {.steps = room};
  cr_assert_eq(s.store->ops->advance(s.store, &append, 1, &window, NULL, &of_user), SOLID_OK);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = asking_query(K);
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 1, K);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, static_head) {
  serving s = serving_open(SOLID_HEAD_STATIC, 55);
  asking_push(&s, "anna", anna_items, 5);
  serving_append(&s, s.store, "ben", ben_items, 2);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = asking_query(K);
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
  asking_judge(&s, "warm", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  answer = asking_answer(rec, "ben", &query, out);
  asking_expect(&answer, SOLID_FROM_GENERATION, 2, 2, K);
  asking_judge(&s, "cold", out, K, ben_items, 2, ben_items, 2, asking_skip(ben_items, 2, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}
