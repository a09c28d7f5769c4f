/* An item as the programs' JSON has it. */
#ifndef EXAMPLES_COMMON_ITEM_JSON_H
#define EXAMPLES_COMMON_ITEM_JSON_H

#include "examples/common/growing.h"
#include "solid/model.h"

/* {"item": ..., "title": ..., "categories": [...]; the caller closes the brace. */
void item_json(growing *out, const solid_model *model, uint32_t item);

#endif
