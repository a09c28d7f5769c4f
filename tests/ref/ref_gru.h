/* gru in double, one window and one row at a time. Sizes and offsets come from `a`. */
#ifndef TESTS_REF_GRU_H
#define TESTS_REF_GRU_H

#include "kernels/gru.h"

void ref_gru(const sk_gru_args *a, const double *gx, const double *w_hh, const double *b_hh, double *out);

#endif
