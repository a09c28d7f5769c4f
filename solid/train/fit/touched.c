#include "solid/train/fit/touched.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

solid_status sol_touched_open(sol_touched *touched, uint32_t most) {
  size_t slots = 64;
  while (slots < 2 * (size_t)most) slots *= 2;
  sol_touched p = {.most = most, .mask = (uint32_t)(slots - 1)};
  p.items = malloc(((size_t)most + 1) * sizeof *p.items);
  p.slots = calloc(slots, sizeof *p.slots);
  if (!p.items || !p.slots) {
    sol_touched_close(&p);
    return solid_fail(SOLID_ENOMEM, "numbers of %u items", most);
  }
  *touched = p;
  return SOLID_OK;
}

void sol_touched_close(sol_touched *touched) {
  free(touched->items);
  free(touched->slots);
  *touched = (sol_touched){0};
}

void sol_touched_begin(sol_touched *touched) {
  touched->count = 0;
  if (++touched->number != 0) return;
  memset(touched->slots, 0,
         ((size_t)touched->mask + 1) * sizeof *touched->slots); /* of parts four thousand million ago */
  touched->number = 1;
}

uint32_t sol_touched_take(sol_touched *touched, uint32_t item) {
  uint32_t at = (uint32_t)(item * SOL_RANDOM_STEP >> 32) & touched->mask;
  for (;; at = (at + 1) & touched->mask) {
    uint32_t number = (uint32_t)(touched->slots[at] >> 32), index = (uint32_t)touched->slots[at];
    if (number == touched->number && touched->items[index] == item) return index;
    if (number != touched->number) break;
  }
  assert(touched->count < touched->most);
  touched->items[touched->count] = item;
  touched->slots[at] = (uint64_t)touched->number << 32 | touched->count;
  return touched->count++;
}
