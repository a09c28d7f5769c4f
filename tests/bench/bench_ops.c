/* Times every operation of a back end at the sizes of training and of serving.
 *
 *   bench_ops [--backend cpu] [--threads 1,2] [--only NAME] [--json]
 *
 * Best of several runs; flops and bytes are what the formula needs, not what the implementation does. */
#include "kernels/backend.h"
#include "solid/base/clock.h"
#include "tests/support/seed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D        64
#define ROWS     1500 /* a training step of Amazon Beauty: 256 users, windows of about 6 */
#define ITEMS    12101
#define WINDOWS  256
#define MIN_S    0.25 /* at least this long a case */
#define MIN_RUNS 5

typedef union any_args {
#define ARGS_MEMBER(op) sk_##op##_args op;
  SK_OPS(ARGS_MEMBER)
#undef ARGS_MEMBER
} any_args;

typedef struct bench {
  const sk_backend_ops *ops;
  sk_backend *be;
  seed_rng rng;
  const char *only;
  int threads, json, printed;
} bench;

typedef solid_status (*call_fn)(bench *b, const any_args *a);

/* Not every operation has a row of its own below. */
#define DEFINE_CALL(op)                                                                                                \
  __attribute__((unused)) static solid_status call_##op(bench *b, const any_args *a) {                                 \
    return b->ops->op(b->be, &a->op);                                                                                  \
  }
SK_OPS(DEFINE_CALL)
#undef DEFINE_CALL

static void die(const char *what, const char *why) {
  fprintf(stderr, "bench_ops: %s: %s\n", what, why);
  exit(1);
}

static void *device_copy(bench *b, const void *host, size_t bytes) {
  void *device = NULL;
  if (b->ops->alloc(b->be, &device, bytes) != SOLID_OK || b->ops->upload(b->be, device, host, bytes) != SOLID_OK)
    die("alloc", b->be->err);
  return device;
}

/* Never freed: a case ends with its process's back end, and the sizes are modest. */
static float *floats(bench *b, size_t n, float scale) {
  float *host = malloc(n * sizeof *host);
  if (!host) die("malloc", "out of memory");
  seed_fill_normal(&b->rng, host, n, scale);
  float *device = device_copy(b, host, n * sizeof *host);
  free(host);
  return device;
}

static int32_t *integers(bench *b, size_t n, int32_t below) {
  int32_t *host = malloc(n * sizeof *host);
  if (!host) die("malloc", "out of memory");
  for (size_t i = 0; i < n; i++) host[i] = seed_below(&b->rng, below);
  int32_t *device = device_copy(b, host, n * sizeof *host);
  free(host);
  return device;
}

/* Windows of 1 .. 2 mean - 1 rows; returns the rows. */
static int32_t *windows(bench *b, int32_t n, int32_t mean, int fixed, int32_t *rows) {
  int32_t *host = malloc(((size_t)n + 1) * sizeof *host);
  if (!host) die("malloc", "out of memory");
  host[0] = 0;
  for (int32_t w = 0; w < n; w++) host[w + 1] = host[w] + (fixed ? mean : 1 + seed_below(&b->rng, 2 * mean - 1));
  *rows = host[n];
  int32_t *device = device_copy(b, host, ((size_t)n + 1) * sizeof *host);
  free(host);
  return device;
}

static int is_wanted(const bench *b, const char *name) {
  return !b->only || strstr(name, b->only) != NULL;
}

static void measure(bench *b, const char *name, call_fn call, const any_args *a, double flops, double bytes) {
  double best = INFINITY, begin = sol_steady_s();
  for (int run = 0; run < MIN_RUNS || sol_steady_s() - begin < MIN_S; run++) {
    double start = sol_steady_s();
    if (call(b, a) != SOLID_OK || b->ops->sync(b->be) != SOLID_OK) die(name, b->be->err);
    double took = sol_steady_s() - start;
    if (took < best) best = took;
  }
  if (b->json)
    printf("%s\n  {\"op\": \"%s\", \"threads\": %d, \"ms\": %.4f, \"gflops\": %.2f, \"gbps\": %.2f}",
           b->printed ? "," : "", name, b->threads, best * 1e3, flops / best * 1e-9, bytes / best * 1e-9);
  else
    printf("%-34s %2d threads %10.4f ms %8.1f GFLOP/s %8.1f GB/s\n", name, b->threads, best * 1e3, flops / best * 1e-9,
           bytes / best * 1e-9);
  b->printed++;
}

