#include "solid/model/id_index.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

uint64_t solid_item_hash(solid_bytes id) {
  return XXH3_64bits(id.data, id.size);
}

static int same(solid_bytes a, solid_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The slot of `hash`, or the empty slot where it belongs. */
static size_t slot_of(const sol_id_index *index, uint64_t hash) {
  size_t slot = (size_t)hash & index->mask;
  while (index->slots[slot] != SOLID_NO_ITEM && index->hashes[index->slots[slot]] != hash)
    slot = (slot + 1) & index->mask;
  return slot;
}

solid_status sol_id_index_build(sol_id_index *index, const sol_strings *strings, const char *what) {
  size_t room = 2;
  while (room < 2 * (size_t)strings->count) room *= 2;
  memset(index, 0, sizeof *index);
  index->mask = room - 1;
  index->slots = malloc(room * sizeof *index->slots);
  index->hashes = malloc((strings->count ? strings->count : 1) * sizeof *index->hashes);
  if (!index->slots || !index->hashes) {
    sol_id_index_clear(index);
    return solid_fail(SOLID_ENOMEM, "out of memory: index of %u strings (%s)", strings->count, what);
  }
  memset(index->slots, 0xff, room * sizeof *index->slots);
  for (uint32_t i = 0; i < strings->count; i++) {
    solid_bytes id = sol_strings_at(strings, i);
    index->hashes[i] = solid_item_hash(id);
    size_t slot = slot_of(index, index->hashes[i]);
    uint32_t other = index->slots[slot];
    if (other != SOLID_NO_ITEM) {
      sol_id_index_clear(index);
      return solid_fail(SOLID_EFORMAT, "%s \"%.*s\" %s, at %u and %u", what, id.size > 80 ? 80 : (int)id.size, id.data,
                        same(id, sol_strings_at(strings, other)) ? "occurs twice" : "shares its hash with another",
                        other, i);
    }
    index->slots[slot] = i;
  }
  return SOLID_OK;
}

void sol_id_index_clear(sol_id_index *index) {
  free(index->hashes);
  free(index->slots);
  memset(index, 0, sizeof *index);
}

uint32_t sol_id_index_by_hash(const sol_id_index *index, uint64_t hash) {
  return index->slots[slot_of(index, hash)];
}

uint32_t sol_id_index_find(const sol_id_index *index, const sol_strings *strings, solid_bytes id) {
  uint32_t i = sol_id_index_by_hash(index, solid_item_hash(id));
  return i != SOLID_NO_ITEM && same(id, sol_strings_at(strings, i)) ? i : SOLID_NO_ITEM;
}
