/* Times the writing side from events in memory to params in the memory store, batch by batch, on every device of this
 * build and machine side by side.
 *
 *   bench_pipeline [--devices cpu,cuda] [--threads N] [--rank R] [--steps N] [--users N] [--seconds S]
 *                  [--element f32|f16|i8] [--json]
 *
 * Random weights in the shapes of the Amazon Beauty model (V 12,101, d 64, L 50), layers of width R (default 32). Each
 * event is another user's, whose window holds --steps items before; a batch of B events is one call of
 * solid_pipeline_push: decode aside, everything that solid_ingestd does with it. Latency is that of the call: the first
 * event's params are in the store when it ends. Its mean is then split into windows (the store appends), params (the
 * worker encodes and generates), put (the store keeps them), the rest being grouping and packing. */
#define BENCH "bench_pipeline"
#include "solid/model/model_parts.h"
#include "solid/solid.h"
#include "store/memory_store.h"
#include "tests/bench/bench.h"
#include "tests/support/tiny_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CALLS = 20000, NAME = 16 };

static const uint32_t sizes[] = {1, 16, 64, 256, 1024, 4096};
enum { SIZES = sizeof sizes / sizeof *sizes };

typedef struct arguments {
  const char *devices;
  int32_t threads;
  uint32_t rank, steps, users;
  double seconds;
  solid_element element;
  int json;
} arguments;

typedef struct bench {
  arguments args;
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  char (*names)[NAME]; /* (users) */
  solid_event *events; /* a batch */
  double *us;          /* (MAX_CALLS) */
  uint64_t position;
  int printed;
} bench;

/* 0 where this build or machine has no such device. */
static int open_model(bench *b, const char *device) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, b->args.rank);
  config.items = 12101, config.width = 64, config.window = 50;
  config.blocks = 1, config.heads = 1, config.levels = 3, config.codes = 256;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = device;
  options.threads = b->args.threads;
  if (solid_context_new(&b->ctx, &options)) {
    fprintf(stderr, "bench_pipeline: %s\n", solid_last_error());
    return 0;
  }
  b->model = tiny_model(b->ctx, &config, 7);
  b->info.struct_size = sizeof b->info;
  must(solid_model_get_info(b->model, &b->info), "model");
  return 1;
}

static solid_store *open_store(const bench *b) {
  solid_store *store = NULL;
  must(solid_store_open_memory(&store, b->model, NULL), "store");
  return store;
}

/* The next event of user number `u`; items go round the catalogue. */
static solid_event next_event(bench *b, size_t u) {
  uint64_t n = b->position++;
  return (solid_event){.user = {b->names[u], strlen(b->names[u])},
                       .item = solid_model_item_id(b->model, (uint32_t)(n * 7919 % b->info.items)),
                       .kind = {"view", 4},
                       .time_ms = 1700000000000 + (int64_t)n,
                       .position = {1, n}};
}

