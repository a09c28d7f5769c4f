/* Items that come and go: what the log says reaches every process, and all agree. */
#include "solid/model/model_parts.h"
#include "solid/neighbours.h"
#include "solid/serve/follow.h"
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

TestSuite(items, .init = items_begin, .fini = items_end, .timeout = 600);

/* ---- The life of an item ---- */

static void appears_is_clicked_is_hidden_is_gone(void) {
  process writer = items_start(), reader = items_start();
  cr_assert_eq(items_push(&writer, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(items_place(&reader, "anna", NULL, "new"), -1);
  cr_assert_eq(items_push(&writer, "anna", "new"), SOLID_ENOTFOUND);
  items_add(&writer, "new", "third");
  cr_assert_geq(items_place(&reader, "anna", NULL, "new"), 0, "with the next question");
  cr_assert_geq(items_place(&reader, "anna", "third", "new"), 0);
  cr_assert_eq(items_place(&reader, "anna", "even", "new"), -1);
  uint32_t item = solid_model_item_index(reader.model, items_text("new"));
  cr_assert_eq(item, 40);
  solid_bytes title = solid_model_item_title(reader.model, item);
  cr_assert(title.size == 7 && !memcmp(title.data, "A title", 7));
  cr_assert_eq(items_push(&writer, "anna", "new"), SOLID_OK);
  solid_scored best[K];
  solid_answer answer = items_ask(&reader, "anna", NULL, K, best);
  cr_assert(answer.source == SOLID_FROM_CACHE && answer.window_seq == 2 && answer.params_seq == 2);
  cr_assert_eq(items_place(&reader, "anna", NULL, "new"), -1, "it was taken");
  cr_assert_eq(items_push(&writer, "ben", "item-5"), SOLID_OK);
  cr_assert_geq(items_place(&reader, "ben", NULL, "new"), 0);
  cr_assert_eq(items_say(&reader, SOLID_ITEM_HIDDEN, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_place(&reader, "ben", NULL, "new"), -1);
  cr_assert_eq(items_place(&writer, "ben", NULL, "new"), -1);
  cr_assert_eq(items_push(&writer, "ben", "new"), SOLID_OK, "hidden items are still taken");
  cr_assert_eq(items_say(&writer, SOLID_ITEM_SHOWN, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_push(&writer, "cleo", "item-5"), SOLID_OK);
  cr_assert_geq(items_place(&reader, "cleo", NULL, "new"), 0);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_place(&reader, "cleo", NULL, "new"), -1);
  cr_assert_eq(solid_model_item_index(reader.model, items_text("new")), SOLID_NO_ITEM);
  cr_assert_eq(items_push(&writer, "cleo", "new"), SOLID_ENOTFOUND);
  items_add(&reader, "new", "third");
  cr_assert_geq(items_place(&reader, "cleo", NULL, "new"), 0, "removed, then added");
  cr_assert_eq(items_push(&writer, "cleo", "new"), SOLID_OK);
  items_stop(&reader);
  items_stop(&writer);
}

Test(items, trained_ones_are_hidden_and_removed) {
  process writer = items_start(), reader = items_start();
  cr_assert_eq(items_push(&writer, "anna", "item-3"), SOLID_OK);
  cr_assert_geq(items_place(&reader, "anna", NULL, "item-7"), 0);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_HIDDEN, "item-7", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_place(&reader, "anna", NULL, "item-7"), -1);
  cr_assert_eq(items_push(&writer, "ben", "item-7"), SOLID_OK);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "item-8", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_place(&reader, "anna", NULL, "item-8"), -1);
  cr_assert_eq(items_push(&writer, "ben", "item-8"), SOLID_ENOTFOUND);
  uint32_t before = solid_model_item_count(reader.model);
  items_add(&writer, "item-8", "even"); /* the model was trained on it: it needs no row */
  cr_assert_geq(items_place(&reader, "anna", NULL, "item-8"), 0);
  cr_assert_eq(solid_model_item_count(reader.model), before);
  cr_assert_eq(solid_model_item_index(reader.model, items_text("item-8")), 8);
  items_stop(&reader);
  items_stop(&writer);
}

/* Of an item that is not there both words count, as of any other; a second removal takes them back. */
Test(items, removed_again_after_hiding_is_not_hidden_when_it_comes_back) {
  process writer = items_start();
  cr_assert_eq(items_push(&writer, "anna", "item-3"), SOLID_OK);
  items_add(&writer, "new", "third");
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_HIDDEN, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_EDUPLICATE);
  items_add(&writer, "new", "third");
  cr_assert_geq(items_place(&writer, "anna", NULL, "new"), 0);
  items_stop(&writer);
}

