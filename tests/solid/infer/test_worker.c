#include "solid/worker.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 9 };

typedef struct case_windows {
  solid_windows windows;
  uint32_t offsets[BATCH + 1];
  uint32_t items[BATCH * 64];
} case_windows;

/* Windows of every length from empty to longer than L. */
static case_windows *draw(const serving *s, uint64_t salt) {
  case_windows *c = calloc(1, sizeof *c);
  seed_rng rng = seed_start(salt);
  uint32_t lengths[BATCH] = {3, 0, 1, s->info.window, s->info.window + 5, 2, s->info.window - 1, 0, 4}, at = 0;
  for (int i = 0; i < BATCH; i++) {
    for (uint32_t j = 0; j < lengths[i]; j++) c->items[at++] = (uint32_t)seed_below(&rng, (int32_t)s->info.items);
    c->offsets[i + 1] = at;
  }
  c->windows = (solid_windows){BATCH, c->offsets, c->items};
  return c;
}

static solid_worker *worker_of(const serving *s, size_t max_batch) {
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, s->model, max_batch), SOLID_OK, "%s", solid_last_error());
  return worker;
}

static double norm(const float *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
  return sqrt(sum);
}

/* The same up to the rounding of products: BLAS may sum in another order for another number of rows, or for a row at
 * another place among them. */
static void close_to(const char *what, size_t window, const float *got, const float *want, size_t n, double relative) {
  double scale = norm(want, n);
  for (size_t j = 0; j < n; j++)
    cr_assert(compare_is_close(got[j], want[j], 1e-6 * scale, relative), "window %zu %s[%zu]: %.9g, want %.9g", window,
              what, j, (double)got[j], (double)want[j]);
}

/* h does not depend on whether parameters are generated too (the same bits), nor on the company a window has in its
 * batch. */
