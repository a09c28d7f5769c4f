/* Attention over one long history on any back end: dense, and by the lists that select makes, which are timed too.
 *
 *   bench_long [--backend cpu] [--threads N] [--events N] [--users N] [--heads H] [--dh D] [--budget B] [--p P]
 *              [--recent R] [--stride S] [--bf16 1]
 *
 * Keys lie round 20 directions, and a query asks for that of its user session's. Prints milliseconds, the density that
 * the lists come to (pairs over n (n + 1) / 2), and what selection takes of the sparse time. Timings are no verdicts.
 */
#include "kernels/backend.h"
#include "tests/support/seed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK  512
#define GROUPS 20
#define TIMES  5

typedef struct bench {
  const sk_backend_ops *ops;
  sk_backend *be;
  int threads, events, users, heads, dh, budget, recent, stride, bf16;
  double p;
  sk_attend_args dense, sparse;
  sk_attend_backward_args dense_back, sparse_back;
  sk_select_args select;
} bench;

static void die(const char *what, const char *why) {
  fprintf(stderr, "bench_long: %s: %s\n", what, why);
  exit(1);
}

static void must(bench *b, solid_status status, const char *what) {
  if (status != SOLID_OK) die(what, b->be->err);
}

static void *host_memory(size_t bytes) {
  void *memory = malloc(bytes > 0 ? bytes : 1);
  if (!memory) die("malloc", "out of memory");
  return memory;
}

static void *device(bench *b, const void *host, size_t bytes) {
  void *memory = NULL;
  must(b, b->ops->alloc(b->be, &memory, bytes), "alloc");
  if (host) must(b, b->ops->upload(b->be, memory, host, bytes), "upload");
  must(b, b->ops->sync(b->be), "sync");
  return memory;
}

static float *draw_rows(bench *b) {
  size_t d = (size_t)(b->heads * b->dh), rows = (size_t)(b->users * b->events);
  seed_rng rng = seed_start(81);
  float *x = host_memory(rows * 3 * d * sizeof *x), *centres = host_memory(GROUPS * d * sizeof *centres);
  seed_fill_normal(&rng, centres, GROUPS * d, 1.0f);
  seed_fill_normal(&rng, x, rows * 3 * d, 0.7f);
  int32_t group = 0;
  for (size_t row = 0; row < rows; row++) {
    if (seed_below(&rng, 12) == 0) group = seed_below(&rng, GROUPS);
    for (size_t c = 0; c < d; c++) {
      x[row * 3 * d + c] += 1.2f * centres[(size_t)group * d + c];
      x[row * 3 * d + d + c] += centres[(size_t)group * d + c];
    }
  }
  free(centres);
  return x;
}

static void set_lists(bench *b) {
  int32_t chunks = b->events / CHUNK, windows = b->users * chunks;
  sk_select_rule rule = {.chunk = CHUNK, .sink = 4, .window = 64, .budget = b->budget};
  rule.p = (float)b->p, rule.recent = b->recent, rule.stride = b->stride;
  int32_t *offsets = host_memory((size_t)(windows + 1) * 4), *begin = host_memory((size_t)(windows + 1) * 4);
  int32_t *histories = host_memory((size_t)(b->users + 1) * 4), *rows = host_memory((size_t)(b->users + 1) * 4);
  for (int32_t w = 0; w <= windows; w++) offsets[w] = w * CHUNK, begin[w] = w * sk_select_room(&rule);
  for (int32_t u = 0; u <= b->users; u++) histories[u] = u * chunks, rows[u] = u * b->events;
  sk_attend_pairs dense = {.windows = b->users, .heads = b->heads, .dh = b->dh};
  dense.q_rows = dense.kv_rows = b->users * b->events;
  dense.max_queries = dense.max_keys = b->events;
  dense.kv_offsets = device(b, rows, (size_t)(b->users + 1) * 4);
  b->select = (sk_select_args){.rule = rule, .histories = b->users, .windows = windows, .heads = b->heads, .dh = b->dh};
  b->select.max_chunks = chunks;
  b->select.chunk_offsets = device(b, histories, (size_t)(b->users + 1) * 4);
  b->select.q_offsets = device(b, offsets, (size_t)(windows + 1) * 4);
  b->select.begin = device(b, begin, (size_t)(windows + 1) * 4);
  b->select.list_stride = begin[windows];
  b->select.rows = device(b, NULL, (size_t)begin[windows] * (size_t)b->heads * 4);
  b->select.count = device(b, NULL, (size_t)windows * (size_t)b->heads * 4);
  sk_attend_pairs sparse = dense;
  sparse.windows = windows, sparse.max_queries = CHUNK, sparse.max_keys = sk_select_room(&rule);
  sparse.q_offsets = b->select.q_offsets, sparse.kv_offsets = NULL;
  sparse.kept = (sk_attend_list){b->select.rows, b->select.begin, b->select.count, b->select.list_stride};
  b->dense.pairs = dense, b->sparse.pairs = sparse;
  free(offsets), free(begin), free(histories), free(rows);
}

