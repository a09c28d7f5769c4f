/* A training step over catalogues that grow: softmax over drawn items, beside the whole one where that is not too slow.
 *
 *   bench_items [--device cpu|cuda] [--precision fp32|tf32] [--threads N] [--items A,B,..] [--negatives N]
 *               [--whole-to V] [--steps N]
 *
 * Width 64, one block, three levels of 256 codes, batches of 256 windows of up to 50 events, 10 in the mean, whose
 * items are log-uniform: as popularity is. 250 different batches take turns, so that most rows have waited longer than
 * their moments last. Prints the time of a step (with --steps N: the mean of N after 300), that of bringing all rows up
 * to date, and the device's memory, also in arrays of V x d floats. */
#include "solid/base/clock.h"
#include "solid/train/fit/step.h"
#include "tests/support/seed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCHES = 250, WINDOWS = 256, WINDOW = 50, MEAN = 10, BEFORE = 300, WIDTH = 64 };

typedef struct batch {
  uint32_t offsets[WINDOWS + 1], *items;
  int32_t *targets;
} batch;

static void must(int good, const char *what, const char *why) {
  if (good) return;
  fprintf(stderr, "bench_items: %s: %s\n", what, why);
  exit(1);
}

static double uniform(seed_rng *rng) {
  return ((double)seed_below(rng, 1 << 30) + 0.5) / (1 << 30);
}

static uint32_t draw_item(seed_rng *rng, uint32_t items) {
  double x = exp(uniform(rng) * log1p((double)items)) - 1;
  return x < (double)items ? (uint32_t)x : items - 1;
}

static size_t draw_batch(batch *b, uint32_t items, seed_rng *rng) {
  uint32_t row = 0;
  b->items = malloc(sizeof *b->items * WINDOWS * WINDOW);
  b->targets = malloc(sizeof *b->targets * WINDOWS * WINDOW);
  must(b->items && b->targets, "batch", "no memory");
  for (int w = 0; w < WINDOWS; w++) {
    double length = -log(uniform(rng)) * MEAN;
    uint32_t end = row + (length < 1 ? 1 : length > WINDOW ? WINDOW : (uint32_t)length);
    b->offsets[w] = row;
    for (; row < end; row++) b->items[row] = draw_item(rng, items), b->targets[row] = (int32_t)draw_item(rng, items);
  }
  b->offsets[WINDOWS] = row;
  return row;
}

/* Random numbers again and again, in place of hundreds of millions of different ones. */
static void fill_weights(sol_step *step, seed_rng *rng) {
  enum { PIECE = 1 << 20 };
  float *piece = malloc(PIECE * sizeof *piece);
  must(piece != NULL, "weights", "no memory");
  for (size_t i = 0; i < PIECE; i++) piece[i] = 0.04f * ((float)uniform(rng) - 0.5f);
  for (size_t at = 0; at < step->total; at += PIECE) {
    size_t n = step->total - at < PIECE ? step->total - at : PIECE;
    must(step->be->ops->upload(step->be, step->values[SOL_WEIGHTS] + at, piece, n * sizeof *piece) == SOLID_OK &&
             step->be->ops->copy(step->be, step->values[SOL_AVERAGE] + at, step->values[SOL_WEIGHTS] + at,
                                 n * sizeof *piece) == SOLID_OK,
         "weights", step->be->err);
  }
  must(step->be->ops->sync(step->be) == SOLID_OK, "weights", step->be->err);
  free(piece);
}

static void run_steps(sol_step *step, const solid_train_options *o, const batch *batches, uint64_t first, uint64_t n) {
  for (uint64_t i = first; i < first + n; i++) {
    const batch *b = &batches[i % BATCHES];
    const solid_windows windows = {WINDOWS, b->offsets, b->items};
    must(sol_step_gradients(step, o, i, &windows, b->targets) == SOLID_OK, "step", solid_last_error());
    must(sol_step_update(step, o, i) == SOLID_OK, "step", solid_last_error());
  }
  must(step->be->ops->sync(step->be) == SOLID_OK, "step", step->be->err);
}

