/* gru (Cho et al. 2014, PyTorch's gate order r, z, n) over packed windows, from input products made by `linear`:
 *
 *   gx (rows, 3d) = x w_ih^T + b_ih         for each window, h starts at 0, rows oldest first:
 *   gh = w_hh h + b_hh                      w_hh (3d, d)   b_hh (3d)
 *   r = sigmoid(gx_r + gh_r)   z = sigmoid(gx_z + gh_z)   n = tanh(gx_n + r * gh_n)
 *   h = (1 - z) * n + z * h
 *
 *   out (rows, d): h after each row; newest_only: out (windows, d), h after the newest row, zero for an empty window
 *   saved (rows, 4d): r, z, n, gh_n of each row for the backward pass; NULL at inference
 *
 * gru_backward (from dout (rows, d), gradient of every h):
 *   dgx (rows, 3d) overwritten;   dw_hh += , db_hh +=
 *   scratch (rows, 3d): the gradient with respect to gh, left for inspection */
#ifndef SK_GRU_H
#define SK_GRU_H

#include "kernels/linear.h"
#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_gru_args {
  int32_t windows, rows, max_window, d;
  const int32_t *offsets;
  const float *gx, *w_hh, *b_hh;
  int32_t newest_only;
  float *out, *saved;
} sk_gru_args;

typedef struct sk_gru_backward_args {
  int32_t windows, rows, max_window, d;
  const int32_t *offsets;
  const float *w_hh, *out, *saved, *dout;
  float *dgx, *dw_hh, *db_hh, *scratch;
} sk_gru_backward_args;

SK_NO_SCRATCH(gru)

/* The state before each row, and the scratch of the sums over rows: that of a linear layer with 3d outputs. */
static inline uint64_t sk_gru_backward_scratch(const sk_gru_backward_args *a) {
  return sizeof(float) * (uint64_t)a->rows * (uint64_t)a->d + sk_linear_sums(a->rows, a->d, 3 * a->d);
}

#endif
