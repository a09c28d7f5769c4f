/* What a large model takes of a CPU's memory, and what reading E from its file costs a question (rows_file.h).
 *
 *   bench_load make FILE ITEMS WIDTH [EQUAL]    writes a model of random weights: 3 levels of 256 codes, 2 slots;
 *                                               EQUAL items, spread over all, have one row
 *   bench_load ask FILE [CALLS] [STAY] [DEVICE] loads it, asks CALLS questions of one user, k = 10: resident memory
 *                                               before and after, milliseconds a question. E of STAY items or more
 *                                               stays in the file, or on the host of a GPU (default: what the library
 *                                               does; 0: always; 4294967295: never)
 *   bench_load near FILE [CALLS] [STAY]         the same of the 10 items most similar to an item: processor time of the
 *                                               first item, one of the equal ones, and of random others
 *
 * Private memory is the process's own, file is what it has mapped of files; the page cache is nobody's. */
#define BENCH "bench_load"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/model/rows_file.h"
#include "solid/neighbours.h"
#include "solid/worker.h"
#include "tests/bench/bench.h"
#include "tests/support/seed.h"
#include <string.h>
#include <time.h>

static void print_resident(const char *when, double items) {
  char line[256];
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) return;
  printf("%-16s", when);
  while (fgets(line, sizeof line, file)) {
    double kb = strncmp(line, "Rss", 3) && strncmp(line, "VmHWM", 5) ? 0 : strtod(strchr(line, ':') + 1, NULL);
    if (kb > 0)
      printf("  %.*s %.0f MB (%.1f bytes an item)", (int)strcspn(line, ":"), line, kb / 1024, kb * 1024 / items);
  }
  puts("");
  fclose(file);
}

static void fill_ids(sol_strings *ids, uint32_t count) {
  ids->count = count;
  ids->offsets = room(count + (size_t)1, sizeof *ids->offsets);
  ids->bytes = room(count, 12);
  for (uint32_t i = 0; i < count; i++) {
    char text[16];
    int n = snprintf(text, sizeof text, "i%u", i);
    memcpy(ids->bytes + ids->offsets[i], text, (size_t)n);
    ids->offsets[i + 1] = ids->offsets[i] + (uint32_t)n;
  }
}

static void make_equal(sol_model_file *file, uint32_t equal) {
  sol_config *config = &file->config;
  sol_weights weights;
  uint32_t every = config->items / equal;
  sol_weights_bind(&weights, config, file->weights);
  float *rows = file->weights + (weights.items - file->weights);
  for (size_t v = every; v < (size_t)every * equal; v += every) {
    memcpy(rows + v * config->width, rows, config->width * sizeof *rows);
    memcpy(file->codes + v * 3, file->codes, 3 * sizeof *file->codes);
    memcpy(file->attributes + v * 2, file->attributes, 2 * sizeof *file->attributes);
  }
}

static void make(const char *path, uint32_t items, uint32_t width, uint32_t equal) {
  seed_rng rng = seed_start(3);
  sol_model_file file = {.config = {.items = items, .width = width, .window = 50, .blocks = 1, .heads = 1}};
  sol_config *config = &file.config;
  config->levels = 3, config->codes = 256, config->attributes = 1000, config->slots = 2;
  config->head = SOLID_HEAD_SOLID, config->clip = 0.1f;
  file.weights = room(sol_tensors_total(config), sizeof(float));
  sol_weights_init(config, 3, file.weights);
  file.codes = room((size_t)items * 3, sizeof *file.codes);
  file.attributes = room((size_t)items * 2, sizeof *file.attributes);
  file.popularity = room(items, sizeof *file.popularity);
  for (size_t i = 0; i < (size_t)items * 3; i++) file.codes[i] = (uint16_t)seed_below(&rng, 256);
  for (size_t i = 0; i < (size_t)items * 2; i++) file.attributes[i] = (uint32_t)seed_below(&rng, 1000);
  if (equal) make_equal(&file, equal);
  fill_ids(&file.items, items);
  must(sol_model_file_write(&file, path), "file");
  sol_model_file_clear(&file);
}

