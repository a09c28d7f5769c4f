/* How an item joins a model (growth.h says what that means). */
#ifndef SOLID_MODEL_JOIN_H
#define SOLID_MODEL_JOIN_H

#include "solid/model/model_parts.h"

/* Gives the item of entry `number` its row, closed. The caller holds growth->lock. ENOTFOUND: nothing is known of it,
 * and it gets none. EFULL: no spare row. ENOMEM, EDEVICE. */
solid_status sol_model_join(const solid_model *model, const solid_item_entry *entry, uint64_t number);

#endif