/* One follows step by step, the others come later and read all at once. */
static void all_processes_agree(void) {
  static const char *const attributes[] = {"even", "third", "none", "unheard of"};
  process writer = items_start(), first = items_start();
  char id[16];
  seed_rng rng = seed_start(5);
  for (int u = 0; u < 6; u++) {
    char user[8], item[16];
    snprintf(user, sizeof user, "u%d", u);
    for (int i = 0; i < 4; i++) {
      snprintf(item, sizeof item, "item-%d", seed_below(&rng, 40));
      cr_assert_eq(items_push(&writer, user, item), SOLID_OK);
    }
  }
  for (int step = 0; step < 60; step++) {
    snprintf(id, sizeof id, "%s%d", seed_below(&rng, 4) ? "new-" : "item-", seed_below(&rng, 6));
    int kind = seed_below(&rng, 6);
    float vector[3] = {seed_normal(&rng), seed_normal(&rng), seed_normal(&rng)};
    items_say(&writer, kind < 3 ? SOLID_ITEM_ADDED : (solid_item_change)(kind - 2), id, NULL,
              kind < 3 ? attributes[seed_below(&rng, 4)] : NULL, kind < 3 && seed_below(&rng, 2) ? vector : NULL);
    if (step % 7 == 0) (void)items_place(&first, "u0", NULL, "x");
    if (step % 5 == 0) (void)items_push(&writer, "u1", id);
    uint64_t left;
    solid_status status = solid_item_log_apply(writer.log, writer.model, SIZE_MAX, &left);
    if (status == SOLID_EFULL) break;
  }
  process second = items_start();
  cr_assert_eq(solid_item_log_follow(second.log, second.store), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(second.log, second.model, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  for (int u = 0; u < 6; u++) {
    char user[8];
    snprintf(user, sizeof user, "u%d", u);
    (void)items_place(&first, user, NULL, "x");
    items_same_answers(&first, &second, user);
    items_same_answers(&writer, &second, user);
  }
  cr_assert_gt(solid_model_item_count(second.model), 40);
  items_stop(&second);
  items_stop(&first);
  items_stop(&writer);
}

/* ---- Old parameters ---- */

/* Parameters are made again only where the steps that they have seen hold an item that came later. */
Test(items, parameters_are_stale_where_the_window_has_a_later_item) {
  process writer = items_start(), reader = items_start();
  solid_scored best[K];
  items_add(&writer, "bare", "unheard of"); /* accepted, and unknown to the model */
  cr_assert_eq(items_push(&writer, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(items_push(&writer, "anna", "bare"), SOLID_OK);
  cr_assert_eq(items_push(&writer, "ben", "item-3"), SOLID_OK);
  cr_assert_eq(items_ask(&reader, "anna", NULL, K, best).source, SOLID_FROM_CACHE);
  items_add(&writer, "bare", "even");
  cr_assert_eq(items_ask(&reader, "ben", NULL, K, best).source, SOLID_FROM_CACHE, "the window has no later item");
  cr_assert_eq(items_ask(&reader, "anna", NULL, K, best).source, SOLID_FROM_GENERATION);
  cr_assert_eq(items_ask(&reader, "anna", NULL, K, best).source, SOLID_FROM_CACHE, "they were put back");
  items_stop(&reader);
  items_stop(&writer);
}

Test(items, later_is_told_by_24_bits) {
  cr_assert(sol_is_later(5, 4) && !sol_is_later(5, 5) && !sol_is_later(4, 5));
  cr_assert(sol_is_later(0x1000001, 0xffffff) && !sol_is_later(0xffffff, 0x000001));
}

/* ---- The store ---- */

Test(items, a_store_that_is_away_rejects_nothing) {
  solid_store *inner = NULL;
  fault_store fault;
  cr_assert_eq(solid_memory_store_share(&inner, items_root), SOLID_OK);
  fault_store_wrap(&fault, inner);
  process p = items_start_over(&fault.base, SPARE), other = items_start();
  const solid_event event = {.user = items_text("anna"), .item = items_text("new"), .time_ms = 1};
  solid_status verdict = SOLID_OK;
  items_add(&other, "new", "even");
  fault.items_read.fail_in = 1;
  fault.items_read.status = SOLID_EIO;
  cr_assert_eq(solid_pipeline_push(p.pipeline, &event, 1, &verdict), SOLID_EIO);
  cr_assert_eq(solid_pipeline_push(p.pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(verdict, SOLID_OK);
  p.store = inner; /* the wrapper has no close */
  items_stop(&other);
  solid_recommender_free(p.rec);
  solid_pipeline_free(p.pipeline);
  solid_item_log_free(p.log);
  solid_model_free(p.model);
  solid_store_close(inner);
}

static char said[400];
static int times_said;

static void note_line(void *user, solid_log_level level, const char *line) {
  (void)user, (void)level;
  snprintf(said, sizeof said, "%s", line);
  times_said++;
}

/* A log that cannot be read and will not be by itself is told, once; answers go on. */
Test(items, a_log_that_cannot_be_read_is_told) {
  solid_store *inner = NULL;
  fault_store fault;
  solid_scored best[K];
  cr_assert_eq(solid_memory_store_share(&inner, items_root), SOLID_OK);
  fault_store_wrap(&fault, inner);
  process p = items_start_over(&fault.base, SPARE), other = items_start();
  items_ctx->log = note_line;
  items_add(&other, "new", "even");
  times_said = 0;
  for (int i = 0; i < 3; i++) {
    fault.items_read.fail_in = 1;
    fault.items_read.status = SOLID_EFORMAT;
    cr_assert_eq(items_ask(&p, "anna", NULL, K, best).count, K);
  }
  cr_assert_eq(times_said, 1, "%d: %s", times_said, said);
  cr_assert(strstr(said, "item log: ") && strstr(said, "not noticed"), "%s", said);
  cr_assert_geq(items_place(&p, "anna", NULL, "new"), 0, "with the first question behind the mending");
  p.store = inner; /* the wrapper has no close */
  items_stop(&other);
  solid_recommender_free(p.rec);
  solid_pipeline_free(p.pipeline);
  solid_item_log_free(p.log);
  solid_model_free(p.model);
  solid_store_close(inner);
}

/* A log that was lost and begun again: what it had is gone, what it has is there. */
Test(items, another_log_replaces_the_first) {
  process p = items_start();
  solid_store *empty = NULL;
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = 10;
  cr_assert_eq(solid_store_open_memory(&empty, NULL, &options), SOLID_OK);
  items_add(&p, "old", "even");
  cr_assert_eq(items_say(&p, SOLID_ITEM_HIDDEN, "item-7", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  cr_assert_neq(solid_model_item_index(p.model, items_text("old")), SOLID_NO_ITEM);
  cr_assert_eq(solid_item_log_follow(p.log, empty), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  cr_assert_eq(solid_model_item_index(p.model, items_text("old")), SOLID_NO_ITEM);
  cr_assert(solid_model_item_is_open(p.model, 7));
  solid_item_entry entry = {.id = items_text("fresh"), .attributes = &(solid_bytes){"even", 4}, .n_attributes = 1};
  solid_status verdict;
  cr_assert_eq(solid_item_log_add(p.log, empty, &entry, 1, 1, &verdict), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  cr_assert_eq(solid_model_item_index(p.model, items_text("fresh")), 41, "rows are not used twice");
  cr_assert_eq(solid_model_item_index(p.model, items_text("old")), SOLID_NO_ITEM);
  solid_store_close(empty);
  items_stop(&p);
}

/* ---- On every device ---- */

#define ON_EVERY_DEVICE(X)                                                                                             \
  X(appears_is_clicked_is_hidden_is_gone)                                                                              \
  X(all_processes_agree)

#define DEVICE_TESTS(name)                                                                                             \
  Test(items, name##_cpu) {                                                                                            \
    name();                                                                                                            \
  }                                                                                                                    \
  Test(items, name##_cuda) {                                                                                           \
    if (items_use_gpu()) name();                                                                                       \
  }
ON_EVERY_DEVICE(DEVICE_TESTS)

/* A store of somebody's own that has no log: the error names it, and events go on. */
Test(items, a_store_without_an_item_log) {
  process p = items_start();
  solid_store_ops ops = *p.store->ops;
  const solid_store_ops *whole = p.store->ops;
  solid_item_entry entry = {.kind = SOLID_ITEM_HIDDEN, .id = items_text("item-3")};
  solid_status verdict = SOLID_OK;
  ops.items_read = NULL, ops.items_append = NULL;
  p.store->ops = &ops;
  cr_assert_eq(solid_item_log_follow(p.log, p.store), SOLID_EUNSUPPORTED);
  cr_assert_not_null(strstr(solid_last_error(), "memory"), "%s", solid_last_error());
  cr_assert_eq(solid_item_log_add(p.log, p.store, &entry, 1, 1, &verdict), SOLID_EUNSUPPORTED);
  cr_assert_eq(items_push(&p, "anna", "nowhere"), SOLID_ENOTFOUND, "the log is asked for it, and that is no failure");
  cr_assert_eq(items_push(&p, "anna", "item-3"), SOLID_OK);
  p.store->ops = whole;
  items_stop(&p);
}
