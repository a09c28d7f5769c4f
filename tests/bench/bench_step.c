/* Times training steps in the shapes of four models, on any device:
 *
 *   paper    width 32, windows of 30, batches of 1,024, 12,101 items (the published model's speed test)
 *   beauty   width 64, windows of 50, batches of 256, 12,101 items, lengths as in Amazon Beauty
 *   ml-1m    width 64, windows of 200, batches of 128, 3,416 items, two blocks of two heads, lengths as in MovieLens 1M
 *   authors  the published model itself with its binary loss on 1,024 samples: step_authors.h. `paper` above has its
 *            sizes, but our model, which predicts every position's next item among all
 *   long     65,536 rows in histories of 2,048, 16,384 and 65,536 events, dense and by lists: width 64, 4,000 items,
 * two blocks of two heads, static head, solid_train's lists. Only by `--only long`
 *
 *   bench_step [--device cpu|cuda] [--precision fp32|tf32] [--threads N] [--only NAME] [--ops] [--once]
 *
 * --ops: each operation on its own, with a wait for the device after each call, less the wait of an empty queue.
 * --once: one step and no more, for a profiler. */
#include "solid/base/clock.h"
#include "solid/train/fit/step.h"
#include "tests/bench/step_authors.h"
#include "tests/support/seed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
  const char *name;
  uint32_t windows, window, items, width, blocks, heads;
  float mean; /* of the lengths, which are drawn from an exponential and cut; 0 = all are `window` */
  float dropout;
  uint32_t lists; /* 1: sparse attention */
} shape;

static const shape shapes[] = {{"paper", 1024, 30, 12101, 32, 1, 1, 0, 0.5f, 0},
                               {"beauty", 256, 50, 12101, 64, 1, 1, 5, 0.5f, 0},
                               {"ml-1m", 128, 200, 3416, 64, 2, 2, 160, 0.2f, 0}};
static const shape longs[] = {
    {"2k", 32, 2048, 4000, 64, 2, 2, 0, 0, 0},  {"2k lists", 32, 2048, 4000, 64, 2, 2, 0, 0, 1},
    {"16k", 4, 16384, 4000, 64, 2, 2, 0, 0, 0}, {"16k lists", 4, 16384, 4000, 64, 2, 2, 0, 0, 1},
    {"64k", 1, 65536, 4000, 64, 2, 2, 0, 0, 0}, {"64k lists", 1, 65536, 4000, 64, 2, 2, 0, 0, 1}};

/* ---- A table that times each operation ---- */

#define SLOT_NAME(op) SLOT_##op,
enum { SK_OPS(SLOT_NAME) SLOTS };
#undef SLOT_NAME
#define SLOT_TEXT(op) #op,
static const char *const slot_names[] = {SK_OPS(SLOT_TEXT)};
#undef SLOT_TEXT

static const sk_backend_ops *real;
static double seconds[SLOTS], empty;
static int calls[SLOTS];

static solid_status timed(sk_backend *be, int slot, double start, solid_status status) {
  if (status == SOLID_OK) status = real->sync(be);
  seconds[slot] += sol_steady_s() - start - empty;
  calls[slot]++;
  return status;
}

#define TIMED(op)                                                                                                      \
  static solid_status timed_##op(sk_backend *be, const sk_##op##_args *a) {                                            \
    double start = sol_steady_s();                                                                                     \
    return timed(be, SLOT_##op, start, real->op(be, a));                                                               \
  }
SK_OPS(TIMED)
#undef TIMED

static sk_backend_ops timed_table(void) {
  sk_backend_ops table = *real;
#define FILL(op) table.op = timed_##op;
  SK_OPS(FILL)
#undef FILL
  return table;
}

static void print_ops(double steps) {
  double all = 0;
  for (int s = 0; s < SLOTS; s++) all += seconds[s];
  for (int s = 0; s < SLOTS; s++)
    if (calls[s] > 0)
      printf("  %-20s %6.1f calls %9.1f us  %5.1f %%\n", slot_names[s], calls[s] / steps, 1e6 * seconds[s] / steps,
             100 * seconds[s] / all);
}

/* ---- Steps ---- */

static void must(int good, const char *what, const char *why) {
  if (good) return;
  fprintf(stderr, "bench_step: %s: %s\n", what, why);
  exit(1);
}

typedef struct batch {
  uint32_t *offsets, *items;
  int32_t *targets;
  solid_windows windows;
  size_t rows;
} batch;

