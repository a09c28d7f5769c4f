/* attend with offsets, positions and lists of its own: against the reference under the same lists, and against itself
 * without them. */
#include "tests/ref/ref_attend.h"
#include "tests/support/attend_case.h"
#include "tests/support/compare.h"
#include "tests/support/slope.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const int kinds[] = {0,
                            ATTEND_FEW,
                            ATTEND_POSITIONS,
                            ATTEND_POSITIONS | ATTEND_FEW,
                            ATTEND_LISTS,
                            ATTEND_LISTS | ATTEND_FEW,
                            ATTEND_LISTS | ATTEND_POSITIONS,
                            ATTEND_SHARED,
                            ATTEND_ONE,
                            ATTEND_BIAS,
                            ATTEND_BIAS | ATTEND_ONE,
                            ATTEND_BIAS | ATTEND_FEW,
                            ATTEND_BIAS | ATTEND_LISTS | ATTEND_POSITIONS,
                            ATTEND_BIAS | ATTEND_LISTS,
                            ATTEND_BIAS | ATTEND_SHARED};

#define KINDS (sizeof kinds / sizeof kinds[0])
#define BARE  9 /* of them without a bias */

/* Of a head. A CPU has one way for all of them: three suffice. A GPU has kernels of its own for the others. */
static const int32_t widths[] = {16, 32, 64, 128, 5, 100, 160};
static const size_t order[] = {0, 4, 5, 1, 2, 3, 6};

enum { WIDTHS = sizeof widths / sizeof widths[0], CPU_WIDTHS = 3 };

static const float *forward(rig *r, const attend_case *c, sk_attend_args *a) {
  a->out = rig_out(r, c->q_floats);
  a->lse = rig_out(r, c->lses);
  rig_check(r, "attend", rig_ops(r)->attend(rig_backend(r), a));
  return rig_read(r, a->out, c->q_floats);
}

static void check_case(rig *r, seed_rng *rng, const attend_spec *s, double tolerance) {
  attend_case c = attend_draw(r, rng, s);
  double *out = rig_zeros(r, c.q_floats), *lse = rig_zeros(r, c.lses);
  if (s->precision || !rig_recall(r, out, c.q_floats)) {
    ref_attend_biased(&c.host, &(ref_attend_values){c.q, c.k, c.v, c.bias}, out, lse);
    if (!s->precision) rig_keep(r, out, c.q_floats), rig_keep(r, lse, c.lses);
  } else {
    rig_recall(r, lse, c.lses);
  }
  sk_attend_args a = attend_upload(r, &c);
  compare_floats("out", forward(r, &c, &a), out, c.q_floats, tolerance, tolerance);
  compare_floats("lse", rig_read(r, a.lse, c.lses), lse, c.lses, tolerance, tolerance);
  rig_reset(r);
}

static void check_widths(rig *r, seed_rng *rng, size_t kind, size_t from, size_t to) {
  const int32_t heads[] = {1, 2, 3, 8};
  for (size_t at = from; at < to; at++) {
    size_t i = order[at];
    check_case(r, rng, &(attend_spec){4, 90, heads[(i + kind) % 4], widths[i], 0.3f * (float)(i % 2), kinds[kind], 0},
               1e-5);
  }
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(61);
  for (size_t kind = 0; kind < KINDS; kind++) {
    check_widths(r, &rng, kind, 0, CPU_WIDTHS);
    check_case(r, &rng, &(attend_spec){2, 1200, 2, 16, 0.1f, kinds[kind], 0}, 2e-5);
    check_case(r, &rng, &(attend_spec){0, 5, 2, 16, 0, kinds[kind], 0}, 0);
  }
  for (size_t kind = 0; kind < KINDS && rig_is_gpu(r); kind++) check_widths(r, &rng, kind, CPU_WIDTHS, WIDTHS);
}

Test(attend_lists, equals_the_reference) {
  rig_each(check_forward);
}

