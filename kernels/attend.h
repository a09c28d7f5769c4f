/* attend: causal multi-head attention over packed windows; no padding exists, so no padding is computed.
 *
 *   Window w holds rows offsets[w] .. offsets[w+1]-1, oldest first. For row i of a window and head h:
 *     s_ij = q_ih . k_jh / sqrt(dh)   over the rows j <= i of the same window
 *     out_ih = sum_j drop(softmax_j(s_ij)) v_jh
 *
 *   q, k, v: row r of head h starts at ptr + r * stride + h * dh      (so one (rows, 3d) product serves all three)
 *   offsets (windows + 1) int32, offsets[0] = 0; rows = offsets[windows], told apart so that the host need not read it.
 *     Forward, rows may be more: what comes out for those behind the last window is undefined
 *   out (rows, heads * dh)      lse (rows, heads): log sum exp of s, saved for the backward pass; may be NULL
 *   p, seed: dropout of the probabilities; element (row i, head h, j counted within its window) has index
 *            (i * heads + h) * max_window + j in the stream of kernels/dropout.h
 *   newest_only: q, out and lse have one row per window, which stands at the window's newest row and so reads all of
 *            its rows; an empty window's out row is zero
 *   On CUDA dh > 256 is EUNSUPPORTED
 *
 * attend_backward: from dout, lse, out (one row per window, as dq, with newest_only):
 *   D_i = dout_i . out_i;  dp = dout_i . v_j (through the dropout mask);  ds = p (dp - D_i);  dq, dk, dv overwritten,
 * laid out with stride dstride as q, k, v are. An empty window's dq row is zero. */
#ifndef SK_ATTEND_H
#define SK_ATTEND_H

#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_attend_args {
  int32_t windows, rows, max_window, heads, dh;
  const int32_t *offsets;
  const float *q, *k, *v;
  int32_t q_stride, kv_stride;
  float p;
  uint64_t seed;
  int32_t newest_only;
  float *out, *lse;
} sk_attend_args;

typedef struct sk_attend_backward_args {
  int32_t windows, rows, max_window, heads, dh;
  const int32_t *offsets;
  const float *q, *k, *v;
  int32_t q_stride, kv_stride;
  float p;
  uint64_t seed;
  int32_t newest_only;
  const float *out, *lse, *dout;
  float *dq, *dk, *dv;
  int32_t dq_stride, dkv_stride;
} sk_attend_backward_args;

SK_NO_SCRATCH(attend)

/* A float a row and head: dout . out. */
static inline uint64_t sk_attend_backward_scratch(const sk_attend_backward_args *a) {
  return sizeof(float) * (uint64_t)a->rows * (uint64_t)a->heads;
}

#endif
