#include "tests/solid/serve/asking.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const uint32_t anna_items[] = {1, 7, 3, 9, 2}, ben_items[] = {4, 11}, session_items[] = {5, 8};

solid_recommender *asking_recommender(const serving *s, solid_store *store, size_t max_batch) {
  solid_recommender *rec = NULL;
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  options.max_batch = (uint32_t)max_batch;
  options.element = SOLID_F32;
  options.refresh_events = 0; /* what is cached is used, however old */
  cr_assert_eq(solid_recommender_new(&rec, s->model, store, &options), SOLID_OK, "%s", solid_last_error());
  return rec;
}

void asking_push(const serving *s, const char *user, const uint32_t *items, size_t n) {
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

solid_answer asking_answer(solid_recommender *rec, const char *user, const solid_query *query, solid_scored *out) {
  solid_answer answer = {.struct_size = sizeof answer};
  cr_assert_eq(solid_recommend(rec, serving_text(user), query, out, &answer), SOLID_OK, "%s", solid_last_error());
  return answer;
}

void asking_expect(const solid_answer *answer, solid_source source, uint64_t params_seq, uint64_t window_seq,
                   size_t count) {
  cr_assert_eq(answer->source, source, "source %s, wanted %s", solid_source_name(answer->source),
               solid_source_name(source));
  cr_assert_eq(answer->params_seq, params_seq, "params_seq %llu", (unsigned long long)answer->params_seq);
  cr_assert_eq(answer->window_seq, window_seq, "window_seq %llu", (unsigned long long)answer->window_seq);
  cr_assert_eq(answer->count, count, "%zu items, wanted %zu", answer->count, count);
}

const uint8_t *asking_skip(const uint32_t *items, size_t n, const uint32_t *more, size_t n_more) {
  static uint8_t skip[MOST_ITEMS];
  memset(skip, 0, sizeof skip);
  for (size_t i = 0; i < n; i++) skip[items[i]] = 1;
  for (size_t i = 0; i < n_more; i++) skip[more[i]] = 1;
  return skip;
}

void asking_judge(const serving *s, const char *what, const solid_scored *got, size_t k, const uint32_t *window,
                  size_t n, const uint32_t *of, size_t n_of, const uint8_t *skip) {
  float *u = calloc(s->info.width, sizeof *u);
  solid_scored *want = calloc(k, sizeof *want);
  serving_vector(s, window, n, of, n_of, u);
  cr_assert_eq(serving_rank(s, u, skip, k, want), k, "%s", what);
  serving_same(what, got, want, k);
  free(u), free(want);
}

solid_query asking_query(uint32_t k) {
  solid_query query = SOLID_QUERY_INIT;
  query.k = k;
  return query;
}

const solid_bytes *asking_ids(const serving *s, const uint32_t *items, size_t n) {
  static solid_bytes ids[64];
  for (size_t i = 0; i < n; i++) ids[i] = solid_model_item_id(s->model, items[i]);
  return ids;
}
