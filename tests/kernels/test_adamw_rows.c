#include "tests/ref/ref_adamw_rows.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The tables of the first `count` steps, in host memory. */
typedef struct tables {
  sk_adamw_past *past;
  double (*wide)[4];
  sk_adamw_tail *tail;
  int32_t count;
} tables;

static tables start_tables(int32_t most) {
  tables t = {.past = malloc(sizeof *t.past * ((size_t)most + 1)),
              .wide = malloc(sizeof *t.wide * ((size_t)most + 2)),
              .tail = malloc(sizeof *t.tail * ((size_t)most + 2))};
  t.wide[0][0] = t.wide[0][1] = t.wide[0][3] = 1.0;
  t.wide[0][2] = 0.0;
  return t;
}

static void free_tables(tables *t) {
  free(t->past);
  free(t->wide);
  free(t->tail);
}

static void narrow(tables *t) {
  for (int32_t i = 0; i <= t->count; i++)
    t->tail[i] =
        (sk_adamw_tail){(float)t->wide[i][0], (float)t->wide[i][1], (float)t->wide[i][2], (float)t->wide[i][3]};
}

enum { MOST = 700, ROWS = 37 };

typedef struct rows_case {
  int32_t d, count, listed;
  int64_t before;
  int grad, clip, average;
  float decay;
} rows_case;

static const float b1 = 0.9f, b2 = 0.999f;

static const sk_adamw_power *powers_of(rig *r) {
  sk_adamw_power powers[SK_ADAMW_LOOP + 1];
  sk_adamw_powers(b1, b2, powers);
  return rig_in_bytes(r, powers, sizeof powers);
}

/* A schedule that falls, and an average that settles. */
static void draw_schedule(int64_t before, float lr[MOST], float keep[MOST]) {
  for (int s = 0; s < MOST; s++) {
    double at = (double)(before + s + 1), settled = (1.0 + at) / (10.0 + at);
    lr[s] = 0.01f * (1.0f - 0.9f * (float)s / MOST);
    keep[s] = settled < 0.99 ? (float)settled : 0.99f;
  }
}

static tables make_tables(const rows_case *c, const float *lr, const float *keep) {
  tables t = start_tables(MOST);
  for (int32_t s = 0; s < c->count; s++) {
    t.past[s] = sk_adamw_past_of(c->before + s + 1, lr[s], c->decay, b1, b2, keep[s]);
    if (s < c->count - c->grad) sk_adamw_tail_add(t.wide, t.count++, t.past[s], b2);
  }
  narrow(&t);
  return t;
}

