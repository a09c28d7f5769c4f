/* Batches of an epoch: users in a shuffled order, each a window of what came before and the item that came next at
 * every row. A batch has as many users as there is room for, of the users and of the rows that a step may have; none is
 * cut for it. The window is a user's newest, or with `cuts` and more events than it holds, one that begins anywhere.
 * Among the inputs a similar item (a mate) may replace an item. Order, cuts and draws are a function of seed and epoch
 * alone, so that a resumed run sees the same batches.
 *
 * With `window_from` the first epochs show windows in pieces, which stand in the order for themselves: their length
 * grows from epoch to epoch by one factor until it is the window's, at half of the epochs. Where a window's first piece
 * ends is drawn, so that no event is always without its past. */
#ifndef SOLID_TRAIN_FIT_FEED_H
#define SOLID_TRAIN_FIT_FEED_H

#include "solid/train/dataset.h"
#include "solid/train/fit/mates.h"
#include "solid/train/fit/options.h"
#include "solid/worker.h"

/* What an epoch shows at once: a window or a piece of it. */
typedef struct sol_feed_piece {
  uint32_t user, rows;
  size_t first; /* event of the first row */
} sol_feed_piece;

typedef struct sol_feed {
  const solid_dataset *dataset; /* borrowed */
  uint32_t window, batch;       /* L; users a batch has at most */
  size_t most_rows;             /* rows it has at most */
  int refit;                    /* validation events are trained on too */
  const sol_mates *mates;       /* borrowed, or NULL */
  float swap;                   /* share of the inputs that mates replace */
  float cuts;                   /* how often a longer history gives a window that is not its newest */
  uint64_t stream;              /* of the epoch */
  uint32_t window_from, epochs; /* rows of a piece at first, 0 = whole windows; how long pieces grow */
  uint32_t users;               /* that have at least two training events */
  uint32_t *order;              /* (users) */
  sol_feed_piece *pieces;       /* (count) of the epoch, in their order */
  size_t count, most_pieces;
  size_t *first; /* (batches + 1) of the epoch: the place in `pieces` of each batch's first one */
  uint32_t batches;
  size_t rows;                /* of a whole epoch */
  size_t max_rows;            /* of the largest batch that any order can make */
  uint32_t *offsets, *inputs; /* the current batch */
  int32_t *targets;
} sol_feed;

/* `refit` 1 = validation events are trained on too. ENOTFOUND: no user has two training events. ERANGE: a user's window
 * has more rows than options->rows. A zeroed struct may be closed. */
solid_status sol_feed_open(sol_feed *feed, const solid_dataset *dataset, uint32_t window,
                           const solid_train_options *options, int refit);
void sol_feed_close(sol_feed *feed);

/* Rows of the pieces of an epoch; the window where it shows whole ones. */
uint32_t sol_feed_length(const sol_feed *feed, uint32_t epoch);

/* Shuffles the users for an epoch and makes batches of them; before the first batch. */
void sol_feed_shuffle(sol_feed *feed, uint64_t seed, uint32_t epoch);

/* Number of batches of the epoch. */
uint32_t sol_feed_count(const sol_feed *feed);

/* Batch i of the epoch: *inputs and *targets are borrowed until the next call. */
void sol_feed_get(sol_feed *feed, uint32_t i, solid_windows *inputs, const int32_t **targets);

#endif
