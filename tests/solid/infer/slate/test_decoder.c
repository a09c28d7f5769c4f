/* The decoder step by step over its cache, against what PyTorch says of whole sequences under a mask. */
#include "solid/infer/slate/stepper.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slate_golden.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Logits (B, K, C, widest) of an order under the golden's codes, as the stepper gives them. */
static float *step_through(rig *r, const slate_golden *g, sol_order order, int32_t window, size_t users) {
  const sol_config *config = &g->config;
  sol_weights weights;
  sol_weights_bind(&weights, config, rig_inout(r, g->weights, sol_tensors_total(config)));
  sol_grid_shape shape = sol_decoder_shape(config, order, window, config->slate_rows);
  sol_grid grid;
  sol_stepper *stepper = NULL;
  cr_assert_eq(sol_grid_make(&grid, &shape), SOLID_OK);
  cr_assert_eq(sol_stepper_open(&stepper, rig_backend(r), config, &weights.slate, g->windows), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(sol_stepper_begin(stepper, &grid, users, g->h, g->u), SOLID_OK, "%s", solid_last_error());
  size_t cells = (size_t)grid.cells, widest = g->widest, stride;
  float *all = calloc(users * cells * widest, sizeof *all);
  uint32_t *codes = malloc(users * cells * sizeof *codes);
  memset(codes, 0xff, users * cells * sizeof *codes); /* none is known yet */
  const float *logits;
  for (int32_t t = 0; t < grid.steps; t++) {
    cr_assert_eq(sol_stepper_step(stepper, t, codes, &logits, &stride), SOLID_OK, "%s", solid_last_error());
    for (int32_t i = grid.cell_offsets[t]; i < grid.cell_offsets[t + 1]; i++)
      for (size_t w = 0; w < users; w++) {
        size_t at = w * cells + (size_t)grid.cell[i], place = (size_t)(i - grid.cell_offsets[t]);
        size_t n = sol_decoder_codes(config, (uint32_t)(grid.cell[i] % grid.width));
        memcpy(all + at * widest, logits + place * users * stride + w * n, n * sizeof *all);
        codes[at] = (uint32_t)g->codes[at];
      }
  }
  free(codes);
  sol_stepper_close(stepper);
  sol_grid_clear(&grid);
  return all;
}

static void check_order(rig *r, sol_order order, int32_t window, const char *name) {
  slate_golden g;
  size_t count;
  slate_golden_open(&g, order == SOL_ORDER_NEAR);
  float *want = slate_golden_floats(&g, name, &count), *got = step_through(r, &g, order, window, g.windows);
  compare_floats(name, got, rig_widen(r, want, count), count, 2e-5, 2e-5);
  free(want);
  free(got);
  slate_golden_close(&g);
  rig_reset(r);
}

static void check_all(rig *r) {
  check_order(r, SOL_ORDER_RASTER, 0, "raster/logits");
  check_order(r, SOL_ORDER_NEAR, 0, "near/logits");
  check_order(r, SOL_ORDER_ZIPAR, 1, "zipar1/logits");
  check_order(r, SOL_ORDER_ZIPAR, 2, "zipar2/logits");
}

Test(decoder, says_what_pytorch_says_in_every_order) {
  rig_each(check_all);
}

/* A window of a row or more is raster, logit for logit; and a user alone is what he is among others. */
static void check_same(rig *r) {
  slate_golden g;
  slate_golden_open(&g, 0);
  size_t one = (size_t)g.config.slate_rows * (g.config.levels + 1) * g.widest;
  float *raster = step_through(r, &g, SOL_ORDER_RASTER, 0, g.windows);
  for (int32_t s = 3; s < 6; s++) {
    float *zipar = step_through(r, &g, SOL_ORDER_ZIPAR, s, g.windows);
    compare_bits("zipar of a row's width", zipar, raster, g.windows * one);
    free(zipar);
  }
  float *alone = step_through(r, &g, SOL_ORDER_RASTER, 0, 1);
  compare_floats("alone", alone, rig_widen(r, raster, one), one, 1e-5, 1e-5);
  free(alone);
  free(raster);
  slate_golden_close(&g);
  rig_reset(r);
}

Test(decoder, a_wide_window_is_raster) {
  rig_each(check_same);
}

/* Collisions that came after training share the last code of their column. */
Test(decoder, knows_collisions_beyond_its_own) {
  slate_golden g;
  slate_golden_open(&g, 0);
  cr_assert_eq(sol_decoder_code(&g.config, 1, 4), 9);
  cr_assert_eq(sol_decoder_code(&g.config, 2, 2), 12);
  cr_assert_eq(sol_decoder_code(&g.config, 2, 77), 12);
  slate_golden_close(&g);
}

static void check_refusals(rig *r) {
  slate_golden g;
  slate_golden_open(&g, 0);
  sol_weights weights;
  sol_weights_bind(&weights, &g.config, rig_inout(r, g.weights, sol_tensors_total(&g.config)));
  sol_stepper *stepper = NULL;
  cr_assert_eq(sol_stepper_open(&stepper, rig_backend(r), &g.config, &weights.slate, 2), SOLID_OK);
  sol_grid_shape fits = sol_decoder_shape(&g.config, SOL_ORDER_RASTER, 0, g.config.slate_rows), long_one = fits;
  long_one.dims[0]++;
  sol_grid grid;
  cr_assert_eq(sol_grid_make(&grid, &long_one), SOLID_OK);
  cr_assert_eq(sol_stepper_begin(stepper, &grid, 1, g.h, g.u), SOLID_ERANGE);
  sol_grid_clear(&grid);
  cr_assert_eq(sol_grid_make(&grid, &fits), SOLID_OK);
  cr_assert_eq(sol_stepper_begin(stepper, &grid, 3, g.h, g.u), SOLID_ERANGE);
  sol_grid_clear(&grid);
  sol_stepper_close(stepper);
  slate_golden_close(&g);
  rig_reset(r);
}

Test(decoder, refuses_more_rows_or_users_than_it_was_made_for) {
  rig_each(check_refusals);
}