/* On the CPU the products are those of FP32, of the same inputs. */
static void check_bf16(rig *r) {
  seed_rng rng = seed_start(62);
  const int32_t narrow[] = {16, 32, 64, 128, 5, 100}, heads[] = {1, 2, 3, 8};
  if (strcmp(rig_ops(r)->name, "cpu") == 0) return;
  for (size_t kind = 0; kind < BARE; kind++) {
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++)
      check_case(
          r, &rng,
          &(attend_spec){3, 200, heads[(i + kind) % 4], narrow[i], 0.3f * (float)(i % 2), kinds[kind], SK_ATTEND_BF16},
          1.5e-2);
    check_case(r, &rng, &(attend_spec){2, 1200, 2, 32, 0, kinds[kind], SK_ATTEND_BF16}, 1.5e-2);
  }
}

Test(attend_lists, equals_the_reference_in_bf16) {
  rig_each(check_bf16);
}

typedef struct loss_context {
  const attend_case *c;
  const double *weight;
  double *out;
} loss_context;

static double loss(void *context) {
  const loss_context *l = context;
  const attend_case *c = l->c;
  ref_attend_biased(&c->host, &(ref_attend_values){c->q, c->k, c->v, c->bias}, l->out, NULL);
  return slope_weigh(l->weight, l->out, l->c->q_floats);
}

typedef struct gradient {
  const float *q, *k, *v, *bias; /* of the bias: behind 1, which stood there */
} gradient;

static gradient backward(rig *r, const attend_case *c, sk_attend_backward_args *b) {
  float *ones = rig_normal(r, &(seed_rng){0}, c->biases, 0.0f);
  for (size_t i = 0; i < c->biases; i++) ones[i] = 1.0f;
  b->dq = rig_out(r, c->q_floats), b->dk = rig_out(r, c->kv_floats), b->dv = rig_out(r, c->kv_floats);
  b->dbias = c->biases > 0 ? rig_inout(r, ones, c->biases) : NULL;
  rig_check(r, "attend_backward", rig_ops(r)->attend_backward(rig_backend(r), b));
  return (gradient){rig_read(r, b->dq, c->q_floats), rig_read(r, b->dk, c->kv_floats), rig_read(r, b->dv, c->kv_floats),
                    c->biases > 0 ? rig_read(r, b->dbias, c->biases) : NULL};
}

/* Within a share of the largest slope, or of `least`: where one key has all the mass dk is 0, and what cancels in it
 * leaves the rounding of a sum. */
static void check_slope(const char *what, const float *got, const double *slope, size_t n, size_t step, double share,
                        double least) {
  double largest = least;
  for (size_t i = 0; i < n; i += step) largest = fmax(largest, fabs(slope[i]));
  for (size_t i = 0; i < n; i += step) compare_floats(what, got + i, slope + i, 1, share * largest, 0.0);
}

static void check_gradient(rig *r, seed_rng *rng, const attend_spec *s, size_t probes, double share) {
  attend_case c = attend_draw(r, rng, s);
  sk_attend_args a = attend_upload(r, &c);
  float *dout = rig_normal(r, rng, c.q_floats, 1.0f);
  attend_narrow(dout, c.q_floats, s->precision);
  forward(r, &c, &a);
  sk_attend_backward_args b = attend_reverse(&a);
  b.dout = rig_in(r, dout, c.q_floats);
  gradient g = backward(r, &c, &b);
  loss_context l = {&c, rig_widen(r, dout, c.q_floats), rig_zeros(r, c.q_floats)};
  size_t n[] = {c.q_floats, c.kv_floats, c.kv_floats, c.biases};
  double *x[] = {c.q, c.k, c.v, c.bias};
  const float *got[] = {g.q, g.k, g.v, g.bias};
  const char *const names[] = {"dq", "dk", "dv", "dbias"};
  for (size_t i = 0; i < 4; i++) {
    size_t step = n[i] / probes + 1;
    double *slope = rig_zeros(r, n[i]);
    if (s->precision || !rig_recall(r, slope, n[i])) {
      slope_fill(loss, &l, x[i], n[i], step, slope);
      if (!s->precision) rig_keep(r, slope, n[i]);
    }
    for (size_t k = 0; i == 3 && k < n[i]; k += step) slope[k] += 1.0;
    check_slope(names[i], got[i], slope, n[i], step, share, 5e-3);
  }
  rig_reset(r);
}

