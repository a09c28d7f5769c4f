/* The interner against a list: strings of every length round what a cell holds, with any bytes, of which many begin or
 * end alike; with good hashes and with ones that nearly always meet. */
#include "ingest/data/events.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 40, KINDS = 7, STRINGS = (LONGEST + 1) * KINDS + 2, HUGE_SIZE = 100000 };

static char texts[STRINGS][LONGEST];
static char huge[HUGE_SIZE];
static solid_bytes strings[STRINGS]; /* no two are equal */

/* All bytes `fill`, but the one at `at`. */
static void add(size_t *n, size_t size, int fill, size_t at, int other) {
  char *text = texts[*n];
  memset(text, fill, LONGEST);
  if (size > 0) text[at] = (char)other;
  strings[(*n)++] = (solid_bytes){text, size};
}

static size_t make_strings(void) {
  size_t n = 0;
  add(&n, 0, 'a', 0, 0);
  for (size_t size = 1; size <= LONGEST; size++) {
    add(&n, size, 'a', size - 1, 'b');
    add(&n, size, 'a', size - 1, 0);
    add(&n, size, 0, 0, 0x80);
    add(&n, size, 0xff, size - 1, 0xfe);
    if (size == 1) continue; /* the others are there already */
    add(&n, size, 0, 0, 0);
    add(&n, size, 'a', 0, 'b');
    if (size > 2) add(&n, size, 'a', size / 2, 0xe4);
  }
  memset(huge, 'a', sizeof huge);
  strings[n++] = (solid_bytes){huge, sizeof huge};
  cr_assert_leq(n, STRINGS);
  return n;
}

static void agrees(uint64_t mask) {
  sol_interner interner = {0};
  size_t n = make_strings();
  for (size_t round = 0; round < 2; round++) /* new ones, known ones */
    for (uint32_t i = 0; i < n; i++) {
      uint32_t number = SOL_NO_NUMBER;
      uint64_t hash = sol_table_hash(strings[i].data, strings[i].size) & mask;
      sol_interner_fetch(&interner, hash);
      cr_assert_eq(sol_interner_find_hashed(&interner, strings[i], hash, &number), SOLID_OK);
      cr_assert_eq(number, i, "string %u of %zu bytes is number %u", i, strings[i].size, number);
    }
  cr_assert_eq(interner.count, n);
  for (uint32_t i = 0; i < n; i++) {
    solid_bytes held = sol_interner_text(&interner, i);
    cr_assert_eq(held.size, strings[i].size);
    cr_assert_eq(memcmp(held.data, strings[i].data, held.size), 0);
    cr_assert_eq(sol_interner_is(&interner, i, strings[i]), 1);
    cr_assert_eq(sol_interner_is(&interner, i, strings[(i + 1) % n]), 0);
    cr_assert_eq(sol_interner_is(&interner, (uint32_t)n, strings[i]), 0);
  }
  sol_interner_free(&interner);
}

Test(interner, numbers_strings_of_any_length_and_bytes) {
  const uint64_t masks[] = {UINT64_MAX, 7, 0};
  for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) agrees(masks[i]);
}

Test(interner, keeps_a_cell_within_a_quarter_of_a_cache_line) {
  cr_assert_eq(sizeof(sol_interned), 16);
}