static void judge_batches(solid_head head, uint32_t rank) {
  serving s = serving_open_ranked(head, rank, 5);
  case_windows *c = draw(&s, 1);
  size_t d = s.info.width, P = s.info.params;
  float *h = calloc(BATCH * d, sizeof *h), *same = calloc(BATCH * d, sizeof *same), *one = calloc(d, sizeof *one);
  float *params = calloc(BATCH * P + 1, sizeof *params), *one_params = calloc(P + 1, sizeof *one_params);
  solid_worker *worker = worker_of(&s, BATCH), *single = worker_of(&s, 1);
  cr_assert_eq(solid_worker_generate(worker, &c->windows, h, P ? params : NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_encode(worker, &c->windows, same), SOLID_OK);
  compare_bits("encode and generate", same, h, BATCH * d);
  for (size_t i = 0; i < BATCH; i++) {
    uint32_t from = c->offsets[i], offsets[2] = {0, c->offsets[i + 1] - from};
    solid_windows window = {1, offsets, c->items + from};
    cr_assert_eq(solid_worker_generate(single, &window, one, P ? one_params : NULL), SOLID_OK);
    close_to("h", i, h + i * d, one, d, 1e-6);
    close_to("params", i, params + i * P, one_params, P, 1e-5);
    if (offsets[1] == 0) cr_assert_eq(norm(one, d), 0.0, "an empty window has state 0");
    if (offsets[1] != 0) cr_assert_gt(norm(one, d), 0.0);
  }
  solid_worker_free(worker);
  solid_worker_free(single);
  free(h), free(same), free(one), free(params), free(one_params), free(c);
  serving_close(&s);
}

Test(worker, static_head_in_batches) {
  judge_batches(SOLID_HEAD_STATIC, 0);
}
Test(worker, duet_head_in_batches) {
  judge_batches(SOLID_HEAD_DUET, 0);
}
Test(worker, semantic_head_in_batches) {
  judge_batches(SOLID_HEAD_SEMANTIC, 0);
}
Test(worker, solid_head_in_batches) {
  judge_batches(SOLID_HEAD_SOLID, 0);
}
Test(worker, ranked_head_in_batches) {
  judge_batches(SOLID_HEAD_SOLID, 3);
}

Test(worker, reads_the_newest_items_of_a_long_window) {
  serving s = serving_open(SOLID_HEAD_SOLID, 6);
  uint32_t L = s.info.window, n = 2 * L + 1, items[256], offsets[3] = {0, n, n + L};
  seed_rng rng = seed_start(2);
  for (uint32_t i = 0; i < n; i++) items[i] = (uint32_t)seed_below(&rng, (int32_t)s.info.items);
  memcpy(items + n, items + n - L, L * sizeof *items);
  size_t d = s.info.width, P = s.info.params;
  float *h = calloc(2 * d, sizeof *h), *params = calloc(2 * P, sizeof *params);
  solid_worker *worker = worker_of(&s, 2);
  solid_windows windows = {2, offsets, items};
  cr_assert_eq(solid_worker_generate(worker, &windows, h, params), SOLID_OK);
  close_to("h", 0, h, h + d, d, 1e-6);
  close_to("params", 0, params, params + P, P, 1e-5);
  solid_worker_free(worker);
  free(h), free(params);
  serving_close(&s);
}

/* y = W2 tanh(W1 h + b1) + b2 in double from the parameters as they came out. */
Test(worker, applies_what_was_generated) {
  serving s = serving_open(SOLID_HEAD_SOLID, 7);
  case_windows *c = draw(&s, 3);
  size_t d = s.info.width, P = s.info.params, m = d * d + d;
  float *h = calloc(BATCH * d, sizeof *h), *params = calloc(BATCH * P, sizeof *params);
  float *u = calloc(BATCH * d, sizeof *u);
  double *want = calloc(BATCH * d, sizeof *want), *x = calloc(d, sizeof *x), *y = calloc(d, sizeof *y);
  solid_worker *worker = worker_of(&s, BATCH);
  cr_assert_eq(solid_worker_generate(worker, &c->windows, h, params), SOLID_OK);
  cr_assert_eq(solid_worker_apply(worker, BATCH, h, params, u), SOLID_OK);
  double moved = 0;
  for (size_t i = 0; i < BATCH; i++) {
    for (size_t j = 0; j < d; j++) x[j] = h[i * d + j];
    for (size_t l = 0; l < 2; l++) {
      const float *w = params + i * P + l * m, *b = w + d * d;
      for (size_t o = 0; o < d; o++) {
        y[o] = b[o];
        for (size_t j = 0; j < d; j++) y[o] += x[j] * w[j * d + o];
        if (l == 0) y[o] = tanh(y[o]);
      }
      memcpy(x, y, d * sizeof *x);
    }
    for (size_t j = 0; j < d; j++) {
      want[i * d + j] = h[i * d + j] + y[j];
      moved += fabs(y[j]);
    }
  }
  cr_assert_gt(moved, 1e-3, "the generated layers of the tiny model do nothing");
  compare_floats("u", u, want, BATCH * d, 1e-5, 1e-5);
  cr_assert_eq(solid_worker_apply(worker, BATCH, h, params, h), SOLID_OK);
  compare_bits("in place", h, u, BATCH * d);
  solid_worker_free(worker);
  free(h), free(params), free(u), free(want), free(x), free(y), free(c);
  serving_close(&s);
}

Test(worker, ranks_and_excludes) {
  serving s = serving_open(SOLID_HEAD_STATIC, 8);
  size_t d = s.info.width, V = s.info.items, n = 4, k = 7;
  solid_worker *worker = worker_of(&s, n);
  size_t words = solid_worker_mask_words(worker), counts[4];
  cr_assert_eq(words, (V + 63) / 64);
  float *u = calloc(n * d, sizeof *u);
  uint64_t *mask = calloc(n * words, sizeof *mask);
  uint8_t *skip = calloc(n * V, sizeof *skip);
  solid_scored got[28], want[7];
  seed_rng rng = seed_start(4);
  seed_fill_normal(&rng, u, n * d, 1.0f);
  for (size_t i = 0; i < n; i++) {
    size_t left = i == 3 ? 3 : V; /* the last row keeps three items */
    for (size_t v = 0; v < V; v++) {
      skip[i * V + v] = v >= left || (i < 3 && seed_below(&rng, 3) == 0);
      if (skip[i * V + v]) mask[i * words + v / 64] |= UINT64_C(1) << (v % 64);
    }
  }
  cr_assert_eq(solid_worker_rank(worker, n, u, mask, k, got, counts), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) {
    size_t count = serving_rank(&s, u + i * d, skip + i * V, k, want);
    cr_assert_eq(counts[i], count);
    serving_same("masked", got + i * k, want, count);
    for (size_t j = count; j < k; j++) cr_assert(got[i * k + j].item == SOLID_NO_ITEM);
  }
  cr_assert_eq(counts[3], 3);
  cr_assert_eq(solid_worker_rank(worker, n, u, NULL, k, got, counts), SOLID_OK);
  for (size_t i = 0; i < n; i++) {
    serving_rank(&s, u + i * d, NULL, k, want);
    serving_same("all", got + i * k, want, k);
  }
  solid_worker_free(worker);
  free(u), free(mask), free(skip);
  serving_close(&s);
}

/* More results than the worker keeps at once: the cut into several calls must not show. */
Test(worker, ranks_the_whole_catalogue_for_many) {
  serving s = serving_open(SOLID_HEAD_STATIC, 9);
  size_t d = s.info.width, V = s.info.items, n = 70000 / V + 3;
  solid_worker *worker = worker_of(&s, n);
  float *u = calloc(n * d, sizeof *u);
  solid_scored *got = calloc(n * V, sizeof *got), *one = calloc(V, sizeof *one);
  size_t *counts = calloc(n, sizeof *counts), count;
  seed_rng rng = seed_start(5);
  seed_fill_normal(&rng, u, n * d, 1.0f);
  cr_assert_eq(solid_worker_rank(worker, n, u, NULL, V, got, counts), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i += 7) {
    cr_assert_eq(counts[i], V);
    cr_assert_eq(solid_worker_rank(worker, 1, u + i * d, NULL, V, one, &count), SOLID_OK);
    serving_same("row", got + i * V, one, V);
  }
  solid_worker_free(worker);
  free(u), free(got), free(one), free(counts);
  serving_close(&s);
}

Test(worker, refuses_what_it_was_not_made_for) {
  serving s = serving_open(SOLID_HEAD_SOLID, 10);
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, s.model, 0), SOLID_EINVAL);
  cr_assert_eq(solid_worker_new(&worker, s.model, SIZE_MAX / 2), SOLID_EINVAL);
  cr_assert_eq(solid_worker_new(NULL, s.model, 1), SOLID_EINVAL);
  cr_assert_null(worker);
  worker = worker_of(&s, 2);
  size_t d = s.info.width;
  float *h = calloc(3 * d, sizeof *h), *params = calloc(3 * s.info.params, sizeof *params);
  uint32_t items[3] = {0, s.info.items - 1, s.info.items}, offsets[4] = {0, 1, 2, 3}, back[3] = {0, 2, 1};
  solid_windows windows = {3, offsets, items};
  solid_scored out[4];
  size_t counts[3];
  cr_assert_eq(solid_worker_encode(worker, &windows, h), SOLID_EINVAL, "three windows for two");
  windows.n = 2, windows.offsets = back;
  cr_assert_eq(solid_worker_encode(worker, &windows, h), SOLID_EINVAL, "a window that ends before it begins");
  windows = (solid_windows){1, offsets, items + 2};
  cr_assert_eq(solid_worker_generate(worker, &windows, h, params), SOLID_ERANGE, "item V");
  cr_assert_neq(strstr(solid_last_error(), "item"), NULL, "%s", solid_last_error());
  windows.items = items;
  cr_assert_eq(solid_worker_generate(worker, &windows, h, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_worker_apply(worker, 3, h, params, h), SOLID_EINVAL);
  cr_assert_eq(solid_worker_rank(worker, 1, h, NULL, 0, out, counts), SOLID_ERANGE);
  cr_assert_eq(solid_worker_rank(worker, 1, h, NULL, s.info.items + 1, out, counts), SOLID_ERANGE);
  cr_assert_eq(solid_worker_rank(worker, 3, h, NULL, 1, out, counts), SOLID_EINVAL);
  windows.n = 0;
  cr_assert_eq(solid_worker_generate(worker, &windows, h, params), SOLID_OK, "nothing is legal");
  cr_assert_eq(solid_worker_rank(worker, 0, NULL, NULL, 1, NULL, NULL), SOLID_OK);
  solid_worker_free(worker);
  solid_worker_free(NULL);
  free(h), free(params);
  serving_close(&s);
}

