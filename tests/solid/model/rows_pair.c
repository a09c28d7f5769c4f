#include "tests/solid/model/rows_pair.h"
#include "kernels/scout.h"
#include "solid/model/join.h"
#include "solid/worker.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 1500, L = 10 };

sol_config rows_large(solid_head head) {
  sol_config config = tiny_joinable(head, 0);
  config.items = ITEMS;
  return config;
}

pair rows_open(const sol_config *config) {
  pair p = {0};
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = 2;
  cr_assert_eq(solid_context_new(&p.ctx, &options), SOLID_OK);
  tiny_model_write(p.path, sizeof p.path, config, 5);
  cr_assert_eq(sol_model_open(&p.tables, p.ctx, p.path, 1, UINT32_MAX), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_open(&p.rows, p.ctx, p.path, 1, 0), SOLID_OK, "%s", solid_last_error());
  cr_assert_null(p.tables->file.rows);
  cr_assert_eq(p.rows->file.rows != NULL, sk_scout_is_fast());
  cr_assert_eq(p.rows->file.generation, p.tables->file.generation);
  return p;
}

void rows_close(pair *p) {
  unlink(p->path);
  solid_model_free(p->rows);
  solid_model_free(p->tables);
  solid_context_free(p->ctx);
}

void rows_join(const solid_model *model, int from, int to) {
  pthread_mutex_lock(&model->growth->lock);
  for (int i = from; i < to; i++) {
    seed_rng rng = seed_start((uint64_t)i + 1);
    char id[16];
    snprintf(id, sizeof id, "new-%d", i);
    const float vector[3] = {seed_normal(&rng), seed_normal(&rng), seed_normal(&rng)};
    const solid_bytes attributes[] = {{"even", 4}, {"third", 5}};
    const solid_item_entry entry = {.kind = SOLID_ITEM_ADDED,
                                    .id = {id, strlen(id)},
                                    .attributes = attributes,
                                    .n_attributes = (size_t)i % 3,
                                    .vector = vector,
                                    .width = 3};
    cr_assert_eq(sol_model_join(model, &entry, (uint64_t)i + 1), SOLID_OK, "%s", solid_last_error());
    sol_growth_close(model->growth, (uint32_t)(ITEMS + i), i % 5 == 0);
  }
  pthread_mutex_unlock(&model->growth->lock);
}

/* ---- The same bits ---- */

static void gather(const solid_model *model, sk_rows_part part, const int32_t *index, int32_t n, float *out) {
  sol_run run = {NULL, sol_backend_open(model->ctx, &run.be)};
  sol_gather_items(&run, (sol_item_rows){sol_model_config(model), sol_model_catalogue(model), part}, n, index, out);
  cr_assert_eq(run.status, SOLID_OK);
  run.be->ops->close(run.be);
}

static void same_rows(const pair *p) {
  enum { ROWS = 300 };
  seed_rng rng = seed_start(7);
  int32_t index[ROWS], count = (int32_t)solid_model_item_count(p->tables);
  static float want[ROWS * D], got[ROWS * D];
  for (int i = 0; i < ROWS; i++) index[i] = i % 7 == 0 ? -1 : i % 7 == 1 ? count - 1 - i % 5 : seed_below(&rng, count);
  for (int part = SK_ROWS_WHOLE; part <= SK_ROWS_SHARED; part++) {
    if (part == SK_ROWS_SHARED && !sol_model_config(p->tables)->levels) continue;
    memset(got, 0x55, sizeof got);
    gather(p->tables, (sk_rows_part)part, index, ROWS, want);
    gather(p->rows, (sk_rows_part)part, index, ROWS, got);
    for (int i = 0; i < ROWS; i++)
      cr_assert_eq(memcmp(want + i * D, got + i * D, D * sizeof *got), 0, "part %d: item %d", part, index[i]);
  }
}

static void same_vectors(const pair *p) {
  size_t floats = (size_t)ITEMS * D;
  float *want = malloc(floats * sizeof *want), *got = malloc(floats * sizeof *got);
  cr_assert_eq(solid_model_item_vectors(p->tables, want), SOLID_OK);
  cr_assert_eq(solid_model_item_vectors(p->rows, got), SOLID_OK);
  cr_assert_eq(memcmp(want, got, floats * sizeof *want), 0);
  free(want);
  free(got);
}

/* Users of whom one is spoilt, lists that a scout makes and longer ones, with closed items and narrow filters. */
static void same_lists(const pair *p) {
  static const uint32_t lengths[] = {1, 20, 1024, MOST};
  static solid_scored want[N * MOST], got[N * MOST];
  size_t words = ((size_t)sol_model_config(p->tables)->items + 63) / 64, counts[2][N];
  uint64_t *mask = calloc(N * words, sizeof *mask);
  solid_worker *workers[2];
  seed_rng rng = seed_start(8);
  cr_assert_eq(solid_worker_new(&workers[0], p->tables, N), SOLID_OK);
  cr_assert_eq(solid_worker_new(&workers[1], p->rows, N), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
    uint32_t k = lengths[i / 2];
    float u[N * D];
    seed_fill_normal(&rng, u, N * D, 1.0f);
    u[D] = i % 2 ? NAN : 0.0f;
    for (int n = 0; n < N; n++) solid_model_closed_items(p->tables, mask + (size_t)n * words);
    for (size_t w = 0; w < words && i % 2; w++) mask[w] |= w % 50 ? UINT64_MAX : 0, mask[words + w] |= seed_next(&rng);
    memset(want, 0, sizeof want), memset(got, 0, sizeof got);
    cr_assert_eq(solid_worker_rank(workers[0], N, u, mask, k, want, counts[0]), SOLID_OK);
    cr_assert_eq(solid_worker_rank(workers[1], N, u, mask, k, got, counts[1]), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(memcmp(counts[0], counts[1], sizeof counts[0]), 0);
    cr_assert_eq(memcmp(want, got, N * (size_t)k * sizeof *want), 0, "k %u", k);
  }
  solid_worker_free(workers[0]);
  solid_worker_free(workers[1]);
  free(mask);
}

static void same_parameters(const pair *p) {
  size_t P = sol_config_params(sol_model_config(p->tables));
  uint32_t items[N * L], offsets[N + 1] = {0, L, L + 3, L + 3}, count = solid_model_item_count(p->tables);
  const solid_windows windows = {N, offsets, items};
  float *made[2] = {calloc(N * (D + P), sizeof(float)), calloc(N * (D + P), sizeof(float))};
  seed_rng rng = seed_start(9);
  for (int i = 0; i < N * L; i++) items[i] = i % 4 ? (uint32_t)seed_below(&rng, ITEMS) : count - 1 - (uint32_t)i % 3;
  const solid_model *models[2] = {p->tables, p->rows};
  for (int m = 0; m < 2; m++) {
    solid_worker *worker = NULL;
    cr_assert_eq(solid_worker_new(&worker, models[m], N), SOLID_OK);
    cr_assert_eq(solid_worker_generate(worker, &windows, made[m], made[m] + N * D), SOLID_OK, "%s", solid_last_error());
    solid_worker_free(worker);
  }
  cr_assert_eq(memcmp(made[0], made[1], N * (D + P) * sizeof(float)), 0);
  free(made[0]);
  free(made[1]);
}

void rows_same(const pair *p) {
  same_rows(p);
  same_vectors(p);
  same_lists(p);
  same_parameters(p);
}
