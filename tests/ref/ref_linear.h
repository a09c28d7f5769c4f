/* linear in double. Sizes come from `a`; NULL arguments are those of the header. */
#ifndef TESTS_REF_LINEAR_H
#define TESTS_REF_LINEAR_H

#include "kernels/linear.h"

void ref_linear(const sk_linear_args *a, const double *x, const double *w, const double *b, double *y);
void ref_linear_backward(const sk_linear_backward_args *a, const double *x, const double *w, const double *dy,
                         double *dx, double *dw, double *db);

#endif
