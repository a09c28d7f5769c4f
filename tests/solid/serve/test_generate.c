/* When parameters are made: the rule, the pipeline and the question under it. */
#include "solid/generate.h"
#include "solid/pipeline.h"
#include "solid/recommender.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static solid_generate read_rule(const char *text) {
  solid_generate how;
  cr_assert_eq(solid_generate_read(&how, text), SOLID_OK, "%s: %s", text, solid_last_error());
  return how;
}

Test(generate, texts_are_read_and_others_are_named) {
  const struct {
    const char *text;
    uint32_t mode;
    uint64_t every;
  } good[] = {{"eager", SOLID_GENERATE_EAGER, 0},
              {"lazy", SOLID_GENERATE_LAZY, 0},
              {"every:1", SOLID_GENERATE_EVENTS, 1},
              {"every:20", SOLID_GENERATE_EVENTS, 20},
              {"every:30s", SOLID_GENERATE_TIME, 30000}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    solid_generate how = read_rule(good[i].text);
    cr_assert(how.mode == good[i].mode && how.every == good[i].every, "%s", good[i].text);
  }
  const char *const bad[] = {"",         "Eager",    "every",     "every:",    "every:0", "every:-1",         "every:s",
                             "every:0s", "every:1m", "every:1.5", "every:1 s", "lazy ",   "every:99999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    solid_generate how;
    cr_assert_eq(solid_generate_read(&how, bad[i]), SOLID_EINVAL, "%s was taken", bad[i]);
    cr_assert(strstr(solid_last_error(), "every:N"));
  }
}

Test(generate, who_is_due_follows_from_what_is_stored) {
  const struct {
    const char *rule;
    uint64_t seq, params_generation, params_seq;
    int64_t age_ms;
    int due;
  } cases[] = {
      {"eager", 5, 0, 0, 0, 1},         {"eager", 5, 7, 5, 0, 0},         {"eager", 5, 7, 4, 0, 1},
      {"eager", 5, 8, 5, 0, 1},         {"eager", 2, 7, 5, 0, 1},         {"lazy", 5, 0, 0, 0, 0},
      {"lazy", 5, 7, 1, 1000000, 0},    {"every:3", 1, 0, 0, 0, 1},       {"every:3", 5, 7, 3, 0, 0},
      {"every:3", 6, 7, 3, 0, 1},       {"every:3", 5, 8, 5, 0, 1},       {"every:10s", 5, 7, 4, 9999, 0},
      {"every:10s", 5, 7, 4, 10000, 1}, {"every:10s", 5, 7, 5, 99999, 0}, {"every:10s", 5, 0, 0, 0, 1},
      {"every:10s", 2, 7, 5, 0, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    solid_generate how = read_rule(cases[i].rule);
    solid_window window = {.seq = cases[i].seq,
                           .params_generation = cases[i].params_generation,
                           .params_seq = cases[i].params_seq,
                           .params_ms = 1700000000000 - cases[i].age_ms};
    cr_assert_eq(solid_generate_is_due(&how, &window, 7, 1700000000000), cases[i].due, "case %zu: %s", i,
                 cases[i].rule);
  }
}

/* One event a batch; the pipeline is made anew before each, as after a restart. Returns how many params were made. */
static uint64_t push_all(const serving *s, const char *rule, size_t n) {
  uint64_t made = 0;
  for (size_t i = 0; i < n; i++) {
    solid_pipeline *pipeline = NULL;
    solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
    solid_pipeline_stats stats = {.struct_size = sizeof stats};
    options.generate = read_rule(rule);
    options.element = SOLID_F32;
    cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, &options), SOLID_OK, "%s", solid_last_error());
    solid_event event = serving_event(s, "anna", (uint32_t)i * 3 % 40, i + 1);
    cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(solid_pipeline_get_stats(pipeline, &stats), SOLID_OK);
    made += stats.generated;
    solid_pipeline_free(pipeline);
  }
  return made;
}

