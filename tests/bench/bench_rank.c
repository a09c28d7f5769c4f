/* Times ranking on a CPU with a scout (kernels/scout.h) beside scoring all items in FP32, in turn, one question each.
 *
 *   bench_rank [--items FILE | --random V] [--users FILE] [--width D] [--spread V] [--k K] [--batch B] [--threads N]
 *              [--calls N] [--only fp32|scout|approximate]
 *
 * FILE: raw floats, rows of D. --random: V normal rows, and normal users. --spread V: V rows made of those of --items,
 * each one of them, chosen at random, plus a normal draw with the covariance of (row - its nearest neighbour): the
 * spectrum and the clusters of a trained catalogue in a larger one. What a model takes of memory: bench_load.
 *
 *   int8 read     reading V * D bytes: the floor of any pass over int8 rows
 *   fp32          topk without a scout
 *   scout         topk with one: the lists must have the same bits, or the program ends with 1
 *   approximate   recall of its lists among those of fp32
 *
 * Medians and the lowest, milliseconds of processor time a call, and the machine's load. */
#define BENCH "bench_rank"
#include "kernels/backend.h"
#include "tests/bench/bench.h"
#include "tests/support/seed.h"
#include <math.h>
#include <string.h>
#include <time.h>

typedef enum way { READ, SCOUT, APPROXIMATE, FP32, WAYS } way;
static const char *const way_names[] = {"int8 read", "scout", "approximate", "fp32"};

typedef struct bench {
  const char *item_file, *user_file, *only;
  size_t width, random, spread, k, batch, threads, calls;
  size_t n_items, n_users;
  float *items, *users;
  const float *asked; /* the users of the call */
  uint8_t *bytes;
  sk_scout scout;
  const sk_backend_ops *ops;
  sk_backend *be;
  int32_t *index[WAYS];
  float *score[WAYS];
  double *ms[WAYS];
  size_t found, sought;
} bench;

static float *read_rows(const char *path, size_t width, size_t *n) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) die(path, "cannot be read");
  long size = ftell(file);
  rewind(file);
  *n = (size_t)size / (width * sizeof(float));
  float *rows = room(*n * width, sizeof *rows);
  if (fread(rows, width * sizeof *rows, *n, file) != *n) die(path, "cannot be read");
  fclose(file);
  return rows;
}

static size_t nearest(const float *rows, size_t n, size_t d, size_t to) {
  size_t best = to ? 0 : 1;
  double least = INFINITY;
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t c = 0; c < d && i != to; c++) sum += pow((double)rows[i * d + c] - (double)rows[to * d + c], 2);
    if (i != to && sum < least) least = sum, best = i;
  }
  return best;
}

/* l l^T = a, lower triangular, in place. */
static void factor(double *a, size_t d) {
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++) {
      double sum = a[i * d + j] + (i == j ? 1e-9 : 0);
      for (size_t c = 0; c < j; c++) sum -= a[i * d + c] * a[j * d + c];
      a[i * d + j] = i == j ? sqrt(fmax(sum, 1e-12)) : sum / a[j * d + j];
    }
}

static void spread(bench *b, const float *rows, size_t n, float *out) {
  enum { LOOKED_AT = 1000 };
  size_t d = b->width, step = n / LOOKED_AT + 1;
  double *l = room(d * d, sizeof *l), count = 0;
  float *draw = room(d, sizeof *draw);
  seed_rng rng = seed_start(7);
  for (size_t i = 0; i < n; i += step, count++) {
    const float *x = rows + i * d, *y = rows + nearest(rows, n, d, i) * d;
    for (size_t r = 0; r < d; r++)
      for (size_t c = 0; c < d; c++) l[r * d + c] += (double)(x[r] - y[r]) * (double)(x[c] - y[c]);
  }
  for (size_t i = 0; i < d * d; i++) l[i] /= count;
  factor(l, d);
  for (size_t v = 0; v < b->n_items; v++) {
    const float *from = rows + (size_t)seed_below(&rng, (int32_t)n) * d;
    seed_fill_normal(&rng, draw, d, 1.0f);
    for (size_t r = 0; r < d; r++) {
      double sum = (double)from[r];
      for (size_t c = 0; c <= r; c++) sum += l[r * d + c] * (double)draw[c];
      out[v * d + r] = (float)sum;
    }
  }
  free(l);
  free(draw);
}

