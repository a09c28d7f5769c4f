#include "solid/base/clock.h"
#include <time.h>

int64_t sol_steady_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t sol_steady_ms(void) {
  return sol_steady_ns() / 1000000;
}

double sol_steady_s(void) {
  return 1e-9 * (double)sol_steady_ns();
}

int64_t sol_wall_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sol_sleep_ns(int64_t ns) {
  if (ns <= 0) return;
  struct timespec pause = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
  nanosleep(&pause, NULL);
}

void sol_sleep_ms(int64_t ms) {
  sol_sleep_ns(ms > INT64_MAX / 1000000 ? INT64_MAX : ms * 1000000);
}
