#include "tests/ref/ref_generate.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/slope.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ITEM = 1, SEMANTIC = 2 };

typedef struct shape {
  int32_t n, d, m;
  int branches, gap; /* gap: floats between the rows of w */
  float clip;
} shape;

static const shape shapes[] = {{0, 4, 5, ITEM | SEMANTIC, 0, 0.1f},      {1, 64, 544, ITEM | SEMANTIC, 0, 0.1f},
                               {1, 7, 4160, SEMANTIC, 0, 0.1f},          {5, 3, 11, ITEM, 6, 0.5f},
                               {70, 8, 520, ITEM | SEMANTIC, 9, 0.3f},   {300, 5, 130, ITEM | SEMANTIC, 0, INFINITY},
                               {130, 16, 70, SEMANTIC, 0, INFINITY},     {3, 4, 9, 0, 2, 1.0f},
                               {66, 9, 33, ITEM | SEMANTIC, 1, 0.0f},    {70, 32, 1056, ITEM | SEMANTIC, 0, 0.2f},
                               {33, 64, 272, ITEM | SEMANTIC, 2, 0.2f},  {4, 96, 40, ITEM | SEMANTIC, 0, 0.2f},
                               {4300, 3, 40, ITEM | SEMANTIC, 0, 0.5f},  {16, 64, 272, ITEM | SEMANTIC, 0, 0.2f},
                               {17, 32, 1056, ITEM | SEMANTIC, 0, 0.2f}, {290, 64, 72, ITEM | SEMANTIC, 4, 0.2f},
                               {200, 48, 100, SEMANTIC, 0, 0.2f},        {515, 20, 40, ITEM | SEMANTIC, 3, 0.2f}};

/* Many tiles of the kernels that only a GPU has. */
static const shape gpu_shapes[] = {{700, 32, 1056, ITEM | SEMANTIC, 8, 0.2f}, {260, 64, 4160, ITEM, 0, 0.2f}};

enum { SHAPES = sizeof shapes / sizeof shapes[0], GPU_SHAPES = sizeof gpu_shapes / sizeof gpu_shapes[0] };

/* The i-th shape for a rig's device, or NULL after the last. */
static const shape *shape_at(const rig *r, size_t i) {
  if (i < SHAPES) return &shapes[i];
  return rig_is_gpu(r) && i < SHAPES + GPU_SHAPES ? &gpu_shapes[i - SHAPES] : NULL;
}

typedef struct inputs {
  size_t n, d, m;
  float *z[2], *g[2], *b[2]; /* item, semantic */
  ref_generate_branch wide[2];
} inputs;

static void draw(rig *r, seed_rng *rng, const shape *s, inputs *in) {
  *in = (inputs){.n = (size_t)s->n, .d = (size_t)s->d, .m = (size_t)s->m};
  for (int k = 0; k < 2; k++) {
    if (!(s->branches & (k == 0 ? ITEM : SEMANTIC))) continue;
    in->z[k] = rig_normal(r, rng, in->n * in->d, 1.0f);
    in->g[k] = rig_normal(r, rng, in->m * in->d, 0.3f);
    in->b[k] = rig_normal(r, rng, in->m, 0.3f);
    in->wide[k].z = rig_widen(r, in->z[k], in->n * in->d);
    in->wide[k].g = rig_widen(r, in->g[k], in->m * in->d);
    in->wide[k].b = rig_widen(r, in->b[k], in->m);
  }
}

static sk_generate_args device_args(rig *r, const shape *s, const inputs *in) {
  sk_generate_args a = {.n = s->n, .d = s->d, .m = s->m, .clip = s->clip, .stride = s->m + s->gap};
  a.zi = rig_in(r, in->z[0], in->n * in->d), a.zs = rig_in(r, in->z[1], in->n * in->d);
  a.gi = rig_in(r, in->g[0], in->m * in->d), a.gs = rig_in(r, in->g[1], in->m * in->d);
  a.bi = rig_in(r, in->b[0], in->m), a.bs = rig_in(r, in->b[1], in->m);
  return a;
}

