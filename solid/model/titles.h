/* What people are shown of an item: its title and its categories. */
#ifndef SOLID_MODEL_TITLES_H
#define SOLID_MODEL_TITLES_H

#include "solid/model.h"

/* Category -> items turned into item -> categories. ENOMEM. */
solid_status sol_model_turn_categories(solid_model *model);

#endif
