#include "tests/solid/train/hiding.h"
#include "solid/train/data/hidden.h"
#include <stdlib.h>
#include <string.h>

solid_hidden hiding(const solid_dataset *dataset, const char *const *ids, size_t n) {
  solid_hidden hidden = {.items = dataset->items, .mask = calloc(dataset->items, 1)};
  hidden.kept = malloc(dataset->items * sizeof *hidden.kept);
  for (size_t i = 0; i < n; i++)
    hidden.mask[solid_vocab_find(&dataset->item_ids, (solid_bytes){ids[i], strlen(ids[i])})] = 1;
  for (uint32_t v = 0; v < dataset->items; v++)
    if (!hidden.mask[v]) hidden.kept[hidden.visible++] = v;
  return hidden;
}
