/* Items that come and go: what the log says reaches every model, and all processes agree. Each "process" here is a
 * model, a log, a store handle, a pipeline and a recommender of its own over one memory. */
#include "solid/item_log.h"
#include "solid/model/content.h"
#include "solid/model/model_parts.h"
#include "solid/neighbours.h"
#include "solid/serve/follow.h"
#include "solid/slot.h"
#include "store/memory_store.h"
#include "tests/support/fault_store.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { K = 8, SPARE = 24 };

static solid_context *ctx;
static solid_store *root;

typedef struct process {
  solid_store *store;
  solid_model *model;
  solid_item_log *log;
  solid_pipeline *pipeline;
  solid_recommender *rec;
} process;

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static solid_model *joinable(uint32_t spare) {
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 0);
  sol_model_file file;
  solid_model *model = NULL;
  tiny_model_file(&file, &config, 3);
  cr_assert_eq(sol_model_new_growing(&model, ctx, &file, spare), SOLID_OK, "%s", solid_last_error());
  return model;
}

static process start_over(solid_store *store, uint32_t spare) {
  process p = {.store = store, .model = joinable(spare)};
  solid_pipeline_options pipeline = SOLID_PIPELINE_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  cr_assert_eq(solid_item_log_new(&p.log, ctx), SOLID_OK);
  pipeline.items = recommender.items = p.log;
  pipeline.element = recommender.element = SOLID_F32;
  cr_assert_eq(solid_pipeline_new(&p.pipeline, p.model, p.store, &pipeline), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_recommender_new(&p.rec, p.model, p.store, &recommender), SOLID_OK, "%s", solid_last_error());
  return p;
}

static process start(void) {
  solid_store *store = NULL;
  cr_assert_eq(solid_memory_store_share(&store, root), SOLID_OK);
  return start_over(store, SPARE);
}

static void stop(process *p) {
  solid_recommender_free(p->rec);
  solid_pipeline_free(p->pipeline);
  solid_item_log_free(p->log);
  solid_model_free(p->model);
  solid_store_close(p->store);
}

static void begin(void) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = 10;
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_store_open_memory(&root, NULL, &options), SOLID_OK);
}

static void finish(void) {
  solid_store_close(root);
  solid_context_free(ctx);
}

TestSuite(items, .init = begin, .fini = finish, .timeout = 60);

/* ---- What is said and asked ---- */

static solid_status say(process *p, solid_item_change kind, const char *id, const char *title, const char *attribute,
                        const float *vector) {
  solid_bytes attributes[1] = {text(attribute ? attribute : "")};
  solid_item_entry entry = {.kind = kind, .id = text(id), .vector = vector, .width = vector ? 3 : 0};
  if (title) entry.title = text(title);
  if (attribute) entry.attributes = attributes, entry.n_attributes = 1;
  solid_status verdict = SOLID_EINTERNAL;
  solid_status status = solid_item_log_add(p->log, p->store, &entry, 1, 1, &verdict);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return verdict;
}

static void add(process *p, const char *id, const char *attribute) {
  cr_assert_eq(say(p, SOLID_ITEM_ADDED, id, "A title", attribute, NULL), SOLID_OK, "%s", id);
}

