/* activate in double. */
#ifndef TESTS_REF_ACTIVATE_H
#define TESTS_REF_ACTIVATE_H

#include "kernels/activate.h"

void ref_activate(const sk_activate_args *a, const double *x, double *y);
void ref_activate_backward(const sk_activate_backward_args *a, const double *x, const double *dy, double *dx);

#endif
