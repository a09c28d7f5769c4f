#include "tests/ref/ref_linear.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

typedef struct linear_case {
  int32_t n, in, out;
} linear_case;

/* Odd widths; one row narrow and wide (the path of dot products); several tiles; sums long enough to be cut; the widest
 * that a GPU's narrow products take. From GPU_CASES on: more rows than a GPU has blocks of tiles. */
static const linear_case cases[] = {{0, 4, 4},      {1, 1, 1},      {1, 64, 192},   {1, 64, 1030},   {3, 5, 7},
                                    {130, 17, 515}, {37, 64, 64},   {1500, 9, 13},  {2100, 64, 64},  {2, 33, 1025},
                                    {700, 32, 128}, {700, 128, 32}, {3000, 33, 70}, {31000, 12, 31}, {16000, 32, 96}};
enum { CASES = sizeof cases / sizeof cases[0], GPU_CASES = CASES - 2 };

static int count_cases(const rig *r) {
  return rig_is_gpu(r) ? CASES : GPU_CASES;
}

static double tolerance(int32_t terms) {
  return 1e-5 * sqrt((double)terms);
}

/* flags: 1 = with a bias, 2 = accumulate */
static void check_forward_case(rig *r, seed_rng *rng, const linear_case *c, int flags) {
  size_t nx = (size_t)c->n * (size_t)c->in, nw = (size_t)c->out * (size_t)c->in, ny = (size_t)c->n * (size_t)c->out;
  size_t nb = (size_t)c->out;
  float *x = rig_normal(r, rng, nx, 1.0f), *w = rig_normal(r, rng, nw, 1.0f), *b = rig_normal(r, rng, nb, 1.0f);
  float *y = rig_normal(r, rng, ny, 1.0f);
  if (c->n > 2) x[c->in] = NAN;
  double *want = rig_widen(r, y, ny);
  sk_linear_args a = {.n = c->n, .in = c->in, .out = c->out, .accumulate = (flags & 2) != 0};
  if (!rig_recall(r, want, ny)) {
    ref_linear(&a, rig_widen(r, x, nx), rig_widen(r, w, nw), flags & 1 ? rig_widen(r, b, nb) : NULL, want);
    rig_keep(r, want, ny);
  }
  a.x = rig_in(r, x, nx);
  a.w = rig_in(r, w, nw);
  a.b = flags & 1 ? rig_in(r, b, nb) : NULL;
  a.y = flags & 2 ? rig_inout(r, y, ny) : rig_out(r, ny);
  rig_check(r, "linear", rig_ops(r)->linear(rig_backend(r), &a));
  compare_floats("linear y", rig_read(r, a.y, ny), want, ny, tolerance(c->in), 1e-5);
  rig_reset(r);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(1);
  for (int i = 0; i < count_cases(r); i++)
    for (int flags = 0; flags < 4; flags++) check_forward_case(r, &rng, &cases[i], flags);
}

Test(linear, equals_the_reference) {
  rig_each(check_forward);
}

/* What the backward pass makes, the parts that are not NULL. */
typedef struct gradient {
  double *dx, *dw, *db;
} gradient;

static void expect_backward(rig *r, const linear_case *c, const sk_linear_backward_args *a, const float *x,
                            const float *w, const float *dy, const gradient *want) {
  size_t nx = (size_t)c->n * (size_t)c->in, nw = (size_t)c->out * (size_t)c->in, ny = (size_t)c->n * (size_t)c->out;
  double *parts[] = {want->dx, want->dw, want->db};
  size_t sizes[] = {nx, nw, (size_t)c->out};
  int missing = 0;
  for (int i = 0; i < 3; i++) missing |= parts[i] && !rig_recall(r, parts[i], sizes[i]);
  if (!missing) return;
  ref_linear_backward(a, rig_widen(r, x, nx), rig_widen(r, w, nw), rig_widen(r, dy, ny), want->dx, want->dw, want->db);
  for (int i = 0; i < 3; i++)
    if (parts[i]) rig_keep(r, parts[i], sizes[i]);
}

/* parts: 1 = dx, 2 = dw, 4 = db are asked for */
static void check_backward_case(rig *r, seed_rng *rng, const linear_case *c, int parts, int accumulate_dx) {
  size_t nx = (size_t)c->n * (size_t)c->in, nw = (size_t)c->out * (size_t)c->in, ny = (size_t)c->n * (size_t)c->out;
  size_t nb = (size_t)c->out;
  float *x = rig_normal(r, rng, nx, 1.0f), *w = rig_normal(r, rng, nw, 1.0f), *dy = rig_normal(r, rng, ny, 1.0f);
  float *dx = rig_normal(r, rng, nx, 1.0f), *dw = rig_normal(r, rng, nw, 1.0f), *db = rig_normal(r, rng, nb, 1.0f);
  gradient want = {parts & 1 ? rig_widen(r, dx, nx) : NULL, parts & 2 ? rig_widen(r, dw, nw) : NULL,
                   parts & 4 ? rig_widen(r, db, nb) : NULL};
  sk_linear_backward_args a = {.n = c->n, .in = c->in, .out = c->out, .accumulate_dx = accumulate_dx};
  expect_backward(r, c, &a, x, w, dy, &want);
  a.x = rig_in(r, x, nx);
  a.w = rig_in(r, w, nw);
  a.dy = rig_in(r, dy, ny);
  if (parts & 1) a.dx = accumulate_dx ? rig_inout(r, dx, nx) : rig_out(r, nx);
  if (parts & 2) a.dw = rig_inout(r, dw, nw);
  if (parts & 4) a.db = rig_inout(r, db, nb);
  rig_check(r, "linear_backward", rig_ops(r)->linear_backward(rig_backend(r), &a));
  if (parts & 1) compare_floats("linear dx", rig_read(r, a.dx, nx), want.dx, nx, tolerance(c->out), 1e-5);
  if (parts & 2) compare_floats("linear dw", rig_read(r, a.dw, nw), want.dw, nw, tolerance(c->n), 1e-5);
  if (parts & 4) compare_floats("linear db", rig_read(r, a.db, nb), want.db, nb, tolerance(c->n), 1e-5);
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(2);
  for (int i = 0; i < count_cases(r); i++) {
    check_backward_case(r, &rng, &cases[i], 7, 0);
    check_backward_case(r, &rng, &cases[i], 7, 1);
    for (int parts = 1; parts <= 4; parts *= 2) check_backward_case(r, &rng, &cases[i], parts, 0);
  }
}

