/* The whole training step against a naive model in double: its loss directly, its gradients by central differences of
 * the naive loss in every trained number. */
#include "solid/train/fit/head.h"
#include "solid/train/fit/step.h"
#include "tests/ref/ref_model.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/tiny_batch.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define H       1e-5
#define SAMPLES 20

/* A step over a tiny batch on a back end, gradients and loss on the host. */
typedef struct result {
  float *gradients;
  double loss;
} result;

static result run_step(rig *r, const sol_config *config, const tiny_batch *batch, const solid_train_options *options,
                       uint64_t seed) {
  sk_backend *be = rig_backend(r);
  sol_step step;
  cr_assert_eq(sol_step_open(&step, be, config, batch->codes, batch->windows.n, batch->rows, options), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(sol_step_set_attributes(&step, batch->attributes), SOLID_OK);
  result out = {.gradients = malloc(step.total * sizeof(float))};
  cr_assert_eq(be->ops->upload(be, step.values[SOL_WEIGHTS], batch->weights, step.total * sizeof(float)), SOLID_OK);
  cr_assert_eq(sol_step_gradients(&step, options, seed, &batch->windows, batch->targets), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(be->ops->download(be, out.gradients, step.values[SOL_GRADS], step.total * sizeof(float)), SOLID_OK);
  cr_assert_eq(sol_step_take_loss(&step, &out.loss), SOLID_OK);
  out.loss /= (double)batch->rows;
  sol_step_close(&step);
  return out;
}

static double ref_loss(const sol_config *config, const tiny_batch *batch, const solid_train_options *o, uint64_t seed,
                       const double *values) {
  size_t total = sol_tensors_total(config);
  double *shown = malloc(total * sizeof *shown);
  memcpy(shown, values, total * sizeof *shown);
  for (uint32_t v = 0; v < config->items && o->item_dropout > 0; v++) /* E comes first */
    for (uint32_t j = 0; j < config->width && sol_step_drops_item(seed, o->item_dropout, v); j++)
      shown[v * config->width + j] = 0;
  ref_model model = {config, shown, batch->codes, batch->attributes};
  sol_dropout drop = {.p = o->dropout, .p_z = o->dropout_z, .p_y = o->dropout_y, .seed = seed};
  double loss = ref_model_loss(&model, &batch->windows, batch->targets, &drop, (double)o->smoothing);
  free(shown);
  return loss;
}

/* The loss of a batch at its weights, which every run of a body compares itself with. */
static double expect_loss(rig *r, const sol_config *config, const tiny_batch *batch, const solid_train_options *o,
                          uint64_t seed, const double *values) {
  double loss;
  if (rig_recall(r, &loss, 1)) return loss;
  loss = ref_loss(config, batch, o, seed, values);
  rig_keep(r, &loss, 1);
  return loss;
}

/* Slopes of the loss in every `stride`-th number of a tensor. */
static double *expect_slopes(rig *r, const sol_config *config, const sol_tensor *tensor, size_t stride,
                             const tiny_batch *batch, const solid_train_options *o, uint64_t seed, double *values) {
  double *want = calloc(tensor->count, sizeof *want);
  if (rig_recall(r, want, tensor->count)) return want;
  for (size_t i = 0; i < tensor->count; i += stride) {
    double *x = &values[tensor->offset + i], kept = *x;
    *x = kept + H;
    double above = ref_loss(config, batch, o, seed, values);
    *x = kept - H;
    want[i] = (above - ref_loss(config, batch, o, seed, values)) / (2 * H);
    *x = kept;
  }
  rig_keep(r, want, tensor->count);
  return want;
}

/* Gradients of one tensor at about `SAMPLES` places, relative to the largest of them. */
static void check_tensor(rig *r, const tiny_case *c, const sol_tensor *tensor, const tiny_batch *batch,
                         const solid_train_options *o, uint64_t seed, double *values, const result *got) {
  size_t stride = (tensor->count + SAMPLES - 1) / SAMPLES;
  double *want = expect_slopes(r, &c->config, tensor, stride, batch, o, seed, values), largest = 0;
  for (size_t i = 0; i < tensor->count; i += stride) largest = fmax(largest, fabs(want[i]));
  cr_expect_gt(largest, 0, "%s: %s has no gradient at all", c->name, tensor->name);
  for (size_t i = 0; i < tensor->count; i += stride) {
    double value = got->gradients[tensor->offset + i], error = fabs(value - want[i]);
    if (error <= 1e-3 * largest + 1e-7) continue;
    cr_expect_fail("%s: %s[%zu]: got %.9g, differences give %.9g (largest %.3g)", c->name, tensor->name, i, value,
                   want[i], largest);
    break;
  }
  free(want);
}

static void check_case(rig *r, const tiny_case *c, float dropout, float item_dropout) {
  seed_rng rng = seed_start(40);
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.item_dropout = item_dropout;
  o.dropout = dropout, o.dropout_z = dropout / 2, o.dropout_y = dropout / 3;
  tiny_batch batch;
  tiny_batch_make(&batch, &c->config, &rng, 4, 0);
  result got = run_step(r, &c->config, &batch, &o, 7);
  size_t total = sol_tensors_total(&c->config);
  double *values = malloc(total * sizeof *values);
  for (size_t i = 0; i < total; i++) values[i] = batch.weights[i];
  double loss = expect_loss(r, &c->config, &batch, &o, 7, values);
  cr_expect(fabs(got.loss - loss) <= 1e-5 * fabs(loss), "%s: loss %.9g, reference %.9g", c->name, got.loss, loss);
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(&c->config, tensors);
  for (size_t t = 0; t < n; t++) check_tensor(r, c, &tensors[t], &batch, &o, 7, values, &got);
  free(values);
  free(got.gradients);
  tiny_batch_free(&batch);
}

static void check_all(rig *r) {
  for (size_t i = 0; i < tiny_case_count; i++) {
    check_case(r, &tiny_cases[i], 0, 0);
    check_case(r, &tiny_cases[i], 0.3f, 0);
    if (tiny_cases[i].config.levels > 0) check_case(r, &tiny_cases[i], 0, 0.4f);
  }
}

Test(train, gradients_are_those_of_the_naive_model) {
  rig_each(check_all);
}

/* More rows than a tile: the loss over tiles is the loss of the naive model. */
static void check_tiles(rig *r) {
  seed_rng rng = seed_start(41);
  const sol_config *config = &tiny_cases[tiny_case_count - 1].config;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  tiny_batch batch;
  size_t tile = sol_head_tile_rows(rig_backend(r), config);
  tiny_batch_make(&batch, config, &rng, 300 * tile / 256, 0);
  cr_assert_gt(batch.rows, 2 * tile);
  result got = run_step(r, config, &batch, &o, 9);
  size_t total = sol_tensors_total(config);
  double *values = malloc(total * sizeof *values);
  for (size_t i = 0; i < total; i++) values[i] = batch.weights[i];
  double loss = expect_loss(r, config, &batch, &o, 9, values);
  cr_expect(fabs(got.loss - loss) <= 1e-5 * fabs(loss), "loss %.9g, reference %.9g", got.loss, loss);
  free(values);
  free(got.gradients);
  tiny_batch_free(&batch);
}

Test(train, tiles_of_rows_make_the_loss_of_the_whole) {
  rig_each(check_tiles);
}