static double processor_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_size(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static void ask(const char *path, size_t calls, uint32_t stay, const char *device) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  solid_worker *worker = NULL;
  seed_rng rng = seed_start(4);
  double begin = now_us();
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = device;
  must(solid_context_new(&ctx, &options), "context");
  must(sol_model_open(&model, ctx, path, 0, stay), "model");
  double *lists = room(calls, sizeof *lists), *vectors = room(calls, sizeof *vectors);
  double loaded = now_us() - begin, items = solid_model_item_count(model);
  const sol_config *config = sol_model_config(model);
  size_t d = config->width;
  float *h = room(d, sizeof *h), *u = room(d, sizeof *u), *params = room(sol_config_params(config), sizeof *params);
  must(solid_worker_new(&worker, model, 1), "worker");
  printf("%.0f items of %zu, E %s; loaded in %.1f s\n", items, d,
         model->file.rows   ? "in the file"
         : model->host_rows ? "on the host"
                            : "in memory",
         1e-6 * loaded);
  print_resident("loaded", items);
  for (size_t call = 0; call < calls; call++) {
    uint32_t window[50], offsets[2] = {0, 50};
    solid_scored best[10];
    size_t count;
    for (int i = 0; i < 50; i++) window[i] = (uint32_t)seed_below(&rng, (int32_t)items);
    double from = now_us();
    must(solid_worker_generate(worker, &(solid_windows){1, offsets, window}, h, params), "generate");
    must(solid_worker_apply(worker, 1, h, params, u), "apply");
    double between = now_us();
    must(solid_worker_rank(worker, 1, u, NULL, 10, best, &count), "rank");
    vectors[call] = between - from, lists[call] = now_us() - between;
  }
  qsort(lists, calls, sizeof *lists, by_size), qsort(vectors, calls, sizeof *vectors, by_size);
  printf("%zu questions: a window to u p50 %.3f, lowest %.3f ms; ranking p50 %.3f, lowest %.3f ms\n", calls,
         1e-3 * vectors[calls / 2], 1e-3 * vectors[0], 1e-3 * lists[calls / 2], 1e-3 * lists[0]);
  print_resident("asked", items);
  solid_worker_free(worker);
  solid_model_free(model);
  solid_context_free(ctx);
  free(h), free(u), free(params), free(lists), free(vectors);
}

static double near_us(const solid_neighbours *n, uint32_t item) {
  solid_scored best[10];
  size_t count;
  double from = processor_us();
  must(solid_neighbours_of(n, item, 10, best, &count), "near");
  return processor_us() - from;
}

static void near_items(const char *path, size_t calls, uint32_t stay) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  solid_neighbours *n = NULL;
  seed_rng rng = seed_start(4);
  must(solid_context_new(&ctx, NULL), "context");
  must(sol_model_open(&model, ctx, path, 0, stay), "model");
  double from = processor_us(), *each = room(calls, sizeof *each);
  must(solid_neighbours_new(&n, model), "neighbours");
  printf("made in %.2f s; ", 1e-6 * (processor_us() - from));
  for (size_t i = 0; i < calls; i++)
    each[i] = near_us(n, (uint32_t)seed_below(&rng, (int32_t)solid_model_item_count(model)));
  qsort(each, calls, sizeof *each, by_size);
  printf("%zu random items: p50 %.2f, lowest %.2f, highest %.2f ms; item 0: %.2f ms\n", calls, 1e-3 * each[calls / 2],
         1e-3 * each[0], 1e-3 * each[calls - 1], 1e-3 * near_us(n, 0));
  solid_neighbours_free(n);
  solid_model_free(model);
  solid_context_free(ctx);
  free(each);
}

int main(int argc, char **argv) {
  size_t calls = argc > 3 ? strtoul(argv[3], NULL, 10) : 40;
  uint32_t stay = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : SOL_ROWS_STAY;
  if ((argc == 5 || argc == 6) && !strcmp(argv[1], "make"))
    make(argv[2], (uint32_t)calls, stay, argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0);
  else if (argc >= 3 && calls && !strcmp(argv[1], "ask"))
    ask(argv[2], calls, stay, argc > 5 ? argv[5] : "cpu");
  else if (argc >= 3 && calls && !strcmp(argv[1], "near"))
    near_items(argv[2], calls, stay);
  else
    die("usage", "see the head of bench_load.c");
  return 0;
}