/* w, and wi unless it is NULL: of the first run of a body. */
static void expect(rig *r, const sk_generate_args *a, const inputs *in, double *w, double *wi) {
  size_t nw = in->n * (size_t)a->stride, nwi = in->n * in->m;
  if (rig_recall(r, w, nw) && (wi == NULL || rig_recall(r, wi, nwi))) return;
  ref_generate(a, in->wide[0], in->wide[1], w, wi);
  rig_keep(r, w, nw);
  if (wi) rig_keep(r, wi, nwi);
}

/* The gaps between rows must keep what they held. */
static void check_case(rig *r, const shape *s, const inputs *in, int save) {
  size_t total = in->n * (size_t)(s->m + s->gap);
  sk_generate_args a = device_args(r, s, in);
  float *before = rig_normal(r, &(seed_rng){7}, total, 1.0f);
  a.w = rig_inout(r, before, total);
  a.wi_saved = save ? rig_out(r, in->n * in->m) : NULL;
  double *want = rig_widen(r, before, total), *wi = rig_zeros(r, in->n * in->m);
  expect(r, &a, in, want, wi);
  rig_check(r, "generate", rig_ops(r)->generate(rig_backend(r), &a));
  compare_floats("generate w", rig_read(r, a.w, total), want, total, 1e-5, 1e-5);
  if (save) compare_floats("generate wi", rig_read(r, a.wi_saved, in->n * in->m), wi, in->n * in->m, 1e-5, 1e-5);
}

static void check_forward(rig *r) {
  seed_rng rng = seed_start(41);
  const shape *s;
  for (size_t i = 0; (s = shape_at(r, i)) != NULL; i++) {
    inputs in;
    draw(r, &rng, s, &in);
    check_case(r, s, &in, 0);
    if (in.z[0]) check_case(r, s, &in, 1);
    rig_reset(r);
  }
}

Test(generate, equals_the_reference) {
  rig_each(check_forward);
}

/* What is kept as binary16, as a double. */
static double widen_half(uint16_t half) {
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double size = exponent == 31 ? (mantissa ? NAN : INFINITY)
                : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                               : ldexp(mantissa, -24);
  return half >> 15 ? -size : size;
}

/* Within half a unit of the last place of what it should be, on top of FP32's own error; the gaps stay. */
static void check_half_case(rig *r, const shape *s, const inputs *in) {
  size_t stride = (size_t)(s->m + s->gap), total = in->n * stride;
  sk_generate_args a = device_args(r, s, in);
  float *before = rig_normal(r, &(seed_rng){7}, total / 2 + 1, 1.0f);
  float *device = rig_inout(r, before, total / 2 + 1);
  a.half = (uint16_t *)device;
  double *want = rig_zeros(r, total);
  expect(r, &a, in, want, NULL);
  rig_check(r, "generate", rig_ops(r)->generate(rig_backend(r), &a));
  const uint16_t *got = (const uint16_t *)(const void *)rig_read(r, device, total / 2 + 1);
  for (size_t i = 0; i < total; i++) {
    double x = widen_half(got[i]), y = fmin(fmax(want[i], -65504), 65504);
    if (i % stride >= in->m)
      cr_assert_eq(got[i], ((const uint16_t *)(const void *)before)[i], "the gap before row %zu", i / stride + 1);
    else
      cr_assert(isnan(want[i]) ? isnan(x) : fabs(x - y) <= fabs(y) / 2048 + 0x1p-25 + 1e-5 * (1 + fabs(y)),
                "row %zu, column %zu: %g instead of %g", i / stride, i % stride, x, y);
  }
}

static void check_half(rig *r) {
  seed_rng rng = seed_start(46);
  const shape *s;
  for (size_t i = 0; (s = shape_at(r, i)) != NULL; i++) {
    inputs in;
    draw(r, &rng, s, &in);
    if (in.n > 0 && in.z[1]) in.b[1][0] = NAN, in.b[1][in.m / 2] = 7e4f, in.b[1][in.m - 1] = -1e30f;
    if (in.z[1]) in.wide[1].b = rig_widen(r, in.b[1], in.m);
    check_half_case(r, s, &in);
    rig_reset(r);
  }
}

