#include "tests/ref/ref_bce.h"
#include <math.h>

void ref_bce(const sk_bce_args *a, const double *x, const double *u, const double *label, double *score, double *loss) {
  for (int64_t at = 0; at < (int64_t)a->n * a->t; at++) {
    double s = 0;
    for (int64_t c = 0; c < a->d; c++) s += x[at / a->t * a->d + c] * u[at * a->d + c];
    score[at] = s;
    /* -y log sigmoid(s) - (1 - y) log sigmoid(-s), each sigmoid's logarithm in its stable form */
    loss[at] = label[at] * (s > 0 ? log1p(exp(-s)) : log1p(exp(s)) - s) +
               (1 - label[at]) * (s > 0 ? log1p(exp(-s)) + s : log1p(exp(s)));
  }
}
