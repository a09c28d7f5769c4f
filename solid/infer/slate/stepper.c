#include "solid/infer/slate/stepper.h"
#include "kernels/ops.h"
#include "solid/base/arena.h"
#include "solid/extend.h"
#include "solid/infer/slate/stepper_parts.h"
#include "solid/model/context.h"
#include <stdlib.h>
#include <string.h>

/* Of one step: rows of the embeddings for its slots, sources of its cells' logits. One upload. */
typedef struct step_ints {
  int32_t *codes, *rows, *columns; /* (slots, n) */
  int32_t *alone, *both;           /* (cells, n, heads) */
  size_t count;
} step_ints;

/* ---- Memory ---- */

static size_t most(size_t a, size_t b) {
  return a > b ? a : b;
}

/* Two rows of a slate are never at one column in one step, and one row's token goes in beside them; in the first step
 * it is the given ones. */
static void measure(sol_stepper *s) {
  const sol_config *config = s->config;
  size_t C = config->levels + 1, K = config->slate_rows;
  s->heads = sol_config_slate_heads(config);
  s->cells = C;
  s->slots = most(C, SOL_DECODER_GIVEN) + 1;
  s->kept = SOL_DECODER_GIVEN + K * C + K;
  s->widest = most(config->codes, config->slate_collisions);
  s->tail = sol_tail_most(config) + SOL_DECODER_GIVEN;
}

static size_t lists_of(const sol_stepper *s) {
  return s->kept + 1 + 2 * s->kept * s->cells;
}

static size_t ints_of(const sol_stepper *s, size_t n, size_t slots, size_t cells) {
  return 3 * slots * n + 2 * cells * n * s->heads;
}

static void bind_both(sol_stepper *s, stepper_memory *m, sol_arena *arena) {
  size_t B = s->max_windows;
  size_t cells = most(s->cells * B, s->tail);
  m->lists = sol_arena_take(arena, lists_of(s), sizeof *m->lists);
  m->ints = sol_arena_take(arena, most(ints_of(s, B, s->slots, s->cells), sol_tail_ints(s->tail)), sizeof *m->ints);
  m->user = sol_arena_take(arena, 2 * B, s->config->width * sizeof *m->user);
  m->logits = sol_arena_take(arena, cells, s->widest * sizeof *m->logits);
}

static void bind_device(sol_stepper *s, sol_arena *arena) {
  sol_decoder_state state;
  size_t B = s->max_windows, d = s->config->width, slots = most(s->slots * B, s->tail);
  size_t floats = most(sol_decoder_bind(&state, s->config, B, s->slots, s->kept, NULL),
                       sol_decoder_bind(&state, s->config, 1, s->tail, s->kept, NULL));
  bind_both(s, &s->device, arena);
  s->device.state = sol_arena_take(arena, floats, sizeof(float));
  s->device.out = sol_arena_take(arena, s->heads * slots, d * sizeof(float));
  s->device.y = sol_arena_take(arena, most(s->cells * B, s->tail) * s->heads, d * sizeof(float));
}

static solid_status take_memory(sol_stepper *s) {
  sol_arena device = {NULL, 0}, host = {NULL, 0};
  bind_device(s, &device);
  bind_both(s, &s->host, &host);
  if (device.used == SIZE_MAX || host.used == SIZE_MAX || s->slots * s->max_windows > INT32_MAX / 4)
    return solid_fail(SOLID_ENOMEM, "out of memory: slates of %zu users at once", s->max_windows);
  solid_status status = sol_backend_room(s->be, device.used, "decoder of slates", "use a smaller batch");
  if (status) return status;
  status = s->be->ops->alloc_host(s->be, &s->host_base, host.used);
  if (!status) status = s->be->ops->alloc(s->be, &s->device_base, device.used);
  if (status) return solid_fail(status, "decoder of slates: %s", s->be->err);
  device = (sol_arena){s->device_base, 0};
  host = (sol_arena){s->host_base, 0};
  bind_device(s, &device);
  bind_both(s, &s->host, &host);
  return SOLID_OK;
}

solid_status sol_stepper_open(sol_stepper **out, sk_backend *be, const sol_config *config,
                              const sol_decoder_weights *weights, size_t windows) {
  sol_stepper *s = calloc(1, sizeof *s);
  if (!s) return solid_fail(SOLID_ENOMEM, "out of memory: decoder of slates");
  *s = (sol_stepper){.be = be, .config = config, .weights = weights, .max_windows = windows};
  measure(s);
  solid_status status = take_memory(s);
  if (status) {
    sol_stepper_close(s);
    return status;
  }
  *out = s;
  return SOLID_OK;
}

void sol_stepper_close(sol_stepper *s) {
  if (!s) return;
  s->be->ops->free_host(s->be, s->host_base);
  s->be->ops->free(s->be, s->device_base);
  free(s);
}

/* ---- Steps ---- */

