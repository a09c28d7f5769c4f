/* generate_apply: one generated layer, made and applied without being written out.
 *
 *   w = clip(zi gi^T + bi, -clip, +clip) + (zs gs^T + bs)     as in kernels/generate.h, m = in * out + out
 *   y_o = f(sum_i x_i w[i][o] + w[in][o])                     as in kernels/apply.h
 *
 *   zi, zs (n, d)   gi, gs (m, d)   bi, bs (m)   x (n, in)   y (n, out), not x
 *
 *   A branch whose z is NULL is absent. For inference only: nothing is kept for a backward pass. */
#ifndef SK_GENERATE_APPLY_H
#define SK_GENERATE_APPLY_H

#include "kernels/activate.h"
#include "kernels/generate.h"
#include "kernels/scratch.h"

/* Floats of layers that the CPU makes at a time; scratch grows no further with the rows. */
#define SK_GENERATE_APPLY_CACHED 65536

typedef struct sk_generate_apply_args {
  int32_t n, d, in, out;
  const float *zi, *gi, *bi, *zs, *gs, *bs;
  float clip;
  sk_activation f;
  const float *x;
  float *y;
} sk_generate_apply_args;

/* Rows whose layers CUDA makes at once; they lie behind the scratch of generate. */
static inline int32_t sk_generate_apply_rows(const sk_generate_apply_args *a) {
  uint64_t m = ((uint64_t)a->in + 1) * (uint64_t)a->out, rows = sk_most(SK_TILE_FLOATS / sk_most(m, 1), 1);
  return (int32_t)sk_least(rows, (uint64_t)a->n);
}

static inline uint64_t sk_generate_apply_scratch(const sk_generate_apply_args *a) {
  int32_t m = a->in * a->out + a->out, rows = sk_generate_apply_rows(a);
  return sk_generate_bytes(rows, a->d, m) + (uint64_t)rows * (uint64_t)m * sizeof(float);
}

#endif
