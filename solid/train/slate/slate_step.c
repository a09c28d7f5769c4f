#include "solid/train/slate/slate_step.h"
#include "kernels/ops.h"
#include "solid/base/arena.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include <stdlib.h>
#include <string.h>

typedef struct step_memory {
  int32_t *lists; /* the grid's key offsets and ranges */
  int32_t *ints;
  float *user; /* h (n, d), u (n, d) */
  float *loss; /* (cells, n) */
  float *values[SOL_SLATE_ARRAYS];
  float *state;         /* sol_decoder_bind_training */
  float *out, *dout;    /* (heads, slots, n, d) */
  float *y, *dy;        /* (columns, rows, n, heads, d) */
  float *dx, *t, *wide; /* sol_decoder_scratch */
  float *sumsq;
} step_memory;

struct sol_slate_step {
  sk_backend *be;
  sol_config config;
  sol_grid grid;
  size_t max_windows, floats, heads;
  step_memory device, host; /* the host has lists, ints, user and loss */
  void *device_base, *host_base;
  sol_decoder_weights weights, grads;
};

/* ---- Memory ---- */

static size_t lists_of(const sol_slate_step *s) {
  return (size_t)s->grid.inputs + 1 + 2 * (size_t)s->grid.key_offsets[s->grid.inputs];
}

static void bind_both(const sol_slate_step *s, step_memory *m, sol_arena *arena) {
  size_t B = s->max_windows;
  m->lists = sol_arena_take(arena, lists_of(s), sizeof *m->lists);
  m->ints = sol_arena_take(arena, sol_slate_ints_count(&s->config, &s->grid, B), sizeof *m->ints);
  m->user = sol_arena_take(arena, 2 * B, s->config.width * sizeof *m->user);
  m->loss = sol_arena_take(arena, (size_t)s->grid.cells * B, sizeof *m->loss);
}

static void bind_device(sol_slate_step *s, sol_arena *arena) {
  sol_decoder_state state;
  step_memory *m = &s->device;
  size_t B = s->max_windows, row = s->config.width * sizeof(float), slots = (size_t)s->grid.inputs;
  size_t cells = (size_t)s->grid.cells;
  bind_both(s, m, arena);
  for (int i = 0; i < SOL_SLATE_ARRAYS; i++) m->values[i] = sol_arena_take(arena, s->floats, sizeof(float));
  m->state = sol_arena_take(arena, sol_decoder_bind_training(&state, &s->config, B, slots, NULL), sizeof(float));
  m->out = sol_arena_take(arena, s->heads * slots * B, row);
  m->dout = sol_arena_take(arena, s->heads * slots * B, row);
  m->y = sol_arena_take(arena, cells * B * s->heads, row);
  m->dy = sol_arena_take(arena, cells * B * s->heads, row);
  m->dx = sol_arena_take(arena, slots * B, row);
  m->t = sol_arena_take(arena, slots * B, row);
  m->wide = sol_arena_take(arena, 4 * slots * B, row);
  m->sumsq = sol_arena_take(arena, 1, sizeof(float));
}

static solid_status take_memory(sol_slate_step *s) {
  sol_arena device = {NULL, 0}, host = {NULL, 0};
  bind_device(s, &device);
  bind_both(s, &s->host, &host);
  if (device.used == SIZE_MAX || host.used == SIZE_MAX ||
      (size_t)s->grid.inputs * s->max_windows * s->heads > INT32_MAX / 4)
    return solid_fail(SOLID_ENOMEM, "out of memory: slates of %zu users at once", s->max_windows);
  solid_status status = sol_backend_room(s->be, device.used, "training of slates", "use a smaller batch");
  if (status) return status;
  status = s->be->ops->alloc_host(s->be, &s->host_base, host.used);
  if (!status) status = s->be->ops->alloc(s->be, &s->device_base, device.used);
  if (status) return sol_backend_fail(s->be, status);
  device = (sol_arena){s->device_base, 0};
  host = (sol_arena){s->host_base, 0};
  bind_device(s, &device);
  bind_both(s, &s->host, &host);
  return SOLID_OK;
}

