#include "tests/support/slate_case.h"
#include <criterion/criterion.h>
#include <stdlib.h>

/* ---- What is allowed ---- */

static int is_excluded(const slate_case *c, uint32_t item) {
  return (int)(c->excluded[item / 64] >> (item % 64) & 1);
}

Test(allowed, counts_what_is_left_between_places) {
  seed_rng rng = seed_start(41);
  for (int round = 0; round < 60; round++) {
    slate_case c;
    uint32_t items = 1 + (uint32_t)seed_below(&rng, 400);
    slate_case_make(&c, &rng, items, 2, 6, round % 3 == 0 ? 0.1 : round % 3 == 1 ? 0.9 : 0);
    uint32_t before = 0;
    for (uint32_t p = 0; p <= items; p++) {
      cr_assert_eq(sol_allowed_before(&c.allowed, p), before, "%u items, place %u", items, p);
      if (p == items) break;
      cr_assert_eq(sol_allowed_at(&c.allowed, p), !is_excluded(&c, c.trie.item[p]));
      before += !is_excluded(&c, c.trie.item[p]);
    }
    cr_assert_eq(c.allowed.count, before);
    slate_case_clear(&c);
  }
}

Test(allowed, bits_behind_the_last_item_do_not_count) {
  slate_case c;
  seed_rng rng = seed_start(42);
  slate_case_make(&c, &rng, 70, 1, 4, 0);
  c.excluded[1] |= ~UINT64_C(0x3f); /* items 70 .. 127 are none */
  sol_allowed_set(&c.allowed, &c.trie, c.excluded);
  cr_assert_eq(c.allowed.count, 70);
  c.excluded[0] = c.excluded[1] = UINT64_MAX;
  sol_allowed_set(&c.allowed, &c.trie, c.excluded);
  cr_assert_eq(c.allowed.count, 0);
  sol_allowed_set(&c.allowed, &c.trie, NULL);
  cr_assert_eq(c.allowed.count, 70);
  slate_case_clear(&c);
}

/* ---- Walks ---- */

typedef struct chooser {
  int lowest; /* or any */
  seed_rng rng;
} chooser;

/* left and held of every open child again, naive; what is closed has nothing left. */
static void check_open(const slate_case *c, const sol_walk *w, uint32_t row, const sol_open *open, uint32_t n) {
  uint32_t l = w->depth[row], node = sol_walk_node(w, row), at = 0;
  for (uint32_t child = c->trie.level[l].child[node]; child < c->trie.level[l].child[node + 1]; child++) {
    const sol_trie_level *below = &c->trie.level[l + 1];
    uint32_t left = 0, held = sol_walk_held(w, l + 1, child);
    for (uint32_t p = below->begin[child]; p < below->begin[child + 1]; p++) left += !is_excluded(c, c->trie.item[p]);
    if (held >= left) continue;
    cr_assert_lt(at, n, "child %u is open and was not told", child);
    cr_assert_eq(open[at].node, child);
    cr_assert_eq(open[at].code, below->code[child]);
    cr_assert(open[at].left == left && open[at].held == held);
    at++;
  }
  cr_assert_eq(at, n, "children that are not open were told");
}

/* Decodes a slate of K rows in one order; every item is allowed and none comes twice. */
static void run(const slate_case *c, uint32_t K, uint32_t which, chooser *choose, int check) {
  sol_grid grid;
  sol_walk walk;
  slate_case_grid(c, K, which, &grid);
  uint32_t *ints = malloc(sol_walk_ints(&c->trie, K) * sizeof *ints);
  sol_open *open = malloc(c->trie.widest * sizeof *open);
  uint8_t *taken = calloc(c->items, 1);
  sol_walk_start(&walk, &c->trie, &c->allowed, K, ints);
  for (int32_t i = 0; i < grid.cells; i++) {
    uint32_t row = (uint32_t)(grid.cell[i] / grid.width), n = sol_walk_open(&walk, row, open);
    cr_assert_eq(walk.depth[row], (uint32_t)(grid.cell[i] % grid.width));
    cr_assert_gt(n, 0, "a dead end");
    if (check) check_open(c, &walk, row, open, n);
    sol_walk_enter(&walk, row, open[choose->lowest ? 0 : seed_below(&choose->rng, (int32_t)n)].node);
  }
  for (uint32_t r = 0; r < K; r++) {
    uint32_t item = sol_walk_item(&walk, r);
    cr_assert(!is_excluded(c, item), "row %u: item %u is left out", r, item);
    cr_assert_eq(taken[item]++, 0, "row %u: item %u twice", r, item);
  }
  free(taken);
  free(open);
  free(ints);
  sol_grid_clear(&grid);
}

/* Catalogues hardly larger than the slate, codes that collide, and rows that all want the same. */
Test(walk, fifteen_thousand_slates_without_a_dead_end) {
  chooser lowest = {.lowest = 1};
  for (uint32_t seed = 0; seed < 3000; seed++) {
    seed_rng rng = seed_start(1000 + seed);
    uint32_t K = 4 + seed % 17;
    slate_case c;
    slate_case_make(&c, &rng, K + seed % 3, 3, 4 + seed % 6, 0);
    for (uint32_t which = 0; which <= 4; which++) run(&c, K, which, &lowest, 0);
    slate_case_clear(&c);
  }
}

Test(walk, any_choice_under_any_filter) {
  chooser any = {.rng = seed_start(43)};
  for (uint32_t seed = 0; seed < 600; seed++) {
    seed_rng rng = seed_start(5000 + seed);
    slate_case c;
    uint32_t levels = (uint32_t)seed_below(&rng, 5);
    slate_case_make(&c, &rng, 1 + (uint32_t)seed_below(&rng, 90), levels, 1 + (uint32_t)seed_below(&rng, 8), 0.4);
    uint32_t K = c.allowed.count < 20 ? c.allowed.count : 1 + (uint32_t)seed_below(&rng, 20);
    for (uint32_t which = 0; which <= levels + 2 && K; which++) run(&c, K, which, &any, 1);
    slate_case_clear(&c);
  }
}
