/* Many users at once, stores and allocations that fail. */
#include "tests/solid/serve/asking.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/fault_store.h"
#include <criterion/criterion.h>
#include <math.h>

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
    asking_push(&s, "warm", anna_items, 5);
    asking_push(&s, "warm2", ben_items, 2);
    asking_push(&s, "stale", anna_items, 3);
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
  solid_recommender *rec = asking_recommender(&s, &counted.base, USERS), *single = asking_recommender(&s, twin, 1);
  cr_assert_eq(solid_recommend_batch(rec, ids, USERS, query, out, answers), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(counted.get.calls, 1);
  cr_assert_eq(counted.get.users, USERS - 1, "the anonymous one is not asked for");
  cr_assert_eq(counted.put_params.calls, 1);
  cr_assert_eq(counted.put_params.users, 2);
  for (int i = 0; i < USERS; i++) {
    answer = asking_answer(single, users[i], query, one);
    asking_expect(&answers[i], answer.source, answer.params_seq, answer.window_seq, answer.count);
    serving_same(users[i], out + i * K, one, answer.count);
  }
  solid_recommender_free(rec);
  solid_recommender_free(single);
  solid_store_close(twin);
  serving_close(&s);
}

Test(recommender, a_batch_is_its_users_one_by_one) {
  solid_query query = asking_query(K);
  judge_batch(&query);
}

Test(recommender, a_batch_with_a_session) {
  serving s = serving_open(SOLID_HEAD_SOLID, 53);
  solid_query query = asking_query(K);
  query.session = asking_ids(&s, session_items, 2);
  query.n_session = 2;
  judge_batch(&query);
  serving_close(&s);
}

Test(recommender, a_store_that_is_away) {
  serving s = serving_open(SOLID_HEAD_SOLID, 54);
  fault_store store;
  fault_store_wrap(&store, s.store);
  serving_append(&s, s.store, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, &store.base, 1);
  solid_scored out[K];
  solid_query query = asking_query(K);
  solid_recommender_stats stats = {.struct_size = sizeof stats};
  store.get.fail_in = 1;
  store.get.status = SOLID_EIO;
  cr_assert_eq(solid_recommend(rec, serving_text("anna"), &query, out, NULL), SOLID_EIO);

  store.put_params.fail_in = 1;
  store.put_params.status = SOLID_EFULL;
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  asking_judge(&s, "not put back", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, NULL, 0));
  answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_GENERATION, 5, 5, K);
  answer = asking_answer(rec, "anna", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
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
  asking_push(&s, "anna", anna_items, 5);
  asking_push(&s, "ben", ben_items, 2);
  serving_append(&s, s.store, "cold", ben_items, 2);
  solid_recommender *rec = asking_recommender(&s, &store.base, 3);
  solid_scored out[3 * K], one[K];
  solid_query query = asking_query(K);
  query.session = asking_ids(&s, session_items, 2);
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

/* What the store gives of ben has one element that is no finite number. */
static const solid_store_ops *sound_ops;
static float odd_value;
static size_t odd_at;

static solid_status get_odd(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                            solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  solid_status status = sound_ops->get(store, users, n, generation, windows, params, found, statuses);
  for (size_t i = 0; i < n && !status; i++)
    if (found[i] && users[i].size == 3) params[i].h[odd_at] = odd_value;
  return status;
}

/* However few items are asked for, and wherever it is: no answer for that user, and no list without the items that were
 * lost. */
Test(recommender, scores_that_are_no_numbers_are_an_error) {
  const float values[] = {INFINITY, -INFINITY, NAN};
  serving s = serving_open(SOLID_HEAD_SOLID, 59);
  solid_store_ops ops = *s.store->ops;
  asking_push(&s, "anna", anna_items, 5);
  asking_push(&s, "ben", ben_items, 2);
  sound_ops = s.store->ops;
  ops.get = get_odd;
  s.store->ops = &ops;
  solid_bytes ids[2] = {serving_text("anna"), serving_text("ben")};
  solid_recommender *rec = asking_recommender(&s, s.store, 2);
  solid_scored out[2 * K];
  for (odd_at = 0; odd_at < s.info.width; odd_at++)
    for (size_t i = 0; i < 3; i++)
      for (size_t k = 1; k <= K; k += K - 1) {
        solid_query query = asking_query(k);
        solid_answer answers[2] = {{.struct_size = sizeof *answers}, {.struct_size = sizeof *answers}};
        odd_value = values[i];
        cr_assert_eq(solid_recommend_batch(rec, ids, 2, &query, out, answers), SOLID_OK, "%s", solid_last_error());
        cr_assert(answers[0].status == SOLID_OK && answers[0].count == k);
        cr_assert_eq(answers[1].status, SOLID_ERANGE, "%s, %zu items, first %g", solid_status_name(answers[1].status),
                     answers[1].count, (double)out[k].score);
        cr_assert(answers[1].count == 0 && out[k].item == SOLID_NO_ITEM);
        cr_assert(strstr(solid_last_error(), "user ben"), "%s", solid_last_error());
      }
  s.store->ops = sound_ops;
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(recommender, allocates_nothing_in_the_steady_state) {
  serving s = serving_open(SOLID_HEAD_SOLID, 56);
  asking_push(&s, "anna", anna_items, 4);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_scored out[K];
  solid_query query = asking_query(K), session = asking_query(K);
  session.session = asking_ids(&s, session_items, 2);
  session.n_session = 2;
  size_t before = alloc_watch_count();
  cr_assert_gt(before, 0);
  asking_answer(rec, "anna", &query, out);
  asking_answer(rec, "anna", &session, out);
  asking_answer(rec, "stranger", &query, out);
  asking_answer(rec, "", &session, out);
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
