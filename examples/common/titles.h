/* Titles from a data file into a model file. */
#ifndef EXAMPLES_COMMON_TITLES_H
#define EXAMPLES_COMMON_TITLES_H

#include "examples/common/reading.h"
#include "solid/status.h"
#include <stddef.h>

typedef struct titles titles;

/* Reads the titles of the file `path`, or where that is NULL those of items->attributes: *out is NULL where that file
 * has none, can be read once only, or is not given. Freed with titles_free. */
solid_status titles_read(titles **out, const char *path, const items_options *items);

/* Those that a model has: *out is NULL where it has none. `path`, borrowed, is where it is from. */
solid_status titles_of_model(titles **out, const char *path, const struct solid_model *model);

/* Gives the model at `model` its titles; *kept receives how many of its items have one. */
solid_status titles_set(const titles *list, const char *model, size_t *kept);

/* The file that they are from. */
const char *titles_path(const titles *list);

/* NULL is a no-op. */
void titles_free(titles *list);

#endif
