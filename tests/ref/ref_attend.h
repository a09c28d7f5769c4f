/* attend in double, one query, head and key at a time. Sizes, strides, dropout, offsets, positions and lists (in host
 * memory) come from `a`; its other pointers are not read, nor is join. lse (q_rows, heads) may be NULL. */
#ifndef TESTS_REF_ATTEND_H
#define TESTS_REF_ATTEND_H

#include "kernels/attend.h"

typedef struct ref_attend_values {
  const double *q, *k, *v, *bias; /* bias NULL: none */
} ref_attend_values;

void ref_attend_biased(const sk_attend_args *a, const ref_attend_values *x, double *out, double *lse);

/* Without bias. */
void ref_attend(const sk_attend_args *a, const double *q, const double *k, const double *v, double *out, double *lse);

#endif
