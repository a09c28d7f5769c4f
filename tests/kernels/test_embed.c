#include "tests/ref/ref_embed.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

typedef struct embed_case {
  int32_t n, d, rows;
  int accumulate;
} embed_case;

static const embed_case cases[] = {{0, 8, 5, 0},        {1, 1, 1, 0},      {1, 64, 10, 1},      {7, 3, 4, 0},
                                   {7, 5, 4, 1},        {300, 17, 40, 0},  {1000, 64, 50, 1},   {129, 64, 3, 0},
                                   {900, 64, 700, 0},   {700, 130, 9, 0},  {9000, 7, 20000, 0}, {20000, 3, 5000, 0},
                                   {3000, 33, 2500, 0}, {12, 64, 9000, 0}, {700, 128, 8192, 0}};
enum { CASES = sizeof cases / sizeof cases[0], MAX_N = 20000 };

/* Random rows, some absent, the first one often: hot rows are what a scatter gets wrong. */
static const int32_t *make_index(rig *r, seed_rng *rng, const embed_case *c) {
  int32_t index[MAX_N];
  for (int32_t i = 0; i < c->n; i++) {
    int32_t draw = seed_below(rng, 4);
    index[i] = draw == 0 ? 0 : draw == 1 ? -1 - seed_below(rng, 3) : seed_below(rng, c->rows);
  }
  return rig_read_int(r, rig_in_int(r, index, (size_t)c->n), (size_t)c->n);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(1);
  for (int i = 0; i < CASES; i++) {
    const embed_case *c = &cases[i];
    size_t n = (size_t)c->n * (size_t)c->d, size = (size_t)c->rows * (size_t)c->d;
    const int32_t *index = make_index(r, &rng, c);
    float *table = rig_normal(r, &rng, size, 1.0f), *out = rig_normal(r, &rng, n, 1.0f);
    if (c->d == 17) table[17 * 2 + 3] = NAN;
    double *want = rig_widen(r, out, n);
    sk_embed_args a = {
        .n = c->n, .d = c->d, .rows = c->rows, .index = index, .scale = 1.5f, .accumulate = c->accumulate};
    ref_embed(&a, rig_widen(r, table, size), want);
    a.table = rig_in(r, table, size);
    a.index = rig_in_int(r, index, (size_t)c->n);
    a.out = c->accumulate ? rig_inout(r, out, n) : rig_out(r, n);
    rig_check(r, "embed", rig_ops(r)->embed(rig_backend(r), &a));
    compare_floats("embed out", rig_read(r, a.out, n), want, n, 1e-6, 1e-6);
    rig_reset(r);
  }
}

Test(embed, equals_the_reference) {
  rig_each(check_forward);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(2);
  for (int i = 0; i < CASES; i++) {
    const embed_case *c = &cases[i];
    size_t n = (size_t)c->n * (size_t)c->d, size = (size_t)c->rows * (size_t)c->d;
    const int32_t *index = make_index(r, &rng, c);
    float *dout = rig_normal(r, &rng, n, 1.0f), *dtable = rig_normal(r, &rng, size, 1.0f);
    double *want = rig_widen(r, dtable, size);
    sk_embed_backward_args a = {c->n, c->d, c->rows, NULL, index, 0.5f, NULL};
    ref_embed_backward(&a, rig_widen(r, dout, n), want);
    a.dout = rig_in(r, dout, n);
    a.index = rig_in_int(r, index, (size_t)c->n);
    a.dtable = rig_inout(r, dtable, size);
    rig_check(r, "embed_backward", rig_ops(r)->embed_backward(rig_backend(r), &a));
    compare_floats("embed dtable", rig_read(r, a.dtable, size), want, size, 1e-4, 1e-5);
    rig_reset(r);
  }
}

Test(embed, backward_equals_the_reference) {
  rig_each(check_backward);
}

enum { N = 6, D = 3, ROWS = 4 };
static const int32_t few[N] = {2, 0, -1, 2, 3, 2};

typedef struct loss {
  const double *table, *dout;
} loss;

static double loss_value(void *context) {
  const loss *l = context;
  double out[N * D], sum = 0.0;
  const sk_embed_args a = {.n = N, .d = D, .rows = ROWS, .index = few, .scale = 0.5f};
  ref_embed(&a, l->table, out);
  for (int i = 0; i < N * D; i++) sum += l->dout[i] * out[i];
  return sum;
}

Test(embed, reference_gradient_is_the_slope) {
  seed_rng rng = seed_start(3);
  double table[ROWS * D], dout[N * D], dtable[ROWS * D] = {0.0};
  for (int i = 0; i < ROWS * D; i++) table[i] = (double)seed_normal(&rng);
  for (int i = 0; i < N * D; i++) dout[i] = (double)seed_normal(&rng);
  const sk_embed_backward_args a = {N, D, ROWS, NULL, few, 0.5f, NULL};
  ref_embed_backward(&a, dout, dtable);
  loss l = {table, dout};
  compare_gradient("embed dtable", loss_value, &l, table, ROWS * D, dtable);
}
