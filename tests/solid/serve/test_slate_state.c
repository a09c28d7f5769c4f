/* What a slate is made from: a state that is old, parameters of another model; and what cannot be made, each with its
 * own answer. */
#include "solid/infer/slate/slater.h"
#include "solid/model/model_check.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/slate.h"
#include "store/memory_store.h"
#include "tests/support/compare.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = 10 };

static const uint32_t items[] = {3, 17, 4, 30, 9, 22, 11};

static solid_recommender *recommender(const solid_model *model, solid_store *store) {
  solid_recommender *rec = NULL;
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  options.element = SOLID_F32;
  options.refresh_events = 0; /* what is cached is used, however old */
  cr_assert_eq(solid_recommender_new(&rec, model, store, &options), SOLID_OK, "%s", solid_last_error());
  return rec;
}

/* Events through the pipeline, which makes parameters. */
static void push(const serving *s, const char *user, size_t n) {
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, NULL), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) {
    solid_event event = serving_event_at(s, user, items[i], (solid_position){0});
    cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  }
  solid_pipeline_free(pipeline);
}

static solid_slate_answer ask(solid_recommender *rec, const char *user, float guide, solid_scored *out) {
  solid_query query = SOLID_QUERY_INIT;
  solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
  solid_slate_answer answer = {.struct_size = sizeof answer};
  query.k = K;
  options.guide = guide;
  cr_assert_eq(solid_slate(rec, serving_text(user), &query, &options, out, &answer), SOLID_OK, "%s",
               solid_last_error());
  return answer;
}

/* ---- States ---- */

/* The slate of h and u as they come straight from a worker: the encoder over the first n items, layers of the first of.
 */
static void want_slate(const serving *s, size_t n, size_t of, float guide, solid_scored *out) {
  float h[64], old[64], u[64], *params = malloc(s->info.params * sizeof *params);
  const uint32_t whole[] = {0, (uint32_t)n}, part[] = {0, (uint32_t)of};
  uint64_t seen[1] = {0};
  solid_worker *worker = NULL;
  sol_slater *slater = NULL;
  solid_scored top[K];
  size_t count;
  cr_assert_eq(solid_worker_new(&worker, s->model, 1), SOLID_OK);
  cr_assert_eq(solid_worker_generate(worker, &(solid_windows){1, part, items}, old, params), SOLID_OK);
  cr_assert_eq(solid_worker_encode(worker, &(solid_windows){1, whole, items}, h), SOLID_OK);
  cr_assert_eq(solid_worker_apply(worker, 1, h, params, u), SOLID_OK);
  for (size_t i = 0; i < n; i++) seen[0] |= UINT64_C(1) << items[i];
  cr_assert_eq(solid_worker_rank(worker, 1, u, seen, K, top, &count), SOLID_OK);
  cr_assert_eq(sol_slater_new(&slater, s->model, 1), SOLID_OK);
  sol_slate_plan plan = {.rows = K, .how = {.guide = guide}};
  sol_slate_user user = {.h = h, .u = u, .excluded = seen, .top = top, .n_top = (uint32_t)count, .out = out};
  cr_assert_eq(sol_slater_decode(slater, &plan, &user, 1), SOLID_OK, "%s", solid_last_error());
  sol_slater_free(slater);
  solid_worker_free(worker);
  free(params);
}

static void check_same(const char *what, const solid_scored *got, const solid_scored *want) {
  for (int k = 0; k < K; k++)
    cr_assert_eq(got[k].item, want[k].item, "%s, row %d: %u, not %u", what, k, got[k].item, want[k].item);
}

