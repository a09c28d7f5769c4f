#include "solid/base/table.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FIRST_ROOM = 16 };

uint64_t sol_table_hash(const void *data, size_t size) {
  return XXH3_64bits(data, size);
}

static uint64_t slot_of(uint64_t hash, uint32_t number) {
  return hash << 32 | ((uint64_t)number + 1);
}

static uint32_t tag_of(uint64_t slot) {
  return (uint32_t)(slot >> 32);
}

static size_t room_for(size_t count) {
  size_t room = FIRST_ROOM;
  while (room / 2 < count) room *= 2;
  return room;
}

size_t sol_table_bytes(size_t count) {
  return count ? room_for(count) * sizeof(uint64_t) : 0;
}

static void place(uint64_t *slots, size_t mask, uint64_t slot) {
  size_t i = tag_of(slot) & mask;
  while (slots[i]) i = (i + 1) & mask;
  slots[i] = slot;
}

int sol_table_reserve(sol_table *table, size_t count) {
  if (count <= table->room / 2) return 1;
  if (count > SOL_TABLE_MOST) return 0;
  size_t room = room_for(count);
  uint64_t *slots = calloc(room, sizeof *slots);
  if (!slots) return 0;
  for (size_t i = 0; i < table->room; i++)
    if (table->slots[i]) place(slots, room - 1, table->slots[i]);
  free(table->slots);
  table->slots = slots;
  table->room = room;
  return 1;
}

void sol_table_add(sol_table *table, uint64_t hash, uint32_t number) {
  assert(table->count < table->room / 2 && number != SOL_NO_NUMBER);
  place(table->slots, table->room - 1, slot_of(hash, number));
  table->count++;
}

/* Empties slot i and moves back the later slots that a search would otherwise no longer reach. */
static void close_gap(sol_table *table, size_t i) {
  size_t mask = table->room - 1;
  table->slots[i] = 0;
  for (size_t j = (i + 1) & mask; table->slots[j]; j = (j + 1) & mask) {
    size_t home = tag_of(table->slots[j]) & mask;
    if (((j - home) & mask) < ((j - i) & mask)) continue;
    table->slots[i] = table->slots[j];
    table->slots[j] = 0;
    i = j;
  }
}

int sol_table_remove(sol_table *table, uint64_t hash, uint32_t number) {
  if (!table->count) return 0;
  uint64_t slot = slot_of(hash, number);
  size_t mask = table->room - 1, i = tag_of(slot) & mask;
  while (table->slots[i] && table->slots[i] != slot) i = (i + 1) & mask;
  if (!table->slots[i]) return 0;
  close_gap(table, i);
  table->count--;
  return 1;
}

void sol_table_empty(sol_table *table) {
  if (table->room) memset(table->slots, 0, table->room * sizeof *table->slots);
  table->count = 0;
}

void sol_table_clear(sol_table *table) {
  free(table->slots);
  *table = (sol_table){0};
}
