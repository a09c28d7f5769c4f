#include "solid/infer/slate/grid.h"
#include "solid/base/arena.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

/* ---- Shapes ---- */

static int32_t width_of(const sol_grid_shape *shape) {
  return shape->dims[shape->n_dims - 1];
}

/* Columns by which a row trails the one above it, in raster and ZipAR; raster is the window of a whole row. */
static int32_t window_of(const sol_grid_shape *shape) {
  int32_t W = width_of(shape);
  return shape->order == SOL_ORDER_RASTER || shape->window > W ? W : shape->window;
}

static solid_status check_shape(const sol_grid_shape *shape, int32_t *cells) {
  int64_t product = 1;
  if (shape->n_dims < 1 || shape->n_dims > SOL_GRID_DIMS)
    return solid_fail(SOLID_ERANGE, "grid: %d dimensions, it may have 1 .. %d", shape->n_dims, SOL_GRID_DIMS);
  for (int32_t k = 0; k < shape->n_dims; k++) {
    if (shape->dims[k] < 1 || (product *= shape->dims[k]) > SOL_GRID_CELLS)
      return solid_fail(SOLID_ERANGE, "grid: dimension %d is %d, it must be 1 or more and the cells %d at most", k,
                        shape->dims[k], SOL_GRID_CELLS);
  }
  if (shape->order != SOL_ORDER_RASTER && shape->order != SOL_ORDER_ZIPAR && shape->order != SOL_ORDER_NEAR)
    return solid_fail(SOLID_ERANGE, "grid: order %d, there are 0 .. %d", (int)shape->order, (int)SOL_ORDER_NEAR);
  if (shape->order == SOL_ORDER_ZIPAR && shape->window < 1)
    return solid_fail(SOLID_ERANGE, "grid: window %d, it must be 1 or more", shape->window);
  if (shape->given < 1 || shape->given > SOL_GRID_CELLS)
    return solid_fail(SOLID_ERANGE, "grid: %d given inputs, there may be 1 .. %d", shape->given, SOL_GRID_CELLS);
  *cells = (int32_t)product;
  return SOLID_OK;
}

int32_t sol_grid_steps(const sol_grid_shape *shape) {
  int32_t steps = 1, rows = 1;
  for (int32_t k = 0; k < shape->n_dims; k++) steps += shape->dims[k] - 1;
  for (int32_t k = 0; k + 1 < shape->n_dims; k++) rows *= shape->dims[k];
  return shape->order == SOL_ORDER_NEAR ? steps : width_of(shape) + (rows - 1) * window_of(shape);
}

/* Row i begins i s steps after the first one. */
static int32_t step_of(const sol_grid_shape *shape, int32_t cell) {
  int32_t W = width_of(shape), sum = 0;
  if (shape->order != SOL_ORDER_NEAR) return cell / W * window_of(shape) + cell % W;
  for (int32_t k = shape->n_dims - 1; k >= 0; k--) {
    sum += cell % shape->dims[k];
    cell /= shape->dims[k];
  }
  return sum;
}

/* ---- Lists ---- */

static int is_near(const sol_grid *g) {
  return g->shape.order == SOL_ORDER_NEAR;
}

/* Cells sorted by step, raster order inside a step. */
static void sort_cells(sol_grid *g) {
  int32_t *offsets = g->cell_offsets;
  for (int32_t i = 0; i < g->cells; i++) offsets[step_of(&g->shape, i) + 1]++;
  for (int32_t t = 0; t < g->steps; t++) {
    if (offsets[t + 1] > g->widest) g->widest = offsets[t + 1];
    offsets[t + 1] += offsets[t];
  }
  for (int32_t i = 0; i < g->cells; i++) g->cell[offsets[step_of(&g->shape, i)]++] = i;
  memmove(offsets + 1, offsets, (size_t)g->steps * sizeof *offsets);
  offsets[0] = 0;
}

/* Step t takes the cells of step t - 1 and the token of the row that begins; slots are numbered as they go in. */
static void number_inputs(sol_grid *g, int32_t *slot_of_cell, int32_t *slot_of_row) {
  int32_t slot = 0;
  for (; slot < g->shape.given; slot++) g->input[slot] = (sol_grid_input){SOL_INPUT_GIVEN, slot};
  for (int32_t t = 0; t < g->steps; t++) {
    for (int32_t i = t ? g->cell_offsets[t - 1] : 0; t && i < g->cell_offsets[t]; i++) {
      slot_of_cell[g->cell[i]] = slot;
      g->input[slot++] = (sol_grid_input){SOL_INPUT_CELL, g->cell[i]};
    }
    int32_t window = is_near(g) ? 1 : window_of(&g->shape), row = t / window;
    if (!is_near(g) && t % window == 0 && row < g->rows) {
      slot_of_row[row] = slot;
      g->input[slot++] = (sol_grid_input){SOL_INPUT_ROW, row};
    }
    g->input_offsets[t + 1] = slot;
    if (slot - g->input_offsets[t] > g->widest_inputs) g->widest_inputs = slot - g->input_offsets[t];
  }
}

static void list_sources(sol_grid *g, const int32_t *slot_of_cell, const int32_t *slot_of_row) {
  int32_t n = 0, W = g->width;
  for (int32_t i = 0; i < g->cells; i++) {
    int32_t cell = g->cell[i];
    if (!is_near(g)) {
      int32_t slot = cell % W ? slot_of_cell[cell - 1] : slot_of_row[cell / W];
      g->source[n++] = (sol_grid_source){slot, 0};
    }
    int32_t stride = 1;
    for (int32_t head = 0; is_near(g) && head < g->shape.n_dims; head++) {
      int32_t dim = g->shape.dims[g->shape.n_dims - 1 - head];
      if (cell == 0)
        g->source[n++] = (sol_grid_source){g->shape.given - 1, head};
      else if (cell / stride % dim)
        g->source[n++] = (sol_grid_source){slot_of_cell[cell - stride], head};
      stride *= dim;
    }
    g->source_offsets[i + 1] = n;
  }
}

