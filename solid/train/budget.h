/* Device memory that serving and training need, computed before any is allocated. */
#ifndef SOLID_TRAIN_BUDGET_H
#define SOLID_TRAIN_BUDGET_H

#include "solid/context.h"
#include "solid/model.h"
#include "solid/train/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_BUDGET_CONTENT 192 /* attributes, given vectors and co-occurrence: 64 each */

/* Bytes. */
typedef struct solid_device_budget {
  uint64_t model;    /* weights, codes, the catalogue's tables, and planes that it is ranked by (solid/model.h) */
  uint64_t worker;   /* batches of `serve` users: scratch, records, ranking */
  uint64_t training; /* weights, gradients, moments, and all intermediate results of a step; validation */
  uint64_t slates;   /* decoding of slates for `serve` users; 0 = the model has no decoder */
  uint64_t learning; /* added by --learn-codes, with SOLID_BUDGET_CONTENT floats of content per item */
  uint64_t host;     /* pinned memory of the host in place of the device's: rows of a large catalogue; else 0 */
} solid_device_budget;

/* For the model file at `path`: a worker for `serve` users at once, and training a model of the same shapes with
 * `options` (of which shapes are not read, and rows are those of one window at least). This is the worst case, in which
 * every window is full. The CUDA context, its code and graphs come on top. No device is needed. Statuses as
 * solid_model_load, solid_worker_new, solid_trainer_new. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_budget_device(solid_device_budget *budget, const char *path,
                                                              uint32_t serve, const solid_train_options *options);

/* Bytes of a user's attention state in a store, and its parts: after so many events, its lists as long as they may be
 * and its newest chunk half full. 0: the model keeps none. */
typedef struct solid_state_budget {
  uint32_t bytes, parts;
} solid_state_budget;
SOLID_API solid_state_budget solid_budget_state(const solid_model *model, uint64_t events);

/* Free and total bytes of the context's device. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_budget_memory(const solid_context *ctx, size_t *left, size_t *total);

#ifdef __cplusplus
}
#endif
#endif
