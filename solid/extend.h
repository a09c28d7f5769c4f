/* For code that implements a store or an event source, or a program that reports errors in the same way. */
#ifndef SOLID_EXTEND_H
#define SOLID_EXTEND_H

#include "solid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets this thread's solid_last_error() to one formatted line (cut at 511 bytes) and returns `status`, so that a
 * failure reads `return solid_fail(SOLID_EIO, "redis %s:%d: %s", host, port, why);`. An argument may be
 * solid_last_error(), to add to its text. Never allocates. Write lower case, leave out "failed to", name the two values
 * that disagree, and say what to do where that is not obvious. */
SOLID_API solid_status solid_fail(solid_status status, const char *format, ...) SOLID_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
