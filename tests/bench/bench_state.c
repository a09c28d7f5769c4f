/* What an attention state costs and saves: bytes against the keys and values of all blocks, an event appended against
 * the history encoded anew, a prefill against our dense encoder, and reading and writing a state.
 *
 *   bench_state [--device cpu|cuda] [--threads N] [--width D] [--heads H] [--blocks N] [--users B] [--events N]
 *               [--budget K] [--below N] [--rows N] [--sharp X] [--only 1]
 *
 * The model is drawn, with the lists of solid_train's defaults; queries and keys are X times as large as drawn, because
 * flat attention fills the whole budget. --rows: in flight; a chunk of 512 at a time where there are fewer than 1,024.
 * --only 1 leaves out the dense side. Milliseconds at the median. On the CPU the
 * dense side of the first ratio is what a history takes at half the rate of a large product of floats. */
#include "solid/base/values.h"
#include "solid/infer/state/image.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/solid.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <math.h>
#include <string.h>
#define BENCH "bench_state"
#include "tests/bench/bench.h"

enum { ITEMS = 10000, MOST_EVENTS = 100000, TIMES = 15, SIDE = 1024 };

typedef struct bench {
  uint32_t threads, width, heads, blocks, users, events, budget, below, rows, only;
  double sharp;
  const char *device;
  solid_context *ctx;
  solid_model *model, *dense;
  sk_backend *be;
  sol_states *states;
  uint32_t *items;
  sol_image image;
} bench;

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double median(double *ms, size_t n) {
  qsort(ms, n, sizeof *ms, by_size);
  return ms[n / 2];
}

static solid_model *draw_model(const bench *b, int sparse) {
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  sol_model_file file;
  sol_tensor tensors[SOL_MAX_TENSORS];
  solid_model *model = NULL;
  config.items = ITEMS, config.width = b->width, config.heads = b->heads, config.blocks = b->blocks;
  config.window = b->events > 131072 ? 131072 : b->events, config.generator_window = 256;
  config.positions = SOL_POSITIONS_ROTARY, config.turned = b->width / b->heads / 2;
  if (sparse) {
    config.attention = SOL_ATTENTION_SPARSE, config.select_chunk = 512, config.select_sink = 4;
    config.select_window = 64, config.select_recent = 32, config.select_stride = 16;
    config.select_budget = b->budget, config.select_dense_below = b->below, config.select_mass = 950;
  }
  tiny_model_file(&file, &config, 3);
  size_t n = sol_tensors_list(&config, tensors);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; strstr(tensors[i].name, "qkv.weight") && k < tensors[i].count * 2 / 3; k++)
      file.weights[tensors[i].offset + k] *= (float)b->sharp;
  must(sol_model_file_seal(&file), "model");
  must(sol_model_new(&model, b->ctx, &file), "model");
  return model;
}

static void wait_for(const bench *b) {
  must(b->be->ops->sync(b->be), "device");
}

/* Milliseconds of appending m events to each of the users. */
static double append_all(bench *b, size_t users, size_t from, size_t m) {
  sol_newer *newer = room(users, sizeof *newer);
  const float *h;
  for (size_t u = 0; u < users; u++) newer[u] = (sol_newer){u, b->items + (u * 37 + from) % b->events, m};
  double began = now_us();
  must(sol_states_append(b->states, newer, users, &h), "append");
  wait_for(b);
  free(newer);
  return 1e-3 * (now_us() - began);
}

static void clear_all(bench *b) {
  for (size_t u = 0; u < b->users; u++) sol_states_clear(b->states, u);
}

/* ---- Bytes ---- */

static void print_bytes(bench *b, size_t events) {
  const uint32_t *kept;
  double full = (double)events * b->blocks * 2 * b->width * 2;
  clear_all(b);
  append_all(b, 1, 0, events);
  printf("  %7zu events, %zu kept: keys and values of all blocks in f16 %9.0f kB, pages alone %6.0f kB\n", events,
         sol_states_kept(b->states, 0, b->blocks - 1, 0, &kept), full / 1e3, (double)events * 16 / 1e3);
  for (int element = SOL_VALUES_F16; element <= SOL_VALUES_I8; element++) {
    size_t bytes = 0, changed = 0;
    must(sol_image_pack(b->states, 0, events, element, 0, &b->image), "pack");
    for (size_t i = 0; i < b->image.n; i++) bytes += b->image.parts[i].size;
    must(sol_image_pack(b->states, 0, events, element, events - 1, &b->image), "pack");
    for (size_t i = 0; i < b->image.n; i++) changed += b->image.parts[i].size;
    printf("           state in %s: stored and fetched %7.1f kB, %6.2f x fewer; written for an event %zu bytes\n",
           element == SOL_VALUES_F16 ? "f16" : "i8 ", (double)bytes / 1e3, full / (double)bytes, changed);
  }
}

