/* Users who are forgotten, by a call and by an event of the stream: what is stored, and what is answered. */
#include "solid/pipeline.h"
#include "solid/recommender.h"
#include "tests/solid/serve/asking.h"
#include "tests/support/fault_store.h"
#include <criterion/criterion.h>

static solid_pipeline *pipeline_over(const serving *s, solid_store *store) {
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, store, NULL), SOLID_OK, "%s", solid_last_error());
  return pipeline;
}

static solid_event wish(const serving *s, const char *user, uint64_t offset) {
  solid_event event = serving_event(s, user, 0, offset);
  event.item = (solid_bytes){"", 0};
  event.worth = SOLID_WORTH_FORGET;
  event.time_ms = 0; /* now */
  return event;
}

static void expect(solid_recommender *rec, const char *user, solid_source source, uint64_t seq) {
  solid_query query = asking_query(5);
  solid_scored out[5];
  solid_answer answer = {.struct_size = sizeof answer};
  cr_assert_eq(solid_recommend(rec, serving_text(user), &query, out, &answer), SOLID_OK, "%s", solid_last_error());
  cr_assert(answer.source == (uint32_t)source && answer.window_seq == seq, "%s: source %u, seq %lu", user,
            answer.source, (unsigned long)answer.window_seq);
}

Test(forget, an_answer_knows_nothing_of_the_user) {
  serving s = serving_open(SOLID_HEAD_SOLID, 51);
  const solid_bytes user = serving_text("anna");
  uint8_t had = 0;
  asking_push(&s, "anna", anna_items, 5);
  asking_push(&s, "ben", ben_items, 2);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  expect(rec, "anna", SOLID_FROM_CACHE, 5);
  cr_assert_eq(solid_forget(s.store, &user, 1, &had), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(had, 1);
  expect(rec, "anna", SOLID_FROM_POPULARITY, 0);
  expect(rec, "ben", SOLID_FROM_CACHE, 2);
  solid_recommender_free(rec);
  serving_close(&s);
}

/* In one batch: what stands before the wish is gone, what stands behind it is there, of this user alone; and the same
 * batch once more, or in two parts, changes nothing. */
Test(forget, an_event_forgets_what_stands_before_it) {
  serving s = serving_open(SOLID_HEAD_SOLID, 52);
  solid_pipeline *pipeline = pipeline_over(&s, s.store);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  const solid_event events[] = {serving_event(&s, "anna", 1, 10),
                                serving_event(&s, "ben", 2, 11),
                                serving_event(&s, "anna", 3, 12),
                                wish(&s, "anna", 13),
                                serving_event(&s, "anna", 4, 14),
                                serving_event(&s, "ben", 5, 15),
                                wish(&s, "carl", 16)};
  const size_t n = sizeof events / sizeof *events;
  solid_status verdicts[7];
  solid_pipeline_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_pipeline_push(pipeline, events, n, verdicts), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) cr_assert_eq(verdicts[i], SOLID_OK, "event %zu", i);
  for (size_t cut = 0; cut <= n; cut++) {
    expect(rec, "anna", SOLID_FROM_CACHE, 1);
    expect(rec, "ben", SOLID_FROM_CACHE, 2);
    expect(rec, "carl", SOLID_FROM_POPULARITY, 0);
    cr_assert_eq(solid_pipeline_push(pipeline, events, cut, verdicts), SOLID_OK);
    cr_assert_eq(solid_pipeline_push(pipeline, events + cut, n - cut, verdicts), SOLID_OK);
  }
  cr_assert_eq(solid_pipeline_get_stats(pipeline, &stats), SOLID_OK);
  cr_assert_eq(stats.applied, 3);
  cr_assert_eq(stats.forgotten, 2 * (n + 2));
  solid_recommender_free(rec);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

/* A store that is away, before it has forgotten and after: the batch comes again. */
Test(forget, a_store_that_fails_is_asked_again) {
  for (int after = 0; after < 2; after++) {
    serving s = serving_open(SOLID_HEAD_SOLID, 53);
    fault_store fault;
    fault_store_wrap(&fault, s.store);
    solid_pipeline *pipeline = pipeline_over(&s, &fault.base);
    solid_recommender *rec = asking_recommender(&s, s.store, 1);
    const solid_event events[] = {serving_event(&s, "anna", 1, 1), wish(&s, "anna", 2),
                                  serving_event(&s, "anna", 3, 3)};
    const solid_bytes user = serving_text("anna");
    fault.forget = (fault_slot){.fail_in = 1, .after = after, .status = SOLID_EIO};
    cr_assert_eq(solid_pipeline_push(pipeline, events, 3, NULL), SOLID_EIO);
    cr_assert_eq(solid_pipeline_push(pipeline, events, 3, NULL), SOLID_OK, "%s", solid_last_error());
    expect(rec, "anna", SOLID_FROM_CACHE, 1);
    fault.advance = (fault_slot){.fail_in = 1, .after = after, .status = SOLID_EIO};
    cr_assert_eq(solid_pipeline_push(pipeline, events, 3, NULL), SOLID_EIO);
    cr_assert_eq(solid_pipeline_push(pipeline, events, 3, NULL), SOLID_OK);
    expect(rec, "anna", SOLID_FROM_CACHE, 1);
    solid_store_ops cannot = *fault.base.ops;
    cannot.forget = NULL;
    fault.base.ops = &cannot;
    cr_assert_eq(solid_forget(&fault.base, &user, 1, NULL), SOLID_EINVAL);
    cr_assert_eq(solid_pipeline_push(pipeline, events, 3, NULL), SOLID_EUNSUPPORTED);
    solid_recommender_free(rec);
    solid_pipeline_free(pipeline);
    serving_close(&s);
  }
}

/* Parameters that were being made of a window while its user was forgotten are not stored. */
static solid_store *forgetful;
static const solid_store_ops *sound;

static solid_status forget_and_put(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                                   solid_status *statuses) {
  cr_assert_eq(solid_forget(forgetful, users, 1, NULL), SOLID_OK);
  return sound->put_params(store, users, params, n, statuses);
}

Test(forget, what_was_being_made_is_not_kept) {
  serving s = serving_open(SOLID_HEAD_SOLID, 54);
  solid_store_ops ops = *s.store->ops;
  forgetful = s.store, sound = s.store->ops;
  ops.put_params = forget_and_put;
  s.store->ops = &ops;
  solid_pipeline *pipeline = pipeline_over(&s, s.store);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  const solid_event event = serving_event(&s, "anna", 1, 1);
  cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  s.store->ops = sound;
  expect(rec, "anna", SOLID_FROM_POPULARITY, 0);
  solid_pipeline_free(pipeline);
  solid_recommender_free(rec);
  serving_close(&s);
}
