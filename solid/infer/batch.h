/* Windows of any length as packed rows: no padding exists within a window, so none is computed. */
#ifndef SOLID_INFER_BATCH_H
#define SOLID_INFER_BATCH_H

#include "kernels/attend.h"
#include "solid/model/config.h"
#include "solid/worker.h"

/* Packed windows on the device. */
typedef struct sol_batch {
  int32_t windows, rows, max_window;
  const int32_t *offsets; /* (windows + 1) */
  const int32_t *items;   /* (rows) dense item index */
  const int32_t *ages;    /* (rows) 0 = newest of its window */
  const int32_t *newest;  /* (windows) row of the newest step, -1 for an empty window */
  const int32_t *present; /* (windows) w, -1 for an empty window */
  const int32_t *each;    /* (windows + 1) 0, 1, 2, ...: offsets of one row a window */
} sol_batch;

/* The pairs of attention: every row attends to the rows of its window that are no newer. */
sk_attend_pairs sol_batch_pairs(const sol_batch *batch, const sol_config *config);

/* int32s of a packed batch: one array, so that one upload brings it to the device. */
size_t sol_batch_ints(size_t windows, size_t rows);

/* Rows of a batch once every window is cut to its newest `window` items. */
size_t sol_batch_rows(uint32_t window, const solid_windows *windows);

/* Packs windows, each cut to its newest `window` items, into `host` (sol_batch_ints(n, rows) int32s, host memory) and
 * points `batch` into `device`, where the caller uploads the same bytes. On the CPU both may be one array. */
void sol_batch_pack(sol_batch *batch, uint32_t window, const solid_windows *windows, int32_t *host, int32_t *device);

/* The same as a batch of n >= windows->n windows and `rows` rows whose longest window is the longest allowed: empty
 * windows and rows of no window fill it up, so that batches of one size differ only in the bytes that are uploaded. */
void sol_batch_pack_padded(sol_batch *batch, uint32_t window, const solid_windows *windows, size_t n, size_t rows,
                           int32_t *host, int32_t *device);

/* ---- The same, one window at a time, for windows that are not contiguous ---- */

typedef struct sol_packing {
  uint32_t window;     /* longer windows are cut to it */
  size_t n, rows;      /* room */
  size_t windows, row; /* taken */
  uint32_t longest;
  int32_t *offsets, *newest, *present, *items, *ages, *each; /* in host memory */
} sol_packing;

void sol_packing_begin(sol_packing *p, uint32_t window, size_t n, size_t rows, int32_t *host);

/* The next window: `older` items, then `newer` ones. */
void sol_packing_add(sol_packing *p, const uint32_t *older, size_t n_older, const uint32_t *newer, size_t n_newer);

/* All of them. */
void sol_packing_windows(sol_packing *p, const solid_windows *windows);

/* Fills the rest of the batch with empty windows and rows of no window. `max_window` becomes the batch's longest
 * window. */
void sol_packing_end(sol_packing *p, sol_batch *batch, uint32_t max_window, int32_t *device);

#endif
