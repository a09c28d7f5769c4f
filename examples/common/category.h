/* A category as people type it. */
#ifndef EXAMPLES_COMMON_CATEGORY_H
#define EXAMPLES_COMMON_CATEGORY_H

#include "solid/model.h"

/* OK if the model has the category, or `name` is NULL. ENOTFOUND otherwise; the text names those that are nearest. */
solid_status category_check(const solid_model *model, const char *name);

#endif
