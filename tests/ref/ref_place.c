#include "tests/ref/ref_place.h"

void ref_place(const sk_place_args *a, const double *x, double *table) {
  for (int64_t i = 0; i < a->n; i++)
    for (int64_t j = 0; a->index[i] >= 0 && j < a->width; j++)
      table[a->index[i] * (int64_t)a->width + j] = x[i * a->stride + j];
}
