/* Slates in one operation against slates step by step, on every device. */
#include "solid/infer/slate/slater.h"
#include "solid/model/model_parts.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 30, ROWS = 20 };

typedef struct shape {
  uint32_t items, rows, width, heads, levels, codes;
  int near, rounds;
} shape;

/* Little and much of a catalogue, both orders; nodes that are wider than a word, and more places than a stretch has
 * (kernels/slate_user.h). The others are in a GPU's fast memory or not, in part or as a whole; a CPU has one way. */
static const shape shapes[] = {{60, 10, 20, 2, 2, 12, 0, 6},     {60, 10, 24, 2, 3, 12, 1, 6},
                               {4200, 20, 20, 1, 2, 3, 0, 2},    {900, 10, 20, 2, 2, 12, 0, 6},
                               {900, 10, 24, 2, 3, 12, 1, 6},    {3000, 20, 32, 1, 2, 3, 0, 2},
                               {2500, 10, 64, 2, 4, 1024, 1, 2}, {300, 20, 128, 4, 2, 12, 0, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes, CPU_SHAPES = 3 };

typedef struct fixture {
  solid_context *ctx;
  solid_model *model;
  sol_slater *slater;
  size_t d, V, words;
  uint32_t rows;
  int rounds;
  float *h, *u;
  uint64_t *excluded;
  solid_scored top[USERS * ROWS];
  sol_slate_user users[USERS];
  solid_scored out[2][USERS * ROWS];
} fixture;

static void open_fixture(fixture *f, const serving *device, const shape *of, seed_rng *rng) {
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  uint32_t items = of->items;
  config.items = items, config.width = of->width, config.levels = of->levels, config.codes = of->codes;
  config.heads = of->heads, config.slate_rows = of->rows, config.slate_blocks = 2, config.slate_collisions = 3;
  config.slate_near = of->near != 0;
  memset(f, 0, sizeof *f);
  f->ctx = device->ctx;
  f->model = tiny_model(f->ctx, &config, 7);
  f->d = config.width, f->V = items, f->rows = of->rows, f->rounds = of->rounds, f->words = ((size_t)items + 63) / 64;
  cr_assert_eq(sol_slater_new(&f->slater, f->model, USERS), SOLID_OK, "%s", solid_last_error());
  f->h = calloc(USERS, f->d * sizeof *f->h);
  f->u = calloc(USERS, f->d * sizeof *f->u);
  f->excluded = calloc(USERS, f->words * sizeof *f->excluded);
  seed_fill_normal(rng, f->h, USERS * f->d, 1);
  seed_fill_normal(rng, f->u, USERS * f->d, 1);
  for (size_t i = 0; i < USERS; i++) {
    size_t out = i % 10 == 3 ? items - (size_t)seed_below(rng, (int32_t)of->rows + 2)
                             : (size_t)seed_below(rng, (int32_t)items / 2);
    for (size_t k = 0; k < out; k++) {
      size_t v = i % 10 == 3 ? k : (size_t)seed_below(rng, (int32_t)items);
      f->excluded[i * f->words + v / 64] |= UINT64_C(1) << (v % 64);
    }
  }
}

static void close_fixture(fixture *f) {
  sol_slater_free(f->slater);
  solid_model_free(f->model);
  free(f->h);
  free(f->u);
  free(f->excluded);
}

/* All users in one call, or one a call. */
static void decode(fixture *f, sol_slate_plan plan, sol_slate_run run, size_t at_once, solid_scored *out) {
  plan.run = run;
  for (size_t i = 0; i < USERS; i++)
    f->users[i] = (sol_slate_user){.h = f->h + i * f->d,
                                   .u = f->u + i * f->d,
                                   .excluded = i % 7 ? f->excluded + i * f->words : NULL,
                                   .out = out + i * plan.rows};
  for (size_t i = 0; i < USERS; i += at_once) {
    cr_assert_eq(sol_slater_decode(f->slater, &plan, f->users + i, at_once), SOLID_OK, "%s", solid_last_error());
    cr_assert((f->users[i].forwards > 0) == (f->users[i].count > 0), "user %zu: %d forwards, %u rows", i,
              f->users[i].forwards, f->users[i].count);
  }
}

/* The ranker's own list, by the scores that are told. */
static void check_leads(fixture *f, sol_slate_plan plan) {
  plan.how.guide = 0.999f;
  decode(f, plan, SOL_SLATE_OPERATION, USERS, f->out[0]);
  for (size_t i = 0; i < USERS; i++) {
    solid_scored top[ROWS];
    for (uint32_t k = 0; k < plan.rows; k++) top[k] = f->out[0][i * plan.rows + k];
    f->users[i].top = top;
    f->users[i].n_top = f->users[i].count;
    for (uint32_t k = 0; k < f->users[i].count; k++) top[k].score = 100 - (float)k; /* far above all others */
    sol_slate_user user = f->users[i];
    user.out = f->out[1];
    plan.run = SOL_SLATE_OPERATION;
    cr_assert_eq(sol_slater_decode(f->slater, &plan, &user, 1), SOLID_OK);
    for (uint32_t k = 0; k < user.count; k++)
      cr_assert(f->out[1][k].item == top[k].item && f->out[1][k].score == top[k].score, "user %zu, row %u", i, k);
  }
}

static void check_order(fixture *f, const char *device, sol_order order, int32_t window, seed_rng *rng) {
  int differ = 0;
  sol_slate_plan plan = {.order = order, .window = window};
  for (int round = 0; round < f->rounds; round++) {
    double log_p[USERS];
    uint32_t count[USERS];
    plan.rows = 1 + (uint32_t)seed_below(rng, (int32_t)f->rows);
    plan.how.guide = round % 3 || f->rounds == 1 ? (float)seed_uniform(rng) : 0;
    decode(f, plan, SOL_SLATE_STEPS, USERS, f->out[0]);
    for (size_t i = 0; i < USERS; i++) log_p[i] = f->users[i].log_p, count[i] = f->users[i].count;
    decode(f, plan, SOL_SLATE_OPERATION, round % 2 ? 1 : USERS, f->out[1]);
    for (size_t i = 0; i < USERS; i++) {
      int same = 1;
      cr_assert_eq(f->users[i].count, count[i], "user %zu", i);
      for (uint32_t k = 0; k < plan.rows; k++) {
        solid_scored a = f->out[0][i * plan.rows + k], b = f->out[1][i * plan.rows + k];
        same &= a.item == b.item;
        cr_assert(a.item != b.item || compare_is_close(b.score, a.score, 1e-4, 1e-4));
      }
      cr_assert(!same || compare_is_close(f->users[i].log_p, log_p[i], 1e-3, 1e-4), "user %zu: %g, step by step %g", i,
                f->users[i].log_p, log_p[i]);
      differ += !same;
    }
  }
  decode(f, plan, SOL_SLATE_OPERATION, USERS, f->out[0]);
  decode(f, plan, SOL_SLATE_OPERATION, USERS, f->out[1]);
  for (size_t i = 0; i < USERS * plan.rows; i++)
    cr_assert(f->out[0][i].item == f->out[1][i].item && f->out[0][i].score == f->out[1][i].score, "the same again");
  /* where two values are equal up to rounding another code may be chosen */
  cr_assert_leq(differ, 2, "%s, order %d: %d of %d slates differ", device, (int)order, differ, 6 * USERS);
  plan.rows = f->rows;
  check_leads(f, plan);
}

static void check_device(const char *device) {
  serving s = serving_open_on(device, SOLID_HEAD_STATIC, 0, 1);
  if (!s.ctx) return;
  for (size_t i = 0; i < (strcmp(device, "cpu") == 0 ? CPU_SHAPES : SHAPES); i++) {
    seed_rng rng = seed_start(95);
    fixture f;
    open_fixture(&f, &s, &shapes[i], &rng);
    if (shapes[i].near) check_order(&f, device, SOL_ORDER_NEAR, 0, &rng);
    if (!shapes[i].near) check_order(&f, device, SOL_ORDER_RASTER, 0, &rng);
    for (int32_t window = 1; window < (shapes[i].rounds == 6 ? 4 : 2) && !shapes[i].near; window++)
      check_order(&f, device, SOL_ORDER_ZIPAR, window, &rng);
    close_fixture(&f);
  }
  serving_close(&s);
}

Test(slater, one_operation_is_all_the_steps) {
  check_device("cpu");
  check_device("cuda");
}

/* ---- Items that come later ---- */

enum { BEFORE = 70, AFTER = 200, LATER_ROWS = 10 };

/* A model of more items that has all that the smaller one has: codes, embeddings, and the same decoder, which has three
 * codes for items of equal codes, whatever comes. */
static solid_model *grown(const solid_context *ctx, sol_config config, uint32_t items, int near) {
  sol_model_file file;
  solid_model *model = NULL;
  seed_rng rng = seed_start(31);
  config.items = items, config.slate_rows = LATER_ROWS, config.slate_blocks = 1, config.slate_collisions = 3;
  config.slate_near = near != 0, config.codes = 3;
  tiny_model_file(&file, &config, 12);
  for (size_t i = 0; i < (size_t)items * config.levels; i++) file.codes[i] = (uint16_t)seed_below(&rng, 3);
  rng = seed_start(32);
  size_t all = sol_tensors_total(&config), ranker = sol_tensors_ranker(&config);
  for (size_t i = ranker; i < all; i++) file.weights[i] = 0.3f * seed_normal(&rng);
  sol_weights at;
  sol_weights_bind(&at, &config, file.weights);
  for (size_t i = 0; i < (size_t)config.levels * config.codes * config.width; i++)
    at.metacodes[i] = 0.1f * seed_normal(&rng);
  for (size_t i = 0; i < (size_t)items * config.width; i++) at.items[i] = seed_normal(&rng);
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_new(&model, ctx, &file), SOLID_OK, "%s", solid_last_error());
  return model;
}

