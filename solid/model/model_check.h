/* Validation of a model file's arrays, apart from its way to and from disk. */
#ifndef SOLID_MODEL_MODEL_CHECK_H
#define SOLID_MODEL_MODEL_CHECK_H

#include "solid/model/model_arrays.h"

/* Everything but repeated ids, and but for E where it stays in the file. Reads no further than the config and the
 * counts say. */
solid_status sol_model_file_check(const sol_model_file *file);

/* An item id or a category name that occurs twice. Apart from the rest because making a model finds it anyway. */
solid_status sol_model_file_check_repeats(const sol_model_file *file);

#endif