Test(slate_state, a_stale_state_is_read_anew) {
  serving s = serving_open_slates("cpu", 0, 60);
  solid_recommender *rec = recommender(s.model, s.store);
  solid_scored got[K], want[K], old[K];
  push(&s, "anna", 5);
  serving_append(&s, s.store, "anna", items + 5, 2);
  for (int g = 0; g < 2; g++) {
    solid_slate_answer answer = ask(rec, "anna", g ? 0.4f : 0, got);
    cr_assert_eq(answer.source, SOLID_FROM_CACHE_FRESH);
    cr_assert(answer.params_seq == 5 && answer.window_seq == 7);
    want_slate(&s, 7, 5, g ? 0.4f : 0, want);
    check_same("newer events", got, want);
    want_slate(&s, 5, 5, g ? 0.4f : 0, old);
    cr_assert_neq(memcmp(old, want, sizeof want), 0, "the newer events change nothing: the test sees nothing");
  }
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(slate_state, parameters_of_another_model_are_made_anew) {
  serving s = serving_open_slates("cpu", 0, 61), other = serving_open_slates("cpu", 0, 161);
  solid_recommender *was = recommender(s.model, s.store), *next = recommender(other.model, s.store);
  solid_scored got[K], want[K], old[K];
  cr_assert_neq(s.info.generation, other.info.generation);
  push(&s, "anna", 7);
  cr_assert_eq(ask(was, "anna", 0.4f, old).source, SOLID_FROM_CACHE);
  cr_assert_eq(ask(next, "anna", 0.4f, got).source, SOLID_FROM_GENERATION);
  want_slate(&other, 7, 7, 0.4f, want);
  check_same("the model that is asked", got, want);
  cr_assert_neq(memcmp(old, want, sizeof want), 0);
  cr_assert_eq(ask(next, "anna", 0.4f, got).source, SOLID_FROM_CACHE); /* put back */
  check_same("put back", got, want);
  cr_assert_eq(ask(was, "anna", 0.4f, got).source, SOLID_FROM_GENERATION);
  check_same("the old model again", got, old);
  solid_recommender_free(was);
  solid_recommender_free(next);
  serving_close(&other);
  serving_close(&s);
}

/* ---- What cannot be ---- */

Test(slate_state, a_filter_that_leaves_nothing_gives_an_empty_slate) {
  for (int near = 0; near < 2; near++) {
    serving s = serving_open_slates("cpu", near, 62);
    solid_recommender *rec = recommender(s.model, s.store);
    solid_query query = SOLID_QUERY_INIT;
    push(&s, "anna", 5);
    query.k = K;
    query.category = serving_text("none");
    for (uint32_t order = 0; order <= SOLID_SLATE_ADAPTIVE; order++) {
      solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
      solid_slate_answer answer = {.struct_size = sizeof answer};
      solid_scored out[K];
      if (order && (order == SOLID_SLATE_NEAR_TO_FAR) != near) continue;
      options.order = order, options.guide = 0.5f, options.temperature = order % 2 ? 0.8f : 0;
      memset(out, 0x55, sizeof out);
      cr_assert_eq(solid_slate(rec, serving_text("anna"), &query, &options, out, &answer), SOLID_OK);
      cr_assert(answer.count == 0 && answer.forwards == 0 && answer.log_likelihood == 0,
                "order %u: %zu items, %u forwards", order, answer.count, answer.forwards);
      cr_assert_eq(answer.source, SOLID_FROM_CACHE);
      for (int k = 0; k < K; k++) cr_assert(out[k].item == SOLID_NO_ITEM && out[k].score == -INFINITY);
    }
    solid_recommender_free(rec);
    serving_close(&s);
  }
}

static sol_config with_decoder(uint32_t n) {
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  config.items = n, config.slate_rows = 12, config.slate_blocks = 1, config.slate_collisions = 2;
  return config;
}

Test(slate_state, a_catalogue_of_fewer_items_than_rows) {
  solid_context *ctx = NULL;
  solid_store *store = NULL;
  solid_scored out[12];
  solid_query query = SOLID_QUERY_INIT;
  sol_config config = with_decoder(8);
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  solid_model *model = tiny_model(ctx, &config, 3);
  cr_assert_eq(solid_store_open_memory(&store, model, NULL), SOLID_OK);
  solid_recommender *rec = recommender(model, store);
  query.k = 9;
  cr_assert_eq(solid_slate(rec, serving_text("anna"), &query, NULL, out, NULL), SOLID_ERANGE);
  cr_assert(strstr(solid_last_error(), "k is 9, the model has 8 items"), "%s", solid_last_error());
  solid_bytes session[] = {solid_model_item_id(model, 2), solid_model_item_id(model, 5)};
  solid_slate_answer answer = {.struct_size = sizeof answer};
  query = (solid_query)SOLID_QUERY_INIT;
  query.k = 8, query.session = session, query.n_session = 2, query.exclude_seen = 0;
  cr_assert_eq(solid_slate(rec, (solid_bytes){"", 0}, &query, NULL, out, &answer), SOLID_OK, "%s", solid_last_error());
  cr_assert_gt(answer.count, 5);
  solid_recommender_free(rec);
  solid_store_close(store);
  solid_model_free(model);
  solid_context_free(ctx);
}

/* Any codes are a trie with the column that tells collisions apart; but there must be some, and each must be one. */
Test(slate_state, codes_that_are_no_trie) {
  sol_model_file file;
  sol_config config = with_decoder(20);
  tiny_model_file(&file, &config, 3);
  file.codes[7] = (uint16_t)config.codes;
  cr_assert_eq(sol_model_file_check(&file), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "item 2 has code 8 at level 1, must be below 8"), "%s", solid_last_error());
  config.levels = 0, config.content = 0;
  cr_assert_eq(sol_config_check(&config), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "need semantic codes, levels is 0"), "%s", solid_last_error());
  sol_model_file_clear(&file);
}