/* Without the new items the slates are those of the old model, code for code; with them, new items are in the slates,
 * and under the whole guide the list is the ranker's over all items. */
static void check_later(solid_context *ctx, sol_order order, int32_t window, int adaptive) {
  seed_rng rng = seed_start(33);
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  solid_model *model[2] = {grown(ctx, config, BEFORE, order == SOL_ORDER_NEAR),
                           grown(ctx, config, AFTER, order == SOL_ORDER_NEAR)};
  sol_slater *slater[2];
  uint64_t added[AFTER / 64 + 1] = {0};
  int newcomers = 0;
  for (uint32_t v = BEFORE; v < AFTER; v++) added[v / 64] |= UINT64_C(1) << (v % 64);
  for (int m = 0; m < 2; m++) cr_assert_eq(sol_slater_new(&slater[m], model[m], 1), SOLID_OK, "%s", solid_last_error());
  for (int round = 0; round < 12; round++) {
    float h[64], u[64];
    solid_scored was[LATER_ROWS], is[LATER_ROWS], joined[LATER_ROWS];
    uint32_t codes[2][LATER_ROWS * 9];
    sol_slate_plan plan = {.order = order, .window = window, .adaptive = adaptive, .rows = LATER_ROWS};
    plan.how.guide = round % 3 ? 0.5f : 0;
    seed_fill_normal(&rng, h, config.width, 1);
    seed_fill_normal(&rng, u, config.width, 1);
    sol_slate_user old = {.h = h, .u = u, .out = was, .codes = codes[0]};
    sol_slate_user without = {.h = h, .u = u, .out = is, .codes = codes[1], .excluded = added};
    sol_slate_user with = {.h = h, .u = u, .out = joined};
    cr_assert_eq(sol_slater_decode(slater[0], &plan, &old, 1), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(sol_slater_decode(slater[1], &plan, &without, 1), SOLID_OK, "%s", solid_last_error());
    for (int k = 0; k < LATER_ROWS; k++)
      cr_assert_eq(is[k].item, was[k].item, "row %d: %u, before %u", k, is[k].item, was[k].item);
    cr_assert_eq(memcmp(codes[0], codes[1], LATER_ROWS * (config.levels + 1) * sizeof(uint32_t)), 0);
    cr_assert_float_eq(old.log_p, without.log_p, 1e-3);
    cr_assert_eq(sol_slater_decode(slater[1], &plan, &with, 1), SOLID_OK, "%s", solid_last_error());
    for (int k = 0; k < LATER_ROWS; k++) newcomers += joined[k].item >= BEFORE;
    plan.how.guide = 1;
    cr_assert_eq(sol_slater_decode(slater[1], &plan, &with, 1), SOLID_OK, "%s", solid_last_error());
    const float *vectors = sol_model_catalogue(model[1])->vectors;
    for (int k = 0; k < LATER_ROWS; k++) {
      int better = 0;
      for (uint32_t v = 0; v < AFTER; v++) {
        float score = 0;
        for (uint32_t i = 0; i < config.width; i++) score += u[i] * vectors[v * config.width + i];
        better += score > joined[k].score + 1e-4f;
      }
      cr_assert_leq(better, k, "row %d of the whole guide: %d items are better", k, better);
    }
  }
  cr_assert_gt(newcomers, 12, "%d items of those that came later in twelve slates", newcomers);
  for (int m = 0; m < 2; m++) sol_slater_free(slater[m]), solid_model_free(model[m]);
}

Test(slater, items_that_come_later_join_without_training) {
  serving s = serving_open_on("cpu", SOLID_HEAD_STATIC, 0, 1);
  check_later(s.ctx, SOL_ORDER_RASTER, 0, 0);
  check_later(s.ctx, SOL_ORDER_ZIPAR, 2, 0);
  check_later(s.ctx, SOL_ORDER_ZIPAR, 1, 1);
  check_later(s.ctx, SOL_ORDER_NEAR, 0, 0);
  serving_close(&s);
}
