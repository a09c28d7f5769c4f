/* bce in double. Sizes, weight and whether labels exist come from `a`; its pointers are not read. */
#ifndef TESTS_REF_BCE_H
#define TESTS_REF_BCE_H

#include "kernels/bce.h"

/* score and loss (n, t) */
void ref_bce(const sk_bce_args *a, const double *x, const double *u, const double *label, double *score, double *loss);

#endif
