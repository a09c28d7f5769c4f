/* Windows in, states and generated layers out. */
#ifndef SOLID_INFER_WORKER_ENCODE_H
#define SOLID_INFER_WORKER_ENCODE_H

#include "solid/infer/worker/memory.h"

/* Where a worker that answers leaves the states of a job's windows. */
float *sol_worker_states(const solid_worker *worker, sol_worker_job job);

/* A batch of n windows and `rows` rows is packed between begin and run, in host memory. Where the back end records it
 * is filled up to the next size. */
void sol_worker_begin(solid_worker *worker, sol_worker_job job, size_t n, size_t rows, sol_packing *packing);

/* Enqueues the packed batch: states to `h` (n, d), and for SOL_GENERATE layers to `params` (n, P). Both are device
 * memory; where the back end records, batches of one size must get the same addresses every time. */
solid_status sol_worker_run(solid_worker *worker, sol_worker_job job, sol_packing *packing, float *h, float *params);

/* Of a worker that answers: solid_worker_encode or _generate, leaving everything on the device. */
solid_status sol_worker_forward(solid_worker *worker, sol_worker_job job, const solid_windows *windows);

/* Enqueues a batch of SOL_GENERATE as far as z, to device.z, in place of its layers; not recorded. */
solid_status sol_worker_run_branches(solid_worker *worker, sol_packing *packing);

/* EINVAL or ERANGE if the n items are unusable; `what` and `i` say whose they are in the text. */
solid_status sol_worker_check_items(const solid_worker *worker, const char *what, size_t i, const uint32_t *items,
                                    size_t n);

#endif