static void make_rows(bench *b) {
  seed_rng rng = seed_start(5);
  size_t d = b->width, n = 0;
  float *given = b->item_file ? read_rows(b->item_file, d, &n) : NULL;
  b->n_items = b->random ? b->random : b->spread ? b->spread : n;
  b->items = room(b->n_items * d, sizeof *b->items);
  if (b->random)
    for (size_t i = 0; i < b->n_items; i++) seed_fill_normal(&rng, b->items + i * d, d, 1.0f);
  else if (b->spread)
    spread(b, given, n, b->items);
  else
    memcpy(b->items, given, n * d * sizeof *given);
  free(given);
  if (b->user_file) {
    b->users = read_rows(b->user_file, d, &b->n_users);
  } else {
    b->n_users = 1000 + b->batch;
    b->users = room(b->n_users * d, sizeof *b->users);
    seed_fill_normal(&rng, b->users, b->n_users * d, 1.0f);
  }
}

static double make_scout(bench *b) {
  size_t d = b->width, step = b->n_items / 65536 + 1, n = b->n_items / step;
  double *axes = room(2 * d * d, sizeof *axes), begin = now_us();
  float *rows = room(n * d, sizeof *rows), *work = room(SK_SCOUT_AT_ONCE * d, sizeof *work);
  void *memory = must_have(aligned_alloc(64, sk_scout_bytes((int32_t)d, (int32_t)b->n_items)));
  sk_scout_bind(&b->scout, (int32_t)d, (int32_t)b->n_items, memory);
  for (size_t i = 0; i < n; i++) memcpy(rows + i * d, b->items + i * step * d, d * sizeof *rows);
  sk_scout_turn(&b->scout, rows, (int64_t)n, axes);
  sk_scout_spot *spots = room(b->n_items, sizeof *spots);
  for (size_t v = 0, some; v < b->n_items; v += some) {
    some = b->n_items - v < SK_SCOUT_AT_ONCE ? b->n_items - v : SK_SCOUT_AT_ONCE;
    sk_scout_spots(&b->scout, b->items + v * d, (int64_t)v, (int64_t)some, spots + v, work);
  }
  sk_scout_order(&b->scout, spots);
  const sk_scout_filling f = {room(b->n_items, sizeof(int32_t)),
                              room((size_t)sk_scout_groups(&b->scout) * SK_SCOUT_CELL, sizeof(double))};
  sk_scout_begin(&b->scout, &f);
  for (size_t v = 0, some; v < b->n_items; v += some) {
    some = b->n_items - v < SK_SCOUT_AT_ONCE ? b->n_items - v : SK_SCOUT_AT_ONCE;
    sk_scout_put(&b->scout, &f, b->items + v * d, (int64_t)v, (int64_t)some, work);
  }
  sk_scout_end(&b->scout, &f);
  free(f.place), free(f.sums);
  free(axes), free(rows), free(work), free(spots);
  return 1e-6 * (now_us() - begin);
}

static uint64_t read_bytes(const uint8_t *x, size_t n) {
  uint64_t lane[32] = {0}, word[32], sum = 0;
  for (size_t i = 0; i + sizeof word <= n; i += sizeof word) {
    memcpy(word, x + i, sizeof word);
    for (int l = 0; l < 32; l++) lane[l] += word[l];
  }
  for (int l = 0; l < 32; l++) sum += lane[l];
  return sum;
}

static volatile uint64_t sink;

/* Processor time: what a busy machine takes away does not count, but for the caches. */
static double spent_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void ask(bench *b, way w, size_t call) {
  size_t first = call * b->batch * 7919 % (b->n_users - b->batch + 1);
  sk_topk_args a = {.n = (int32_t)b->batch, .d = (int32_t)b->width, .items = (int32_t)b->n_items, .k = (int32_t)b->k};
  a.u = b->asked = b->users + first * b->width, a.e = b->items, a.index = b->index[w], a.score = b->score[w];
  a.scout = w == FP32 ? NULL : &b->scout;
  a.approximate = w == APPROXIMATE;
  double begin = spent_us();
  if (w == READ)
    sink = read_bytes(b->bytes, b->n_items * b->width);
  else if (b->ops->topk(b->be, &a))
    die(way_names[w], b->be->err);
  b->ms[w][call] = 1e-3 * (spent_us() - begin);
}

/* The lists by a scout that covers no item: of few items or of 32 users, scores without one are products of BLAS. */
static void score_all(bench *b) {
  sk_scout none;
  sk_scout_bind(&none, (int32_t)b->width, 0, NULL);
  sk_topk_args a = {.n = (int32_t)b->batch, .d = (int32_t)b->width, .items = (int32_t)b->n_items, .k = (int32_t)b->k};
  a.u = b->asked, a.e = b->items, a.index = b->index[FP32], a.score = b->score[FP32], a.scout = &none;
  if (b->ops->topk(b->be, &a)) die("fp32", b->be->err);
}

