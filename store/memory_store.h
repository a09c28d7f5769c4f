/* The store in the memory of the process: for tests, evaluation, and services without a server. Its contents end with
 * the process.
 *
 * Several threads may use one memory, for example one that writes and one that reads, if each has its own handle: the
 * first from solid_store_open_memory, the others from solid_memory_store_share. A mutex protects each call. The memory
 * is freed with its last handle. The item log alone may have a file. */
#ifndef STORE_MEMORY_STORE_H
#define STORE_MEMORY_STORE_H

#include "solid/model.h"
#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Milliseconds of a monotonic clock. */
typedef int64_t (*solid_clock_fn)(void *clock_user);

typedef struct solid_memory_store_options {
  uint32_t struct_size; /* set by SOLID_MEMORY_STORE_OPTIONS_INIT */
  uint32_t window;      /* L: steps that a call returns; 0 = as many as the model reads */
  int64_t ttl_ms;       /* a user not read or written for so long is forgotten; 0 = never */
  uint64_t max_bytes;   /* what users may take up, table included; beyond it EFULL; 0 = no limit; default 1 GiB */
  solid_clock_fn clock; /* NULL = the monotonic clock */
  void *clock_user;
  uint32_t history;       /* steps kept of a user, at most SOLID_HISTORY_MAX; 0 = the window's */
  const char *items_path; /* file of the item log, made with its first entry; NULL = the log ends with the process */
  solid_log_fn log;       /* receives what was cut off from that file; NULL = silent */
  void *log_user;
} solid_memory_store_options;

#define SOLID_MEMORY_STORE_OPTIONS_INIT                                                                                \
  { sizeof(solid_memory_store_options), 0, 0, UINT64_C(1) << 30, NULL, NULL, 0, NULL, NULL, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_memory_store_options solid_memory_store_options_default(void);

/* Opens an empty store for windows of the model. The model is not kept, and may be NULL if the options have a window.
 * `options` NULL = the defaults. On success *out is owned by the caller: solid_store_close. EINVAL: an option out of
 * range. ENOMEM. Of the file of the item log: EREFUSED (another process has it), EFORMAT (no item log, or damaged: what
 * a kill left unfinished is not), EUNSUPPORTED (of a newer version), EIO. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_store_open_memory(solid_store **out, const solid_model *model,
                                                                  const solid_memory_store_options *options);

/* A second handle on the memory of `store` (a memory store), for another thread; closed like the first, in any order.
 * EINVAL: not a memory store. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_memory_store_share(solid_store **out, solid_store *store);

/* Number of users, and the bytes they take. Either pointer may be NULL. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_memory_store_usage(solid_store *store, size_t *users, size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
