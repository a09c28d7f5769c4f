/* How far long work has come, in lines at the level DEBUG of the context's log: at most five a second, so that a
 * program may show each as it comes. */
#ifndef SOLID_MODEL_PROGRESS_H
#define SOLID_MODEL_PROGRESS_H

#include "solid/context.h"

/* A zeroed struct is one that says nothing. */
typedef struct sol_progress {
  const solid_context *ctx; /* borrowed, as `what` and `unit` are */
  const char *what, *unit;  /* "codebook: k-means", "items": the rate is in them */
  double all, done;
  double began, said; /* seconds of a clock */
} sol_progress;

/* `ctx` NULL = silent; `all` units of work are to be done. */
sol_progress sol_progress_start(const solid_context *ctx, const char *what, const char *unit, double all);

/* So much more is done; `progress` NULL is a no-op. To be called after milliseconds of work, not for every unit. */
void sol_progress_add(sol_progress *progress, double done);

#endif
