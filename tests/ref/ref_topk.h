/* topk in double: all scores of a row, then k times the best that is left. Sizes and mask come from `a`. */
#ifndef TESTS_REF_TOPK_H
#define TESTS_REF_TOPK_H

#include "kernels/topk.h"

/* s (items): scores of row `row`, -INFINITY where masked or NaN. */
void ref_topk_scores(const sk_topk_args *a, int32_t row, const double *u, const double *e, double *s);

void ref_topk(const sk_topk_args *a, const double *u, const double *e, int32_t *index, double *score);

#endif
