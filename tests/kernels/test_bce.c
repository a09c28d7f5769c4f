#include "tests/ref/ref_bce.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include <criterion/criterion.h>
#include <math.h>

typedef struct loss_context {
  const sk_bce_args *a;
  double *x, *u, *label, *score, *loss;
} loss_context;

static double total_loss(void *context) {
  const loss_context *c = context;
  double sum = 0;
  ref_bce(c->a, c->x, c->u, c->label, c->score, c->loss);
  for (int64_t i = 0; i < (int64_t)c->a->n * c->a->t; i++) sum += (double)c->a->weight * c->loss[i];
  return sum;
}

static void check_case(rig *r, seed_rng *rng, int32_t n, int32_t t, int32_t d, float scale) {
  size_t rows = (size_t)n, pairs = rows * (size_t)t, width = (size_t)d;
  float *x = rig_normal(r, rng, rows * width, scale), *u = rig_normal(r, rng, pairs * width, 1.0f);
  float *label = rig_normal(r, rng, pairs, 1.0f);
  for (size_t i = 0; i < pairs; i++) label[i] = label[i] > 0.5f;
  sk_bce_args a = {.n = n, .t = t, .d = d, .weight = 0.25f};
  loss_context c = {&a,
                    rig_widen(r, x, rows * width),
                    rig_widen(r, u, pairs * width),
                    rig_widen(r, label, pairs),
                    rig_zeros(r, pairs),
                    rig_zeros(r, pairs)};
  total_loss(&c);
  sk_bce_args b = a;
  b.x = rig_in(r, x, rows * width), b.u = rig_in(r, u, pairs * width), b.label = rig_in(r, label, pairs);
  b.score = rig_out(r, pairs), b.loss = rig_out(r, pairs);
  b.dx = rig_out(r, rows * width), b.du = rig_out(r, pairs * width);
  rig_check(r, "bce", rig_ops(r)->bce(rig_backend(r), &b));
  compare_floats("bce score", rig_read(r, b.score, pairs), c.score, pairs, 2e-5 * (double)scale, 1e-5);
  compare_floats("bce loss", rig_read(r, b.loss, pairs), c.loss, pairs, 2e-5 * (double)scale, 1e-5);
  double *dx = rig_zeros(r, rows * width), *du = rig_zeros(r, pairs * width);
  slope_fill(total_loss, &c, c.x, rows * width, 1, dx);
  slope_compare("bce dx", rig_read(r, b.dx, rows * width), dx, rows * width, 1);
  slope_fill(total_loss, &c, c.u, pairs * width, 3, du);
  slope_compare("bce du", rig_read(r, b.du, pairs * width), du, pairs * width, 3);
  sk_bce_args scores = {.n = n, .t = t, .d = d, .x = b.x, .u = b.u, .score = rig_out(r, pairs)};
  rig_check(r, "bce scores", rig_ops(r)->bce(rig_backend(r), &scores));
  compare_floats("bce score alone", rig_read(r, scores.score, pairs), c.score, pairs, 2e-5 * (double)scale, 1e-5);
  rig_reset(r);
}

static void check_bce(rig *r) {
  seed_rng rng = seed_start(61);
  check_case(r, &rng, 0, 3, 4, 1.0f);
  check_case(r, &rng, 1, 1, 1, 1.0f);
  check_case(r, &rng, 33, 5, 32, 0.3f);
  check_case(r, &rng, 7, 100, 9, 1.0f);
  check_case(r, &rng, 5, 2, 70, 6.0f); /* scores far out, where the loss is a line */
}

Test(bce, equals_the_reference_and_its_differences) {
  rig_each(check_bce);
}

/* A NaN stays in its row; scores so large that exp overflows have finite losses. */
static void check_edges(rig *r) {
  const float x[] = {1, NAN, 1}, u[] = {200, -200, 1, 1, -5, 5}, label[] = {0, 1, 0, 1, 1, 0};
  float *score = rig_out(r, 6), *loss = rig_out(r, 6);
  const sk_bce_args a = {.n = 3,
                         .t = 2,
                         .d = 1,
                         .x = rig_in(r, x, 3),
                         .u = rig_in(r, u, 6),
                         .label = rig_in(r, label, 6),
                         .weight = 1,
                         .score = score,
                         .loss = loss};
  rig_check(r, "bce edges", rig_ops(r)->bce(rig_backend(r), &a));
  const double far = 5.006715348489118;
  const double want[] = {200, 200, NAN, NAN, far, far};
  compare_floats("bce loss", rig_read(r, loss, 6), want, 6, 0, 1e-6);
}

Test(bce, stays_finite_far_out_and_keeps_nan_in_its_row) {
  rig_each(check_edges);
}
