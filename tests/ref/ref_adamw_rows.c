#include "tests/ref/ref_adamw_rows.h"
#include "tests/ref/ref_adamw.h"
#include <stddef.h>

void ref_adamw_rows(const sk_adamw_rows_args *a, const ref_schedule *schedule, const int32_t *index,
                    const int32_t *taken, const double *grad, const double *sumsq, double *w, double *m, double *v,
                    double *average) {
  for (int32_t i = 0; i < a->n; i++) {
    int64_t row = index ? index[i] : i;
    for (int32_t s = taken[row]; s < a->count; s++) {
      int last = grad && s == a->count - 1;
      for (int64_t at = row * a->d; at < (row + 1) * a->d; at++) {
        const double none = 0.0, *g = last ? grad + i * a->d + at - row * a->d : &none;
        const sk_adamw_args one = {.n = 1,
                                   .lr = schedule->lr[s],
                                   .b1 = a->b1,
                                   .b2 = a->b2,
                                   .eps = a->eps,
                                   .decay = schedule->decay,
                                   .step = schedule->before + s + 1,
                                   .max_norm = a->max_norm,
                                   .average_keep = schedule->keep[s]};
        ref_adamw(&one, g, last ? sumsq : NULL, w + at, m + at, v + at, average ? average + at : NULL);
      }
    }
  }
}
