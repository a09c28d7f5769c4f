#include "solid/train/slate/slate_batch.h"
#include <string.h>

size_t sol_slate_ints_count(const sol_config *config, const sol_grid *grid, size_t n) {
  return n * (3 * (size_t)grid->inputs + (size_t)grid->cells * (2 * sol_config_slate_heads(config) + 1));
}

sol_slate_ints sol_slate_ints_bind(const sol_config *config, const sol_grid *grid, size_t n, int32_t *base) {
  size_t slots = (size_t)grid->inputs * n, sources = (size_t)grid->cells * n * sol_config_slate_heads(config);
  sol_slate_ints ints = {base, base + slots, base + 2 * slots, base + 3 * slots, NULL, NULL};
  ints.both = ints.alone + sources;
  ints.targets = ints.both + sources;
  return ints;
}

/* What has no code goes in without one, as its place alone: in raster nothing that has a target sees it, in
 * near-to-far the rows above see that it is not there. */
static void fill_slot(const sol_config *config, const sol_grid *g, const sol_slate_batch *batch, int32_t slot,
                      const sol_slate_ints *ints) {
  int32_t row, column, cell = g->input[slot].index;
  sol_decoder_index(config, g, slot, &row, &column);
  for (size_t w = 0; w < batch->n; w++) {
    size_t at = (size_t)slot * batch->n + w;
    ints->rows[at] = row;
    ints->columns[at] = column;
    ints->codes[at] = -1;
    if (g->input[slot].kind != SOL_INPUT_CELL) continue;
    uint32_t code = batch->codes[w * (size_t)g->cells + (size_t)cell];
    if (code != SOL_SLATE_NO_CODE) ints->codes[at] = sol_decoder_code(config, (uint32_t)column, code);
  }
}

/* The cell at a place of the grid's order. */
static void fill_cell(const sol_config *config, const sol_grid *g, const sol_slate_batch *batch, int32_t place,
                      const sol_slate_ints *ints) {
  size_t heads = sol_config_slate_heads(config), n = batch->n;
  int32_t cell = g->cell[place], begin = g->source_offsets[place], end = g->source_offsets[place + 1];
  uint32_t column = (uint32_t)(cell % g->width), row = (uint32_t)(cell / g->width);
  int32_t *index = end - begin > 1 ? ints->both : ints->alone, first = (int32_t)sol_decoder_first_code(config, column);
  for (size_t w = 0; w < n; w++) {
    size_t at = ((size_t)column * (size_t)g->rows + row) * n + w;
    uint32_t code = batch->codes[w * (size_t)g->cells + (size_t)cell];
    ints->targets[at] = code == SOL_SLATE_NO_CODE ? -1 : sol_decoder_code(config, column, code) - first;
    for (int32_t r = begin; r < end; r++) {
      size_t output = ((size_t)g->source[r].head * (size_t)g->inputs + (size_t)g->source[r].slot) * n + w;
      index[at * heads + (size_t)g->source[r].head] = (int32_t)output;
    }
  }
}

void sol_slate_ints_fill(const sol_config *config, const sol_grid *grid, const sol_slate_batch *batch, int32_t *base) {
  sol_slate_ints ints = sol_slate_ints_bind(config, grid, batch->n, base);
  size_t sources = (size_t)(ints.targets - ints.alone);
  memset(ints.alone, 0xff, sources * sizeof *ints.alone);
  for (int32_t slot = 0; slot < grid->inputs; slot++) fill_slot(config, grid, batch, slot, &ints);
  for (int32_t place = 0; place < grid->cells; place++) fill_cell(config, grid, batch, place, &ints);
}

size_t sol_slate_count_targets(const sol_grid *grid, const sol_slate_batch *batch) {
  size_t cells = 0;
  for (size_t i = 0; i < batch->n * (size_t)grid->cells; i++) cells += batch->codes[i] != SOL_SLATE_NO_CODE;
  return cells;
}