static batch draw(const shape *s, seed_rng *rng) {
  size_t most = (size_t)s->windows * s->window;
  batch b = {.offsets = malloc((s->windows + 1) * sizeof *b.offsets),
             .items = malloc(most * sizeof *b.items),
             .targets = malloc(most * sizeof *b.targets)};
  must(b.offsets && b.items && b.targets, "batch", "no memory");
  b.offsets[0] = 0;
  for (uint32_t w = 0; w < s->windows; w++) {
    double u = ((double)seed_below(rng, 1 << 20) + 0.5) / (1 << 20),
           length = s->mean > 0 ? -log(u) * (double)s->mean : 1e9;
    uint32_t rows = length < 1 ? 1 : length > s->window ? s->window : (uint32_t)length;
    for (uint32_t i = 0; i < rows; i++, b.rows++) {
      b.items[b.rows] = (uint32_t)seed_below(rng, (int32_t)s->items);
      b.targets[b.rows] = seed_below(rng, (int32_t)s->items);
    }
    b.offsets[w + 1] = (uint32_t)b.rows;
  }
  b.windows = (solid_windows){.n = s->windows, .offsets = b.offsets, .items = b.items};
  return b;
}

static void run_steps(sol_step *step, const solid_train_options *o, const batch *b, uint64_t first, uint64_t n) {
  for (uint64_t i = first; i < first + n; i++) {
    must(sol_step_gradients(step, o, i, &b->windows, b->targets) == SOLID_OK, "step", step->be->err);
    must(sol_step_update(step, o, i) == SOLID_OK, "step", step->be->err);
  }
  must(real->sync(step->be) == SOLID_OK, "sync", step->be->err);
}

/* Steps first .. first + n - 1, waited for at the end. */
typedef void (*run_fn)(void *user, uint64_t first, uint64_t n);

/* The best of five runs of n steps, each a fifth of `enough` seconds; *at: the next step's number. */
static double best_of_five(run_fn run, void *user, double enough, uint64_t *at, uint64_t *n) {
  double best = 1e9, start = sol_steady_s();
  run(user, (*at)++, 1);
  double once = sol_steady_s() - start;
  *n = 10 * once > enough ? 2 : (uint64_t)(enough / 5 / once) + 2;
  for (int part = 0; part < 5; part++, *at += *n) {
    start = sol_steady_s();
    run(user, *at, *n);
    double mean = (sol_steady_s() - start) / (double)*n;
    if (mean < best) best = mean;
  }
  return best;
}

static void time_ops(sk_backend *be, run_fn run, void *user, uint64_t at, uint64_t n) {
  sk_backend_ops table = timed_table();
  memset(seconds, 0, sizeof seconds), memset(calls, 0, sizeof calls);
  empty = 1;
  for (int i = 0; i < 100; i++) {
    double start = sol_steady_s();
    real->sync(be);
    if (sol_steady_s() - start < empty) empty = sol_steady_s() - start;
  }
  be->ops = &table;
  run(user, at, n < 20 ? n : 20);
  be->ops = real;
  print_ops(n < 20 ? (double)n : 20.0);
}

typedef struct own_model {
  sol_step step;
  solid_train_options o;
  batch b;
} own_model;

static void run_own(void *user, uint64_t first, uint64_t n) {
  own_model *m = user;
  run_steps(&m->step, &m->o, &m->b, first, n);
}

static void run_authors(void *user, uint64_t first, uint64_t n) {
  step_authors *s = user;
  must(step_authors_run(s, first, n) == SOLID_OK, "step", solid_last_error());
  must(real->sync(s->net.be) == SOLID_OK, "sync", s->net.be->err);
}

static void measure_authors(sk_backend *be, int ops, int once_only, double enough) {
  step_authors s;
  uint64_t at = 4, n;
  must(step_authors_open(&s, be) == SOLID_OK, "open", solid_last_error());
  run_authors(&s, 1, once_only ? 1 : 3);
  if (!once_only) {
    double best = best_of_five(run_authors, &s, enough, &at, &n), bce, codebook;
    must(sol_paper_net_take_losses(&s.net, &bce, &codebook) == SOLID_OK, "loss", be->err);
    step_authors_print(&s, best, !strcmp(real->name, "cuda"));
    s.with_ops = 1;
    if (ops) time_ops(be, run_authors, &s, at, n);
  }
  fflush(stdout);
  step_authors_close(&s);
}

