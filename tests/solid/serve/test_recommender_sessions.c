/* What a visitor did in this session, known or not. */
#include "tests/solid/serve/asking.h"
#include <criterion/criterion.h>

Test(recommender, session_of_an_anonymous_visitor) {
  serving s = serving_open(SOLID_HEAD_SOLID, 43);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = asking_query(K);
  query.session = asking_ids(&s, session_items, 2);
  query.n_session = 2;
  solid_answer answer = asking_answer(rec, "", &query, out);
  asking_expect(&answer, SOLID_FROM_SESSION, 0, 0, K);
  const uint8_t *skip = asking_skip(session_items, 2, NULL, 0);
  asking_judge(&s, "session", out, K, session_items, 2, session_items, 2, skip);
  answer = asking_answer(rec, "stranger", &query, out);
  asking_expect(&answer, SOLID_FROM_SESSION, 0, 0, K);
  asking_judge(&s, "session of a stranger", out, K, session_items, 2, session_items, 2, skip);

  solid_bytes ids[4] = {serving_text("?"), query.session[0], serving_text("no such item"), query.session[1]};
  query.session = ids;
  query.n_session = 4;
  answer = asking_answer(rec, "", &query, out);
  asking_expect(&answer, SOLID_FROM_SESSION, 0, 0, K);
  asking_judge(&s, "unknown ids are skipped", out, K, session_items, 2, session_items, 2, skip);
  query.n_session = 1;
  answer = asking_answer(rec, "", &query, out);
  asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 0, K);
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, session_longer_than_the_window) {
  serving s = serving_open(SOLID_HEAD_SOLID, 44);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  uint32_t L = s.info.window, n = L + 3, items[64];
  cr_assert_leq(n, 64);
  for (uint32_t i = 0; i < n; i++) items[i] = (5 * i + 1) % s.info.items;
  solid_scored out[K];
  solid_query query = asking_query(K);
  query.session = asking_ids(&s, items, n);
  query.n_session = n;
  asking_answer(rec, "", &query, out);
  asking_judge(&s, "all are seen, the newest are read", out, K, items + 3, L, items + 3, L,
               asking_skip(items, n, NULL, 0));
  asking_push(&s, "anna", anna_items, 5);
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE_FRESH, 5, 5, K);
  asking_judge(&s, "no room for stored items", out, K, items + 3, L, anna_items, 5,
               asking_skip(items, n, anna_items, 5));
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, session_on_top_of_what_is_stored) {
  serving s = serving_open(SOLID_HEAD_SOLID, 45);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  const uint32_t all[] = {1, 7, 3, 9, 2, 5, 8};
  solid_scored out[K];
  solid_query query = asking_query(K);
  query.session = asking_ids(&s, session_items, 2);
  query.n_session = 2;
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE_FRESH, 5, 5, K);
  asking_judge(&s, "stored and session", out, K, all, 7, anna_items, 5, asking_skip(all, 7, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}
