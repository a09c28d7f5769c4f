#include "solid/infer/slate/grid.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* ---- The order again, naive: from the definitions, cell by cell ---- */

static int32_t distance(const sol_grid_shape *s, int32_t cell) {
  int32_t sum = 0;
  for (int32_t k = s->n_dims - 1; k >= 0; k--) sum += cell % s->dims[k], cell /= s->dims[k];
  return sum;
}

/* Events simulated: a row advances when the row above is far enough. */
static int32_t simulate(const sol_grid_shape *s, int32_t *step_of) {
  int32_t W = s->dims[s->n_dims - 1], cells = 1, left, t = 0;
  for (int32_t k = 0; k < s->n_dims; k++) cells *= s->dims[k];
  int32_t H = cells / W, window = s->order == SOL_ORDER_RASTER ? W : s->window;
  for (int32_t i = 0; s->order == SOL_ORDER_NEAR && i < cells; i++) {
    step_of[i] = distance(s, i);
    if (step_of[i] + 1 > t) t = step_of[i] + 1;
  }
  if (s->order == SOL_ORDER_NEAR) return t;
  int32_t *done = calloc((size_t)H, sizeof *done), *ready = calloc((size_t)H, sizeof *ready);
  for (left = cells; left > 0; t++) {
    for (int32_t i = 0; i < H; i++) {
      int32_t want = done[i] + window < W ? done[i] + window : W;
      ready[i] = done[i] < W && (i == 0 || done[i - 1] >= want);
    }
    for (int32_t i = 0; i < H; i++)
      if (ready[i]) step_of[i * W + done[i]++] = t, left--;
  }
  free(done);
  free(ready);
  return t;
}

static int32_t sees(const sol_grid *g, int32_t q, int32_t k) {
  for (int32_t r = g->key_offsets[q]; r < g->key_offsets[q + 1]; r++)
    if (k >= g->keys[r].begin && k < g->keys[r].end) return 1;
  return 0;
}

/* Place in raster order with a row's token before its cells; the given ones before everything. */
static int32_t raster_place(const sol_grid *g, int32_t slot) {
  sol_grid_input in = g->input[slot];
  int32_t W = g->width;
  if (in.kind == SOL_INPUT_GIVEN) return in.index - g->shape.given;
  if (in.kind == SOL_INPUT_ROW) return in.index * (W + 1);
  return in.index / W * (W + 1) + 1 + in.index % W;
}

static int32_t step_of_slot(const sol_grid *g, int32_t slot) {
  int32_t t = 0;
  while (g->input_offsets[t + 1] <= slot) t++;
  return t;
}

static void check_cells(const sol_grid *g, const int32_t *step_of) {
  int32_t *seen = calloc((size_t)g->cells, sizeof *seen);
  for (int32_t t = 0; t < g->steps; t++) {
    cr_assert_lt(g->cell_offsets[t], g->cell_offsets[t + 1], "step %d is empty", t);
    for (int32_t i = g->cell_offsets[t]; i < g->cell_offsets[t + 1]; i++) {
      cr_assert_eq(step_of[g->cell[i]], t, "cell %d", g->cell[i]);
      cr_assert(i == g->cell_offsets[t] || g->cell[i] > g->cell[i - 1]);
      cr_assert_eq(seen[g->cell[i]]++, 0, "cell %d twice", g->cell[i]);
      int32_t left = g->cell[i] % g->width ? step_of[g->cell[i] - 1] : -1;
      cr_assert_lt(left, t, "cell %d stands before its left neighbour", g->cell[i]);
      for (int32_t j = g->cell_offsets[t]; j < i && g->shape.n_dims == 2; j++)
        cr_assert_neq(g->cell[i] % g->width, g->cell[j] % g->width, "two rows at one column in step %d", t);
    }
  }
  cr_assert_eq(g->cell_offsets[g->steps], g->cells);
  free(seen);
}

/* A cell goes in one step after it was decoded, unless that was the last; a row's token when the row begins. */
static void check_inputs(const sol_grid *g, const int32_t *step_of) {
  int32_t cells = 0, rows = 0;
  for (int32_t slot = 0; slot < g->inputs; slot++) {
    sol_grid_input in = g->input[slot];
    int32_t t = step_of_slot(g, slot);
    if (in.kind == SOL_INPUT_GIVEN) cr_assert(t == 0 && in.index == slot);
    if (in.kind == SOL_INPUT_ROW) cr_assert(++rows && step_of[in.index * g->width] == t);
    if (in.kind == SOL_INPUT_CELL) cr_assert(++cells && step_of[in.index] + 1 == t);
  }
  cr_assert_eq(cells, g->cells - (g->cell_offsets[g->steps] - g->cell_offsets[g->steps - 1]));
  cr_assert_eq(rows, g->shape.order == SOL_ORDER_NEAR ? 0 : g->rows);
  cr_assert_eq(g->inputs, cells + rows + g->shape.given);
}

