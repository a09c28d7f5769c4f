/* The catalogue as a tree of codes: an item is the path of its codes, and of one column more that tells items of equal
 * codes apart (0, 1, ... in the order of their numbers, so that items added later change no other path).
 *
 *   Items stand in the order of their paths; an item's *place* is its rank there. A node of level l (l codes chosen) is
 *   a range of places, and its children are neighbours of one another on level l + 1. Level 0 is the root alone, level
 *   `columns` the items. Everything is made once a model; what a user may be given is bits over places. */
#ifndef SOLID_MODEL_TRIE_H
#define SOLID_MODEL_TRIE_H

#include "solid/model/config.h"
#include <stddef.h>

#define SOL_TRIE_COLUMNS (SOL_MAX_LEVELS + 1)

typedef struct sol_trie_level {
  uint32_t nodes;
  uint32_t *begin; /* (nodes + 1) places */
  uint32_t *code;  /* (nodes) of the column before; not for the root */
  uint32_t *child; /* (nodes + 1) first child on the next level; not for the items */
} sol_trie_level;

typedef struct sol_trie {
  uint32_t items, columns;
  uint32_t *item;                   /* (items) by place */
  uint32_t *place;                  /* (items) by item */
  uint32_t *collision;              /* (items) by item: the last column */
  uint32_t codes[SOL_TRIE_COLUMNS]; /* largest code of a column + 1 */
  uint32_t widest;                  /* children of the node with the most */
  sol_trie_level level[SOL_TRIE_COLUMNS + 1];
  char *memory;
} sol_trie;

/* codes (items, levels). ERANGE: no item, or more levels than a config may have. sol_trie_clear ends it. */
solid_status sol_trie_make(sol_trie *trie, const uint16_t *codes, uint32_t items, uint32_t levels);

/* Takes in more items, up to `items` in all; codes are those of before and behind them the others'. No path of before
 * changes; places and nodes do. Work: one pass over the items, not a sort. ENOMEM: the trie is as it was. */
solid_status sol_trie_add(sol_trie *trie, const uint16_t *codes, uint32_t items);
void sol_trie_clear(sol_trie *trie);

#endif
