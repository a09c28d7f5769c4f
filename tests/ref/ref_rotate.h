/* rotate in double, in place on x; positions (in host memory) and sizes come from `a`. */
#ifndef TESTS_REF_ROTATE_H
#define TESTS_REF_ROTATE_H

#include "kernels/rotate.h"

void ref_rotate(const sk_rotate_args *a, double *x);

#endif
