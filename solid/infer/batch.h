/* Windows of any length as packed rows: no padding exists within a window, so none is computed. */
#ifndef SOLID_INFER_BATCH_H
#define SOLID_INFER_BATCH_H

#include "kernels/attend.h"
#include "solid/model/config.h"
#include "solid/worker.h"

/* What the generator's branches read, for they need no more than the newest G events (config->generator_window): the
 * windows themselves; or, where every row counts, pieces of up to G rows of them, each of which begins anew; or the
 * newest G rows of each. */
typedef struct sol_recent {
  int32_t windows, rows, max_window;
  const int32_t *offsets, *items;
} sol_recent;

/* Windows cut into chunks, for lists of kept keys. Every window has one, an empty window an empty one; chunks of no
 * window, which ask nothing, may fill up the end. */
typedef struct sol_chunks {
  int32_t count, most;    /* 0: attention is dense; of one window, at most */
  int32_t keys, entries;  /* of one list, at most; of all lists of a head */
  const int32_t *of;      /* (windows + 1) chunks of each window */
  const int32_t *offsets; /* (count + 1) rows of each chunk */
  const int32_t *begin;   /* (count + 1) where the list of each begins */
  const int32_t *asks;    /* (count + 1) offsets of one row a window, which its last chunk asks */
  const int32_t *numbers; /* (rows) 0, 1, 2, ... */
} sol_chunks;

/* Packed windows on the device. */
typedef struct sol_batch {
  int32_t windows, rows, max_window;
  const int32_t *offsets; /* (windows + 1) */
  const int32_t *items;   /* (rows) dense item index */
  const int32_t *ages;    /* (rows) 0 = newest of its window */
  const int32_t *newest;  /* (windows) row of the newest step, -1 for an empty window */
  const int32_t *present; /* (windows) w, -1 for an empty window */
  const int32_t *each;    /* (windows + 1) 0, 1, 2, ...: offsets of one row a window */
  sol_recent recent;
  sol_chunks chunks;
} sol_batch;

/* The pairs of attention: every row attends to the rows of its window that are no newer, or, with `kept`, to those in
 * the lists of the batch's chunks. */
sk_attend_pairs sol_batch_pairs(const sol_batch *batch, const sol_config *config, const sk_attend_list *kept);

/* Which rows something is made of. */
typedef enum sol_wanted { SOL_NEWEST_ROWS, SOL_EVERY_ROW } sol_wanted;

/* int32s of a packed batch: one array, so that one upload brings it to the device. */
size_t sol_batch_ints(const sol_config *config, sol_wanted wanted, size_t windows, size_t rows);

/* Rows of a batch once every window is cut to its newest `window` items. */
size_t sol_batch_rows(uint32_t window, const solid_windows *windows);

/* Rows of it that the generator reads, at most. */
size_t sol_batch_recent_rows(const sol_config *config, size_t windows, size_t rows);

/* Lists of kept keys: of chunks in all, and entries a head, at most. 0 with dense attention. */
size_t sol_batch_chunks(const sol_config *config, size_t windows, size_t rows);
size_t sol_batch_entries(const sol_config *config, size_t windows, size_t rows);

/* Packs windows, each cut to its newest items, into `host` (sol_batch_ints int32s, host memory) and points `batch` into
 * `device`, where the caller uploads the same bytes. On the CPU both may be one array. */
void sol_batch_pack(sol_batch *batch, const sol_config *config, sol_wanted wanted, const solid_windows *windows,
                    int32_t *host, int32_t *device);

/* The same, for newest rows, as a batch of n >= windows->n windows and `rows` rows whose longest window is the longest
 * allowed: empty windows and rows of no window fill it up, so that batches of one size differ only in the bytes that
 * are uploaded. */
void sol_batch_pack_padded(sol_batch *batch, const sol_config *config, const solid_windows *windows, size_t n,
                           size_t rows, int32_t *host, int32_t *device);

/* ---- The same, one window at a time, for windows that are not contiguous ---- */

typedef struct sol_packing {
  const sol_config *config;
  sol_wanted wanted;
  size_t n, rows;      /* room */
  size_t windows, row; /* taken */
  size_t recent, recent_row;
  uint32_t longest;
  int32_t *offsets, *newest, *present, *items, *ages, *each; /* in host memory */
  int32_t *recent_offsets, *recent_items;                    /* NULL: those of the windows */
  size_t chunk, chunks, entry;                               /* taken, room, entries taken */
  int32_t most_chunks;
  int32_t *chunk_of, *chunk_offsets, *chunk_begin, *chunk_asks; /* NULL with dense attention */
} sol_packing;

void sol_packing_begin(sol_packing *p, const sol_config *config, sol_wanted wanted, size_t n, size_t rows,
                       int32_t *host);

/* The next window: `older` items, then `newer` ones. */
void sol_packing_add(sol_packing *p, const uint32_t *older, size_t n_older, const uint32_t *newer, size_t n_newer);

/* All of them. */
void sol_packing_windows(sol_packing *p, const solid_windows *windows);

/* Fills the rest of the batch with empty windows and rows of no window. `max_window` becomes the batch's longest
 * window. */
void sol_packing_end(sol_packing *p, sol_batch *batch, uint32_t max_window, int32_t *device);

#endif
