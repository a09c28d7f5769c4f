#include "tests/ref/ref_xent.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double offset_of(const sk_xent_args *a, int32_t v) {
  return a->offset ? (double)a->offset[v] : 0;
}

static double share_of(const sk_xent_args *a, int32_t v) {
  return exp(offset_of(a, v)) / (a->offset ? a->whole : a->items);
}

/* s (items): the logits of one row; returns log sum exp of what the offsets make of them. */
static double logits(const sk_xent_args *a, const double *u, const double *e, double *s) {
  double max = -INFINITY, sum = 0;
  for (int32_t v = 0; v < a->items; v++) {
    s[v] = 0;
    for (int32_t c = 0; c < a->d; c++) s[v] += u[c] * e[(int64_t)v * a->d + c];
    max = fmax(max, s[v] + offset_of(a, v));
  }
  for (int32_t v = 0; v < a->items; v++) sum += exp(s[v] + offset_of(a, v) - max);
  return max + log(sum);
}

void ref_xent(const sk_xent_args *a, const double *u, const double *e, double *loss) {
  double *s = malloc(sizeof *s * (size_t)a->items), eps = (double)a->smoothing;
  for (int32_t row = 0; row < a->n; row++) {
    loss[row] = 0;
    if (a->target[row] < 0) continue;
    double lse = logits(a, u + (int64_t)row * a->d, e, s), mean = 0;
    for (int32_t v = 0; v < a->items; v++) mean += s[v] * share_of(a, v);
    loss[row] = lse - (1 - eps) * s[a->target[row]] - eps * mean;
  }
  free(s);
}

void ref_xent_gradient(const sk_xent_args *a, const double *u, const double *e, double *du, double *de) {
  double *s = malloc(sizeof *s * (size_t)a->items), eps = (double)a->smoothing;
  memset(du, 0, sizeof *du * (size_t)a->n * (size_t)a->d);
  for (int32_t row = 0; row < a->n; row++) {
    if (a->target[row] < 0) continue;
    double lse = logits(a, u + (int64_t)row * a->d, e, s);
    for (int32_t v = 0; v < a->items; v++) {
      double p = exp(s[v] + offset_of(a, v) - lse);
      double g = (double)a->weight * (p - (1 - eps) * (v == a->target[row]) - eps * share_of(a, v));
      for (int32_t c = 0; c < a->d; c++) {
        du[(int64_t)row * a->d + c] += g * e[(int64_t)v * a->d + c];
        de[(int64_t)v * a->d + c] += g * u[(int64_t)row * a->d + c];
      }
    }
  }
  free(s);
}
