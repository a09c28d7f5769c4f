/* The hash table of byte strings: from a string to the number under which its owner keeps it.
 *
 *   slot   = tag << 32 | number + 1          0 = empty
 *   tag    = lower 32 bits of the hash; its lowest bits are where the search begins, one slot after another
 *
 * The strings stay with their owner, whose function `same` compares the string of a number with a key; it is not called
 * where tags differ. So one table serves ids that are borrowed, packed into one array, or each in a block of its own.
 * The table grows without the owner's help, and a removal leaves no tombstone. */
#ifndef SOLID_BASE_TABLE_H
#define SOLID_BASE_TABLE_H

#include "solid/base/fetch.h"
#include <stddef.h>
#include <stdint.h>

#define SOL_NO_NUMBER  UINT32_MAX
#define SOL_TABLE_MOST ((size_t)3 << 30) /* numbers that one table can hold */

/* A zeroed struct is an empty table. */
typedef struct sol_table {
  uint64_t *slots;
  size_t room;  /* slots: 0 or a power of two, at most half of them taken, which keeps searches short */
  size_t count; /* numbers in it */
} sol_table;

/* 1 if the string that `owner` keeps under `number` equals `key`. */
typedef int sol_table_same(const void *owner, uint32_t number, const void *key);

/* XXH3, 64 bits. The table takes any hash, as long as equal keys have equal ones. */
uint64_t sol_table_hash(const void *data, size_t size);

/* Number of `key`, or SOL_NO_NUMBER. Inline, so that `same` is no call: a batch of a thousand users looks up 20,000. */
static inline uint32_t sol_table_find(const sol_table *table, uint64_t hash, sol_table_same *same, const void *owner,
                                      const void *key) {
  if (!table->count) return SOL_NO_NUMBER;
  uint32_t tag = (uint32_t)hash;
  size_t mask = table->room - 1;
  for (size_t i = tag & mask; table->slots[i]; i = (i + 1) & mask) {
    uint32_t number = (uint32_t)table->slots[i] - 1;
    if ((uint32_t)(table->slots[i] >> 32) == tag && same(owner, number, key)) return number;
  }
  return SOL_NO_NUMBER;
}

/* Asks for the memory that a search for this hash begins with, so that it is there when it comes. */
static inline void sol_table_fetch(const sol_table *table, uint64_t hash) {
  if (table->room) SOL_FETCH(&table->slots[(uint32_t)hash & (table->room - 1)]);
}

/* The number that a search for this hash compares first, or SOL_NO_NUMBER. */
static inline uint32_t sol_table_likely(const sol_table *table, uint64_t hash) {
  size_t mask = table->room - 1, i = (uint32_t)hash & mask;
  if (!table->room) return SOL_NO_NUMBER;
  while (table->slots[i] && (uint32_t)(table->slots[i] >> 32) != (uint32_t)hash) i = (i + 1) & mask;
  return (uint32_t)table->slots[i] - 1; /* SOL_NO_NUMBER of an empty slot */
}

/* Makes room for `count` numbers in all. Returns 1, or 0 and changes nothing if memory is short or `count` is above
 * SOL_TABLE_MOST. */
int sol_table_reserve(sol_table *table, size_t count);

/* Bytes of a table that was reserved for `count` numbers. */
size_t sol_table_bytes(size_t count);

/* Adds a number whose key is not in the table; room must have been reserved. */
void sol_table_add(sol_table *table, uint64_t hash, uint32_t number);

/* Removes the number, which was added with this hash; 0 if the table does not have it. */
int sol_table_remove(sol_table *table, uint64_t hash, uint32_t number);

/* Forgets all numbers and keeps the room. */
void sol_table_empty(sol_table *table);

/* Frees and zeroes. */
void sol_table_clear(sol_table *table);

#endif
