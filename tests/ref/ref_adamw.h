/* adamw in double. `sumsq` and `average` may be NULL. */
#ifndef TESTS_REF_ADAMW_H
#define TESTS_REF_ADAMW_H

#include "kernels/adamw.h"

void ref_adamw(const sk_adamw_args *a, const double *grad, const double *sumsq, double *w, double *m, double *v,
               double *average);

#endif
