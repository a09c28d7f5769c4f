/* Times the way from what is known of users to their items: the separate stages of a worker, through host memory,
 * beside solid_worker_answer, one after the other in the same run.
 *
 *   bench_answer [--device cpu|cuda] [--threads N] [--items V] [--width D] [--rank R] [--steps N] [--k K] [--calls N]
 *                [--batch B] [--fuse 0|1]
 *
 *   stored    state and layers as a store gave them      fresh    layers stored, a newer window for the encoder
 *   window    a window alone; layers come down to be kept    session  a window alone; items alone come down
 *
 * --fuse: whether the answer of `session` makes layers without writing them out; as the worker has it by itself if not
 * given. Stored layers lie in the worker's own memory for the answer, as a recommender has the store write them, and
 * for the stages in memory of the program's, as before. Microseconds a call; what a call of the answer takes of the
 * median of the stages is last. */
#define BENCH "bench_answer"
#include "solid/infer/worker/worker.h"
#include "solid/solid.h"
#include "tests/bench/bench.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *device;
  uint32_t threads, items, width, rank, steps, k, calls, batch, fuse;
} arguments;

typedef enum way { STORED, FRESH, WINDOW, SESSION, WAYS } way;
static const char *const way_names[] = {"stored", "fresh", "window", "session"};

typedef struct bench {
  arguments args;
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  solid_worker *worker;
  size_t n, words; /* rows a call */
  uint32_t *offsets, *items;
  float *h, *params, *u, *new_h, *new_params;
  uint64_t *masks, *excluded; /* of each row; where the stages read them, made anew by every call as by a recommender */
  solid_scored *best;
  size_t *counts;
  solid_question *questions;
  double *us[2];
} bench;

static void make_model(bench *b) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, b->args.rank);
  config.items = b->args.items, config.width = b->args.width, config.window = 50;
  config.blocks = 1, config.heads = 1, config.levels = 3, config.codes = 256;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = b->args.device, options.threads = (int32_t)b->args.threads;
  must(solid_context_new(&b->ctx, &options), "context");
  b->model = tiny_model(b->ctx, &config, 1);
  b->info.struct_size = sizeof b->info;
  must(solid_model_get_info(b->model, &b->info), "model");
}

/* A worker for n users, their windows, and what a store would have of them. */
static void open_batch(bench *b, size_t n) {
  seed_rng rng = seed_start(1);
  size_t d = b->info.width, P = b->info.params;
  b->n = n;
  must(solid_worker_new(&b->worker, b->model, n), "worker");
  if (b->args.fuse < 2) sol_worker_fuse(b->worker, (int)b->args.fuse);
  b->words = solid_worker_mask_words(b->worker);
  b->offsets = room(n, sizeof *b->offsets), b->items = room(n, b->args.steps * sizeof *b->items);
  b->h = room(n, d * sizeof(float)), b->params = room(n, P * sizeof(float)), b->u = room(n, d * sizeof(float));
  b->new_h = room(n, d * sizeof(float)), b->new_params = room(n, P * sizeof(float));
  b->masks = room(n, b->words * sizeof *b->masks);
  b->excluded = room(n, b->words * sizeof *b->excluded), b->best = room(n, b->args.k * sizeof *b->best);
  b->counts = room(n, sizeof *b->counts), b->questions = room(n, sizeof *b->questions);
  for (size_t i = 0; i < n; i++) {
    b->offsets[i + 1] = b->offsets[i] + b->args.steps;
    for (uint32_t j = b->offsets[i]; j < b->offsets[i + 1]; j++) {
      b->items[j] = (uint32_t)seed_below(&rng, (int32_t)b->info.items);
      b->masks[i * b->words + b->items[j] / 64] |= UINT64_C(1) << b->items[j] % 64;
    }
  }
  solid_windows windows = {n, b->offsets, b->items};
  must(solid_worker_generate(b->worker, &windows, b->h, b->params), "generate");
  memcpy(sol_worker_room(b->worker), b->params, n * P * sizeof(float));
}

static void close_batch(bench *b) {
  solid_worker_free(b->worker);
  free(b->offsets), free(b->items), free(b->h), free(b->params), free(b->u), free(b->new_h), free(b->new_params);
  free(b->masks), free(b->excluded), free(b->best), free(b->counts), free(b->questions);
}

static void by_stages(bench *b, way w) {
  solid_windows windows = {b->n, b->offsets, b->items};
  const float *h = w == STORED ? b->h : b->new_h, *params = w == STORED || w == FRESH ? b->params : b->new_params;
  if (w == FRESH) must(solid_worker_encode(b->worker, &windows, b->new_h), "encode");
  if (w == WINDOW || w == SESSION)
    must(solid_worker_generate(b->worker, &windows, b->new_h, b->new_params), "generate");
  memcpy(b->excluded, b->masks, b->n * b->words * sizeof *b->masks);
  must(solid_worker_apply(b->worker, b->n, h, params, b->u), "apply");
  must(solid_worker_rank(b->worker, b->n, b->u, b->excluded, b->args.k, b->best, b->counts), "rank");
}

