#include "solid/base/backoff.h"

int64_t sol_backoff_next(sol_backoff *backoff) {
  if (backoff->next_ms < backoff->min_ms) backoff->next_ms = backoff->min_ms;
  int64_t wait_ms = backoff->next_ms < backoff->max_ms ? backoff->next_ms : backoff->max_ms;
  backoff->next_ms = wait_ms > backoff->max_ms / 2 ? backoff->max_ms : 2 * wait_ms;
  return wait_ms;
}

int sol_retry_again(sol_retry *retry, solid_status status, int is_stopped, int64_t now_ms) {
  if (!solid_status_is_retriable(status)) return 0;
  if (!is_stopped) return 1;
  if (!retry->give_up_ms) retry->give_up_ms = now_ms + retry->drain_ms;
  return now_ms < retry->give_up_ms;
}

int64_t sol_retry_wait(sol_retry *retry, int64_t least_ms, int64_t now_ms) {
  int64_t wait_ms = sol_backoff_next(&retry->backoff), left_ms = retry->give_up_ms - now_ms;
  if (wait_ms < least_ms) wait_ms = least_ms;
  return retry->give_up_ms && left_ms < wait_ms ? left_ms : wait_ms;
}
