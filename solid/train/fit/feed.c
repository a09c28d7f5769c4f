#include "solid/train/fit/feed.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/infer/forward.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdlib.h>

/* Keeps these draws apart from those of users. */
#define MATES_PURPOSE ((uint64_t)1 << 33)
#define PIECE_PURPOSE ((uint64_t)1 << 34)

/* The events of user u that are trained on. */
static solid_range trained_on(const sol_feed *b, uint32_t u) {
  solid_range range = solid_split_train(b->dataset, u);
  if (b->refit) solid_split_question(b->dataset, u, SOLID_PART_TEST, &range);
  return range;
}

/* Rows user u gives: every training event but the first is a target. */
static uint32_t user_rows(const sol_feed *b, uint32_t u) {
  solid_range train = trained_on(b, u);
  size_t length = train.end - train.begin;
  if (length < 2) return 0;
  return length - 1 < b->window ? (uint32_t)(length - 1) : b->window;
}

/* Sum of the `batch` largest numbers of rows, by counting, as far as there is room; lengths are at most `window`. */
static size_t largest_batch(const sol_feed *b, const uint32_t *users_of_length) {
  size_t rows = 0;
  uint32_t left = b->batch;
  for (uint32_t length = b->window; length > 0 && left > 0; length--) {
    uint32_t taken = users_of_length[length] < left ? users_of_length[length] : left;
    rows += (size_t)taken * length;
    left -= taken;
  }
  return rows < b->most_rows ? rows : b->most_rows;
}

static solid_status check_room(const sol_feed *b, uint32_t u) {
  if (user_rows(b, u) <= b->most_rows) return SOLID_OK;
  solid_bytes id = solid_vocab_id(&b->dataset->user_ids, u);
  return solid_fail(
      SOLID_ERANGE,
      "user \"%.*s\" has %u events to train on in the window, and a step has room for %zu rows: more rows, "
      "or a window of %zu",
      (int)(id.size < 64 ? id.size : 64), id.data ? id.data : "", user_rows(b, u), b->most_rows, b->most_rows);
}

solid_status sol_feed_open(sol_feed *feed, const solid_dataset *dataset, uint32_t window,
                           const solid_train_options *options, int refit) {
  uint32_t batch = options->batch;
  *feed = (sol_feed){.dataset = dataset,
                     .window = window,
                     .batch = batch,
                     .most_rows = options->rows,
                     .cuts = (float)options->cuts,
                     .swap = (float)options->swap,
                     .window_from = options->window_from < window ? options->window_from : 0,
                     .epochs = options->epochs,
                     .refit = refit};
  solid_status status = SOLID_OK;
  uint32_t *users_of_length = calloc((size_t)window + 1, sizeof *users_of_length);
  feed->order = malloc(((size_t)dataset->users + 1) * sizeof *feed->order);
  if (users_of_length == NULL || feed->order == NULL) {
    status = solid_fail(SOLID_ENOMEM, "order of %u users", dataset->users);
    goto done;
  }
  for (uint32_t u = 0; u < dataset->users; u++) {
    uint32_t rows = user_rows(feed, u);
    if (rows == 0) continue;
    if ((status = check_room(feed, u)) != SOLID_OK) goto done;
    feed->order[feed->users++] = u;
    feed->rows += rows;
    feed->most_pieces += feed->window_from ? rows / feed->window_from + 2 : 1;
    users_of_length[rows]++;
  }
  if (feed->users == 0) {
    status = solid_fail(SOLID_ENOTFOUND, "none of %u users has two training events", dataset->users);
    goto done;
  }
  feed->max_rows = largest_batch(feed, users_of_length);
  feed->pieces = malloc(feed->most_pieces * sizeof *feed->pieces);
  feed->first = malloc((feed->most_pieces + 1) * sizeof *feed->first);
  feed->offsets = malloc(((size_t)batch + 1) * sizeof *feed->offsets);
  feed->inputs = malloc(feed->max_rows * sizeof *feed->inputs);
  feed->targets = malloc(feed->max_rows * sizeof *feed->targets);
  if (!feed->pieces || !feed->first || !feed->offsets || !feed->inputs || !feed->targets)
    status = solid_fail(SOLID_ENOMEM, "batch of %zu rows", feed->max_rows);
done:
  free(users_of_length);
  if (status != SOLID_OK) sol_feed_close(feed);
  return status;
}

void sol_feed_close(sol_feed *feed) {
  free(feed->order);
  free(feed->pieces);
  free(feed->first);
  free(feed->offsets);
  free(feed->inputs);
  free(feed->targets);
  *feed = (sol_feed){0};
}

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