static void check_gradients(rig *r, seed_rng *rng, size_t kind, size_t from, size_t to) {
  const int32_t heads[] = {2, 1, 3, 8};
  int32_t windows = kinds[kind] & ATTEND_SHARED ? 1 : 2, longest = kinds[kind] & ATTEND_SHARED ? 60 : 24;
  for (size_t at = from; at < to; at++) {
    size_t i = order[at];
    check_gradient(r, rng,
                   &(attend_spec){windows, longest + (int32_t)i, heads[(i + kind) % 4], widths[i],
                                  0.3f * (float)(i % 2), kinds[kind], 0},
                   7, 2e-4);
  }
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(63);
  for (size_t kind = 0; kind < KINDS; kind++) {
    check_gradients(r, &rng, kind, 0, CPU_WIDTHS);
    check_gradient(r, &rng, &(attend_spec){0, 5, 2, 16, 0, kinds[kind], 0}, 1, 0);
  }
  check_gradient(r, &rng, &(attend_spec){1, 400, 1, 4, 0.1f, ATTEND_LISTS, 0}, 11, 2e-4);
  check_gradient(r, &rng, &(attend_spec){1, 1100, 1, 4, 0, 0, 0}, 5, 2e-4);
  for (size_t kind = 0; kind < KINDS && rig_is_gpu(r); kind++) check_gradients(r, &rng, kind, CPU_WIDTHS, WIDTHS);
}

Test(attend_lists, backward_equals_finite_differences) {
  rig_each(check_backward);
}

static void check_bf16_backward(rig *r) {
  seed_rng rng = seed_start(64);
  const int32_t narrow[] = {16, 32, 64, 128, 5, 100}, heads[] = {2, 1, 3, 8};
  if (strcmp(rig_ops(r)->name, "cpu") == 0) return;
  for (size_t kind = 0; kind < BARE; kind++)
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++)
      check_gradient(r, &rng,
                     &(attend_spec){2, 60 + 80 * (int32_t)(i % 2), heads[(i + kind) % 4], narrow[i],
                                    0.2f * (float)(i % 2), kinds[kind], SK_ATTEND_BF16},
                     9, 3e-2);
}

Test(attend_lists, backward_equals_finite_differences_in_bf16) {
  rig_each(check_bf16_backward);
}

/* Two calls over halves of the keys, joined, are one call over all; so are their gradients. */
static void check_join(rig *r, seed_rng *rng, const attend_spec *s, double tolerance) {
  attend_case c = attend_draw(r, rng, s);
  sk_attend_args whole = attend_upload(r, &c), part = whole;
  const double *want = rig_widen(r, forward(r, &c, &whole), c.q_floats);
  const double *want_lse = rig_widen(r, rig_read(r, whole.lse, c.lses), c.lses);
  part.pairs.kept = attend_half(r, &c, 0);
  forward(r, &c, &part);
  part.pairs.kept = attend_half(r, &c, 1);
  part.join = 1;
  rig_check(r, "attend join", rig_ops(r)->attend(rig_backend(r), &part));
  compare_floats("joined out", rig_read(r, part.out, c.q_floats), want, c.q_floats, tolerance, tolerance);
  compare_floats("joined lse", rig_read(r, part.lse, c.lses), want_lse, c.lses, tolerance, tolerance);
  sk_attend_backward_args b = attend_reverse(&whole);
  b.dout = rig_in(r, rig_normal(r, rng, c.q_floats, 1.0f), c.q_floats);
  gradient g = backward(r, &c, &b);
  const double *dq = rig_widen(r, g.q, c.q_floats), *dk = rig_widen(r, g.k, c.kv_floats);
  const double *dv = rig_widen(r, g.v, c.kv_floats);
  b.pairs.kept = attend_half(r, &c, 0);
  backward(r, &c, &b);
  b.pairs.kept = attend_half(r, &c, 1);
  b.accumulate = 1;
  rig_check(r, "attend_backward of a part", rig_ops(r)->attend_backward(rig_backend(r), &b));
  check_slope("joined dq", rig_read(r, b.dq, c.q_floats), dq, c.q_floats, 1, tolerance, 1e-3);
  check_slope("joined dk", rig_read(r, b.dk, c.kv_floats), dk, c.kv_floats, 1, tolerance, 1e-3);
  check_slope("joined dv", rig_read(r, b.dv, c.kv_floats), dv, c.kv_floats, 1, tolerance, 1e-3);
  rig_reset(r);
}

