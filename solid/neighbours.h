/* Which items are alike: the cosine of their vectors, in memory of the host. What an answer says of its reasons, and
 * what is shown beside an item. Immutable once made: any number of threads. */
#ifndef SOLID_NEIGHBOURS_H
#define SOLID_NEIGHBOURS_H

#include "solid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_neighbours solid_neighbours;

/* Takes V d floats. *out is owned by the caller: solid_neighbours_free. ENOMEM, EDEVICE. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_neighbours_new(solid_neighbours **out, const solid_model *model);

/* NULL is a no-op. */
SOLID_API void solid_neighbours_free(solid_neighbours *neighbours);

/* Cosine of two items' vectors; 0 where either is no item or has the vector 0. */
SOLID_API float solid_neighbours_cosine(const solid_neighbours *neighbours, uint32_t item, uint32_t other);

/* The k items most like `item`, itself left out, best first, ties to the lowest index, into out (k); *count says how
 * many there are. ERANGE: no such item, k = 0. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_neighbours_of(const solid_neighbours *neighbours, uint32_t item,
                                                              size_t k, solid_scored *out, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
