/* What is lost where attention states are stored: NDCG@10 of answers from states that were written and read again,
 * in f16 and in i8, against states that stayed in memory.
 *
 *   bench_state_loss MODEL ROWS [--least N] [--questions N] [--mask 1] [--seed N]
 *
 * MODEL: of solid_train --attention sparse, trained with --split per-user-ratio. ROWS: its data, a user and his items a
 * line. Of users of N events and more positions of the newest fifth are questions, as many as are asked for, evenly.
 * Before each the state without the newest event is stored and read, then that event is appended, as solid_serve does.
 * With --mask 1 what the user took before is no answer. Layers are made from the items, and the same for all three.
 * Differences are paired, their interval is over users. */
#include "solid/base/values.h"
#include "solid/infer/state/image.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "solid/solid.h"
#include "tests/support/seed.h"
#include <math.h>
#include <string.h>
#define BENCH "bench_state_loss"
#include "tests/bench/bench.h"

enum { KINDS = 3, K = 10, MOST = 1 << 17, RESAMPLES = 1000 };

static const char *const names[KINDS] = {"in memory", "f16", "i8"};
static const int elements[KINDS] = {0, SOL_VALUES_F16, SOL_VALUES_I8};

typedef struct bench {
  uint32_t least, questions, seed, mask;
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  sk_backend *be;
  sol_states *states; /* a slot a kind */
  solid_worker *worker;
  sol_image image;
  uint32_t items[MOST];
  uint64_t taken[MOST / 64]; /* bits of items */
  double (*gain)[KINDS];     /* of each user, mean of the questions */
  size_t users, asked, same[KINDS];
  uint64_t overflows;
  double moved[KINDS]; /* largest |h - exact| / max |exact| */
} bench;

static void append(bench *b, size_t slot, const uint32_t *items, size_t n, float *h) {
  const float *device;
  must(sol_states_append(b->states, &(sol_newer){slot, items, n}, 1, &device), "append");
  if (!h) return;
  must(b->be->ops->download(b->be, h, device, b->info.width * sizeof *h), "download");
  must(b->be->ops->sync(b->be), "sync");
}

/* Slot 0 stored and read into the slot of another kind. */
static void store_and_read(bench *b, size_t kind) {
  uint64_t seq;
  must(sol_image_pack(b->states, 0, 1, elements[kind], 0, &b->image), "pack");
  if (kind == 1) b->overflows += b->image.overflows;
  must(sol_image_unpack(b->states, kind, b->image.parts, b->image.n, &seq), "unpack");
}

static double rank(bench *b, const float *h, const uint32_t *window, size_t n, uint32_t target, solid_scored *best) {
  uint32_t reads = sol_worker_reads(sol_model_config(b->model));
  size_t m = n < reads ? n : reads;
  solid_question question = {.h = h, .window = window + n - m, .n_window = m, .best = best};
  memset(b->taken, 0, sizeof b->taken);
  for (size_t i = 0; i < n; i++)
    if (window[i] != target) b->taken[window[i] / 64] |= (uint64_t)1 << window[i] % 64;
  if (b->mask) question.excluded = b->taken;
  must(solid_worker_answer(b->worker, &question, 1, K), "answer");
  for (size_t i = 0; i < question.count; i++)
    if (best[i].item == target) return 1 / log2((double)i + 2);
  return 0;
}

/* Event `at` is asked for; the events before it, but for the newest, are in slot 0. */
static void ask(bench *b, const uint32_t *items, size_t at, double *gain) {
  float *h = room(KINDS * b->info.width, sizeof *h);
  solid_scored best[KINDS][K];
  size_t d = b->info.width;
  for (size_t kind = 1; kind < KINDS; kind++) store_and_read(b, kind);
  double most = 0;
  for (size_t kind = 0; kind < KINDS; kind++) {
    append(b, kind, items + at - 1, 1, h + kind * d);
    gain[kind] += rank(b, h + kind * d, items, at, items[at], best[kind]);
    for (size_t j = 0; j < d; j++) most = fmax(most, fabs((double)h[j]));
    double moved = 0;
    for (size_t j = 0; j < d; j++) moved = fmax(moved, fabs((double)(h[kind * d + j] - h[j])));
    b->moved[kind] = fmax(b->moved[kind], moved / most);
    int same = 1;
    for (size_t i = 0; i < K; i++) same &= best[kind][i].item == best[0][i].item;
    b->same[kind] += (size_t)same;
  }
  b->asked++;
  free(h);
}

