/* A table that has no device: alloc counts, the operations only count what their CUDA kernels would take for themselves
 * (sk_<op>_scratch, beside each). A worker or trainer opened on it counts its memory with the code that would take it,
 * so that a plan cannot be wrong about the arrays; a test on a GPU holds the bounds. The CUDA context, code and
 * recordings are not in it. */
#ifndef SOLID_INFER_PLAN_BACKEND_H
#define SOLID_INFER_PLAN_BACKEND_H

#include "kernels/backend.h"

/* The table. It chooses tiles and batch sizes as CUDA does. */
extern const sk_backend_ops sol_plan_table;

#endif
