/* What the pipeline, the recommender and tests use of a worker beside its public functions. */
#ifndef SOLID_INFER_WORKER_WORKER_H
#define SOLID_INFER_WORKER_WORKER_H

#include "solid/model/config.h"
#include "solid/worker.h"

typedef enum sol_worker_use {
  SOL_WORKER_ALL,      /* every stage */
  SOL_WORKER_GENERATE, /* sol_worker_generate alone: no memory is taken for the others */
  SOL_WORKER_HALVES    /* likewise, and params are binary16 */
} sol_worker_use;

/* As solid_worker_new, for the stages of `use` only. */
solid_status sol_worker_new(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use);

/* The same, of a worker that is given the states: every question has an h, with which its layers may still be made from
 * its window. Windows, of which it reads the newest sol_worker_reads items, are read by the generator alone, and memory
 * goes by these; the h of sol_made are undefined. */
solid_status sol_worker_new_given(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use);
uint32_t sol_worker_reads(const sol_config *config);

/* What a worker made of windows, in its own memory, valid until it is used again. */
typedef struct sol_made {
  float *h;         /* (n, d) */
  float *params;    /* (n, P), or NULL */
  uint16_t *halves; /* (n, P) of SOL_WORKER_HALVES, or NULL */
} sol_made;

/* As solid_worker_generate, without copies, of a worker made for nothing else. */
solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, sol_made *made);

/* The worker's buffer for the stored layers of a question's rows, (B, P): layers that lie there need not be copied.
 * Either all of a question's stored layers lie there or none. Valid as long as the worker. */
float *sol_worker_room(const solid_worker *worker);

/* Likewise for the masks of the next question, which has n rows: row i of (n, words) is for questions[i].excluded. */
uint64_t *sol_worker_masks(const solid_worker *worker, size_t n);

/* 1: a question whose rows all lack stored layers, and none of which keeps the layers made, is answered without writing
 * the layers out (generate_apply). The default is 1 where memory is unified; elsewhere it serves comparison. */
void sol_worker_fuse(solid_worker *worker, int on);

/* Fewer rows at once than it has room for, from now on: for tests. */
void sol_worker_limit_rows(solid_worker *worker, size_t rows);

/* How often its back end has taken memory or recorded. Constant once the worker is made. */
uint64_t sol_worker_allocations(const solid_worker *worker);

/* Device memory taken when it was made, without the kernels' scratch. */
uint64_t sol_worker_bytes(const solid_worker *worker);

#endif
