/* A worker's memory: one block on the device and, where host and device do not share memory, one on the host through
 * which everything passes. Both are planned once. Only this header says where the stages leave their results. */
#ifndef SOLID_INFER_WORKER_MEMORY_H
#define SOLID_INFER_WORKER_MEMORY_H

#include "solid/infer/forward.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"

/* Most ranked items at once; larger rankings are cut into calls of fewer rows. */
#define SOL_RANKED_AT_ONCE ((size_t)1 << 17)

#define SOL_WORKER_SIZES  32 /* powers of two */
#define SOL_ANSWER_SIZES  7  /* recorded answers have up to 1 << 6 rows: filling up more costs more than launches */
#define SOL_ANSWER_PLACES 2  /* ... of 16 and of 128 places */

/* What is made of a batch of windows: their states alone, or states and parameters. */
typedef enum sol_worker_job { SOL_ENCODE, SOL_GENERATE, SOL_JOBS } sol_worker_job;

/* Rows of windows that a worker computes at once, or one window if that is longer: what one user with a long history
 * needs, and not what as many of them would as there may be users. */
#define SOL_ROWS_AT_ONCE ((size_t)1 << 19)

/* B = max_batch, R = max_rows; the members from `known` on are NULL but for SOL_WORKER_ALL, which alone answers
 * questions.
 *
 *   states (3B, d): of the windows of SOL_GENERATE, of those of SOL_ENCODE, of the question's rows as they were stored
 *   params (2B, P): made, as stored
 *
 * A worker that only generates has states (B, d) and, behind them, params (B, P) as floats or halves. The n states of
 * its batch end where params begin, so that one download brings both. */
typedef struct sol_worker_device {
  int32_t *batch[SOL_JOBS]; /* sol_batch_ints(B, R) */
  float *scratch;           /* sol_forward_floats(B, R) */
  float *states, *params;
  float *known; /* params + B * P */
  float *u;     /* (B, d) */
  float *z;     /* (2, B, d) item, semantic: of layers that are not written out */
  char *question;
  int32_t *results; /* 2 * ranked: indices, then scores */
} sol_worker_device;

/* The same in host memory; where memory is unified these are the device's own buffers. */
typedef struct sol_worker_host {
  int32_t *batch[SOL_JOBS];
  float *states, *params; /* (B, d), (B, P) of windows, on their way to the caller */
  float *known;           /* (B, P) */
  char *question;
  int32_t *results;
} sol_worker_host;

/* What a question of n rows sends to the device in one piece, which stands behind the states of windows. */
typedef struct sol_question_block {
  float *h;                      /* (n, d): rows 2B .. 2B + n of the states */
  uint64_t *mask;                /* (n, words), or NULL */
  int32_t *state_of, *params_of; /* (n) rows of states and params */
  size_t bytes;
} sol_question_block;

struct solid_worker {
  const solid_model *model;
  const sol_config *config;
  sk_backend *be;
  size_t max_batch, max_rows, words, P;
  size_t ranked; /* max(V, SOL_RANKED_AT_ONCE) */
  sol_worker_use use;
  int fuse;   /* sol_worker_fuse */
  int given;  /* sol_worker_new_given */
  uint32_t L; /* newest items of a window that are read */
  sol_worker_device device;
  sol_worker_host host;
  uint32_t *host_which; /* (B) questions that need a window */
  void *device_base, *host_base;
  sk_graph *forward[SOL_JOBS][SOL_WORKER_SIZES][SOL_WORKER_SIZES]; /* log2 of windows; log2 of rows */
  sk_graph *answers[SOL_ANSWER_SIZES][SOL_ANSWER_PLACES][2];       /* log2 of rows; places; without, with masks */
};

/* Takes the memory for max_batch windows, all at once, or refuses with bytes needed and free. */
solid_status sol_worker_take_memory(solid_worker *worker);

/* Ends recordings and memory. */
void sol_worker_give_memory(solid_worker *worker);

/* The block at `base`, device.question or host.question. */
sol_question_block sol_worker_block(const solid_worker *worker, char *base, size_t n, int masked);

/* The model, ready for a stage over `batch`. */
sol_pass sol_worker_pass(solid_worker *worker, const sol_batch *batch);

/* Returns where the device reads the host's bytes: `host` itself where memory is unified, else `device`, to which they
 * are uploaded. Does nothing if *status is a failure already, and sets it otherwise. */
const void *sol_worker_send(solid_worker *worker, solid_status *status, void *device, const void *host, size_t bytes);

/* Returns where the host reads the device's bytes after sol_worker_finish: `device` itself where memory is unified,
 * else `host`, to which they are downloaded. */
void *sol_worker_fetch(solid_worker *worker, solid_status *status, void *host, void *device, size_t bytes);

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

static inline size_t sol_most(size_t a, size_t b) {
  return a > b ? a : b;
}

#endif