static void set_arrays(bench *b) {
  size_t d = (size_t)(b->heads * b->dh), rows = (size_t)(b->users * b->events);
  float *host = draw_rows(b), *qkv = device(b, host, rows * 3 * d * sizeof *host);
  sk_attend_args *a[] = {&b->dense, &b->sparse};
  sk_attend_backward_args *g[] = {&b->dense_back, &b->sparse_back};
  float *dqkv = device(b, NULL, rows * 3 * d * sizeof *host);
  for (int i = 0; i < 2; i++) {
    a[i]->q = qkv, a[i]->k = qkv + d, a[i]->v = qkv + 2 * d, a[i]->q_stride = a[i]->kv_stride = (int32_t)(3 * d);
    a[i]->precision = b->bf16 ? SK_ATTEND_BF16 : SK_ATTEND_FP32;
    a[i]->out = device(b, NULL, rows * d * sizeof *host);
    a[i]->lse = device(b, NULL, rows * (size_t)b->heads * sizeof *host);
    *g[i] = (sk_attend_backward_args){.pairs = a[i]->pairs, .q = a[i]->q, .k = a[i]->k, .v = a[i]->v};
    g[i]->q_stride = g[i]->kv_stride = g[i]->dq_stride = g[i]->dkv_stride = a[i]->q_stride;
    g[i]->precision = a[i]->precision, g[i]->out = a[i]->out, g[i]->lse = a[i]->lse, g[i]->dout = a[i]->out;
    g[i]->dq = dqkv, g[i]->dk = dqkv + d, g[i]->dv = dqkv + 2 * d;
  }
  b->select.q = qkv, b->select.k = qkv + d, b->select.q_stride = b->select.kv_stride = (int32_t)(3 * d);
  free(host);
}

static solid_status run_dense(void *user) {
  bench *b = user;
  return b->ops->attend(b->be, &b->dense);
}
static solid_status run_sparse(void *user) {
  bench *b = user;
  return b->ops->attend(b->be, &b->sparse);
}
static solid_status run_dense_back(void *user) {
  bench *b = user;
  return b->ops->attend_backward(b->be, &b->dense_back);
}
static solid_status run_sparse_back(void *user) {
  bench *b = user;
  return b->ops->attend_backward(b->be, &b->sparse_back);
}
static solid_status run_select(void *user) {
  bench *b = user;
  return b->ops->select(b->be, &b->select);
}

static int by_size(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return a < b ? -1 : a > b;
}

