/* What the pipeline and tests use of a worker beside its public functions. */
#ifndef SOLID_INTERNAL_WORKER_H
#define SOLID_INTERNAL_WORKER_H

#include "solid/worker.h"

/* As solid_worker_generate, without copies: *records (n, d + P) holds each window's h and then its params. It is the
 * worker's memory, valid until the worker is used again. */
solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, float **records);

/* How often its back end has taken memory or recorded. Constant once the worker is made. */
uint64_t sol_worker_allocations(const solid_worker *worker);

/* Device memory that it was made with, kernels' own left out. */
uint64_t sol_worker_bytes(const solid_worker *worker);

#endif
