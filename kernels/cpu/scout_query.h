/* A vector as whole numbers of -127 .. 127 beside the rows of a scout (kernels/scout.h). */
#ifndef SK_CPU_SCOUT_QUERY_H
#define SK_CPU_SCOUT_QUERY_H

#include "kernels/scout.h"

/* What the bounds of one part are made of. */
typedef struct sk_query {
  float step, base, far, near; /* step, -7.5 step sum w, ||t||, ||x|| */
} sk_query;

/* The turned vector (d), its parts as whole numbers, w[p] (lines * 8 of the part, zeroed), and q (SK_SCOUT_PARTS); 0 if
 * u has no ordinary size. */
int sk_scout_query(const sk_scout *scout, const float *u, float *turned, int8_t *const *w, sk_query *q);

#endif
