#include "solid/infer/batch.h"
#include <assert.h>

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

static size_t most(size_t a, size_t b) {
  return a > b ? a : b;
}

size_t sol_batch_recent_rows(const sol_config *config, size_t windows, size_t rows) {
  return config->generator_window ? least(rows, windows * config->generator_window) : rows;
}

/* Pieces of windows that the generator reads at most. */
static size_t recent_windows(const sol_config *config, sol_wanted wanted, size_t windows, size_t rows) {
  return wanted == SOL_EVERY_ROW ? windows + rows / config->generator_window : windows;
}

static size_t recent_ints(const sol_config *config, sol_wanted wanted, size_t windows, size_t rows) {
  if (!config->generator_window) return 0;
  size_t items = wanted == SOL_EVERY_ROW ? 0 : sol_batch_recent_rows(config, windows, rows);
  return recent_windows(config, wanted, windows, rows) + 1 + items;
}

/* Keys that a list has beside those of its own chunk, at most. */
static size_t most_kept(const sol_config *config) {
  return most((size_t)config->select_sink + config->select_window + config->select_budget, config->select_dense_below);
}

size_t sol_batch_chunks(const sol_config *config, size_t windows, size_t rows) {
  return config->attention ? windows + rows / config->select_chunk : 0;
}

size_t sol_batch_entries(const sol_config *config, size_t windows, size_t rows) {
  if (!config->attention) return 0;
  return rows + sol_batch_chunks(config, windows, rows) * least(most_kept(config), config->window);
}

static size_t each_ints(const sol_config *config, size_t windows, size_t rows) {
  return (config->attention ? most(windows, rows) : windows) + 1;
}

size_t sol_batch_ints(const sol_config *config, sol_wanted wanted, size_t windows, size_t rows) {
  size_t chunks = config->attention ? windows + 1 + 3 * (sol_batch_chunks(config, windows, rows) + 1) : 0;
  return 3 * windows + 1 + 2 * rows + each_ints(config, windows, rows) + recent_ints(config, wanted, windows, rows) +
         chunks;
}

size_t sol_batch_rows(uint32_t window, const solid_windows *windows) {
  size_t rows = 0;
  for (size_t w = 0; w < windows->n; w++) {
    uint32_t length = windows->offsets[w + 1] - windows->offsets[w];
    rows += length < window ? length : window;
  }
  return rows;
}

void sol_packing_begin(sol_packing *p, const sol_config *config, sol_wanted wanted, size_t n, size_t rows,
                       int32_t *host) {
  assert(n < INT32_MAX && rows < INT32_MAX);
  *p = (sol_packing){.config = config, .wanted = wanted, .n = n, .rows = rows, .offsets = host};
  p->newest = p->offsets + n + 1;
  p->present = p->newest + n;
  p->items = p->present + n;
  p->ages = p->items + rows;
  p->each = p->ages + rows;
  int32_t *next = p->each + each_ints(config, n, rows);
  if (config->generator_window) p->recent_offsets = next;
  if (config->generator_window && wanted == SOL_NEWEST_ROWS) p->recent_items = next + n + 1;
  if (!config->attention) return;
  p->chunks = sol_batch_chunks(config, n, rows);
  p->chunk_of = next + recent_ints(config, wanted, n, rows);
  p->chunk_offsets = p->chunk_of + n + 1;
  p->chunk_begin = p->chunk_offsets + p->chunks + 1;
  p->chunk_asks = p->chunk_begin + p->chunks + 1;
}

/* Rows of the window at hand, the last of which has age `last`. */
static void add_rows(sol_packing *p, const uint32_t *items, size_t n, size_t last) {
  for (size_t i = 0; i < n; i++, p->row++) {
    p->items[p->row] = (int32_t)items[i];
    p->ages[p->row] = (int32_t)(last + n - 1 - i);
  }
}

