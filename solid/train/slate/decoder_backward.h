/* The backward pass of what solid/infer/slate/decoder.h computes when all slots go in at once. Gradients of weights
 * accumulate into `grads`; gradients of activations are overwritten. */
#ifndef SOLID_TRAIN_SLATE_DECODER_BACKWARD_H
#define SOLID_TRAIN_SLATE_DECODER_BACKWARD_H

#include "solid/infer/slate/decoder.h"

typedef struct sol_decoder_scratch {
  float *dx;   /* (n, d) */
  float *t;    /* (n, d) */
  float *wide; /* (n, 4d) */
} sol_decoder_scratch;

/* dy (n, heads, d) is the gradient of sol_decoder_gather's y; dout (outputs, d) is zeroed first. */
solid_status sol_decoder_gather_backward(const sol_decoder_pass *pass, int32_t n, int32_t outputs, const float *dy,
                                         const int32_t *alone, const int32_t *both, float *dout);

/* dout (heads, slots, windows, d) is the gradient of sol_decoder_run's out, whose state is the training one. */
solid_status sol_decoder_backward(const sol_decoder_pass *pass, const float *dout, const sol_decoder_scratch *scratch,
                                  const sol_decoder_weights *grads);

#endif
