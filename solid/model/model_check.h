/* Validation of a model file's arrays, apart from its way to and from disk. */
#ifndef SOLID_MODEL_MODEL_CHECK_H
#define SOLID_MODEL_MODEL_CHECK_H

#include "solid/model/model_arrays.h"

/* Weights are below this. Then no item's row and no score overflows, and a score that is no finite number has one cause
 * alone, a vector u that is none: with width and rank d <= 1024 and weights below w = 2^16, |e_v| < 2^21 (embedding,
 * levels, slots), |z| < (d w)^2 <= 2^52, |W| < 2 d w |z| <= 2^79, |y| < 2 d |W| <= 2^90, and every partial sum of
 * u . e_v < d |u| |e_v| < 2^122. What is stored may be larger (store/record/codec.h, 2^63), and |y| < 2^75 then. */
#define SOL_WEIGHT_LIMIT 65536.0f

/* Everything but repeated ids. Reads only what the config and the counts say is there. */
solid_status sol_model_file_check(const sol_model_file *file);

/* An item id or a category name that occurs twice. Apart from the rest because making a model finds it anyway. */
solid_status sol_model_file_check_repeats(const sol_model_file *file);

#endif