/* What the generator reads of the window that begins at `first` and ends at p->row. */
static void add_recent(sol_packing *p, size_t first) {
  size_t G = p->config->generator_window;
  if (p->wanted == SOL_EVERY_ROW) {
    for (size_t row = first; row < p->row; row += G) p->recent_offsets[p->recent++] = (int32_t)row;
    return;
  }
  size_t n = least(p->row - first, G);
  p->recent_offsets[p->recent++] = (int32_t)p->recent_row;
  for (size_t row = p->row - n; row < p->row; row++) p->recent_items[p->recent_row++] = p->items[row];
}

/* The chunks of window w, which begins at `first` and ends at p->row. */
static void add_chunks(sol_packing *p, size_t w, size_t first) {
  size_t C = p->config->select_chunk, kept = most_kept(p->config), begun = p->chunk;
  p->chunk_of[w] = (int32_t)begun;
  for (size_t row = first; row < p->row || p->chunk == begun; row += C) {
    p->chunk_offsets[p->chunk] = (int32_t)row;
    p->chunk_begin[p->chunk] = (int32_t)p->entry;
    p->chunk_asks[p->chunk++] = (int32_t)w;
    p->entry += least(kept, row - first) + least(C, p->row - row);
  }
  if ((int32_t)(p->chunk - begun) > p->most_chunks) p->most_chunks = (int32_t)(p->chunk - begun);
}

void sol_packing_add(sol_packing *p, const uint32_t *older, size_t n_older, const uint32_t *newer, size_t n_newer) {
  size_t L = p->config->window, late = least(n_newer, L), early = least(n_older, L - late);
  size_t w = p->windows++, first = p->row;
  assert(w < p->n && p->row + early + late <= p->rows);
  p->offsets[w] = (int32_t)p->row;
  if (early) add_rows(p, older + n_older - early, early, late);
  if (late) add_rows(p, newer + n_newer - late, late, 0);
  p->newest[w] = early + late ? (int32_t)p->row - 1 : -1;
  p->present[w] = early + late ? (int32_t)w : -1;
  if (early + late > p->longest) p->longest = (uint32_t)(early + late);
  if (p->recent_offsets) add_recent(p, first);
  if (p->chunk_of) add_chunks(p, w, first);
}

void sol_packing_windows(sol_packing *p, const solid_windows *windows) {
  for (size_t w = 0; w < windows->n; w++) {
    uint32_t from = windows->offsets[w], n = windows->offsets[w + 1] - from;
    sol_packing_add(p, n ? windows->items + from : NULL, n, NULL, 0);
  }
}

/* Pieces of rows are counted as they are: only newest rows are filled up. */
static sol_recent end_recent(sol_packing *p, uint32_t max_window, const int32_t *device) {
  uint32_t G = p->config->generator_window;
  size_t rows = p->rows;
  const int32_t *items = p->items;
  if (p->wanted == SOL_NEWEST_ROWS) {
    rows = sol_batch_recent_rows(p->config, p->n, p->rows), items = p->recent_items;
    while (p->recent < p->n) p->recent_offsets[p->recent++] = (int32_t)p->recent_row;
    for (size_t row = p->recent_row; row < rows; row++) p->recent_items[row] = -1;
  }
  p->recent_offsets[p->recent] = (int32_t)(p->wanted == SOL_NEWEST_ROWS ? p->recent_row : p->row);
  return (sol_recent){.windows = (int32_t)p->recent,
                      .rows = (int32_t)rows,
                      .max_window = (int32_t)least(max_window, G),
                      .offsets = device + (p->recent_offsets - p->offsets),
                      .items = device + (items - p->offsets)};
}

