/* Training on drawn items: a step over the items that it touches against a step over all, and validation by pieces. */
#include "solid/train/fit/state.h"
#include "tests/solid/train/walk_fixture.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_batch.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Steps ---- */

static void open_step(rig *r, sol_step *step, const sol_config *config, const tiny_batch *b,
                      const solid_train_options *o) {
  sk_backend *be = rig_backend(r);
  cr_assert_eq(sol_step_open(step, be, config, b->codes, b->windows.n, b->rows, o), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_step_set_attributes(step, b->attributes), SOLID_OK);
  for (int i = 0; i < SOL_ARRAYS; i++) {
    if ((i != SOL_WEIGHTS && i != SOL_AVERAGE) || !step->values[i]) continue;
    cr_assert_eq(be->ops->upload(be, step->values[i], b->weights, step->total * sizeof(float)), SOLID_OK);
  }
}

static float *host_copy(sk_backend *be, const float *device, size_t n) {
  float *host = malloc((n + 1) * sizeof *host);
  cr_assert_eq(be->ops->download(be, host, device, n * sizeof *host), SOLID_OK);
  cr_assert_eq(be->ops->sync(be), SOLID_OK);
  return host;
}

/* So many draws that every item is there: loss and gradients are those of the whole softmax. */
static void check_all_drawn(rig *r, const tiny_case *c, double item_dropout) {
  seed_rng rng = seed_start(71);
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  sol_step whole, part;
  tiny_batch b;
  double loss_whole, loss_part;
  size_t d = c->config.width, V = c->config.items;
  o.item_dropout = item_dropout;
  tiny_batch_make(&b, &c->config, &rng, 4, 0);
  open_step(r, &whole, &c->config, &b, &o);
  o.negatives = (uint32_t)(60 * V);
  open_step(r, &part, &c->config, &b, &o);
  cr_assert_eq(sol_step_gradients(&whole, &o, 5, &b.windows, b.targets), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_step_gradients(&part, &o, 5, &b.windows, b.targets), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_step_take_loss(&whole, &loss_whole), SOLID_OK);
  cr_assert_eq(sol_step_take_loss(&part, &loss_part), SOLID_OK);
  cr_expect(fabs(loss_part - loss_whole) < 1e-5 * loss_whole, "%s: loss %.9g, whole %.9g", c->name, loss_part,
            loss_whole);
  cr_assert_eq(part.here.items, V, "%s: %u of %zu items drawn", c->name, part.here.items, V);
  float *want = host_copy(rig_backend(r), whole.values[SOL_GRADS], whole.grad_total);
  float *got = host_copy(rig_backend(r), part.values[SOL_GRADS], part.grad_total),
        *turned = malloc(V * d * sizeof(float));
  double *wide = rig_widen(r, want, whole.grad_total);
  for (size_t i = 0; i < V; i++) memcpy(turned + part.part.set.items[i] * d, got + i * d, d * sizeof *turned);
  compare_floats(c->name, turned, wide, V * d, 1e-6, 1e-4);
  compare_floats(c->name, got + part.grad_total - part.rest, wide + whole.grad_total - whole.rest, whole.rest, 1e-6,
                 1e-4);
  o.rate = 0.01;
  cr_assert_eq(sol_step_update(&whole, &o, 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_step_update(&part, &o, 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_step_settle(&part), SOLID_OK, "%s", solid_last_error());
  float *to = host_copy(rig_backend(r), whole.values[SOL_WEIGHTS], whole.total);
  float *reached = host_copy(rig_backend(r), part.values[SOL_WEIGHTS], part.total);
  for (size_t i = 0; i < whole.total; i++) /* where the gradient is more than rounding */
    if (fabsf(want[i]) > 1e-3f)
      cr_assert(fabsf(reached[i] - to[i]) < 1e-4f, "%s: weight %zu becomes %g, whole %g", c->name, i, reached[i],
                to[i]);
  const float norm = *rig_read(r, whole.sumsq, 1), part_norm = *rig_read(r, part.sumsq, 1);
  cr_expect(fabsf(part_norm - norm) < 1e-4f * norm, "%s: squares sum to %g, whole %g", c->name, part_norm, norm);
  free(to), free(reached);
  sol_step_close(&whole), sol_step_close(&part);
  free(want), free(got), free(turned);
  tiny_batch_free(&b);
  rig_reset(r);
}

static void check_steps(rig *r) {
  for (size_t i = 0; i < tiny_case_count; i++) {
    check_all_drawn(r, &tiny_cases[i], 0);
    if (tiny_cases[i].config.levels > 0) check_all_drawn(r, &tiny_cases[i], 0.4);
  }
}

Test(sampled, step_is_the_whole_one_where_everything_is_drawn) {
  rig_each(check_steps);
}

/* E and its average after forty steps over batches of a large catalogue, settled after each step or at the end. */
static void train(rig *r, int always, float **items, float **average, size_t *n) {
  seed_rng rng = seed_start(72);
  sol_config config = tiny_cases[tiny_case_count - 1].config;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  sol_step step;
  tiny_batch b;
  config.items = 300;
  o.negatives = 12, o.average = 0.9, o.decay = 0.1, o.rate = 0.01;
  tiny_batch_make(&b, &config, &rng, 4, 0);
  open_step(r, &step, &config, &b, &o);
  for (uint64_t number = 1; number <= 40; number++) {
    for (size_t i = 0; i < b.rows; i++) b.items[i] = (uint32_t)seed_below(&rng, 300);
    o.rate = 0.01 / (double)number;
    cr_assert_eq(sol_step_gradients(&step, &o, number, &b.windows, b.targets), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(sol_step_update(&step, &o, number), SOLID_OK, "%s", solid_last_error());
    if (always) cr_assert_eq(sol_step_settle(&step), SOLID_OK, "%s", solid_last_error());
  }
  cr_assert_eq(sol_step_settle(&step), SOLID_OK, "%s", solid_last_error());
  *n = (size_t)config.items * config.width;
  *items = host_copy(rig_backend(r), step.values[SOL_WEIGHTS], *n);
  *average = host_copy(rig_backend(r), step.values[SOL_AVERAGE], *n);
  sol_step_close(&step);
  tiny_batch_free(&b);
}

static void check_settling(rig *r) {
  float *always, *always_average, *late, *late_average;
  size_t n;
  train(r, 1, &always, &always_average, &n);
  train(r, 0, &late, &late_average, &n);
  compare_floats("E", late, rig_widen(r, always, n), n, 1e-6, 1e-5);
  compare_floats("average of E", late_average, rig_widen(r, always_average, n), n, 1e-6, 1e-5);
  free(always), free(always_average), free(late), free(late_average);
  rig_reset(r);
}

Test(sampled, rows_that_wait_end_where_rows_that_do_not_end) {
  rig_each(check_settling);
}

/* What the device holds of the last batch stays there when the rows that wait become too many, and are settled. */
static void check_density(rig *r) {
  seed_rng rng = seed_start(73);
  const tiny_case *c = tiny_cases;
  while (c->config.attention != SOL_ATTENTION_SPARSE) c++;
  sol_config config = c->config;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  sol_step step;
  tiny_batch b;
  double before = 0, after = 0;
  config.items = 300, o.negatives = 12;
  tiny_batch_make(&b, &config, &rng, 4, 0);
  open_step(r, &step, &config, &b, &o);
  for (uint64_t number = 1; number <= SOL_PART_STEPS; number++) {
    cr_assert_eq(step.part.steps, (int32_t)number - 1);
    cr_assert_eq(sol_step_gradients(&step, &o, number, &b.windows, b.targets), SOLID_OK, "%s", solid_last_error());
    if (number == SOL_PART_STEPS) cr_assert_eq(sol_step_density(&step, &before), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(sol_step_update(&step, &o, number), SOLID_OK, "%s", solid_last_error());
  }
  cr_assert_eq(step.part.steps, 0);
  cr_assert_eq(sol_step_density(&step, &after), SOLID_OK, "%s", solid_last_error());
  cr_expect(before > 0 && after == before, "density %g, %g before it was settled", after, before);
  sol_step_close(&step);
  tiny_batch_free(&b);
}

Test(sampled, settling_leaves_the_last_batch_alone) {
  rig_each(check_density);
}

/* ---- Validation ---- */

/* Pieces of the catalogue and tables of the windows' items give the figures that one table of all gives. */
static void check_pieces(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  sol_fit *whole = walk_trainer(r, &f, &o);
  o.negatives = 6;
  sol_fit *part = walk_trainer(r, &f, &o);
  walk_epochs(part, 3);
  sk_backend *be = rig_backend(r);
  sol_validation want, got;
  sol_weights weights;
  float *trained = host_copy(be, part->step.values[SOL_WEIGHTS], part->step.total);
  cr_assert_eq(be->ops->upload(be, whole->step.values[SOL_WEIGHTS], trained, part->step.total * sizeof(float)),
               SOLID_OK);
  sol_weights_bind(&weights, &whole->config, whole->step.values[SOL_WEIGHTS]);
  cr_assert_eq(sol_validator_run(&whole->validator, &weights, &whole->step, &want), SOLID_OK);
  cr_assert(want.ndcg10 > 0 && want.ndcg10 < 1);
  for (uint32_t piece = 1; piece < 40; piece += 6) {
    sol_validator v;
    cr_assert_eq(sol_validator_open(&v, be, &part->config, &f.dataset, 0, piece), SOLID_OK);
    cr_assert_eq(sol_validator_run(&v, &weights, &part->step, &got), SOLID_OK, "%s", solid_last_error());
    cr_expect(got.ndcg10 == want.ndcg10 && got.hit10 == want.hit10, "pieces of %u: NDCG@10 %.9g, at once %.9g", piece,
              got.ndcg10, want.ndcg10);
    sol_validator_close(&v);
  }
  free(trained);
  walk_finish(whole, &f);
  walk_finish(part, &f);
  walk_teardown(&f);
}

Test(sampled, validation_by_pieces_is_that_of_all_items) {
  rig_each(check_pieces);
}
