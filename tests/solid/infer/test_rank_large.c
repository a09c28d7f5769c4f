/* A model with so many items that a CPU ranks them by a scout: the same bits as by the operation without one. */
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/model/join.h"
#include "solid/model/model_parts.h"
#include "solid/worker.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = SK_TOPK_LARGE + 77, D = 16, N = 3, K = 20 };

static solid_context *open_context(uint32_t approximate) {
  solid_context *ctx = NULL;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.approximate = approximate;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_OK, "%s", solid_last_error());
  return ctx;
}

static solid_model *large_model(const solid_context *ctx) {
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  config.items = ITEMS, config.width = D;
  return tiny_model(ctx, &config, 3);
}

typedef struct lists {
  solid_scored best[N * K];
  size_t counts[N];
} lists;

static void rank(const solid_model *model, const float *u, const uint64_t *excluded, lists *out) {
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, model, N), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_mask_words(worker), (ITEMS + 63) / 64);
  cr_assert_eq(solid_worker_rank(worker, N, u, excluded, K, out->best, out->counts), SOLID_OK);
  solid_worker_free(worker);
}

static void rank_plainly(const solid_context *ctx, const solid_model *model, const float *u, const uint64_t *excluded,
                         int32_t *index, float *score) {
  sk_backend *be = NULL;
  cr_assert_eq(sol_backend_open(ctx, &be), SOLID_OK);
  const sk_topk_args a = {.n = N,
                          .d = D,
                          .items = ITEMS,
                          .k = K,
                          .u = u,
                          .e = sol_model_catalogue(model)->vectors,
                          .mask = excluded,
                          .mask_words = (ITEMS + 63) / 64,
                          .index = index,
                          .score = score};
  cr_assert_eq(be->ops->topk(be, &a), SOLID_OK);
  be->ops->close(be);
}

static void draw(float *u, uint64_t *excluded) {
  seed_rng rng = seed_start(31);
  seed_fill_normal(&rng, u, N * D, 1.0f);
  for (size_t i = 0; i < (size_t)N * ((ITEMS + 63) / 64); i++) excluded[i] = seed_next(&rng) & seed_next(&rng);
}

Test(rank_large, is_the_plain_ranking_to_the_bit) {
  solid_context *ctx = open_context(0);
  solid_model *model = large_model(ctx);
  float u[N * D], score[N * K];
  int32_t index[N * K];
  uint64_t *excluded = calloc(N * ((ITEMS + 63) / 64), sizeof *excluded);
  lists got;
  draw(u, excluded);
  cr_assert_eq(sol_model_scout(model) != NULL, sk_scout_is_fast());
  rank(model, u, excluded, &got);
  rank_plainly(ctx, model, u, excluded, index, score);
  for (int i = 0; i < N * K; i++) {
    cr_assert_eq(got.best[i].item, (uint32_t)index[i], "place %d", i);
    cr_assert_eq(memcmp(&got.best[i].score, &score[i], sizeof score[i]), 0, "place %d", i);
  }
  free(excluded);
  solid_model_free(model);
  solid_context_free(ctx);
}

/* Scores of an approximate list are exact and in order, no item is one that was left out, and few are missing. */
Test(rank_large, misses_few_items_when_it_may) {
  solid_context *ctx = open_context(1);
  solid_model *model = large_model(ctx);
  float u[N * D], score[N * K];
  int32_t index[N * K], found = 0;
  uint64_t *excluded = calloc(N * ((ITEMS + 63) / 64), sizeof *excluded);
  lists got, again;
  draw(u, excluded);
  rank(model, u, excluded, &got);
  rank(model, u, excluded, &again);
  rank_plainly(ctx, model, u, excluded, index, score);
  for (int i = 0; i < N * K; i++) {
    uint32_t item = got.best[i].item;
    cr_assert(item < ITEMS && !(excluded[(size_t)(i / K) * ((ITEMS + 63) / 64) + item / 64] >> item % 64 & 1));
    cr_assert_eq(item, again.best[i].item);
    cr_assert(i % K == 0 || got.best[i - 1].score >= got.best[i].score);
    for (int j = i / K * K; j < (i / K + 1) * K; j++)
      if (index[j] == (int32_t)item) {
        cr_assert_eq(memcmp(&got.best[i].score, &score[j], sizeof score[j]), 0);
        found++;
      }
  }
  cr_assert(found >= N * K * 95 / 100, "%d of %d", found, N * K);
  free(excluded);
  solid_model_free(model);
  solid_context_free(ctx);
}

/* ---- Items that joined ---- */

