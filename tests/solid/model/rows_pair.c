#include "tests/solid/model/rows_pair.h"
#include "kernels/scout.h"
#include "solid/model/join.h"
#include "solid/worker.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
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

static void open_pair(pair *to, const sol_config *config) {
  pair p = *to;
  tiny_model_write(p.path, sizeof p.path, config, 5);
  cr_assert_eq(sol_model_open(&p.tables, p.ctx, p.path, 1, UINT32_MAX), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_open(&p.rows, p.ctx, p.path, 1, 0), SOLID_OK, "%s", solid_last_error());
  cr_assert_null(p.tables->file.rows);
  cr_assert_null(p.tables->host_rows);
  cr_assert_eq(p.rows->file.rows != NULL, p.ctx->ops->unified && sk_scout_is_fast());
  cr_assert_eq(p.rows->host_rows != NULL, !p.ctx->ops->unified);
  cr_assert_eq(p.rows->file.generation, p.tables->file.generation);
  *to = p;
}

pair rows_open(const sol_config *config) {
  pair p = {0};
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = 2;
  cr_assert_eq(solid_context_new(&p.ctx, &options), SOLID_OK);
  open_pair(&p, config);
  return p;
}

pair rows_open_on(const char *device, const sol_config *config) {
  pair p = {.ctx = serving_context_on(device)};
  if (p.ctx) open_pair(&p, config);
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

/* Memory of the device that holds `bytes` of `host`, or nothing yet. */
static void *on_device(sk_backend *be, const void *host, size_t bytes) {
  void *device = NULL;
  cr_assert_eq(be->ops->alloc(be, &device, bytes), SOLID_OK, "%s", be->err);
  if (host) cr_assert_eq(be->ops->upload(be, device, host, bytes), SOLID_OK);
  return device;
}

static void from_device(sk_backend *be, void *host, void *device, size_t bytes) {
  cr_assert_eq(be->ops->download(be, host, device, bytes), SOLID_OK);
  cr_assert_eq(be->ops->sync(be), SOLID_OK, "%s", be->err);
  be->ops->free(be, device);
}

static void gather(const solid_model *model, sk_rows_part part, const int32_t *index, int32_t n, float *out) {
  sol_run run = {NULL, sol_backend_open(model->ctx, &run.be)};
  size_t bytes = (size_t)n * D * sizeof *out;
  int32_t *which = on_device(run.be, index, (size_t)n * sizeof *index);
  float *rows = on_device(run.be, NULL, bytes);
  sol_gather_items(&run, (sol_item_rows){sol_model_config(model), sol_model_catalogue(model), part}, n, which, rows);
  cr_assert_eq(run.status, SOLID_OK);
  from_device(run.be, out, rows, bytes);
  run.be->ops->free(run.be, which);
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

/* The lists of an operation that is given the table and nothing else. */
static void same_as_plain(const solid_model *model, const float *u, const uint64_t *mask, size_t k,
                          const solid_scored *got) {
  size_t words = (sol_model_config(model)->items + 63) / 64, n = N * k;
  sk_backend *be = NULL;
  int32_t *index = malloc(n * sizeof *index);
  float *score = malloc(n * sizeof *score);
  cr_assert_eq(sol_backend_open(model->ctx, &be), SOLID_OK);
  float *users = on_device(be, u, N * D * sizeof *u);
  uint64_t *masks = on_device(be, mask, N * words * sizeof *mask);
  sk_topk_args a = {.n = N, .d = D, .items = sol_model_ranked(model, be, k), .k = (int32_t)k, .u = users};
  a.e = sol_model_catalogue(model)->vectors, a.mask = masks, a.mask_words = (int32_t)words;
  a.index = on_device(be, NULL, n * sizeof *index), a.score = on_device(be, NULL, n * sizeof *score);
  cr_assert_eq(be->ops->topk(be, &a), SOLID_OK, "%s", be->err);
  from_device(be, index, a.index, n * sizeof *index);
  from_device(be, score, a.score, n * sizeof *score);
  for (size_t i = 0; i < n; i++)
    cr_assert(got[i].item == (index[i] < 0 ? SOLID_NO_ITEM : (uint32_t)index[i]) &&
                  memcmp(&got[i].score, &score[i], sizeof *score) == 0,
              "k %zu, place %zu: item %u, %a, not %d, %a", k, i, got[i].item, (double)got[i].score, index[i],
              (double)score[i]);
  be->ops->free(be, users);
  be->ops->free(be, masks);
  be->ops->close(be);
  free(index);
  free(score);
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
    same_as_plain(p->tables, u, mask, k, want);
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
