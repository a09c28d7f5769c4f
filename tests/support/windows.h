/* Packed windows for tests. */
#ifndef TESTS_SUPPORT_WINDOWS_H
#define TESTS_SUPPORT_WINDOWS_H

#include "tests/support/seed.h"
#include <stdint.h>

/* offsets (windows + 1) of windows of 0 .. longest rows, the last one of exactly `longest`; returns the rows. */
int32_t windows_draw(seed_rng *rng, int32_t windows, int32_t longest, int32_t *offsets);

#endif
