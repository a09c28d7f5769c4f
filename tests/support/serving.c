#include "tests/support/serving.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "store/memory_store.h"
#include "tests/support/compare.h"
#include "tests/support/recording_backend.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

serving serving_open(solid_head head, uint64_t seed) {
  return serving_open_ranked(head, 0, seed);
}

/* Popularity in an order of its own, with ties, so that it cannot be mistaken for the order of the items. */
static void shuffle_popularity(sol_model_file *file, uint64_t seed) {
  seed_rng rng = seed_start(seed);
  for (uint32_t v = 0; v < file->config.items; v++)
    file->popularity[v] = (float)seed_below(&rng, (int32_t)file->config.items / 2);
}

serving serving_open_ranked(solid_head head, uint32_t rank, uint64_t seed) {
  return serving_open_on("cpu", head, rank, seed);
}

solid_context *serving_context_on(const char *device) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  solid_context *ctx = NULL;
  int records = strcmp(device, "recording") == 0;
  options.device = records ? "cpu" : device;
  const char *required = getenv("SOLID_REQUIRE");
  solid_status status = solid_context_new(&ctx, &options);
  cr_assert(status == SOLID_OK || (status == SOLID_EUNSUPPORTED && !(required && strstr(required, device))), "%s",
            solid_last_error());
  if (status) fprintf(stderr, "[SKIP] %s\n", solid_last_error());
  if (!status && records) ctx->ops = recording_backend();
  return ctx;
}

static serving open_with(const char *device, const sol_config *config, uint64_t seed) {
  serving s = {.info = {.struct_size = sizeof s.info}, .ctx = serving_context_on(device)};
  if (!s.ctx) return s;
  sol_model_file file;
  tiny_model_file(&file, config, seed);
  shuffle_popularity(&file, seed);
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_new(&s.model, s.ctx, &file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_model_get_info(s.model, &s.info), SOLID_OK, "%s", solid_last_error());
  s.store = serving_store(&s);
  return s;
}

serving serving_open_on(const char *device, solid_head head, uint32_t rank, uint64_t seed) {
  sol_config config = tiny_config(head, rank);
  return open_with(device, &config, seed);
}

serving serving_open_slates(const char *device, int near, uint64_t seed) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  config.slate_rows = 12, config.slate_blocks = 2, config.slate_collisions = 2, config.slate_near = near != 0;
  return open_with(device, &config, seed);
}

serving serving_open_long(const char *device, uint32_t window, uint64_t seed) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  tiny_long(&config, window);
  return open_with(device, &config, seed);
}

void serving_close(serving *s) {
  if (!s->ctx) return;
  solid_store_close(s->store);
  solid_model_free(s->model);
  solid_context_free(s->ctx);
}

solid_store *serving_store(const serving *s) {
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_memory(&store, s->model, NULL), SOLID_OK, "%s", solid_last_error());
  return store;
}

solid_bytes serving_text(const char *text) {
  return (solid_bytes){text, strlen(text)};
}

solid_event serving_event(const serving *s, const char *user, uint32_t item, uint64_t offset) {
  return serving_event_at(s, user, item, (solid_position){1, offset});
}

solid_event serving_event_at(const serving *s, const char *user, uint32_t item, solid_position position) {
  return (solid_event){.user = serving_text(user),
                       .item = solid_model_item_id(s->model, item),
                       .kind = serving_text("view"),
                       .time_ms = 1700000000000 + (int64_t)position.offset,
                       .position = position};
}

uint64_t serving_append(const serving *s, solid_store *store, const char *user, const uint32_t *items, size_t n) {
  solid_step *steps = calloc(n + 1, sizeof *steps), *room = calloc(s->info.window, sizeof *room);
  solid_position *positions = calloc(n + 1, sizeof *positions); /* of no stream */
  for (size_t i = 0; i < n; i++) {
    steps[i] = (solid_step){solid_item_hash(solid_model_item_id(s->model, items[i])), 1700000000000 + (int64_t)i};
  }
  solid_append append = {.user = serving_text(user), .steps = steps, .positions = positions, .count = n};
  solid_window window = {.steps = room};
  solid_status of_user = SOLID_OK;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(of_user, SOLID_OK);
  free(steps);
  free(room);
  free(positions);
  return window.seq;
}

/* (V, d) of the model, from its device; the caller frees them. */
static float *vectors_of(const serving *s) {
  size_t bytes = (size_t)s->info.items * s->info.width * sizeof(float);
  float *vectors = malloc(bytes);
  sk_backend *be = NULL;
  cr_assert_eq(sol_backend_open(s->ctx, &be), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(be->ops->download(be, vectors, sol_model_catalogue(s->model)->vectors, bytes), SOLID_OK, "%s", be->err);
  cr_assert_eq(be->ops->sync(be), SOLID_OK, "%s", be->err);
  be->ops->close(be);
  return vectors;
}

size_t serving_rank(const serving *s, const float *u, const uint8_t *skip, size_t k, solid_scored *out) {
  uint32_t V = s->info.items, d = s->info.width;
  float *vectors = vectors_of(s);
  double *score = malloc(V * sizeof *score);
  for (uint32_t v = 0; v < V; v++) {
    score[v] = skip && skip[v] ? -INFINITY : 0.0;
    for (uint32_t j = 0; j < d; j++) score[v] += (double)u[j] * (double)vectors[(size_t)v * d + j];
  }
  size_t count = 0;
  for (; count < k; count++) {
    uint32_t best = 0;
    for (uint32_t v = 1; v < V; v++)
      if (score[v] > score[best]) best = v;
    if (score[best] == -INFINITY) break;
    out[count] = (solid_scored){best, (float)score[best]};
    score[best] = -INFINITY;
  }
  free(score);
  free(vectors);
  return count;
}

void serving_vector(const serving *s, const uint32_t *window, size_t n, const uint32_t *of, size_t n_of, float *u) {
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, s->model, 1), SOLID_OK, "%s", solid_last_error());
  float *h = malloc(s->info.width * sizeof *h), *params = malloc((s->info.params + 1) * sizeof *params);
  uint32_t offsets[2] = {0, (uint32_t)n_of};
  solid_windows windows = {1, offsets, of};
  cr_assert_eq(solid_worker_generate(worker, &windows, h, params), SOLID_OK, "%s", solid_last_error());
  offsets[1] = (uint32_t)n;
  windows.items = window;
  cr_assert_eq(solid_worker_encode(worker, &windows, h), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_apply(worker, 1, h, params, u), SOLID_OK, "%s", solid_last_error());
  free(h);
  free(params);
  solid_worker_free(worker);
}

void serving_same(const char *what, const solid_scored *got, const solid_scored *want, size_t n) {
  for (size_t i = 0; i < n; i++) {
    cr_assert(compare_is_close(got[i].score, want[i].score, 1e-5, 1e-5), "%s: place %zu has %.9g, wanted %.9g", what, i,
              (double)got[i].score, (double)want[i].score);
    size_t j = 0;
    while (j < n && want[j].item != got[i].item) j++;
    cr_assert(j == n || compare_is_close(got[i].score, want[j].score, 1e-5, 1e-5),
              "%s: item %u is at place %zu with %.9g, wanted at %zu", what, got[i].item, i, (double)got[i].score, j);
    cr_assert(j < n || compare_is_close(got[i].score, want[n - 1].score, 1e-5, 1e-5),
              "%s: item %u at place %zu does not belong there", what, got[i].item, i);
  }
}
