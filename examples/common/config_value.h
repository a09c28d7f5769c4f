/* One value as text -> the typed field of the program's struct. */
#ifndef EXAMPLES_COMMON_CONFIG_VALUE_H
#define EXAMPLES_COMMON_CONFIG_VALUE_H

#include "examples/common/property.h"
#include "solid/status.h"

/* Writes `text` (which must outlive `values`) as the value of `property`. `where` ("--name", "file:3: name") begins the
 * error text. EINVAL, ERANGE. */
solid_status sol_property_set(const solid_property *property, const char *text, const char *where, void *values);

/* Index of `text` among the words of "a|b|c", or -1. */
int sol_choice_index(const char *choices, const char *text);

/* The property called `name` (size bytes), or NULL. */
const solid_property *sol_property_find(const solid_program *program, const char *name, size_t size);

/* The known name nearest to `name` by edit distance, or NULL when none is near enough to be meant. */
const char *sol_property_nearest(const solid_program *program, const char *name);

#endif
