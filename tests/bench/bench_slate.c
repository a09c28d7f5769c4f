/* Times slates in every order: the ranker's question that comes before (prefill), and the decoding, unguided and
 * guided.
 *
 *   bench_slate [--device cpu|cuda] [--threads N] [--items V] [--width D] [--blocks N] [--rows K] [--calls N] [--batch
 * B]
 *
 * All orders go through N + 1 blocks one after the other: raster and ZipAR have N + 1, near-to-far N and one more for
 * its head down. State and layers are stored; weights are drawn, which costs what trained ones cost. Microseconds a
 * call at the median; the last columns are how many times faster than raster: unguided, guided, with the prefill.
 *
 * An adaptive window goes step by step, one user after the other; its forwards are those of drawn weights, which say
 * little. "drawn" is the call at temperature 1 under the guide of .9, where every order goes step by step; of one user
 * alone.
 *
 * On a GPU also what the device does of a call (bench_slate_device.c). */
#include "solid/infer/slate/fused.h"
#include "solid/infer/slate/slater.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "solid/solid.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <string.h>
#define BENCH "bench_slate"
#include "tests/bench/bench.h"
#include "tests/bench/bench_slate.h"

int bench_by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* ---- A model of one training, and users ---- */

static void open_model(bench *b, int near) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 16);
  config.items = b->args.items, config.width = b->args.width, config.window = 50;
  config.blocks = 1, config.heads = 1, config.levels = 3, config.codes = 256;
  config.slate_rows = b->args.rows, config.slate_near = near != 0;
  config.slate_blocks = b->args.blocks + !near, config.slate_collisions = 16;
  b->model = tiny_model(b->ctx, &config, 1);
  must(solid_worker_new(&b->worker, b->model, b->n), "worker");
  must(sol_slater_new(&b->slater, b->model, b->n), "slater");
  b->words = solid_worker_mask_words(b->worker);
  must(sol_backend_open(b->ctx, &b->be), "back end");
  must(sol_fused_open(&b->fused, b->be, sol_model_config(b->model), &sol_model_weights(b->model)->slate,
                      sol_slater_trie(b->slater), sol_model_catalogue(b->model)->vectors, b->n),
       "operation");
  uint16_t *codes = room((size_t)b->args.rows * config.levels, sizeof *codes);
  b->few = *sol_model_config(b->model);
  b->few.items = b->args.rows;
  must(sol_trie_make(&b->path, codes, b->args.rows, config.levels), "trie");
  must(sol_fused_open(&b->plain, b->be, &b->few, &sol_model_weights(b->model)->slate, &b->path,
                      sol_model_catalogue(b->model)->vectors, b->n),
       "operation");
  free(codes);
}

static void open_users(bench *b) {
  solid_model_info info = {.struct_size = sizeof info};
  must(solid_model_get_info(b->model, &info), "model");
  seed_rng rng = seed_start(1);
  size_t d = info.width, P = info.params, n = b->n;
  b->h = room(n, d * sizeof(float)), b->u = room(n, d * sizeof(float)), b->stored = room(n, d * sizeof(float));
  b->layers = room(n, P * sizeof(float)), b->masks = room(n, b->words * sizeof *b->masks);
  b->best = room(n, b->args.rows * sizeof *b->best), b->out = room(n, b->args.rows * sizeof *b->out);
  b->questions = room(n, sizeof *b->questions), b->users = room(n, sizeof *b->users);
  b->fused_users = room(n, sizeof *b->fused_users), b->fused_list = room(n, sizeof *b->fused_list);
  seed_fill_normal(&rng, b->stored, n * d, 1);
  seed_fill_normal(&rng, b->layers, n * P, 0.1f);
  for (size_t i = 0; i < 20 * n; i++) {
    uint32_t item = (uint32_t)seed_below(&rng, (int32_t)info.items);
    b->masks[i / 20 * b->words + item / 64] |= UINT64_C(1) << (item % 64);
  }
  for (size_t i = 0; i < n; i++)
    b->questions[i] = (solid_question){.h = b->stored + i * d,
                                       .params = b->layers + i * P,
                                       .excluded = b->masks + i * b->words,
                                       .best = b->best + i * b->args.rows,
                                       .state = b->h + i * d,
                                       .vector = b->u + i * d};
}

static void close_all(bench *b) {
  sol_fused_close(b->fused);
  sol_fused_close(b->plain);
  sol_trie_clear(&b->path);
  b->be->ops->close(b->be);
  free(b->fused_users), free(b->fused_list);
  sol_slater_free(b->slater);
  solid_worker_free(b->worker);
  solid_model_free(b->model);
  free(b->h), free(b->u), free(b->stored), free(b->layers), free(b->masks), free(b->best), free(b->out);
  free(b->questions), free(b->users);
}

/* ---- Timing ---- */

static void ask(bench *b, const sol_slate_plan *plan) {
  (void)plan;
  must(solid_worker_answer(b->worker, b->questions, b->n, b->args.rows), "answer");
}

static void decode(bench *b, const sol_slate_plan *plan) {
  for (size_t i = 0; i < b->n; i++)
    b->users[i] = (sol_slate_user){.h = b->questions[i].state,
                                   .u = b->questions[i].vector,
                                   .excluded = b->questions[i].excluded,
                                   .top = b->questions[i].best,
                                   .n_top = (uint32_t)b->questions[i].count,
                                   .out = b->out + i * b->args.rows};
  must(sol_slater_decode(b->slater, plan, b->users, b->n), "decode");
}