Test(generate, keeps_halves) {
  rig_each(check_half);
}

/* Where products may be rounded, they are to no fewer digits than TF32 has: factors off by 2^-11. */
static void check_rounded(rig *r) {
  seed_rng rng = seed_start(49);
  rig *rounding = rig_open_beside(r, &(sk_options){.threads = 1, .tf32 = 1});
  const shape some[] = {{300, 32, 1056, ITEM | SEMANTIC, 0, 0.2f}, {257, 50, 70, ITEM | SEMANTIC, 3, INFINITY}};
  for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
    const shape *s = &some[i];
    inputs in;
    draw(rounding, &rng, s, &in);
    sk_generate_args a = device_args(rounding, s, &in);
    size_t total = in.n * (size_t)a.stride;
    a.w = rig_inout(rounding, rig_normal(rounding, &rng, total, 1.0f), total);
    double *want = rig_zeros(rounding, total);
    expect(rounding, &a, &in, want, NULL);
    rig_check(rounding, "generate", rig_ops(r)->generate(rig_backend(rounding), &a));
    const float *got = rig_read(rounding, a.w, total);
    for (size_t row = 0; row < in.n; row++)
      for (size_t o = 0; o < in.m; o++) {
        double size = 1, x = (double)got[row * (size_t)a.stride + o], y = want[row * (size_t)a.stride + o];
        for (int k = 0; k < 2; k++)
          for (size_t c = 0; c < in.d; c++) size += fabs(in.wide[k].z[row * in.d + c] * in.wide[k].g[o * in.d + c]);
        cr_assert(fabs(x - y) <= size / 1000, "row %zu, column %zu: %g instead of %g", row, o, x, y);
      }
    rig_reset(rounding);
  }
  rig_close(rounding);
}

Test(generate, rounds_products_no_further_than_tf32) {
  rig_each(check_rounded);
}

/* The clip lets a NaN through and stops an infinity. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(42);
  const shape s = {4, 3, 20, ITEM, 0, 0.5f};
  inputs in;
  draw(r, &rng, &s, &in);
  in.z[0][3] = NAN;
  in.b[0][7] = INFINITY;
  in.wide[0].z = rig_widen(r, in.z[0], 12);
  in.wide[0].b = rig_widen(r, in.b[0], 20);
  check_case(r, &s, &in, 0);
  check_case(r, &s, &in, 1);
  rig_reset(r);
}

Test(generate, keeps_nan) {
  rig_each(check_nan);
}

/* Rows and columns of very different size keep their own digits, up to what FP32 holds. */
static void check_range_case(rig *r, seed_rng *rng, const shape *s) {
  enum { SIZES = 40 };
  inputs in;
  draw(r, rng, s, &in);
  size_t total = in.n * in.m;
  for (int k = 0; k < 2; k++) {
    for (size_t i = 0; i < in.n * in.d; i++) in.z[k][i] = ldexpf(in.z[k][i], 2 * (int)(i / in.d % SIZES) - 40);
    for (size_t i = 0; i < in.m * in.d; i++) in.g[k][i] = ldexpf(in.g[k][i], (int)(i / in.d / 16) * 40 - 60);
    for (size_t i = 0; i < in.m; i++) in.b[k][i] = 0.0f;
    in.wide[k].z = rig_widen(r, in.z[k], in.n * in.d);
    in.wide[k].g = rig_widen(r, in.g[k], in.m * in.d);
    in.wide[k].b = rig_widen(r, in.b[k], in.m);
  }
  sk_generate_args a = device_args(r, s, &in);
  a.w = rig_out(r, total);
  double *want = rig_zeros(r, total);
  expect(r, &a, &in, want, NULL);
  rig_check(r, "generate", rig_ops(r)->generate(rig_backend(r), &a));
  const float *got = rig_read(r, a.w, total);
  for (size_t i = 0; i < total; i++) {
    double size = ldexp(1.0, 2 * (int)(i / in.m % SIZES) - 40 + (int)(i % in.m / 16) * 40 - 60);
    cr_assert(fabs((double)got[i] - want[i]) <= 2e-5 * size + 1e-37, "row %zu, column %zu: %g instead of %g", i / in.m,
              i % in.m, (double)got[i], want[i]);
  }
  rig_reset(r);
}

