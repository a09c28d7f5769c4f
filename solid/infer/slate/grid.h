/* In which order the cells of a grid are decoded: shapes of one to three dimensions, three orders, and nothing of what
 * stands in a cell.
 *
 *   A grid has dims[0] x .. x dims[n-1] cells, numbered in raster order (the last dimension runs fastest). Its *rows*
 *   are the lines along the last dimension, W cells each; H is how many there are.
 *
 *   order          a cell is decoded in step                  steps                  logit of a cell
 *   raster         of its number                              H W                    of the input before it
 *   ZipAR          as soon as its row has reached it and the  W + (H - 1) s          of the input before it
 *                  row above is s cells ahead (or complete)
 *   near-to-far    sum of its coordinates                     sum (dims - 1) + 1     mean over the neighbours before
 *                                                                                    it, one head a dimension
 *
 * A step is one forward: inputs go in, then its cells are decoded. Inputs are what the grid is *given* (the user), the
 * cells decoded one step before, and in raster and ZipAR one token at the beginning of every row, which goes in when
 * the row begins: its output is the logit of the row's first cell. The cells of the last step never go in. ZipAR is
 * raster's model in another order: with s >= W the two are the same, step for step.
 *
 * An input's *slot* is its place in the order in which inputs go in, so that a step writes one stretch of a cache and
 * a slot that is not written yet is never among the keys.
 *
 *   raster, ZipAR  an input sees the given ones, and of what has gone in (its own step included) what stands before it
 *                  in raster order, a row's token before its cells
 *   near-to-far    an input sees the given ones and every cell that has gone in, its own step included (both ways)
 *   A given input sees the given ones up to itself. */
#ifndef SOLID_INFER_SLATE_GRID_H
#define SOLID_INFER_SLATE_GRID_H

#include "solid/status.h"
#include <stdint.h>

#define SOL_GRID_DIMS  3
#define SOL_GRID_CELLS (1 << 16) /* at most */

typedef enum sol_order { SOL_ORDER_RASTER, SOL_ORDER_ZIPAR, SOL_ORDER_NEAR } sol_order;

typedef struct sol_grid_shape {
  int32_t n_dims, dims[SOL_GRID_DIMS];
  sol_order order;
  int32_t window; /* s >= 1, ZipAR only */
  int32_t given;  /* inputs that go in before everything, at least 1 */
} sol_grid_shape;

typedef enum sol_input_kind { SOL_INPUT_GIVEN, SOL_INPUT_ROW, SOL_INPUT_CELL } sol_input_kind;

typedef struct sol_grid_input {
  sol_input_kind kind;
  int32_t index; /* which of the given, which row, which cell */
} sol_grid_input;

/* One part of a cell's logit: what `head` makes of the output at `slot`. Heads: 0 where there is one; near-to-far, how
 * many dimensions from the last one the step goes along (0 right, 1 down, 2 back). Parts are averaged. */
typedef struct sol_grid_source {
  int32_t slot, head;
} sol_grid_source;

/* Slots [begin, end) */
typedef struct sol_grid_range {
  int32_t begin, end;
} sol_grid_range;

/* Lists are cut by offsets: the cells of step t are cell[cell_offsets[t] .. cell_offsets[t + 1]). */
typedef struct sol_grid {
  sol_grid_shape shape;
  int32_t rows, width; /* H, W */
  int32_t cells, inputs, steps, heads;
  int32_t widest;          /* cells of the widest step */
  int32_t widest_inputs;   /* inputs of the step with the most */
  int32_t *cell_offsets;   /* (steps + 1) */
  int32_t *cell;           /* (cells) raster numbers, rising within a step */
  int32_t *input_offsets;  /* (steps + 1): slots that go in at a step */
  sol_grid_input *input;   /* (inputs) by slot */
  int32_t *key_offsets;    /* (inputs + 1) */
  sol_grid_range *keys;    /* what a slot sees, rising, no two ranges touch */
  int32_t *source_offsets; /* (cells + 1), by place in `cell` */
  sol_grid_source *source;
  char *memory; /* behind all but `keys` */
} sol_grid;

/* ERANGE: a dimension, the window or the cells in all are out of range. sol_grid_clear ends it. */
solid_status sol_grid_make(sol_grid *grid, const sol_grid_shape *shape);
void sol_grid_clear(sol_grid *grid);

/* Steps of a valid shape, by the formula above. */
int32_t sol_grid_steps(const sol_grid_shape *shape);

#endif
