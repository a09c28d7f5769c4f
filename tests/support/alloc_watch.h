/* Counts and fails the allocations of a test program that is linked with ALLOC_WATCH_LINK (tests/CMakeLists.txt): those
 * of the static libraries and of the test itself, not those of shared libraries (jansson 2.14's lexer asserts
 * that it gets memory). Not for several threads at once. */
#ifndef TESTS_SUPPORT_ALLOC_WATCH_H
#define TESTS_SUPPORT_ALLOC_WATCH_H

#include <stddef.h>

size_t alloc_watch_count(void);          /* malloc, calloc, realloc, aligned_alloc and strdup so far */
void alloc_watch_fail(size_t countdown); /* the countdown-th allocation from now fails, once; 0 = none */

#endif
