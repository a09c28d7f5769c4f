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

/* Kernels keep a user's memory in fast memory, or not, by these. */
typedef struct shape {
  uint32_t items, rows, width, heads, levels, codes;
  int near, rounds;
} shape;

static const shape shapes[] = {{60, 10, 20, 2, 2, 12, 0, 6},  {900, 10, 20, 2, 2, 12, 0, 6},
                               {60, 10, 24, 2, 3, 12, 1, 6},  {900, 10, 24, 2, 3, 12, 1, 6},
                               {3000, 20, 32, 1, 2, 3, 0, 2}, {2500, 10, 64, 2, 4, 1024, 1, 2},
                               {300, 20, 128, 4, 2, 12, 0, 1}};

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
    cr_assert_gt(f->users[i].forwards, 0);
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
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
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
