/* A model with so many items that a CPU ranks them by a scout: the same bits as by the operation without one. */
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/model/model_parts.h"
#include "solid/worker.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
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
