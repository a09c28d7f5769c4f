/* Cold start, live: items that were hidden from training join a model without them through the item log, and it ranks
 * as the model does that was written with them: the tables of cold start are what a service does. */
#include "solid/item_log.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/pipeline.h"
#include "solid/recommender.h"
#include "solid/train/hidden.h"
#include "solid/train/split.h"
#include "solid/train/trainer.h"
#include "store/memory_store.h"
#include "tests/support/seed.h"
#include "tests/support/strip_hidden.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS = 90, TASTES = 9, USERS = 120, EVENTS = 9, GIVEN = 5, SEED = 4 };

static solid_bytes name(char text[24], const char *what, int number) {
  return (solid_bytes){text, (size_t)snprintf(text, 24, "%s-%d", what, number)};
}

/* Users like two kinds of items; what an item is says its kind, and a vector says it again. */
static solid_dataset tastes(void) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  char item[24], other[24];
  seed_rng rng = seed_start(1);
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int v = 0; v < ITEMS; v++) {
    float vector[GIVEN];
    for (int j = 0; j < GIVEN; j++) vector[j] = 0.4f * seed_normal(&rng) + (float)(j == v % GIVEN);
    solid_bytes id = name(item, "item", v);
    cr_assert_eq(solid_collector_attribute(collector, id, name(other, "kind", v % TASTES)), SOLID_OK);
    cr_assert_eq(solid_collector_attribute(collector, id, name(other, "colour", v % 4)), SOLID_OK);
    if (v % 11 == 0) cr_assert_eq(solid_collector_attribute(collector, id, name(other, "only", v)), SOLID_OK);
    cr_assert_eq(solid_collector_vector(collector, id, vector, GIVEN), SOLID_OK);
  }
  for (int u = 0; u < USERS; u++)
    for (int i = 0; i < EVENTS; i++) {
      int kind = (u + seed_below(&rng, 2)) % TASTES, v = kind + TASTES * seed_below(&rng, ITEMS / TASTES);
      const solid_event event = {.user = name(other, "user", u), .item = name(item, "item", v), .time_ms = i};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
  return dataset;
}

static void train(const solid_context *ctx, const solid_dataset *dataset, const char *path) {
  solid_train_options options = solid_train_options_default();
  solid_trainer *trainer = NULL;
  solid_epoch report;
  options.width = 16, options.window = 8, options.codes = 12, options.content = 4, options.epochs = 6;
  options.batch = 32;
  options.hide = 0.2, options.hide_seed = SEED;
  cr_assert_eq(solid_trainer_new(&trainer, ctx, dataset, &options), SOLID_OK, "%s", solid_last_error());
  do cr_assert_eq(solid_trainer_epoch(trainer, NULL, NULL, &report), SOLID_OK, "%s", solid_last_error());
  while (!report.finished);
  cr_assert_eq(solid_trainer_export(trainer, path), SOLID_OK, "%s", solid_last_error());
  solid_trainer_free(trainer);
}

/* The hidden items, as a shop would tell of them. */
static void say_all(solid_item_log *log, solid_store *store, const solid_dataset *dataset, const solid_hidden *hidden) {
  for (uint32_t v = 0; v < dataset->items; v++) {
    if (!hidden->mask[v]) continue;
    solid_bytes attributes[8];
    solid_item_entry entry = {.id = solid_vocab_id(&dataset->item_ids, v), .attributes = attributes};
    for (size_t i = dataset->attribute_offsets[v + 1]; i-- > dataset->attribute_offsets[v];)
      attributes[entry.n_attributes++] = solid_vocab_id(&dataset->attributes, dataset->attribute_ids[i]);
    entry.vector = dataset->vectors + (size_t)v * GIVEN;
    entry.width = GIVEN;
    solid_status verdict;
    cr_assert_eq(solid_item_log_add(log, store, &entry, 1, 1, &verdict), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(verdict, SOLID_OK);
  }
}

typedef struct figures {
  size_t users, hits;
  double ndcg;
  uint32_t ranks[USERS];
} figures;

/* Where the test target of each user stands in the whole catalogue, by a service over this model. */
static figures measure(const solid_model *model, const solid_dataset *dataset, const solid_hidden *hidden,
                       solid_store *store, solid_item_log *log) {
  figures f = {0};
  solid_pipeline *pipeline = NULL;
  solid_recommender *rec = NULL;
  solid_pipeline_options po = SOLID_PIPELINE_OPTIONS_INIT;
  solid_recommender_options ro = SOLID_RECOMMENDER_OPTIONS_INIT;
  po.items = ro.items = log;
  po.element = ro.element = SOLID_F32;
  cr_assert_eq(solid_pipeline_new(&pipeline, model, store, &po), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_recommender_new(&rec, model, store, &ro), SOLID_OK, "%s", solid_last_error());
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range known = {0, 0};
    solid_bytes user = solid_vocab_id(&dataset->user_ids, u);
    if (!solid_split_question(dataset, u, SOLID_PART_TEST, &known)) continue;
    for (size_t e = known.begin; e < known.end; e++) {
      solid_status verdict;
      solid_event event = {
          .user = user, .item = solid_vocab_id(&dataset->item_ids, dataset->sequence[e]), .time_ms = (int64_t)e};
      cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
      cr_assert_eq(verdict, SOLID_OK);
    }
    uint32_t target = dataset->sequence[known.end], rank = 0;
    solid_bytes wanted = solid_vocab_id(&dataset->item_ids, target);
    solid_scored best[ITEMS];
    solid_query query = SOLID_QUERY_INIT;
    query.k = dataset->items;
    solid_answer answer = {.struct_size = sizeof answer};
    cr_assert_eq(solid_recommend(rec, user, &query, best, &answer), SOLID_OK, "%s", solid_last_error());
    while (rank < answer.count) {
      solid_bytes id = solid_model_item_id(model, best[rank].item);
      if (id.size == wanted.size && !memcmp(id.data, wanted.data, id.size)) break;
      rank++;
    }
    if (!hidden->mask[target]) continue;
    f.ranks[f.users++] = rank;
    f.hits += rank < 10;
    f.ndcg += rank < 10 ? 1 / log2(rank + 2.0) : 0;
  }
  solid_pipeline_free(pipeline);
  solid_recommender_free(rec);
  return f;
}

