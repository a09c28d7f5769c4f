#include "tests/ref/ref_activate.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

static const sk_activation functions[] = {SK_IDENTITY, SK_RELU, SK_TANH, SK_GELU};
static const int64_t sizes[] = {0, 1, 3, 17, 1000, 50003};

/* Random values over a wide range, and what is hard: zeros, NaN, infinities, large, denormal. */
static float *make_input(rig *r, seed_rng *rng, size_t n) {
  float *x = rig_normal(r, rng, n, 3.0f);
  const float hard[] = {0.0f, -0.0f, NAN, INFINITY, 1e30f, -1e30f, 1e-40f, -1e-20f, 88.5f, -88.5f, 20.5f, -9.0f};
  for (size_t i = 0; i < sizeof hard / sizeof hard[0] && n >= 17; i++) x[i] = hard[i];
  return x;
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(1);
  for (size_t f = 0; f < 4; f++)
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
      size_t n = (size_t)sizes[s];
      float *x = make_input(r, &rng, n);
      double *want = rig_zeros(r, n);
      sk_activate_args a = {.n = sizes[s], .f = functions[f], .x = rig_in(r, x, n), .y = rig_out(r, n)};
      ref_activate(&a, rig_widen(r, x, n), want);
      rig_check(r, "activate", rig_ops(r)->activate(rig_backend(r), &a));
      compare_floats("activate y", rig_read(r, a.y, n), want, n, 1e-6, 2e-6);
      rig_reset(r);
    }
}

Test(activate, equals_the_reference) {
  rig_each(check_forward);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(2);
  for (size_t f = 0; f < 4; f++)
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
      size_t n = (size_t)sizes[s];
      float *x = make_input(r, &rng, n), *dy = rig_normal(r, &rng, n, 1.0f);
      double *want = rig_zeros(r, n), *wide = rig_widen(r, x, n);
      if (n > 3) wide[3] = (double)(x[3] = 5.0f); /* the formula is inf * 0 at infinity */
      sk_activate_backward_args a = {
          .n = sizes[s], .f = functions[f], .x = rig_in(r, x, n), .dy = rig_in(r, dy, n), .dx = rig_out(r, n)};
      ref_activate_backward(&a, wide, rig_widen(r, dy, n), want);
      rig_check(r, "activate_backward", rig_ops(r)->activate_backward(rig_backend(r), &a));
      compare_floats("activate dx", rig_read(r, a.dx, n), want, n, 2e-6, 2e-6);
      rig_reset(r);
    }
}

Test(activate, backward_equals_the_reference) {
  rig_each(check_backward);
}

static void check_in_place(rig *r) {
  const float x[] = {-1.0f, 0.5f, 2.0f}, dy[] = {1.0f, 2.0f, 3.0f};
  const double want_y[] = {0.0, 0.5, 2.0}, want_dx[] = {0.0, 2.0, 3.0};
  float *y = rig_inout(r, x, 3), *dx = rig_inout(r, dy, 3);
  const sk_activate_args forward = {.n = 3, .f = SK_RELU, .x = y, .y = y};
  const sk_activate_backward_args backward = {.n = 3, .f = SK_RELU, .x = rig_in(r, x, 3), .dy = dx, .dx = dx};
  rig_check(r, "activate", rig_ops(r)->activate(rig_backend(r), &forward));
  rig_check(r, "activate_backward", rig_ops(r)->activate_backward(rig_backend(r), &backward));
  compare_floats("activate y", rig_read(r, y, 3), want_y, 3, 0.0, 0.0);
  compare_floats("activate dx", rig_read(r, dx, 3), want_dx, 3, 0.0, 0.0);
}

Test(activate, works_in_place) {
  rig_each(check_in_place);
}

enum { POINTS = 50 };

typedef struct loss {
  sk_activation f;
  const double *x, *dy;
} loss;

static double loss_value(void *context) {
  const loss *l = context;
  double y[POINTS], sum = 0.0;
  const sk_activate_args a = {.n = POINTS, .f = l->f};
  ref_activate(&a, l->x, y);
  for (int i = 0; i < POINTS; i++) sum += l->dy[i] * y[i];
  return sum;
}

Test(activate, reference_gradient_is_the_slope) {
  seed_rng rng = seed_start(3);
  for (size_t f = 0; f < 4; f++) {
    double x[POINTS], dy[POINTS], dx[POINTS];
    for (int i = 0; i < POINTS; i++) x[i] = (double)seed_normal(&rng), dy[i] = (double)seed_normal(&rng);
    const sk_activate_backward_args a = {.n = POINTS, .f = functions[f]};
    ref_activate_backward(&a, x, dy, dx);
    loss l = {functions[f], x, dy};
    compare_gradient("activate dx", loss_value, &l, x, POINTS, dx);
  }
}
