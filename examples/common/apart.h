/* What a program writes must be none of the files that it reads: a name typed twice would cost the data. Nor may the
 * parts of a split be one file: its events would be learned, and asked for. */
#ifndef EXAMPLES_COMMON_APART_H
#define EXAMPLES_COMMON_APART_H

#include "solid/status.h"

typedef struct apart_file {
  const char *flag; /* with its dashes; NULL ends a list */
  const char *path; /* NULL = not given */
} apart_file;

/* EINVAL: a file of `written` is one of `read`, by this or by another name. What is no plain file may be both. */
solid_status apart_check(const apart_file *written, const apart_file *read);

/* EINVAL: two of `parts` are one file, by whatever names. */
solid_status apart_check_parts(const apart_file *parts);

#endif
