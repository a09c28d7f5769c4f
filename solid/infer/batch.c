#include "solid/infer/batch.h"
#include <assert.h>

size_t sol_batch_ints(size_t windows, size_t rows) {
  return 4 * windows + 2 + 2 * rows;
}

size_t sol_batch_rows(uint32_t window, const solid_windows *windows) {
  size_t rows = 0;
  for (size_t w = 0; w < windows->n; w++) {
    uint32_t length = windows->offsets[w + 1] - windows->offsets[w];
    rows += length < window ? length : window;
  }
  return rows;
}

void sol_packing_begin(sol_packing *p, uint32_t window, size_t n, size_t rows, int32_t *host) {
  assert(n < INT32_MAX && rows < INT32_MAX);
  *p = (sol_packing){.window = window, .n = n, .rows = rows, .offsets = host};
  p->newest = p->offsets + n + 1;
  p->present = p->newest + n;
  p->items = p->present + n;
  p->ages = p->items + rows;
  p->each = p->ages + rows;
}

/* Rows of the window at hand, the last of which has age `last`. */
static void add_rows(sol_packing *p, const uint32_t *items, size_t n, size_t last) {
  for (size_t i = 0; i < n; i++, p->row++) {
    p->items[p->row] = (int32_t)items[i];
    p->ages[p->row] = (int32_t)(last + n - 1 - i);
  }
}

void sol_packing_add(sol_packing *p, const uint32_t *older, size_t n_older, const uint32_t *newer, size_t n_newer) {
  size_t late = n_newer < p->window ? n_newer : p->window, left = p->window - late;
  size_t early = n_older < left ? n_older : left, w = p->windows++;
  assert(w < p->n && p->row + early + late <= p->rows);
  p->offsets[w] = (int32_t)p->row;
  if (early) add_rows(p, older + n_older - early, early, late);
  if (late) add_rows(p, newer + n_newer - late, late, 0);
  p->newest[w] = early + late ? (int32_t)p->row - 1 : -1;
  p->present[w] = early + late ? (int32_t)w : -1;
  if (early + late > p->longest) p->longest = (uint32_t)(early + late);
}

void sol_packing_windows(sol_packing *p, const solid_windows *windows) {
  for (size_t w = 0; w < windows->n; w++) {
    uint32_t from = windows->offsets[w], n = windows->offsets[w + 1] - from;
    sol_packing_add(p, n ? windows->items + from : NULL, n, NULL, 0);
  }
}

void sol_packing_end(sol_packing *p, sol_batch *batch, uint32_t max_window, int32_t *device) {
  for (size_t w = p->windows; w < p->n; w++) {
    p->offsets[w] = (int32_t)p->row;
    p->newest[w] = p->present[w] = -1;
  }
  p->offsets[p->n] = (int32_t)p->row;
  for (size_t w = 0; w <= p->n; w++) p->each[w] = (int32_t)w;
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
}

sk_attend_pairs sol_batch_pairs(const sol_batch *batch, const sol_config *config) {
  return (sk_attend_pairs){.windows = batch->windows,
                           .heads = (int32_t)config->heads,
                           .dh = (int32_t)(config->width / config->heads),
                           .q_rows = batch->rows,
                           .kv_rows = batch->rows,
                           .max_queries = batch->max_window,
                           .max_keys = batch->max_window,
                           .kv_offsets = batch->offsets};
}

void sol_batch_pack(sol_batch *batch, uint32_t window, const solid_windows *windows, int32_t *host, int32_t *device) {
  sol_packing p;
  sol_packing_begin(&p, window, windows->n, sol_batch_rows(window, windows), host);
  sol_packing_windows(&p, windows);
  sol_packing_end(&p, batch, p.longest, device);
}

void sol_batch_pack_padded(sol_batch *batch, uint32_t window, const solid_windows *windows, size_t n, size_t rows,
                           int32_t *host, int32_t *device) {
  sol_packing p;
  sol_packing_begin(&p, window, n, rows, host);
  sol_packing_windows(&p, windows);
  sol_packing_end(&p, batch, window, device);
}