static void check_range(rig *r) {
  seed_rng rng = seed_start(45);
  check_range_case(r, &rng, &(shape){40, 32, 64, ITEM | SEMANTIC, 0, INFINITY});
  check_range_case(r, &rng, &(shape){290, 64, 64, ITEM | SEMANTIC, 0, INFINITY});
}

Test(generate, keeps_small_and_great_values_apart) {
  rig_each(check_range);
}

typedef struct loss_context {
  const sk_generate_args *a;
  inputs *in;
  const double *weight;
  double *w;
} loss_context;

static double loss(void *context) {
  const loss_context *c = context;
  ref_generate(c->a, c->in->wide[0], c->in->wide[1], c->w, NULL);
  return slope_weigh(c->weight, c->w, c->in->n * c->in->m);
}

/* slopes of one input, against got - before (before NULL: 0) */
static void compare_slopes(rig *r, loss_context *c, const char *what, double *x, size_t n, const float *device,
                           const float *before) {
  double *slope = rig_zeros(r, n);
  float *got = rig_normal(r, &(seed_rng){0}, n, 0.0f);
  const float *read = rig_read(r, device, n);
  for (size_t i = 0; i < n; i++) got[i] = before ? read[i] - before[i] : read[i];
  if (!rig_recall(r, slope, n)) {
    slope_fill(loss, c, x, n, 1, slope);
    rig_keep(r, slope, n);
  }
  slope_compare(what, got, slope, n, 1);
}

/* At the clip the gradient has a step that differences smear: draws again until no value is near to it. */
static void draw_off_the_clip(rig *r, seed_rng *rng, const shape *s, inputs *in) {
  sk_generate_args a = {.n = s->n, .d = s->d, .m = s->m, .clip = s->clip, .stride = s->m};
  double *w = rig_zeros(r, (size_t)(s->n * s->m)), *wi = rig_zeros(r, (size_t)(s->n * s->m));
  for (int near = 1; near;) {
    draw(r, rng, s, in);
    near = 0;
    ref_generate(&a, in->wide[0], in->wide[1], w, wi);
    for (size_t i = 0; in->z[0] && i < in->n * in->m; i++) near |= fabs(fabs(wi[i]) - (double)s->clip) < 1e-4;
  }
}

static void check_gradient(rig *r, seed_rng *rng, const shape *s, int accumulate) {
  inputs in;
  draw_off_the_clip(r, rng, s, &in);
  size_t total = in.n * in.m, z = in.n * in.d, g = in.m * in.d;
  sk_generate_args f = device_args(r, s, &in);
  f.w = rig_out(r, total);
  int clipped = f.zi != NULL && !isinf(s->clip); /* else the backward pass must do without */
  f.wi_saved = clipped ? rig_out(r, total) : NULL;
  rig_check(r, "generate", rig_ops(r)->generate(rig_backend(r), &f));
  float *dw = rig_normal(r, rng, total, 1.0f), *before = rig_normal(r, rng, z + g + in.m, 1.0f);
  sk_generate_backward_args b = {.n = s->n, .d = s->d, .m = s->m, .clip = s->clip, .accumulate_dz = accumulate};
  b.zi = f.zi, b.gi = f.gi, b.zs = f.zs, b.gs = f.gs, b.wi_saved = f.wi_saved;
  b.dw = rig_in(r, dw, total);
  b.dwi = clipped ? rig_out(r, total) : NULL;
  float *dz[2], *dg[2], *db[2];
  for (int k = 0; k < 2; k++) {
    dz[k] = accumulate ? rig_inout(r, before, z) : rig_out(r, z);
    dg[k] = rig_inout(r, before + z, g);
    db[k] = rig_inout(r, before + z + g, in.m);
  }
  b.dzi = dz[0], b.dzs = dz[1], b.dgi = dg[0], b.dgs = dg[1], b.dbi = db[0], b.dbs = db[1];
  rig_check(r, "generate_backward", rig_ops(r)->generate_backward(rig_backend(r), &b));
  loss_context c = {&f, &in, rig_widen(r, dw, total), rig_zeros(r, total)};
  for (int k = 0; k < 2; k++) {
    if (!in.z[k]) continue;
    double *wide[3] = {rig_widen(r, in.z[k], z), rig_widen(r, in.g[k], g), rig_widen(r, in.b[k], in.m)};
    in.wide[k] = (ref_generate_branch){wide[0], wide[1], wide[2]};
    compare_slopes(r, &c, "generate dz", wide[0], z, dz[k], accumulate ? before : NULL);
    compare_slopes(r, &c, "generate dg", wide[1], g, dg[k], before + z);
    compare_slopes(r, &c, "generate db", wide[2], in.m, db[k], before + z + g);
  }
  rig_reset(r);
}

