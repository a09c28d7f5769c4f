#include "tests/ref/ref_topk.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum mask_kind { MASK_ABSENT, MASK_NONE, MASK_SOME, MASK_ALL } mask_kind;

typedef struct shape {
  int32_t n, d, items, k;
  mask_kind mask;
} shape;

static uint64_t *make_mask(seed_rng *rng, mask_kind kind, size_t words) {
  uint64_t *mask = calloc(words + 1, sizeof *mask);
  for (size_t i = 0; i < words; i++)
    mask[i] = kind == MASK_ALL ? UINT64_MAX : kind == MASK_SOME ? seed_next(rng) & seed_next(rng) : 0;
  return mask;
}

/* Small whole numbers: every score is exact on every device, so lists must be equal, ties and all. */
static void draw_exact(seed_rng *rng, float *x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = (float)(seed_below(rng, 9) - 4);
}

static void check_case(rig *r, seed_rng *rng, const shape *s, void (*edit)(float *u, float *e)) {
  size_t nu = (size_t)s->n * (size_t)s->d, ne = (size_t)s->items * (size_t)s->d, nk = (size_t)s->n * (size_t)s->k;
  sk_topk_args a = {.n = s->n, .d = s->d, .items = s->items, .k = s->k, .mask_words = (s->items + 63) / 64};
  size_t words = (size_t)s->n * (size_t)a.mask_words;
  float *u = rig_normal(r, rng, nu, 0.0f), *e = rig_normal(r, rng, ne, 0.0f);
  uint64_t *mask = make_mask(rng, s->mask, words);
  draw_exact(rng, u, nu);
  draw_exact(rng, e, ne);
  if (edit) edit(u, e);
  int32_t *want = malloc(sizeof *want * (nk + 1));
  double *score = rig_zeros(r, nk);
  a.mask = s->mask == MASK_ABSENT ? NULL : mask;
  ref_topk(&a, rig_widen(r, u, nu), rig_widen(r, e, ne), want, score);
  a.mask = rig_in_bytes(r, a.mask, words * sizeof *mask);
  a.u = rig_in(r, u, nu);
  a.e = rig_in(r, e, ne);
  a.index = rig_out_int(r, nk);
  a.score = rig_out(r, nk);
  rig_check(r, "topk", rig_ops(r)->topk(rig_backend(r), &a));
  compare_ints("topk index", rig_read_int(r, a.index, nk), want, nk);
  compare_floats("topk score", rig_read(r, a.score, nk), score, nk, 0.0, 0.0);
  free(want);
  free(mask);
  rig_reset(r);
}

static void check_exact(rig *r) {
  seed_rng rng = seed_start(81);
  const shape shapes[] = {
      {0, 3, 7, 2, MASK_ABSENT},     {1, 1, 1, 1, MASK_ABSENT},      {1, 8, 1000, 10, MASK_NONE},
      {1, 64, 3001, 20, MASK_SOME},  {3, 5, 70, 70, MASK_SOME},      {2, 5, 200, 9, MASK_ALL},
      {33, 7, 1100, 12, MASK_SOME},  {70, 16, 129, 5, MASK_ABSENT},  {1, 2, 65, 65, MASK_ABSENT},
      {1, 3, 140000, 30, MASK_SOME}, {2, 2, 132000, 5, MASK_ABSENT}, {20, 64, 20000, 100, MASK_SOME},
      {3, 128, 3003, 40, MASK_SOME}, {2, 250, 900, 7, MASK_ABSENT},  {2, 300, 700, 9, MASK_SOME},
      {1, 4, 3000, 1500, MASK_SOME}, {2, 1, 140000, 30, MASK_SOME},  {130, 64, 3000, 20, MASK_SOME},
      {2100, 3, 130, 6, MASK_SOME}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) check_case(r, &rng, &shapes[i], NULL);
}

Test(topk, equals_the_reference_on_exact_scores) {
  rig_each(check_exact);
}

static void spoil(float *u, float *e) {
  (void)u;
  e[0] = NAN;
  e[7 * 4 + 2] = NAN;
  e[50 * 4] = INFINITY;
  e[51 * 4] = -INFINITY;
}

static void spoil_user(float *u, float *e) {
  (void)e;
  u[1] = NAN;
}

static void check_nan(rig *r) {
  seed_rng rng = seed_start(82);
  check_case(r, &rng, &(shape){1, 4, 60, 60, MASK_ABSENT}, spoil);
  check_case(r, &rng, &(shape){5, 4, 60, 60, MASK_ABSENT}, spoil);
  check_case(r, &rng, &(shape){1, 4, 60, 5, MASK_ABSENT}, spoil_user);
  check_case(r, &rng, &(shape){5, 4, 60, 5, MASK_SOME}, spoil_user);
}

