#include "tests/support/windows.h"

int32_t windows_draw(seed_rng *rng, int32_t windows, int32_t longest, int32_t *offsets) {
  offsets[0] = 0;
  for (int32_t w = 0; w < windows; w++) {
    int32_t length = w + 1 == windows ? longest : seed_below(rng, longest + 1);
    offsets[w + 1] = offsets[w] + length;
  }
  return offsets[windows];
}