enum { TRAINED = 70000, JOINED = 100 };

static solid_model *growing_model(const solid_context *ctx) {
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 0);
  config.items = TRAINED;
  sol_model_file file;
  solid_model *model = NULL;
  tiny_model_file(&file, &config, 3);
  cr_assert_eq(sol_model_new_growing(&model, ctx, &file, JOINED + 12), SOLID_OK, "%s", solid_last_error());
  return model;
}

/* Some are closed again. */
static void join(const solid_model *model, seed_rng *rng, int from, int to) {
  pthread_mutex_lock(&model->growth->lock);
  for (int i = from; i < to; i++) {
    char id[16];
    snprintf(id, sizeof id, "new-%d", i);
    const float vector[3] = {seed_normal(rng), seed_normal(rng), seed_normal(rng)};
    const solid_item_entry entry = {.kind = SOLID_ITEM_ADDED, .id = {id, strlen(id)}, .vector = vector, .width = 3};
    cr_assert_eq(sol_model_join(model, &entry, (uint64_t)i + 1), SOLID_OK, "%s", solid_last_error());
    sol_growth_close(model->growth, (uint32_t)(TRAINED + i), i % 5 == 0);
  }
  pthread_mutex_unlock(&model->growth->lock);
}

/* Against every score in double, for lists of several lengths: users near items that joined, and near none. */
static void judge_joined(const solid_model *model, uint64_t seed) {
  enum { MOST = 1500 };
  static const uint32_t lengths[] = {1, 20, 1024, MOST};
  uint32_t rows = model->file.config.items, count = solid_model_item_count(model);
  size_t words = (rows + 63) / 64;
  const float *e = sol_model_catalogue(model)->vectors;
  uint64_t *excluded = calloc(words, sizeof *excluded);
  solid_scored *best = calloc(MOST, sizeof *best);
  solid_worker *worker = NULL;
  seed_rng rng = seed_start(seed);
  float u[D];
  cr_assert_eq(solid_worker_new(&worker, model, 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_mask_words(worker), words);
  for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
    for (int near = 0; near < 3; near++) {
      size_t found, joined = 0;
      seed_fill_normal(&rng, u, D, 1.0f);
      if (near && count > TRAINED) memcpy(u, e + (size_t)(count - (uint32_t)near) * D, sizeof u);
      solid_model_closed_items(model, excluded);
      for (size_t w = 0; near == 2 && w < words; w++) excluded[w] |= seed_next(&rng) | seed_next(&rng);
      cr_assert_eq(solid_worker_rank(worker, 1, u, excluded, lengths[l], best, &found), SOLID_OK);
      cr_assert_eq(found, lengths[l]);
      for (size_t i = 0; i < found; i++) {
        cr_assert(best[i].item < count && !(excluded[best[i].item / 64] >> best[i].item % 64 & 1), "place %zu", i);
        cr_assert(!i || best[i - 1].score >= best[i].score, "place %zu", i);
        joined += best[i].item >= TRAINED;
      }
      size_t better = 0, better_joined = 0;
      for (uint32_t v = 0; v < count; v++) {
        double score = 0;
        for (int j = 0; j < D; j++) score += (double)u[j] * (double)e[(size_t)v * D + (size_t)j];
        int is_better = score > (double)best[found - 1].score + 1e-4 && !(excluded[v / 64] >> v % 64 & 1);
        better += (size_t)is_better, better_joined += (size_t)(is_better && v >= TRAINED);
      }
      cr_assert_leq(better, found, "%zu of %zu are better than the last one", better, found);
      cr_assert_leq(better_joined, joined);
    }
  solid_worker_free(worker);
  free(best);
  free(excluded);
}

/* The scout covers what was trained; what joined stands behind it, also in a copy with more room. */
Test(rank_large, finds_items_that_joined_behind_the_scout) {
  solid_context *ctx = open_context(0);
  solid_model *model = growing_model(ctx), *larger = NULL;
  seed_rng rng = seed_start(9);
  cr_assert_eq(sol_model_scout(model) != NULL, sk_scout_is_fast());
  judge_joined(model, 1);
  join(model, &rng, 0, 1);
  judge_joined(model, 2);
  join(model, &rng, 1, JOINED);
  judge_joined(model, 3);
  cr_assert_eq(solid_model_grow(&larger, model, 300), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_scout(larger) != NULL, sk_scout_is_fast());
  join(larger, &rng, 0, 300);
  judge_joined(larger, 4);
  solid_model_free(larger);
  solid_model_free(model);
  solid_context_free(ctx);
}
