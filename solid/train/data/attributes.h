/* Attributes as a part of an item's semantics, beside its codes: those that it has sit in its slots, and each has an
 * embedding that all its items share. An item with more attributes than slots keeps those that were seen first in the
 * data, on whatever item. */
#ifndef SOLID_TRAIN_DATA_ATTRIBUTES_H
#define SOLID_TRAIN_DATA_ATTRIBUTES_H

#include "solid/train/dataset.h"

/* Slots an item needs: the most attributes that one has, but not more than `most`. */
uint32_t sol_attributes_slots(const solid_dataset *dataset, uint32_t most);

/* (V, slots) attributes of `dataset`, SOL_NO_ATTRIBUTE in an empty slot: malloc, or NULL when there is no memory. A
 * dataset without attributes gives empty slots. */
uint32_t *sol_attributes_table(const solid_dataset *dataset, uint32_t slots);

#endif
