/* Titles from a data file into a model file. */
#ifndef EXAMPLES_COMMON_TITLES_H
#define EXAMPLES_COMMON_TITLES_H

#include "solid/status.h"
#include <stddef.h>

/* Gives the model at `model` the titles of the file at `path`; *kept receives how many of its items have one.
 * ENOTFOUND: the file has no titles. */
solid_status titles_set(const char *model, const char *path, size_t *kept);

#endif
