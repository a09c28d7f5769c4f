#include "tests/support/slate_case.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static void *must(void *memory) {
  cr_assert_not_null(memory, "out of memory in a test");
  return memory;
}

void slate_case_make(slate_case *c, seed_rng *rng, uint32_t items, uint32_t levels, uint32_t most, double left_out) {
  size_t words = ((size_t)items + 63) / 64;
  *c = (slate_case){.items = items, .levels = levels};
  c->codes = must(malloc(((size_t)items * levels + 1) * sizeof *c->codes));
  c->excluded = must(calloc(words, sizeof *c->excluded));
  for (size_t i = 0; i < (size_t)items * levels; i++)
    c->codes[i] = (uint16_t)(seed_uniform(rng) * seed_uniform(rng) * most);
  for (uint32_t v = 0; v < items; v++)
    if (seed_uniform(rng) < left_out) c->excluded[v / 64] |= UINT64_C(1) << (v % 64);
  cr_assert_eq(sol_trie_make(&c->trie, c->codes, items, levels), SOLID_OK, "%s", solid_last_error());
  c->allowed.bits = must(malloc(sol_allowed_words(c->trie.items) * sizeof *c->allowed.bits));
  c->allowed.before = must(malloc(sol_allowed_words(c->trie.items) * sizeof *c->allowed.before));
  sol_allowed_set(&c->allowed, &c->trie, c->excluded);
}

void slate_case_clear(slate_case *c) {
  free(c->codes);
  free(c->excluded);
  free(c->allowed.bits);
  free(c->allowed.before);
  sol_trie_clear(&c->trie);
}

void slate_case_grid(const slate_case *c, uint32_t rows, uint32_t which, sol_grid *grid) {
  uint32_t columns = c->trie.columns;
  sol_grid_shape shape = {2, {(int32_t)rows, (int32_t)columns, 0}, SOL_ORDER_NEAR, (int32_t)which, 1};
  if (which) shape.order = which <= columns ? SOL_ORDER_ZIPAR : SOL_ORDER_RASTER;
  cr_assert_eq(sol_grid_make(grid, &shape), SOLID_OK, "%s", solid_last_error());
}