static void check_keys(const sol_grid *g) {
  for (int32_t q = 0; q < g->inputs; q++) {
    for (int32_t r = g->key_offsets[q]; r < g->key_offsets[q + 1]; r++) {
      cr_assert_lt(g->keys[r].begin, g->keys[r].end);
      cr_assert(r == g->key_offsets[q] || g->keys[r].begin > g->keys[r - 1].end, "ranges that touch");
    }
    for (int32_t k = 0; k < g->inputs; k++) {
      int32_t in = step_of_slot(g, k) <= step_of_slot(g, q), given = g->input[k].kind == SOL_INPUT_GIVEN, want;
      if (g->input[q].kind == SOL_INPUT_GIVEN)
        want = given && k <= q;
      else if (g->shape.order == SOL_ORDER_NEAR)
        want = in;
      else
        want = in && raster_place(g, k) <= raster_place(g, q);
      cr_assert_eq(sees(g, q, k), want, "slot %d, key %d", q, k);
    }
  }
}

static void check_sources(const sol_grid *g) {
  for (int32_t t = 0, i = 0; t < g->steps; t++)
    for (; i < g->cell_offsets[t + 1]; i++) {
      int32_t cell = g->cell[i], first = g->source_offsets[i], n = g->source_offsets[i + 1] - first, found = 0;
      for (int32_t s = first; s < first + n; s++) { /* of this very step */
        cr_assert_geq(g->source[s].slot, g->input_offsets[t]);
        cr_assert_lt(g->source[s].slot, g->input_offsets[t + 1]);
      }
      if (g->shape.order != SOL_ORDER_NEAR) {
        cr_assert_eq(n, 1);
        sol_grid_input in = g->input[g->source[first].slot];
        if (cell % g->width == 0) cr_assert(in.kind == SOL_INPUT_ROW && in.index == cell / g->width);
        if (cell % g->width) cr_assert(in.kind == SOL_INPUT_CELL && in.index == cell - 1);
        continue;
      }
      for (int32_t k = g->shape.n_dims - 1, stride = 1, head = 0; k >= 0; stride *= g->shape.dims[k--], head++) {
        int32_t at = cell / stride % g->shape.dims[k], want = cell == 0 ? 0 : cell - stride;
        if (cell && !at) continue;
        sol_grid_source s = g->source[first + found++];
        cr_assert_eq(s.head, head);
        cr_assert_eq(g->input[s.slot].kind, cell ? SOL_INPUT_CELL : SOL_INPUT_GIVEN);
        cr_assert_eq(g->input[s.slot].index, cell ? want : g->shape.given - 1);
      }
      cr_assert_eq(found, n);
    }
}

static void check(const sol_grid_shape *shape) {
  sol_grid g;
  cr_assert_eq(sol_grid_make(&g, shape), SOLID_OK, "%s", solid_last_error());
  int32_t *step_of = malloc((size_t)g.cells * sizeof *step_of);
  cr_assert_eq(g.steps, simulate(shape, step_of));
  cr_assert_eq(g.steps, sol_grid_steps(shape));
  check_cells(&g, step_of);
  check_inputs(&g, step_of);
  check_keys(&g);
  check_sources(&g);
  free(step_of);
  sol_grid_clear(&g);
}

/* ---- Tests ---- */

static int32_t steps_of(int32_t n_dims, int32_t a, int32_t b, int32_t c, sol_order order, int32_t s, int32_t *widest) {
  sol_grid_shape shape = {n_dims, {a, b, c}, order, s, 1};
  sol_grid g;
  cr_assert_eq(sol_grid_make(&g, &shape), SOLID_OK, "%s", solid_last_error());
  int32_t steps = g.steps;
  if (widest) *widest = g.widest;
  sol_grid_clear(&g);
  return steps;
}