Test(generate, the_pipeline_makes_what_the_mode_says_whoever_runs_it) {
  const struct {
    const char *rule;
    uint64_t made; /* of 10 events */
  } cases[] = {{"eager", 10}, {"lazy", 0}, {"every:1", 10}, {"every:4", 3}, {"every:100", 1}, {"every:3600s", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    serving s = serving_open(SOLID_HEAD_SOLID, 1);
    uint64_t made = push_all(&s, cases[i].rule, 10);
    cr_assert_eq(made, cases[i].made, "%s: %lu params of 10 events", cases[i].rule, made);
    serving_close(&s);
  }
}

Test(generate, a_replay_makes_only_what_was_not_made) {
  serving s = serving_open(SOLID_HEAD_SOLID, 1);
  cr_assert_eq(push_all(&s, "eager", 4), 4);
  cr_assert_eq(push_all(&s, "eager", 4), 0, "all of it was there");
  serving_close(&s);
  s = serving_open(SOLID_HEAD_SOLID, 1);
  cr_assert_eq(push_all(&s, "lazy", 4), 0);
  cr_assert_eq(push_all(&s, "eager", 4), 1, "the first batch repairs, the others find it done");
  serving_close(&s);
}

static solid_answer ask(const serving *s, uint64_t refresh_events, int64_t refresh_ms, solid_scored best[5]) {
  solid_recommender *rec = NULL;
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = SOLID_QUERY_INIT;
  query.k = 5;
  options.element = SOLID_F32;
  options.refresh_events = refresh_events;
  options.refresh_ms = refresh_ms;
  cr_assert_eq(solid_recommender_new(&rec, s->model, s->store, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_recommend(rec, serving_text("anna"), &query, best, &answer), SOLID_OK, "%s", solid_last_error());
  solid_recommender_free(rec);
  return answer;
}

/* Parameters at the first of five events. */
static serving old_params(void) {
  serving s = serving_open(SOLID_HEAD_SOLID, 1);
  cr_assert_eq(push_all(&s, "every:100", 5), 1);
  return s;
}

Test(generate, a_question_makes_old_parameters_anew_and_puts_them_back) {
  solid_scored best[5], again[5], fresh[5];
  serving s = old_params();
  solid_answer answer = ask(&s, 5, 0, best);
  cr_assert_eq(answer.source, SOLID_FROM_CACHE_FRESH, "four events are not five");
  cr_assert(answer.params_seq == 1 && answer.window_seq == 5);
  answer = ask(&s, 0, 0, best);
  cr_assert_eq(answer.source, SOLID_FROM_CACHE_FRESH, "0 = never");
  answer = ask(&s, 4, 0, best);
  cr_assert_eq(answer.source, SOLID_FROM_GENERATION);
  cr_assert_eq(answer.params_seq, 5);
  answer = ask(&s, 4, 0, again);
  cr_assert_eq(answer.source, SOLID_FROM_CACHE, "they were put back");
  serving_same("cached", again, best, 5);
  serving eager = serving_open(SOLID_HEAD_SOLID, 1);
  cr_assert_geq(push_all(&eager, "eager", 5), 1);
  ask(&eager, 0, 0, fresh);
  serving_same("as eager ones", best, fresh, 5);
  serving_close(&eager);
  serving_close(&s);
}

/* The same parameters, as if they had been stored at `made_ms`. */
static void store_at(const serving *s, int64_t made_ms) {
  solid_bytes user = serving_text("anna");
  solid_params params = {.h = calloc(s->info.width, sizeof(float)),
                         .values = calloc(s->info.params, sizeof(float)),
                         .width = s->info.width,
                         .count = s->info.params};
  solid_window window = {.steps = calloc(s->info.window, sizeof *window.steps)};
  uint8_t found = 0;
  solid_status of_user = SOLID_OK;
  const solid_store_ops *ops = s->store->ops;
  cr_assert_eq(ops->get(s->store, &user, 1, s->info.generation, &window, &params, &found, &of_user), SOLID_OK);
  cr_assert_eq(found, 1);
  params.made_ms = made_ms;
  cr_assert_eq(ops->put_params(s->store, &user, &params, 1, &of_user), SOLID_OK, "%s", solid_last_error());
  free(params.h);
  free(params.values);
  free(window.steps);
}

Test(generate, a_question_goes_by_time_where_told_to) {
  solid_scored best[5];
  serving s = old_params();
  cr_assert_eq(ask(&s, 0, 3600000, best).source, SOLID_FROM_CACHE_FRESH, "they are of this hour");
  store_at(&s, 1); /* of 1970 */
  cr_assert_eq(ask(&s, 0, 3600000, best).source, SOLID_FROM_GENERATION);
  store_at(&s, 1);
  cr_assert_eq(ask(&s, 0, 3600000, best).source, SOLID_FROM_CACHE, "the window has not moved");
  serving_close(&s);
}

Test(generate, by_default_a_question_wants_parameters_of_the_newest_event) {
  solid_scored best[5];
  serving s = old_params();
  solid_recommender_options options = solid_recommender_options_default();
  cr_assert_eq(ask(&s, options.refresh_events, options.refresh_ms, best).source, SOLID_FROM_GENERATION);
  serving_close(&s);
}
