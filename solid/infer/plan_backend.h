/* A table that has no device: alloc counts, the operations only count what their CUDA kernels would take for
 * themselves (sk_<op>_scratch, beside each). What is opened on it tells how much memory it would take by the same code
 * that takes it, so that a plan cannot be wrong about the arrays; a test on a GPU holds the bounds. The CUDA context,
 * code and recordings are not in it. */
#ifndef SOLID_INFER_PLAN_BACKEND_H
#define SOLID_INFER_PLAN_BACKEND_H

#include "kernels/backend.h"

/* Sizes its tiles and batches as CUDA does. */
extern const sk_backend_ops sol_plan_table;

#endif
