/* layer_norm in double. Sizes and eps come from `a`; mean and rstd may be NULL. */
#ifndef TESTS_REF_LAYER_NORM_H
#define TESTS_REF_LAYER_NORM_H

#include "kernels/layer_norm.h"

void ref_layer_norm(const sk_layer_norm_args *a, const double *x, const double *gamma, const double *beta, double *y,
                    double *mean, double *rstd);
void ref_layer_norm_backward(const sk_layer_norm_backward_args *a, const double *x, const double *gamma,
                             const double *mean, const double *rstd, const double *dy, double *dx, double *dgamma,
                             double *dbeta);

#endif
