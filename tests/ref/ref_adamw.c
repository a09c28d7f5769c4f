#include "tests/ref/ref_adamw.h"
#include <math.h>

void ref_adamw(const sk_adamw_args *a, const double *grad, const double *sumsq, double *w, double *m, double *v,
               double *average) {
  double b1 = (double)a->b1, b2 = (double)a->b2, lr = (double)a->lr, keep = (double)a->average_keep, clip = 1.0;
  if (sumsq && !(sqrt(*sumsq) <= (double)a->max_norm)) clip = (double)a->max_norm / sqrt(*sumsq); /* NaN too */
  for (int64_t i = 0; i < a->n; i++) {
    double g = grad[i] * clip;
    m[i] = b1 * m[i] + (1.0 - b1) * g;
    v[i] = b2 * v[i] + (1.0 - b2) * g * g;
    double mhat = m[i] / (1.0 - pow(b1, (double)a->step)), vhat = v[i] / (1.0 - pow(b2, (double)a->step));
    w[i] -= lr * (mhat / (sqrt(vhat) + (double)a->eps) + (double)a->decay * w[i]);
    if (average) average[i] = keep * average[i] + (1.0 - keep) * w[i];
  }
}