static double difference(const float *x, const float *y, size_t n) {
  double most = 0, scale = 0;
  for (size_t i = 0; i < n; i++) {
    most = fmax(most, fabs((double)x[i] - (double)y[i]));
    scale = fmax(scale, fabs((double)y[i]));
  }
  return most / scale;
}

/* Time to write and read a state, and what its h loses. */
static void print_return(bench *b) {
  size_t d = b->width;
  float *want = room(d, sizeof *want), *got = room(d, sizeof *got);
  const float *h;
  for (int element = SOL_VALUES_F16; element <= SOL_VALUES_I8; element++) {
    double wrote[TIMES], change[TIMES], took[TIMES], lost = 0;
    uint64_t seq;
    for (int i = 0; i < TIMES; i++) {
      must(sol_image_pack(b->states, 0, 1, element, sol_states_events(b->states, 0) - 1, &b->image), "pack");
      double began = now_us();
      must(sol_image_pack(b->states, 0, 1, element, sol_states_events(b->states, 0) - 1, &b->image), "pack");
      change[i] = 1e-3 * (now_us() - began);
      began = now_us();
      must(sol_image_pack(b->states, 0, 1, element, 0, &b->image), "pack");
      wrote[i] = 1e-3 * (now_us() - began);
      began = now_us();
      must(sol_image_unpack(b->states, b->users, b->image.parts, b->image.n, &seq), "unpack");
      wait_for(b);
      took[i] = 1e-3 * (now_us() - began);
      must(sol_states_append(b->states, &(sol_newer){b->users, b->items + i, 1}, 1, &h), "append");
      must(b->be->ops->download(b->be, got, h, d * sizeof *got), "download"), wait_for(b);
      must(sol_states_append(b->states, &(sol_newer){0, b->items + i, 1}, 1, &h), "append");
      must(b->be->ops->download(b->be, want, h, d * sizeof *want), "download"), wait_for(b);
      lost = fmax(lost, difference(got, want, d));
    }
    printf(
        "  state in %s: all written %.3f ms, one event's parts %.3f ms, read %.3f ms; h of the next event differs by "
        "%.1e of its largest number\n",
        element == SOL_VALUES_F16 ? "f16" : "i8 ", median(wrote, TIMES), median(change, TIMES), median(took, TIMES),
        lost);
  }
  free(want), free(got);
}

/* ---- Time ---- */

/* Operations of a second, as a large product has them. */
static double product_rate(bench *b) {
  void *x, *w, *y;
  double ms[TIMES];
  size_t bytes = (size_t)SIDE * SIDE * sizeof(float);
  must(b->be->ops->alloc(b->be, &x, bytes), "memory"), must(b->be->ops->alloc(b->be, &w, bytes), "memory");
  must(b->be->ops->alloc(b->be, &y, bytes), "memory");
  must(b->be->ops->zero(b->be, x, bytes), "memory"), must(b->be->ops->zero(b->be, w, bytes), "memory");
  for (int i = 0; i < TIMES; i++) {
    double began = now_us();
    must(b->be->ops->linear(b->be, &(sk_linear_args){.n = SIDE, .in = SIDE, .out = SIDE, .x = x, .w = w, .y = y}),
         "product");
    wait_for(b);
    ms[i] = 1e-3 * (now_us() - began);
  }
  b->be->ops->free(b->be, x), b->be->ops->free(b->be, w), b->be->ops->free(b->be, y);
  return 2.0 * SIDE * SIDE * SIDE / (1e-3 * median(ms, TIMES));
}

/* Of a history encoded anew, densely, the last block for the newest row alone. */
static double dense_operations(const bench *b) {
  double N = b->events, d = b->width, last = 4 * N * d * d;
  return (b->blocks - 1) * (24 * N * d * d + 2 * N * N * d) + last;
}

/* Histories of all users through a worker. */
static double encode_all(bench *b, size_t users) {
  uint32_t *offsets = room(users + 1, sizeof *offsets), *items = room(users * b->events, sizeof *items);
  float *h = room(users * b->width, sizeof *h);
  double ms[3];
  solid_worker *worker = NULL;
  must(solid_worker_new(&worker, b->dense, users), "worker");
  for (size_t u = 0; u < users; u++) {
    offsets[u + 1] = (uint32_t)((u + 1) * b->events);
    memcpy(items + u * b->events, b->items, b->events * sizeof *items);
  }
  solid_windows windows = {users, offsets, items};
  for (int i = 0; i < 3; i++) {
    double began = now_us();
    must(solid_worker_encode(worker, &windows, h), "encode");
    ms[i] = 1e-3 * (now_us() - began);
  }
  solid_worker_free(worker);
  free(offsets), free(items), free(h);
  return median(ms, 3);
}

