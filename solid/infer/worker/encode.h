/* Windows in, states and generated layers out. */
#ifndef SOLID_INFER_WORKER_ENCODE_H
#define SOLID_INFER_WORKER_ENCODE_H

#include "solid/infer/worker/memory.h"

/* Where a worker that answers leaves the states of a job's windows. */
float *sol_worker_states(const solid_worker *worker, sol_worker_job job);

/* Window i of a batch: `older` items, then `newer` ones. */
typedef struct sol_window {
  const uint32_t *older, *newer;
  size_t n_older, n_newer;
} sol_window;

typedef struct sol_window_source {
  size_t n;
  void (*window)(const void *user, size_t i, sol_window *out); /* asked for in order, some twice */
  const void *user;
} sol_window_source;

/* Packs and enqueues windows: states to `h` (n, d), and, of SOL_GENERATE, layers to `params` (n, P), device memory
 * which must be the same every time where the back end records. What has more rows than the worker has room for goes in
 * groups, one after the other; the others as one batch, filled up to the next size where the back end records it. */
solid_status sol_worker_windows(solid_worker *worker, sol_worker_job job, const sol_window_source *source, float *h,
                                float *params);

/* Windows of SOL_GENERATE as far as z, to device.z, in place of their layers; not recorded. */
solid_status sol_worker_branches(solid_worker *worker, const sol_window_source *source);

/* Of a worker that answers: solid_worker_encode or _generate, leaving everything on the device. */
solid_status sol_worker_forward(solid_worker *worker, sol_worker_job job, const solid_windows *windows);

/* EINVAL or ERANGE if the n items are unusable; `what` and `i` say whose they are in the text. */
solid_status sol_worker_check_items(const solid_worker *worker, const char *what, size_t i, const uint32_t *items,
                                    size_t n);

#endif
