#ifndef SOLID_BASE_FETCH_H
#define SOLID_BASE_FETCH_H

/* Asks for the cache line at `at` before it is read. gcc takes a function that only does this for one without an effect
 * and leaves out its calls, loops and all; the empty statement of assembly counts as an effect. */
#define SOL_FETCH(at)                                                                                                  \
  do {                                                                                                                 \
    __builtin_prefetch(at);                                                                                            \
    __asm__ volatile("");                                                                                              \
  } while (0)

#endif
