/* Bytes of an entry of the item log (solid/items.h), and of the log's head; the same in every store, little-endian:
 *
 *   offset   bytes  what
 *   0        1      version: 1
 *   1        1      kind: solid_item_change
 *   2        2      attributes
 *   4        4      floats of the vector
 *   8        8      when it was said, ms since 1970
 *   16       2      bytes of the title
 *   18       1      bytes of the id
 *   19       1      zero
 *   20       4      CRC-32 of all other bytes
 *   24              id, title, attributes (one byte with the size before each), vector (f32)
 *
 *   head: "SI", version 1, zero; name of the log (16); entries (8). Version 2: some of the entries were dropped, and
 *   something that is no entry stands in their place */
#ifndef STORE_RECORD_ENTRY_H
#define STORE_RECORD_ENTRY_H

#include "solid/items.h"

enum {
  SOL_ENTRY_VERSION = 1,
  SOL_ENTRY_HEAD = 24,
  SOL_ENTRY_MAX = SOL_ENTRY_HEAD + SOLID_ID_MAX + SOLID_TITLE_MAX + SOLID_ITEM_ATTRIBUTES_MAX * (1 + SOLID_ID_MAX) +
                  4 * SOLID_ITEM_VECTOR_MAX,
  SOL_LOG_HEAD = 28,
  SOL_LOG_VERSION = 2,
  SOL_GAP = 9 /* bytes of what stands for entries that were dropped: zero, and a number; no entry is as short */
};

/* What a decoded entry points into, beside the bytes that it was read from. */
typedef struct sol_entry_room {
  solid_bytes attributes[SOLID_ITEM_ATTRIBUTES_MAX];
  float vector[SOLID_ITEM_VECTOR_MAX];
} sol_entry_room;

/* Bytes of a checked entry; writes them and returns how many they are. */
size_t sol_entry_size(const solid_item_entry *entry);
size_t sol_entry_encode(const solid_item_entry *entry, uint8_t *out);

/* Trusts none of the bytes. EUNSUPPORTED: of a newer version. EFORMAT: no entry, cut, or changed. */
solid_status sol_entry_decode(const uint8_t *data, size_t size, sol_entry_room *room, solid_item_entry *entry);

/* Sets the checksum of bytes that are complete otherwise. */
void sol_entry_seal(uint8_t *data, size_t size);

void sol_log_head_encode(const solid_items_version *version, uint8_t out[SOL_LOG_HEAD]);

/* No bytes are a log that was not begun. EUNSUPPORTED, EFORMAT. */
solid_status sol_log_head_decode(const uint8_t *data, size_t size, solid_items_version *version);

/* 1 if both are the same log at the same length; of no entries all are. */
int sol_items_version_same(const solid_items_version *a, const solid_items_version *b);

#endif
