/* Times the way of a million users through solid_batch: windows and masks up, items down, lines of JSON, beside two
 * floors: the operations of the products, and the bytes that cross to the device.
 *
 *   bench_batch [--device cpu|cuda] [--threads N] [--users N] [--items V] [--width D] [--rank R] [--steps N] [--k K]
 * [--batch B]
 *               [--tflops X] [--gbytes X] [--write DIR]
 *
 * --tflops and --gbytes: what the device's products and its bus give (51.2 and 50 of an H200, FP32). --write also
 * leaves a model and a data file of these shapes in DIR, for a run of the program itself. */
#include "examples/batch/batch.h"
#include "solid/model/model_file.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <string.h>
#define BENCH "bench_batch"
#include "tests/bench/bench.h"

typedef struct arguments {
  const char *device, *write;
  uint32_t threads, users, items, width, rank, steps, k, batch;
  double tflops, gbytes;
} arguments;

static sol_config config_of(const arguments *a) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, a->rank);
  config.items = a->items, config.width = a->width, config.window = 50;
  config.blocks = 1, config.heads = 1, config.levels = 3, config.codes = 256;
  return config;
}

/* Items of user u, the same wherever they are asked for. */
static void items_of(const arguments *a, uint32_t u, uint32_t *items) {
  seed_rng rng = seed_start(u + 1);
  for (uint32_t i = 0; i < a->steps; i++) items[i] = (uint32_t)seed_below(&rng, (int32_t)a->items);
}

static void write_files(const arguments *a) {
  char made[256], path[512];
  sol_config config = config_of(a);
  uint32_t *items = room(a->steps, sizeof *items);
  tiny_model_write(made, sizeof made, &config, 1);
  snprintf(path, sizeof path, "mkdir -p '%s' && mv '%s' '%s/model.safetensors'", a->write, made, a->write);
  if (system(path)) die(a->write, "cannot be written");
  snprintf(path, sizeof path, "%s/data.txt", a->write);
  FILE *file = fopen(path, "w");
  if (!file) die(path, "cannot be written");
  for (uint32_t u = 0; u < a->users; u++) {
    items_of(a, u, items);
    fprintf(file, "u%u", u);
    for (uint32_t i = 0; i < a->steps; i++) fprintf(file, " item-%u", items[i]);
    fputc('\n', file);
  }
  if (fclose(file)) die(path, "cannot be written");
  free(items);
}

/* Of a user: the products of the encoder's block and of both GRUs over his steps, of the generator, and of all scores.
 */
static double flops_of(const arguments *a, uint32_t params) {
  double d = a->width, rows = a->steps;
  return rows * (24 * d * d + 2 * 12 * d * d) + 4 * d * params + 2.0 * params + 2.0 * a->items * d;
}

typedef struct spent {
  double ask, answer, lines;
  size_t bytes;
} spent;

/* Memory of a batch. */
typedef struct batch {
  solid_worker *worker;
  batch_lines *lines;
  uint32_t *items;
  uint64_t *masks;
  solid_question *questions;
  solid_scored *best;
  char (*ids)[16];
  solid_bytes *asked;
  batch_list *lists;
  growing texts[BATCH_TEXTS];
} batch;

static void run_block(const arguments *a, batch *b, uint32_t first, size_t n, spent *s) {
  size_t words = solid_worker_mask_words(b->worker), users[BATCH_TEXTS];
  double began = 1e-6 * now_us();
  memset(b->masks, 0, n * words * sizeof *b->masks);
  for (size_t i = 0; i < n; i++) {
    uint32_t *window = b->items + i * a->steps;
    uint64_t *mask = b->masks + i * words;
    items_of(a, first + (uint32_t)i, window);
    for (uint32_t j = 0; j < a->steps; j++) mask[window[j] / 64] |= UINT64_C(1) << window[j] % 64;
    b->questions[i] =
        (solid_question){.window = window, .n_window = a->steps, .excluded = mask, .best = b->best + i * a->k};
  }
  double asked = 1e-6 * now_us();
  must(solid_worker_answer(b->worker, b->questions, n, a->k), "answer");
  double answered = 1e-6 * now_us();
  for (size_t i = 0; i < n; i++) {
    b->asked[i] = (solid_bytes){b->ids[i], (size_t)snprintf(b->ids[i], sizeof b->ids[i], "u%u", first + (uint32_t)i)};
    b->lists[i] = (batch_list){b->questions[i].best, b->questions[i].count, SOLID_FROM_GENERATION};
  }
  size_t count = batch_lines_write(b->lines, b->asked, b->lists, n, b->texts, users);
  s->ask += asked - began;
  s->answer += answered - asked;
  s->lines += 1e-6 * now_us() - answered;
  for (size_t t = 0; t < count; t++) s->bytes += b->texts[t].size;
}

