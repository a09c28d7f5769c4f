/* generate: the dual-parameter generator's linear maps for one layer (SOLID 1.5: W = clip(Wv, -t, +t) + Wc, biases
 * likewise):
 *
 *   wi = zi gi^T + bi      item branch      zi (n, d)  gi (m, d)  bi (m)
 *   ws = zs gs^T + bs      semantic branch  zs (n, d)  gs (m, d)  bs (m)
 *   w  = clip(wi, -clip, +clip) + ws        out row i starts at w + i * stride; m = in * out + out floats
 *
 *   A branch whose z is NULL is absent. clip = INFINITY: no clip. wi_saved (n, m), may be NULL: wi before the clip, for
 *   the backward pass. NaN propagates (the clip keeps it).
 *
 *   half, NULL as a rule: w goes there instead, as IEEE binary16, to the nearest, with 65504 for what is beyond; stride
 *   counts its elements, and wi_saved is NULL.
 *
 * generate_backward (dw (n, m) dense; wi_saved from the forward pass; dwi (n, m) scratch, may be dw; with an infinite
 * clip neither is touched, and both may be NULL):
 *   dwi = dw * [|wi| <= clip]
 *   dgi += dwi^T zi   dbi += sum dwi   dzi (=, or += when accumulate_dz) dwi gi;     the semantic branch with dw itself
 */
#ifndef SK_GENERATE_H
#define SK_GENERATE_H

#include <stdint.h>

typedef struct sk_generate_args {
  int32_t n, d, m;
  const float *zi, *gi, *bi, *zs, *gs, *bs;
  float clip;
  int64_t stride;
  float *w, *wi_saved;
  uint16_t *half;
} sk_generate_args;

typedef struct sk_generate_backward_args {
  int32_t n, d, m;
  const float *zi, *gi, *zs, *gs;
  float clip;
  const float *dw, *wi_saved;
  int32_t accumulate_dz;
  float *dwi, *dzi, *dgi, *dbi, *dzs, *dgs, *dbs;
} sk_generate_backward_args;

#endif
