/* Opens a fit if the device has room for it. */
#ifndef SOLID_TRAIN_FIT_BUDGET_H
#define SOLID_TRAIN_FIT_BUDGET_H

#include "solid/train/budget.h"
#include "solid/train/fit/fit.h"

/* Bytes that a fit of this task takes, arguments as for sol_fit_open; its codes may be NULL. */
solid_status sol_budget_training(uint64_t *bytes, const sol_fit_task *task);

/* A fit with a queue of its own on the context's device. ENOMEM: the device has not that much left. Others as
 * sol_fit_open. */
solid_status sol_fit_new(sol_fit **out, const solid_context *ctx, const sol_fit_task *task);

#endif
