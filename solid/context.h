/* Settings of a process: device, threads, where log lines go. Immutable after solid_context_new, so any number of
 * threads may share it; it must outlive everything made from it. */
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

/* Receives whole lines without a newline; `line` is valid during the call only. Those of training, and of loading a
 * large model, at DEBUG say how far this has come, at most five a second. Called from any thread that uses the library,
 * possibly at the same time. */
typedef void (*solid_log_fn)(void *user, solid_log_level level, const char *line);

/* How products are computed. TF32 rounds their factors to 10 bits of mantissa (an error of some 1e-3 where FP32 has
 * 1e-6) and is several times faster on a GPU; sums, norms and losses stay FP32. The CPU does not have this mode and
 * refuses it. */
typedef enum solid_precision { SOLID_PRECISION_FP32 = 0, SOLID_PRECISION_TF32 = 1 } solid_precision;

typedef struct solid_context_options {
  uint32_t struct_size; /* set by SOLID_CONTEXT_OPTIONS_INIT */
  int32_t threads;      /* CPU threads each worker may use; 0 = as many as the machine has; default 1 */
  const char *device;   /* "cpu", "cuda", "cuda:N"; NULL = "cpu". EUNSUPPORTED if it is absent. */
  solid_log_fn log;     /* NULL = silent */
  void *log_user;
  uint32_t precision;   /* solid_precision; default FP32 */
  uint32_t reserved;    /* not read: programs built before the next member leave it undefined */
  uint32_t approximate; /* 1: a CPU may look at the most promising twentieth of a large catalogue alone (from 65,536
                           items on): lists of up to 64 items, of which one in a hundred may be missed where a model
                           is trained. Scores are exact. Default 0: lists are exact. Other devices do not read it */
} solid_context_options;

#define SOLID_CONTEXT_OPTIONS_INIT                                                                                     \
  { sizeof(solid_context_options), 1, NULL, NULL, NULL, SOLID_PRECISION_FP32, 0, 0 }

/* The same for callers who cannot use macros. */
SOLID_API solid_context_options solid_context_options_default(void);

/* Makes a context; `options` NULL = all defaults. On success *out is owned by the caller: solid_context_free.
 * EINVAL: unknown device name, precision or struct_size. EUNSUPPORTED: the device is not in this build, not on this
 * machine, or has not that precision. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_context_new(solid_context **out, const solid_context_options *options);

/* NULL is a no-op. Everything made from the context must be gone. */
SOLID_API void solid_context_free(solid_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
