#include "solid/train/fit/batches.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/infer/forward.h"
#include "solid/train/data/split.h"
#include <stdlib.h>

/* Keeps these draws apart from those of users. */
#define MATES_PURPOSE ((uint64_t)1 << 33)

/* The events of user u that are trained on. */
static sol_range trained_on(const sol_batches *b, uint32_t u) {
  sol_range range = sol_split_train(b->history, u);
  if (b->refit) sol_split_question(b->history, u, SOL_PART_TEST, &range);
  return range;
}

/* Rows user u gives: every training event but the first is a target. */
static uint32_t user_rows(const sol_batches *b, uint32_t u) {
  sol_range train = trained_on(b, u);
  size_t length = train.end - train.begin;
  if (length < 2) return 0;
  return length - 1 < b->window ? (uint32_t)(length - 1) : b->window;
}

/* Sum of the `batch` largest numbers of rows, by counting; lengths are at most `window`. */
static size_t largest_batch(const sol_batches *b, const uint32_t *users_of_length) {
  size_t rows = 0;
  uint32_t left = b->batch;
  for (uint32_t length = b->window; length > 0 && left > 0; length--) {
    uint32_t taken = users_of_length[length] < left ? users_of_length[length] : left;
    rows += (size_t)taken * length;
    left -= taken;
  }
  return rows;
}

solid_status sol_batches_open(sol_batches *batches, const sol_history *history, uint32_t window,
                              const solid_train_options *options, int refit) {
  uint32_t batch = options->batch;
  *batches = (sol_batches){.history = history,
                           .window = window,
                           .batch = batch,
                           .cuts = (float)options->cuts,
                           .swap = (float)options->swap,
                           .refit = refit};
  solid_status status = SOLID_OK;
  uint32_t *users_of_length = calloc((size_t)window + 1, sizeof *users_of_length);
  batches->order = malloc(((size_t)history->users + 1) * sizeof *batches->order);
  if (users_of_length == NULL || batches->order == NULL) {
    status = solid_fail(SOLID_ENOMEM, "order of %u users", history->users);
    goto done;
  }
  for (uint32_t u = 0; u < history->users; u++) {
    uint32_t rows = user_rows(batches, u);
    if (rows == 0) continue;
    batches->order[batches->users++] = u;
    batches->rows += rows;
    users_of_length[rows]++;
  }
  if (batches->users == 0) {
    status = solid_fail(SOLID_ENOTFOUND, "none of %u users has two training events", history->users);
    goto done;
  }
  batches->max_rows = largest_batch(batches, users_of_length);
  batches->offsets = malloc(((size_t)batch + 1) * sizeof *batches->offsets);
  batches->inputs = malloc(batches->max_rows * sizeof *batches->inputs);
  batches->targets = malloc(batches->max_rows * sizeof *batches->targets);
  if (batches->offsets == NULL || batches->inputs == NULL || batches->targets == NULL)
    status = solid_fail(SOLID_ENOMEM, "batch of %zu rows", batches->max_rows);
done:
  free(users_of_length);
  if (status != SOLID_OK) sol_batches_close(batches);
  return status;
}

void sol_batches_close(sol_batches *batches) {
  free(batches->order);
  free(batches->offsets);
  free(batches->inputs);
  free(batches->targets);
  *batches = (sol_batches){0};
}

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

void sol_batches_shuffle(sol_batches *batches, uint64_t seed, uint32_t epoch) {
  uint32_t *order = batches->order;
  uint64_t stream = batches->stream = sol_site_seed(seed, epoch);
  qsort(order, batches->users, sizeof *order, by_number);
  for (uint32_t i = batches->users; i > 1; i--) { /* Fisher-Yates; the bias of a 64-bit remainder is nothing here */
    uint32_t j = (uint32_t)(sol_site_seed(stream, i) % i), kept = order[i - 1];
    order[i - 1] = order[j];
    order[j] = kept;
  }
}

/* Events between the end of user u's window and the end of the training events. */
static size_t events_left_out(const sol_batches *b, uint32_t u, uint32_t length) {
  sol_range train = trained_on(b, u);
  size_t spare = train.end - train.begin - length - 1;
  if (spare == 0 || b->cuts == 0) return 0;
  sol_random random = sol_random_start(b->stream, u);
  return sol_random_uniform(&random) < (double)b->cuts ? sol_random_below(&random, spare + 1) : 0;
}

/* The input at event `e`: what came, or one of its mates. */
static uint32_t input_at(const sol_batches *b, size_t e) {
  uint32_t item = b->history->sequence[e];
  if (b->mates == NULL || !(b->swap > 0)) return item;
  sol_random random = sol_random_start(b->stream, MATES_PURPOSE + e);
  return sol_random_uniform(&random) < (double)b->swap ? sol_mates_draw(b->mates, item, &random) : item;
}

uint32_t sol_batches_count(const sol_batches *batches) {
  return (batches->users + batches->batch - 1) / batches->batch;
}

void sol_batches_get(sol_batches *batches, uint32_t i, solid_windows *inputs, const int32_t **targets) {
  uint32_t first = i * batches->batch, left = batches->users - first, row = 0;
  uint32_t n = left < batches->batch ? left : batches->batch;
  for (uint32_t w = 0; w < n; w++) {
    uint32_t u = batches->order[first + w], length = user_rows(batches, u);
    size_t first_event = trained_on(batches, u).end - length - 1 - events_left_out(batches, u, length);
    batches->offsets[w] = row;
    for (uint32_t t = 0; t < length; t++, row++) {
      batches->inputs[row] = input_at(batches, first_event + t);
      batches->targets[row] = (int32_t)batches->history->sequence[first_event + t + 1];
    }
  }
  batches->offsets[n] = row;
  *inputs = (solid_windows){.n = n, .offsets = batches->offsets, .items = batches->inputs};
  *targets = batches->targets;
}