/* Every user gets a window of `steps` items, without the cost of the model. */
static void fill(bench *b, solid_store *store) {
  solid_step *steps = must_have(calloc(b->args.steps + 1, sizeof *steps)), room[64];
  solid_position *positions = must_have(calloc(b->args.steps + 1, sizeof *positions));
  for (size_t u = 0; u < b->args.users; u++) {
    for (uint32_t i = 0; i < b->args.steps; i++) {
      solid_event event = next_event(b, u);
      steps[i] = (solid_step){solid_item_hash(event.item), event.time_ms};
      positions[i] = event.position;
    }
    solid_append append = {
        .user = {b->names[u], strlen(b->names[u])}, .steps = steps, .positions = positions, .count = b->args.steps};
    solid_window window = {.steps = room};
    solid_status of_user;
    must(store->ops->advance(store, &append, 1, &window, NULL, &of_user), "fill");
  }
  free(steps);
  free(positions);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print(bench *b, const char *device, uint32_t size, size_t calls, double seconds,
                  const solid_pipeline_stats *stats) {
  qsort(b->us, calls, sizeof *b->us, by_value);
  double users = (double)size * (double)calls / seconds, p50 = b->us[calls / 2], p99 = b->us[calls * 99 / 100];
  double per_call = 1e-3 / (double)stats->advances, windows = (double)stats->advance_ns * per_call;
  double params = (double)stats->generate_ns * per_call, put = (double)stats->put_ns * per_call;
  if (b->args.json)
    printf("%s{\"device\": \"%s\", \"batch\": %u, \"calls\": %zu, \"users_per_s\": %.0f, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"windows_us\": %.1f, \"params_us\": %.1f, \"put_us\": %.1f}",
           b->printed++ ? ",\n " : "[", device, size, calls, users, p50, p99, windows, params, put);
  else
    printf("%-8s %6u %8zu %12.0f %12.1f %12.1f %10.1f %10.1f %10.1f\n", device, size, calls, users, p50, p99, windows,
           params, put);
  fflush(stdout);
}

static void run_size(bench *b, const char *device, uint32_t size, solid_store *store) {
  solid_pipeline *pipeline = NULL;
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  options.max_batch = size;
  options.element = b->args.element;
  must(solid_pipeline_new(&pipeline, b->model, store, &options), "pipeline");
  size_t calls = 0, user = 0;
  double total = 0;
  for (int warm = 3; warm > 0 || (calls < MAX_CALLS && (calls < 5 || total < 1e6 * b->args.seconds)); warm--) {
    for (uint32_t i = 0; i < size; i++) b->events[i] = next_event(b, user++ % b->args.users);
    double start = now_us();
    must(solid_pipeline_push(pipeline, b->events, size, NULL), "push");
    double us = now_us() - start;
    if (warm > 0) continue;
    b->us[calls++] = us;
    total += us;
  }
  solid_pipeline_stats stats = {.struct_size = sizeof stats};
  must(solid_pipeline_get_stats(pipeline, &stats), "stats");
  print(b, device, size, calls, total / 1e6, &stats);
  solid_pipeline_free(pipeline);
}

static void run_device(bench *b, const char *device) {
  if (!open_model(b, device)) return;
  solid_store *store = open_store(b);
  b->position = 0;
  fill(b, store);
  for (int i = 0; i < SIZES; i++)
    if (sizes[i] <= b->args.users) run_size(b, device, sizes[i], store);
  solid_store_close(store);
  solid_model_free(b->model);
  solid_context_free(b->ctx);
}

static const char *const elements[] = {"f32", "f16", "i8"};

static solid_element element_of(const char *name) {
  for (int i = SOLID_F32; i <= SOLID_I8; i++)
    if (strcmp(name, elements[i]) == 0) return (solid_element)i;
  die(name, "no element type");
  return SOLID_F32;
}

static void read_arguments(arguments *args, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--json") == 0) {
      args->json = 1;
      continue;
    }
    if (strcmp(argv[i], "--devices") == 0)
      args->devices = value;
    else if (strcmp(argv[i], "--threads") == 0)
      args->threads = atoi(value);
    else if (strcmp(argv[i], "--rank") == 0)
      args->rank = (uint32_t)atoi(value);
    else if (strcmp(argv[i], "--steps") == 0)
      args->steps = (uint32_t)atoi(value);
    else if (strcmp(argv[i], "--users") == 0)
      args->users = (uint32_t)atoi(value);
    else if (strcmp(argv[i], "--seconds") == 0)
      args->seconds = atof(value);
    else if (strcmp(argv[i], "--element") == 0)
      args->element = element_of(value);
    else
      die(argv[i], "unknown argument; see the head of bench_pipeline.c");
    i++;
  }
  if (args->threads < 0 || args->rank > 64 || args->users == 0 || args->steps > 50) die("arguments", "out of range");
}

int main(int argc, char **argv) {
  bench b = {
      .args = {.devices = "cpu,cuda", .rank = 32, .steps = 20, .users = 16384, .seconds = 1, .element = SOLID_F16}};
  read_arguments(&b.args, argc, argv);
  b.names = must_have(calloc(b.args.users, sizeof *b.names));
  b.events = must_have(calloc(sizes[SIZES - 1], sizeof *b.events));
  b.us = must_have(calloc(MAX_CALLS, sizeof *b.us));
  for (uint32_t u = 0; u < b.args.users; u++) snprintf(b.names[u], NAME, "user-%u", u);
  char devices[64];
  snprintf(devices, sizeof devices, "%s", b.args.devices);
  if (!b.args.json)
    printf("V 12101, d 64, L 50, layers of %u, %u items a window, kept as %s, %d threads (0 = all)\n%-8s %6s %8s %12s "
           "%12s %12s %10s %10s %10s\n",
           b.args.rank ? b.args.rank : 64, b.args.steps, elements[b.args.element], b.args.threads, "device", "batch",
           "calls", "users/s", "p50 us", "p99 us", "windows us", "params us", "put us");
  for (char *left = devices, *device; (device = strtok_r(left, ",", &left));) run_device(&b, device);
  if (b.args.json) printf("%s]\n", b.printed ? "" : "[");
  free(b.names);
  free(b.events);
  free(b.us);
  return 0;
}