static void bench_bce(bench *b, int32_t n, int32_t t) {
  if (!is_wanted(b, "bce 4096x5")) return;
  size_t nx = (size_t)n * D, nu = nx * (size_t)t, pairs = (size_t)n * (size_t)t;
  any_args a = {.bce = {.n = n, .t = t, .d = D, .weight = 1.0f / (float)n}};
  a.bce.x = floats(b, nx, 0.3f), a.bce.u = floats(b, nu, 0.3f), a.bce.label = floats(b, pairs, 0);
  a.bce.score = floats(b, pairs, 0), a.bce.loss = floats(b, pairs, 0);
  a.bce.dx = floats(b, nx, 0), a.bce.du = floats(b, nu, 0);
  measure(b, "bce 4096x5", call_bce, &a, 6.0 * (double)nu, 8.0 * (double)(nx + nu));
}

static void bench_xent(bench *b, const char *name, int32_t n, int32_t items) {
  if (!is_wanted(b, name)) return;
  size_t nu = (size_t)n * D, ne = (size_t)items * D;
  any_args a = {.xent = {.n = n, .d = D, .items = items, .smoothing = 0.1f, .weight = 1.0f / (float)n}};
  a.xent.u = floats(b, nu, 0.3f), a.xent.e = floats(b, ne, 0.3f), a.xent.target = integers(b, (size_t)n, items);
  a.xent.loss = floats(b, (size_t)n, 0), a.xent.du = floats(b, nu, 0), a.xent.de = floats(b, ne, 0);
  measure(b, name, call_xent, &a, 6.0 * n * items * D, 12.0 * (double)ne);
}

static void bench_attend(bench *b, const char *name, int32_t n, int32_t mean, int fixed, int32_t heads, float p) {
  if (!is_wanted(b, name)) return;
  int32_t rows, *offsets = windows(b, n, mean, fixed, &rows), dh = D / heads;
  size_t count = (size_t)rows * D;
  const sk_attend_pairs pairs = {.windows = n,
                                 .heads = heads,
                                 .dh = dh,
                                 .q_rows = rows,
                                 .kv_rows = rows,
                                 .max_queries = 2 * mean,
                                 .max_keys = 2 * mean,
                                 .kv_offsets = offsets};
  any_args a = {.attend = {.pairs = pairs, .p = p}};
  float *qkv = floats(b, 3 * count, 1.0f), *dqkv = floats(b, 3 * count, 0);
  a.attend.q = qkv, a.attend.k = qkv + D, a.attend.v = qkv + 2 * D;
  a.attend.q_stride = a.attend.kv_stride = 3 * D;
  a.attend.out = floats(b, count, 0), a.attend.lse = floats(b, (size_t)(rows * heads), 0);
  double flops = 2.0 * rows * mean * D; /* half the square of a window, two products */
  measure(b, name, call_attend, &a, flops, 16.0 * (double)count);
  any_args g = {.attend_backward = {.pairs = pairs, .p = p}};
  g.attend_backward.q = qkv, g.attend_backward.k = qkv + D;
  g.attend_backward.v = qkv + 2 * D, g.attend_backward.q_stride = g.attend_backward.kv_stride = 3 * D;
  g.attend_backward.out = a.attend.out, g.attend_backward.lse = a.attend.lse;
  g.attend_backward.dout = floats(b, count, 1.0f);
  g.attend_backward.dq = dqkv, g.attend_backward.dk = dqkv + D, g.attend_backward.dv = dqkv + 2 * D;
  g.attend_backward.dq_stride = g.attend_backward.dkv_stride = 3 * D;
  char backward[64];
  snprintf(backward, sizeof backward, "%s backward", name);
  measure(b, backward, call_attend_backward, &g, 2.5 * flops, 32.0 * (double)count);
}

