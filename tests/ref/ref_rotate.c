#include "tests/ref/ref_rotate.h"
#include <math.h>

void ref_rotate(const sk_rotate_args *a, double *x) {
  for (int32_t row = 0; row < a->n; row++)
    for (int32_t h = 0; h < a->heads; h++)
      for (int32_t c = 0; c + 1 < a->dh; c += 2) {
        double *at = x + (int64_t)row * a->stride + h * a->dh + c, even = at[0], odd = at[1];
        double angle = a->direction * (double)a->positions[row] * pow(SK_ROTATE_BASE, -(double)c / a->dh);
        at[0] = even * cos(angle) - odd * sin(angle);
        at[1] = even * sin(angle) + odd * cos(angle);
      }
}
