/* How much device memory serving and training take, before any is taken. */
#ifndef SOLID_TRAIN_FIT_PLAN_H
#define SOLID_TRAIN_FIT_PLAN_H

#include "solid/context.h"
#include "solid/train/fit/trainer.h"

#define SOL_PLAN_CONTENT 192 /* attributes, given vectors and co-occurrence, 64 each */

typedef struct sol_device_plan {
  uint64_t model;    /* weights, codes, the catalogue's tables */
  uint64_t worker;   /* batches of `serve` users: scratch, records, ranking */
  uint64_t training; /* weights, gradients, moments, and all intermediate results of a step; validation */
  uint64_t learning; /* what learned codes add to training, with content of SOL_PLAN_CONTENT floats an item */
  sol_config config; /* of the model */
} sol_device_plan;

/* For the model file at `path`: a worker for `serve` users at once; a training of a model of its shapes with `options`,
 * in the worst case (every window is full). The CUDA context, code and recordings come on top. Statuses as
 * solid_model_load, solid_worker_new, sol_trainer_open. */
solid_status sol_plan_device(sol_device_plan *plan, const char *path, uint32_t serve,
                             const solid_train_options *options);

/* What a trainer of this task takes, as sol_trainer_open; its codes may be NULL. */
solid_status sol_plan_training(uint64_t *bytes, const sol_fit_task *task);

/* Bytes of the context's device. */
solid_status sol_plan_memory(const solid_context *ctx, size_t *left, size_t *total);

#endif
