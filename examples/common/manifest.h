/* What is needed to reproduce a result, as JSON. */
#ifndef EXAMPLES_COMMON_MANIFEST_H
#define EXAMPLES_COMMON_MANIFEST_H

#include "examples/common/config.h"
#include "solid/train/dataset.h"
#include <jansson.h>

/* Every property of the program with its value in this run, except those named in `without` (ends with NULL). NULL: no
 * memory. */
json_t *manifest_options(const solid_program *program, const void *values, const char *const *without);

/* {"kind", "text", boundaries or shares, "ties", "tie_seed"} of the history's split. */
json_t *manifest_split(const solid_dataset *dataset);

/* solid_dataset_hash as 16 hexadecimal digits. */
json_t *manifest_hash(const solid_dataset *dataset);

/* EIO: the file can be neither written nor created. For a check before long work; it creates nothing. */
solid_status manifest_check(const char *path);

/* Writes the results to a file and releases them, also on failure. EIO: the file cannot be written; ENOMEM: NULL. */
solid_status manifest_write(json_t *root, const char *path);

#endif
