/* What is said of an item to people: its title and the categories it is in. */
#ifndef SOLID_MODEL_TITLES_H
#define SOLID_MODEL_TITLES_H

#include "solid/model.h"

/* Category -> items turned into item -> categories. ENOMEM. */
solid_status sol_model_turn_categories(solid_model *model);

#endif
