#include "tests/ref/ref_gru.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include "tests/support/windows.h"
#include <criterion/criterion.h>
#include <math.h>

#define WINDOWS_MAX 1903

typedef struct shape {
  int32_t windows, longest, d;
} shape;

typedef struct inputs {
  int32_t offsets[WINDOWS_MAX + 1];
  size_t rows, d;
  float *gx, *w_hh, *b_hh;
  double *gx_wide, *w_wide, *b_wide;
  sk_gru_args host;
} inputs;

static void draw(rig *r, seed_rng *rng, const shape *s, inputs *in) {
  in->rows = (size_t)windows_draw(rng, s->windows, s->longest, in->offsets);
  in->d = (size_t)s->d;
  in->gx = rig_normal(r, rng, in->rows * 3 * in->d, 1.0f);
  in->w_hh = rig_normal(r, rng, 3 * in->d * in->d, 1.0f / sqrtf((float)s->d));
  in->b_hh = rig_normal(r, rng, 3 * in->d, 0.5f);
  in->gx_wide = rig_widen(r, in->gx, in->rows * 3 * in->d);
  in->w_wide = rig_widen(r, in->w_hh, 3 * in->d * in->d);
  in->b_wide = rig_widen(r, in->b_hh, 3 * in->d);
  in->host = (sk_gru_args){.windows = s->windows, .rows = (int32_t)in->rows, .max_window = s->longest, .d = s->d};
  in->host.offsets = in->offsets;
}

static sk_gru_args device_args(rig *r, const inputs *in) {
  sk_gru_args a = in->host;
  a.offsets = rig_in_int(r, in->offsets, (size_t)a.windows + 1);
  a.gx = rig_in(r, in->gx, in->rows * 3 * in->d);
  a.w_hh = rig_in(r, in->w_hh, 3 * in->d * in->d);
  a.b_hh = rig_in(r, in->b_hh, 3 * in->d);
  return a;
}

/* A GPU has kernels of their own for 32 and 64, and for more windows than 1848 and 512. */
static const shape shapes[] = {{0, 4, 3},    {1, 1, 1},     {1, 50, 8},   {1, 60, 7},  {7, 5, 7},
                               {33, 9, 16},  {80, 12, 5},   {3, 120, 20}, {40, 9, 32}, {5, 7, 64},
                               {530, 4, 32}, {1903, 3, 32}, {523, 11, 64}};

static void check_case(rig *r, const inputs *in, int32_t newest_only, int with_saved) {
  sk_gru_args a = device_args(r, in), host = in->host;
  size_t n = (newest_only ? (size_t)a.windows : in->rows) * in->d;
  a.newest_only = host.newest_only = newest_only;
  a.out = rig_out(r, n);
  a.saved = with_saved ? rig_out(r, in->rows * 4 * in->d) : NULL;
  double *want = rig_zeros(r, n);
  ref_gru(&host, in->gx_wide, in->w_wide, in->b_wide, want);
  rig_check(r, "gru", rig_ops(r)->gru(rig_backend(r), &a));
  compare_floats(newest_only ? "gru newest" : "gru out", rig_read(r, a.out, n), want, n, 2e-5, 2e-5);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(31);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    inputs in;
    draw(r, &rng, &shapes[i], &in);
    check_case(r, &in, 0, 0);
    check_case(r, &in, 0, 1);
    check_case(r, &in, 1, 0);
    rig_reset(r);
  }
}

Test(gru, equals_the_reference) {
  rig_each(check_forward);
}

/* A NaN reaches the later rows of its window and no other window. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(32);
  const shape some[] = {{9, 6, 4}, {9, 6, 32}, {9, 6, 64}, {520, 3, 64}};
  for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
    inputs in;
    draw(r, &rng, &some[i], &in);
    size_t spoiled = in.rows / 2 * 3 * in.d;
    in.gx[spoiled] = in.gx_wide[spoiled] = NAN;
    check_case(r, &in, 0, 1);
    rig_reset(r);
  }
}

Test(gru, keeps_nan_in_its_window) {
  rig_each(check_nan);
}

typedef struct loss_context {
  const inputs *in;
  const double *weight;
  double *out;
} loss_context;

static double loss(void *context) {
  const loss_context *c = context;
  ref_gru(&c->in->host, c->in->gx_wide, c->in->w_wide, c->in->b_wide, c->out);
  return slope_weigh(c->weight, c->out, c->in->rows * c->in->d);
}

/* got = before + slope, for what a backward pass adds to */
static void compare_added(rig *r, const char *what, const float *got, const float *before, const double *slope,
                          size_t n, size_t every) {
  float *added = rig_normal(r, &(seed_rng){0}, n, 0.0f);
  for (size_t i = 0; i < n; i++) added[i] = got[i] - before[i];
  slope_compare(what, added, slope, n, every);
}

