/* blend in double. Sizes and factors come from `a`. */
#ifndef TESTS_REF_BLEND_H
#define TESTS_REF_BLEND_H

#include "kernels/blend.h"

void ref_blend(const sk_blend_args *a, const double *x, double *y);

#endif