static void check_backward(rig *r) {
  seed_rng rng = seed_start(43);
  for (int accumulate = 0; accumulate < 2; accumulate++) {
    check_gradient(r, &rng, &(shape){1, 3, 5, ITEM | SEMANTIC, 0, 0.4f}, accumulate);
    check_gradient(r, &rng, &(shape){6, 4, 70, ITEM | SEMANTIC, 0, 0.4f}, accumulate);
    check_gradient(r, &rng, &(shape){5, 2, 9, ITEM, 0, INFINITY}, accumulate);
    check_gradient(r, &rng, &(shape){68, 2, 6, SEMANTIC, 0, 0.4f}, accumulate);
    check_gradient(r, &rng, &(shape){7, 3, 8, ITEM, 0, 0.2f}, accumulate);
    check_gradient(r, &rng, &(shape){6, 4, 10, ITEM | SEMANTIC, 0, INFINITY}, accumulate);
  }
}

Test(generate, backward_equals_finite_differences) {
  rig_each(check_backward);
}

/* More columns and rows than one tile holds, and dwi in the place of dw: the same sums as a plain loop. */
static void check_large(rig *r) {
  seed_rng rng = seed_start(44);
  enum { N = 270, D = 4, M = 600 };
  const float clip = 0.5f;
  float *z = rig_normal(r, &rng, N * D, 1.0f), *g = rig_normal(r, &rng, M * D, 1.0f);
  float *dw = rig_normal(r, &rng, N * M, 1.0f), *wi = rig_normal(r, &rng, N * M, 1.0f);
  float *zeros = rig_normal(r, &rng, M * D, 0.0f);
  sk_generate_backward_args b = {.n = N, .d = D, .m = M, .clip = clip};
  b.zi = rig_in(r, z, N * D), b.gi = rig_in(r, g, M * D), b.wi_saved = rig_in(r, wi, N * M);
  float *device_dw = rig_inout(r, dw, N * M);
  b.dw = b.dwi = device_dw;
  b.dzi = rig_out(r, N * D), b.dgi = rig_inout(r, zeros, M * D), b.dbi = rig_inout(r, zeros, M);
  rig_check(r, "generate_backward", rig_ops(r)->generate_backward(rig_backend(r), &b));
  double *dz = rig_zeros(r, N * D), *dg = rig_zeros(r, M * D), *db = rig_zeros(r, M);
  for (size_t i = 0; i < N; i++)
    for (size_t o = 0; o < M; o++) {
      double x = fabsf(wi[i * M + o]) <= clip ? (double)dw[i * M + o] : 0.0;
      db[o] += x;
      for (size_t c = 0; c < D; c++)
        dz[i * D + c] += x * (double)g[o * D + c], dg[o * D + c] += x * (double)z[i * D + c];
    }
  compare_floats("generate dz", rig_read(r, b.dzi, N * D), dz, N * D, 1e-3, 1e-4);
  compare_floats("generate dg", rig_read(r, b.dgi, M * D), dg, M * D, 1e-3, 1e-4);
  compare_floats("generate db", rig_read(r, b.dbi, M), db, M, 1e-3, 1e-4);
  rig_reset(r);
}

Test(generate, backward_crosses_its_tiles) {
  rig_each(check_large);
}
