/* A slater whose model grows while it is in use, on every device, step by step and in one operation: it makes what one
 * that was opened after the last item makes. */
#include "solid/infer/slate/slater.h"
#include "solid/model/join.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { SPARE = 216, ROWS = 10, WORDS = (40 + SPARE) / 64, WIDTH = 16, AT_ONCE = 5 };

static solid_model *growing(const solid_context *ctx, int near) {
  sol_config config = tiny_joinable(SOLID_HEAD_STATIC, 0);
  sol_model_file file;
  solid_model *model = NULL;
  config.slate_rows = ROWS, config.slate_blocks = 2, config.slate_collisions = 2, config.slate_near = near != 0;
  tiny_model_file(&file, &config, 4);
  cr_assert_eq(sol_model_new_growing(&model, ctx, &file, SPARE), SOLID_OK, "%s", solid_last_error());
  return model;
}

/* Of two contents at first, so that all have the codes of one of two: wider nodes than any of the training. */
static void join(const solid_model *model, int number, seed_rng *rng) {
  char id[16];
  solid_bytes attribute = {number % 2 ? "even" : "third", number % 2 ? 4 : 5};
  float vector[3] = {seed_normal(rng), seed_normal(rng), seed_normal(rng)};
  solid_item_entry entry = {.attributes = &attribute, .n_attributes = 1};
  if (number > 60) entry.vector = vector, entry.width = 3;
  snprintf(id, sizeof id, "new-%d", number);
  entry.id = (solid_bytes){id, strlen(id)};
  cr_assert_eq(sol_model_join(model, &entry, (uint64_t)number + 1), SOLID_OK, "%s", solid_last_error());
  uint32_t row = solid_model_item_count(model) - 1;
  sol_growth_close(model->growth, row, 0);
  if (seed_below(rng, 6) == 0) sol_growth_close(model->growth, (uint32_t)seed_below(rng, (int32_t)row), 1);
}

typedef struct slates {
  solid_scored out[AT_ONCE][ROWS];
  uint32_t count[AT_ONCE];
} slates;

static slates decode(sol_slater *slater, sol_slate_plan plan, sol_slate_run run, const float *h, const float *u,
                     const uint64_t *closed) {
  slates all;
  sol_slate_user users[AT_ONCE];
  plan.run = run;
  for (size_t i = 0; i < AT_ONCE; i++)
    users[i] = (sol_slate_user){.h = h + i * WIDTH, .u = u + i * WIDTH, .excluded = closed, .out = all.out[i]};
  cr_assert_eq(sol_slater_decode(slater, &plan, users, AT_ONCE), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < AT_ONCE; i++) all.count[i] = users[i].count;
  return all;
}

static int differences(const slates *a, const slates *b, uint32_t rows) {
  int differ = 0;
  for (size_t i = 0; i < AT_ONCE; i++) {
    int same = a->count[i] == b->count[i];
    for (uint32_t k = 0; k < rows && same; k++) same = a->out[i][k].item == b->out[i][k].item;
    differ += !same;
  }
  return differ;
}

static void check(const char *device, int near) {
  serving s = serving_open_on(device, SOLID_HEAD_STATIC, 0, 1);
  if (!s.ctx) return;
  seed_rng rng = seed_start(97);
  solid_model *model = growing(s.ctx, near);
  sol_slater *old = NULL;
  int differ = 0, number = 0, newcomers = 0;
  cr_assert_eq(sol_slater_new(&old, model, AT_ONCE), SOLID_OK, "%s", solid_last_error());
  while (number < SPARE - 12) {
    float h[AT_ONCE * WIDTH], u[AT_ONCE * WIDTH];
    uint64_t closed[WORDS];
    sol_slater *fresh = NULL;
    for (int n = 1 + seed_below(&rng, 12); n > 0; n--) join(model, number++, &rng);
    sol_slate_plan plan = {.order = near ? SOL_ORDER_NEAR : SOL_ORDER_ZIPAR, .window = near ? 0 : 2, .rows = ROWS};
    plan.how.guide = seed_below(&rng, 3) ? (float)seed_uniform(&rng) : 0;
    seed_fill_normal(&rng, h, AT_ONCE * WIDTH, 1);
    seed_fill_normal(&rng, u, AT_ONCE * WIDTH, 1);
    solid_model_closed_items(model, closed);
    cr_assert_eq(sol_slater_new(&fresh, model, AT_ONCE), SOLID_OK, "%s", solid_last_error());
    slates want = decode(fresh, plan, SOL_SLATE_STEPS, h, u, closed);
    slates steps = decode(old, plan, SOL_SLATE_STEPS, h, u, closed);
    slates whole = decode(old, plan, SOL_SLATE_OPERATION, h, u, closed);
    cr_assert_eq(differences(&steps, &want, ROWS), 0, "%d items later: another slate than of a fresh slater", number);
    differ += differences(&whole, &want, ROWS);
    for (size_t i = 0; i < AT_ONCE; i++)
      for (uint32_t k = 0; k < ROWS; k++) newcomers += whole.out[i][k].item >= 40;
    sol_slater_free(fresh);
  }
  cr_assert_leq(differ, 1, "%d slates in one operation differ", differ); /* equal values up to rounding */
  cr_assert_gt(newcomers, 200);
  sol_slater_free(old);
  solid_model_free(model);
  serving_close(&s);
}

Test(slater_growing, is_as_one_that_was_opened_later) {
  for (int near = 0; near < 2; near++) {
    check("cpu", near);
    check("cuda", near);
  }
}
