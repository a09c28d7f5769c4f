/* Events and questions of users with long histories: states in Redis on loopback (or the process's memory), and in the
 * writer's cache.
 *
 *   bench_state_serve [--users N] [--history N] [--events N] [--queries N] [--threads N] [--cache MB] [--batch N]
 *                     [--rank R] [--memory 1]
 *
 * The model is drawn: head solid, width 64, two heads and blocks, sparse attention with solid_train's defaults, 10,000
 * items. Histories are written as they are; the first event of each user makes the state. Then events of users by
 * chance, in batches: a second's worth is printed, with parameters made after every batch and without. Then questions
 * one by one, each after a click that the writer has not made parameters of. Timings are no verdicts. */
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/solid.h"
#include "store/memory_store.h"
#include "tests/support/redis_server.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#ifdef BENCH_REDIS
#include "store/redis_store.h"
#endif
#include <string.h>
#include <time.h>
#define BENCH "bench_state_serve"
#include "tests/bench/bench.h"

enum { ITEMS = 10000, WIDTH = 64, WINDOW = 16384, K = 20 };

typedef struct bench {
  uint32_t users, history, events, queries, threads, cache, batch, rank, memory;
  solid_context *ctx;
  solid_model *model;
  redis_server server;
  solid_store *store, *other; /* of the writer, of the reader */
  seed_rng rng;
  char (*names)[24];
  uint64_t offset;
} bench;

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void draw_model(bench *b) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, b->rank);
  sol_model_file file;
  config.items = ITEMS, config.width = WIDTH, config.heads = 2, config.blocks = 2, config.codes = 256;
  config.window = WINDOW, config.generator_window = 256, config.positions = SOL_POSITIONS_ROTARY, config.turned = 16;
  config.attention = SOL_ATTENTION_SPARSE, config.select_chunk = 512, config.select_sink = 4;
  config.select_window = 64, config.select_recent = 32, config.select_stride = 16;
  config.select_budget = 1024, config.select_dense_below = 2048, config.select_mass = 950;
  tiny_model_file(&file, &config, 3);
  must(sol_model_new(&b->model, b->ctx, &file), "model");
}

static solid_store *open_store(bench *b, solid_store *beside) {
  solid_store *store = NULL;
  solid_memory_store_options memory = SOLID_MEMORY_STORE_OPTIONS_INIT;
  memory.max_bytes = 0;
  if (b->memory && beside) must(solid_memory_store_share(&store, beside), "store");
  if (b->memory && !beside) must(solid_store_open_memory(&store, b->model, &memory), "store");
#ifdef BENCH_REDIS
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (!b->memory && !b->server.port && redis_server_start(&b->server, 0, NULL)) die("redis-server", "does not start");
  options.port = b->server.port;
  if (!b->memory) must(solid_store_open_redis(&store, b->model, &options), "store");
#endif
  if (!store) die("store", "built without Redis; use --memory 1");
  return store;
}

static solid_bytes user_of(const bench *b, size_t u) {
  return (solid_bytes){b->names[u], strlen(b->names[u])};
}

static uint64_t random_item(bench *b) {
  return solid_item_hash(solid_model_item_id(b->model, (uint32_t)seed_below(&b->rng, ITEMS)));
}

/* Steps straight into the store. */
static void write_steps(bench *b, size_t u, size_t n) {
  enum { PIECE = 2048 };
  static solid_step steps[PIECE], room[1];
  static solid_position positions[PIECE];
  for (size_t at = 0; at < n; at += PIECE) {
    size_t m = n - at < PIECE ? n - at : PIECE;
    for (size_t i = 0; i < m; i++) {
      steps[i] = (solid_step){random_item(b), 1700000000000};
      positions[i] = (solid_position){1, ++b->offset};
    }
    solid_append append = {.user = user_of(b, u), .steps = steps, .positions = positions, .count = m};
    solid_window window = {.steps = room, .most = 1};
    solid_status of_user;
    must(b->store->ops->advance(b->store, &append, 1, &window, NULL, &of_user), "advance");
    must(of_user, "advance");
  }
}

/* Pushes n events, of user `first` and those after it, or by chance; returns events a second. */
static double push(bench *b, solid_pipeline *pipeline, size_t n, int by_chance) {
  solid_event *events = room(b->batch, sizeof *events);
  double began = now_us();
  for (size_t at = 0; at < n;) {
    size_t m = n - at < b->batch ? n - at : b->batch;
    for (size_t i = 0; i < m; i++) {
      size_t u = by_chance ? (size_t)seed_below(&b->rng, (int32_t)b->users) : at + i;
      events[i] = (solid_event){.user = user_of(b, u),
                                .item = solid_model_item_id(b->model, (uint32_t)seed_below(&b->rng, ITEMS)),
                                .kind = {"view", 4},
                                .time_ms = 1700000000000,
                                .position = {1, ++b->offset}};
    }
    must(solid_pipeline_push(pipeline, events, m, NULL), "push");
    at += m;
  }
  free(events);
  return 1e6 * (double)n / (now_us() - began);
}

