/* Times solid_recommend, one query at a time on one core, over the memory store and over Redis on loopback.
 *
 *   bench_serve [--model FILE --data FILE] [--steps N] [--rank R] [--redis HOST:PORT | --no-redis] [--queries N] [--k
 * K]
 *               [--json]
 *
 * Without a model: random weights in the shapes of the Amazon Beauty model and users with windows of --steps items.
 * With one: users and items come from the data file. Without --redis a redis-server is started and stopped.
 *
 *   warm     window and parameters of the same age are cached         newer    the window has one more item than those
 *   cold     a window alone: generate, answer, put back               unknown  nothing is stored: popularity */
#define BENCH "bench_serve"
#include "ingest/data_file.h"
#include "solid/model/model_parts.h"
#include "solid/solid.h"
#include "store/memory_store.h"
#include "tests/bench/bench.h"
#include "tests/support/redis_server.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#ifdef BENCH_REDIS
#include "store/redis_store.h"
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct arguments {
  const char *model, *data, *redis;
  uint32_t steps, rank, k;
  size_t queries;
  int no_redis, json;
} arguments;

typedef struct person {
  char *name;
  uint32_t *items; /* dense, oldest first */
  size_t count;
} person;

typedef struct bench {
  arguments args;
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  person *people; /* users with at least one item that the model knows */
  size_t n_people, room;
  double *us; /* latencies of one case */
  solid_scored *out;
  int printed;
} bench;

/* Processor time of this process. */
static double cpu_us(void) {
  struct rusage used;
  if (getrusage(RUSAGE_SELF, &used)) die("getrusage", "failed");
  return 1e6 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* ---- Model and users ---- */

static void make_model(bench *b) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, b->args.rank);
  config.items = 12101, config.width = 64, config.window = 50;
  config.blocks = 1, config.heads = 1, config.levels = 3, config.codes = 256;
  must(solid_context_new(&b->ctx, NULL), "context");
  if (b->args.model)
    must(solid_model_load(&b->model, b->ctx, b->args.model), "model");
  else
    b->model = tiny_model(b->ctx, &config, 1);
  b->info.struct_size = sizeof b->info;
  must(solid_model_get_info(b->model, &b->info), "model");
}

static person *add_person(bench *b, solid_bytes name) {
  if (b->n_people == b->room) {
    b->room = b->room ? 2 * b->room : 1024;
    b->people = must_have(realloc(b->people, b->room * sizeof *b->people));
  }
  person *p = &b->people[b->n_people++];
  *p = (person){.name = must_have(calloc(1, name.size + 1))};
  memcpy(p->name, name.data, name.size);
  return p;
}

static void add_item(person *p, uint32_t item) {
  p->items = must_have(realloc(p->items, (p->count + 1) * sizeof *p->items));
  p->items[p->count++] = item;
}

/* Each user's events come side by side in files of histories; a user who comes back later counts as another one. */
static solid_status take_events(void *context, const solid_event *events, const double *ratings, size_t count) {
  bench *b = context;
  (void)ratings;
  for (size_t i = 0; i < count; i++) {
    uint32_t item = solid_model_item_index(b->model, events[i].item);
    person *p = b->n_people ? &b->people[b->n_people - 1] : NULL;
    if (item == SOLID_NO_ITEM) continue;
    if (!p || strlen(p->name) != events[i].user.size || memcmp(p->name, events[i].user.data, events[i].user.size) != 0)
      p = add_person(b, events[i].user);
    add_item(p, item);
  }
  return SOLID_OK;
}

static void make_people(bench *b) {
  if (b->args.data) {
    solid_data_file *file = NULL;
    must(solid_data_file_open(&file, b->args.data, NULL), "data");
    must(solid_data_file_read(file, take_events, b), "data");
    solid_data_file_close(file);
    if (!b->n_people) die(b->args.data, "no event of an item that the model knows");
    return;
  }
  seed_rng rng = seed_start(1);
  for (size_t i = 0; i < 20000; i++) {
    char name[32];
    person *p = add_person(b, (solid_bytes){name, (size_t)snprintf(name, sizeof name, "user-%zu", i)});
    for (uint32_t s = 0; s < b->args.steps; s++) add_item(p, (uint32_t)seed_below(&rng, (int32_t)b->info.items));
  }
}

/* ---- Stores ---- */

