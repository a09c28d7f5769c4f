#include "ingest/data/events.h"
#include "solid/base/fetch.h"
#include "solid/base/same.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

#define LINE ((size_t)64)

static char *first_line(const sol_grown *grown) {
  return (char *)(((uintptr_t)grown->block + LINE - 1) / LINE * LINE);
}

void *sol_grown_reserve(sol_grown *grown, size_t bytes) {
  size_t before = grown->block ? (size_t)(first_line(grown) - (char *)grown->block) : 0;
  char *block = bytes <= SIZE_MAX - LINE ? realloc(grown->block, bytes + LINE) : NULL;
  if (!block) return NULL;
  grown->block = block;
  char *array = first_line(grown);
  if (grown->bytes > 0 && array != block + before)
    memmove(array, block + before, grown->bytes < bytes ? grown->bytes : bytes);
  grown->bytes = bytes;
  return array;
}

void sol_grown_free(sol_grown *grown) {
  free(grown->block);
  *grown = (sol_grown){0};
}

static int is_same(const void *owner, uint32_t number, const void *key) {
  const sol_interner *interner = owner;
  const solid_bytes *text = key;
  solid_bytes held = sol_interner_text(interner, number);
  return held.size == text->size && sol_same(held.data, text->data, text->size);
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
    sol_interned *cells = sol_grown_reserve(&interner->cell_memory, places * sizeof *cells);
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
  char *to = cell->here.bytes;
  if (text.size > SOL_INTERNED_HERE) {
    *cell = (sol_interned){.away = {SOL_INTERNED_AWAY, (uint32_t)text.size, interner->used}};
    to = interner->bytes + interner->used;
    interner->used += text.size;
  } else {
    cell->here.size = (uint8_t)text.size;
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
  if (number != SOL_NO_NUMBER) SOL_FETCH(&interner->cells[number]);
}

int sol_interner_is(const sol_interner *interner, uint32_t index, solid_bytes text) {
  return index < interner->count && is_same(interner, index, &text);
}

void sol_interner_free(sol_interner *interner) {
  free(interner->bytes);
  sol_grown_free(&interner->cell_memory);
  sol_table_clear(&interner->table);
  *interner = (sol_interner){0};
}