static void run_events(bench *b) {
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  solid_pipeline *pipeline = NULL;
  options.state_cache = (uint64_t)b->cache << 20;
  must(solid_pipeline_new(&pipeline, b->model, b->store, &options), "pipeline");
  double first = push(b, pipeline, b->users, 0);
  printf("  states made from the history: %.1f users/s\n", first);
  push(b, pipeline, b->batch, 1);
  double began = push(b, pipeline, b->events, 1);
  printf("  events, states and parameters written after every batch of %u: %.0f events/s\n", b->batch, began);
  solid_pipeline_free(pipeline);
}

/* Of this thread: on a machine that others use too it says more than the clock. */
static double cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void run_queries(bench *b, uint64_t refresh) {
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_recommender *rec = NULL;
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  solid_scored out[K];
  double *ms = room(b->queries, sizeof *ms), cpu = 0;
  size_t fresh = 0;
  options.max_batch = 1, options.refresh_events = refresh;
  must(solid_recommender_new(&rec, b->model, b->other, &options), "recommender");
  query.k = K;
  for (size_t i = 0; i < b->queries + 20; i++) {
    size_t u = (size_t)seed_below(&b->rng, (int32_t)b->users);
    write_steps(b, u, 1);
    double began = now_us(), cpu_began = cpu_us();
    must(solid_recommend(rec, user_of(b, u), &query, out, &answer), "recommend");
    if (i >= 20) ms[i - 20] = 1e-3 * (now_us() - began), cpu += cpu_us() - cpu_began;
    fresh += answer.source == SOLID_FROM_CACHE_FRESH;
  }
  qsort(ms, b->queries, sizeof *ms, by_size);
  printf("  a question behind a fresh click, %s: p50 %.2f ms, p99 %.2f ms, %.2f ms of the asking thread\n",
         fresh ? "under the stored parameters" : "parameters made anew", ms[b->queries / 2], ms[b->queries * 99 / 100],
         1e-3 * cpu / b->queries);
  solid_recommender_free(rec);
  free(ms);
}

static void read_options(bench *b, int argc, char **argv) {
  struct {
    const char *name;
    uint32_t *to;
  } numbers[] = {{"--users", &b->users},     {"--history", &b->history}, {"--events", &b->events},
                 {"--queries", &b->queries}, {"--threads", &b->threads}, {"--cache", &b->cache},
                 {"--batch", &b->batch},     {"--rank", &b->rank},       {"--memory", &b->memory}};
  for (int i = 1; i < argc; i += 2) {
    int known = 0;
    for (size_t k = 0; i + 1 < argc && k < sizeof numbers / sizeof numbers[0]; k++)
      if (strcmp(argv[i], numbers[k].name) == 0) *numbers[k].to = (uint32_t)atoi(argv[i + 1]), known = 1;
    if (!known) die(argv[i], "unknown, see the head of bench_state_serve.c");
  }
  if (!b->users || !b->queries || !b->batch) die("sizes", "none may be 0");
}

int main(int argc, char **argv) {
  bench b = {.users = 64, .history = 10000, .events = 4096, .queries = 400, .threads = 2, .cache = 512, .batch = 256};
  b.rank = 16, b.rng = seed_start(5);
  read_options(&b, argc, argv);
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)b.threads;
  must(solid_context_new(&b.ctx, &options), "context");
  draw_model(&b);
  b.store = open_store(&b, NULL), b.other = open_store(&b, b.store);
  b.names = room(b.users, sizeof *b.names);
  for (size_t u = 0; u < b.users; u++) {
    snprintf(b.names[u], sizeof b.names[u], "user-%zu", u);
    write_steps(&b, u, b.history);
  }
  printf("%s, %u threads, %u users of %u events, %u MB of states in memory, rank %u\n",
         b.memory ? "memory store" : "Redis on loopback", b.threads, b.users, b.history, b.cache, b.rank);
  run_events(&b);
  run_queries(&b, 0);
  run_queries(&b, 1);
  solid_store_close(b.other);
  solid_store_close(b.store);
  if (b.server.pid) redis_server_stop(&b.server);
  solid_model_free(b.model);
  solid_context_free(b.ctx);
  free(b.names);
  return 0;
}