static void check_joins(rig *r) {
  seed_rng rng = seed_start(65);
  int cpu = strcmp(rig_ops(r)->name, "cpu") == 0;
  for (int precision = SK_ATTEND_FP32; precision <= (cpu ? SK_ATTEND_FP32 : SK_ATTEND_BF16); precision++) {
    double tolerance = precision == SK_ATTEND_BF16 ? 1.5e-2 : 1e-5;
    check_join(r, &rng, &(attend_spec){3, 150, 2, 32, 0.2f, ATTEND_LISTS, precision}, tolerance);
    check_join(r, &rng, &(attend_spec){3, 70, 3, 16, 0, ATTEND_LISTS | ATTEND_FEW, precision}, tolerance);
    check_join(r, &rng, &(attend_spec){2, 150, 2, 64, 0, ATTEND_SHARED, precision}, tolerance);
  }
}

Test(attend_lists, parts_join_to_the_whole) {
  rig_each(check_joins);
}

/* Lists of everything are no lists, to the bit where the same kernels run. */
static void check_nothing_sparse(rig *r) {
  seed_rng rng = seed_start(66);
  int cpu = strcmp(rig_ops(r)->name, "cpu") == 0;
  for (int precision = SK_ATTEND_FP32; precision <= (cpu ? SK_ATTEND_FP32 : SK_ATTEND_BF16); precision++) {
    attend_spec s = {2, cpu ? 1100 : 300, 2, 32, 0.1f, ATTEND_ALL, precision};
    attend_case c = attend_draw(r, &rng, &s);
    sk_attend_args lists = attend_upload(r, &c), dense = lists;
    dense.pairs.active = dense.pairs.kept = (sk_attend_list){0};
    compare_bits("out", forward(r, &c, &lists), forward(r, &c, &dense), c.q_floats);
    sk_attend_backward_args b = attend_reverse(&lists), d = attend_reverse(&dense);
    b.dout = d.dout = rig_in(r, rig_normal(r, &rng, c.q_floats, 1.0f), c.q_floats);
    gradient x = backward(r, &c, &b), y = backward(r, &c, &d);
    compare_bits("dq", x.q, y.q, c.q_floats);
    compare_bits("dk", x.k, y.k, c.kv_floats);
    compare_bits("dv", x.v, y.v, c.kv_floats);
    rig_reset(r);
  }
}

Test(attend_lists, of_everything_are_none) {
  rig_each(check_nothing_sparse);
}

/* A key and a value of the future may be anything: what was said before stays the same to the bit. */
static void check_leak(rig *r) {
  seed_rng rng = seed_start(67);
  int cpu = strcmp(rig_ops(r)->name, "cpu") == 0;
  const int leaky[] = {0, ATTEND_LISTS, ATTEND_SHARED};
  for (int precision = SK_ATTEND_FP32; precision <= (cpu ? SK_ATTEND_FP32 : SK_ATTEND_BF16); precision++)
    for (size_t kind = 0; kind < 3; kind++) {
      attend_case c = attend_draw(r, &rng, &(attend_spec){1, cpu ? 1100 : 500, 2, 16, 0, leaky[kind], precision});
      size_t row = (size_t)c.host.pairs.kv_rows - 130, d = c.q_floats / (size_t)c.host.pairs.q_rows;
      sk_attend_args a = attend_upload(r, &c), b;
      const float *before = forward(r, &c, &a);
      float *k = rig_normal(r, &rng, c.kv_floats, 1.0f), *v = rig_normal(r, &rng, c.kv_floats, 1.0f);
      memcpy(k, c.host.k, row * d * sizeof *k);
      memcpy(v, c.host.v, row * d * sizeof *v);
      b = a;
      b.k = rig_in(r, k, c.kv_floats), b.v = rig_in(r, v, c.kv_floats);
      const float *after = forward(r, &c, &b);
      compare_bits("out before the change", after, before, row * d);
      cr_assert(memcmp(after + row * d, before + row * d, 8 * d * sizeof *after) != 0, "the change is not seen at all");
      rig_reset(r);
    }
}

Test(attend_lists, do_not_let_the_future_through) {
  rig_each(check_leak);
}