static void compare(bench *b) {
  size_t n = b->batch * b->k;
  if (b->batch >= 32 || b->n_items < SK_TOPK_LARGE) score_all(b);
  if (memcmp(b->index[FP32], b->index[SCOUT], n * sizeof(int32_t)) ||
      memcmp(b->score[FP32], b->score[SCOUT], n * sizeof(float)))
    die("scout", "the lists differ");
  for (size_t i = 0; i < n; i++)
    for (size_t j = i / b->k * b->k; j < (i / b->k + 1) * b->k; j++)
      b->found += b->index[FP32][i] == b->index[APPROXIMATE][j];
  b->sought += n;
}

static int by_size(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static void report(bench *b) {
  for (int w = 0; w < WAYS; w++) qsort(b->ms[w], b->calls, sizeof *b->ms[w], by_size);
  for (int w = 0; w < WAYS; w++) {
    if (b->only && w != READ && strcmp(b->only, way_names[w])) continue;
    const double *ms = b->ms[w];
    printf("%-12s p50 %8.3f  lowest %8.3f  p90 %8.3f ms", way_names[w], ms[b->calls / 2], ms[0], ms[b->calls * 9 / 10]);
    printf("   of the read: %.2f", ms[b->calls / 2] / b->ms[READ][b->calls / 2]);
    if (!b->only && w >= SCOUT && w < FP32)
      printf("   fp32 / this: %.2f", b->ms[FP32][b->calls / 2] / ms[b->calls / 2]);
    puts("");
  }
  if (b->sought)
    printf("the same bits in all %zu lists; recall of approximate %.4f\n", b->calls * b->batch,
           (double)b->found / (double)b->sought);
}

static void parse(bench *b, int argc, char **argv) {
  const struct {
    const char *name;
    size_t *whole;
    const char **text;
  } options[] = {{"--items", NULL, &b->item_file},
                 {"--users", NULL, &b->user_file},
                 {"--only", NULL, &b->only},
                 {"--width", &b->width, NULL},
                 {"--random", &b->random, NULL},
                 {"--spread", &b->spread, NULL},
                 {"--k", &b->k, NULL},
                 {"--batch", &b->batch, NULL},
                 {"--threads", &b->threads, NULL},
                 {"--calls", &b->calls, NULL}};
  for (int i = 1; i + 1 < argc; i += 2) {
    size_t o = 0;
    while (o < sizeof options / sizeof *options && strcmp(argv[i], options[o].name)) o++;
    if (o == sizeof options / sizeof *options) die(argv[i], "no such option");
    if (options[o].whole) *options[o].whole = strtoul(argv[i + 1], NULL, 10);
    if (options[o].text) *options[o].text = argv[i + 1];
  }
  if (argc % 2 == 0 || (!b->random && !b->item_file) || !b->k || !b->batch || !b->calls || !b->width)
    die("usage", "see the head of bench_rank.c");
}

int main(int argc, char **argv) {
  bench b = {.width = 64, .k = 10, .batch = 1, .threads = 1, .calls = 100};
  parse(&b, argc, argv);
  b.ops = sk_backend_find("cpu");
  double load = 0;
  FILE *file = fopen("/proc/loadavg", "r");
  if (file && fscanf(file, "%lf", &load) == 1) printf("load %.1f; ", load);
  if (file) fclose(file);
  const sk_options options = {.threads = (int32_t)b.threads};
  if (!b.ops || b.ops->open(&b.be, &options)) die("cpu", "cannot be opened");
  make_rows(&b);
  double seconds = make_scout(&b);
  printf(
      "%zu items of %zu, k %zu, %zu users a call, %zu threads, %s; scout: %.1f bytes an item of %zu, made in %.2f s\n",
      b.n_items, b.width, b.k, b.batch, b.threads, sk_cpu_level(),
      (double)sk_scout_bytes((int32_t)b.width, (int32_t)b.n_items) / (double)b.n_items, b.width * sizeof(float),
      seconds);
  b.bytes = room(b.n_items, b.width);
  for (int w = 0; w < WAYS; w++) {
    b.index[w] = room(b.batch * b.k, sizeof(int32_t)), b.score[w] = room(b.batch * b.k, sizeof(float));
    b.ms[w] = room(b.calls, sizeof(double));
  }
  for (size_t call = 0; call < b.calls; call++) {
    for (int w = READ; w < WAYS; w++)
      if (!b.only || w == READ || !strcmp(b.only, way_names[w])) ask(&b, (way)w, call);
    if (!b.only) compare(&b);
  }
  report(&b);
  return 0;
}
