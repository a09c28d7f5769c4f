/* The sampled softmax: its draws, its gradients against those of the whole one, and a step over the items that it
 * touches against a step over all. */
#include "solid/train/fit/state.h"
#include "tests/solid/train/walk_fixture.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_batch.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How often items are among the draws is what their offsets say. */
Test(sampled, draws_items_as_often_as_offsets_say) {
  enum { V = 60, DRAWS = 21, ROUNDS = 20000 };
  sol_sampler s;
  float count[V];
  double seen[V] = {0};
  for (int v = 0; v < V; v++) count[v] = (float)((v * 7) % 13);
  cr_assert_eq(sol_sampler_open(&s, V, DRAWS), SOLID_OK);
  cr_assert_eq(sol_sampler_order(&s, count), SOLID_OK);
  for (uint64_t round = 0; round < ROUNDS; round++) {
    sol_random random = sol_random_start(round, 1);
    int there[V] = {0};
    for (uint32_t i = 0; i < DRAWS; i++) there[sol_sampler_draw(&s, i, &random)] = 1;
    for (int v = 0; v < V; v++) seen[v] += there[v];
  }
  for (uint32_t v = 0; v < V; v++) {
    double p = exp((double)-sol_sampler_offset(&s, v)), error = seen[v] / ROUNDS - p;
    cr_expect_lt(fabs(error), 5 * sqrt(p * (1 - p) / ROUNDS), "item %u: drawn %g, said %g", v, seen[v] / ROUNDS, p);
  }
  cr_expect_lt(sol_sampler_offset(&s, s.by_place[0]), sol_sampler_offset(&s, s.by_place[V - 1]));
  for (uint32_t r = 1; r < V; r++) cr_expect_geq(count[s.by_place[r - 1]], count[s.by_place[r]]);
  sol_sampler_close(&s);
}

/* ---- Gradients ---- */

enum { ITEMS = 100000, WIDTH = 8, ROWS = 6, DRAWN = 3000, REPEATS = 150 };

typedef struct judged {
  rig *r;
  float *u, *e;
  int32_t *target;
  sol_sampler sampler;
  sol_touched touched;
} judged;

/* Loss and du of all rows; of the drawn items and the targets, or of all. */
static void take_softmax(const judged *j, uint32_t items, const float *e, const int32_t *target, const float *offset,
                         float *loss, float *du) {
  rig *r = j->r;
  float *device_loss = rig_out(r, ROWS), *device_du = rig_out(r, ROWS * WIDTH);
  sk_xent_args a = {.n = ROWS, .d = WIDTH, .items = (int32_t)items, .whole = ITEMS, .smoothing = 0.1f, .weight = 1};
  a.u = rig_in(r, j->u, ROWS * WIDTH), a.e = rig_in(r, e, (size_t)items * WIDTH);
  a.offset = rig_in(r, offset, items), a.target = rig_in_int(r, target, ROWS);
  a.loss = device_loss, a.du = device_du;
  rig_check(r, "xent", rig_ops(r)->xent(rig_backend(r), &a));
  memcpy(loss, rig_read(r, device_loss, ROWS), ROWS * sizeof *loss);
  memcpy(du, rig_read(r, device_du, ROWS * WIDTH), ROWS * WIDTH * sizeof *du);
}

/* The same of one draw. */
static void sample(judged *j, uint64_t seed, int corrected, float *loss, float *du) {
  static float e[(DRAWN + ROWS) * WIDTH], offset[DRAWN + ROWS];
  int32_t target[ROWS];
  sol_random random = sol_random_start(seed, 2);
  sol_touched_begin(&j->touched);
  for (int i = 0; i < ROWS; i++) target[i] = (int32_t)sol_touched_take(&j->touched, (uint32_t)j->target[i]);
  uint32_t own = j->touched.count;
  for (uint32_t i = 0; i < DRAWN; i++) sol_touched_take(&j->touched, sol_sampler_draw(&j->sampler, i, &random));
  for (uint32_t i = 0; i < j->touched.count; i++) {
    memcpy(e + i * WIDTH, j->e + (size_t)j->touched.items[i] * WIDTH, WIDTH * sizeof *e);
    offset[i] = i < own || !corrected ? 0 : sol_sampler_offset(&j->sampler, j->touched.items[i]);
  }
  take_softmax(j, j->touched.count, e, target, offset, loss, du);
}