Test(linear, backward_equals_the_reference) {
  rig_each(check_backward);
}

enum { N = 4, IN = 3, OUT = 2 };

typedef struct loss {
  double x[N * IN], w[OUT * IN], b[OUT], dy[N * OUT];
} loss;

static double loss_value(void *context) {
  const loss *l = context;
  double y[N * OUT], sum = 0.0;
  const sk_linear_args a = {.n = N, .in = IN, .out = OUT};
  ref_linear(&a, l->x, l->w, l->b, y);
  for (int i = 0; i < N * OUT; i++) sum += l->dy[i] * y[i];
  return sum;
}

Test(linear, reference_gradient_is_the_slope) {
  seed_rng rng = seed_start(3);
  loss l;
  double dx[N * IN], dw[OUT * IN] = {0.0}, db[OUT] = {0.0};
  for (int i = 0; i < N * IN; i++) l.x[i] = (double)seed_normal(&rng);
  for (int i = 0; i < OUT * IN; i++) l.w[i] = (double)seed_normal(&rng);
  for (int i = 0; i < OUT; i++) l.b[i] = (double)seed_normal(&rng);
  for (int i = 0; i < N * OUT; i++) l.dy[i] = (double)seed_normal(&rng);
  const sk_linear_backward_args a = {.n = N, .in = IN, .out = OUT};
  ref_linear_backward(&a, l.x, l.w, l.dy, dx, dw, db);
  compare_gradient("linear dx", loss_value, &l, l.x, N * IN, dx);
  compare_gradient("linear dw", loss_value, &l, l.w, OUT * IN, dw);
  compare_gradient("linear db", loss_value, &l, l.b, OUT, db);
}

/* Two back ends on two threads, as two recommenders in one process are: BLAS is shared by them whether it likes it or
 * not (kernels/cpu/gemm.c). */
enum { CALLERS = 4, CALLS = 4000, ROWS = 128, WIDE_IN = 9, WIDE_OUT = 13 };

typedef struct caller {
  pthread_t thread;
  int number, wrong;
  solid_status status;
} caller;

static void *multiply_often(void *arg) {
  caller *c = arg;
  const sk_backend_ops *ops = sk_backend_find("cpu");
  sk_backend *be = NULL;
  float x[ROWS * WIDE_IN], w[WIDE_OUT * WIDE_IN], y[ROWS * WIDE_OUT], want[ROWS * WIDE_OUT];
  /* small integers: every sum is exact, so that the order of summation is no excuse */
  for (int i = 0; i < ROWS * WIDE_IN; i++) x[i] = (float)((i * 7 + c->number * 3) % 11 - 5);
  for (int i = 0; i < WIDE_OUT * WIDE_IN; i++) w[i] = (float)(i % 5 - 2);
  for (int r = 0; r < ROWS; r++)
    for (int o = 0; o < WIDE_OUT; o++) {
      float sum = 0.0f;
      for (int i = 0; i < WIDE_IN; i++) sum += x[r * WIDE_IN + i] * w[o * WIDE_IN + i];
      want[r * WIDE_OUT + o] = sum;
    }
  const sk_linear_args a = {.n = ROWS, .in = WIDE_IN, .out = WIDE_OUT, .x = x, .w = w, .y = y};
  c->status = ops->open(&be, &(sk_options){.threads = 1});
  for (int call = 0; call < CALLS && c->status == SOLID_OK; call++) {
    memset(y, 0xFF, sizeof y);
    c->status = ops->linear(be, &a);
    for (int i = 0; i < ROWS * WIDE_OUT; i++)
      if (y[i] != want[i]) {
        c->wrong++;
        break;
      }
  }
  ops->close(be);
  return NULL;
}

Test(linear, products_of_several_back_ends_do_not_mix) {
  caller callers[CALLERS];
  for (int i = 0; i < CALLERS; i++) {
    callers[i] = (caller){.number = i};
    cr_assert_eq(pthread_create(&callers[i].thread, NULL, multiply_often, &callers[i]), 0);
  }
  for (int i = 0; i < CALLERS; i++) {
    cr_assert_eq(pthread_join(callers[i].thread, NULL), 0);
    cr_expect_eq(callers[i].status, SOLID_OK);
    cr_expect_eq(callers[i].wrong, 0, "caller %d: %d of %d products are wrong", i, callers[i].wrong, CALLS);
  }
}