uint32_t sol_feed_length(const sol_feed *feed, uint32_t epoch) {
  double share = feed->epochs ? 2.0 * epoch / feed->epochs : 1;
  if (!feed->window_from || share >= 1) return feed->window;
  return (uint32_t)(feed->window_from * pow((double)feed->window / feed->window_from, share));
}

/* Events between the end of user u's window and the end of the training events. */
static size_t events_left_out(const sol_feed *b, uint32_t u, uint32_t length) {
  solid_range train = trained_on(b, u);
  size_t spare = train.end - train.begin - length - 1;
  if (spare == 0 || b->cuts == 0) return 0;
  sol_random random = sol_random_start(b->stream, u);
  return sol_random_uniform(&random) < (double)b->cuts ? sol_random_below(&random, spare + 1) : 0;
}

/* The window of user u in pieces of `length` rows, but for the first and the last. */
static void add_pieces(sol_feed *b, uint32_t u, uint32_t length) {
  uint32_t left = user_rows(b, u), rows = left < length ? left : length;
  size_t first = trained_on(b, u).end - left - 1 - events_left_out(b, u, left);
  sol_random random = sol_random_start(b->stream, PIECE_PURPOSE + u);
  if (rows < left) rows = 1 + (uint32_t)sol_random_below(&random, rows);
  while (left > 0) {
    b->pieces[b->count++] = (sol_feed_piece){u, rows, first};
    first += rows, left -= rows;
    rows = left < length ? left : length;
  }
}

/* The pieces of each batch: the next ones, as far as there is room. */
static void make_batches(sol_feed *b) {
  size_t windows = 0, rows = 0;
  b->batches = 0;
  for (size_t i = 0; i < b->count; i++) {
    uint32_t more = b->pieces[i].rows;
    if (i == 0 || windows == b->batch || rows + more > b->most_rows) b->first[b->batches++] = i, windows = rows = 0;
    windows++, rows += more;
  }
  b->first[b->batches] = b->count;
}

/* Fisher-Yates; the bias of a 64-bit remainder is nothing here. */
static void shuffle_users(uint32_t *order, uint32_t n, uint64_t stream) {
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = (uint32_t)(sol_site_seed(stream, i) % i), kept = order[i - 1];
    order[i - 1] = order[j];
    order[j] = kept;
  }
}

static void shuffle_pieces(sol_feed_piece *pieces, size_t n, uint64_t stream) {
  for (size_t i = n; i > 1; i--) {
    size_t j = sol_site_seed(stream, i) % i;
    sol_feed_piece kept = pieces[i - 1];
    pieces[i - 1] = pieces[j];
    pieces[j] = kept;
  }
}

void sol_feed_shuffle(sol_feed *feed, uint64_t seed, uint32_t epoch) {
  uint32_t length = sol_feed_length(feed, epoch);
  feed->stream = sol_site_seed(seed, epoch);
  qsort(feed->order, feed->users, sizeof *feed->order, by_number);
  shuffle_users(feed->order, feed->users, feed->stream);
  feed->count = 0;
  for (uint32_t i = 0; i < feed->users; i++) add_pieces(feed, feed->order[i], length);
  if (length < feed->window) shuffle_pieces(feed->pieces, feed->count, feed->stream);
  make_batches(feed);
}

/* The input at event `e`: its item, or one of the item's mates. */
static uint32_t input_at(const sol_feed *b, size_t e) {
  uint32_t item = b->dataset->sequence[e];
  if (b->mates == NULL || !(b->swap > 0)) return item;
  sol_random random = sol_random_start(b->stream, MATES_PURPOSE + e);
  return sol_random_uniform(&random) < (double)b->swap ? sol_mates_draw(b->mates, item, &random) : item;
}

uint32_t sol_feed_count(const sol_feed *feed) {
  return feed->batches;
}

void sol_feed_get(sol_feed *feed, uint32_t i, solid_windows *inputs, const int32_t **targets) {
  const sol_feed_piece *piece = feed->pieces + feed->first[i];
  uint32_t n = (uint32_t)(feed->first[i + 1] - feed->first[i]), row = 0;
  for (uint32_t w = 0; w < n; w++, piece++) {
    feed->offsets[w] = row;
    for (uint32_t t = 0; t < piece->rows; t++, row++) {
      feed->inputs[row] = input_at(feed, piece->first + t);
      feed->targets[row] = (int32_t)feed->dataset->sequence[piece->first + t + 1];
    }
  }
  feed->offsets[n] = row;
  *inputs = (solid_windows){.n = n, .offsets = feed->offsets, .items = feed->inputs};
  *targets = feed->targets;
}