/* A raster of `slots` slots, all at once: query i reads keys 0 .. i. */
static void bench_attend_ranges(bench *b, const char *name, int32_t n, int32_t slots, int32_t heads) {
  if (!is_wanted(b, name)) return;
  enum { MOST = 256 };
  int32_t offsets[MOST + 1] = {0}, ranges[2 * MOST] = {0}, dh = D / heads;
  for (int32_t i = 0; i < slots; i++) offsets[i + 1] = i + 1, ranges[2 * i + 1] = i + 1;
  size_t rows = (size_t)n * (size_t)slots, count = rows * D;
  float *qkv = floats(b, 3 * count, 1.0f), *dqkv = floats(b, 3 * count, 0);
  any_args a = {.attend_ranges = {.windows = n, .queries = slots, .keys = slots, .heads = heads, .dh = dh}};
  a.attend_ranges.offsets = device_copy(b, offsets, sizeof offsets);
  a.attend_ranges.ranges = device_copy(b, ranges, sizeof ranges);
  a.attend_ranges.q = qkv, a.attend_ranges.k = qkv + D, a.attend_ranges.v = qkv + 2 * D;
  a.attend_ranges.q_stride = a.attend_ranges.kv_stride = 3 * D;
  a.attend_ranges.out = floats(b, count, 0), a.attend_ranges.lse = floats(b, rows * (size_t)heads, 0);
  double flops = 2.0 * (double)rows * slots * D;
  measure(b, name, call_attend_ranges, &a, flops, 16.0 * (double)count);
  any_args g = {.attend_ranges_backward = {.windows = n, .queries = slots, .keys = slots, .heads = heads, .dh = dh}};
  sk_attend_ranges_backward_args *r = &g.attend_ranges_backward;
  r->offsets = a.attend_ranges.offsets, r->ranges = a.attend_ranges.ranges;
  r->q = qkv, r->k = qkv + D, r->v = qkv + 2 * D, r->q_stride = r->kv_stride = 3 * D;
  r->out = a.attend_ranges.out, r->lse = a.attend_ranges.lse, r->dout = floats(b, count, 1.0f);
  r->dq = dqkv, r->dk = dqkv + D, r->dv = dqkv + 2 * D, r->dq_stride = r->dkv_stride = 3 * D;
  char backward[64];
  snprintf(backward, sizeof backward, "%s backward", name);
  measure(b, backward, call_attend_ranges_backward, &g, 2.5 * flops, 32.0 * (double)count);
}

static void bench_gru(bench *b, const char *name, int32_t n, int32_t mean, int fixed) {
  if (!is_wanted(b, name)) return;
  int32_t rows, *offsets = windows(b, n, mean, fixed, &rows);
  size_t count = (size_t)rows * D, w = 3 * D * D;
  any_args a = {.gru = {.windows = n, .rows = rows, .max_window = 2 * mean, .d = D, .offsets = offsets}};
  a.gru.gx = floats(b, 3 * count, 1.0f), a.gru.w_hh = floats(b, w, 0.1f), a.gru.b_hh = floats(b, 3 * D, 0.1f);
  a.gru.out = floats(b, count, 0), a.gru.saved = floats(b, 4 * count, 0);
  measure(b, name, call_gru, &a, 2.0 * rows * (double)w, 32.0 * (double)count);
  any_args g = {.gru_backward = {.windows = n, .rows = rows, .max_window = 2 * mean, .d = D, .offsets = offsets}};
  g.gru_backward.w_hh = a.gru.w_hh, g.gru_backward.out = a.gru.out, g.gru_backward.saved = a.gru.saved;
  g.gru_backward.dout = floats(b, count, 1.0f), g.gru_backward.dgx = floats(b, 3 * count, 0);
  g.gru_backward.dw_hh = floats(b, w, 0), g.gru_backward.db_hh = floats(b, 3 * D, 0);
  g.gru_backward.scratch = floats(b, 3 * count, 0);
  char backward[64];
  snprintf(backward, sizeof backward, "%s backward", name);
  measure(b, backward, call_gru_backward, &g, 4.0 * rows * (double)w, 48.0 * (double)count);
}

static void bench_generate(bench *b, const char *name, int32_t n, int32_t m) {
  if (!is_wanted(b, name)) return;
  size_t nz = (size_t)n * D, ng = (size_t)m * D, nw = (size_t)n * (size_t)m, mm = (size_t)m;
  any_args a = {.generate = {.n = n, .d = D, .m = m, .clip = 0.05f, .stride = m}};
  float *zi = floats(b, nz, 1), *zs = floats(b, nz, 1), *gi = floats(b, ng, 0.01f), *gs = floats(b, ng, 0.01f);
  a.generate.zi = zi, a.generate.zs = zs, a.generate.gi = gi, a.generate.gs = gs;
  a.generate.bi = floats(b, mm, 0.01f), a.generate.bs = floats(b, mm, 0.01f);
  a.generate.w = floats(b, nw, 0), a.generate.wi_saved = n > 1 ? floats(b, nw, 0) : NULL;
  measure(b, name, call_generate, &a, 4.0 * (double)nw * D, 8.0 * (double)(ng + nw));
  if (n == 1) return;
  any_args g = {.generate_backward = {.n = n, .d = D, .m = m, .clip = 0.05f, .zi = zi, .gi = gi, .zs = zs, .gs = gs}};
  g.generate_backward.dw = floats(b, nw, 1), g.generate_backward.wi_saved = a.generate.wi_saved;
  g.generate_backward.dwi = floats(b, nw, 0), g.generate_backward.dzi = floats(b, nz, 0);
  g.generate_backward.dzs = floats(b, nz, 0), g.generate_backward.dgi = floats(b, ng, 0);
  g.generate_backward.dgs = floats(b, ng, 0), g.generate_backward.dbi = floats(b, mm, 0);
  g.generate_backward.dbs = floats(b, mm, 0);
  char backward[64];
  snprintf(backward, sizeof backward, "%s backward", name);
  measure(b, backward, call_generate_backward, &g, 8.0 * (double)nw * D, 16.0 * (double)nw);
}