static solid_store *open_memory(const bench *b) {
  solid_store *store = NULL;
  must(solid_store_open_memory(&store, b->model, NULL), "memory store");
  return store;
}

static solid_store *open_redis(const bench *b, const char *host, uint32_t port, const char *prefix) {
  solid_store *store = NULL;
#ifdef BENCH_REDIS
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.host = host, options.port = port, options.prefix = prefix, options.ttl_ms = 600000;
  must(solid_store_open_redis(&store, b->model, &options), "redis store");
#else
  (void)b, (void)host, (void)port, (void)prefix;
#endif
  return store;
}

static solid_event event_of(const bench *b, const person *p, size_t i) {
  return (solid_event){.user = {p->name, strlen(p->name)}, .item = solid_model_item_id(b->model, p->items[i])};
}

/* The user's items first .. count into the window alone. */
static void append(const bench *b, solid_store *store, const person *p, size_t first) {
  solid_step steps[64], *room = must_have(malloc(b->info.window * sizeof *room));
  solid_position positions[64] = {{0, 0}}; /* of no stream */
  for (size_t at = first; at < p->count;) {
    size_t n = 0;
    for (; n < 64 && at < p->count; n++, at++)
      steps[n] = (solid_step){solid_item_hash(solid_model_item_id(b->model, p->items[at])), 0};
    solid_append add = {.user = {p->name, strlen(p->name)}, .steps = steps, .positions = positions, .count = n};
    solid_window window = {.steps = room};
    solid_status of_user;
    must(store->ops->advance(store, &add, 1, &window, NULL, &of_user), "advance");
  }
  free(room);
}

/* Windows and parameters of the first n users, all but each one's newest item. */
static void push(const bench *b, solid_store *store, size_t n) {
  solid_pipeline *pipeline = NULL;
  must(solid_pipeline_new(&pipeline, b->model, store, NULL), "pipeline");
  solid_event *events = NULL;
  size_t pending = 0;
  for (size_t u = 0; u < n; u++) {
    const person *p = &b->people[u];
    size_t count = p->count > 1 ? p->count - 1 : 1;
    events = must_have(realloc(events, (pending + count) * sizeof *events));
    for (size_t i = 0; i < count; i++) events[pending++] = event_of(b, p, i);
    if (u % 256 < 255 && u + 1 < n) continue;
    must(solid_pipeline_push(pipeline, events, pending, NULL), "push");
    pending = 0;
  }
  free(events);
  solid_pipeline_free(pipeline);
}

/* ---- Cases ---- */

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void report(bench *b, const char *store, const char *name, size_t n, double cpu) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += b->us[i];
  qsort(b->us, n, sizeof *b->us, by_size);
  double p50 = b->us[n / 2], p99 = b->us[n * 99 / 100], mean = sum / (double)n;
  if (b->args.json)
    printf("%s\n  {\"store\": \"%s\", \"case\": \"%s\", \"queries\": %zu, \"mean_us\": %.1f, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"max_us\": %.1f, \"qps\": %.0f, \"cpu_us\": %.1f}",
           b->printed++ ? "," : "[", store, name, n, mean, p50, p99, b->us[n - 1], 1e6 / mean, cpu);
  else
    printf("%-7s %-8s %8zu %9.1f %9.1f %9.1f %9.1f %9.0f %9.1f\n", store, name, n, mean, p50, p99, b->us[n - 1],
           1e6 / mean, cpu);
  fflush(stdout);
}

static void run(bench *b, solid_store *store, const char *name, size_t n, int known, solid_source source) {
  solid_recommender *rec = NULL;
  must(solid_recommender_new(&rec, b->model, store, NULL), "recommender");
  solid_query query = SOLID_QUERY_INIT;
  query.k = b->args.k;
  solid_answer answer = {.struct_size = sizeof answer};
  size_t wrong = 0;
  double cpu_before = cpu_us();
  for (size_t i = 0; i < n; i++) {
    char stranger[32];
    size_t size = (size_t)snprintf(stranger, sizeof stranger, "stranger-%zu", i);
    solid_bytes user =
        known ? (solid_bytes){b->people[i].name, strlen(b->people[i].name)} : (solid_bytes){stranger, size};
    double began = now_us();
    must(solid_recommend(rec, user, &query, b->out, &answer), name);
    b->us[i] = now_us() - began;
    wrong += answer.source != source;
  }
  report(b, store->ops->name, name, n, (cpu_us() - cpu_before) / (double)n);
  if (wrong)
    fprintf(stderr, "bench_serve: %s: %zu of %zu answers did not come from %s\n", name, wrong, n,
            solid_source_name(source));
  solid_recommender_free(rec);
}

