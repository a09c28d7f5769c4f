#include "ingest/data/events.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

solid_bytes sol_interner_text(const sol_interner *interner, uint32_t index) {
  const sol_interned *cell = &interner->cells[index];
  const char *text = cell->size <= SOL_INTERNED_HERE ? cell->here : interner->bytes + cell->at;
  return (solid_bytes){text, cell->size};
}

static int is_same(const void *owner, uint32_t number, const void *key) {
  const sol_interner *interner = owner;
  const solid_bytes *text = key;
  if (interner->cells[number].size != text->size) return 0;
  return text->size == 0 || memcmp(sol_interner_text(interner, number).data, text->data, text->size) == 0;
}

static solid_status grow(sol_interner *interner, size_t size) {
  if (size > SOL_INTERNED_HERE && interner->room - interner->used < size) {
    size_t room = 2 * interner->room + size + 4096;
    char *bytes = realloc(interner->bytes, room);
    if (!bytes) return solid_fail(SOLID_ENOMEM, "no room for %zu bytes of ids", room);
    interner->bytes = bytes;
    interner->room = room;
  }
  if (interner->count == interner->places) {
    if (interner->places > UINT32_MAX / 4) return solid_fail(SOLID_ERANGE, "over %u ids", interner->places);
    uint32_t places = 2 * interner->places + 256;
    sol_interned *cells = realloc(interner->cells, places * sizeof *cells);
    if (!cells) return solid_fail(SOLID_ENOMEM, "no room for %u ids", places);
    interner->cells = cells;
    interner->places = places;
  }
  if (!sol_table_reserve(&interner->table, (size_t)interner->count + 1))
    return solid_fail(SOLID_ENOMEM, "no room for %u ids", interner->count);
  return SOLID_OK;
}

static void put(sol_interner *interner, solid_bytes text) {
  sol_interned *cell = &interner->cells[interner->count];
  *cell = (sol_interned){.size = (uint32_t)text.size};
  char *to = cell->here;
  if (text.size > SOL_INTERNED_HERE) {
    cell->at = interner->used;
    to = interner->bytes + interner->used;
    interner->used += text.size;
  }
  if (text.size > 0) memcpy(to, text.data, text.size);
}

solid_status sol_interner_find_hashed(sol_interner *interner, solid_bytes text, uint64_t hash, uint32_t *out) {
  *out = sol_table_find(&interner->table, hash, is_same, interner, &text);
  if (*out != SOL_NO_NUMBER) return SOLID_OK;
  solid_status status = grow(interner, text.size);
  if (status != SOLID_OK) return status;
  put(interner, text);
  sol_table_add(&interner->table, hash, interner->count);
  *out = interner->count++;
  return SOLID_OK;
}

solid_status sol_interner_find(sol_interner *interner, solid_bytes text, uint32_t *out) {
  return sol_interner_find_hashed(interner, text, sol_table_hash(text.data, text.size), out);
}

void sol_interner_fetch(const sol_interner *interner, uint64_t hash) {
  uint32_t number = sol_table_likely(&interner->table, hash);
  if (number != SOL_NO_NUMBER) __builtin_prefetch(&interner->cells[number]);
}

int sol_interner_is(const sol_interner *interner, uint32_t index, solid_bytes text) {
  return index < interner->count && is_same(interner, index, &text);
}

void sol_interner_free(sol_interner *interner) {
  free(interner->bytes);
  free(interner->cells);
  sol_table_clear(&interner->table);
  *interner = (sol_interner){0};
}
