/* One step of training a decoder of slates on a device: states of users and the codes of what they took in, better
 * weights out. The loss is the cross-entropy of every cell that has a target, over all codes of its column; its mean is
 * what is made smaller. Memory is planned when it is opened. */
#ifndef SOLID_TRAIN_SLATE_SLATE_STEP_H
#define SOLID_TRAIN_SLATE_SLATE_STEP_H

#include "solid/train/slate/decoder_backward.h"
#include "solid/train/slate/slate_batch.h"

typedef enum sol_slate_array {
  SOL_SLATE_WEIGHTS,
  SOL_SLATE_GRADS,
  SOL_SLATE_M,
  SOL_SLATE_V,
  SOL_SLATE_ARRAYS
} sol_slate_array;

typedef struct sol_slate_rates {
  float rate, decay, max_norm; /* of AdamW and of its clip */
  float p;                     /* dropout */
  float smoothing;
} sol_slate_rates;

typedef struct sol_slate_step sol_slate_step;

/* For batches of up to `windows` users; weights start as `weights` (floats behind the ranker's, host). `be` and config
 * are borrowed. ENOMEM. */
solid_status sol_slate_step_open(sol_slate_step **out, sk_backend *be, const sol_config *config, size_t windows,
                                 const float *weights);
void sol_slate_step_close(sol_slate_step *step);

/* Gradients of a batch (left in the arrays), and its loss: *sum over *cells cells with a target. */
solid_status sol_slate_step_gradients(sol_slate_step *step, const sol_slate_batch *batch, const sol_slate_rates *rates,
                                      uint64_t seed, double *sum, size_t *cells);

/* AdamW with the gradients there are, which become zero; `number` counts from 1. */
solid_status sol_slate_step_update(sol_slate_step *step, const sol_slate_rates *rates, uint64_t number);

/* Floats behind the ranker's, and one of the arrays of so many: to the host, and from it. */
size_t sol_slate_step_floats(const sol_slate_step *step);
solid_status sol_slate_step_read(sol_slate_step *step, sol_slate_array which, float *out);
solid_status sol_slate_step_write(sol_slate_step *step, sol_slate_array which, const float *values);

#endif
