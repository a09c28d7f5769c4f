#include "solid/extend.h"
#include "solid/model/trie.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 500 };

/* The path of an item, column by column. */
static uint32_t code_at(const sol_trie *t, const uint16_t *codes, uint32_t levels, uint32_t item, uint32_t column) {
  return column < levels ? codes[item * levels + column] : t->collision[item];
}

static int compare_paths(const sol_trie *t, const uint16_t *codes, uint32_t levels, uint32_t a, uint32_t b) {
  for (uint32_t c = 0; c <= levels; c++) {
    uint32_t x = code_at(t, codes, levels, a, c), y = code_at(t, codes, levels, b, c);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

/* Every node is a range of items that share its path, cut where the next column changes. */
static void check_nodes(const sol_trie *t, const uint16_t *codes, uint32_t levels) {
  uint32_t widest = 0;
  for (uint32_t l = 0; l < t->columns; l++) {
    const sol_trie_level *level = &t->level[l], *below = &t->level[l + 1];
    cr_assert_eq(level->begin[0], 0);
    cr_assert_eq(level->begin[level->nodes], t->items);
    cr_assert_eq(level->child[level->nodes], below->nodes);
    for (uint32_t n = 0; n < level->nodes; n++) {
      uint32_t first = level->child[n], last = level->child[n + 1];
      cr_assert_lt(first, last, "a node without children");
      cr_assert_eq(below->begin[first], level->begin[n]);
      cr_assert_eq(below->begin[last], level->begin[n + 1]);
      if (last - first > widest) widest = last - first;
      for (uint32_t c = first; c < last; c++) {
        cr_assert(c == first || below->code[c] > below->code[c - 1]);
        cr_assert_lt(below->code[c], t->codes[l]);
        cr_assert_lt(below->begin[c], below->begin[c + 1]);
        for (uint32_t p = below->begin[c]; p < below->begin[c + 1]; p++)
          cr_assert_eq(code_at(t, codes, levels, t->item[p], l), below->code[c]);
      }
    }
  }
  cr_assert_eq(t->level[0].nodes, 1);
  cr_assert_eq(t->level[t->columns].nodes, t->items);
  cr_assert_eq(t->widest, widest);
}

static void check(const uint16_t *codes, uint32_t items, uint32_t levels) {
  sol_trie t;
  cr_assert_eq(sol_trie_make(&t, codes, items, levels), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(t.columns, levels + 1);
  for (uint32_t v = 0; v < items; v++) {
    cr_assert_eq(t.item[t.place[v]], v);
    uint32_t same = 0; /* items before it with its codes */
    for (uint32_t w = 0; w < v; w++)
      same += memcmp(codes + w * levels, codes + v * levels, levels * sizeof *codes) == 0;
    cr_assert_eq(t.collision[v], same, "item %u", v);
  }
  for (uint32_t p = 1; p < items; p++)
    cr_assert_lt(compare_paths(&t, codes, levels, t.item[p - 1], t.item[p]), 0, "place %u", p);
  check_nodes(&t, codes, levels);
  sol_trie_clear(&t);
}

Test(trie, holds_random_catalogues) {
  static uint16_t codes[MOST * SOL_MAX_LEVELS];
  seed_rng rng = seed_start(31);
  for (int round = 0; round < 100; round++) {
    uint32_t items = 1 + (uint32_t)seed_below(&rng, MOST), levels = (uint32_t)seed_below(&rng, SOL_MAX_LEVELS + 1);
    int32_t most = round % 3 == 0 ? 65536 : 1 + seed_below(&rng, 9);
    for (uint32_t i = 0; i < items * levels; i++) codes[i] = (uint16_t)seed_below(&rng, most);
    check(codes, items, levels);
  }
}

Test(trie, items_of_one_code) {
  static const uint16_t codes[12] = {0};
  check(codes, 6, 2);
  check(codes, 1, 1);
  check(codes, 5, 0); /* without codes the last column alone is left */
}

static void same_list(const uint32_t *a, const uint32_t *b, size_t n, const char *what) {
  cr_assert(n == 0 || memcmp(a, b, n * sizeof *a) == 0, "%s differ", what);
}

/* Items that are added in some steps give what all of them give at once. */
Test(trie, grown_is_as_made_at_once) {
  static uint16_t codes[MOST * SOL_MAX_LEVELS];
  seed_rng rng = seed_start(33);
  for (int round = 0; round < 100; round++) {
    uint32_t items = 1 + (uint32_t)seed_below(&rng, MOST), levels = (uint32_t)seed_below(&rng, SOL_MAX_LEVELS + 1);
    int32_t most = round % 3 == 0 ? 65536 : 1 + seed_below(&rng, 9);
    for (uint32_t i = 0; i < items * levels; i++) codes[i] = (uint16_t)seed_below(&rng, most);
    sol_trie whole, grown;
    uint32_t n = 1 + (uint32_t)seed_below(&rng, (int32_t)items);
    cr_assert_eq(sol_trie_make(&whole, codes, items, levels), SOLID_OK);
    cr_assert_eq(sol_trie_make(&grown, codes, n, levels), SOLID_OK);
    for (; n < items; n += 1 + (uint32_t)seed_below(&rng, 40)) cr_assert_eq(sol_trie_add(&grown, codes, n), SOLID_OK);
    cr_assert_eq(sol_trie_add(&grown, codes, items), SOLID_OK);
    cr_assert_eq(grown.items, whole.items);
    cr_assert_eq(grown.widest, whole.widest);
    same_list(grown.item, whole.item, items, "items");
    same_list(grown.place, whole.place, items, "places");
    same_list(grown.collision, whole.collision, items, "collisions");
    same_list(grown.codes, whole.codes, levels + 1, "codes");
    for (uint32_t l = 0; l <= whole.columns; l++) {
      const sol_trie_level *a = &grown.level[l], *b = &whole.level[l];
      cr_assert_eq(a->nodes, b->nodes);
      same_list(a->begin, b->begin, b->nodes + 1, "places of nodes");
      if (l) same_list(a->code, b->code, b->nodes, "codes of nodes");
      if (l < whole.columns) same_list(a->child, b->child, b->nodes + 1, "children");
    }
    sol_trie_clear(&grown);
    sol_trie_clear(&whole);
  }
}

/* What is added later has a higher number, so no path of before changes. */
Test(trie, added_items_leave_the_paths_of_others_alone) {
  enum { BEFORE = 100, AFTER = 160, LEVELS = 2 };
  uint16_t codes[AFTER * LEVELS];
  seed_rng rng = seed_start(32);
  for (size_t i = 0; i < AFTER * LEVELS; i++) codes[i] = (uint16_t)seed_below(&rng, 5);
  sol_trie before, after;
  cr_assert_eq(sol_trie_make(&before, codes, BEFORE, LEVELS), SOLID_OK);
  cr_assert_eq(sol_trie_make(&after, codes, AFTER, LEVELS), SOLID_OK);
  for (uint32_t v = 0; v < BEFORE; v++) cr_assert_eq(before.collision[v], after.collision[v]);
  sol_trie_clear(&before);
  sol_trie_clear(&after);
}

Test(trie, refuses_what_is_none) {
  sol_trie t;
  cr_assert_eq(sol_trie_make(&t, NULL, 0, 2), SOLID_ERANGE);
  cr_assert_eq(sol_trie_make(&t, NULL, 3, SOL_MAX_LEVELS + 1), SOLID_ERANGE);
  sol_trie_clear(&t);
}
