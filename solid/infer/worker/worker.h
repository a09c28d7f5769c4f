/* What the pipeline and tests use of a worker beside its public functions. */
#ifndef SOLID_INFER_WORKER_H
#define SOLID_INFER_WORKER_H

#include "solid/worker.h"

typedef enum sol_worker_use {
  SOL_WORKER_ALL,      /* every stage */
  SOL_WORKER_GENERATE, /* sol_worker_generate alone: no memory is taken for the others */
  SOL_WORKER_HALVES    /* likewise, and it leaves params as binary16 */
} sol_worker_use;

/* As solid_worker_new, for some of the stages. */
solid_status sol_worker_new(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use);

/* As solid_worker_generate, without copies: each window's h and then its params, or their halves, *stride floats from
 * one window to the next. *records is the worker's memory, valid until the worker is used again. */
solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, float **records, size_t *stride);

/* How often its back end has taken memory or recorded. Constant once the worker is made. */
uint64_t sol_worker_allocations(const solid_worker *worker);

/* Device memory that it was made with, kernels' own left out. */
uint64_t sol_worker_bytes(const solid_worker *worker);

#endif
