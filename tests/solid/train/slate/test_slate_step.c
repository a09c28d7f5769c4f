/* Loss and gradients of the decoder of slates: against PyTorch's autograd, and against central differences of the
 * library's own loss, which also see dropout and smoothing. */
#include "solid/train/slate/slate_step.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slate_golden.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
  slate_golden g;
  uint32_t *codes; /* (B, K, C) targets */
  size_t floats, ranker;
  float *grads;
  sol_slate_batch batch;
  sol_slate_step *step;
} fixture;

static void fixture_open(fixture *f, rig *r, int near) {
  slate_golden_open(&f->g, near);
  const sol_config *config = &f->g.config;
  size_t cells = (size_t)f->g.windows * config->slate_rows * (config->levels + 1);
  f->ranker = sol_tensors_ranker(config);
  f->floats = sol_tensors_total(config) - f->ranker;
  f->codes = malloc(cells * sizeof *f->codes);
  f->grads = malloc(f->floats * sizeof *f->grads);
  for (size_t i = 0; i < cells; i++) f->codes[i] = f->g.targets[i] < 0 ? SOL_SLATE_NO_CODE : (uint32_t)f->g.targets[i];
  f->batch = (sol_slate_batch){f->g.windows, f->g.h, f->g.u, f->codes};
  cr_assert_eq(sol_slate_step_open(&f->step, rig_backend(r), config, f->g.windows + 1, f->g.weights + f->ranker),
               SOLID_OK, "%s", solid_last_error());
}

static void fixture_close(fixture *f) {
  sol_slate_step_close(f->step);
  free(f->codes);
  free(f->grads);
  slate_golden_close(&f->g);
}

/* The golden's codes go in where there is no target; here nothing does. In raster no loss sees the difference. */
static void check_golden(rig *r) {
  fixture f;
  fixture_open(&f, r, 0);
  double sum;
  size_t cells, n;
  const sol_slate_rates rates = {0};
  cr_assert_eq(sol_slate_step_gradients(f.step, &f.batch, &rates, 1, &sum, &cells), SOLID_OK, "%s", solid_last_error());
  float *loss = slate_golden_floats(&f.g, "raster/loss", &n);
  cr_assert_float_eq(sum / (double)cells, *loss, 1e-5, "loss %g, PyTorch has %g", sum / (double)cells, *loss);
  free(loss);
  cr_assert_eq(sol_slate_step_read(f.step, SOL_SLATE_GRADS, f.grads), SOLID_OK);
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t count = sol_tensors_list(&f.g.config, tensors), compared = 0;
  for (size_t i = 0; i < count; i++) {
    if (tensors[i].offset < f.ranker) continue;
    char name[96];
    snprintf(name, sizeof name, "raster/grad/%.64s", tensors[i].name);
    float *want = slate_golden_floats(&f.g, name, &n);
    cr_assert_eq(n, tensors[i].count);
    compare_floats(name, f.grads + tensors[i].offset - f.ranker, rig_widen(r, want, n), n, 2e-6, 2e-4);
    free(want);
    compared++;
  }
  cr_assert_gt(compared, 30);
  fixture_close(&f);
  rig_reset(r);
}

Test(slate_step, has_pytorchs_loss_and_gradients) {
  rig_each(check_golden);
}

/* The mean loss with one weight moved by `by`. */
static double loss_at(rig *r, const fixture *f, const sol_slate_rates *rates, size_t place, float by) {
  double sum;
  size_t cells;
  sol_slate_step *step = NULL;
  float *weights = malloc(f->floats * sizeof *weights);
  memcpy(weights, f->g.weights + f->ranker, f->floats * sizeof *weights);
  weights[place] += by;
  cr_assert_eq(sol_slate_step_open(&step, rig_backend(r), &f->g.config, f->g.windows, weights), SOLID_OK);
  cr_assert_eq(sol_slate_step_gradients(step, &f->batch, rates, 7, &sum, &cells), SOLID_OK);
  sol_slate_step_close(step);
  free(weights);
  return sum / (double)cells;
}

