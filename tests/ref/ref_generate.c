#include "tests/ref/ref_generate.h"
#include <math.h>

static double branch(const ref_generate_branch *b, int32_t d, int32_t row, int32_t o) {
  double sum = b->b[o];
  for (int32_t c = 0; c < d; c++) sum += b->z[(int64_t)row * d + c] * b->g[(int64_t)o * d + c];
  return sum;
}

void ref_generate(const sk_generate_args *a, ref_generate_branch item, ref_generate_branch semantic, double *w,
                  double *wi) {
  for (int32_t row = 0; row < a->n; row++) {
    for (int32_t o = 0; o < a->m; o++) {
      double sum = 0;
      if (item.z) {
        double x = branch(&item, a->d, row, o), clip = (double)a->clip;
        if (wi) wi[(int64_t)row * a->m + o] = x;
        sum = x < -clip ? -clip : x > clip ? clip : x;
      }
      if (semantic.z) sum += branch(&semantic, a->d, row, o);
      w[(int64_t)row * a->stride + o] = sum;
    }
  }
}
