#include "tests/ref/ref_layer_norm.h"
#include <math.h>

void ref_layer_norm(const sk_layer_norm_args *a, const double *x, const double *gamma, const double *beta, double *y,
                    double *mean, double *rstd) {
  for (int32_t i = 0; i < a->n; i++) {
    const double *row = x + i * a->d;
    double m = 0.0, variance = 0.0;
    for (int32_t j = 0; j < a->d; j++) m += row[j] / a->d;
    for (int32_t j = 0; j < a->d; j++) variance += (row[j] - m) * (row[j] - m) / a->d;
    double r = 1.0 / sqrt(variance + (double)a->eps);
    for (int32_t j = 0; j < a->d; j++) y[i * a->d + j] = (row[j] - m) * r * gamma[j] + beta[j];
    if (mean) mean[i] = m;
    if (rstd) rstd[i] = r;
  }
}

void ref_layer_norm_backward(const sk_layer_norm_backward_args *a, const double *x, const double *gamma,
                             const double *mean, const double *rstd, const double *dy, double *dx, double *dgamma,
                             double *dbeta) {
  for (int32_t i = 0; i < a->n; i++) {
    double mean_g = 0.0, mean_gx = 0.0;
    for (int32_t j = 0; j < a->d; j++) {
      double xhat = (x[i * a->d + j] - mean[i]) * rstd[i], upstream = dy[i * a->d + j];
      mean_g += upstream * gamma[j] / a->d;
      mean_gx += upstream * gamma[j] * xhat / a->d;
      dgamma[j] += upstream * xhat;
      dbeta[j] += upstream;
    }
    for (int32_t j = 0; j < a->d; j++) {
      double xhat = (x[i * a->d + j] - mean[i]) * rstd[i];
      double value = rstd[i] * (dy[i * a->d + j] * gamma[j] - mean_g - xhat * mean_gx);
      dx[i * a->d + j] = (a->accumulate_dx ? dx[i * a->d + j] : 0.0) + value;
    }
  }
}
