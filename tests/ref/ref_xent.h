/* xent in double, with all logits of a row at once. Sizes, offset, target, smoothing and weight come
 * from `a`. */
#ifndef TESTS_REF_XENT_H
#define TESTS_REF_XENT_H

#include "kernels/xent.h"

void ref_xent(const sk_xent_args *a, const double *u, const double *e, double *loss);

/* du (n, d) overwritten, de (items, d) added to, by the formula of the header; finite differences of ref_xent judge it,
 * it judges the shapes that are too large for them. */
void ref_xent_gradient(const sk_xent_args *a, const double *u, const double *e, double *du, double *de);

#endif