static void ask_user(bench *b, const uint32_t *items, size_t n) {
  size_t first = n - n / 5, span = n - first, count = span < b->questions ? span : b->questions, in = 0;
  b->gain = realloc(b->gain, (b->users + 1) * sizeof *b->gain);
  if (!b->gain) die("memory", "no room");
  memset(b->gain[b->users], 0, sizeof *b->gain);
  sol_states_clear(b->states, 0);
  for (size_t k = 0; k < count; k++) {
    size_t at = first + k * span / count;
    append(b, 0, items + in, at - 1 - in, NULL);
    ask(b, items, at, b->gain[b->users]);
    in = at;
  }
  for (size_t kind = 0; kind < KINDS; kind++) b->gain[b->users][kind] /= (double)count;
  b->users++;
}

static void read_rows(bench *b, const char *path) {
  FILE *file = fopen(path, "r");
  char *line = NULL, *rest;
  size_t size = 0;
  if (!file) die(path, "cannot be read");
  while (getline(&line, &size, file) > 0) {
    size_t n = 0;
    strtok_r(line, " \t\n", &rest);
    for (char *word; n < MOST && (word = strtok_r(NULL, " \t\n", &rest));) {
      uint32_t item = solid_model_item_index(b->model, (solid_bytes){word, strlen(word)});
      if (item != SOLID_NO_ITEM) b->items[n++] = item;
    }
    size_t cut = n > b->info.window ? n - b->info.window : 0;
    if (n >= b->least && n >= 10) ask_user(b, b->items + cut, n - cut);
  }
  free(line);
  fclose(file);
}

static int ascending(const void *left, const void *right) {
  double x = *(const double *)left, y = *(const double *)right;
  return (x > y) - (x < y);
}

/* Of users drawn again: the difference of the means, as a share of the exact one. */
static void print_kind(const bench *b, seed_rng *rng, size_t kind) {
  double *drawn = room(RESAMPLES, sizeof *drawn), sum[2] = {0, 0};
  for (size_t u = 0; u < b->users; u++) sum[0] += b->gain[u][0], sum[1] += b->gain[u][kind];
  for (size_t r = 0; r < RESAMPLES; r++) {
    double exact = 0, stored = 0;
    for (size_t i = 0; i < b->users; i++) {
      size_t u = (size_t)seed_below(rng, (int32_t)b->users);
      exact += b->gain[u][0], stored += b->gain[u][kind];
    }
    drawn[r] = exact > 0 ? 100 * (stored / exact - 1) : 0;
  }
  qsort(drawn, RESAMPLES, sizeof *drawn, ascending);
  printf("%-10s %8.5f  %+7.3f %% [%+.3f, %+.3f]  %6.2f %%  %.1e\n", names[kind], sum[1] / (double)b->users,
         100 * (sum[1] / sum[0] - 1), drawn[RESAMPLES / 40], drawn[RESAMPLES - 1 - RESAMPLES / 40],
         100.0 * (double)b->same[kind] / (double)b->asked, b->moved[kind]);
  free(drawn);
}

int main(int argc, char **argv) {
  static bench b = {.least = 200, .questions = 8, .seed = 1, .info = {.struct_size = sizeof b.info}};
  if (argc < 3) die("arguments", "see the head of bench_state_loss.c");
  for (int i = 3; i + 1 < argc; i += 2) {
    uint32_t *to = !strcmp(argv[i], "--least")       ? &b.least
                   : !strcmp(argv[i], "--questions") ? &b.questions
                   : !strcmp(argv[i], "--seed")      ? &b.seed
                   : !strcmp(argv[i], "--mask")      ? &b.mask
                                                     : NULL;
    if (!to) die(argv[i], "unknown, see the head of bench_state_loss.c");
    *to = (uint32_t)atoi(argv[i + 1]);
  }
  must(solid_context_new(&b.ctx, NULL), "context");
  must(solid_model_load(&b.model, b.ctx, argv[1]), argv[1]);
  must(solid_model_get_info(b.model, &b.info), "info");
  if (b.info.rows > MOST) die("items", "too many");
  must(sol_backend_open(b.ctx, &b.be), "back end");
  must(sol_states_new(&b.states, b.model, b.be, KINDS, 1024), "states");
  must(sol_worker_new_given(&b.worker, b.model, 1, SOL_WORKER_ALL), "worker");
  b.image.room = room(sol_image_room(b.states) + 8, 1),
  b.image.parts = room(sol_image_most(b.states), sizeof(sol_part));
  read_rows(&b, argv[2]);
  if (!b.users) die("users", "none has --least events");
  printf("%zu questions of %zu users of %u events and more; f16: %llu values kept as 65504\n", b.asked, b.users,
         b.least, (unsigned long long)b.overflows);
  printf("state       NDCG@10  difference, 95 %% over users   same list  h moved\n");
  seed_rng rng = seed_start(b.seed);
  for (size_t kind = 0; kind < KINDS; kind++) print_kind(&b, &rng, kind);
  free(b.image.room), free(b.image.parts), free(b.gain);
  solid_worker_free(b.worker);
  sol_states_free(b.states);
  b.be->ops->close(b.be);
  solid_model_free(b.model);
  solid_context_free(b.ctx);
  return 0;
}