static void by_answer(bench *b, way w) {
  size_t d = b->info.width, P = b->info.params;
  uint64_t *excluded = sol_worker_masks(b->worker, b->n);
  memcpy(excluded, b->masks, b->n * b->words * sizeof *b->masks);
  for (size_t i = 0; i < b->n; i++) {
    solid_question q = {.excluded = excluded + i * b->words, .best = b->best + i * b->args.k, .keep = w == WINDOW};
    if (w == STORED) q.h = b->h + i * d;
    if (w == STORED || w == FRESH) q.params = sol_worker_room(b->worker) + i * P;
    if (w != STORED) q.window = b->items + b->offsets[i], q.n_window = b->args.steps;
    b->questions[i] = q;
  }
  must(solid_worker_answer(b->worker, b->questions, b->n, b->args.k), "answer");
}

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Both must name the same items; then they take turns. */
static void run(bench *b, way w) {
  size_t n = b->n * b->args.k, calls = b->args.calls, differ = 0;
  solid_scored *want = room(n, sizeof *want);
  by_stages(b, w);
  memcpy(want, b->best, n * sizeof *want);
  by_answer(b, w);
  for (size_t i = 0; i < n; i++) differ += b->best[i].item != want[i].item;
  free(want);
  if (b->n >= 1024) calls = calls / 10 + 1;
  for (size_t i = 0; i < calls; i++)
    for (int answer = 0; answer < 2; answer++) {
      double began = now_us();
      if (answer)
        by_answer(b, w);
      else
        by_stages(b, w);
      b->us[answer][i] = now_us() - began;
    }
  for (int answer = 0; answer < 2; answer++) qsort(b->us[answer], calls, sizeof(double), by_size);
  printf("%-8s %6zu %8zu %11.1f %11.1f %11.1f %11.1f %8.2f %8zu\n", way_names[w], b->n, calls, b->us[0][calls / 2],
         b->us[0][calls * 99 / 100], b->us[1][calls / 2], b->us[1][calls * 99 / 100],
         b->us[1][calls / 2] / b->us[0][calls / 2], differ);
  fflush(stdout);
}

static arguments read_arguments(int argc, char **argv) {
  arguments a = {
      .device = "cpu", .threads = 1, .items = 12101, .width = 64, .steps = 9, .k = 10, .calls = 500, .fuse = 2};
  const struct {
    const char *name;
    uint32_t *to;
  } numbers[] = {{"--threads", &a.threads}, {"--items", &a.items}, {"--width", &a.width},
                 {"--rank", &a.rank},       {"--steps", &a.steps}, {"--k", &a.k},
                 {"--calls", &a.calls},     {"--batch", &a.batch}, {"--fuse", &a.fuse}};
  for (int i = 1; i < argc; i += 2) {
    size_t known = 0;
    if (i + 1 == argc) die(argv[i], "unknown option, or its value is missing");
    if (strcmp(argv[i], "--device") == 0) {
      a.device = argv[i + 1];
      continue;
    }
    while (known < sizeof numbers / sizeof *numbers && strcmp(argv[i], numbers[known].name) != 0) known++;
    if (known == sizeof numbers / sizeof *numbers) die(argv[i], "unknown option");
    *numbers[known].to = (uint32_t)strtoul(argv[i + 1], NULL, 10);
  }
  if (!a.steps || !a.k || !a.calls || a.k > a.items)
    die("--steps, --k, --calls", "1 or more, and no more than there are");
  return a;
}

int main(int argc, char **argv) {
  static const size_t sizes[] = {1, 64, 1024};
  bench b = {.args = read_arguments(argc, argv)};
  make_model(&b);
  for (int i = 0; i < 2; i++) b.us[i] = room(b.args.calls, sizeof(double));
  printf("%s, V %u, d %u, P %u, windows of %u, k %u; microseconds a call\n", b.args.device, b.info.items, b.info.width,
         b.info.params, b.args.steps, b.args.k);
  printf("way           B    calls  stages p50         p99  answer p50         p99    share   differ\n");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (b.args.batch && i > 0) break;
    open_batch(&b, b.args.batch ? b.args.batch : sizes[i]);
    for (int w = 0; w < WAYS; w++) run(&b, (way)w);
    close_batch(&b);
  }
  free(b.us[0]), free(b.us[1]);
  solid_model_free(b.model);
  solid_context_free(b.ctx);
  return 0;
}