/* Milliseconds, the median of some runs. */
static double measure(bench *b, sk_body body) {
  double times[TIMES];
  sk_graph *graph = NULL;
  for (int i = -2; i < TIMES; i++) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    must(b, b->ops->replay(b->be, &graph, body, b), "run");
    must(b, b->ops->sync(b->be), "sync");
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (i >= 0) times[i] = 1e3 * (double)(end.tv_sec - start.tv_sec) + 1e-6 * (double)(end.tv_nsec - start.tv_nsec);
  }
  b->ops->forget(b->be, graph);
  qsort(times, TIMES, sizeof *times, by_size);
  return times[TIMES / 2];
}

static double density(bench *b) {
  size_t n = (size_t)b->select.windows * (size_t)b->heads;
  int32_t *count = host_memory(n * sizeof *count);
  double pairs = 0;
  must(b, b->ops->download(b->be, count, b->select.count, n * sizeof *count), "download");
  must(b, b->ops->sync(b->be), "sync");
  for (size_t i = 0; i < n; i++) pairs += (double)CHUNK * (count[i] - CHUNK) + 0.5 * CHUNK * (CHUNK + 1.0);
  free(count);
  return pairs / (0.5 * b->events * (b->events + 1.0) * b->users * b->heads);
}

static void read_options(bench *b, const char **backend, int argc, char **argv) {
  const struct {
    const char *name;
    int *to;
  } numbers[] = {{"--threads", &b->threads}, {"--events", &b->events}, {"--users", &b->users},
                 {"--heads", &b->heads},     {"--dh", &b->dh},         {"--budget", &b->budget},
                 {"--bf16", &b->bf16},       {"--recent", &b->recent}, {"--stride", &b->stride}};
  for (int i = 1; i < argc; i += 2) {
    int known = i + 1 < argc && (strcmp(argv[i], "--backend") == 0 || strcmp(argv[i], "--p") == 0);
    if (known && argv[i][2] == 'b') *backend = argv[i + 1];
    if (known && argv[i][2] == 'p') b->p = atof(argv[i + 1]);
    for (size_t k = 0; i + 1 < argc && k < sizeof numbers / sizeof numbers[0]; k++)
      if (strcmp(argv[i], numbers[k].name) == 0) *numbers[k].to = atoi(argv[i + 1]), known = 1;
    if (!known) die(argv[i], "unknown, see the head of bench_long.c");
  }
  b->events = b->events / CHUNK * CHUNK;
  if (b->events < CHUNK || b->users < 1 || b->heads < 1 || b->dh < 1) die("sizes", "at least 512 events of one user");
}

int main(int argc, char **argv) {
  bench b = {.threads = 1, .events = 10240, .users = 1, .heads = 2, .dh = 32, .budget = 1024, .p = 0.95};
  b.recent = 32, b.stride = 16;
  const char *backend = "cpu";
  char why[160] = "not compiled in";
  read_options(&b, &backend, argc, argv);
  b.ops = sk_backend_find(backend);
  if (!b.ops || b.ops->open(&b.be, &(sk_options){.threads = b.threads, .why = why, .why_size = sizeof why}) != SOLID_OK)
    die(backend, why);
  set_lists(&b);
  set_arrays(&b);
  double select = measure(&b, run_select), dense = measure(&b, run_dense), sparse = measure(&b, run_sparse);
  double dense_back = measure(&b, run_dense_back), sparse_back = measure(&b, run_sparse_back);
  printf("%s, %d threads, %d users of %d events, %d heads of %d, budget %d, p %.2f: density %.4f\n", backend, b.threads,
         b.users, b.events, b.heads, b.dh, b.budget, b.p, density(&b));
  printf("dense    forward %10.3f ms  backward %10.3f ms\n", dense, dense_back);
  printf("sparse   forward %10.3f ms  backward %10.3f ms  select %10.3f ms\n", sparse, sparse_back, select);
  printf("faster   forward %10.2f x   both     %10.2f x   selection's share forward %.0f %%\n",
         dense / (sparse + select), (dense + dense_back) / (sparse + select + sparse_back),
         100 * select / (sparse + select));
  b.ops->close(b.be);
  return 0;
}