Test(hidden_live, ranks_as_the_offline_table_says, .timeout = 600) {
  char path[] = "/tmp/solid-live-XXXXXX";
  solid_context *ctx = NULL;
  solid_dataset dataset = tastes();
  solid_hidden hidden;
  sol_model_file file;
  solid_model *offline = NULL, *live = NULL;
  solid_store *stores[2] = {NULL, NULL};
  solid_item_log *log = NULL;
  close(mkstemp(path));
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  cr_assert_eq(solid_hidden_choose(&hidden, &dataset, 0.2, SEED), SOLID_OK);
  train(ctx, &dataset, path);
  cr_assert_eq(solid_model_load(&offline, ctx, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_file_read(&file, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(strip_hidden(&file, &hidden), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_new_growing(&live, ctx, &file, 64), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 2; i++) cr_assert_eq(solid_store_open_memory(&stores[i], live, NULL), SOLID_OK);
  cr_assert_eq(solid_item_log_new(&log, ctx), SOLID_OK);
  say_all(log, stores[1], &dataset, &hidden);
  cr_assert_eq(solid_item_log_apply(log, live, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());

  float *vectors = malloc(dataset.items * 16 * sizeof *vectors);
  cr_assert_eq(solid_model_item_vectors(offline, vectors), SOLID_OK);
  uint32_t same = 0;
  for (uint32_t v = 0; v < dataset.items; v++) {
    if (!hidden.mask[v]) continue;
    uint32_t item = solid_model_item_index(live, solid_vocab_id(&dataset.item_ids, v));
    cr_assert_neq(item, SOLID_NO_ITEM);
    cr_assert_arr_eq(solid_model_item_codes(live, item), solid_model_item_codes(offline, v), 3 * sizeof(uint16_t));
    cr_assert_arr_eq(sol_model_joined(live, item)->vector, vectors + v * 16, 16 * sizeof(float), "item %u", v);
    same++;
  }
  cr_assert_eq(same, dataset.items - hidden.visible);
  free(vectors);

  figures before = measure(offline, &dataset, &hidden, stores[0], NULL);
  figures after = measure(live, &dataset, &hidden, stores[1], log);
  cr_assert(before.users > 10 && before.users == after.users, "%zu and %zu", before.users, after.users);
  for (size_t i = 0; i < before.users; i++)
    cr_assert_eq(before.ranks[i], after.ranks[i], "user %zu: %u offline, %u live", i, before.ranks[i], after.ranks[i]);
  cr_assert(before.hits == after.hits && before.ndcg == after.ndcg);
  cr_assert_gt(after.hits, 0, "of %zu", after.users);
  fprintf(stderr, "hidden targets of %zu users: HR@10 %.4f, NDCG@10 %.4f offline and live\n", after.users,
          (double)after.hits / (double)after.users, after.ndcg / (double)after.users);

  solid_item_log_free(log);
  solid_model_free(live);
  solid_model_free(offline);
  for (int i = 0; i < 2; i++) solid_store_close(stores[i]);
  solid_hidden_clear(&hidden);
  solid_dataset_clear(&dataset);
  solid_context_free(ctx);
  unlink(path);
}
