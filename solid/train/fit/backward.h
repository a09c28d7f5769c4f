/* The backward pass of what solid/infer/forward.h computes for training. Gradients of weights accumulate into
 * `grads` (the same struct as the weights, bound into an array of gradients); gradients of activations are overwritten.
 */
#ifndef SOLID_TRAIN_FIT_BACKWARD_H
#define SOLID_TRAIN_FIT_BACKWARD_H

#include "solid/infer/forward.h"

/* Gradients of the catalogue's tables; `vectors` is grads->items itself when there are no codes. */
typedef struct sol_catalogue_grads {
  float *semantic; /* (V, d), or NULL without codes */
  float *vectors;  /* (V, d) */
} sol_catalogue_grads;

/* dh (rows, d) is the gradient of sol_encode_rows' h, and scratch afterwards. */
solid_status sol_encode_rows_backward(const sol_pass *pass, const sol_dropout *drop, const sol_encoder_state *state,
                                      float *dh, const sol_weights *grads, const sol_catalogue_grads *tables);

/* dz (rows, d) is the gradient of state->z, and scratch afterwards; `work` (rows, 4d); dtable (V, d) accumulates. */
solid_status sol_branch_rows_backward(const sol_pass *pass, const sol_branch_weights *weights, sol_site site,
                                      const sol_dropout *drop, const sol_branch_state *state, float *work, float *dz,
                                      const sol_branch_weights *grads, float *dtable);

/* From the tables' gradients into those of E and M. Last, after everything that reads the tables. tables->semantic is
 * overwritten. */
solid_status sol_catalogue_backward(const sol_pass *pass, const sol_catalogue_grads *tables, const sol_weights *grads);

#endif