static void bench_generate_apply(bench *b, const char *name, int32_t n, int32_t width) {
  if (!is_wanted(b, name)) return;
  size_t m = (size_t)width * (size_t)(width + 1), nz = (size_t)n * D, nx = (size_t)n * (size_t)width;
  any_args a = {.generate_apply = {.n = n, .d = D, .in = width, .out = width, .clip = 0.05f, .f = SK_TANH}};
  a.generate_apply.zi = floats(b, nz, 1), a.generate_apply.zs = floats(b, nz, 1);
  a.generate_apply.gi = floats(b, m * D, 0.01f), a.generate_apply.gs = floats(b, m * D, 0.01f);
  a.generate_apply.bi = floats(b, m, 0.01f), a.generate_apply.bs = floats(b, m, 0.01f);
  a.generate_apply.x = floats(b, nx, 1), a.generate_apply.y = floats(b, nx, 0);
  measure(b, name, call_generate_apply, &a, 4.0 * (double)n * (double)m * D, 8.0 * (double)(m * D + nz + nx));
}

static void bench_apply(bench *b, const char *name, int32_t n, int32_t width) {
  if (!is_wanted(b, name)) return;
  size_t nx = (size_t)n * (size_t)width, m = (size_t)(width * width + width), nw = (size_t)n * m;
  any_args a = {.apply = {.n = n, .in = width, .out = width, .f = SK_TANH, .stride = (int64_t)m}};
  float *x = floats(b, nx, 1), *w = floats(b, nw, 0.1f), *y = floats(b, nx, 0);
  a.apply.x = x, a.apply.w = w, a.apply.y = y;
  measure(b, name, call_apply, &a, 2.0 * (double)nw, 4.0 * (double)(nw + 2 * nx));
  if (n == 1) return;
  any_args g = {.apply_backward = {.n = n, .in = width, .out = width, .f = SK_TANH, .stride = (int64_t)m}};
  g.apply_backward.x = x, g.apply_backward.w = w, g.apply_backward.y = y, g.apply_backward.dy = floats(b, nx, 1);
  g.apply_backward.dx = floats(b, nx, 0), g.apply_backward.dw = floats(b, nw, 0);
  char backward[64];
  snprintf(backward, sizeof backward, "%s backward", name);
  measure(b, backward, call_apply_backward, &g, 3.0 * (double)nw, 4.0 * (double)(2 * nw + 4 * nx));
}

static void bench_topk(bench *b, const char *name, int32_t n, int32_t items) {
  if (!is_wanted(b, name)) return;
  const int32_t k = 20;
  any_args a = {.topk = {.n = n, .d = D, .items = items, .k = k}};
  a.topk.u = floats(b, (size_t)n * D, 1), a.topk.e = floats(b, (size_t)items * D, 1);
  a.topk.index = integers(b, (size_t)(n * k), 1), a.topk.score = floats(b, (size_t)(n * k), 0);
  measure(b, name, call_topk, &a, 2.0 * n * items * D, 4.0 * items * D);
}

static void bench_quantize(bench *b) {
  if (!is_wanted(b, "quantize 12101 items")) return;
  any_args a = {.quantize = {.n = ITEMS, .d = D, .levels = 3, .k = 256}};
  a.quantize.x = floats(b, (size_t)ITEMS * D, 1), a.quantize.centroids = floats(b, (size_t)3 * 256 * D, 0.5f);
  a.quantize.codes = integers(b, (size_t)ITEMS * 3, 1);
  measure(b, "quantize 12101 items", call_quantize, &a, 2.0 * ITEMS * 3 * 256 * D, 4.0 * ITEMS * D);
}

