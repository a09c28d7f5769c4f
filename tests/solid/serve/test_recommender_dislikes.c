/* What a user does not want goes the whole way: event, pipeline, record, answer. */
#include "solid/pipeline.h"
#include "tests/solid/serve/asking.h"
#include <criterion/criterion.h>

static void push_one(const serving *s, const char *user, uint32_t item, uint64_t offset, solid_worth worth) {
  solid_pipeline *pipeline = NULL;
  solid_event event = serving_event(s, user, item, offset);
  solid_status verdict;
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  options.element = SOLID_F32; /* so that answers are the model's to the bit */
  event.worth = worth;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(verdict, SOLID_OK);
  solid_pipeline_free(pipeline);
}

/* The best items are disliked one by one, and never come again, also where seen ones may; the window stays as it was.
 */
Test(recommender, what_is_disliked_is_left_out) {
  serving s = serving_open(SOLID_HEAD_SOLID, 48);
  asking_push(&s, "anna", anna_items, 5);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_query query = asking_query(K);
  solid_scored best[K], out[K];
  asking_answer(rec, "anna", &query, best);
  uint32_t top[3] = {best[0].item, best[2].item, best[5].item};
  for (size_t i = 0; i < 3; i++) {
    push_one(&s, "anna", top[i], 1000 + i, SOLID_WORTH_DISLIKE);
    push_one(&s, "anna", best[1].item, 2000 + i, SOLID_WORTH_NOTHING);
    solid_answer answer = asking_answer(rec, "anna", &query, out);
    asking_expect(&answer, SOLID_FROM_CACHE, 5, 5, K);
    asking_judge(&s, "disliked", out, K, anna_items, 5, anna_items, 5, asking_skip(anna_items, 5, top, i + 1));
  }
  query.exclude_seen = 0;
  asking_answer(rec, "anna", &query, out);
  asking_judge(&s, "disliked", out, K, anna_items, 5, anna_items, 5, asking_skip(top, 3, NULL, 0));
  asking_push(&s, "ben", ben_items, 2);
  asking_answer(rec, "ben", &query, out);
  asking_judge(&s, "of another", out, K, ben_items, 2, ben_items, 2, NULL);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* A user of whom nothing else is known: what is popular, without it. */
Test(recommender, dislikes_alone_thin_out_what_is_popular) {
  serving s = serving_open(SOLID_HEAD_SOLID, 49);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_query query = asking_query(K);
  solid_scored popular[K], out[K];
  asking_answer(rec, "cora", &query, popular);
  push_one(&s, "cora", popular[0].item, 1, SOLID_WORTH_DISLIKE);
  push_one(&s, "cora", popular[3].item, 2, SOLID_WORTH_DISLIKE);
  solid_answer answer = asking_answer(rec, "cora", &query, out);
  asking_expect(&answer, SOLID_FROM_POPULARITY, 0, 0, K);
  const uint32_t left[] = {1, 2, 4, 5};
  for (size_t i = 0; i < 4; i++) cr_assert_eq(out[i].item, popular[left[i]].item, "place %zu", i);
  push_one(&s, "cora", popular[3].item, 3, SOLID_WORTH_STEP);
  query.exclude_seen = 0;
  answer = asking_answer(rec, "cora", &query, out);
  asking_expect(&answer, SOLID_FROM_CACHE, 1, 1, K);
  asking_judge(&s, "taken back", out, K, &popular[3].item, 1, &popular[3].item, 1,
               asking_skip(&popular[0].item, 1, NULL, 0));
  solid_recommender_free(rec);
  serving_close(&s);
}
