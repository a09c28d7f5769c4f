/* place in double: x as `a` strides it, table in place; index (in host memory) and sizes come from `a`. */
#ifndef TESTS_REF_PLACE_H
#define TESTS_REF_PLACE_H

#include "kernels/place.h"

void ref_place(const sk_place_args *a, const double *x, double *table);

#endif
