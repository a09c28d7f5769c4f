/* Windows of any length into packed rows: no padding exists, so none is computed. */
#include "solid/infer/forward.h"
#include <assert.h>

size_t sol_batch_ints(size_t windows, size_t rows) {
  return 4 * windows + 2 + 2 * rows;
}

static uint32_t kept_length(uint32_t window, const solid_windows *windows, size_t w) {
  uint32_t length = windows->offsets[w + 1] - windows->offsets[w];
  return length < window ? length : window;
}

size_t sol_batch_rows(uint32_t window, const solid_windows *windows) {
  size_t rows = 0;
  for (size_t w = 0; w < windows->n; w++) rows += kept_length(window, windows, w);
  return rows;
}

/* Fills what is left behind the packed windows: windows first .. n - 1, rows row .. rows - 1. */
static void pad(int32_t *offsets, int32_t *newest, int32_t *present, size_t first, size_t n, int32_t *items,
                int32_t *ages, size_t row, size_t rows) {
  for (size_t w = first; w < n; w++) {
    offsets[w] = (int32_t)row;
    newest[w] = present[w] = -1;
  }
  offsets[n] = (int32_t)row;
  for (; row < rows; row++) items[row] = ages[row] = -1;
}

/* max_window 0: that of the batch. */
static void pack(sol_batch *batch, uint32_t window, const solid_windows *windows, size_t n, size_t rows,
                 int32_t max_window, int32_t *host, int32_t *device) {
  size_t row = 0;
  int32_t *offsets = host, *newest = offsets + n + 1, *present = newest + n, *items = present + n, *ages = items + rows;
  int32_t *each = ages + rows;
  int32_t longest = 0;
  assert(n < INT32_MAX && rows < INT32_MAX && n >= windows->n);
  for (size_t w = 0; w < windows->n; w++) {
    uint32_t length = kept_length(window, windows, w);
    const uint32_t *from = windows->items + windows->offsets[w + 1] - length;
    offsets[w] = (int32_t)row;
    assert(row + length <= rows);
    for (uint32_t i = 0; i < length; i++, row++) {
      items[row] = (int32_t)from[i];
      ages[row] = (int32_t)(length - 1 - i);
    }
    newest[w] = length == 0 ? -1 : (int32_t)row - 1;
    present[w] = length == 0 ? -1 : (int32_t)w;
    if ((int32_t)length > longest) longest = (int32_t)length;
  }
  pad(offsets, newest, present, windows->n, n, items, ages, row, rows);
  for (size_t w = 0; w <= n; w++) each[w] = (int32_t)w;
  *batch = (sol_batch){.windows = (int32_t)n,
                       .rows = (int32_t)rows,
                       .max_window = max_window ? max_window : longest,
                       .offsets = device,
                       .newest = device + (newest - host),
                       .present = device + (present - host),
                       .items = device + (items - host),
                       .ages = device + (ages - host),
                       .each = device + (each - host)};
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
  pack(batch, window, windows, windows->n, sol_batch_rows(window, windows), 0, host, device);
}

void sol_batch_pack_padded(sol_batch *batch, uint32_t window, const solid_windows *windows, size_t n, size_t rows,
                           int32_t *host, int32_t *device) {
  pack(batch, window, windows, n, rows, (int32_t)window, host, device);
}
