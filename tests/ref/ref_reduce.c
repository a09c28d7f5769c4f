#include "tests/ref/ref_reduce.h"

void ref_reduce(const sk_reduce_args *a, const double *x, double *out) {
  double sum = a->accumulate ? *out : 0.0;
  for (int64_t i = 0; i < a->n; i++) sum += a->kind == SK_SUM ? x[i] : x[i] * x[i];
  *out = sum;
}
