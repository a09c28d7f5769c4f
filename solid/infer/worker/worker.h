/* What the pipeline, the recommender and tests use of a worker beside its public functions. */
#ifndef SOLID_INFER_WORKER_WORKER_H
#define SOLID_INFER_WORKER_WORKER_H

#include "solid/worker.h"

typedef enum sol_worker_use {
  SOL_WORKER_ALL,      /* every stage */
  SOL_WORKER_GENERATE, /* sol_worker_generate alone: no memory is taken for the others */
  SOL_WORKER_HALVES    /* likewise, and it leaves params as binary16 */
} sol_worker_use;

/* As solid_worker_new, for some of the stages. */
solid_status sol_worker_new(solid_worker **out, const solid_model *model, size_t max_batch, sol_worker_use use);

/* What a worker made of windows, in its own memory, valid until it is used again. */
typedef struct sol_made {
  float *h;         /* (n, d) */
  float *params;    /* (n, P), or NULL */
  uint16_t *halves; /* (n, P) of SOL_WORKER_HALVES, or NULL */
} sol_made;

/* As solid_worker_generate, without copies. */
solid_status sol_worker_generate(solid_worker *worker, const solid_windows *windows, sol_made *made);

/* Memory of the worker's own for the stored layers of a question's rows, (B, P): what lies there need not be copied.
 * Either all of a question's stored layers lie there or none. Valid as long as the worker. */
float *sol_worker_room(const solid_worker *worker);

/* Likewise for the masks of the next question, which has n rows: row i of (n, words) is for questions[i].excluded. */
uint64_t *sol_worker_masks(const solid_worker *worker, size_t n);

/* Whether rows of which nothing but items is wanted, and nothing is stored, have layers made and forgotten without
 * being written out, where all rows of a question are such. On by itself where memory is unified; for comparison
 * elsewhere. */
void sol_worker_fuse(solid_worker *worker, int on);

/* Fewer rows at once than it has room for, from now on: for tests. */
void sol_worker_limit_rows(solid_worker *worker, size_t rows);

/* How often its back end has taken memory or recorded. Constant once the worker is made. */
uint64_t sol_worker_allocations(const solid_worker *worker);

/* Device memory that it was made with, kernels' own left out. */
uint64_t sol_worker_bytes(const solid_worker *worker);

#endif
