/* attend_ranges in double, one window, head, query and key at a time. Sizes, lists and strides come from `a`, whose
 * lists are on the host; its other pointers are not read. lse may be NULL. */
#ifndef TESTS_REF_ATTEND_RANGES_H
#define TESTS_REF_ATTEND_RANGES_H

#include "kernels/attend_ranges.h"

void ref_attend_ranges(const sk_attend_ranges_args *a, const double *q, const double *k, const double *v, double *out,
                       double *lse);

#endif
