/* Similar items by the cosine of their vectors, in host memory: to explain an answer, or to show beside an item.
 * Items that join the model later are looked at in the model. Immutable, so any number of threads may use it. */
#ifndef SOLID_NEIGHBOURS_H
#define SOLID_NEIGHBOURS_H

#include "solid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_neighbours solid_neighbours;

/* Needs memory for V d floats, also of a model whose embeddings stay in its file. *out is owned by the caller:
 * solid_neighbours_free. ENOMEM, EDEVICE, ESTALE. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_neighbours_new(solid_neighbours **out, const solid_model *model);

/* NULL is a no-op. */
SOLID_API void solid_neighbours_free(solid_neighbours *neighbours);

/* Cosine of two items' vectors; 0 if either is not an item or has a zero vector. */
SOLID_API float solid_neighbours_cosine(const solid_neighbours *neighbours, uint32_t item, uint32_t other);

/* The k items most similar to `item`, without itself and without what is hidden, best first, ties to the lowest index,
 * into out (k); *count says how many there are. ERANGE: no such item, k = 0. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_neighbours_of(const solid_neighbours *neighbours, uint32_t item,
                                                              size_t k, solid_scored *out, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
