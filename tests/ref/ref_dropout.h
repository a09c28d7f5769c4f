/* dropout in double, with a Philox of its own. */
#ifndef TESTS_REF_DROPOUT_H
#define TESTS_REF_DROPOUT_H

#include "kernels/dropout.h"

/* Philox4x32-10 as published: ten rounds on counter c and key k, in place. */
void ref_philox(uint32_t c[4], uint32_t k[2]);

void ref_dropout(const sk_dropout_args *a, const double *x, double *y);

#endif