static void bench_linear(bench *b) {
  if (!is_wanted(b, "linear 1500x64x256")) return;
  enum { OUT = 4 * D };
  any_args a = {.linear = {.n = ROWS, .in = D, .out = OUT}};
  float *x = floats(b, ROWS * D, 1), *w = floats(b, OUT * D, 0.1f), *y = floats(b, ROWS * OUT, 1);
  a.linear.x = x, a.linear.w = w, a.linear.b = floats(b, OUT, 1), a.linear.y = y;
  measure(b, "linear 1500x64x256", call_linear, &a, 2.0 * ROWS * D * OUT, 4.0 * ROWS * (D + OUT));
  any_args g = {.linear_backward = {.n = ROWS, .in = D, .out = OUT, .x = x, .w = w, .dy = y}};
  g.linear_backward.dx = floats(b, ROWS * D, 0), g.linear_backward.dw = floats(b, OUT * D, 0);
  g.linear_backward.db = floats(b, OUT, 0);
  measure(b, "linear 1500x64x256 backward", call_linear_backward, &g, 4.0 * ROWS * D * OUT, 8.0 * ROWS * (D + OUT));
}

static void bench_layer_norm(bench *b) {
  if (!is_wanted(b, "layer_norm 1500")) return;
  any_args a = {.layer_norm = {.n = ROWS, .d = D, .eps = 1e-5f}};
  float *x = floats(b, ROWS * D, 1), *y = floats(b, ROWS * D, 1), *gamma = floats(b, D, 1), *beta = floats(b, D, 1);
  float *mean = floats(b, ROWS, 0), *rstd = floats(b, ROWS, 0);
  a.layer_norm.x = x, a.layer_norm.gamma = gamma, a.layer_norm.beta = beta, a.layer_norm.y = y;
  a.layer_norm.mean = mean, a.layer_norm.rstd = rstd;
  measure(b, "layer_norm 1500", call_layer_norm, &a, 8.0 * ROWS * D, 8.0 * ROWS * D);
  any_args g = {
      .layer_norm_backward = {.n = ROWS, .d = D, .x = x, .gamma = gamma, .mean = mean, .rstd = rstd, .dy = y}};
  g.layer_norm_backward.dx = floats(b, ROWS * D, 0), g.layer_norm_backward.dgamma = floats(b, D, 0);
  g.layer_norm_backward.dbeta = floats(b, D, 0);
  measure(b, "layer_norm 1500 backward", call_layer_norm_backward, &g, 14.0 * ROWS * D, 12.0 * ROWS * D);
}

static void bench_activate(bench *b) {
  if (!is_wanted(b, "activate gelu 1500x256")) return;
  const int64_t n = (int64_t)ROWS * 4 * D;
  any_args a = {.activate = {.n = n, .f = SK_GELU}}, g = {.activate_backward = {.n = n, .f = SK_GELU}};
  a.activate.x = g.activate_backward.x = floats(b, (size_t)n, 1);
  a.activate.y = floats(b, (size_t)n, 0), g.activate_backward.dy = floats(b, (size_t)n, 1);
  g.activate_backward.dx = floats(b, (size_t)n, 0);
  measure(b, "activate gelu 1500x256", call_activate, &a, 20.0 * (double)n, 8.0 * (double)n);
  measure(b, "activate gelu 1500x256 backward", call_activate_backward, &g, 30.0 * (double)n, 12.0 * (double)n);
}

static void bench_embed(bench *b) {
  if (!is_wanted(b, "embed 1500")) return;
  any_args a = {.embed = {.n = ROWS, .d = D, .rows = ITEMS, .scale = 1.0f}};
  const int32_t *index = integers(b, ROWS, ITEMS);
  float *table = floats(b, (size_t)ITEMS * D, 1), *out = floats(b, ROWS * D, 1);
  a.embed.table = table, a.embed.index = index, a.embed.out = out;
  measure(b, "embed 1500", call_embed, &a, 0, 8.0 * ROWS * D);
  any_args g = {.embed_backward = {.n = ROWS, .d = D, .rows = ITEMS, .dout = out, .index = index, .scale = 1.0f}};
  g.embed_backward.dtable = table;
  measure(b, "embed 1500 backward", call_embed_backward, &g, 2.0 * ROWS * D, 12.0 * ROWS * D);
}

