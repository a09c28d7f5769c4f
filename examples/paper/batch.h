/* Windows with their candidates, as the device reads them. Rows are the places of the histories, window by window:
 *
 *   faithful: all L places, the padding first and then the real ones oldest first, so that the newest is the last row
 *   fixed: the real places alone
 *
 * Attention reads a window's rows in any order; a GRU must not cross padding, so that a faithful window is two runs.
 * Candidates p = 0 .. windows * t - 1: window by window; for din all first candidates, then all second ones, ..., so
 * that one run of windows meets one run of generated layers. Candidate 0 is the one that was chosen. */
#ifndef EXAMPLES_PAPER_BATCH_H
#define EXAMPLES_PAPER_BATCH_H

#include "examples/paper/config.h"

typedef struct sol_paper_batch {
  int32_t windows, candidates, pairs, rows;
  int32_t runs;                              /* of the GRU */
  int32_t spread_rows;                       /* din: real rows of every candidate's window */
  const int32_t *item, *semantic, *position; /* (rows) */
  const int32_t *place;                      /* (rows) the window that a row is the newest of, else -1 */
  const int32_t *newest;                     /* (windows) row */
  const int32_t *offsets, *run_offsets;      /* (windows + 1), (runs + 1) */
  const int32_t *target;                     /* (pairs) item */
  const float *label;                        /* (pairs) */
  const int32_t *spread, *spread_offsets;    /* din: (spread_rows) row, (pairs + 1) */
  const int32_t *left, *right;               /* din: (2 pairs) p at even (odd) places, -1 at the others */
  const int32_t *even, *odd;                 /* din: (pairs) 2p, 2p + 1 */
  const int32_t *each;                       /* (pairs + 1) 0, 1, 2, ...: offsets of one row a window, or a pair */
} sol_paper_batch;

/* Room for a batch, in numbers of four bytes. */
size_t sol_paper_batch_room(const sol_paper_config *config, size_t windows, size_t candidates);

/* Packs into `host` (room) and lets the batch's pointers stand at the same places from `device` on. history (windows,
 * L) items oldest first, zeros behind; at least one each. target (windows, candidates). category (items) -> semantic,
 * NULL without. Returns the numbers used. */
size_t sol_paper_batch_pack(sol_paper_batch *batch, const sol_paper_config *config, const int32_t *history,
                            const int32_t *target, size_t windows, size_t candidates, const int32_t *category,
                            int32_t *host, const int32_t *device);

#endif
