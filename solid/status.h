/* What every function that may fail returns, and the text of this thread's last failure.
 *
 * A status tells a caller what to do next. Retriable (EIO, ETIMEDOUT, EFULL: something outside was away): do not
 * commit, wait, call again. About one message (EFORMAT, ENOTFOUND, ERANGE, EDUPLICATE): count it, put it
 * aside, go on. EREWIND: go back to what was committed, and on from there. ESTALE: load the model again. EUNKNOWN is of
 * a part of a call that failed: to repeat it is right where a repetition is harmless. Anything else is final. */
#ifndef SOLID_STATUS_H
#define SOLID_STATUS_H

#include "solid/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/*        name         value  text */
#define SOLID_STATUS_MAP(X)                                                                                            \
  X(OK, 0, "no error")                                                                                                 \
  X(EINVAL, -1, "invalid argument")                                                                                    \
  X(ENOMEM, -2, "out of memory")                                                                                       \
  X(EIO, -3, "input or output error")                                                                                  \
  X(ETIMEDOUT, -4, "timed out")                                                                                        \
  X(EFORMAT, -5, "malformed data")                                                                                     \
  X(ENOTFOUND, -6, "not found")                                                                                        \
  X(ERANGE, -7, "out of range")                                                                                        \
  X(EMISMATCH, -8, "does not belong to this model")                                                                    \
  X(EUNSUPPORTED, -9, "not supported by this build or device")                                                         \
  X(EDEVICE, -10, "device error")                                                                                      \
  X(EFULL, -11, "no space left")                                                                                       \
  X(ECANCELLED, -12, "cancelled")                                                                                      \
  X(EINTERNAL, -13, "internal error")                                                                                  \
  X(EREFUSED, -14, "refused for good")                                                                                 \
  X(ELOST, -15, "the store lost what it held")                                                                         \
  X(EDUPLICATE, -16, "applied before")                                                                                 \
  X(EREWIND, -17, "to be read again from what was committed")                                                          \
  X(ESTALE, -18, "the model's file is not what was loaded")                                                            \
  X(EUNKNOWN, -19, "asked for, and not known whether it was done")

typedef enum solid_status {
#define SOLID_STATUS_ENUM(name, value, text) SOLID_##name = (value),
  SOLID_STATUS_MAP(SOLID_STATUS_ENUM)
#undef SOLID_STATUS_ENUM
} solid_status;

/* Short impersonal text of a status; "unknown status" for any other number. Never NULL. Any thread. */
SOLID_API const char *solid_status_text(solid_status status);

/* Name of a status as written in C, e.g. "SOLID_EIO". Never NULL. Any thread. */
SOLID_API const char *solid_status_name(solid_status status);

/* 1 if the same call may succeed later although the caller changes nothing (EIO, ETIMEDOUT, EFULL), else 0. */
SOLID_API int solid_status_is_retriable(solid_status status);

/* One line about the last failure on the calling thread: what, where, the two values that disagree. Control characters
 * and bytes that are not UTF-8 are replaced by '?'. Never NULL; "" before the first failure. Valid until the next
 * failing call on this thread. A call that succeeds does not clear it.
 */
SOLID_API const char *solid_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
