/* Trying again: waits that double, and when to give up. */
#ifndef SOLID_BASE_BACKOFF_H
#define SOLID_BASE_BACKOFF_H

#include "solid/status.h"
#include <stdint.h>

/* Waits that double from min_ms to max_ms. */
typedef struct sol_backoff {
  int64_t min_ms, max_ms, next_ms;
} sol_backoff;

/* How long to wait now; 0 in next_ms starts anew. */
int64_t sol_backoff_next(sol_backoff *backoff);

/* What is tried until it succeeds, fails for good, or has been told to stop for drain_ms. */
typedef struct sol_retry {
  sol_backoff backoff;
  int64_t drain_ms;
  int64_t give_up_ms; /* 0: nobody has asked to stop */
} sol_retry;

/* 1 when what ended with `status` is to be tried again after a wait (sol_backoff_next). */
int sol_retry_again(sol_retry *retry, solid_status status, int is_stopped, int64_t now_ms);

#endif
