/* Validation of a model file's arrays, apart from its way to and from disk. */
#ifndef SOLID_MODEL_MODEL_CHECK_H
#define SOLID_MODEL_MODEL_CHECK_H

#include "solid/model/model_arrays.h"

/* Every weight is below this. Then no row of an item and no score can overflow, and a score that is not finite has one
 * cause: a user vector u that is not finite. With width and rank d <= 1024 and weights below w = 2^16:
 *   |e_v| < 2^21 (embedding, levels, slots), |z| < (d w)^2 <= 2^52, |W| < 2 d w |z| <= 2^79, |y| < 2 d |W| <= 2^90,
 *   and every partial sum of u . e_v is below d |u| |e_v| < 2^122.
 * Stored values are below 2^63 (store/record/codec.h); then |y| < 2^75. */
#define SOL_WEIGHT_LIMIT 65536.0f

/* Everything but repeated ids. Reads no further than the config and the counts say. */
solid_status sol_model_file_check(const sol_model_file *file);

/* An item id or a category name that occurs twice. Apart from the rest because making a model finds it anyway. */
solid_status sol_model_file_check_repeats(const sol_model_file *file);

#endif