static void check_gradient(rig *r, seed_rng *rng, const shape *s, size_t every) {
  inputs in;
  draw(r, rng, s, &in);
  size_t n = in.rows * in.d, w = 3 * in.d * in.d;
  sk_gru_args f = device_args(r, &in);
  f.out = rig_out(r, n);
  f.saved = rig_out(r, 4 * n);
  rig_check(r, "gru", rig_ops(r)->gru(rig_backend(r), &f));
  float *dout = rig_normal(r, rng, n, 1.0f), *dw = rig_normal(r, rng, w, 1.0f);
  float *db = rig_normal(r, rng, 3 * in.d, 1.0f);
  sk_gru_backward_args b = {.windows = f.windows, .rows = f.rows, .max_window = f.max_window, .d = f.d};
  b.offsets = f.offsets, b.w_hh = f.w_hh, b.out = f.out, b.saved = f.saved;
  b.dout = rig_in(r, dout, n);
  b.dgx = rig_out(r, 3 * n);
  b.dw_hh = rig_inout(r, dw, w);
  b.db_hh = rig_inout(r, db, 3 * in.d);
  b.scratch = rig_out(r, 3 * n);
  rig_check(r, "gru_backward", rig_ops(r)->gru_backward(rig_backend(r), &b));
  loss_context c = {&in, rig_widen(r, dout, n), rig_zeros(r, n)};
  double *slope = rig_zeros(r, 3 * n + w);
  slope_fill(loss, &c, in.gx_wide, 3 * n, every, slope);
  slope_compare("gru dgx", rig_read(r, b.dgx, 3 * n), slope, 3 * n, every);
  slope_fill(loss, &c, in.w_wide, w, every, slope);
  compare_added(r, "gru dw_hh", rig_read(r, b.dw_hh, w), dw, slope, w, every);
  slope_fill(loss, &c, in.b_wide, 3 * in.d, every, slope);
  compare_added(r, "gru db_hh", rig_read(r, b.db_hh, 3 * in.d), db, slope, 3 * in.d, every);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(33);
  check_gradient(r, &rng, &(shape){0, 4, 3}, 1);
  check_gradient(r, &rng, &(shape){1, 1, 3}, 1);
  check_gradient(r, &rng, &(shape){6, 5, 4}, 1);
  check_gradient(r, &rng, &(shape){35, 4, 3}, 1);
  check_gradient(r, &rng, &(shape){2, 20, 5}, 1);
  check_gradient(r, &rng, &(shape){3, 6, 32}, 31);
  check_gradient(r, &rng, &(shape){2, 5, 64}, 127);
}

Test(gru, backward_equals_finite_differences) {
  rig_each(check_backward);
}

/* Enough rows that the gradient of w_hh is summed in several parts: it equals the sum over windows taken one by one. */
static void check_parts(rig *r) {
  seed_rng rng = seed_start(34);
  inputs in;
  draw(r, &rng, &(shape){80, 40, 3}, &in);
  size_t n = in.rows * 3, w = 27;
  sk_gru_args f = device_args(r, &in);
  f.out = rig_out(r, n);
  f.saved = rig_out(r, 4 * n);
  rig_check(r, "gru", rig_ops(r)->gru(rig_backend(r), &f));
  float zeros[27] = {0};
  sk_gru_backward_args b = {.windows = f.windows, .rows = f.rows, .max_window = f.max_window, .d = f.d};
  b.offsets = f.offsets, b.w_hh = f.w_hh, b.out = f.out, b.saved = f.saved;
  b.dout = rig_in(r, rig_normal(r, &rng, n, 1.0f), n);
  b.dgx = rig_out(r, 3 * n);
  b.dw_hh = rig_inout(r, zeros, w);
  b.db_hh = rig_inout(r, zeros, 9);
  b.scratch = rig_out(r, 3 * n);
  rig_check(r, "gru_backward", rig_ops(r)->gru_backward(rig_backend(r), &b));
  const float *h = rig_read(r, f.out, n), *dgh = rig_read(r, b.scratch, 3 * n);
  double *want = rig_zeros(r, w);
  for (int32_t v = 0; v < f.windows; v++)
    for (int32_t row = in.offsets[v] + 1; row < in.offsets[v + 1]; row++)
      for (size_t i = 0; i < w; i++)
        want[i] += (double)dgh[(size_t)row * 9 + i / 3] * (double)h[(size_t)(row - 1) * 3 + i % 3];
  compare_floats("gru dw_hh in parts", rig_read(r, b.dw_hh, w), want, w, 1e-3, 1e-4);
  rig_reset(r);
}

Test(gru, sums_long_gradients_in_parts) {
  rig_each(check_parts);
}
