/* A random catalogue with its trie and what one user may be given, and the five ways in which a slate of it is decoded:
 * what the tests of walk, guide and slate stand on. */
#ifndef TESTS_SUPPORT_SLATE_CASE_H
#define TESTS_SUPPORT_SLATE_CASE_H

#include "solid/infer/slate/grid.h"
#include "solid/infer/slate/walk.h"
#include "tests/support/seed.h"

typedef struct slate_case {
  uint32_t items, levels;
  uint16_t *codes;    /* (items, levels), skewed so that prefixes collide */
  uint64_t *excluded; /* by item */
  sol_trie trie;
  sol_allowed allowed;
} slate_case;

/* Codes are products of two uniforms below `most`; a share of the items is left out. */
void slate_case_make(slate_case *c, seed_rng *rng, uint32_t items, uint32_t levels, uint32_t most, double left_out);
void slate_case_clear(slate_case *c);

/* Orders of a slate of K rows: 0 near-to-far, 1 .. columns ZipAR of that window, columns + 1 raster. */
void slate_case_grid(const slate_case *c, uint32_t rows, uint32_t which, sol_grid *grid);

#endif