static double median(bench *b, void (*run)(bench *, const sol_slate_plan *), const sol_slate_plan *plan) {
  size_t calls = b->n >= 256 ? b->args.calls / 10 + 1 : b->args.calls;
  for (size_t i = 0; i < calls + 3; i++) {
    double began = now_us();
    run(b, plan);
    if (i >= 3) b->us[i - 3] = now_us() - began;
  }
  qsort(b->us, calls, sizeof *b->us, bench_by_size);
  return b->us[calls / 2];
}

/* ---- Tables ---- */

/* Raster's: unguided, guided, guided with the prefill, drawn; and the device's decoding, unguided and guided. */
typedef struct times {
  double call[4], device[2];
} times;

static void print_parts(bench *b, const sol_grid_shape *shape, double raster[2]) {
  parts us;
  int steps = sol_grid_steps(shape);
  bench_time_parts(b, shape, &us);
  for (int g = 0; g < 2 && shape->order == SOL_ORDER_RASTER; g++) raster[g] = us.decoding[g];
  printf(
      "%23s device: scores %.1f; once %.1f, %.1f guided, of which start %.1f, %.1f; decoding %.1f, %.1f guided, %.2f a "
      "step; %.2f, %.2f x raster\n",
      "", us.scores, us.once[0], us.once[1], us.start[0], us.start[1], us.decoding[0], us.decoding[1],
      us.decoding[1] / steps, raster[0] / us.decoding[0], raster[1] / us.decoding[1]);
  printf("%23s trie, filter, choice in a step: %.2f, %.2f guided alone; with less without %.2f, %.2f guided\n", "",
         us.choice[0] / steps, us.choice[1] / steps, (us.decoding[0] - us.plain[0]) / steps,
         (us.decoding[1] - us.plain[1]) / steps);
}

/* Forwards of the last call, of a user. */
static double forwards(const bench *b) {
  double all = 0;
  for (size_t i = 0; i < b->n; i++) all += b->users[i].forwards;
  return all / (double)b->n;
}

static void time_order(bench *b, const char *name, sol_order order, int32_t window, int adaptive, times *raster) {
  sol_slate_plan plan = {.order = order,
                         .window = window,
                         .adaptive = adaptive,
                         .rows = b->args.rows,
                         .how = {0, 0, 1},
                         .run = (sol_slate_run)b->args.run};
  double prefill = median(b, ask, &plan), us[4];
  us[0] = median(b, decode, &plan);
  plan.how.guide = 0.9f;
  us[1] = median(b, decode, &plan);
  us[2] = prefill + us[1];
  double passes = forwards(b);
  plan.how.temperature = 1;
  us[3] = b->n == 1 ? median(b, decode, &plan) : 0;
  for (int g = 0; g < 4 && order == SOL_ORDER_RASTER; g++) raster->call[g] = us[g];
  sol_grid_shape shape = sol_decoder_shape(sol_model_config(b->model), order, window, b->args.rows);
  printf("%-12s %6zu %9.4g %11.1f %12.1f %12.1f %12.1f %12.1f %12.0f %8.2f %8.2f %8.2f %8.2f\n", name, b->n, passes,
         prefill, us[0], us[1], us[2], us[3], (double)b->n * 1e6 / us[2], raster->call[0] / us[0],
         raster->call[1] / us[1], raster->call[2] / us[2], us[3] > 0 ? raster->call[3] / us[3] : 0);
  if (b->be->ops->records && !adaptive && b->n <= 64) print_parts(b, &shape, raster->device);
  fflush(stdout);
}

static void time_batch(bench *b, size_t n) {
  times raster = {{0}, {0}};
  char name[24];
  b->n = n;
  for (int near = 0; near < 2; near++) {
    open_model(b, near);
    open_users(b);
    if (near) time_order(b, "near-to-far", SOL_ORDER_NEAR, 0, 0, &raster);
    if (!near) time_order(b, "raster", SOL_ORDER_RASTER, 0, 0, &raster);
    for (int32_t s = 3; s > 0 && !near; s--) {
      snprintf(name, sizeof name, "zipar:%d", s);
      time_order(b, name, SOL_ORDER_ZIPAR, s, 0, &raster);
    }
    for (int32_t s = 2; s > 0 && !near && n == 1; s--) {
      snprintf(name, sizeof name, "adaptive:%d", s);
      time_order(b, name, SOL_ORDER_ZIPAR, s, 1, &raster);
    }
    close_all(b);
  }
}

static arguments read_arguments(int argc, char **argv) {
  arguments a = {.device = "cpu", .threads = 1, .items = 12101, .width = 64, .blocks = 2, .rows = 10, .calls = 200};
  const struct {
    const char *name;
    uint32_t *to;
  } numbers[] = {{"--threads", &a.threads}, {"--items", &a.items}, {"--width", &a.width}, {"--blocks", &a.blocks},
                 {"--rows", &a.rows},       {"--calls", &a.calls}, {"--batch", &a.batch}, {"--run", &a.run}};
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
  if (!a.calls || !a.rows || a.rows > a.items) die("--calls, --rows", "1 or more, and no more than there are items");
  return a;
}

int main(int argc, char **argv) {
  static const size_t sizes[] = {1, 64, 1024};
  bench b = {.args = read_arguments(argc, argv)};
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = b.args.device, options.threads = (int32_t)b.args.threads;
  must(solid_context_new(&b.ctx, &options), "context");
  b.us = room(b.args.calls, sizeof(double));
  printf("%s, V %u, d %u, %u + 1 blocks, slates of %u x 4; microseconds a call\n", b.args.device, b.args.items,
         b.args.width, b.args.blocks, b.args.rows);
  printf("order             B  forwards     prefill    unguided       guided     together        drawn     slates/s "
         "x raster   guided together    drawn\n");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (b.args.batch && i > 0) break;
    time_batch(&b, b.args.batch ? b.args.batch : sizes[i]);
  }
  free(b.us);
  solid_context_free(b.ctx);
  return 0;
}
