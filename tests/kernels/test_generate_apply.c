#include "tests/ref/ref_apply.h"
#include "tests/ref/ref_generate.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

enum { ITEM = 1, SEMANTIC = 2, BOTH = 3 };
static const double CLOSE = 2e-5;

typedef struct shape {
  int32_t n, d, in, out;
  int branches;
  float clip;
  sk_activation f;
} shape;

typedef struct branch {
  float *z, *g, *b;
  ref_generate_branch wide;
} branch;

static branch draw(rig *r, seed_rng *rng, const shape *s, int there) {
  size_t z = (size_t)(s->n * s->d), m = (size_t)(s->in * s->out + s->out), g = m * (size_t)s->d;
  branch drawn = {0};
  if (!there) return drawn;
  drawn.z = rig_normal(r, rng, z, 1.0f);
  drawn.g = rig_normal(r, rng, g, 0.2f);
  drawn.b = rig_normal(r, rng, m, 0.2f);
  drawn.wide = (ref_generate_branch){rig_widen(r, drawn.z, z), rig_widen(r, drawn.g, g), rig_widen(r, drawn.b, m)};
  return drawn;
}

/* The references, one after the other. */
static double *expect(rig *r, const shape *s, const branch *item, const branch *semantic, const float *x) {
  int32_t m = s->in * s->out + s->out;
  size_t ny = (size_t)(s->n * s->out);
  double *y = rig_zeros(r, ny);
  if (rig_recall(r, y, ny)) return y;
  double *w = rig_zeros(r, (size_t)s->n * (size_t)m);
  ref_generate(&(sk_generate_args){.n = s->n, .d = s->d, .m = m, .clip = s->clip, .stride = m}, item->wide,
               semantic->wide, w, NULL);
  ref_apply(&(sk_apply_args){.n = s->n, .in = s->in, .out = s->out, .f = s->f, .stride = m},
            rig_widen(r, x, (size_t)(s->n * s->in)), w, y);
  rig_keep(r, y, ny);
  return y;
}

/* spoil: the row whose z_i is not a number, or -1; spoil_weight: the weight (a row of g_i) that is not, or
 * -1; below, its bias b_i alone. */
static void check_spoiled(rig *r, seed_rng *rng, const shape *s, int32_t spoil, int32_t spoil_weight,
                          double tolerance) {
  size_t z = (size_t)(s->n * s->d), m = (size_t)(s->in * s->out + s->out), g = m * (size_t)s->d;
  branch item = draw(r, rng, s, s->branches & ITEM), semantic = draw(r, rng, s, s->branches & SEMANTIC);
  float *x = rig_normal(r, rng, (size_t)(s->n * s->in), 1.0f);
  if (spoil >= 0) {
    item.z[spoil * s->d] = NAN;
    item.wide.z = rig_widen(r, item.z, z);
  }
  if (spoil_weight < -1) {
    item.b[-spoil_weight] = NAN;
    item.wide.b = rig_widen(r, item.b, m);
  }
  if (spoil_weight >= 0) {
    item.g[spoil_weight * s->d + s->d - 1] = NAN;
    item.wide.g = rig_widen(r, item.g, g);
  }
  double *want = expect(r, s, &item, &semantic, x);
  sk_generate_apply_args a = {.n = s->n, .d = s->d, .in = s->in, .out = s->out, .clip = s->clip, .f = s->f};
  a.zi = rig_in(r, item.z, z), a.gi = rig_in(r, item.g, g), a.bi = rig_in(r, item.b, m);
  a.zs = rig_in(r, semantic.z, z), a.gs = rig_in(r, semantic.g, g), a.bs = rig_in(r, semantic.b, m);
  a.x = rig_in(r, x, (size_t)(s->n * s->in));
  a.y = rig_out(r, (size_t)(s->n * s->out));
  rig_check(r, "generate_apply", rig_ops(r)->generate_apply(rig_backend(r), &a));
  compare_floats("generate_apply y", rig_read(r, a.y, (size_t)(s->n * s->out)), want, (size_t)(s->n * s->out),
                 tolerance, tolerance);
  rig_reset(r);
}

static void check_case(rig *r, seed_rng *rng, const shape *s, int32_t spoil, double tolerance) {
  check_spoiled(r, rng, s, spoil, -1, tolerance);
}

static const shape shapes[] = {{0, 4, 3, 5, BOTH, 0.1f, SK_TANH},           {1, 32, 32, 32, BOTH, 0.1f, SK_TANH},
                               {1, 1, 1, 1, BOTH, 0.5f, SK_IDENTITY},       {5, 7, 9, 11, ITEM, 0.3f, SK_IDENTITY},
                               {70, 32, 32, 32, BOTH, 0.1f, SK_IDENTITY},   {40, 64, 64, 64, BOTH, 0.2f, SK_TANH},
                               {130, 20, 5, 33, SEMANTIC, 0.1f, SK_TANH},   {3, 96, 10, 8, BOTH, 0.1f, SK_TANH},
                               {17, 8, 6, 70, BOTH, INFINITY, SK_IDENTITY}, {9, 4, 3, 2, 0, 0.1f, SK_TANH},
                               {4300, 4, 3, 32, BOTH, 0.2f, SK_TANH},       {30, 30, 7, 64, ITEM, 0.2f, SK_IDENTITY},
                               {300, 64, 20, 64, BOTH, 0.2f, SK_TANH},      {90, 33, 1, 8, BOTH, 1e-6f, SK_IDENTITY},
                               {90, 32, 8, 32, BOTH, 30.0f, SK_TANH}};

