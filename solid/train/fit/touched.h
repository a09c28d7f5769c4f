/* A part of the catalogue: some of its items, numbered in the order in which they come. Its cost does not depend on the
 * size of the catalogue. */
#ifndef SOLID_TRAIN_FIT_TOUCHED_H
#define SOLID_TRAIN_FIT_TOUCHED_H

#include "solid/status.h"
#include <stdint.h>

typedef struct sol_touched {
  uint32_t most, count;
  uint32_t *items; /* (count) */
  uint64_t *slots; /* a table of hashes: number of the part, number of the item in it */
  uint32_t mask, number;
} sol_touched;

/* For up to `most` items. ENOMEM. A zeroed struct may be closed. */
solid_status sol_touched_open(sol_touched *touched, uint32_t most);
void sol_touched_close(sol_touched *touched);

/* From here on it has no items. */
void sol_touched_begin(sol_touched *touched);

/* The item's number in the part, to which it is added if it is new. */
uint32_t sol_touched_take(sol_touched *touched, uint32_t item);

#endif