static solid_status push(process *p, const char *user, const char *item) {
  solid_status verdict = SOLID_EINTERNAL;
  const solid_event event = {.user = text(user), .item = text(item), .time_ms = 1};
  cr_assert_eq(solid_pipeline_push(p->pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  return verdict;
}

static solid_answer ask(process *p, const char *user, const char *category, uint32_t k, solid_scored *best) {
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  query.k = k;
  if (category) query.category = text(category);
  cr_assert_eq(solid_recommend(p->rec, text(user), &query, best, &answer), SOLID_OK, "%s", solid_last_error());
  return answer;
}

/* Its place among everything that the user is recommended, or -1. */
static int place_of(process *p, const char *user, const char *category, const char *item) {
  solid_scored best[64 + SPARE];
  solid_answer answer = ask(p, user, category, 40 + SPARE, best);
  for (size_t i = 0; i < answer.count; i++) {
    solid_bytes id = solid_model_item_id(p->model, best[i].item);
    cr_assert(id.size, "place %zu is no item", i);
    if (id.size == strlen(item) && !memcmp(id.data, item, id.size)) return (int)i;
  }
  return -1;
}

static void expect_same_answers(process *a, process *b, const char *user) {
  solid_scored left[64 + SPARE], right[64 + SPARE];
  solid_answer mine = ask(a, user, NULL, 40 + SPARE, left), yours = ask(b, user, NULL, 40 + SPARE, right);
  cr_assert(mine.count == yours.count && mine.count > 0, "%zu and %zu items", mine.count, yours.count);
  for (size_t i = 0; i < mine.count; i++) {
    solid_bytes x = solid_model_item_id(a->model, left[i].item), y = solid_model_item_id(b->model, right[i].item);
    cr_assert(x.size == y.size && !memcmp(x.data, y.data, x.size), "place %zu: %.*s and %.*s", i, (int)x.size, x.data,
              (int)y.size, y.data);
    cr_assert_eq(left[i].score, right[i].score, "place %zu: %.9g and %.9g", i, (double)left[i].score,
                 (double)right[i].score);
  }
}

/* ---- The life of an item ---- */

Test(items, appears_is_clicked_is_hidden_is_gone) {
  process writer = start(), reader = start();
  cr_assert_eq(push(&writer, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(place_of(&reader, "anna", NULL, "new"), -1);
  cr_assert_eq(push(&writer, "anna", "new"), SOLID_ENOTFOUND);
  add(&writer, "new", "third");
  cr_assert_geq(place_of(&reader, "anna", NULL, "new"), 0, "with the next question");
  cr_assert_geq(place_of(&reader, "anna", "third", "new"), 0);
  cr_assert_eq(place_of(&reader, "anna", "even", "new"), -1);
  uint32_t item = solid_model_item_index(reader.model, text("new"));
  cr_assert_eq(item, 40);
  solid_bytes title = solid_model_item_title(reader.model, item);
  cr_assert(title.size == 7 && !memcmp(title.data, "A title", 7));
  cr_assert_eq(push(&writer, "anna", "new"), SOLID_OK);
  solid_scored best[K];
  solid_answer answer = ask(&reader, "anna", NULL, K, best);
  cr_assert(answer.source == SOLID_FROM_CACHE && answer.window_seq == 2 && answer.params_seq == 2);
  cr_assert_eq(place_of(&reader, "anna", NULL, "new"), -1, "it was taken");
  cr_assert_eq(push(&writer, "ben", "item-5"), SOLID_OK);
  cr_assert_geq(place_of(&reader, "ben", NULL, "new"), 0);
  cr_assert_eq(say(&reader, SOLID_ITEM_HIDDEN, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(place_of(&reader, "ben", NULL, "new"), -1);
  cr_assert_eq(place_of(&writer, "ben", NULL, "new"), -1);
  cr_assert_eq(push(&writer, "ben", "new"), SOLID_OK, "hidden items are still taken");
  cr_assert_eq(say(&writer, SOLID_ITEM_SHOWN, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(push(&writer, "cleo", "item-5"), SOLID_OK);
  cr_assert_geq(place_of(&reader, "cleo", NULL, "new"), 0);
  cr_assert_eq(say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(place_of(&reader, "cleo", NULL, "new"), -1);
  cr_assert_eq(solid_model_item_index(reader.model, text("new")), SOLID_NO_ITEM);
  cr_assert_eq(push(&writer, "cleo", "new"), SOLID_ENOTFOUND);
  add(&reader, "new", "third");
  cr_assert_geq(place_of(&reader, "cleo", NULL, "new"), 0, "removed, then added");
  cr_assert_eq(push(&writer, "cleo", "new"), SOLID_OK);
  stop(&reader);
  stop(&writer);
}

Test(items, trained_ones_are_hidden_and_removed) {
  process writer = start(), reader = start();
  cr_assert_eq(push(&writer, "anna", "item-3"), SOLID_OK);
  cr_assert_geq(place_of(&reader, "anna", NULL, "item-7"), 0);
  cr_assert_eq(say(&writer, SOLID_ITEM_HIDDEN, "item-7", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(place_of(&reader, "anna", NULL, "item-7"), -1);
  cr_assert_eq(push(&writer, "ben", "item-7"), SOLID_OK);
  cr_assert_eq(say(&writer, SOLID_ITEM_REMOVED, "item-8", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(place_of(&reader, "anna", NULL, "item-8"), -1);
  cr_assert_eq(push(&writer, "ben", "item-8"), SOLID_ENOTFOUND);
  uint32_t before = solid_model_item_count(reader.model);
  add(&writer, "item-8", "even"); /* the model was trained on it: it needs no row */
  cr_assert_geq(place_of(&reader, "anna", NULL, "item-8"), 0);
  cr_assert_eq(solid_model_item_count(reader.model), before);
  cr_assert_eq(solid_model_item_index(reader.model, text("item-8")), 8);
  stop(&reader);
  stop(&writer);
}

/* One follows step by step, the others come later and read all at once. */
Test(items, all_processes_agree) {
  static const char *const attributes[] = {"even", "third", "none", "unheard of"};
  process writer = start(), first = start();
  char id[16];
  seed_rng rng = seed_start(5);
  for (int u = 0; u < 6; u++) {
    char user[8], item[16];
    snprintf(user, sizeof user, "u%d", u);
    for (int i = 0; i < 4; i++) {
      snprintf(item, sizeof item, "item-%d", seed_below(&rng, 40));
      cr_assert_eq(push(&writer, user, item), SOLID_OK);
    }
  }
  for (int step = 0; step < 60; step++) {
    snprintf(id, sizeof id, "%s%d", seed_below(&rng, 4) ? "new-" : "item-", seed_below(&rng, 6));
    int kind = seed_below(&rng, 6);
    float vector[3] = {seed_normal(&rng), seed_normal(&rng), seed_normal(&rng)};
    say(&writer, kind < 3 ? SOLID_ITEM_ADDED : (solid_item_change)(kind - 2), id, NULL,
        kind < 3 ? attributes[seed_below(&rng, 4)] : NULL, kind < 3 && seed_below(&rng, 2) ? vector : NULL);
    if (step % 7 == 0) (void)place_of(&first, "u0", NULL, "x");
    if (step % 5 == 0) (void)push(&writer, "u1", id);
    uint64_t left;
    solid_status status = solid_item_log_apply(writer.log, writer.model, SIZE_MAX, &left);
    if (status == SOLID_EFULL) break;
  }
  process second = start();
  cr_assert_eq(solid_item_log_follow(second.log, second.store), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(second.log, second.model, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  for (int u = 0; u < 6; u++) {
    char user[8];
    snprintf(user, sizeof user, "u%d", u);
    (void)place_of(&first, user, NULL, "x");
    expect_same_answers(&first, &second, user);
    expect_same_answers(&writer, &second, user);
  }
  cr_assert_gt(solid_model_item_count(second.model), 40);
  stop(&second);
  stop(&first);
  stop(&writer);
}

/* ---- What a row is ---- */

/* Codes and vector again, naively and in double. */
Test(items, a_row_is_its_content) {
  process p = start();
  const float vector[3] = {0.3f, -1.2f, 0.7f};
  cr_assert_eq(say(&p, SOLID_ITEM_ADDED, "both", NULL, "third", vector), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  uint32_t item = solid_model_item_index(p.model, text("both"));
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
  stop(&p);
}

/* Equal distances go to the lowest code. */
Test(items, ties_go_to_the_lowest_code) {
  const float centroids[] = {5, 5, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  double x[2] = {0.5, 0.5};
  uint16_t codes[2] = {9, 9};
  sol_content_codes(centroids, 2, 4, 2, 2, x, codes);
  cr_assert(codes[0] == 1 && codes[1] == 0, "%u %u", codes[0], codes[1]);
}

/* Nothing that the model knows: it is in windows, and nobody is recommended it. */
Test(items, known_by_nothing_is_recommended_to_nobody) {
  process p = start();
  const float nothing[3] = {0, 0, 0};
  add(&p, "bare", "unheard of");
  cr_assert_eq(say(&p, SOLID_ITEM_ADDED, "zero", NULL, NULL, nothing), SOLID_OK);
  cr_assert_eq(push(&p, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(place_of(&p, "anna", NULL, "bare"), -1);
  cr_assert_eq(push(&p, "anna", "bare"), SOLID_OK);
  cr_assert_eq(push(&p, "anna", "zero"), SOLID_OK);
  solid_scored best[K];
  solid_answer answer = ask(&p, "anna", NULL, K, best);
  cr_assert(answer.window_seq == 3 && answer.params_seq == 3 && answer.count == K);
  cr_assert_eq(solid_model_item_count(p.model), 40);
  stop(&p);
}

Test(items, what_says_nothing_new_is_not_appended) {
  process p = start(), other = start();
  solid_item_log_info info = {.struct_size = sizeof info};
  add(&p, "new", "even");
  cr_assert_eq(say(&other, SOLID_ITEM_ADDED, "new", "A title", "even", NULL), SOLID_EDUPLICATE);
  cr_assert_eq(say(&p, SOLID_ITEM_SHOWN, "new", NULL, NULL, NULL), SOLID_EDUPLICATE);
  cr_assert_eq(say(&p, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(say(&other, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_EDUPLICATE);
  solid_item_entry entries[4] = {{.id = text("a")}, {.id = text("a")}, {.id = text("")}, {.id = text("b")}};
  solid_status verdicts[4];
  cr_assert_eq(solid_item_log_add(p.log, p.store, entries, 4, 1, verdicts), SOLID_OK);
  cr_assert(verdicts[0] == SOLID_OK && verdicts[1] == SOLID_EDUPLICATE && verdicts[2] == SOLID_ERANGE);
  cr_assert_eq(verdicts[3], SOLID_OK);
  cr_assert_eq(solid_item_log_get_info(p.log, &info), SOLID_OK);
  cr_assert(info.version.count == 4 && info.items == 2 && info.removed == 1, "%llu", (unsigned long long)info.items);
  stop(&other);
  stop(&p);
}

/* The same id described anew is another row, and the former one is nobody's. */
Test(items, described_anew) {
  process p = start();
  solid_neighbours *neighbours = NULL;
  solid_scored near[3];
  size_t n = 0;
  add(&p, "new", "even");
  cr_assert_eq(push(&p, "anna", "new"), SOLID_OK);
  add(&p, "new", "third");
  cr_assert_eq(push(&p, "ben", "item-1"), SOLID_OK);
  cr_assert_geq(place_of(&p, "ben", "third", "new"), 0);
  cr_assert_eq(place_of(&p, "ben", "even", "new"), -1);
  cr_assert_eq(solid_model_item_index(p.model, text("new")), 41);
  cr_assert_eq(solid_model_item_id(p.model, 40).size, 0);
  cr_assert_eq(solid_neighbours_new(&neighbours, p.model), SOLID_OK);
  cr_assert_eq(solid_neighbours_of(neighbours, 41, 3, near, &n), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) cr_assert_lt(near[i].item, 40);
  cr_assert_float_eq(solid_neighbours_cosine(neighbours, 41, 41), 1, 1e-5);
  solid_neighbours_free(neighbours);
  stop(&p);
}

/* ---- Old parameters ---- */

/* Parameters are made again only where the steps that they have seen hold an item that came later. */
Test(items, parameters_are_stale_where_the_window_has_a_later_item) {
  process writer = start(), reader = start();
  solid_scored best[K];
  add(&writer, "bare", "unheard of"); /* accepted, and unknown to the model */
  cr_assert_eq(push(&writer, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(push(&writer, "anna", "bare"), SOLID_OK);
  cr_assert_eq(push(&writer, "ben", "item-3"), SOLID_OK);
  cr_assert_eq(ask(&reader, "anna", NULL, K, best).source, SOLID_FROM_CACHE);
  add(&writer, "bare", "even");
  cr_assert_eq(ask(&reader, "ben", NULL, K, best).source, SOLID_FROM_CACHE, "the window has no later item");
  cr_assert_eq(ask(&reader, "anna", NULL, K, best).source, SOLID_FROM_GENERATION);
  cr_assert_eq(ask(&reader, "anna", NULL, K, best).source, SOLID_FROM_CACHE, "they were put back");
  stop(&reader);
  stop(&writer);
}

Test(items, later_is_told_by_24_bits) {
  cr_assert(sol_is_later(5, 4) && !sol_is_later(5, 5) && !sol_is_later(4, 5));
  cr_assert(sol_is_later(0x1000001, 0xffffff) && !sol_is_later(0xffffff, 0x000001));
}

/* ---- The store ---- */

Test(items, a_store_that_is_away_rejects_nothing) {
  solid_store *inner = NULL;
  fault_store fault;
  cr_assert_eq(solid_memory_store_share(&inner, root), SOLID_OK);
  fault_store_wrap(&fault, inner);
  process p = start_over(&fault.base, SPARE), other = start();
  const solid_event event = {.user = text("anna"), .item = text("new"), .time_ms = 1};
  solid_status verdict = SOLID_OK;
  add(&other, "new", "even");
  fault.items_read.fail_in = 1;
  fault.items_read.status = SOLID_EIO;
  cr_assert_eq(solid_pipeline_push(p.pipeline, &event, 1, &verdict), SOLID_EIO);
  cr_assert_eq(solid_pipeline_push(p.pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(verdict, SOLID_OK);
  p.store = inner; /* the wrapper has no close */
  stop(&other);
  solid_recommender_free(p.rec);
  solid_pipeline_free(p.pipeline);
  solid_item_log_free(p.log);
  solid_model_free(p.model);
  solid_store_close(inner);
}

/* A log that was lost and begun again: what it had is gone, what it has is there. */
Test(items, another_log_replaces_the_first) {
  process p = start();
  solid_store *empty = NULL;
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = 10;
  cr_assert_eq(solid_store_open_memory(&empty, NULL, &options), SOLID_OK);
  add(&p, "old", "even");
  cr_assert_eq(say(&p, SOLID_ITEM_HIDDEN, "item-7", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  cr_assert_neq(solid_model_item_index(p.model, text("old")), SOLID_NO_ITEM);
  cr_assert_eq(solid_item_log_follow(p.log, empty), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  cr_assert_eq(solid_model_item_index(p.model, text("old")), SOLID_NO_ITEM);
  cr_assert(solid_model_item_is_open(p.model, 7));
  solid_item_entry entry = {.id = text("fresh"), .attributes = &(solid_bytes){"even", 4}, .n_attributes = 1};
  solid_status verdict;
  cr_assert_eq(solid_item_log_add(p.log, empty, &entry, 1, 1, &verdict), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  cr_assert_eq(solid_model_item_index(p.model, text("fresh")), 41, "rows are not used twice");
  cr_assert_eq(solid_model_item_index(p.model, text("old")), SOLID_NO_ITEM);
  solid_store_close(empty);
  stop(&p);
}

/* ---- More than there is room for ---- */

/* Full: answers go on, events are taken, and a larger copy brings the rest; the generation stays. */
Test(items, the_slot_switches_to_a_larger_copy) {
  enum { MANY = 200 };
  process p = start();
  solid_slot *slot = NULL;
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  const solid_seat *before = NULL, *after = NULL;
  solid_store *stores[1] = {p.store};
  recommender.element = SOLID_F32;
  options.seats = 1, options.stores = stores, options.items = p.log, options.neighbours = 1;
  options.recommender = &recommender;
  cr_assert_eq(solid_slot_new(&slot, &options), SOLID_OK, "%s", solid_last_error());
  solid_model *model = joinable(SPARE);
  uint64_t generation = model->file.generation;
  cr_assert_eq(solid_slot_add(slot, model), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_switch(slot, root, generation, SOLID_SHARES), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(push(&p, "anna", "item-3"), SOLID_OK);
  cr_assert_eq(solid_slot_take(slot, 0, text("anna"), &before), SOLID_OK);
  char ids[MANY][16];
  for (int i = 0; i < MANY; i++) {
    snprintf(ids[i], sizeof ids[i], "new-%d", i);
    add(&p, ids[i], i % 2 ? "even" : "third");
  }
  solid_scored best[40 + MANY + 1];
  cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_EFULL);
  solid_answer answer = ask(&p, "anna", NULL, 40 + SPARE, best);
  cr_assert_eq(answer.count, 39 + SPARE, "full, and %zu items", answer.count);
  cr_assert_eq(push(&p, "anna", ids[MANY - 1]), SOLID_OK, "the log has it");
  cr_assert_eq(solid_slot_tend(slot, root), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_count(slot), 2, "who has a seat keeps it");
  cr_assert_eq(solid_slot_take(slot, 0, text("anna"), &after), SOLID_OK);
  cr_assert(after->model != before->model && after->generation == generation);
  solid_query query = SOLID_QUERY_INIT;
  query.k = 40 + MANY;
  answer = (solid_answer){.struct_size = sizeof answer};
  cr_assert_eq(solid_recommend(after->recommender, text("anna"), &query, best, &answer), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(answer.count, 38 + MANY, "%zu", answer.count);
  cr_assert_eq(answer.source, SOLID_FROM_GENERATION, "the window has an item that had no row");
  solid_slot_give(slot, before);
  solid_slot_give(slot, after);
  cr_assert_eq(solid_slot_count(slot), 1);
  cr_assert_eq(solid_slot_tend(slot, root), SOLID_OK);
  cr_assert_eq(solid_slot_count(slot), 1, "nothing to do");
  cr_assert_eq(solid_pipeline_switch(p.pipeline, p.model), SOLID_OK);
  solid_slot_free(slot);
  stop(&p);
}

/* A model that does not grow is not touched. */
Test(items, a_model_that_was_not_loaded_to_grow) {
  process p = start();
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 0);
  solid_model *fixed = tiny_model(ctx, &config, 3), *larger = NULL;
  solid_model_info info = {.struct_size = sizeof info};
  add(&p, "new", "even");
  cr_assert_eq(solid_item_log_apply(p.log, fixed, SIZE_MAX, NULL), SOLID_EUNSUPPORTED);
  cr_assert_eq(solid_model_grow(&larger, fixed, 1), SOLID_EUNSUPPORTED);
  cr_assert_eq(solid_model_item_index(fixed, text("new")), SOLID_NO_ITEM);
  cr_assert_eq(solid_model_get_info(fixed, &info), SOLID_OK);
  cr_assert(info.items == 40 && info.rows == 40);
  cr_assert_eq(solid_model_get_info(p.model, &info), SOLID_OK);
  cr_assert(info.items == 40 && info.rows == 40 + SPARE);
  cr_assert_eq(fixed->file.generation, p.model->file.generation, "spare rows are no other model");
  solid_model_free(fixed);
  stop(&p);
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
    solid_answer answer = ask(&a->p, "anna", NULL, 40 + SPARE, best);
    for (size_t i = 0; i < answer.count; i++) {
      cr_assert(isfinite(best[i].score) && best[i].item < 40 + SPARE);
      for (size_t j = 0; j < i; j++) cr_assert_neq(best[i].item, best[j].item);
    }
    a->answers++;
  }
  return NULL;
}

Test(items, join_while_others_ask) {
  enum { THREADS = 3 };
  process p = start();
  asker askers[THREADS];
  pthread_t threads[THREADS];
  atomic_int is_over = 0;
  cr_assert_eq(push(&p, "anna", "item-3"), SOLID_OK);
  for (int t = 0; t < THREADS; t++) {
    solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
    askers[t].p = (process){.model = p.model, .log = p.log};
    askers[t].stop = &is_over;
    atomic_init(&askers[t].answers, 0);
    options.items = p.log, options.element = SOLID_F32;
    cr_assert_eq(solid_memory_store_share(&askers[t].p.store, root), SOLID_OK);
    cr_assert_eq(solid_recommender_new(&askers[t].p.rec, p.model, askers[t].p.store, &options), SOLID_OK);
    cr_assert_eq(pthread_create(&threads[t], NULL, ask_on, &askers[t]), 0);
  }
  for (int t = 0; t < THREADS; t++)
    while (!atomic_load(&askers[t].answers)) sched_yield();
  for (int i = 0; i < 300; i++) {
    char id[16];
    snprintf(id, sizeof id, "new-%d", i % 15);
    if (i < 15) add(&p, id, i % 2 ? "even" : "third");
    say(&p, i % 3 ? SOLID_ITEM_HIDDEN : SOLID_ITEM_SHOWN, i % 2 ? id : "item-9", NULL, NULL, NULL);
    cr_assert_eq(solid_item_log_apply(p.log, p.model, SIZE_MAX, NULL), SOLID_OK);
  }
  atomic_store(&is_over, 1);
  for (int t = 0; t < THREADS; t++) {
    cr_assert_eq(pthread_join(threads[t], NULL), 0);
    solid_recommender_free(askers[t].p.rec);
    solid_store_close(askers[t].p.store);
  }
  stop(&p);
}
