/* apply in double. Sizes, f, stride and index (on the host) come from `a`. */
#ifndef TESTS_REF_APPLY_H
#define TESTS_REF_APPLY_H

#include "kernels/apply.h"

void ref_apply(const sk_apply_args *a, const double *x, const double *w, double *y);

#endif