/* ---- Keys ---- */

/* Appends [begin, end) to a slot's ranges, or only counts where `to` is NULL. */
static int32_t add_range(sol_grid_range *to, int32_t n, int32_t *last_end, int32_t begin, int32_t end) {
  if (begin >= end) return n;
  if (n && *last_end == begin) {
    n--;
    if (to) to[n].end = end;
  } else if (to) {
    to[n] = (sol_grid_range){begin, end};
  }
  *last_end = end;
  return n + 1;
}

/* Rows below that of a slot have gone in since they began; inside a step rows rise, so that what a slot sees of it is
 * the beginning. Before the next row began, that is everything. */
static int32_t keys_of(const sol_grid *g, int32_t slot, int32_t step, sol_grid_range *to) {
  sol_grid_input in = g->input[slot];
  int32_t n = 0, end = 0;
  if (in.kind == SOL_INPUT_GIVEN) return add_range(to, n, &end, 0, slot + 1);
  if (is_near(g)) return add_range(to, n, &end, 0, g->input_offsets[step + 1]);
  int32_t row = in.kind == SOL_INPUT_ROW ? in.index : in.index / g->width;
  int32_t t = (row + 1) * window_of(&g->shape);
  n = add_range(to, n, &end, 0, g->input_offsets[t <= step ? t : step + 1]);
  for (; t <= step; t++) {
    int32_t k = g->input_offsets[t];
    for (; k < g->input_offsets[t + 1]; k++) {
      sol_grid_input other = g->input[k];
      if (row < (other.kind == SOL_INPUT_ROW ? other.index : other.index / g->width)) break;
    }
    n = add_range(to, n, &end, g->input_offsets[t], k);
  }
  return n;
}

/* With keys NULL the offsets alone are made. */
static void list_keys(sol_grid *g) {
  int32_t n = 0;
  for (int32_t t = 0, slot = 0; t < g->steps; t++)
    for (; slot < g->input_offsets[t + 1]; slot++) {
      n += keys_of(g, slot, t, g->keys ? g->keys + n : NULL);
      g->key_offsets[slot + 1] = n;
    }
}

/* ---- The whole ---- */

/* All lists but the keys, and room for the slots of cells and rows, which only sol_grid_make needs. */
static void grid_bind(sol_grid *g, sol_arena *arena, int32_t **slot_of_cell, int32_t **slot_of_row) {
  size_t cells = (size_t)g->cells, inputs = (size_t)g->inputs, steps = (size_t)g->steps;
  g->cell_offsets = sol_arena_take(arena, steps + 1, sizeof *g->cell_offsets);
  g->cell = sol_arena_take(arena, cells, sizeof *g->cell);
  g->input_offsets = sol_arena_take(arena, steps + 1, sizeof *g->input_offsets);
  g->input = sol_arena_take(arena, inputs, sizeof *g->input);
  g->key_offsets = sol_arena_take(arena, inputs + 1, sizeof *g->key_offsets);
  g->source_offsets = sol_arena_take(arena, cells + 1, sizeof *g->source_offsets);
  g->source = sol_arena_take(arena, cells * (size_t)g->heads, sizeof *g->source);
  *slot_of_cell = sol_arena_take(arena, cells, sizeof **slot_of_cell);
  *slot_of_row = sol_arena_take(arena, (size_t)g->rows, sizeof **slot_of_row);
}

solid_status sol_grid_make(sol_grid *grid, const sol_grid_shape *shape) {
  sol_grid g = {.shape = *shape};
  int32_t *slot_of_cell, *slot_of_row;
  memset(grid, 0, sizeof *grid);
  solid_status status = check_shape(shape, &g.cells);
  if (status) return status;
  g.width = width_of(shape);
  g.rows = g.cells / g.width;
  g.steps = sol_grid_steps(shape);
  g.heads = is_near(&g) ? shape->n_dims : 1;
  /* One cell is decoded in the last step of every order: all else goes in. */
  g.inputs = shape->given + g.cells - 1 + (is_near(&g) ? 0 : g.rows);
  sol_arena arena = {NULL, 0};
  grid_bind(&g, &arena, &slot_of_cell, &slot_of_row);
  g.memory = sol_arena_memory(&arena);
  if (!g.memory) return solid_fail(SOLID_ENOMEM, "out of memory: grid of %d cells", g.cells);
  arena = (sol_arena){g.memory, 0};
  grid_bind(&g, &arena, &slot_of_cell, &slot_of_row);
  sort_cells(&g);
  number_inputs(&g, slot_of_cell, slot_of_row);
  list_sources(&g, slot_of_cell, slot_of_row);
  list_keys(&g);
  size_t ranges = (size_t)g.key_offsets[g.inputs];
  g.keys = malloc(ranges * sizeof *g.keys);
  if (!g.keys) {
    sol_grid_clear(&g);
    return solid_fail(SOLID_ENOMEM, "out of memory: %zu ranges of a grid of %d cells", ranges, g.cells);
  }
  list_keys(&g);
  *grid = g;
  return SOLID_OK;
}

void sol_grid_clear(sol_grid *grid) {
  free(grid->keys);
  free(grid->memory);
  memset(grid, 0, sizeof *grid);
}
