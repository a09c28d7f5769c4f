/* Catalogues, filters and choices from outside: whatever the bytes, no row of a slate runs into a dead end, every item
 * is allowed, none comes twice, and each is what its row has chosen.
 *
 *   byte 0 levels, 1 rows, 2 order, 3 codes of a level; then a byte a code of an item: its highest bit leaves the item
 *   out. The same bytes, from the end, choose among the open children. */
#include "solid/infer/slate/grid.h"
#include "solid/infer/slate/walk.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 4, ITEMS_MAX = 512 };

typedef struct input {
  const uint8_t *data;
  size_t size;
  uint32_t items, levels;
  uint64_t excluded[ITEMS_MAX / 64];
} input;

static uint32_t read_items(input *in, uint16_t *codes) {
  uint32_t most = in->data[3] % 127u + 1;
  for (uint32_t v = 0; v < in->items; v++)
    for (uint32_t c = 0; c < in->levels; c++) {
      uint8_t byte = in->data[HEADER + v * in->levels + c];
      codes[v * in->levels + c] = (uint16_t)((byte & 127u) % most);
      if (c == 0 && byte & 128) in->excluded[v / 64] |= UINT64_C(1) << (v % 64);
    }
  return in->items;
}

static void decode(const input *in, const uint16_t *codes, const sol_trie *trie, const sol_allowed *allowed,
                   uint32_t rows) {
  uint32_t chosen[32][SOL_MAX_LEVELS + 1]; /* codes */
  uint32_t order = in->data[2] % (trie->columns + 2);
  sol_grid_shape shape = {2, {(int32_t)rows, (int32_t)trie->columns, 0}, SOL_ORDER_ZIPAR, (int32_t)order + 1, 1};
  if (order == trie->columns + 1) shape.order = SOL_ORDER_NEAR;
  sol_grid grid;
  sol_walk walk;
  uint32_t *ints = malloc(sol_walk_ints(trie, rows) * sizeof *ints);
  sol_open *open = malloc(trie->widest * sizeof *open);
  uint8_t *taken = calloc(in->items, 1);
  if (!ints || !open || !taken || sol_grid_make(&grid, &shape)) abort();
  sol_walk_start(&walk, trie, allowed, rows, ints);
  for (int32_t i = 0; i < grid.cells; i++) {
    uint32_t row = (uint32_t)(grid.cell[i] / grid.width), n = sol_walk_open(&walk, row, open);
    if (n == 0) abort();
    sol_open to = open[in->data[in->size - 1 - (size_t)i % in->size] % n];
    chosen[row][walk.depth[row]] = to.code;
    sol_walk_enter(&walk, row, to.node);
  }
  for (uint32_t r = 0; r < rows; r++) {
    uint32_t item = sol_walk_item(&walk, r);
    if (item >= in->items || taken[item]++ || in->excluded[item / 64] >> (item % 64) & 1) abort();
    for (uint32_t c = 0; c < in->levels; c++)
      if (chosen[r][c] != codes[item * in->levels + c]) abort();
  }
  sol_grid_clear(&grid);
  free(taken);
  free(open);
  free(ints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint16_t codes[ITEMS_MAX * SOL_MAX_LEVELS];
  input in = {.data = data, .size = size};
  if (size <= HEADER) return 0;
  in.levels = 1 + data[0] % SOL_MAX_LEVELS;
  size_t items = (size - HEADER) / in.levels;
  in.items = items < ITEMS_MAX ? (uint32_t)items : ITEMS_MAX;
  if (!in.items || !read_items(&in, codes)) return 0;
  sol_trie trie;
  if (sol_trie_make(&trie, codes, in.items, in.levels)) abort();
  sol_allowed allowed = {malloc(sol_allowed_words(trie.items) * 8), malloc(sol_allowed_words(trie.items) * 4), 0};
  if (!allowed.bits || !allowed.before) abort();
  sol_allowed_set(&allowed, &trie, in.excluded);
  uint32_t rows = 1 + data[1] % 32u;
  if (rows > allowed.count) rows = allowed.count;
  if (rows) decode(&in, codes, &trie, &allowed, rows);
  free(allowed.bits);
  free(allowed.before);
  sol_trie_clear(&trie);
  return 0;
}