/* Chunks fill the room where newest rows do, and are counted as they are otherwise. */
static sol_chunks end_chunks(sol_packing *p, uint32_t max_window, const int32_t *device) {
  const sol_config *config = p->config;
  size_t C = config->select_chunk, all = p->wanted == SOL_NEWEST_ROWS ? p->chunks : p->chunk;
  for (size_t w = p->windows; w < p->n; w++) add_chunks(p, w, p->row);
  if (p->chunk > all) all = p->chunk;
  p->chunk_of[p->n] = (int32_t)p->chunk;
  for (size_t c = p->chunk; c <= all; c++) {
    p->chunk_offsets[c] = (int32_t)p->row;
    p->chunk_begin[c] = (int32_t)p->entry;
    p->chunk_asks[c] = (int32_t)p->n;
  }
  int padded = p->wanted == SOL_NEWEST_ROWS;
  size_t longest = least(most_kept(config), max_window) + least(C, max_window);
  return (sol_chunks){.count = (int32_t)all,
                      .most = padded ? (int32_t)((max_window + C - 1) / C) + 1 : p->most_chunks,
                      .keys = (int32_t)longest,
                      .entries = (int32_t)(padded ? sol_batch_entries(config, p->n, p->rows) : p->entry),
                      .of = device + (p->chunk_of - p->offsets),
                      .offsets = device + (p->chunk_offsets - p->offsets),
                      .begin = device + (p->chunk_begin - p->offsets),
                      .asks = device + (p->chunk_asks - p->offsets),
                      .numbers = device + (p->each - p->offsets)};
}

/* Below the crossover nothing is left out, and lists of everything are none. */
static int is_dense(const sol_config *config, uint32_t max_window) {
  return max_window <= config->select_chunk || max_window <= config->select_dense_below;
}

void sol_packing_end(sol_packing *p, sol_batch *batch, uint32_t max_window, int32_t *device) {
  for (size_t w = p->windows; w < p->n; w++) {
    p->offsets[w] = (int32_t)p->row;
    p->newest[w] = p->present[w] = -1;
  }
  p->offsets[p->n] = (int32_t)p->row;
  for (size_t i = 0; i < each_ints(p->config, p->n, p->rows); i++) p->each[i] = (int32_t)i;
  for (size_t row = p->row; row < p->rows; row++) p->items[row] = p->ages[row] = -1;
  *batch = (sol_batch){.windows = (int32_t)p->n,
                       .rows = (int32_t)p->rows,
                       .max_window = (int32_t)max_window,
                       .offsets = device,
                       .newest = device + (p->newest - p->offsets),
                       .present = device + (p->present - p->offsets),
                       .items = device + (p->items - p->offsets),
                       .ages = device + (p->ages - p->offsets),
                       .each = device + (p->each - p->offsets)};
  if (p->chunk_of && !is_dense(p->config, max_window)) batch->chunks = end_chunks(p, max_window, device);
  batch->recent = p->recent_offsets
                      ? end_recent(p, max_window, device)
                      : (sol_recent){batch->windows, batch->rows, batch->max_window, batch->offsets, batch->items};
}

sk_attend_pairs sol_batch_pairs(const sol_batch *batch, const sol_config *config, const sk_attend_list *kept) {
  sk_attend_pairs pairs = {.windows = batch->windows,
                           .heads = (int32_t)config->heads,
                           .dh = (int32_t)(config->width / config->heads),
                           .q_rows = batch->rows,
                           .kv_rows = batch->rows,
                           .max_queries = batch->max_window,
                           .max_keys = batch->max_window,
                           .kv_offsets = batch->offsets};
  if (!kept) return pairs;
  pairs.windows = batch->chunks.count, pairs.kv_offsets = NULL, pairs.q_offsets = batch->chunks.offsets;
  pairs.max_queries = (int32_t)config->select_chunk, pairs.max_keys = batch->chunks.keys;
  pairs.kept = *kept;
  return pairs;
}

void sol_batch_pack(sol_batch *batch, const sol_config *config, sol_wanted wanted, const solid_windows *windows,
                    int32_t *host, int32_t *device) {
  sol_packing p;
  sol_packing_begin(&p, config, wanted, windows->n, sol_batch_rows(config->window, windows), host);
  sol_packing_windows(&p, windows);
  sol_packing_end(&p, batch, p.longest, device);
}

void sol_batch_pack_padded(sol_batch *batch, const sol_config *config, const solid_windows *windows, size_t n,
                           size_t rows, int32_t *host, int32_t *device) {
  sol_packing p;
  sol_packing_begin(&p, config, SOL_NEWEST_ROWS, n, rows, host);
  sol_packing_windows(&p, windows);
  sol_packing_end(&p, batch, config->window, device);
}