/* Every row has gone another way behind, one has never had a gradient. */
static void check_case(rig *r, seed_rng *rng, const rows_case *c) {
  size_t n = (size_t)ROWS * (size_t)c->d, listed = c->listed ? (size_t)c->listed : ROWS;
  float *w = rig_normal(r, rng, n, 1.0f), *m = rig_normal(r, rng, n, 0.01f), *v = rig_normal(r, rng, n, 0.001f);
  float *average = rig_normal(r, rng, n, 1.0f), *grad = rig_normal(r, rng, listed * (size_t)c->d, 0.1f);
  float lr[MOST], keep[MOST];
  int32_t taken[ROWS], index[ROWS];
  for (size_t i = 0; i < n; i++) v[i] = i % 3 ? fabsf(v[i]) : 1e-14f; /* eps counts */
  for (size_t i = 0; i < n; i += 3) m[i] *= 1e-5f;
  for (int32_t j = 0; j < c->d; j++) m[2 * c->d + j] = v[2 * c->d + j] = 0.0f;
  if (c->grad) grad[0] = NAN;
  int32_t steps = c->count - c->grad;
  for (int i = 0; i < ROWS; i++) taken[i] = i == 5 ? steps : i < 4 ? 0 : seed_below(rng, steps + 1), index[i] = i;
  for (int i = ROWS; i-- > 1;) {
    int j = seed_below(rng, i + 1), was = index[i];
    index[i] = index[j], index[j] = was;
  }
  draw_schedule(c->before, lr, keep);
  tables t = make_tables(c, lr, keep);
  const float sumsq = c->clip == 2 ? NAN : c->clip ? 100.0f : 0.01f; /* NaN reaches the rows of this step alone */
  const double sumsq_wide = (double)sumsq;
  int32_t *device_taken = rig_out_int(r, ROWS);
  rig_check(r, "upload", rig_ops(r)->upload(rig_backend(r), device_taken, taken, sizeof taken));
  sk_adamw_rows_args a = {.n = (int32_t)listed,
                          .d = c->d,
                          .index = c->listed ? rig_in_int(r, index, listed) : NULL,
                          .taken = device_taken,
                          .count = c->count,
                          .past = rig_in_bytes(r, t.past, sizeof *t.past * (size_t)c->count),
                          .tail = rig_in_bytes(r, t.tail, sizeof *t.tail * ((size_t)t.count + 1)),
                          .powers = powers_of(r),
                          .b1 = b1,
                          .b2 = b2,
                          .eps = 1e-8f,
                          .grad = c->grad ? rig_in(r, grad, listed * (size_t)c->d) : NULL,
                          .sumsq = c->grad ? rig_in(r, &sumsq, 1) : NULL,
                          .max_norm = 5.0f,
                          .w = rig_inout(r, w, n),
                          .m = rig_inout(r, m, n),
                          .v = rig_inout(r, v, n),
                          .average = c->average ? rig_inout(r, average, n) : NULL};
  double *want_w = rig_widen(r, w, n), *want_m = rig_widen(r, m, n), *want_v = rig_widen(r, v, n);
  double *want_average = c->average ? rig_widen(r, average, n) : NULL;
  const ref_schedule schedule = {c->before, c->decay, lr, keep};
  ref_adamw_rows(&a, &schedule, c->listed ? index : NULL, taken,
                 c->grad ? rig_widen(r, grad, listed * (size_t)c->d) : NULL, &sumsq_wide, want_w, want_m, want_v,
                 want_average);
  rig_check(r, "adamw_rows", rig_ops(r)->adamw_rows(rig_backend(r), &a));
  compare_floats("adamw_rows w", rig_read(r, a.w, n), want_w, n, 1e-6, 1e-5);
  compare_floats("adamw_rows m", rig_read(r, a.m, n), want_m, n, 1e-9, 1e-5);
  compare_floats("adamw_rows v", rig_read(r, a.v, n), want_v, n, 1e-9, 1e-5);
  if (c->average) compare_floats("adamw_rows average", rig_read(r, a.average, n), want_average, n, 1e-6, 1e-5);
  const int32_t *now = rig_read_int(r, device_taken, ROWS);
  for (size_t i = 0; i < ROWS; i++) cr_assert_eq(now[index[i]], i < listed || !c->listed ? c->count : taken[index[i]]);
  free_tables(&t);
  rig_reset(r);
}

