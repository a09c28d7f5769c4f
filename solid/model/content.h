/* What is known of an item without events, as the codebook was fitted to it, so that an item that comes later gets the
 * codes it would have had. The trainer makes the recipe (solid/train/codebook/features.h); the model file keeps it.
 *
 *   x = [ unit(sum of W[a] over its attributes) ; unit(B^T (vector - mean)) ]     unit(0) = 0
 *   unit(B^T (vector - mean)) = 0 too where that is shorter than 1e-7 of the vector, which is what rounding leaves
 *   r_0 = x    code_l = argmin_k ||r_l - c_lk||^2 over the elements of x          r_{l+1} = r_l - c_l,code_l
 *
 * W has idf and singular vectors in it. Centroids go on behind x with what only events tell, which nobody knows of a
 * new item. All is summed in double, in the order of the elements, and ties go to the lowest code, so that every
 * process finds the same codes. */
#ifndef SOLID_MODEL_CONTENT_H
#define SOLID_MODEL_CONTENT_H

#include "solid/model/config.h"
#include <stddef.h>

/* What is shorter has no direction worth scaling up: of attributes absolutely, of a vector as a part of its length. */
#define SOL_NO_LENGTH 1e-7

/* Borrowed arrays; all zero: nothing can be known of a new item. */
typedef struct sol_content {
  uint32_t names, attributes; /* A, wa: rows and width of `words`; wa = 0: no attributes */
  uint32_t given, vectors;    /* w, wv: floats of a given vector, and of the part made of it; wv = 0: no vectors */
  const float *words;         /* W (A, wa) */
  const float *mean;          /* (w) */
  const float *basis;         /* B (w, wv); NULL: the vector as it is, w = wv */
} sol_content;

/* x (wa + wv) of an item with the attributes `ids` (n, below A) and the vector (w floats; NULL = none). Returns 1, or 0
 * if nothing is known of it. */
int sol_content_of(const sol_content *content, const uint32_t *ids, size_t n, const float *vector, double *x);

/* codes (levels) of x, of which `known` elements are compared and which is used up; centroids (levels, codes, width).
 */
void sol_content_codes(const float *centroids, uint32_t levels, uint32_t codes, uint32_t width, uint32_t known,
                       double *x, uint16_t *out);

#endif
