/* The rows of one slate on their way down the trie, so that every one ends at an allowed item and no two at the same.
 *
 *   left(v) = allowed items below node v        held(v) = rows of this slate that have entered v
 *   A row at node u may enter a child c while held(c) < left(c).
 *
 * No row ever finds every child closed: rows that have entered a child of u have entered u, and so has the row that
 * asks, which is in no child yet; so the children hold at most held(u) - 1 < left(u) = sum of left(c), given that the
 * slate has no more rows than there are allowed items (held(root) <= left(root)). At an item left is 1: no item twice.
 * This holds for any order of the moves, so rows may move side by side. Nothing is kept a node: held is counted from
 * the nodes of the rows. */
#ifndef SOLID_INFER_SLATE_WALK_H
#define SOLID_INFER_SLATE_WALK_H

#include "solid/infer/slate/allowed.h"

typedef struct sol_walk {
  const sol_trie *trie;
  const sol_allowed *allowed;
  uint32_t rows;   /* at most allowed->count */
  uint32_t *depth; /* (rows) columns chosen */
  uint32_t *node;  /* (rows, columns + 1): the nodes that a row has come through, up to its depth */
} sol_walk;

/* A child that a row may enter. */
typedef struct sol_open {
  uint32_t node, code;
  uint32_t held, left;
} sol_open;

/* uint32s behind depth and node of a walk. */
size_t sol_walk_ints(const sol_trie *trie, uint32_t rows);

/* All rows at the root. `ints`: sol_walk_ints of them. */
void sol_walk_start(sol_walk *walk, const sol_trie *trie, const sol_allowed *allowed, uint32_t rows, uint32_t *ints);

static inline uint32_t sol_walk_node(const sol_walk *walk, uint32_t row) {
  return walk->node[(size_t)row * (walk->trie->columns + 1) + walk->depth[row]];
}

/* Fills `open` (room for trie->widest) with the children that are open to a row that is not at an item, in the order
 * of their codes; returns how many: never none. */
uint32_t sol_walk_open(const sol_walk *walk, uint32_t row, sol_open *open);

/* Moves a row into a child that is open to it. */
void sol_walk_enter(sol_walk *walk, uint32_t row, uint32_t child);

/* Rows that have entered a node of a level. */
uint32_t sol_walk_held(const sol_walk *walk, uint32_t level, uint32_t node);

/* The item of a row that has chosen all columns. */
uint32_t sol_walk_item(const sol_walk *walk, uint32_t row);

#endif