static void check_rows(rig *r) {
  seed_rng rng = seed_start(1);
  const rows_case cases[] = {{1, 1, 0, 0, 1, 0, 0, 0.0f},      {7, 1, 9, 3, 0, 0, 1, 0.1f},
                             {64, 30, 20, 0, 1, 1, 1, 0.01f},  {64, 250, 0, 1000, 0, 0, 1, 0.01f},
                             {70, 192, 30, 5, 1, 0, 0, 0.0f},  {130, 193, 37, 90000, 1, 1, 1, 0.0f},
                             {5, 700, 0, 40, 0, 0, 1, 0.5f},   {200, 700, 36, 0, 1, 0, 1, 0.01f},
                             {33, 194, 1, 1, 1, 0, 0, 0.001f}, {9, 20, 12, 0, 1, 2, 1, 0.01f}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_case(r, &rng, &cases[i]);
}

Test(adamw_rows, equals_steps_taken_one_by_one) {
  rig_each(check_rows);
}

enum { STEPS = 1000, SWEEP = 400, TABLE = 60, WIDE = 6, TOUCHED = 3 };

/* What both optimisers work on. */
typedef struct table {
  float *w, *m, *v, *average;
} table;

static table open_table(rig *r, const float *w, const float *zero, size_t n) {
  return (table){rig_inout(r, w, n), rig_inout(r, zero, n), rig_inout(r, zero, n), rig_inout(r, w, n)};
}

static void put(rig *r, void *device, const void *host, size_t bytes) {
  sk_backend *be = rig_backend(r);
  cr_assert_eq(rig_ops(r)->upload(be, device, host, bytes), SOLID_OK);
  cr_assert_eq(rig_ops(r)->sync(be), SOLID_OK);
}

/* A thousand steps of AdamW over a whole table, and over three of its rows each, which are gathered as a model would
 * read them: the third row of each step is rare. */
static void check_dense(rig *r) {
  seed_rng rng = seed_start(2);
  sk_backend *be = rig_backend(r);
  const sk_backend_ops *ops = rig_ops(r);
  size_t n = (size_t)TABLE * WIDE, few = (size_t)TOUCHED * WIDE;
  const float *start = rig_normal(r, &rng, n, 0.1f), *zero = rig_normal(r, &rng, n, 0.0f);
  table whole = open_table(r, start, zero, n), rows = open_table(r, start, zero, n);
  float *grad = rig_out(r, n), *part = rig_out(r, few), *dense = malloc(sizeof *dense * n);
  int32_t *taken = rig_out_int(r, TABLE), *index = rig_out_int(r, TOUCHED), none[TABLE] = {0};
  tables t = start_tables(SWEEP);
  sk_adamw_past *past = (void *)rig_out(r, 4 * SWEEP);
  sk_adamw_tail *tail = (void *)rig_out(r, 4 * (SWEEP + 1));
  put(r, taken, none, sizeof none);
  sk_adamw_args d = {.n = (int64_t)n, .b1 = b1, .b2 = b2, .eps = 1e-8f, .decay = 0.05f, .grad = grad};
  d.w = whole.w, d.m = whole.m, d.v = whole.v, d.average = whole.average;
  sk_adamw_rows_args s = {.d = WIDE, .taken = taken, .past = past, .tail = tail, .powers = powers_of(r)};
  s.b1 = b1, s.b2 = b2, s.eps = 1e-8f, s.w = rows.w, s.m = rows.m, s.v = rows.v, s.average = rows.average;
  for (int step = 1; step <= STEPS; step++) {
    int32_t which[TOUCHED] = {seed_below(&rng, 10), 10 + seed_below(&rng, 10), 20 + seed_below(&rng, TABLE - 20)};
    const float *g = rig_normal(r, &rng, few, step % 7 ? 0.1f : 1e-7f);
    memset(dense, 0, sizeof *dense * n);
    for (size_t i = 0; i < TOUCHED; i++) memcpy(dense + (size_t)which[i] * WIDE, g + i * WIDE, sizeof *dense * WIDE);
    put(r, grad, dense, sizeof *dense * n), put(r, part, g, sizeof *g * few), put(r, index, which, sizeof which);
    d.step = step, d.lr = 0.01f * (0.05f + 0.95f * (1.0f - (float)step / STEPS));
    d.average_keep = step < 100 ? 0.9f : 0.995f;
    cr_assert_eq(ops->adamw(be, &d), SOLID_OK);
    t.past[t.count] = sk_adamw_past_of(step, d.lr, d.decay, b1, b2, d.average_keep);
    narrow(&t); /* of the steps before this one */
    put(r, past, t.past, sizeof *t.past * ((size_t)t.count + 1));
    put(r, tail, t.tail, sizeof *t.tail * ((size_t)t.count + 1));
    s.n = TOUCHED, s.index = index, s.grad = NULL, s.count = t.count;
    cr_assert_eq(ops->adamw_rows(be, &s), SOLID_OK); /* before the rows are read */
    s.grad = part, s.count = t.count + 1;
    cr_assert_eq(ops->adamw_rows(be, &s), SOLID_OK);
    sk_adamw_tail_add(t.wide, t.count, t.past[t.count], b2);
    if (++t.count < SWEEP && step < STEPS) continue;
    narrow(&t);
    put(r, tail, t.tail, sizeof *t.tail * ((size_t)t.count + 1));
    s.n = TABLE, s.index = NULL, s.grad = NULL, s.count = t.count;
    cr_assert_eq(ops->adamw_rows(be, &s), SOLID_OK);
    put(r, taken, none, sizeof none);
    t.count = 0, t.wide[0][0] = t.wide[0][1] = t.wide[0][3] = 1.0, t.wide[0][2] = 0.0;
  }
  double *w = rig_widen(r, rig_read(r, whole.w, n), n), *average = rig_widen(r, rig_read(r, whole.average, n), n);
  compare_floats("weights of rows", rig_read(r, rows.w, n), w, n, 1e-7, 1e-5);
  compare_floats("average of rows", rig_read(r, rows.average, n), average, n, 1e-7, 1e-5);
  free_tables(&t);
  free(dense);
  rig_reset(r);
}

Test(adamw_rows, equals_adamw_over_the_whole_table_after_a_thousand_steps) {
  rig_each(check_dense);
}
