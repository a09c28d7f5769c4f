/* How much device memory serving and training take, before any is taken. */
#ifndef SOLID_TRAIN_BUDGET_H
#define SOLID_TRAIN_BUDGET_H

#include "solid/context.h"
#include "solid/train/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_BUDGET_CONTENT 192 /* attributes, given vectors and co-occurrence, 64 each */

/* Bytes. */
typedef struct solid_device_budget {
  uint64_t model;    /* weights, codes, the catalogue's tables */
  uint64_t worker;   /* batches of `serve` users: scratch, records, ranking */
  uint64_t training; /* weights, gradients, moments, and all intermediate results of a step; validation */
  uint64_t learning; /* what learned codes add to training, with content of SOLID_BUDGET_CONTENT floats an item */
} solid_device_budget;

/* For the model file at `path`: a worker for `serve` users at once; a training of a model of its shapes with `options`
 * (the rows of its shapes are not read), in the worst case: every window is full. The CUDA context, code and recordings
 * come on top. No device is needed. Statuses as solid_model_load, solid_worker_new, solid_trainer_new. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_budget_device(solid_device_budget *budget, const char *path,
                                                              uint32_t serve, const solid_train_options *options);

/* Bytes of the context's device: what is left, and all. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_budget_memory(const solid_context *ctx, size_t *left, size_t *total);

#ifdef __cplusplus
}
#endif
#endif