static void report(const arguments *a, const spent *s, size_t words, uint32_t params) {
  double users = a->users, arithmetic = users * flops_of(a, params) / (1e12 * a->tflops);
  double bytes = users * (8.0 * (double)words + 4.0 * a->steps + 8.0 * a->k), bus = bytes / (1e9 * a->gbytes);
  double all = s->ask + s->answer + s->lines, longest = arithmetic > bus ? arithmetic : bus;
  printf("answer (solid_worker_answer)  %8.3f s  %10.0f users/s  floors: products %.3f s, bus %.3f s  %.1f %%\n",
         s->answer, users / s->answer, arithmetic, bus, 100 * longest / s->answer);
  printf("windows and masks made        %8.3f s\nlines of JSON                 %8.3f s  %10.0f users/s  %.0f MB\n",
         s->ask, s->lines, users / s->lines, 1e-6 * (double)s->bytes);
  printf("one after the other           %8.3f s  %10.0f users/s\n", all, users / all);
}

static void run(const arguments *a, const solid_model *model, uint32_t params) {
  batch b = {0};
  spent s = {0}, warm = {0};
  must(solid_worker_new(&b.worker, model, a->batch), "worker");
  must(batch_lines_new(&b.lines, model, BATCH_JSON), "lines");
  size_t n = a->batch, words = solid_worker_mask_words(b.worker);
  b.items = room(n * a->steps, sizeof *b.items), b.masks = room(n * words, sizeof *b.masks);
  b.questions = room(n, sizeof *b.questions), b.best = room(n * a->k, sizeof *b.best);
  b.ids = room(n, sizeof *b.ids), b.asked = room(n, sizeof *b.asked), b.lists = room(n, sizeof *b.lists);
  run_block(a, &b, 0, n < a->users ? n : a->users, &warm);
  for (uint32_t u = 0; u < a->users; u += a->batch) run_block(a, &b, u, a->users - u < n ? a->users - u : n, &s);
  report(a, &s, words, params);
  free(b.items), free(b.masks), free(b.questions), free(b.best), free(b.ids), free(b.asked), free(b.lists);
  for (size_t t = 0; t < BATCH_TEXTS; t++) growing_clear(&b.texts[t]);
  batch_lines_free(b.lines);
  solid_worker_free(b.worker);
}

static arguments read_arguments(int argc, char **argv) {
  arguments a = {.device = "cpu",
                 .threads = 0,
                 .users = 1000000,
                 .items = 12101,
                 .width = 64,
                 .steps = 9,
                 .k = 10,
                 .batch = 8192,
                 .tflops = 51.2,
                 .gbytes = 50};
  const struct {
    const char *name;
    uint32_t *to;
  } numbers[] = {{"--threads", &a.threads}, {"--users", &a.users}, {"--items", &a.items}, {"--width", &a.width},
                 {"--rank", &a.rank},       {"--steps", &a.steps}, {"--k", &a.k},         {"--batch", &a.batch}};
  for (int i = 1; i < argc; i += 2) {
    size_t known = 0, count = sizeof numbers / sizeof *numbers;
    if (i + 1 == argc) die(argv[i], "unknown option, or its value is missing");
    while (known < count && strcmp(argv[i], numbers[known].name) != 0) known++;
    if (strcmp(argv[i], "--device") == 0)
      a.device = argv[i + 1];
    else if (strcmp(argv[i], "--write") == 0)
      a.write = argv[i + 1];
    else if (strcmp(argv[i], "--tflops") == 0)
      a.tflops = strtod(argv[i + 1], NULL);
    else if (strcmp(argv[i], "--gbytes") == 0)
      a.gbytes = strtod(argv[i + 1], NULL);
    else if (known < count)
      *numbers[known].to = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    else
      die(argv[i], "unknown option");
  }
  if (!a.steps || a.steps > 50 || !a.k || a.k > a.items || !a.users || !a.batch) die("options", "out of range");
  return a;
}

int main(int argc, char **argv) {
  arguments a = read_arguments(argc, argv);
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  solid_context *ctx = NULL;
  solid_model_info info = {.struct_size = sizeof info};
  options.device = a.device, options.threads = (int32_t)a.threads;
  must(solid_context_new(&ctx, &options), "context");
  sol_config config = config_of(&a);
  solid_model *model = tiny_model(ctx, &config, 1);
  must(solid_model_get_info(model, &info), "model");
  printf("%s, %u users, V %u, d %u, P %u, windows of %u, k %u, %u at once\n", a.device, a.users, info.items, info.width,
         info.params, a.steps, a.k, a.batch);
  run(&a, model, info.params);
  if (a.write) write_files(&a);
  solid_model_free(model);
  solid_context_free(ctx);
  return 0;
}
