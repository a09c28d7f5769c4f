/* The sampled softmax: its draws, and its gradients against those of the whole one. */
#include "kernels/ops.h"
#include "solid/train/fit/sampler.h"
#include "solid/train/fit/touched.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How often items are among the draws is what their offsets say. */
Test(sampler, draws_items_as_often_as_offsets_say) {
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
    for (uint32_t i = 0; i < DRAWS; i++) there[s.by_place[sol_sampler_draw(&s, i, &random)]] = 1;
    for (int v = 0; v < V; v++) seen[v] += there[v];
  }
  for (uint32_t place = 0; place < V; place++) {
    double p = exp((double)-sol_sampler_offset(&s, place)), got = seen[s.by_place[place]] / ROUNDS;
    cr_expect_lt(fabs(got - p), 5 * sqrt(p * (1 - p) / ROUNDS), "place %u: drawn %g, said %g", place, got, p);
  }
  cr_expect_lt(sol_sampler_offset(&s, 0), sol_sampler_offset(&s, V - 1));
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
  memset(offset, 0, sizeof offset);
  for (uint32_t i = 0; i < DRAWN; i++) {
    uint32_t place = sol_sampler_draw(&j->sampler, i, &random), before = j->touched.count;
    if (sol_touched_take(&j->touched, j->sampler.by_place[place]) == before && corrected)
      offset[before] = sol_sampler_offset(&j->sampler, place);
  }
  for (uint32_t i = 0; i < j->touched.count; i++)
    memcpy(e + i * WIDTH, j->e + (size_t)j->touched.items[i] * WIDTH, WIDTH * sizeof *e);
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

Test(sampler, gradients_have_the_mean_of_the_whole_softmax) {
  rig_each(check_expectation);
}
