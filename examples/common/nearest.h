/* What somebody may have meant: the known name nearest to the one that was given. */
#ifndef EXAMPLES_COMMON_NEAREST_H
#define EXAMPLES_COMMON_NEAREST_H

#include <stddef.h>

/* Edits (insert, delete, replace) that turn a into b; case and bytes behind the 64th do not count. */
size_t nearest_distance(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
