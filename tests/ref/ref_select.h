/* One step of select in double: the masses of the candidates of one window and head, and what a head needs. */
#ifndef TESTS_REF_SELECT_H
#define TESTS_REF_SELECT_H

#include "kernels/select.h"

/* mass (count of the window's list) under the lists of `a`, in host memory as q and k are. */
void ref_select_mass(const sk_select_args *a, int32_t w, int32_t head, const double *q, const double *k, double *mass);

/* The mass of sink and window, which a head has for nothing. */
double ref_select_credit(const sk_select_args *a, int32_t count, const double *mass);

#endif