static sol_config config_of(const shape *s) {
  sol_config config = {.items = s->items,
                       .width = s->width,
                       .window = s->window,
                       .blocks = s->blocks,
                       .heads = s->heads,
                       .levels = 3,
                       .codes = 256,
                       .head = SOLID_HEAD_SOLID,
                       .clip = 0.1f};
  if (s->window < 2048) return config;
  config.levels = config.codes = 0, config.clip = 0, config.head = SOLID_HEAD_STATIC;
  config.positions = SOL_POSITIONS_ROTARY, config.turned = s->width / s->heads / 2;
  if (!s->lists) return config;
  config.attention = SOL_ATTENTION_SPARSE;
  config.select_chunk = 512, config.select_sink = 4, config.select_window = 64;
  config.select_recent = 32, config.select_stride = 16, config.select_budget = 1024;
  config.select_dense_below = 2048, config.select_mass = 950;
  return config;
}

static void measure(sk_backend *be, const shape *s, int ops, int once_only, double enough) {
  sol_config config = config_of(s);
  own_model m = {.o = SOLID_TRAIN_OPTIONS_INIT};
  m.o.dropout = m.o.dropout_z = m.o.dropout_y = s->dropout;
  seed_rng rng = seed_start(1);
  m.b = draw(s, &rng);
  uint16_t *codes = malloc((size_t)config.levels * s->items * sizeof *codes);
  float *weights = malloc(sol_tensors_total(&config) * sizeof *weights);
  must(codes && weights, "weights", "no memory");
  for (size_t i = 0; i < (size_t)config.levels * s->items; i++) codes[i] = (uint16_t)seed_below(&rng, 256);
  sol_weights_init(&config, 1, weights);
  sol_step *step = &m.step;
  must(sol_step_open(step, be, &config, codes, s->windows, m.b.rows, &m.o) == SOLID_OK, "open", solid_last_error());
  must(real->upload(be, step->values[SOL_WEIGHTS], weights, step->total * sizeof(float)) == SOLID_OK, "upload",
       be->err);
  run_own(&m, 1, once_only ? 1 : 3);
  if (!once_only) {
    uint64_t at = 4, n;
    double loss = 0, best = best_of_five(run_own, &m, enough, &at, &n);
    must(sol_step_take_loss(step, &loss) == SOLID_OK, "loss", be->err);
    printf("%-8s %6zu rows  %9.3f ms a step  %10.4g rows/s  loss %.6f\n", s->name, m.b.rows, 1e3 * best,
           (double)m.b.rows / best, loss / (double)m.b.rows / (double)(at - 1));
    if (ops) time_ops(be, run_own, &m, at, n);
  }
  fflush(stdout);
  sol_step_close(step);
  free(codes);
  free(weights);
  free(m.b.offsets), free(m.b.items), free(m.b.targets);
}

int main(int argc, char **argv) {
  const char *device = "cpu", *only = NULL;
  sk_options options = {.threads = 1};
  int ops = 0, once = 0;
  for (int i = 1; i < argc; i++) {
    int more = i + 1 < argc;
    if (!strcmp(argv[i], "--ops"))
      ops = 1;
    else if (!strcmp(argv[i], "--once"))
      once = 1;
    else if (!strcmp(argv[i], "--device") && more)
      device = argv[++i];
    else if (!strcmp(argv[i], "--threads") && more)
      options.threads = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--precision") && more)
      options.tf32 = !strcmp(argv[++i], "tf32");
    else if (!strcmp(argv[i], "--only") && more)
      only = argv[++i];
    else
      must(
          0, argv[i],
          "usage: bench_step [--device cpu|cuda] [--precision fp32|tf32] [--threads N] [--only NAME] [--ops] [--once]");
  }
  char text[160] = "";
  sk_backend *be = NULL;
  real = sk_backend_find(device);
  must(real != NULL, device, "not compiled in");
  solid_status status = real->probe(text, sizeof text);
  must(status == SOLID_OK && real->open(&be, &options) == SOLID_OK, device, text);
  printf("%s, products in %s\n", text, options.tf32 ? "tf32" : "fp32");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (!only || !strcmp(only, shapes[i].name)) measure(be, &shapes[i], ops, once, strcmp(device, "cpu") ? 0.6 : 2.0);
  for (size_t i = 0; only && !strcmp(only, "long") && i < sizeof longs / sizeof *longs; i++)
    measure(be, &longs[i], ops, once, strcmp(device, "cpu") ? 0.6 : 2.0);
  if (!only || !strcmp(only, "authors")) measure_authors(be, ops, once, strcmp(device, "cpu") ? 0.6 : 2.0);
  real->close(be);
  return 0;
}
