/* reduce in double. */
#ifndef TESTS_REF_REDUCE_H
#define TESTS_REF_REDUCE_H

#include "kernels/reduce.h"

void ref_reduce(const sk_reduce_args *a, const double *x, double *out);

#endif
