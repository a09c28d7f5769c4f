/* A model whose embeddings stay in the file is the same model: to the bit, in ranking, encoding and generating, with
 * items that joined; and a file that is spoilt while it is in use is an error, never a crash. */
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/model/join.h"
#include "solid/model/model_parts.h"
#include "solid/worker.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ITEMS = SK_TOPK_LARGE + 77, D = 16, N = 3, JOINED = 9, MOST = 1500, L = 10, NEVER = -1 };

typedef struct pair {
  solid_context *ctx;
  char path[256];
  solid_model *tables, *rows; /* E in memory, E in the file */
} pair;

static sol_config large(solid_head head) {
  sol_config config = tiny_joinable(head, 0);
  config.items = ITEMS;
  return config;
}

static pair open_pair(const sol_config *config) {
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

static void close_pair(pair *p) {
  unlink(p->path);
  solid_model_free(p->rows);
  solid_model_free(p->tables);
  solid_context_free(p->ctx);
}

static void join(const solid_model *model, int from, int to) {
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

static void same_model(const pair *p) {
  same_rows(p);
  same_vectors(p);
  same_lists(p);
  same_parameters(p);
}

Test(rows_file, is_the_same_model_to_the_bit_and_so_is_a_copy_with_more_room) {
  sol_config config = large(SOLID_HEAD_SOLID);
  pair p = open_pair(&config), more = {.ctx = p.ctx};
  same_model(&p);
  join(p.tables, 0, JOINED);
  join(p.rows, 0, JOINED);
  same_model(&p);
  cr_assert_eq(solid_model_grow(&more.tables, p.tables, 300), SOLID_OK);
  cr_assert_eq(solid_model_grow(&more.rows, p.rows, 300), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(more.rows->file.rows != NULL, sk_scout_is_fast());
  solid_model_free(p.rows);
  p.rows = NULL;
  join(more.tables, 0, 200);
  join(more.rows, 0, 200);
  same_model(&more);
  solid_model_free(more.rows);
  solid_model_free(more.tables);
  close_pair(&p);
}

Test(rows_file, is_the_same_model_without_codes) {
  sol_config config = tiny_config(SOLID_HEAD_DUET, 0);
  config.items = ITEMS, config.levels = config.codes = config.content = 0;
  pair p = open_pair(&config);
  same_model(&p);
  close_pair(&p);
}

/* ---- Models that keep all in memory ---- */

Test(rows_file, stays_in_memory_where_slates_need_all_rows_or_items_are_few) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  char path[256];
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  for (int few = 0; few < 2; few++) {
    sol_config config = large(SOLID_HEAD_SOLID);
    config.items = few ? SK_TOPK_LARGE - 1 : ITEMS;
    if (!few) config.slate_rows = 4, config.slate_blocks = 1, config.slate_collisions = ITEMS;
    tiny_model_write(path, sizeof path, &config, 5);
    cr_assert_eq(sol_model_open(&model, ctx, path, NEVER, 0), SOLID_OK, "%s", solid_last_error());
    cr_assert_null(model->file.rows);
    solid_model_free(model);
    unlink(path);
  }
  solid_context_free(ctx);
}

/* ---- Files that change ---- */

/* What a question and an encoder say of it; NULL: they must answer. */
static void expect(solid_worker *worker, const char *text) {
  solid_scored best[N];
  uint32_t items[] = {3, 4}, offsets[] = {0, 2};
  size_t count;
  float u[D] = {1}, h[D];
  solid_status status = solid_worker_rank(worker, 1, u, NULL, N, best, &count);
  cr_assert_eq(status, text ? SOLID_EIO : SOLID_OK, "%s", solid_last_error());
  if (text) cr_assert_not_null(strstr(solid_last_error(), text), "%s", solid_last_error());
  status = solid_worker_encode(worker, &(solid_windows){1, offsets, items}, h);
  cr_assert_eq(status, text ? SOLID_EIO : SOLID_OK);
  if (text) cr_assert_not_null(strstr(solid_last_error(), text), "%s", solid_last_error());
}

static void write_bytes(const char *path, const char *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_TRUNC);
  cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
  close(fd);
}

static char *read_bytes(const char *path, size_t *size) {
  struct stat info;
  int fd = open(path, O_RDONLY);
  cr_assert(fd >= 0 && fstat(fd, &info) == 0);
  char *bytes = malloc((size_t)info.st_size);
  *size = (size_t)info.st_size;
  cr_assert_eq(read(fd, bytes, *size), (ssize_t)*size);
  close(fd);
  return bytes;
}

Test(rows_file, answers_with_an_error_when_its_file_is_cut_short_or_written_anew) {
  sol_config config = large(SOLID_HEAD_SOLID);
  pair p = open_pair(&config);
  size_t size;
  char *bytes = read_bytes(p.path, &size);
  solid_worker *rows = NULL, *tables = NULL;
  if (!p.rows->file.rows) cr_skip_test("no scout on this machine, so that nothing stays in the file");
  cr_assert_eq(solid_worker_new(&rows, p.rows, 1), SOLID_OK);
  cr_assert_eq(solid_worker_new(&tables, p.tables, 1), SOLID_OK);
  expect(rows, NULL);
  cr_assert_eq(truncate(p.path, 1000), 0);
  expect(rows, "cut short");
  cr_assert_eq(truncate(p.path, 0), 0);
  expect(rows, "cut short");
  solid_model *copy = NULL;
  cr_assert_eq(solid_model_grow(&copy, p.rows, 300), SOLID_EIO);
  cr_assert_null(copy);
  float *vectors = malloc((size_t)ITEMS * D * sizeof *vectors);
  cr_assert_eq(solid_model_item_vectors(p.rows, vectors), SOLID_EIO);
  free(vectors);
  write_bytes(p.path, bytes, size);
  cr_assert_eq(utimensat(AT_FDCWD, p.path, (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
  expect(rows, "changed");
  expect(tables, NULL);
  solid_worker_free(rows);
  solid_worker_free(tables);
  free(bytes);
  close_pair(&p);
}

Test(rows_file, goes_on_when_another_file_takes_its_name) {
  sol_config config = large(SOLID_HEAD_SOLID);
  pair p = open_pair(&config);
  char other[256];
  tiny_model_write(other, sizeof other, &config, 6);
  cr_assert_eq(rename(other, p.path), 0);
  same_model(&p);
  cr_assert_eq(unlink(p.path), 0);
  same_model(&p);
  close_pair(&p);
}

/* Embeddings that stay in the file are checked as others are. */
Test(rows_file, refuses_embeddings_that_are_damaged_or_not_finite) {
  sol_config config = large(SOLID_HEAD_SOLID);
  pair p = open_pair(&config);
  size_t size;
  char *bytes = read_bytes(p.path, &size);
  solid_model *model = NULL;
  uint64_t header;
  float bad = NAN;
  memcpy(&header, bytes, sizeof header);
  char *last = bytes + 8 + header + ((size_t)ITEMS * D - 1) * sizeof(float); /* E is the first tensor */
  last[0] = (char)(last[0] ^ 1);
  write_bytes(p.path, bytes, size);
  cr_assert_eq(sol_model_open(&model, p.ctx, p.path, NEVER, 0), SOLID_EFORMAT);
  cr_assert_not_null(strstr(solid_last_error(), "damaged"), "%s", solid_last_error());
  memcpy(last, &bad, sizeof bad);
  write_bytes(p.path, bytes, size);
  cr_assert_eq(sol_model_open(&model, p.ctx, p.path, NEVER, 0), SOLID_EFORMAT);
  cr_assert_not_null(strstr(solid_last_error(), "item.embedding"), "%s", solid_last_error());
  cr_assert_null(model);
  free(bytes);
  close_pair(&p);
}