solid_status sol_stepper_finish(sol_stepper *s, solid_status status) {
  solid_status waited = s->be->ops->sync(s->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(s->be, status) : SOLID_OK;
}

solid_status sol_stepper_begin(sol_stepper *s, const sol_grid *grid, size_t n, const float *h, const float *u) {
  size_t d = s->config->width, bytes = n * d * sizeof *h, T = (size_t)grid->inputs;
  if (n > s->max_windows || grid->rows > (int32_t)s->config->slate_rows || grid->width != (int32_t)s->cells)
    return solid_fail(SOLID_ERANGE, "slate: %zu users, %d rows of %d columns; the decoder has %zu, %u and %zu", n,
                      grid->rows, grid->width, s->max_windows, s->config->slate_rows, s->cells);
  s->grid = grid;
  s->n = n;
  sol_decoder_bind(&s->state, s->config, n, s->slots, s->kept, s->device.state);
  size_t ranges = (size_t)grid->key_offsets[T];
  memcpy(s->host.lists, grid->key_offsets, (T + 1) * sizeof *s->host.lists);
  memcpy(s->host.lists + T + 1, grid->keys, ranges * sizeof *grid->keys);
  memcpy(s->host.user, h, bytes);
  memcpy(s->host.user + n * d, u, bytes);
  const sk_backend_ops *ops = s->be->ops;
  solid_status status =
      ops->upload(s->be, s->device.lists, s->host.lists, (T + 1 + 2 * ranges) * sizeof *s->host.lists);
  if (!status) status = ops->upload(s->be, s->device.user, s->host.user, 2 * bytes);
  return status ? sol_stepper_finish(s, status) : SOLID_OK;
}

static step_ints bind_ints(const sol_stepper *s, size_t slots, size_t cells, int32_t *base) {
  size_t n = s->n;
  step_ints ints = {base, base + slots * n, base + 2 * slots * n, base + 3 * slots * n, NULL, 0};
  ints.both = ints.alone + cells * n * s->heads;
  ints.count = ints_of(s, n, slots, cells);
  return ints;
}

static void fill_slots(const sol_stepper *s, int32_t first, int32_t slots, const uint32_t *codes, step_ints *ints) {
  const sol_grid *g = s->grid;
  for (int32_t i = 0; i < slots; i++) {
    int32_t row, column, cell = g->input[first + i].index;
    sol_decoder_index(s->config, g, first + i, &row, &column);
    for (size_t w = 0; w < s->n; w++) {
      size_t at = (size_t)i * s->n + w;
      ints->rows[at] = row;
      ints->columns[at] = column;
      ints->codes[at] = -1;
      if (g->input[first + i].kind == SOL_INPUT_CELL)
        ints->codes[at] = sol_decoder_code(s->config, (uint32_t)column, codes[w * (size_t)g->cells + (size_t)cell]);
    }
  }
}

/* Outputs stand head by head, slot by slot of the step, window by window. */
static void fill_sources(const sol_stepper *s, int32_t t, int32_t first, int32_t slots, step_ints *ints) {
  const sol_grid *g = s->grid;
  int32_t from = g->cell_offsets[t], to = g->cell_offsets[t + 1];
  size_t n = s->n, count = (size_t)(to - from) * n * s->heads;
  memset(ints->alone, 0xff, 2 * count * sizeof *ints->alone);
  for (int32_t i = from; i < to; i++) {
    int32_t begin = g->source_offsets[i], end = g->source_offsets[i + 1];
    int32_t *index = end - begin > 1 ? ints->both : ints->alone;
    for (int32_t r = begin; r < end; r++)
      for (size_t w = 0; w < n; w++) {
        sol_grid_source source = g->source[r];
        size_t output = ((size_t)source.head * (size_t)slots + (size_t)(source.slot - first)) * n + w;
        index[((size_t)(i - from) * n + w) * s->heads + (size_t)source.head] = (int32_t)output;
      }
  }
}

static solid_status compute(sol_stepper *s, int32_t t, const sol_decoder_pass *pass, const step_ints *ints) {
  const sol_grid *g = s->grid;
  size_t n = s->n, row = s->heads * s->config->width;
  int32_t from = g->cell_offsets[t], cells = g->cell_offsets[t + 1] - from;
  solid_status status = sol_decoder_run(pass, s->device.out);
  if (!status)
    status = sol_decoder_gather(pass, cells * (int32_t)n, (int32_t)s->heads * pass->slots * (int32_t)n, s->device.out,
                                ints->alone, ints->both, s->device.y);
  for (int32_t i = 0; i < cells && !status; i++)
    status = sol_decoder_logits(pass, (int32_t)n, (uint32_t)(g->cell[from + i] % g->width),
                                s->device.y + (size_t)i * n * row, s->device.logits + (size_t)i * n * s->widest);
  return status;
}

solid_status sol_stepper_step(sol_stepper *s, int32_t t, const uint32_t *codes, const float **logits, size_t *stride) {
  const sol_grid *g = s->grid;
  int32_t first = g->input_offsets[t], slots = g->input_offsets[t + 1] - first;
  int32_t cells = g->cell_offsets[t + 1] - g->cell_offsets[t];
  size_t d = s->config->width;
  step_ints host = bind_ints(s, (size_t)slots, (size_t)cells, s->host.ints);
  step_ints ints = bind_ints(s, (size_t)slots, (size_t)cells, s->device.ints);
  fill_slots(s, first, slots, codes, &host);
  fill_sources(s, t, first, slots, &host);
  solid_status status = s->be->ops->upload(s->be, s->device.ints, s->host.ints, host.count * sizeof *s->host.ints);
  const sol_decoder_pass pass = {.be = s->be,
                                 .config = s->config,
                                 .weights = s->weights,
                                 .state = &s->state,
                                 .windows = (int32_t)s->n,
                                 .first = first,
                                 .slots = slots,
                                 .key_offsets = s->device.lists + first,
                                 .ranges = s->device.lists + g->inputs + 1,
                                 .codes = ints.codes,
                                 .rows = ints.rows,
                                 .columns = ints.columns,
                                 .h = s->device.user,
                                 .u = s->device.user + s->n * d};
  if (!status) status = compute(s, t, &pass, &ints);
  if (!status)
    status = s->be->ops->download(s->be, s->host.logits, s->device.logits,
                                  (size_t)cells * s->n * s->widest * sizeof *s->host.logits);
  *logits = s->host.logits;
  *stride = s->widest;
  return sol_stepper_finish(s, status);
}
