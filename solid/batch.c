/* Windows of any length into packed rows: no padding exists, so none is computed. */
#include "solid/internal/forward.h"
#include <assert.h>

size_t sol_batch_ints(size_t windows, size_t rows) {
  return 3 * windows + 1 + 2 * rows;
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

void sol_batch_pack(sol_batch *batch, uint32_t window, const solid_windows *windows, int32_t *host, int32_t *device) {
  size_t n = windows->n, rows = sol_batch_rows(window, windows), row = 0;
  assert(n < INT32_MAX && rows < INT32_MAX);
  int32_t *offsets = host, *newest = offsets + n + 1, *present = newest + n, *items = present + n, *ages = items + rows;
  int32_t longest = 0;
  for (size_t w = 0; w < n; w++) {
    uint32_t length = kept_length(window, windows, w);
    const uint32_t *from = windows->items + windows->offsets[w + 1] - length;
    offsets[w] = (int32_t)row;
    for (uint32_t i = 0; i < length; i++, row++) {
      items[row] = (int32_t)from[i];
      ages[row] = (int32_t)(length - 1 - i);
    }
    newest[w] = length == 0 ? -1 : (int32_t)row - 1;
    present[w] = length == 0 ? -1 : (int32_t)w;
    if ((int32_t)length > longest) longest = (int32_t)length;
  }
  offsets[n] = (int32_t)row;
  *batch = (sol_batch){.windows = (int32_t)n,
                       .rows = (int32_t)rows,
                       .max_window = longest,
                       .offsets = device,
                       .newest = device + (newest - host),
                       .present = device + (present - host),
                       .items = device + (items - host),
                       .ages = device + (ages - host)};
}
