#include "tests/solid/serve/items_rig.h"
#include "solid/model/model_parts.h"
#include "store/memory_store.h"
#include "tests/support/compare.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

solid_context *items_ctx;
solid_store *items_root;
static int is_long;
int items_slates;

solid_bytes items_text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

solid_model *items_model(uint32_t spare) {
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 0);
  sol_model_file file;
  solid_model *model = NULL;
  if (is_long) tiny_long(&config, 256);
  if (items_slates) config.slate_rows = 12, config.slate_blocks = 2, config.slate_collisions = 2;
  config.slate_near = items_slates == 2;
  tiny_model_file(&file, &config, 3);
  cr_assert_eq(sol_model_new_growing(&model, items_ctx, &file, spare), SOLID_OK, "%s", solid_last_error());
  return model;
}

process items_start_over(solid_store *store, uint32_t spare) {
  process p = {.store = store, .model = items_model(spare)};
  solid_pipeline_options pipeline = SOLID_PIPELINE_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  cr_assert_eq(solid_item_log_new(&p.log, items_ctx), SOLID_OK);
  pipeline.items = recommender.items = p.log;
  pipeline.element = recommender.element = SOLID_F32;
  cr_assert_eq(solid_pipeline_new(&p.pipeline, p.model, p.store, &pipeline), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_recommender_new(&p.rec, p.model, p.store, &recommender), SOLID_OK, "%s", solid_last_error());
  return p;
}

process items_start(void) {
  solid_store *store = NULL;
  cr_assert_eq(solid_memory_store_share(&store, items_root), SOLID_OK);
  return items_start_over(store, SPARE);
}

void items_stop(process *p) {
  solid_recommender_free(p->rec);
  solid_pipeline_free(p->pipeline);
  solid_item_log_free(p->log);
  solid_model_free(p->model);
  solid_store_close(p->store);
}

static void begin(uint32_t window, uint32_t history) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = window, options.history = history;
  cr_assert_eq(solid_context_new(&items_ctx, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_store_open_memory(&items_root, NULL, &options), SOLID_OK);
}

void items_begin(void) {
  begin(10, 0);
}

void items_begin_long(void) {
  is_long = 1;
  begin(256, 4096);
}

void items_end(void) {
  solid_store_close(items_root);
  solid_context_free(items_ctx);
}

/* ---- What is said and asked ---- */

solid_status items_say(process *p, solid_item_change kind, const char *id, const char *title, const char *attribute,
                       const float *vector) {
  solid_bytes attributes[1] = {items_text(attribute ? attribute : "")};
  solid_item_entry entry = {.kind = kind, .id = items_text(id), .vector = vector, .width = vector ? 3 : 0};
  if (title) entry.title = items_text(title);
  if (attribute) entry.attributes = attributes, entry.n_attributes = 1;
  solid_status verdict = SOLID_EINTERNAL;
  solid_status status = solid_item_log_add(p->log, p->store, &entry, 1, 1, &verdict);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return verdict;
}

void items_add(process *p, const char *id, const char *attribute) {
  cr_assert_eq(items_say(p, SOLID_ITEM_ADDED, id, "A title", attribute, NULL), SOLID_OK, "%s", id);
}

solid_status items_push(process *p, const char *user, const char *item) {
  solid_status verdict = SOLID_EINTERNAL;
  const solid_event event = {.user = items_text(user), .item = items_text(item), .time_ms = 1};
  cr_assert_eq(solid_pipeline_push(p->pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  return verdict;
}

solid_answer items_ask(process *p, const char *user, const char *category, uint32_t k, solid_scored *best) {
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  query.k = k;
  if (category) query.category = items_text(category);
  cr_assert_eq(solid_recommend(p->rec, items_text(user), &query, best, &answer), SOLID_OK, "%s", solid_last_error());
  return answer;
}

/* Its place among everything that the user is recommended, or -1. */
int items_place(process *p, const char *user, const char *category, const char *item) {
  solid_scored best[64 + SPARE];
  solid_answer answer = items_ask(p, user, category, 40 + SPARE, best);
  for (size_t i = 0; i < answer.count; i++) {
    solid_bytes id = solid_model_item_id(p->model, best[i].item);
    cr_assert(id.size, "place %zu is no item", i);
    if (id.size == strlen(item) && !memcmp(id.data, item, id.size)) return (int)i;
  }
  return -1;
}

void items_same_answers(process *a, process *b, const char *user) {
  solid_scored left[64 + SPARE], right[64 + SPARE];
  solid_answer mine = items_ask(a, user, NULL, 40 + SPARE, left), yours = items_ask(b, user, NULL, 40 + SPARE, right);
  cr_assert(mine.count == yours.count && mine.count > 0, "%zu and %zu items", mine.count, yours.count);
  for (size_t i = 0; i < mine.count; i++) {
    solid_bytes x = solid_model_item_id(a->model, left[i].item), y = solid_model_item_id(b->model, right[i].item);
    cr_assert(x.size == y.size && !memcmp(x.data, y.data, x.size), "place %zu: %.*s and %.*s", i, (int)x.size, x.data,
              (int)y.size, y.data);
    /* products over other numbers of rows may be rounded in another order */
    cr_assert(compare_is_close(left[i].score, right[i].score, 1e-6, 1e-6), "place %zu: %.9g and %.9g", i,
              (double)left[i].score, (double)right[i].score);
  }
}

/* 0, saying so, where this machine has none and SOLID_REQUIRE does not name it. */
int items_use_gpu(void) {
  serving s = serving_open_on("cuda", SOLID_HEAD_SOLID, 0, 3);
  if (!s.ctx) return 0;
  solid_store_close(s.store);
  solid_model_free(s.model);
  solid_context_free(items_ctx);
  items_ctx = s.ctx;
  return 1;
}
