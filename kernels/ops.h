/* A sequence of operations on one backend whose first failure sticks: later calls do nothing, and the caller looks at
 * `status` once, at the end. One function per slot of the table: sol_op_linear(&run, &(sk_linear_args){...}). */
#ifndef KERNELS_OPS_H
#define KERNELS_OPS_H

#include "kernels/backend.h"

typedef struct sol_run {
  sk_backend *be;
  solid_status status;
} sol_run;

#define SOL_OP(op)                                                                                                     \
  static inline void sol_op_##op(sol_run *run, const sk_##op##_args *a) {                                              \
    if (run->status == SOLID_OK) run->status = run->be->ops->op(run->be, a);                                           \
  }
SK_OPS(SOL_OP)
#undef SOL_OP

static inline void sol_op_copy(sol_run *run, float *to, const float *from, size_t floats) {
  if (run->status == SOLID_OK) run->status = run->be->ops->copy(run->be, to, from, floats * sizeof(float));
}

static inline void sol_op_zero(sol_run *run, float *to, size_t floats) {
  if (run->status == SOLID_OK) run->status = run->be->ops->zero(run->be, to, floats * sizeof(float));
}

/* The following operations go to that lane of the backend. */
static inline void sol_op_lane(sol_run *run, int lane) {
  if (run->status == SOLID_OK) run->status = run->be->ops->lane(run->be, lane);
}

/* Joins after a failure, too, so that no work is left in a lane. */
static inline void sol_op_join(sol_run *run) {
  solid_status status = run->be->ops->join(run->be);
  if (run->status == SOLID_OK) run->status = status;
}

/* The next `floats` of a planned block, rounded up so that every piece starts at a multiple of 16 floats. A NULL base
 * only counts. */
static inline float *sol_take(float *base, size_t *used, size_t floats) {
  float *piece = base == NULL ? NULL : base + *used;
  *used += (floats + 15) / 16 * 16;
  return piece;
}

#endif
