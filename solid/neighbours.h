/* Similar items by the cosine of their vectors: to explain an answer, or to show beside an item. The vectors are in
 * host memory, or, of a model whose embeddings stay in its file, in the file: then bounds rule out most items, and the
 * rows of the others are read, to the same answers. Items that join the model later are looked at in the model.
 * Immutable, so any number of threads may use it. */
#ifndef SOLID_NEIGHBOURS_H
#define SOLID_NEIGHBOURS_H

#include "solid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_neighbours solid_neighbours;

/* Takes V d floats of memory, or V where embeddings stay in the file. *out is owned by the caller:
 * solid_neighbours_free. ENOMEM, EDEVICE; ESTALE: the file was changed. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_neighbours_new(solid_neighbours **out, const solid_model *model);

/* NULL is a no-op. */
SOLID_API void solid_neighbours_free(solid_neighbours *neighbours);

/* Cosine of two items' vectors; 0 if either is not an item or has a zero vector, or cannot be read any more, which
 * solid_neighbours_of and all questions report as ESTALE. */
SOLID_API float solid_neighbours_cosine(const solid_neighbours *neighbours, uint32_t item, uint32_t other);

/* The k items most similar to `item`, without itself and without what is hidden, best first, ties to the lowest index,
 * into out (k); *count says how many there are. ERANGE: no such item, k = 0. ESTALE: the model's file was changed. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_neighbours_of(const solid_neighbours *neighbours, uint32_t item,
                                                              size_t k, solid_scored *out, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