static solid_status finish(sol_slate_step *s, solid_status status) {
  solid_status waited = s->be->ops->sync(s->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(s->be, status) : SOLID_OK;
}

/* Weights and the grid's lists go up; gradients and moments are zero. */
static solid_status start(sol_slate_step *s, const float *weights) {
  const sk_backend_ops *ops = s->be->ops;
  size_t bytes = s->floats * sizeof *weights, T = (size_t)s->grid.inputs;
  memcpy(s->host.lists, s->grid.key_offsets, (T + 1) * sizeof *s->host.lists);
  memcpy(s->host.lists + T + 1, s->grid.keys, (lists_of(s) - T - 1) * sizeof *s->host.lists);
  solid_status status = ops->upload(s->be, s->device.lists, s->host.lists, lists_of(s) * sizeof *s->host.lists);
  if (!status) status = ops->upload(s->be, s->device.values[SOL_SLATE_WEIGHTS], weights, bytes);
  for (int i = SOL_SLATE_GRADS; i < SOL_SLATE_ARRAYS && !status; i++)
    status = ops->zero(s->be, s->device.values[i], bytes);
  sol_decoder_weights_bind(&s->weights, &s->config, s->device.values[SOL_SLATE_WEIGHTS]);
  sol_decoder_weights_bind(&s->grads, &s->config, s->device.values[SOL_SLATE_GRADS]);
  return finish(s, status);
}

solid_status sol_slate_step_open(sol_slate_step **out, sk_backend *be, const sol_config *config, size_t windows,
                                 const float *weights) {
  sol_slate_step *s = calloc(1, sizeof *s);
  if (!s) return solid_fail(SOLID_ENOMEM, "out of memory: training of slates");
  s->be = be;
  s->config = *config;
  s->max_windows = windows;
  s->heads = sol_config_slate_heads(config);
  s->floats = sol_tensors_total(config) - sol_tensors_ranker(config);
  sol_grid_shape shape =
      sol_decoder_shape(config, config->slate_near ? SOL_ORDER_NEAR : SOL_ORDER_RASTER, 0, config->slate_rows);
  solid_status status = sol_grid_make(&s->grid, &shape);
  if (!status) status = take_memory(s);
  if (!status) status = start(s, weights);
  if (status) {
    sol_slate_step_close(s);
    return status;
  }
  *out = s;
  return SOLID_OK;
}

void sol_slate_step_close(sol_slate_step *s) {
  if (!s) return;
  s->be->ops->free_host(s->be, s->host_base);
  s->be->ops->free(s->be, s->device_base);
  sol_grid_clear(&s->grid);
  free(s);
}

/* ---- A batch ---- */

static solid_status send(sol_slate_step *s, const sol_slate_batch *batch) {
  const sk_backend_ops *ops = s->be->ops;
  size_t d = s->config.width, row = d * sizeof(float), n = batch->n;
  sol_slate_ints_fill(&s->config, &s->grid, batch, s->host.ints);
  memcpy(s->host.user, batch->h, n * row);
  memcpy(s->host.user + n * d, batch->u, n * row);
  solid_status status = ops->upload(s->be, s->device.ints, s->host.ints,
                                    sol_slate_ints_count(&s->config, &s->grid, n) * sizeof *s->host.ints);
  return status ? status : ops->upload(s->be, s->device.user, s->host.user, 2 * n * row);
}

/* The loss of every column's cells, and what it says of their rows y. */
static solid_status losses(sol_slate_step *s, size_t n, const sol_slate_ints *ints, const sol_slate_rates *rates,
                           float weight) {
  solid_status status = SOLID_OK;
  size_t rows = (size_t)s->grid.rows * n, d = s->heads * s->config.width;
  for (uint32_t c = 0; c <= s->config.levels && !status; c++) {
    size_t first = (size_t)sol_decoder_first_code(&s->config, c) * d;
    status = s->be->ops->xent(s->be, &(sk_xent_args){.n = (int32_t)rows,
                                                     .d = (int32_t)d,
                                                     .items = (int32_t)sol_decoder_codes(&s->config, c),
                                                     .u = s->device.y + c * rows * d,
                                                     .e = s->weights.out + first,
                                                     .target = ints->targets + c * rows,
                                                     .smoothing = rates->smoothing,
                                                     .weight = weight,
                                                     .loss = s->device.loss + c * rows,
                                                     .du = s->device.dy + c * rows * d,
                                                     .de = s->grads.out + first});
  }
  return status;
}

static solid_status compute(sol_slate_step *s, size_t n, const sol_slate_rates *rates, uint64_t seed, float weight) {
  const sol_grid *g = &s->grid;
  sol_decoder_state state;
  sol_decoder_bind_training(&state, &s->config, n, (size_t)g->inputs, s->device.state);
  sol_slate_ints ints = sol_slate_ints_bind(&s->config, &s->grid, n, s->device.ints);
  const sol_decoder_pass pass = {.be = s->be,
                                 .config = &s->config,
                                 .weights = &s->weights,
                                 .state = &state,
                                 .windows = (int32_t)n,
                                 .slots = g->inputs,
                                 .key_offsets = s->device.lists,
                                 .ranges = s->device.lists + g->inputs + 1,
                                 .codes = ints.codes,
                                 .rows = ints.rows,
                                 .columns = ints.columns,
                                 .h = s->device.user,
                                 .u = s->device.user + n * s->config.width,
                                 .p = rates->p,
                                 .seed = seed};
  const sol_decoder_scratch scratch = {s->device.dx, s->device.t, s->device.wide};
  int32_t cells = g->cells * (int32_t)n, outputs = (int32_t)s->heads * g->inputs * (int32_t)n;
  solid_status status = sol_decoder_run(&pass, s->device.out);
  if (!status) status = sol_decoder_gather(&pass, cells, outputs, s->device.out, ints.alone, ints.both, s->device.y);
  if (!status) status = losses(s, n, &ints, rates, weight);
  if (!status)
    status = sol_decoder_gather_backward(&pass, cells, outputs, s->device.dy, ints.alone, ints.both, s->device.dout);
  return status ? status : sol_decoder_backward(&pass, s->device.dout, &scratch, &s->grads);
}

solid_status sol_slate_step_gradients(sol_slate_step *s, const sol_slate_batch *batch, const sol_slate_rates *rates,
                                      uint64_t seed, double *sum, size_t *cells) {
  size_t all = (size_t)s->grid.cells * batch->n;
  *sum = 0;
  *cells = sol_slate_count_targets(&s->grid, batch);
  if (*cells == 0) return SOLID_OK;
  solid_status status = send(s, batch);
  if (!status) status = compute(s, batch->n, rates, seed, 1.0f / (float)*cells);
  if (!status) status = s->be->ops->download(s->be, s->host.loss, s->device.loss, all * sizeof *s->host.loss);
  status = finish(s, status);
  for (size_t i = 0; i < all && !status; i++) *sum += s->host.loss[i];
  return status;
}

solid_status sol_slate_step_update(sol_slate_step *s, const sol_slate_rates *rates, uint64_t number) {
  float *grads = s->device.values[SOL_SLATE_GRADS];
  sol_run run = {s->be, SOLID_OK};
  sol_op_reduce(&run,
                &(sk_reduce_args){.n = (int64_t)s->floats, .kind = SK_SUM_SQUARES, .x = grads, .out = s->device.sumsq});
  sol_op_adamw(&run, &(sk_adamw_args){.n = (int64_t)s->floats,
                                      .lr = rates->rate,
                                      .b1 = 0.9f,
                                      .b2 = 0.999f,
                                      .eps = 1e-8f,
                                      .decay = rates->decay,
                                      .step = (int64_t)number,
                                      .grad = grads,
                                      .sumsq = s->device.sumsq,
                                      .max_norm = rates->max_norm,
                                      .w = s->device.values[SOL_SLATE_WEIGHTS],
                                      .m = s->device.values[SOL_SLATE_M],
                                      .v = s->device.values[SOL_SLATE_V]});
  sol_op_zero(&run, grads, s->floats);
  return run.status ? sol_backend_fail(s->be, run.status) : SOLID_OK;
}

solid_status sol_slate_step_read(sol_slate_step *s, sol_slate_array which, float *out) {
  return finish(s, s->be->ops->download(s->be, out, s->device.values[which], s->floats * sizeof *out));
}

solid_status sol_slate_step_write(sol_slate_step *s, sol_slate_array which, const float *values) {
  return finish(s, s->be->ops->upload(s->be, s->device.values[which], values, s->floats * sizeof *values));
}

size_t sol_slate_step_floats(const sol_slate_step *s) {
  return s->floats;
}
