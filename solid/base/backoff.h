/* Retries: waits that double, and when to give up. */
#ifndef SOLID_BASE_BACKOFF_H
#define SOLID_BASE_BACKOFF_H

#include "solid/status.h"
#include <stdint.h>

/* Waits that double from min_ms to max_ms. */
typedef struct sol_backoff {
  int64_t min_ms, max_ms, next_ms;
} sol_backoff;

/* How long to wait now; next_ms = 0 starts again at min_ms. */
int64_t sol_backoff_next(sol_backoff *backoff);

/* Something that is tried until it succeeds, fails with a final status, or drain_ms have passed since a stop was
 * requested. */
typedef struct sol_retry {
  sol_backoff backoff;
  int64_t drain_ms;
  int64_t give_up_ms; /* 0 = no stop was requested */
} sol_retry;

/* 1 if the attempt that ended with `status` is to be repeated after a wait (sol_retry_wait). */
int sol_retry_again(sol_retry *retry, solid_status status, int is_stopped, int64_t now_ms);

/* How long to wait then: as the backoff says, `least_ms` at least, and no longer than it is tried. */
int64_t sol_retry_wait(sol_retry *retry, int64_t least_ms, int64_t now_ms);

#endif
