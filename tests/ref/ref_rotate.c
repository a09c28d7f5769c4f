#include "tests/ref/ref_rotate.h"
#include <math.h>

void ref_rotate(const sk_rotate_args *a, double *x) {
  int32_t width = a->turned > 0 ? a->turned : a->dh;
  for (int32_t row = 0; row < a->n; row++)
    for (int32_t h = 0; h < a->heads; h++)
      for (int32_t c = 0; c + 1 < width; c += 2) {
        double *at = x + (int64_t)row * a->stride + h * a->dh + c, even = at[0], odd = at[1];
        double angle = a->direction * (double)a->positions[row] * pow(SK_ROTATE_BASE, -(double)c / width);
        at[0] = even * cos(angle) - odd * sin(angle);
        at[1] = even * sin(angle) + odd * cos(angle);
      }
}