Test(grid, published_counts) {
  int32_t widest;
  cr_assert_eq(steps_of(2, 16, 16, 0, SOL_ORDER_NEAR, 0, &widest), 31);
  cr_assert_eq(widest, 16);
  cr_assert_eq(steps_of(2, 32, 32, 0, SOL_ORDER_NEAR, 0, NULL), 63);
  cr_assert_eq(steps_of(3, 4, 16, 16, SOL_ORDER_NEAR, 0, &widest), 34);
  cr_assert_eq(widest, 60);
  cr_assert_eq(steps_of(2, 10, 4, 0, SOL_ORDER_RASTER, 0, NULL), 40);
  cr_assert_eq(steps_of(2, 10, 4, 0, SOL_ORDER_NEAR, 0, NULL), 13);
  const int32_t zipar[] = {13, 22, 31, 40, 40};
  for (int32_t s = 1; s <= 5; s++) cr_assert_eq(steps_of(2, 10, 4, 0, SOL_ORDER_ZIPAR, s, NULL), zipar[s - 1]);
  cr_assert_eq(steps_of(2, 90, 90, 0, SOL_ORDER_ZIPAR, 7, NULL), 713);
  for (int32_t s = 1; s <= 24; s++) cr_assert_eq(steps_of(2, 24, 24, 0, SOL_ORDER_ZIPAR, s, NULL), 24 + 23 * s);
}

Test(grid, holds_what_its_definition_says) {
  static const int32_t dims[][SOL_GRID_DIMS] = {{1, 0, 0},  {7, 0, 0},  {1, 1, 0}, {1, 5, 0}, {5, 1, 0}, {10, 4, 0},
                                                {4, 10, 0}, {7, 13, 0}, {2, 3, 4}, {4, 1, 5}, {3, 4, 1}, {4, 5, 4}};
  for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
    sol_grid_shape shape = {.n_dims = dims[i][1] == 0 ? 1 : dims[i][2] == 0 ? 2 : 3, .given = 1 + (int32_t)i % 3};
    memcpy(shape.dims, dims[i], sizeof shape.dims);
    check(&shape);
    shape.order = SOL_ORDER_NEAR;
    check(&shape);
    shape.order = SOL_ORDER_ZIPAR;
    for (shape.window = 1; shape.window < 15; shape.window++) check(&shape);
  }
}

Test(grid, random_shapes) {
  seed_rng rng = seed_start(18);
  for (int round = 0; round < 200; round++) {
    sol_grid_shape shape = {.n_dims = 1 + seed_below(&rng, 3), .given = 1 + seed_below(&rng, 3)};
    for (int32_t k = 0; k < shape.n_dims; k++) shape.dims[k] = 1 + seed_below(&rng, 6);
    shape.order = (sol_order)seed_below(&rng, 3);
    shape.window = 1 + seed_below(&rng, 7);
    check(&shape);
  }
}

/* A window of a row's width or more is raster, in every list. */
Test(grid, a_wide_window_is_raster) {
  for (int32_t s = 4; s < 8; s++) {
    sol_grid_shape shape = {2, {10, 4, 0}, SOL_ORDER_ZIPAR, s, 2}, raster = {2, {10, 4, 0}, SOL_ORDER_RASTER, 0, 2};
    sol_grid a, b;
    cr_assert_eq(sol_grid_make(&a, &shape), SOLID_OK);
    cr_assert_eq(sol_grid_make(&b, &raster), SOLID_OK);
    cr_assert(a.steps == b.steps && a.inputs == b.inputs && a.key_offsets[a.inputs] == b.key_offsets[b.inputs]);
    cr_assert_eq(memcmp(a.cell, b.cell, (size_t)a.cells * sizeof *a.cell), 0);
    cr_assert_eq(memcmp(a.input, b.input, (size_t)a.inputs * sizeof *a.input), 0);
    cr_assert_eq(memcmp(a.input_offsets, b.input_offsets, (size_t)(a.steps + 1) * sizeof(int32_t)), 0);
    cr_assert_eq(memcmp(a.keys, b.keys, (size_t)a.key_offsets[a.inputs] * sizeof *a.keys), 0);
    cr_assert_eq(memcmp(a.source, b.source, (size_t)a.source_offsets[a.cells] * sizeof *a.source), 0);
    sol_grid_clear(&a);
    sol_grid_clear(&b);
  }
}

Test(grid, refuses_what_is_no_grid) {
  static const sol_grid_shape wrong[] = {
      {0, {0}, SOL_ORDER_RASTER, 0, 1},       {4, {1, 1, 1}, SOL_ORDER_RASTER, 0, 1},
      {2, {3, 0, 0}, SOL_ORDER_RASTER, 0, 1}, {2, {3, -1, 0}, SOL_ORDER_NEAR, 0, 1},
      {2, {3, 4, 0}, SOL_ORDER_ZIPAR, 0, 1},  {2, {3, 4, 0}, SOL_ORDER_RASTER, 0, 0},
      {2, {3, 4, 0}, (sol_order)3, 0, 1},     {3, {1 << 20, 1 << 20, 1 << 20}, SOL_ORDER_NEAR, 0, 1},
  };
  sol_grid g;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    cr_assert_eq(sol_grid_make(&g, &wrong[i]), SOLID_ERANGE, "case %zu", i);
  sol_grid_clear(&g);
}
