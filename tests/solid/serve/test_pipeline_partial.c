/* A batch of which a part fails: the verdicts say what became of every event, whatever the call returns. */
#include "solid/pipeline.h"
#include "tests/support/fault_store.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <string.h>

enum { EVENTS = 5 };

typedef struct stage {
  serving s;
  fault_store store;
  solid_pipeline *pipeline;
  solid_event events[EVENTS]; /* of anna, ben, anna, cleo, dan */
  solid_status verdicts[EVENTS];
} stage;

static void set_up(stage *g, uint32_t max_batch) {
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  g->s = serving_open(SOLID_HEAD_SOLID, 31);
  fault_store_wrap(&g->store, g->s.store);
  options.max_batch = max_batch;
  cr_assert_eq(solid_pipeline_new(&g->pipeline, g->s.model, &g->store.base, &options), SOLID_OK);
  const char *users[EVENTS] = {"anna", "ben", "anna", "cleo", "dan"};
  for (uint32_t i = 0; i < EVENTS; i++) {
    g->events[i] = serving_event(&g->s, users[i], i + 1, (int)i);
    g->events[i].position = (solid_position){0, 0};
    g->verdicts[i] = 1;
  }
}

static void take_down(stage *g) {
  solid_pipeline_free(g->pipeline);
  serving_close(&g->s);
}

static solid_status push(stage *g) {
  return solid_pipeline_push(g->pipeline, g->events, EVENTS, g->verdicts);
}

static void judge(const stage *g, const solid_status *want) {
  for (int i = 0; i < EVENTS; i++)
    cr_expect_eq(g->verdicts[i], want[i], "event %d: %s, wanted %s", i, solid_status_name(g->verdicts[i]),
                 solid_status_name(want[i]));
}

/* How many events of the user the store has applied. */
static uint64_t seq_of(stage *g, const char *user) {
  solid_step steps[64];
  solid_window window = {.steps = steps};
  solid_status of_user;
  const solid_append only_read = {.user = serving_text(user)};
  cr_assert_leq(g->s.store->window, 64);
  cr_assert_eq(g->s.store->ops->advance(g->s.store, &only_read, 1, &window, NULL, &of_user), SOLID_OK);
  return window.seq;
}

static uint64_t applied(const stage *g) {
  solid_pipeline_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_pipeline_get_stats(g->pipeline, &stats), SOLID_OK);
  return stats.applied;
}

/* The call fails, since who commits must stop; everybody else's events are stored, in this sub-batch and in later ones.
 */
Test(pipeline_partial, a_newer_record_stops_nobody_else) {
  const solid_status want[EVENTS] = {SOLID_OK, SOLID_EUNSUPPORTED, SOLID_OK, SOLID_OK, SOLID_OK};
  for (uint32_t max_batch = 1; max_batch <= 4; max_batch++) {
    stage g;
    set_up(&g, max_batch);
    g.store.newer = "ben";
    g.store.foreign = "nobody";
    cr_assert_eq(push(&g), SOLID_EUNSUPPORTED);
    cr_expect(strstr(solid_last_error(), "ben is newer"), "%s", solid_last_error());
    judge(&g, want);
    cr_expect(seq_of(&g, "anna") == 2 && seq_of(&g, "cleo") == 1 && seq_of(&g, "dan") == 1);
    cr_expect_eq(applied(&g), 4);
    take_down(&g);
  }
}

/* What came before the failure is stored, of what was asked for and not answered nobody knows, the rest is not stored.
 * A store that did it and says so is believed, whatever the call returns. */
Test(pipeline_partial, a_store_that_goes_in_the_middle) {
  const solid_status before[EVENTS] = {SOLID_OK, SOLID_EUNKNOWN, SOLID_OK, SOLID_ETIMEDOUT, SOLID_ETIMEDOUT};
  const solid_status after[EVENTS] = {SOLID_OK, SOLID_OK, SOLID_OK, SOLID_ETIMEDOUT, SOLID_ETIMEDOUT};
  for (int is_done = 0; is_done < 2; is_done++) {
    stage g;
    set_up(&g, 1);
    g.store.advance = (fault_slot){.fail_in = 2, .after = is_done, .status = SOLID_ETIMEDOUT};
    cr_assert_eq(push(&g), SOLID_ETIMEDOUT);
    judge(&g, is_done ? after : before);
    cr_expect_eq(seq_of(&g, "anna"), 2);
    cr_expect_eq(seq_of(&g, "ben"), is_done ? 1 : 0);
    cr_expect_eq(seq_of(&g, "cleo"), 0);
    cr_expect_eq(applied(&g), is_done ? 3 : 2);
    take_down(&g);
  }
}

/* The events are stored when their parameters cannot be. */
Test(pipeline_partial, parameters_that_are_not_stored) {
  const solid_status want[EVENTS] = {SOLID_OK, SOLID_OK, SOLID_OK, SOLID_OK, SOLID_OK};
  stage g;
  set_up(&g, 8);
  g.store.put_params = (fault_slot){.fail_in = 1, .status = SOLID_EIO};
  cr_assert_eq(push(&g), SOLID_EIO);
  judge(&g, want);
  cr_expect_eq(seq_of(&g, "dan"), 1);
  take_down(&g);
}

/* A later version may write a user's record between the two calls; it has the events then. */
Test(pipeline_partial, a_record_that_becomes_newer_behind_its_events) {
  const solid_status want[EVENTS] = {SOLID_OK, SOLID_OK, SOLID_OK, SOLID_OK, SOLID_OK};
  stage g;
  set_up(&g, 8);
  g.store.newer_params = "ben";
  cr_assert_eq(push(&g), SOLID_EUNSUPPORTED, "who commits behind the batch has to stop");
  cr_expect(strstr(solid_last_error(), "ben is newer"), "%s", solid_last_error());
  judge(&g, want);
  cr_expect_eq(seq_of(&g, "ben"), 1);
  cr_expect_eq(applied(&g), 5);
  take_down(&g);
}

/* Those who are forgotten come first: nothing is appended where that fails. What came before such an event has its
 * verdict: sent again by itself, it would be there behind the forgetting. */
Test(pipeline_partial, a_forgetting_that_fails) {
  const solid_status away[EVENTS] = {SOLID_EUNKNOWN, SOLID_EIO, SOLID_EUNKNOWN, SOLID_EIO, SOLID_EIO};
  const solid_status newer[EVENTS] = {SOLID_EUNSUPPORTED, SOLID_OK, SOLID_EUNSUPPORTED, SOLID_OK, SOLID_OK};
  stage g;
  set_up(&g, 8);
  g.events[2].worth = SOLID_WORTH_FORGET;
  g.store.forget = (fault_slot){.fail_in = 1, .status = SOLID_EIO};
  cr_assert_eq(push(&g), SOLID_EIO);
  judge(&g, away);
  cr_expect_eq(applied(&g), 0);
  g.store.newer = "anna";
  cr_assert_eq(push(&g), SOLID_EUNSUPPORTED);
  cr_expect(strstr(solid_last_error(), "anna is newer"), "%s", solid_last_error());
  judge(&g, newer);
  cr_expect(seq_of(&g, "ben") == 1 && seq_of(&g, "cleo") == 1 && seq_of(&g, "dan") == 1);
  take_down(&g);
}
