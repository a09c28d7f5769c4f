/* An entry of the item log as JSON, the same by HTTP, in a topic and in a file:
 *
 *   {"item": "sku-7", "title": "A red chair", "attributes": ["red", "chair"], "vector": [0.1, ...]}
 *   {"item": "sku-7", "change": "hidden"}         added (the default), hidden, shown, removed
 *
 * "time" (ms since 1970) may stand beside. */
#ifndef EXAMPLES_COMMON_ITEM_ENTRY_H
#define EXAMPLES_COMMON_ITEM_ENTRY_H

#include "solid/items.h"
#include <jansson.h>

typedef struct item_entries {
  solid_item_entry *entries; /* (n) good ones, borrowed from the JSON and from `rooms` */
  void **rooms;
  size_t n, room;
} item_entries;

/* Adds what the object says; the JSON must outlive the entries. EFORMAT, ERANGE, EINVAL, saying which field is wrong:
 * nothing is added. ENOMEM. */
solid_status item_entries_add(item_entries *all, const json_t *object);

/* An entry as one line of JSON, without vector where it has none; NULL: no memory, or text that is no UTF-8. */
char *item_entry_text(const solid_item_entry *entry);

void item_entries_clear(item_entries *all);

#endif
