#include "tests/ref/ref_xent.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
  int32_t n, d, items;
  float smoothing, weight;
  int32_t whole; /* with offsets */
} shape;

typedef struct inputs {
  size_t n, d, items;
  float *u, *e, *offset;
  double *u_wide, *e_wide;
  int32_t *target;
  sk_xent_args host;
} inputs;

/* About one target in five is negative; the first is not. The caller frees target. */
static void draw(rig *r, seed_rng *rng, const shape *s, inputs *in) {
  *in = (inputs){.n = (size_t)s->n, .d = (size_t)s->d, .items = (size_t)s->items};
  in->u = rig_normal(r, rng, in->n * in->d, 1.0f);
  in->e = rig_normal(r, rng, in->items * in->d, 1.0f);
  in->u_wide = rig_widen(r, in->u, in->n * in->d);
  in->e_wide = rig_widen(r, in->e, in->items * in->d);
  in->target = malloc(sizeof *in->target * (in->n + 1));
  for (size_t i = 0; i < in->n; i++) in->target[i] = i > 0 && seed_below(rng, 5) == 0 ? -1 : seed_below(rng, s->items);
  in->host = (sk_xent_args){.n = s->n, .d = s->d, .items = s->items, .target = in->target};
  if (s->whole) in->host.offset = in->offset = rig_normal(r, rng, in->items, 2.0f);
  in->host.whole = s->whole;
  in->host.smoothing = s->smoothing;
  in->host.weight = s->weight;
}

static sk_xent_args device_args(rig *r, const inputs *in) {
  sk_xent_args a = in->host;
  a.u = rig_in(r, in->u, in->n * in->d);
  a.e = rig_in(r, in->e, in->items * in->d);
  if (a.offset) a.offset = rig_in(r, in->offset, in->items);
  a.target = rig_in_int(r, in->target, in->n);
  a.loss = rig_out(r, in->n);
  return a;
}

static void check_loss(rig *r, const inputs *in, const float *loss) {
  double *want = rig_zeros(r, in->n);
  ref_xent(&in->host, in->u_wide, in->e_wide, want);
  compare_floats("xent loss", rig_read(r, loss, in->n), want, in->n, 1e-5, 1e-5);
}

/* Values, and both gradients by the reference's formula; de is added to. */
static void check_case(rig *r, seed_rng *rng, const shape *s) {
  inputs in;
  draw(r, rng, s, &in);
  sk_xent_args a = device_args(r, &in);
  rig_check(r, "xent", rig_ops(r)->xent(rig_backend(r), &a));
  check_loss(r, &in, a.loss);
  size_t nu = in.n * in.d, ne = in.items * in.d;
  float *before = rig_normal(r, rng, ne, 0.1f);
  a = device_args(r, &in);
  a.du = rig_out(r, nu);
  a.de = rig_inout(r, before, ne);
  rig_check(r, "xent", rig_ops(r)->xent(rig_backend(r), &a));
  check_loss(r, &in, a.loss);
  double *du = rig_zeros(r, nu), *de = rig_widen(r, before, ne);
  ref_xent_gradient(&in.host, in.u_wide, in.e_wide, du, de);
  compare_floats("xent du", rig_read(r, a.du, nu), du, nu, 2e-5, 1e-5);
  compare_floats("xent de", rig_read(r, a.de, ne), de, ne, 2e-5, 1e-5);
  free(in.target);
  rig_reset(r);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(61);
  const shape shapes[] = {{0, 4, 5, 0.0f, 1.0f, 0},       {1, 1, 1, 0.0f, 1.0f, 0},        {1, 8, 513, 0.1f, 0.5f, 0},
                          {65, 7, 100, 0.2f, 1.0f, 0},    {130, 5, 1100, 0.0f, 2.0f, 0},   {600, 3, 70, 0.1f, 0.01f, 0},
                          {65, 7, 101, 0.2f, 1.0f, 4000}, {70, 5, 1102, 0.0f, 1.0f, 90000}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) check_case(r, &rng, &shapes[i]);
}

Test(xent, equals_the_reference) {
  rig_each(check_forward);
}

/* Catalogues too large for one tile of the CPU's logits: rows in several tiles, and logits taken twice. */
static void check_large(rig *r) {
  seed_rng rng = seed_start(62);
  check_case(r, &rng, &(shape){530, 2, 9000, 0.1f, 1.0f, 0});
  check_case(r, &rng, &(shape){70, 2, 120000, 0.1f, 1.0f, 0});
  check_case(r, &rng, &(shape){3, 2, 120003, 0.1f, 1.0f, 1000000});
}

Test(xent, tiles_a_large_catalogue) {
  rig_each(check_large);
}

/* The same for a GPU, whose tiles hold 2^26. */
static void check_largest(rig *r) {
  seed_rng rng = seed_start(63);
  if (strcmp(rig_ops(r)->name, "cuda") != 0) return;
  check_case(r, &rng, &(shape){260, 2, 263001, 0.1f, 1.0f, 0});
  check_case(r, &rng, &(shape){260, 2, 263001, 0.1f, 1.0f, 5000000});
}