static void measure(sk_backend *be, uint32_t items, uint32_t negatives, uint64_t steps) {
  const sol_config config = {.items = items,
                             .width = WIDTH,
                             .window = WINDOW,
                             .blocks = 1,
                             .heads = 1,
                             .levels = 3,
                             .codes = 256,
                             .head = SOLID_HEAD_SOLID,
                             .clip = 0.1f};
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.negatives = negatives, o.average = 0.999, o.decay = 0.01;
  seed_rng rng = seed_start(1);
  batch *batches = malloc(BATCHES * sizeof *batches);
  uint16_t *codes = malloc((size_t)items * config.levels * sizeof *codes);
  must(batches && codes, "batches", "no memory");
  for (size_t i = 0; i < (size_t)items * config.levels; i++) codes[i] = (uint16_t)seed_below(&rng, 256);
  size_t rows = 0, most = 0;
  for (int i = 0; i < BATCHES; i++) {
    size_t n = draw_batch(&batches[i], items, &rng);
    rows += n, most = n > most ? n : most;
  }
  uint64_t before = be->bytes, warm = negatives > 0 ? BEFORE : 3;
  sol_step step;
  must(sol_step_open(&step, be, &config, codes, WINDOWS, most, &o) == SOLID_OK, "open", solid_last_error());
  fill_weights(&step, &rng);
  run_steps(&step, &o, batches, 1, warm);
  double start = sol_steady_s(), used = (double)clock();
  run_steps(&step, &o, batches, warm + 1, steps);
  used = ((double)clock() - used) / CLOCKS_PER_SEC / (double)steps;
  double mean = (sol_steady_s() - start) / (double)steps, bytes = (double)(be->bytes - before);
  start = sol_steady_s();
  must(sol_step_settle(&step) == SOLID_OK, "settle", solid_last_error());
  double settled = sol_steady_s() - start;
  printf("%9u items  %5zu rows  %6u touched  %9.3f ms a step (%9.3f of processors)  %8.1f ms to settle  %7.2f GB, "
         "%5.2f arrays  %s\n",
         items, rows / BATCHES, step.here.items, 1e3 * mean, 1e3 * used, 1e3 * settled, bytes / 1e9,
         bytes / ((double)items * WIDTH * sizeof(float)), negatives > 0 ? "drawn" : "whole");
  fflush(stdout);
  sol_step_close(&step);
  for (int i = 0; i < BATCHES; i++) free(batches[i].items), free(batches[i].targets);
  free(batches);
  free(codes);
}

int main(int argc, char **argv) {
  const char *device = "cpu", *items = "100000,1000000,10000000";
  sk_options options = {.threads = 1};
  uint32_t negatives = 4096;
  double whole_to = 0;
  uint64_t steps = 250;
  for (int i = 1; i < argc; i++) {
    int more = i + 1 < argc;
    if (!strcmp(argv[i], "--device") && more)
      device = argv[++i];
    else if (!strcmp(argv[i], "--precision") && more)
      options.tf32 = !strcmp(argv[++i], "tf32");
    else if (!strcmp(argv[i], "--threads") && more)
      options.threads = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--items") && more)
      items = argv[++i];
    else if (!strcmp(argv[i], "--negatives") && more)
      negatives = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--whole-to") && more)
      whole_to = atof(argv[++i]);
    else if (!strcmp(argv[i], "--steps") && more)
      steps = strtoul(argv[++i], NULL, 10);
    else
      must(0, argv[i], "see the head of bench_items.c");
  }
  char text[160] = "";
  sk_backend *be = NULL;
  const sk_backend_ops *ops = sk_backend_find(device);
  must(ops != NULL, device, "not compiled in");
  must(ops->probe(text, sizeof text) == SOLID_OK && ops->open(&be, &options) == SOLID_OK, device, text);
  printf("%s, products in %s\n", text, options.tf32 ? "tf32" : "fp32");
  for (const char *at = items; *at;) {
    char *end;
    uint32_t V = (uint32_t)strtoul(at, &end, 10);
    measure(be, V, negatives, steps);
    if ((double)V <= whole_to) measure(be, V, 0, steps < 20 ? steps : 20);
    at = *end == ',' ? end + 1 : end;
  }
  ops->close(be);
  return 0;
}
