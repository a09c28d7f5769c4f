#include "solid/infer/slate/walk.h"
#include <assert.h>
#include <string.h>

size_t sol_walk_ints(const sol_trie *trie, uint32_t rows) {
  return (size_t)rows * (trie->columns + 2);
}

void sol_walk_start(sol_walk *walk, const sol_trie *trie, const sol_allowed *allowed, uint32_t rows, uint32_t *ints) {
  assert(rows <= allowed->count);
  *walk = (sol_walk){trie, allowed, rows, ints, ints + rows};
  memset(ints, 0, sol_walk_ints(trie, rows) * sizeof *ints);
}

static const uint32_t *path_of(const sol_walk *walk, uint32_t row) {
  return walk->node + (size_t)row * (walk->trie->columns + 1);
}

uint32_t sol_walk_open(const sol_walk *walk, uint32_t row, sol_open *open) {
  const sol_trie *trie = walk->trie;
  uint32_t l = walk->depth[row], node = sol_walk_node(walk, row), n = 0;
  assert(l < trie->columns);
  uint32_t first = trie->level[l].child[node], count = trie->level[l].child[node + 1] - first;
  const sol_trie_level *below = &trie->level[l + 1];
  for (uint32_t i = 0; i < count; i++) open[i].held = 0;
  for (uint32_t r = 0; r < walk->rows; r++) {
    const uint32_t *path = path_of(walk, r);
    if (walk->depth[r] > l && path[l] == node) open[path[l + 1] - first].held++;
  }
  for (uint32_t i = 0; i < count; i++) {
    uint32_t c = first + i, left = sol_allowed_between(walk->allowed, below->begin[c], below->begin[c + 1]);
    if (open[i].held < left) open[n++] = (sol_open){c, below->code[c], open[i].held, left};
  }
  assert(n > 0);
  return n;
}

void sol_walk_enter(sol_walk *walk, uint32_t row, uint32_t child) {
  uint32_t l = ++walk->depth[row];
  walk->node[(size_t)row * (walk->trie->columns + 1) + l] = child;
}

uint32_t sol_walk_held(const sol_walk *walk, uint32_t level, uint32_t node) {
  uint32_t held = 0;
  for (uint32_t r = 0; r < walk->rows; r++) held += walk->depth[r] >= level && path_of(walk, r)[level] == node;
  return held;
}

uint32_t sol_walk_item(const sol_walk *walk, uint32_t row) {
  assert(walk->depth[row] == walk->trie->columns);
  return walk->trie->item[sol_walk_node(walk, row)];
}
