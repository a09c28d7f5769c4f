/* Items that come and go: what a row is, a full model, and rows that are written while others ask. */
#include "solid/model/content.h"
#include "solid/model/model_parts.h"
#include "solid/neighbours.h"
#include "solid/slot.h"
#include "store/memory_store.h"
#include "tests/solid/serve/items_rig.h"
#include "tests/support/fault_store.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(item_rows, .init = items_begin, .fini = items_end, .timeout = 600);

/* ---- What a row is ---- */

/* Row `item` of a table on the device. */
static void expect_row(const solid_model *model, const float *table, uint32_t item, const float *want) {
  float row[16];
  sk_backend *be = model->be;
  cr_assert_eq(be->ops->download(be, row, table + (size_t)item * 16, sizeof row), SOLID_OK);
  cr_assert_eq(be->ops->sync(be), SOLID_OK);
  cr_assert_arr_eq(row, want, sizeof row);
}

/* Codes and vector again, naively and in double. */
static void a_row_is_its_content(void) {
  process p = items_start();
  const float vector[3] = {0.3f, -1.2f, 0.7f};
  cr_assert_eq(items_say(&p, SOLID_ITEM_ADDED, "both", NULL, "third", vector), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  uint32_t item = solid_model_item_index(p.model, items_text("both"));
  cr_assert_eq(item, 40);
  const sol_model_file *file = &p.model->file;
  double x[5] = {0}, part = 0;
  for (int j = 0; j < 3; j++) x[j] = (double)file->content_words[3 + j], part += x[j] * x[j];
  for (int j = 0; j < 3; j++) x[j] /= sqrt(part);
  part = 0;
  for (int j = 0; j < 2; j++) {
    for (int i = 0; i < 3; i++)
      x[3 + j] += (double)(vector[i] - file->content_mean[i]) * (double)file->content_basis[2 * i + j];
    part += x[3 + j] * x[3 + j];
  }
  for (int j = 0; j < 2; j++) x[3 + j] /= sqrt(part);
  double want[16] = {0};
  const uint16_t *codes = solid_model_item_codes(p.model, item);
  for (int l = 0; l < 3; l++) {
    int best = 0;
    double least = INFINITY;
    for (int k = 0; k < 8; k++) {
      double distance = 0;
      for (int j = 0; j < 5; j++) distance += pow(x[j] - (double)file->centroids[(l * 8 + k) * 6 + j], 2);
      if (distance < least) least = distance, best = k;
    }
    cr_assert_eq(codes[l], best, "level %d", l);
    for (int j = 0; j < 5; j++) x[j] -= (double)file->centroids[(l * 8 + best) * 6 + j];
    for (int j = 0; j < 16; j++) want[j] += (double)p.model->growth->metacodes[(l * 8 + best) * 16 + j];
  }
  int is_learned = 0;
  for (int i = 0; i < 80; i++) is_learned |= file->attributes[i] == 1;
  for (int j = 0; j < 16; j++) want[j] += is_learned ? (double)p.model->growth->attributes[16 + j] : 0;
  const sol_joined *joined = sol_model_joined(p.model, item);
  for (int j = 0; j < 16; j++) cr_assert_float_eq(joined->vector[j], want[j], 1e-5);
  const float zero[16] = {0};
  expect_row(p.model, p.model->catalogue.vectors, item, joined->vector);
  expect_row(p.model, p.model->catalogue.semantic, item, joined->vector);
  expect_row(p.model, p.model->catalogue.items, item, zero);
  items_stop(&p);
}

/* Equal distances go to the lowest code. */
Test(item_rows, ties_go_to_the_lowest_code) {
  const float centroids[] = {5, 5, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  double x[2] = {0.5, 0.5};
  uint16_t codes[2] = {9, 9};
  sol_content_codes(centroids, 2, 4, 2, 2, x, codes);
  cr_assert(codes[0] == 1 && codes[1] == 0, "%u %u", codes[0], codes[1]);
}

/* Nothing that the model knows: it is in windows, and nobody is recommended it. */
Test(item_rows, known_by_nothing_is_recommended_to_nobody) {
  process p = items_start();
  const float nothing[3] = {0, 0, 0};
  items_add(&p, "bare", "unheard of");
  cr_assert_eq(items_say(&p, SOLID_ITEM_ADDED, "zero", NULL, NULL, nothing), SOLID_OK);
  cr_assert_eq(items_push(&p, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(items_place(&p, "anna", NULL, "bare"), -1);
  cr_assert_eq(items_push(&p, "anna", "bare"), SOLID_OK);
  cr_assert_eq(items_push(&p, "anna", "zero"), SOLID_OK);
  solid_scored best[K];
  solid_answer answer = items_ask(&p, "anna", NULL, K, best);
  cr_assert(answer.window_seq == 3 && answer.params_seq == 3 && answer.count == K);
  cr_assert_eq(solid_model_item_count(p.model), 40);
  items_stop(&p);
}

Test(item_rows, what_says_nothing_new_is_not_appended) {
  process p = items_start(), other = items_start();
  solid_item_log_info info = {.struct_size = sizeof info};
  items_add(&p, "new", "even");
  cr_assert_eq(items_say(&other, SOLID_ITEM_ADDED, "new", "A title", "even", NULL), SOLID_EDUPLICATE);
  cr_assert_eq(items_say(&p, SOLID_ITEM_SHOWN, "new", NULL, NULL, NULL), SOLID_EDUPLICATE);
  cr_assert_eq(items_say(&p, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_say(&other, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_EDUPLICATE);
  solid_item_entry entries[4] = {
      {.id = items_text("a")}, {.id = items_text("a")}, {.id = items_text("")}, {.id = items_text("b")}};
  solid_status verdicts[4];
  cr_assert_eq(solid_item_log_add(p.log, p.store, entries, 4, 1, verdicts), SOLID_OK);
  cr_assert(verdicts[0] == SOLID_OK && verdicts[1] == SOLID_EDUPLICATE && verdicts[2] == SOLID_ERANGE);
  cr_assert_eq(verdicts[3], SOLID_OK);
  cr_assert_eq(solid_item_log_get_info(p.log, &info), SOLID_OK);
  cr_assert(info.version.count == 4 && info.items == 2 && info.removed == 1, "%llu", (unsigned long long)info.items);
  items_stop(&other);
  items_stop(&p);
}

/* The same id described anew is another row, and the former one is nobody's. */
Test(item_rows, described_anew) {
  process p = items_start();
  solid_neighbours *neighbours = NULL;
  solid_scored near[3];
  size_t n = 0;
  items_add(&p, "new", "even");
  cr_assert_eq(items_push(&p, "anna", "new"), SOLID_OK);
  items_add(&p, "new", "third");
  cr_assert_eq(items_push(&p, "ben", "item-1"), SOLID_OK);
  cr_assert_geq(items_place(&p, "ben", "third", "new"), 0);
  cr_assert_eq(items_place(&p, "ben", "even", "new"), -1);
  cr_assert_eq(solid_model_item_index(p.model, items_text("new")), 41);
  cr_assert_eq(solid_model_item_id(p.model, 40).size, 0);
  cr_assert_eq(solid_neighbours_new(&neighbours, p.model), SOLID_OK);
  cr_assert_eq(solid_neighbours_of(neighbours, 41, 3, near, &n), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) cr_assert_lt(near[i].item, 40);
  cr_assert_float_eq(solid_neighbours_cosine(neighbours, 41, 41), 1, 1e-5);
  solid_neighbours_free(neighbours);
  items_stop(&p);
}

/* ---- More than there is room for ---- */

/* Full: answers go on, events are taken, and a larger copy brings the rest; the generation stays. */
static void the_slot_switches_to_a_larger_copy(void) {
  enum { MANY = 200 };
  process p = items_start();
  solid_slot *slot = NULL;
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  const solid_seat *before = NULL, *after = NULL;
  solid_store *stores[1] = {p.store};
  recommender.element = SOLID_F32;
  options.seats = 1, options.stores = stores, options.items = p.log, options.neighbours = 1;
  options.recommender = &recommender;
  cr_assert_eq(solid_slot_new(&slot, &options), SOLID_OK, "%s", solid_last_error());
  solid_model *model = items_model(SPARE);
  uint64_t generation = model->file.generation;
  cr_assert_eq(solid_slot_add(slot, model), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_switch(slot, items_root, generation, SOLID_SHARES), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(items_push(&p, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(solid_slot_take(slot, 0, items_text("anna"), &before), SOLID_OK);
  char ids[MANY][16];
  for (int i = 0; i < MANY; i++) {
    snprintf(ids[i], sizeof ids[i], "new-%d", i);
    items_add(&p, ids[i], i % 2 ? "even" : "third");
  }
  solid_scored best[40 + MANY + 1];
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_EFULL);
  solid_answer answer = items_ask(&p, "anna", NULL, 40 + SPARE, best);
  cr_assert_eq(answer.count, 39 + SPARE, "full, and %zu items", answer.count);
  cr_assert_eq(items_push(&p, "anna", ids[MANY - 1]), SOLID_OK, "the log has it");
  cr_assert_eq(solid_slot_tend(slot, items_root), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_count(slot), 2, "who has a seat keeps it");
  cr_assert_eq(solid_slot_take(slot, 0, items_text("anna"), &after), SOLID_OK);
  cr_assert(after->model != before->model && after->generation == generation);
  solid_query query = SOLID_QUERY_INIT;
  query.k = 40 + MANY;
  answer = (solid_answer){.struct_size = sizeof answer};
  cr_assert_eq(solid_recommend(after->recommender, items_text("anna"), &query, best, &answer), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(answer.count, 38 + MANY, "%zu", answer.count);
  cr_assert_eq(answer.source, SOLID_FROM_GENERATION, "the window has an item that had no row");
  solid_slot_give(slot, before);
  solid_slot_give(slot, after);
  cr_assert_eq(solid_slot_count(slot), 1);
  cr_assert_eq(solid_slot_tend(slot, items_root), SOLID_OK);
  cr_assert_eq(solid_slot_count(slot), 1, "nothing to do");
  cr_assert_eq(solid_pipeline_switch(p.pipeline, p.model), SOLID_OK);
  solid_slot_free(slot);
  items_stop(&p);
}

/* Rows fill up where items are described anew; the copy has room for those that are there, and is not larger for it. */
Test(item_rows, of_items_that_were_described_anew_are_free_in_a_copy) {
  enum { ROOM = 280 };
  process p = items_start_over(items_root, ROOM);
  solid_model *copy = NULL;
  solid_model_info before = {.struct_size = sizeof before}, after = before;
  items_add(&p, "other", "even");
  for (int i = 0; solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL) != SOLID_EFULL; i++)
    items_add(&p, "new", i % 2 ? "even" : "third");
  cr_assert_eq(solid_model_get_info(p.model, &before), SOLID_OK);
  cr_assert_eq(solid_model_item_count(p.model), 40 + ROOM);
  cr_assert_eq(solid_model_grow(&copy, p.model, 2), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_item_log_apply(p.log, copy, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_model_get_info(copy, &after), SOLID_OK);
  cr_assert_eq(after.rows, before.rows, "%u and %u rows", after.rows, before.rows);
  cr_assert_eq(solid_model_item_count(copy), 42);
  solid_model_free(copy);
  p.store = NULL;
  items_stop(&p);
}

/* A model that does not grow is not touched. */
Test(item_rows, a_model_that_was_not_loaded_to_grow) {
  process p = items_start();
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 0);
  solid_model *fixed = tiny_model(items_ctx, &config, 3), *larger = NULL;
  solid_model_info info = {.struct_size = sizeof info};
  items_add(&p, "new", "even");
  cr_assert_eq(solid_item_log_apply(p.log, fixed, SIZE_MAX, NULL), SOLID_EUNSUPPORTED);
  cr_assert_eq(solid_model_grow(&larger, fixed, 1), SOLID_EUNSUPPORTED);
  cr_assert_eq(solid_model_item_index(fixed, items_text("new")), SOLID_NO_ITEM);
  cr_assert_eq(solid_model_get_info(fixed, &info), SOLID_OK);
  cr_assert(info.items == 40 && info.rows == 40);
  cr_assert_eq(solid_model_get_info(p.model, &info), SOLID_OK);
  cr_assert(info.items == 40 && info.rows == 40 + SPARE);
  cr_assert_eq(fixed->file.generation, p.model->file.generation, "spare rows are no other model");
  solid_model_free(fixed);
  items_stop(&p);
}

/* ---- At once ---- */

typedef struct asker {
  process p; /* model and log are everybody's */
  atomic_int *stop;
  atomic_size_t answers;
} asker;

/* Whatever happens meanwhile: scores are numbers, and nothing is recommended twice. */
static void *ask_on(void *user) {
  asker *a = user;
  solid_scored best[40 + SPARE];
  while (!atomic_load(a->stop)) {
    solid_answer answer = items_ask(&a->p, "anna", NULL, 40 + SPARE, best);
    for (size_t i = 0; i < answer.count; i++) {
      cr_assert(isfinite(best[i].score) && best[i].item < 40 + SPARE);
      for (size_t j = 0; j < i; j++) cr_assert_neq(best[i].item, best[j].item);
    }
    a->answers++;
  }
  return NULL;
}

static void join_while_others_ask(void) {
  enum { THREADS = 3 };
  process p = items_start();
  asker askers[THREADS];
  pthread_t threads[THREADS];
  atomic_int is_over = 0;
  cr_assert_eq(items_push(&p, "anna", "item-3"), SOLID_OK);
  for (int t = 0; t < THREADS; t++) {
    solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
    askers[t].p = (process){.model = p.model, .log = p.log};
    askers[t].stop = &is_over;
    atomic_init(&askers[t].answers, 0);
    options.items = p.log, options.element = SOLID_F32;
    cr_assert_eq(solid_memory_store_share(&askers[t].p.store, items_root), SOLID_OK);
    cr_assert_eq(solid_recommender_new(&askers[t].p.rec, p.model, askers[t].p.store, &options), SOLID_OK);
    cr_assert_eq(pthread_create(&threads[t], NULL, ask_on, &askers[t]), 0);
  }
  for (int t = 0; t < THREADS; t++)
    while (!atomic_load(&askers[t].answers)) sched_yield();
  for (int i = 0; i < 300; i++) {
    char id[16];
    snprintf(id, sizeof id, "new-%d", i % 15);
    if (i < 15) items_add(&p, id, i % 2 ? "even" : "third");
    items_say(&p, i % 3 ? SOLID_ITEM_HIDDEN : SOLID_ITEM_SHOWN, i % 2 ? id : "item-9", NULL, NULL, NULL);
    cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  }
  atomic_store(&is_over, 1);
  for (int t = 0; t < THREADS; t++) {
    cr_assert_eq(pthread_join(threads[t], NULL), 0);
    solid_recommender_free(askers[t].p.rec);
    solid_store_close(askers[t].p.store);
  }
  items_stop(&p);
}

/* ---- On every device ---- */

#define ON_EVERY_DEVICE(X)                                                                                             \
  X(a_row_is_its_content)                                                                                              \
  X(the_slot_switches_to_a_larger_copy)                                                                                \
  X(join_while_others_ask)

#define DEVICE_TESTS(name)                                                                                             \
  Test(item_rows, name##_cpu) {                                                                                        \
    name();                                                                                                            \
  }                                                                                                                    \
  Test(item_rows, name##_cuda) {                                                                                       \
    if (items_use_gpu()) name();                                                                                       \
  }
ON_EVERY_DEVICE(DEVICE_TESTS)
