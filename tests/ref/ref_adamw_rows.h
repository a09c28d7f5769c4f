/* adamw_rows in double, step by step, with the schedule in place of its tables. `sumsq` and `average` may be NULL, grad
 * as in the args. */
#ifndef TESTS_REF_ADAMW_ROWS_H
#define TESTS_REF_ADAMW_ROWS_H

#include "kernels/adamw_rows.h"

typedef struct ref_schedule {
  int64_t before; /* steps before those of the table */
  float decay;
  const float *lr, *keep; /* (count) */
} ref_schedule;

void ref_adamw_rows(const sk_adamw_rows_args *a, const ref_schedule *schedule, const int32_t *index,
                    const int32_t *taken, const double *grad, const double *sumsq, double *w, double *m, double *v,
                    double *average);

#endif
