#include "solid/model/id_index.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/model.h"
#include <stdlib.h>
#include <string.h>

uint64_t solid_item_hash(solid_bytes id) {
  return sol_table_hash(id.data, id.size);
}

static int same(solid_bytes a, solid_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static int same_hash(const void *owner, uint32_t i, const void *hash) {
  const sol_id_index *index = owner;
  return index->hashes[i] == *(const uint64_t *)hash;
}

solid_status sol_id_index_build(sol_id_index *index, const sol_strings *strings, const char *what) {
  memset(index, 0, sizeof *index);
  index->hashes = malloc((strings->count ? strings->count : 1) * sizeof *index->hashes);
  if (!index->hashes || !sol_table_reserve(&index->table, strings->count)) {
    sol_id_index_clear(index);
    return solid_fail(SOLID_ENOMEM, "out of memory: index of %u strings (%s)", strings->count, what);
  }
  for (uint32_t i = 0; i < strings->count; i++) {
    solid_bytes id = sol_strings_at(strings, i);
    uint64_t hash = solid_item_hash(id);
    uint32_t other = sol_id_index_by_hash(index, hash);
    if (other != SOLID_NO_ITEM) {
      int twice = same(id, sol_strings_at(strings, other));
      sol_id_index_clear(index);
      return solid_fail(SOLID_EFORMAT, "%s \"%s\" %s, at %u and %u", what, sol_show(id.data, id.size).text,
                        twice ? "occurs twice" : "shares its hash with another", other, i);
    }
    index->hashes[i] = hash;
    sol_table_add(&index->table, hash, i);
  }
  return SOLID_OK;
}

void sol_id_index_clear(sol_id_index *index) {
  free(index->hashes);
  sol_table_clear(&index->table);
  memset(index, 0, sizeof *index);
}

uint32_t sol_id_index_by_hash(const sol_id_index *index, uint64_t hash) {
  return sol_table_find(&index->table, hash, same_hash, index, &hash);
}

uint32_t sol_id_index_find(const sol_id_index *index, const sol_strings *strings, solid_bytes id) {
  uint32_t i = sol_id_index_by_hash(index, solid_item_hash(id));
  return i != SOLID_NO_ITEM && same(id, sol_strings_at(strings, i)) ? i : SOLID_NO_ITEM;
}