static void print_times(bench *b) {
  double one[TIMES], prefill[3];
  for (int i = 0; i < 3; i++) {
    clear_all(b);
    prefill[i] = append_all(b, 1, 0, b->events);
  }
  double single = median(prefill, 3);
  clear_all(b);
  double all = append_all(b, b->users, 0, b->events);
  append_all(b, b->users, b->events, 1);
  for (int i = 0; i < TIMES; i++) one[i] = append_all(b, b->users, b->events + 1 + (size_t)i, 1);
  double append = median(one, TIMES), rate = product_rate(b), half = 1e3 * dense_operations(b) / (rate / 2);
  printf("  an event appended at %u events, %u users at once: %.3f ms\n", b->events, b->users, append);
  printf("  a prefill of %u events: one user %.1f ms, %u users %.1f ms\n", b->events, single, b->users, all);
  printf("  a large product: %.1f billion operations a second; a history at half of that: %.1f ms, %.0f x an append of "
         "one user\n",
         1e-9 * rate, half, half * b->users / append);
  if (b->only) return;
  double dense_one = encode_all(b, 1), dense_all = b->users > 1 ? encode_all(b, b->users) : dense_one;
  printf("  encoded anew, densely: one user %.1f ms, %.2f x the prefill; %u users %.1f ms, %.1f x the append\n",
         dense_one, dense_one / single, b->users, dense_all, dense_all / append);
}

static void read_options(bench *b, int argc, char **argv) {
  struct {
    const char *name;
    uint32_t *to;
  } numbers[] = {{"--threads", &b->threads}, {"--width", &b->width}, {"--heads", &b->heads},
                 {"--blocks", &b->blocks},   {"--users", &b->users}, {"--events", &b->events},
                 {"--budget", &b->budget},   {"--below", &b->below}, {"--rows", &b->rows},
                 {"--only", &b->only}};
  for (int i = 1; i < argc; i += 2) {
    int known = i + 1 < argc && (strcmp(argv[i], "--device") == 0 || strcmp(argv[i], "--sharp") == 0);
    if (known && argv[i][2] == 'd') b->device = argv[i + 1];
    if (known && argv[i][2] == 's') b->sharp = atof(argv[i + 1]);
    for (size_t k = 0; i + 1 < argc && k < sizeof numbers / sizeof numbers[0]; k++)
      if (strcmp(argv[i], numbers[k].name) == 0) *numbers[k].to = (uint32_t)atoi(argv[i + 1]), known = 1;
    if (!known) die(argv[i], "unknown, see the head of bench_state.c");
  }
}

int main(int argc, char **argv) {
  bench b = {.threads = 1, .width = 64, .heads = 2, .blocks = 2, .users = 1, .events = 10000, .budget = 1024};
  b.below = 2048, b.sharp = 4, b.device = "cpu";
  read_options(&b, argc, argv);
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = b.device, options.threads = (int32_t)b.threads;
  if (strcmp(b.device, "cpu") != 0) options.precision = SOLID_PRECISION_TF32;
  must(solid_context_new(&b.ctx, &options), "context");
  b.model = draw_model(&b, 1), b.dense = draw_model(&b, 0);
  must(sol_backend_open(b.ctx, &b.be), "back end");
  size_t rows = b.rows ? b.rows : b.be->ops->records ? 16384 : 1024; /* as serving has them */
  rows = rows < b.users + 1 ? b.users + 1 : rows;
  must(sol_states_new(&b.states, b.model, b.be, b.users + 1, rows), "states");
  size_t drawn = MOST_EVENTS + 2 * (size_t)b.events;
  b.items = room(drawn, sizeof *b.items);
  seed_rng rng = seed_start(9);
  for (size_t i = 0; i < drawn; i++) b.items[i] = (uint32_t)seed_below(&rng, ITEMS);
  b.image.room = room(sol_image_room(b.states), 1), b.image.parts = room(sol_image_most(b.states), sizeof(sol_part));
  printf("%s, %u threads: width %u, %u heads, %u blocks, budget %u, everything below %u; a state's memory %.2f MB\n",
         b.device, b.threads, b.width, b.heads, b.blocks, b.budget, b.below,
         1e-6 * (double)(sol_states_bytes(b.model, 65, 65) - sol_states_bytes(b.model, 64, 65)));
  for (size_t events = 1000; events <= MOST_EVENTS; events *= 10) print_bytes(&b, events);
  print_times(&b);
  clear_all(&b);
  append_all(&b, 1, 0, b.events);
  print_return(&b);
  return 0;
}