/* Rows for the kernels that only a GPU has for many; a CPU does the same for fewer. */
static int32_t many_rows(const rig *r) {
  return rig_is_gpu(r) ? 8200 : 130;
}

/* Many rows: a GPU has the layers of some of them at a time. */
static const shape gpu_shapes[] = {
    {8195, 32, 3, 32, BOTH, 0.2f, SK_TANH},      {8250, 20, 2, 16, ITEM, 0.2f, SK_IDENTITY},
    {8192, 5, 3, 64, BOTH, 0.2f, SK_IDENTITY},   {8201, 33, 2, 32, SEMANTIC, 0.2f, SK_TANH},
    {8200, 50, 1, 16, BOTH, 0.2f, SK_TANH},      {8333, 64, 1, 64, BOTH, 0.2f, SK_TANH},
    {40000, 33, 1, 8, BOTH, 0.2f, SK_TANH},      {8200, 32, 8, 32, BOTH, 1.0f, SK_TANH},
    {8200, 32, 8, 32, BOTH, 30.0f, SK_TANH},     {8193, 32, 5, 32, ITEM, INFINITY, SK_TANH},
    {8195, 64, 8, 64, BOTH, 0.2f, SK_IDENTITY},  {8195, 32, 6, 32, BOTH, INFINITY, SK_TANH},
    {8192, 30, 8, 16, BOTH, 1e-6f, SK_IDENTITY}, {8195, 64, 8, 32, BOTH, 0.2f, SK_IDENTITY},
    {8200, 32, 12, 64, ITEM, 0.2f, SK_IDENTITY}};

static void check_forward(rig *r) {
  seed_rng rng = seed_start(47);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) check_case(r, &rng, &shapes[i], -1, CLOSE);
  for (size_t i = 0; rig_is_gpu(r) && i < sizeof gpu_shapes / sizeof gpu_shapes[0]; i++)
    check_case(r, &rng, &gpu_shapes[i], -1, CLOSE);
}

Test(generate_apply, equals_generate_then_apply) {
  rig_each(check_forward);
}

/* A NaN in one row's z spoils that row, and no other. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(48);
  check_case(r, &rng, &(shape){20, 6, 5, 4, BOTH, 0.2f, SK_IDENTITY}, 3, CLOSE);
  check_case(r, &rng, &(shape){20, 32, 32, 32, ITEM, 0.2f, SK_TANH}, 17, CLOSE);
  int32_t many = many_rows(r);
  check_case(r, &rng, &(shape){many, 6, 3, 32, BOTH, 0.2f, SK_TANH}, many - 1, CLOSE);
}

Test(generate_apply, keeps_nan_to_its_row) {
  rig_each(check_nan);
}

/* A NaN among the weights of the item branch spoils the output that they make, for every row, and no other. */
static void check_nan_weight(rig *r) {
  seed_rng rng = seed_start(49);
  int32_t many = many_rows(r);
  rig *rounding = rig_open_beside(r, &(sk_options){.threads = 1, .tf32 = 1});
  check_spoiled(r, &rng, &(shape){20, 6, 5, 4, BOTH, 0.2f, SK_IDENTITY}, -1, 7, CLOSE);
  check_spoiled(r, &rng, &(shape){many, 32, 3, 32, ITEM, 0.2f, SK_TANH}, -1, 70, CLOSE);
  check_spoiled(r, &rng, &(shape){many, 50, 2, 64, BOTH, 0.2f, SK_TANH}, -1, 129,
                CLOSE); /* of the last row, which is the layer's bias */
  check_spoiled(r, &rng, &(shape){many, 32, 3, 32, BOTH, 0.2f, SK_TANH}, -1, -40, CLOSE);
  check_spoiled(r, &rng, &(shape){many, 20, 3, 16, ITEM, 0.2f, SK_TANH}, -1, -7, CLOSE);
  check_spoiled(rounding, &rng, &(shape){many, 32, 3, 32, BOTH, 0.2f, SK_TANH}, -1, 33, 1e-2);
  check_spoiled(rounding, &rng, &(shape){many, 32, 3, 32, BOTH, 0.2f, SK_TANH}, -1, -33, 1e-2);
  rig_close(rounding);
}

Test(generate_apply, keeps_nan_to_its_column) {
  rig_each(check_nan_weight);
}

/* Factors may be off by 2^-11 where products may be rounded: some 1e-3 of a layer's output, which sums `in` of them. */
static void check_rounded(rig *r) {
  seed_rng rng = seed_start(50);
  int32_t many = many_rows(r);
  rig *rounding = rig_open_beside(r, &(sk_options){.threads = 1, .tf32 = 1});
  check_case(rounding, &rng, &(shape){many, 32, 4, 32, BOTH, 0.2f, SK_IDENTITY}, -1, 1e-2);
  check_case(rounding, &rng, &(shape){many - 8, 40, 3, 16, BOTH, 0.2f, SK_TANH}, -1, 1e-2);
  check_case(rounding, &rng, &(shape){many - 7, 64, 2, 64, BOTH, 0.2f, SK_IDENTITY}, -1, 1e-2);
  check_case(rounding, &rng, &(shape){many, 32, 9, 32, BOTH, 0.2f, SK_IDENTITY}, -1, 2e-2);
  check_case(rounding, &rng, &(shape){many - 5, 32, 8, 64, BOTH, 0.2f, SK_TANH}, -1, 2e-2);
  check_case(rounding, &rng, &(shape){many + 120, 32, 8, 32, SEMANTIC, 0.2f, SK_TANH}, -1, 2e-2);
  rig_close(rounding);
}

Test(generate_apply, rounds_no_further_than_tf32) {
  rig_each(check_rounded);
}
