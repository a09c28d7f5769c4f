/* What the benchmarks have in common: memory, a clock, and an end with a reason. Define BENCH, the program's name,
 * before. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "solid/base/clock.h"
#include "solid/status.h"
#include <stdio.h>
#include <stdlib.h>

static inline void die(const char *what, const char *why) {
  fprintf(stderr, BENCH ": %s: %s\n", what, why);
  exit(1);
}

static inline void must(solid_status status, const char *what) {
  if (status) die(what, solid_last_error());
}

static inline void *must_have(void *memory) {
  if (!memory) die("memory", "out of memory");
  return memory;
}

/* n zeroed elements. */
static inline void *room(size_t n, size_t size) {
  return must_have(calloc(n + 1, size));
}

static inline double now_us(void) {
  return 1e-3 * (double)sol_steady_ns();
}

#endif