Test(topk, never_returns_nan) {
  rig_each(check_nan);
}

enum { TINY_D = 8, TINY_ITEMS = 3000 };

/* Numbers of more bits than BF16 has, whose scores are exact still. */
static void lengthen(float *e) {
  for (int i = 0; i < TINY_ITEMS * TINY_D; i++) e[i] = (float)(i * 7919 % 2001 - 1000);
}

static void shrink_users(float *u, float *e) {
  lengthen(e);
  for (int i = 0; i < 2 * TINY_D; i++) u[i] *= 0x1p-90f;
}

static void shrink_items(float *u, float *e) {
  (void)u;
  lengthen(e);
  for (int i = 0; i < TINY_ITEMS * TINY_D; i++) e[i] *= 0x1p-90f;
}

/* The squares of such vectors are 0 in FP32: a bound of errors made of them would be none. */
static void check_tiny(rig *r) {
  seed_rng rng = seed_start(84);
  check_case(r, &rng, &(shape){2, TINY_D, TINY_ITEMS, 20, MASK_SOME}, shrink_users);
  check_case(r, &rng, &(shape){2, TINY_D, TINY_ITEMS, 20, MASK_ABSENT}, shrink_items);
}

Test(topk, tells_tiny_scores_apart) {
  rig_each(check_tiny);
}

/* Scores that round: the list is in order, free of masked items and repeats, its scores are right, and nothing better
 * than its last was left out. */
static void judge_row(const sk_topk_args *a, const double *s, const int32_t *index, const float *score) {
  double worst = (double)score[a->k - 1], tolerance = 1e-5 * sqrt((double)a->d);
  int32_t better = 0;
  for (int32_t i = 0; i < a->k; i++) {
    cr_assert(index[i] >= 0 && index[i] < a->items && s[index[i]] > -INFINITY, "place %d holds item %d", i, index[i]);
    cr_assert(compare_is_close((double)score[i], s[index[i]], tolerance, 1e-5), "item %d", index[i]);
    if (i > 0)
      cr_assert(score[i - 1] > score[i] || (score[i - 1] == score[i] && index[i - 1] < index[i]), "order at %d", i);
  }
  for (int32_t v = 0; v < a->items; v++) better += s[v] > worst + 2.0 * tolerance;
  cr_assert(better < a->k, "%d items are better than place %d", better, a->k);
}

static void check_rounding(rig *r) {
  seed_rng rng = seed_start(83);
  enum { D = 64, ITEMS = 5000, K = 50 };
  for (int32_t n = 1; n <= 40; n += 39) {
    size_t nu = (size_t)n * D, nk = (size_t)n * K;
    float *u = rig_normal(r, &rng, nu, 1.0f), *e = rig_normal(r, &rng, ITEMS * D, 1.0f);
    sk_topk_args a = {.n = n, .d = D, .items = ITEMS, .k = K, .u = rig_in(r, u, nu), .e = rig_in(r, e, ITEMS * D)};
    a.index = rig_out_int(r, nk);
    a.score = rig_out(r, nk);
    rig_check(r, "topk", rig_ops(r)->topk(rig_backend(r), &a));
    const int32_t *index = rig_read_int(r, a.index, nk);
    const float *score = rig_read(r, a.score, nk);
    double *uw = rig_widen(r, u, nu), *ew = rig_widen(r, e, ITEMS * D), *s = rig_zeros(r, ITEMS);
    for (int32_t row = 0; row < n; row++) {
      ref_topk_scores(&a, row, uw, ew, s);
      judge_row(&a, s, index + row * K, score + row * K);
    }
    rig_reset(r);
  }
}

Test(topk, keeps_the_best_of_scores_that_round) {
  rig_each(check_rounding);
}

/* Rows that are made when they are read are a CPU's. */
static void check_rows(rig *r) {
  if (!rig_is_gpu(r)) return;
  const sk_rows rows = {.d = 4, .items = 8};
  const sk_topk_args a = {.n = 1, .d = 4, .items = 8, .k = 1, .rows = &rows};
  const sk_embed_args gather = {.n = 1, .d = 4, .rows = 8, .scale = 1, .made = &rows};
  cr_expect_eq(rig_ops(r)->topk(rig_backend(r), &a), SOLID_EUNSUPPORTED);
  cr_expect_eq(rig_ops(r)->embed(rig_backend(r), &gather), SOLID_EUNSUPPORTED);
}

Test(topk, refuses_rows_that_a_device_cannot_make) {
  rig_each(check_rows);
}
