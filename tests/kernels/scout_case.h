/* Catalogues that a scout is made of, as odd as they come, and scouts of them. */
#ifndef TESTS_KERNELS_SCOUT_CASE_H
#define TESTS_KERNELS_SCOUT_CASE_H

#include "kernels/scout.h"
#include "tests/support/rig.h"
#include "tests/support/seed.h"

typedef enum catalogue_kind {
  NORMAL,
  WHOLE,     /* scores are exact, with ties */
  EQUAL,     /* one row, many times */
  NEAR,      /* a few rows, each many times with a little noise */
  RISING,    /* every item better than the one before */
  LONG_TAIL, /* norms from 2^-40 to 2^40 */
  TINY,      /* 2^-90 */
  DENORMAL,
  HUGE_ROWS, /* some beyond what bounds are made for */
  ONE_HOT,   /* and zeroes */
  SPOILT,    /* NaN and infinities here and there */
  KINDS
} catalogue_kind;

/* Input c of item v, of d inputs, made from x, which is drawn from a normal distribution. */
float scout_pick(seed_rng *rng, float x, catalogue_kind kind, int64_t v, int64_t c, int64_t d);

/* A scout of e (items, d), of whose order it is checked that every item has one place. The memory is the caller's to
 * free. What is too wide for a scout is not filled, and must not be read. */
void *scout_make(sk_scout *scout, const float *e, int32_t d, int32_t items);

/* Planes of e (items, d), a buffer of the rig, in another one. What is too wide for them is not filled. */
typedef struct planes_case {
  sk_planes planes;
  float *memory;
  size_t bytes;
} planes_case;

planes_case planes_make(rig *r, const float *e, int32_t d, int32_t items);
void planes_fill(rig *r, planes_case *made, const float *e, int32_t first, int32_t n);

#endif