/* Every tensor at a few places, in float: the step is large, and so is the tolerance. */
static void check_differences(rig *r, int near, const sol_slate_rates *rates) {
  fixture f;
  double sum;
  size_t cells;
  fixture_open(&f, r, near);
  cr_assert_eq(sol_slate_step_gradients(f.step, &f.batch, rates, 7, &sum, &cells), SOLID_OK);
  cr_assert_eq(sol_slate_step_read(f.step, SOL_SLATE_GRADS, f.grads), SOLID_OK);
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t count = sol_tensors_list(&f.g.config, tensors);
  for (size_t i = 0; i < count; i++) {
    if (tensors[i].offset < f.ranker) continue;
    for (size_t k = i % 3; k < tensors[i].count; k += tensors[i].count / 4 + 1) {
      const float step = 1e-2f;
      size_t at = tensors[i].offset - f.ranker + k;
      double slope = (loss_at(r, &f, rates, at, step) - loss_at(r, &f, rates, at, -step)) / (2 * (double)step);
      cr_assert(fabs(slope - f.grads[at]) <= 3e-4 + 0.02 * fabs(slope), "%s[%zu]: gradient %g, difference %g",
                tensors[i].name, k, f.grads[at], slope);
    }
  }
  fixture_close(&f);
  rig_reset(r);
}

static void check_all_differences(rig *r) {
  check_differences(r, 0, &(sol_slate_rates){.smoothing = 0.1f});
  check_differences(r, 1, &(sol_slate_rates){0});
  check_differences(r, 1, &(sol_slate_rates){.p = 0.3f});
}

Test(slate_step, gradients_equal_differences) {
  rig_each(check_all_differences);
}

/* Near-to-far where every cell has a target, so that the golden and the step see the same. */
static void check_near_golden(rig *r) {
  fixture f;
  double sum, want = 0;
  size_t cells, n, all;
  fixture_open(&f, r, 1);
  const sol_config *config = &f.g.config;
  float *logits = slate_golden_floats(&f.g, "near/logits", &n);
  all = (size_t)f.g.windows * config->slate_rows * (config->levels + 1);
  for (size_t i = 0; i < all; i++) {
    uint32_t column = (uint32_t)(i % (config->levels + 1)), codes = sol_decoder_codes(config, column);
    double total = 0;
    f.codes[i] = (uint32_t)f.g.codes[i];
    for (uint32_t c = 0; c < codes; c++) total += exp(logits[i * f.g.widest + c]);
    want += log(total) - logits[i * f.g.widest + f.codes[i]];
  }
  cr_assert_eq(sol_slate_step_gradients(f.step, &f.batch, &(sol_slate_rates){0}, 1, &sum, &cells), SOLID_OK);
  cr_assert_eq(cells, all);
  cr_assert(compare_is_close(sum, want, 1e-4, 1e-5), "loss %g, PyTorch has %g", sum, want);
  free(logits);
  fixture_close(&f);
  rig_reset(r);
}

Test(slate_step, has_pytorchs_loss_near_to_far) {
  rig_each(check_near_golden);
}

/* AdamW makes the loss of a batch small; the gradients are zero after a step; a batch without targets changes nothing.
 */
static void check_learns(rig *r) {
  fixture f;
  double sum, first = 0;
  size_t cells;
  const sol_slate_rates rates = {.rate = 1e-2f, .max_norm = 5};
  fixture_open(&f, r, 1);
  for (uint64_t i = 1; i <= 150; i++) {
    cr_assert_eq(sol_slate_step_gradients(f.step, &f.batch, &rates, i, &sum, &cells), SOLID_OK);
    if (i == 1) first = sum;
    cr_assert_eq(sol_slate_step_update(f.step, &rates, i), SOLID_OK);
  }
  cr_assert_lt(sum, 0.1 * first, "loss %g at first, %g at last", first, sum);
  cr_assert_eq(sol_slate_step_read(f.step, SOL_SLATE_GRADS, f.grads), SOLID_OK);
  for (size_t i = 0; i < f.floats; i++) cr_assert_eq(f.grads[i], 0);
  memset(f.codes, 0xff, (size_t)f.g.windows * f.g.config.slate_rows * (f.g.config.levels + 1) * sizeof *f.codes);
  cr_assert_eq(sol_slate_step_gradients(f.step, &f.batch, &rates, 1, &sum, &cells), SOLID_OK);
  cr_assert(cells == 0 && sum == 0);
  fixture_close(&f);
  rig_reset(r);
}

Test(slate_step, learns_a_batch) {
  rig_each(check_learns);
}
