#include "solid/train/data/attributes.h"
#include "solid/model/config.h"
#include <stdlib.h>

static size_t attributes_of(const solid_dataset *dataset, uint32_t item) {
  const size_t *offsets = dataset->attribute_offsets;
  return offsets ? offsets[item + 1] - offsets[item] : 0;
}

uint32_t sol_attributes_slots(const solid_dataset *dataset, uint32_t most) {
  size_t slots = 0;
  for (uint32_t v = 0; v < dataset->items; v++)
    if (attributes_of(dataset, v) > slots) slots = attributes_of(dataset, v);
  return slots < most ? (uint32_t)slots : most;
}

uint32_t *sol_attributes_table(const solid_dataset *dataset, uint32_t slots) {
  uint32_t *table = malloc(((size_t)dataset->items * slots + 1) * sizeof *table), *at = table;
  if (!table) return NULL;
  for (uint32_t v = 0; v < dataset->items; v++) {
    size_t n = attributes_of(dataset, v);
    for (uint32_t s = 0; s < slots; s++)
      *at++ = s < n ? dataset->attribute_ids[dataset->attribute_offsets[v] + s] : SOL_NO_ATTRIBUTE;
  }
  return table;
}