static void run_store(bench *b, solid_store *warm, solid_store *cold) {
  size_t n = b->n_people < b->args.queries ? b->n_people : b->args.queries;
  push(b, warm, n);
  run(b, warm, "warm", n, 1, SOLID_FROM_CACHE);
  for (size_t u = 0; u < n; u++) append(b, warm, &b->people[u], b->people[u].count - 1);
  run(b, warm, "newer", n, 1, SOLID_FROM_CACHE_FRESH);
  for (size_t u = 0; u < n; u++) append(b, cold, &b->people[u], 0);
  run(b, cold, "cold", n, 1, SOLID_FROM_GENERATION);
  run(b, warm, "unknown", n, 0, SOLID_FROM_POPULARITY);
  solid_store_close(warm);
  solid_store_close(cold);
}

static void run_redis(bench *b) {
  redis_server server = {0};
  char host[256] = "127.0.0.1";
  uint32_t port;
  if (b->args.redis) {
    const char *colon = strrchr(b->args.redis, ':');
    if (!colon || (size_t)(colon - b->args.redis) >= sizeof host) die("--redis", "wants HOST:PORT");
    snprintf(host, sizeof host, "%.*s", (int)(colon - b->args.redis), b->args.redis);
    port = (uint32_t)strtoul(colon + 1, NULL, 10);
  } else {
    if (!redis_server_installed() || redis_server_start(&server, 0, NULL)) die("redis", "no redis-server to start");
    port = server.port;
  }
  run_store(b, open_redis(b, host, port, "bench-warm:"), open_redis(b, host, port, "bench-cold:"));
  if (server.port) redis_server_stop(&server);
}

static arguments read_arguments(int argc, char **argv) {
  arguments a = {.steps = 9, .k = 10, .queries = 5000};
  for (int i = 1; i < argc; i++) {
    const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(name, "--json") == 0)
      a.json = 1;
    else if (strcmp(name, "--no-redis") == 0)
      a.no_redis = 1;
    else if (!value)
      die(name, "unknown option, or its value is missing");
    else if (strcmp(name, "--model") == 0)
      a.model = argv[++i];
    else if (strcmp(name, "--data") == 0)
      a.data = argv[++i];
    else if (strcmp(name, "--redis") == 0)
      a.redis = argv[++i];
    else if (strcmp(name, "--steps") == 0)
      a.steps = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(name, "--rank") == 0)
      a.rank = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(name, "--k") == 0)
      a.k = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(name, "--queries") == 0)
      a.queries = strtoul(argv[++i], NULL, 10);
    else
      die(name, "unknown option");
  }
  if (!a.data != !a.model) die("--model, --data", "only together");
  if (!a.steps || !a.queries) die("--steps, --queries", "1 or more");
  return a;
}

int main(int argc, char **argv) {
  bench b = {.args = read_arguments(argc, argv)};
  make_model(&b);
  make_people(&b);
  b.us = must_have(malloc(b.args.queries * sizeof *b.us));
  b.out = must_have(malloc((b.args.k + 1) * sizeof *b.out));
  double steps = 0;
  for (size_t u = 0; u < b.n_people; u++) steps += (double)b.people[u].count / (double)b.n_people;
  fprintf(stderr, "%s head, V %u, d %u, L %u, %u blocks, P %u; %zu users with %.1f items on average; microseconds\n",
          solid_head_name(b.info.head), b.info.items, b.info.width, b.info.window, b.info.blocks, b.info.params,
          b.n_people, steps);
  if (!b.args.json) printf("store   case      queries      mean       p50       p99       max       qps       cpu\n");
  run_store(&b, open_memory(&b), open_memory(&b));
#ifdef BENCH_REDIS
  if (!b.args.no_redis) run_redis(&b);
#else
  (void)run_redis;
#endif
  if (b.args.json) printf("\n]\n");
  for (size_t u = 0; u < b.n_people; u++) free(b.people[u].name), free(b.people[u].items);
  free(b.people);
  free(b.us);
  free(b.out);
  solid_model_free(b.model);
  solid_context_free(b.ctx);
  return 0;
}
