/* The table against a list that is searched from its beginning, with good hashes and with ones that nearly always meet,
 * and with every allocation failing once. */
#include "solid/base/table.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 300 };

typedef struct key {
  char data[12];
  size_t size;
} key;

/* Number i is KEYS[i]; there[i] says whether the model has it. */
typedef struct rig {
  key keys[KEYS];
  uint8_t there[KEYS];
  size_t count;
  uint64_t mask; /* of the hashes */
  sol_table table;
  size_t asked;
} rig;

static int same(const void *owner, uint32_t number, const void *wanted) {
  rig *r = (rig *)(uintptr_t)owner;
  const key *a = &r->keys[number], *b = wanted;
  r->asked++;
  return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static uint64_t hash_of(const rig *r, uint32_t i) {
  return sol_table_hash(r->keys[i].data, r->keys[i].size) & r->mask;
}

/* Keys of 0 to 11 bytes, zero bytes among them, some a beginning of others. */
static rig *make(uint64_t mask) {
  rig *r = calloc(1, sizeof *r);
  cr_assert(r);
  r->mask = mask;
  for (uint32_t i = 0; i < KEYS; i++) {
    char text[12] = {0};
    int n = i ? snprintf(text, sizeof text, "%u", i / 2) : 0;
    memcpy(r->keys[i].data, text, sizeof text);
    r->keys[i].size = (size_t)n + (i > 1 && i % 2);
  }
  return r;
}

static void agrees(rig *r, uint32_t i) {
  uint32_t found = sol_table_find(&r->table, hash_of(r, i), same, r, &r->keys[i]);
  cr_assert_eq(found, r->there[i] ? i : SOL_NO_NUMBER, "key %u: %u, seed %llu", i, found,
               (unsigned long long)seed_value());
  cr_assert_eq(r->table.count, r->count);
  cr_assert_leq(4 * r->table.count, 3 * r->table.room);
}

static void step(rig *r, seed_rng *rng) {
  uint32_t i = 1 + (uint32_t)seed_below(rng, KEYS - 1);
  agrees(r, i);
  int32_t what = seed_below(rng, 1000);
  if (what == 0) {
    sol_table_empty(&r->table);
    memset(r->there, 0, sizeof r->there);
    r->count = 0;
  } else if (what < 600 && !r->there[i]) {
    cr_assert(sol_table_reserve(&r->table, r->count + 1));
    sol_table_add(&r->table, hash_of(r, i), i);
    r->there[i] = 1, r->count++;
  } else if (what >= 600) {
    cr_assert_eq(sol_table_remove(&r->table, hash_of(r, i), i), r->there[i]);
    r->count -= r->there[i], r->there[i] = 0;
  }
  agrees(r, i);
  agrees(r, 1 + (uint32_t)seed_below(rng, KEYS - 1));
}

Test(table, agrees_with_a_list) {
  const uint64_t masks[] = {UINT64_MAX, 7, 0, 0xfffffff0, ~(uint64_t)UINT32_MAX};
  for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
    seed_rng rng = seed_start(m);
    rig *r = make(masks[m]);
    for (int i = 0; i < 20000; i++) step(r, &rng);
    for (uint32_t i = 1; i < KEYS; i++) agrees(r, i);
    sol_table_clear(&r->table);
    sol_table_clear(&r->table);
    free(r);
  }
}

/* With a hash of 64 bits hardly a key is looked at in vain. */
Test(table, asks_the_owner_where_tags_agree_alone) {
  rig *r = make(UINT64_MAX);
  cr_assert(sol_table_reserve(&r->table, KEYS));
  for (uint32_t i = 1; i < KEYS; i += 2) sol_table_add(&r->table, hash_of(r, i), i), r->there[i] = 1, r->count++;
  for (uint32_t i = 1; i < KEYS; i++) agrees(r, i);
  cr_assert_eq(r->asked, KEYS / 2);
  sol_table_clear(&r->table);
  free(r);
}

Test(table, nothing) {
  sol_table table = {0};
  rig r = {0};
  const key none = {0};
  cr_assert_eq(sol_table_find(&table, 1, same, &r, &none), SOL_NO_NUMBER);
  cr_assert_eq(sol_table_remove(&table, 1, 1), 0);
  sol_table_empty(&table);
  cr_assert(sol_table_reserve(&table, 0));
  cr_assert_null(table.slots);
  cr_assert_eq(sol_table_bytes(0), 0);
  sol_table_clear(&table);
}

Test(table, room_is_what_was_said) {
  for (size_t count = 1; count < 5000; count = count * 3 / 2 + 1) {
    sol_table table = {0};
    cr_assert(sol_table_reserve(&table, count));
    cr_assert_eq(table.room * sizeof *table.slots, sol_table_bytes(count));
    uint64_t *before = table.slots;
    for (size_t i = 1; i <= count; i++) {
      cr_assert(sol_table_reserve(&table, i));
      sol_table_add(&table, i * 0x9e3779b97f4a7c15ULL, (uint32_t)i);
    }
    cr_assert_eq(table.slots, before);
    sol_table_clear(&table);
  }
}

Test(table, without_memory_nothing_has_changed) {
  rig *r = make(UINT64_MAX);
  size_t refused = 0;
  for (uint32_t i = 1; i < KEYS; i++) {
    alloc_watch_fail(1);
    int granted = sol_table_reserve(&r->table, r->count + 1);
    alloc_watch_fail(0);
    refused += !granted;
    for (uint32_t k = 1; k < KEYS; k++) agrees(r, k);
    cr_assert(sol_table_reserve(&r->table, r->count + 1));
    sol_table_add(&r->table, hash_of(r, i), i);
    r->there[i] = 1, r->count++;
  }
  cr_assert_eq(refused, 7, "16, 32, ... 1024 slots, half of them taken");
  cr_assert_eq(sol_table_reserve(&r->table, SOL_TABLE_MOST + 1), 0);
  cr_assert_eq(sol_table_reserve(&r->table, SIZE_MAX), 0);
  for (uint32_t k = 1; k < KEYS; k++) agrees(r, k);
  sol_table_clear(&r->table);
  free(r);
}