Test(xent, tiles_the_largest_catalogue_at_full_size) {
  rig_each(check_largest);
}

typedef struct loss_context {
  const inputs *in;
  double *loss;
} loss_context;

static double total(void *context) {
  const loss_context *c = context;
  double sum = 0.0;
  ref_xent(&c->in->host, c->in->u_wide, c->in->e_wide, c->loss);
  for (size_t i = 0; i < c->in->n; i++) sum += (double)c->in->host.weight * c->loss[i];
  return sum;
}

static void check_gradient(rig *r, seed_rng *rng, const shape *s) {
  inputs in;
  draw(r, rng, s, &in);
  size_t nu = in.n * in.d, ne = in.items * in.d;
  sk_xent_args a = device_args(r, &in);
  float *zeros = rig_normal(r, rng, ne, 0.0f);
  a.du = rig_out(r, nu);
  a.de = rig_inout(r, zeros, ne);
  rig_check(r, "xent", rig_ops(r)->xent(rig_backend(r), &a));
  double *slope = rig_zeros(r, nu + ne), *du = rig_zeros(r, nu), *de = rig_zeros(r, ne);
  loss_context c = {&in, rig_zeros(r, in.n)};
  slope_fill(total, &c, in.u_wide, nu, 1, slope);
  slope_fill(total, &c, in.e_wide, ne, 1, slope + nu);
  slope_compare("xent du", rig_read(r, a.du, nu), slope, nu, 1);
  slope_compare("xent de", rig_read(r, a.de, ne), slope + nu, ne, 1);
  ref_xent_gradient(&in.host, in.u_wide, in.e_wide, du, de);
  compare_doubles("reference du", du, slope, nu, 1e-7, 1e-6);
  compare_doubles("reference de", de, slope + nu, ne, 1e-7, 1e-6);
  free(in.target);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(63);
  check_gradient(r, &rng, &(shape){1, 3, 4, 0.0f, 1.0f, 0});
  check_gradient(r, &rng, &(shape){5, 4, 21, 0.1f, 0.7f, 0});
  check_gradient(r, &rng, &(shape){9, 2, 40, 0.0f, 0.1f, 0});
  check_gradient(r, &rng, &(shape){5, 4, 21, 0.1f, 0.7f, 300});
}

Test(xent, gradients_equal_finite_differences) {
  rig_each(check_backward);
}

/* Logits far apart: nothing overflows, and a row whose target is negative may hold anything. */
static void check_extremes(rig *r) {
  seed_rng rng = seed_start(64);
  inputs in;
  draw(r, &rng, &(shape){4, 2, 600, 0.0f, 1.0f, 0}, &in);
  const int32_t target[] = {3, 599, -1, 0};
  memcpy(in.target, target, sizeof target);
  for (size_t i = 0; i < 4; i++) in.u[i] = in.u_wide[i] = in.u[i] * 100.0f;
  in.u[4] = NAN;
  in.u_wide[4] = NAN;
  sk_xent_args a = device_args(r, &in);
  float *zeros = rig_normal(r, &rng, 1200, 0.0f);
  a.du = rig_out(r, 8);
  a.de = rig_inout(r, zeros, 1200);
  rig_check(r, "xent", rig_ops(r)->xent(rig_backend(r), &a));
  double *loss = rig_zeros(r, 4), *du = rig_zeros(r, 8), *de = rig_zeros(r, 1200);
  ref_xent(&in.host, in.u_wide, in.e_wide, loss);
  ref_xent_gradient(&in.host, in.u_wide, in.e_wide, du, de);
  compare_floats("xent loss", rig_read(r, a.loss, 4), loss, 4, 1e-4, 1e-5);
  compare_floats("xent du", rig_read(r, a.du, 8), du, 8, 1e-4, 1e-4);
  compare_floats("xent de", rig_read(r, a.de, 1200), de, 1200, 1e-2, 1e-4);
  free(in.target);
  rig_reset(r);
}

Test(xent, survives_extreme_logits_and_skipped_rows) {
  rig_each(check_extremes);
}

/* A NaN row: its loss and du are NaN, as is all of de; the loss of the others stays. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(65);
  inputs in;
  draw(r, &rng, &(shape){3, 2, 10, 0.0f, 1.0f, 0}, &in);
  in.u[0] = NAN;
  in.u_wide[0] = NAN;
  sk_xent_args a = device_args(r, &in);
  a.du = rig_out(r, 6);
  rig_check(r, "xent", rig_ops(r)->xent(rig_backend(r), &a));
  check_loss(r, &in, a.loss);
  cr_assert(isnan(rig_read(r, a.du, 6)[0]) && !isnan(rig_read(r, a.du, 6)[2]));
  free(in.target);
  rig_reset(r);
}

Test(xent, keeps_nan_in_its_row) {
  rig_each(check_nan);
}
