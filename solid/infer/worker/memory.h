/* A worker's parts, for the files that it is made of: worker.c (windows to records), worker_rank.c (user vectors and
 * ranking), internal/worker_memory.c (what it takes when it is made). */
#ifndef SOLID_INFER_WORKER_PARTS_H
#define SOLID_INFER_WORKER_PARTS_H

#include "solid/infer/forward.h"
#include "solid/infer/worker.h"
#include "solid/model/model_parts.h"

/* Ranked items kept at once, beyond which a ranking is cut into calls of fewer rows: bounds k * max_batch. */
#define SOL_RANKED_AT_ONCE 65536

#define SOL_WORKER_SIZES 32 /* powers of two */

typedef struct sol_worker_device {
  int32_t *batch; /* sol_batch_ints(B, B * L) */
  float *scratch; /* sol_forward_floats(B, B * L) */
  float *records; /* (B, d + P), or h (B, d) alone */
  float *h, *u;   /* (B, d), from here on NULL but for SOL_WORKER_ALL */
  float *params;  /* (B, P) */
  uint64_t *mask; /* (B, words) */
  int32_t *index; /* (ranked) */
  float *score;   /* (ranked) */
} sol_worker_device;

typedef struct sol_worker_host {
  int32_t *batch;
  float *records;
  int32_t *index; /* likewise */
  float *score;
} sol_worker_host;

struct solid_worker {
  const solid_model *model;
  const sol_config *config;
  sk_backend *be;
  size_t max_batch; /* B */
  size_t words;
  size_t ranked; /* max(V, SOL_RANKED_AT_ONCE) */
  size_t P;
  sol_worker_use use;
  sol_worker_device device;
  sol_worker_host host;
  void *device_base, *host_base;
  sk_graph *graphs[2][SOL_WORKER_SIZES][SOL_WORKER_SIZES]; /* encode, or generate too; log2 of windows; log2 of rows */
};

/* Takes the memory for max_batch windows, all at once, or refuses with bytes needed and free. */
solid_status sol_worker_take_memory(solid_worker *worker);

/* Lets the kernels take the scratch that they will ever want, and records every size of batch. */
solid_status sol_worker_warm_up(solid_worker *worker);

/* Leaves the windows' records in host memory, or h alone. */
solid_status sol_worker_forward(solid_worker *worker, const solid_windows *windows, int generate);

/* The model, ready for a stage over `batch`. */
sol_pass sol_worker_pass(solid_worker *worker, const sol_batch *batch);

/* Do nothing where *status is a failure already, and otherwise set it. */
void sol_worker_upload(solid_worker *worker, solid_status *status, void *device, const void *host, size_t bytes);
void sol_worker_download(solid_worker *worker, solid_status *status, void *host, const void *device, size_t bytes);

/* Waits for what was enqueued, also after a failure, so that no transfer touches the caller's memory later. */
solid_status sol_worker_finish(solid_worker *worker, solid_status status);

static inline int sol_log2_up(size_t n) {
  int log = 0;
  while ((size_t)1 << log < n) log++;
  return log;
}

static inline size_t sol_least(size_t a, size_t b) {
  return a < b ? a : b;
}

#endif