/* Distance of the mean over draws to the whole softmax's gradient, over its length. */
static double distance(judged *j, int corrected, const float *du_whole) {
  double mean[ROWS * WIDTH] = {0}, off = 0, length = 0;
  for (uint64_t repeat = 0; repeat < REPEATS; repeat++) {
    float loss[ROWS], du[ROWS * WIDTH];
    sample(j, repeat, corrected, loss, du);
    for (int i = 0; i < ROWS * WIDTH; i++) mean[i] += (double)du[i] / REPEATS;
  }
  for (int i = 0; i < ROWS * WIDTH; i++) {
    off += (mean[i] - (double)du_whole[i]) * (mean[i] - (double)du_whole[i]);
    length += (double)du_whole[i] * (double)du_whole[i];
  }
  return sqrt(off / length);
}

static void check_expectation(rig *r) {
  seed_rng rng = seed_start(70);
  judged j = {.r = r};
  int32_t target[ROWS] = {17, 99999, 4, 17, 60000, 321};
  float *count = malloc(ITEMS * sizeof *count), loss[ROWS], part[ROWS], du[ROWS * WIDTH], ignored[ROWS * WIDTH];
  j.u = malloc(sizeof *j.u * ROWS * WIDTH), j.e = malloc(sizeof *j.e * ITEMS * WIDTH), j.target = target;
  memcpy(j.u, rig_normal(r, &rng, ROWS * WIDTH, 0.7f), sizeof *j.u * ROWS * WIDTH);
  memcpy(j.e, rig_normal(r, &rng, (size_t)ITEMS * WIDTH, 0.7f), sizeof *j.e * ITEMS * WIDTH);
  for (int v = 0; v < ITEMS; v++) count[v] = j.e[v * WIDTH]; /* popular items are alike */
  cr_assert_eq(sol_sampler_open(&j.sampler, ITEMS, DRAWN), SOLID_OK);
  cr_assert_eq(sol_sampler_order(&j.sampler, count), SOLID_OK);
  cr_assert_eq(sol_touched_open(&j.touched, DRAWN + ROWS), SOLID_OK);
  take_softmax(&j, ITEMS, j.e, target, NULL, loss, du);
  double sum[ROWS] = {0}, squares[ROWS] = {0};
  for (uint64_t repeat = 0; repeat < REPEATS; repeat++) {
    sample(&j, 1000 + repeat, 1, part, ignored);
    for (int i = 0; i < ROWS; i++) {
      double share = exp((double)part[i] - (double)loss[i]); /* the sums' share, but for smoothing */
      sum[i] += share / REPEATS, squares[i] += share * share / REPEATS;
    }
    rig_reset(r);
  }
  for (int i = 0; i < ROWS; i++) {
    double error = 4 * sqrt((squares[i] - sum[i] * sum[i]) / REPEATS) + 0.01;
    cr_expect_lt(fabs(sum[i] - 1), error, "row %d: sum is %g of the whole, +- %g", i, sum[i], error);
  }
  double off = distance(&j, 1, du), uncorrected = distance(&j, 0, du);
  cr_expect_lt(off, 0.02, "the mean gradient is off by %g of the whole one's length", off);
  cr_expect_gt(uncorrected, 0.1, "without offsets it is off by %g", uncorrected);
  sol_sampler_close(&j.sampler);
  sol_touched_close(&j.touched);
  free(j.u), free(j.e), free(count);
  rig_reset(r);
}

Test(sampled, gradients_have_the_mean_of_the_whole_softmax) {
  rig_each(check_expectation);
}

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