/* Over as many floats as the Beauty model has weights in its item table. */
static void bench_flat(bench *b) {
  const int64_t n = (int64_t)ITEMS * D;
  if (!is_wanted(b, "dropout adamw reduce blend")) return;
  float *x = floats(b, (size_t)n, 1), *y = floats(b, (size_t)n, 1), *m = floats(b, (size_t)n, 0);
  float *v = floats(b, (size_t)n, 0), *sum = floats(b, 1, 0);
  any_args d = {.dropout = {.n = n, .p = 0.2f, .seed = 1, .x = x, .y = y}};
  measure(b, "dropout 774464", call_dropout, &d, 0, 8.0 * (double)n);
  any_args w = {.adamw = {.n = n, .lr = 1e-3f, .b1 = 0.9f, .b2 = 0.999f, .eps = 1e-8f, .step = 1, .grad = x}};
  w.adamw.w = y, w.adamw.m = m, w.adamw.v = v;
  measure(b, "adamw 774464", call_adamw, &w, 12.0 * (double)n, 28.0 * (double)n);
  any_args r = {.reduce = {.n = n, .kind = SK_SUM_SQUARES, .x = x, .out = sum}};
  measure(b, "reduce 774464", call_reduce, &r, 2.0 * (double)n, 4.0 * (double)n);
  any_args l = {.blend = {.n = n, .a = 0.5f, .b = 0.5f, .x = x, .y = y}};
  measure(b, "blend 774464", call_blend, &l, 3.0 * (double)n, 12.0 * (double)n);
}

static void bench_all(bench *b) {
  bench_xent(b, "xent 1500x12101", ROWS, ITEMS);
  bench_bce(b, 4096, 5);
  bench_xent(b, "xent 512x200000", 512, 200000);
  bench_attend(b, "attend 256 windows of 6", WINDOWS, 6, 0, 2, 0.2f);
  bench_attend(b, "attend 15 windows of 200", 15, 200, 1, 2, 0.2f);
  bench_attend(b, "attend 1 window of 50", 1, 50, 1, 2, 0.0f);
  bench_attend_ranges(b, "attend_ranges 256 slates of 51", 256, 51, 2);
  bench_gru(b, "gru 256 windows of 6", WINDOWS, 6, 0);
  bench_gru(b, "gru 15 windows of 200", 15, 200, 1);
  bench_gru(b, "gru 1 window of 50", 1, 50, 1);
  bench_generate(b, "generate 1500x4160", ROWS, 4160);
  bench_generate(b, "generate 1500x272", ROWS, 272);
  bench_generate(b, "generate 1x4160", 1, 4160);
  bench_generate_apply(b, "generate_apply 1500 of 64x64", ROWS, 64);
  bench_apply(b, "apply 1500 of 64x64", ROWS, 64);
  bench_apply(b, "apply 1500 of 16x16", ROWS, 16);
  bench_apply(b, "apply 1 of 64x64", 1, 64);
  bench_topk(b, "topk 1x12101", 1, ITEMS);
  bench_topk(b, "topk 1x1000000", 1, 1000000);
  bench_topk(b, "topk 256x12101", 256, ITEMS);
  bench_quantize(b);
  bench_linear(b);
  bench_layer_norm(b);
  bench_activate(b);
  bench_embed(b);
  bench_flat(b);
}

static void run_threads(bench *b, int threads) {
  const sk_options options = {.threads = threads};
  b->threads = threads;
  b->rng = seed_start(1);
  if (b->ops->open(&b->be, &options) != SOLID_OK) die("open", b->ops->name);
  bench_all(b);
  b->ops->close(b->be);
}

int main(int argc, char **argv) {
  bench b = {0};
  const char *name = "cpu", *threads = "1,2";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      b.json = 1;
    else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
      name = argv[++i];
    else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
      threads = argv[++i];
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
      b.only = argv[++i];
    else
      die(argv[i], "usage: bench_ops [--backend cpu] [--threads 1,2] [--only NAME] [--json]");
  }
  char text[128] = "not compiled in";
  b.ops = sk_backend_find(name);
  if (!b.ops || b.ops->probe(text, sizeof text) != SOLID_OK) die(name, text);
  if (b.json)
    printf("{\"backend\": \"%s\", \"results\": [", text);
  else
    printf("%s\n", text);
  for (const char *p = threads; p; p = strchr(p, ',')) {
    p += *p == ',';
    run_threads(&b, atoi(p));
  }
  if (b.json) printf("\n]}\n");
  return 0;
}
