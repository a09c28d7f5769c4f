/* A table that has no device: alloc counts, the operations do nothing. What is opened on it tells how much memory it
 * would take by the same code that takes it, so that a plan cannot be wrong about the arrays; what kernels take for
 * themselves is not in it. */
#ifndef SOLID_INTERNAL_PLAN_BACKEND_H
#define SOLID_INTERNAL_PLAN_BACKEND_H

#include "kernels/backend.h"

/* Sizes its tiles and batches as CUDA does. */
extern const sk_backend_ops sol_plan_table;

#endif
