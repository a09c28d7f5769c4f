/* Attention with lists, positions and offsets of its own, for tests: drawn on the host, and brought to a rig. */
#ifndef TESTS_SUPPORT_ATTEND_CASE_H
#define TESTS_SUPPORT_ATTEND_CASE_H

#include "kernels/attend.h"
#include "tests/support/rig.h"

enum {
  ATTEND_LISTS = 1,     /* active queries and kept keys, unequal for every head */
  ATTEND_POSITIONS = 2, /* of a number line of their own, those of the keys for every head */
  ATTEND_FEW = 4,       /* few queries a window, here and there one more than it has keys */
  ATTEND_SHARED = 8,    /* windows are chunks that keep rows of their history; without the three above */
  ATTEND_ALL = 16,      /* lists that hold everything */
  ATTEND_BIAS = 32,     /* by distance */
  ATTEND_ONE = 64       /* one query a window at most */
};

typedef struct attend_spec {
  int32_t windows, longest, heads, dh;
  float p;
  int kind, precision;
} attend_spec;

typedef struct attend_case {
  sk_attend_args host; /* pointers of `pairs` and q, k, v in host memory of the rig */
  size_t q_floats, kv_floats, lses, biases;
  double *q, *k, *v; /* as the operation sees them: rounded to BF16 where it does so */
  double *bias;      /* NULL: none */
} attend_case;

/* q (q_rows, d), k and v (kv_rows, d) with d = heads * dh. */
attend_case attend_draw(rig *r, seed_rng *rng, const attend_spec *spec);

/* The same with every pointer of `pairs` and q, k, v on the device, without outputs. */
sk_attend_args attend_upload(rig *r, const attend_case *c);

/* The backward pass of a forward pass: everything but dout and its outputs. */
sk_attend_backward_args attend_reverse(const sk_attend_args *f);

/* Entries of the lists of keys of part 0 or 1, which hold every second one: both parts make the whole. */
sk_attend_list attend_half(rig *r, const attend_case *c, int part);

/* Numbers as products of that precision read them. */
void attend_narrow(float *x, size_t n, int precision);

#endif
