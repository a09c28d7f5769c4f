/* place: rows into a table.          table_{index_i} <- x_i
 *
 *   x: row i starts at x + i * stride, width floats of it count      index (n) int32, each at most once; a negative one
 *   stands for no row      table: row r starts at table + r * width
 *
 * The other rows of the table keep what they hold. An index beyond the table is a caller's error. */
#ifndef SK_PLACE_H
#define SK_PLACE_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_place_args {
  int32_t n, width, stride;
  const float *x;
  const int32_t *index;
  float *table;
} sk_place_args;

SK_NO_SCRATCH(place)

#endif
