/* What libsolid reads of a context, and how a worker gets its device from it. */
#ifndef SOLID_MODEL_CONTEXT_H
#define SOLID_MODEL_CONTEXT_H

#include "kernels/backend.h"
#include "solid/context.h"

struct solid_context {
  const sk_backend_ops *ops; /* the device that was asked for */
  int32_t ordinal;           /* N of "cuda:N" */
  int32_t threads;           /* at least 1 */
  solid_precision precision;
  int32_t approximate;
  solid_log_fn log; /* may be NULL */
  void *log_user;
};

/* Opens the caller's own queue on the context's device; ended by (*out)->ops->close(*out). */
solid_status sol_backend_open(const solid_context *ctx, sk_backend **out);

/* Makes be->err this thread's last error, with the device's name before it; returns `status`. */
solid_status sol_backend_fail(const sk_backend *be, solid_status status);

/* ENOMEM unless the device of `be` has `bytes` free for `what`; `advice` says what the caller can lower. A host commits
 * memory only when it is touched, so only a device with memory of its own is asked. */
solid_status sol_backend_room(sk_backend *be, uint64_t bytes, const char *what, const char *advice);

/* One line to the context's log, if it has one; ctx may be NULL. */
void sol_log(const solid_context *ctx, solid_log_level level, const char *format, ...) SOLID_PRINTF(3, 4);

#endif
