/* generate in double. Sizes, clip and stride come from `a`; a branch whose z is NULL here is absent. */
#ifndef TESTS_REF_GENERATE_H
#define TESTS_REF_GENERATE_H

#include "kernels/generate.h"

typedef struct ref_generate_branch {
  const double *z, *g, *b; /* (n, d)  (m, d)  (m) */
} ref_generate_branch;

/* w: row i starts at w + i * a->stride. wi (n, m), may be NULL: the item branch before the clip. */
void ref_generate(const sk_generate_args *a, ref_generate_branch item, ref_generate_branch semantic, double *w,
                  double *wi);

#endif
