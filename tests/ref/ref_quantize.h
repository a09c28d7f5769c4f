/* quantize in double, by the definition: the squared distance to every centroid, first smallest wins. Sizes come from
 * `a`. residual (n, d) is undefined for a row without codes. */
#ifndef TESTS_REF_QUANTIZE_H
#define TESTS_REF_QUANTIZE_H

#include "kernels/quantize.h"

void ref_quantize(const sk_quantize_args *a, const double *x, const double *centroids, int32_t *codes,
                  double *residual);

/* ||r - c||^2 over d values. */
double ref_distance(int32_t d, const double *r, const double *c);

#endif
