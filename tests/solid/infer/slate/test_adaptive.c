/* ZipAR with an adaptive window: greedy it is raster, drawn it is distributed as raster, where a fixed window is not.
 */
#include "solid/infer/slate/slater.h"
#include "solid/infer/slate/stepper.h"
#include "solid/model/model_parts.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, WIDEST = 64 };

typedef struct fixture {
  solid_context *ctx;
  solid_model *model;
  sol_slater *slater;
  sol_config config;
  seed_rng rng;
  float h[64], u[64];
} fixture;

/* The decoder's weights are large, so that what a code is depends on what stands before it. */
static void open_fixture(fixture *f, solid_context *ctx, uint32_t items, uint32_t rows, uint32_t levels, uint32_t codes,
                         float scale) {
  sol_model_file file;
  memset(f, 0, sizeof *f);
  f->rng = seed_start(61);
  f->config = tiny_config(SOLID_HEAD_STATIC, 0);
  f->config.items = items, f->config.width = 16, f->config.heads = 2, f->config.levels = levels;
  f->config.codes = codes, f->config.slate_rows = rows, f->config.slate_blocks = 2, f->config.slate_collisions = 3;
  tiny_model_file(&file, &f->config, 11);
  for (size_t i = sol_tensors_ranker(&f->config); i < sol_tensors_total(&f->config); i++) file.weights[i] *= scale;
  cr_assert_eq(sol_model_new(&f->model, ctx, &file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_slater_new(&f->slater, f->model, 2), SOLID_OK, "%s", solid_last_error());
}

static void new_user(fixture *f) {
  seed_fill_normal(&f->rng, f->h, f->config.width, 1);
  seed_fill_normal(&f->rng, f->u, f->config.width, 1);
}

static void close_fixture(fixture *f) {
  sol_slater_free(f->slater);
  solid_model_free(f->model);
}

static sol_slate_user decode(fixture *f, const sol_slate_plan *plan, const uint64_t *excluded, solid_scored *out) {
  sol_slate_user user = {.h = f->h, .u = f->u, .excluded = excluded, .out = out};
  cr_assert_eq(sol_slater_decode(f->slater, plan, &user, 1), SOLID_OK, "%s", solid_last_error());
  return user;
}

/* ---- Greedy ---- */

static void check_greedy(const char *device) {
  serving s = serving_open_on(device, SOLID_HEAD_STATIC, 0, 1);
  fixture f;
  int differ = 0, fixed_differ = 0, saved = 0, rounds = 0;
  if (!s.ctx) return;
  open_fixture(&f, s.ctx, 300, ROWS, 3, 12, 3);
  for (int round = 0; round < 40; round++) {
    uint64_t excluded[5] = {0};
    solid_scored raster[ROWS], got[ROWS], fixed[ROWS];
    sol_slate_plan plan = {.rows = 1 + (uint32_t)seed_below(&f.rng, ROWS), .run = SOL_SLATE_STEPS};
    int few = round % 8 == 7; /* fewer than the slate's rows are left */
    size_t bytes = plan.rows * sizeof *got;
    plan.how.guide = round % 4 ? (float)seed_uniform(&f.rng) : 0;
    new_user(&f);
    for (int k = 0; k < (few ? 296 : 60); k++) {
      uint32_t v = few ? (uint32_t)k : (uint32_t)seed_below(&f.rng, 300);
      excluded[v / 64] |= UINT64_C(1) << (v % 64);
    }
    sol_slate_user want = decode(&f, &plan, excluded, raster);
    plan.order = SOL_ORDER_ZIPAR, plan.window = 1 + round % 5;
    (void)decode(&f, &plan, excluded, fixed);
    int32_t least = 4 + ((int32_t)want.count - 1) * (plan.window < 4 ? plan.window : 4);
    plan.adaptive = 1;
    sol_slate_user is = decode(&f, &plan, excluded, got);
    cr_assert_eq(is.count, want.count);
    cr_assert(is.forwards >= least && is.forwards <= 4 * (int32_t)want.count, "%d forwards of %d .. %d", is.forwards,
              least, 4 * (int32_t)want.count);
    int same = memcmp(got, raster, bytes) == 0;
    cr_assert(!same || compare_is_close(is.log_p, want.log_p, 1e-4, 1e-4), "log p %g, raster has %g", is.log_p,
              want.log_p);
    differ += !same;
    fixed_differ += memcmp(fixed, raster, bytes) != 0;
    saved += is.forwards < 4 * (int32_t)want.count;
    rounds++;
  }
  cr_assert_leq(differ, 1, "%s: %d slates are not raster's", device, differ); /* up to rounding */
  cr_assert_gt(fixed_differ, 4, "a fixed window changes nothing here: the test sees nothing");
  cr_assert_gt(saved, rounds / 3);
  close_fixture(&f);
  serving_close(&s);
}

Test(adaptive, greedy_is_rasters_slate) {
  check_greedy("cpu");
  check_greedy("cuda");
}

/* ---- Drawn ---- */

enum { ITEMS = 6, DRAWN = 3, SLATES = ITEMS * ITEMS * ITEMS, DRAWS = 4000 };

typedef struct enumeration {
  fixture *f;
  sk_backend *be;
  sol_stepper *stepper;
  sol_grid grid;
  sol_slate slate;
  float scores[ITEMS];
  double p[SLATES];
} enumeration;

static int place_of(const uint32_t *items) {
  int place = 0;
  for (int r = 0; r < DRAWN; r++) place = place * ITEMS + (int)items[r];
  return place;
}

/* The codes of an item: the way from the root to its place. */
static uint32_t child_towards(const sol_trie *trie, uint32_t column, uint32_t item) {
  uint32_t node = 0;
  while (trie->level[column + 1].begin[node + 1] <= trie->place[item]) node++;
  return node;
}

/* The probability of a slate in raster order: each code's share given those before it. */
static double probability(enumeration *e, const uint32_t *items, const sol_choosing *how) {
  const sol_trie *trie = sol_slater_trie(e->f->slater);
  uint32_t codes[DRAWN * 9], C = trie->columns;
  double p = 1;
  sol_slate_begin(&e->slate, DRAWN, NULL, e->scores, NULL, NULL, 0, 0);
  cr_assert_eq(sol_stepper_begin(e->stepper, &e->grid, 1, e->f->h, e->f->u), SOLID_OK);
  for (int32_t t = 0; t < e->grid.steps && p > 0; t++) {
    const float *logits;
    size_t stride;
    uint32_t row = (uint32_t)t / C, column = (uint32_t)t % C, want = child_towards(trie, column, items[row]), at = 0;
    cr_assert_eq(sol_stepper_step(e->stepper, t, codes, &logits, &stride), SOLID_OK);
    uint32_t n = sol_slate_weigh(&e->slate, row, logits, sol_decoder_codes(&e->f->config, column), how);
    while (at < n && e->slate.open[at].node != want) at++;
    if (at == n) return 0;
    p *= e->slate.share[at];
    codes[t] = e->slate.open[at].code;
    sol_walk_enter(&e->slate.walk, row, want);
  }
  return p;
}

static void enumerate(enumeration *e, fixture *f, const sol_choosing *how) {
  sol_arena arena = {NULL, 0};
  const sol_decoder_weights *weights = &sol_model_weights(f->model)->slate;
  sol_grid_shape shape = sol_decoder_shape(&f->config, SOL_ORDER_RASTER, 0, DRAWN);
  const sol_slate_room room = sol_slate_room_of(sol_slater_trie(f->slater));
  double all = 0;
  e->f = f;
  cr_assert_eq(sol_backend_open(sol_model_context(f->model), &e->be), SOLID_OK);
  cr_assert_eq(sol_stepper_open(&e->stepper, e->be, &f->config, weights, 1), SOLID_OK);
  cr_assert_eq(sol_grid_make(&e->grid, &shape), SOLID_OK);
  sol_slate_bind(&e->slate, sol_slater_trie(f->slater), &room, DRAWN, &arena);
  char *memory = sol_arena_memory(&arena);
  arena = (sol_arena){memory, 0};
  sol_slate_bind(&e->slate, sol_slater_trie(f->slater), &room, DRAWN, &arena);
  const float *vectors = sol_model_catalogue(f->model)->vectors;
  for (int v = 0; v < ITEMS; v++) {
    e->scores[v] = 0;
    for (uint32_t k = 0; k < f->config.width; k++) e->scores[v] += f->u[k] * vectors[(uint32_t)v * f->config.width + k];
  }
  for (int i = 0; i < SLATES; i++) {
    const uint32_t items[] = {(uint32_t)i / (ITEMS * ITEMS), (uint32_t)i / ITEMS % ITEMS, (uint32_t)i % ITEMS};
    int apart = items[0] != items[1] && items[1] != items[2] && items[0] != items[2];
    all += e->p[i] = apart ? probability(e, items, how) : 0;
  }
  cr_assert_float_eq(all, 1, 1e-4, "the slates' probabilities sum to %g", all);
  sol_stepper_close(e->stepper);
  e->be->ops->close(e->be);
  sol_grid_clear(&e->grid);
  free(memory);
}

/* Chi-square of drawn slates against the enumeration, less its degrees of freedom, in standard deviations: slates of
 * fewer than five expected draws are one. */
static double surprise(enumeration *e, sol_slate_plan plan) {
  static int count[SLATES];
  double rare = 0, rare_seen = 0, chi = 0;
  int freedom = -1;
  memset(count, 0, sizeof count);
  for (uint64_t i = 0; i < DRAWS; i++) {
    solid_scored out[DRAWN];
    plan.seed = i;
    (void)decode(e->f, &plan, NULL, out);
    const uint32_t items[] = {out[0].item, out[1].item, out[2].item};
    count[place_of(items)]++;
  }
  for (int i = 0; i < SLATES; i++) {
    double want = e->p[i] * DRAWS;
    if (want == 0) cr_assert_eq(count[i], 0, "a slate that raster never draws");
    if (want < 5) {
      rare += want, rare_seen += count[i];
      continue;
    }
    chi += (count[i] - want) * (count[i] - want) / want;
    freedom++;
  }
  if (rare > 1) chi += (rare_seen - rare) * (rare_seen - rare) / rare, freedom++;
  cr_assert_gt(freedom, 10);
  return (chi - freedom) / sqrt(2.0 * freedom);
}

/* The seeds are fixed: what holds once holds always. */
static void check_drawn(const sol_choosing *how) {
  serving s = serving_open_on("cpu", SOLID_HEAD_STATIC, 0, 1);
  fixture f;
  static enumeration e;
  cr_assert(s.ctx);
  open_fixture(&f, s.ctx, ITEMS, DRAWN, 2, 3, 2);
  new_user(&f);
  enumerate(&e, &f, how);
  sol_slate_plan plan = {.order = SOL_ORDER_ZIPAR, .window = 1, .rows = DRAWN, .how = *how, .run = SOL_SLATE_STEPS};
  double fixed = surprise(&e, plan);
  plan.adaptive = 1;
  double adaptive = surprise(&e, plan);
  plan.window = 2;
  double later = surprise(&e, plan);
  cr_assert(fabs(adaptive) < 3.5 && fabs(later) < 3.5, "not raster's distribution: %.1f and %.1f deviations", adaptive,
            later);
  cr_assert_gt(fixed, 20, "a fixed window has raster's distribution here (%.1f): the test sees nothing", fixed);
  close_fixture(&f);
  serving_close(&s);
}

Test(adaptive, draws_what_raster_draws) {
  check_drawn(&(sol_choosing){.temperature = 1, .top_p = 1});
  check_drawn(&(sol_choosing){.guide = 0.2f, .temperature = 0.7f, .top_p = 0.9f});
}
