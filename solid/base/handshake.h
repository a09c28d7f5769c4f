/* `struct_size`, by which callers and libraries of different ages agree: a struct of options, statistics or answers
 * begins with its size (32 bits) as the caller knows it. Fields are only ever added at the end, so an older caller's
 * struct is the beginning of ours: what it has is taken or given, what it lacks keeps its default or is left alone. One
 * that is larger comes from a newer caller, whose wishes this library does not know: refused. */
#ifndef SOLID_BASE_HANDSHAKE_H
#define SOLID_BASE_HANDSHAKE_H

#include "solid/status.h"
#include <stddef.h>

/* EINVAL, with `what` in the text, unless the caller's struct has 4 to `known` bytes. */
solid_status sol_struct_check(const void *theirs, size_t known, const char *what);

/* Copies the caller's struct over the beginning of `ours` (`known` bytes), which holds the defaults. NULL copies
 * nothing. */
solid_status sol_struct_take(void *ours, size_t known, const void *theirs, const char *what);

/* Copies what fits of `ours` into the caller's struct, which keeps its struct_size. */
solid_status sol_struct_give(void *theirs, const void *ours, size_t known, const char *what);

#endif