Test(worker, allocates_only_when_made) {
  serving s = serving_open(SOLID_HEAD_SOLID, 11);
  case_windows *c = draw(&s, 6);
  size_t d = s.info.width, P = s.info.params;
  float *h = calloc(BATCH * d, sizeof *h), *params = calloc(BATCH * P, sizeof *params);
  solid_scored out[BATCH * 5];
  size_t counts[BATCH];
  solid_worker *worker = worker_of(&s, BATCH);
  size_t before = alloc_watch_count();
  cr_assert_gt(before, 0, "the allocations of this program are not watched");
  cr_assert_eq(solid_worker_generate(worker, &c->windows, h, params), SOLID_OK);
  cr_assert_eq(solid_worker_encode(worker, &c->windows, h), SOLID_OK);
  cr_assert_eq(solid_worker_apply(worker, BATCH, h, params, h), SOLID_OK);
  cr_assert_eq(solid_worker_rank(worker, BATCH, h, NULL, 5, out, counts), SOLID_OK);
  cr_assert_eq(alloc_watch_count(), before, "%zu allocations in the stages", alloc_watch_count() - before);
  solid_worker_free(worker);
  free(h), free(params), free(c);
  serving_close(&s);
}

Test(worker, survives_every_failing_allocation) {
  serving s = serving_open(SOLID_HEAD_SOLID, 12);
  size_t failures = 0;
  for (;;) {
    solid_worker *worker = NULL;
    alloc_watch_fail(++failures);
    solid_status status = solid_worker_new(&worker, s.model, 4);
    alloc_watch_fail(0);
    if (status == SOLID_OK) {
      solid_worker_free(worker);
      break;
    }
    cr_assert_eq(status, SOLID_ENOMEM, "%s", solid_last_error());
    cr_assert_null(worker);
  }
  cr_assert_gt(failures, 3, "only %zu allocations were made to fail", failures - 1);
  serving_close(&s);
}
