/* What a process decides once: device, threads, where log lines go. Immutable after solid_context_new, so any number
 * of threads may share it; it must outlive everything made from it. */
#ifndef SOLID_CONTEXT_H
#define SOLID_CONTEXT_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_context solid_context;

typedef enum solid_log_level {
  SOLID_LOG_DEBUG = 0,
  SOLID_LOG_INFO = 1,
  SOLID_LOG_WARN = 2,
  SOLID_LOG_ERROR = 3
} solid_log_level;

/* Receives whole lines without a newline; `line` is valid during the call only. Called from any thread that uses the
 * library, possibly at the same time. */
typedef void (*solid_log_fn)(void *user, solid_log_level level, const char *line);

typedef struct solid_context_options {
  uint32_t struct_size; /* set by SOLID_CONTEXT_OPTIONS_INIT */
  int32_t threads;      /* CPU threads each worker may use; 0 = as many as the machine has, default 1 */
  const char *device;   /* "cpu", "cuda", "cuda:N"; NULL = "cpu". What is asked for and absent is EUNSUPPORTED. */
  solid_log_fn log;     /* NULL = silent */
  void *log_user;
} solid_context_options;

#define SOLID_CONTEXT_OPTIONS_INIT                                                                                     \
  { sizeof(solid_context_options), 1, NULL, NULL, NULL }

/* Makes a context; `options` NULL = all defaults. On success *out is owned by the caller: solid_context_free.
 * EINVAL: unknown device name or struct_size. EUNSUPPORTED: the device is not in this build or not on this machine. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_context_new(solid_context **out, const solid_context_options *options);

/* NULL is a no-op. Everything made from the context must be gone. */
SOLID_API void solid_context_free(solid_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
