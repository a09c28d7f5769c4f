/* Steps without a grid: one user's inputs in raster order, again and again from where they are not settled. */
#include "kernels/ops.h"
#include "solid/infer/slate/stepper.h"
#include "solid/infer/slate/stepper_parts.h"
#include <string.h>

size_t sol_tail_most(const sol_config *config) {
  size_t C = config->levels + 1;
  return (C + 1) * (C + 2) / 2;
}

solid_status sol_stepper_begin_tail(sol_stepper *s, const float *h, const float *u) {
  size_t d = s->config->width;
  s->grid = NULL;
  s->n = 1;
  sol_decoder_bind(&s->state, s->config, 1, s->tail, s->kept, s->device.state);
  memcpy(s->host.user, h, d * sizeof *h);
  memcpy(s->host.user + d, u, d * sizeof *u);
  solid_status status = s->be->ops->upload(s->be, s->device.user, s->host.user, 2 * d * sizeof *u);
  return status ? sol_stepper_finish(s, status) : SOLID_OK;
}

/* Of n slots from `first` on, the given ones among them where first is 0. */
typedef struct tail_step {
  int32_t first, slots;
  int32_t *codes, *rows, *columns, *sources, *offsets, *ranges;
  uint32_t cells[SOL_MAX_LEVELS + 1]; /* of each column; their sources stand column by column */
} tail_step;

static tail_step bind_tail(int32_t first, int32_t slots, int32_t *base) {
  return (tail_step){
      first, slots, base, base + slots, base + 2 * slots, base + 3 * slots, base + 4 * slots, base + 5 * slots + 1,
      {0}};
}

static void fill_tail(const sol_stepper *s, const sol_tail_input *inputs, uint32_t n, tail_step *t) {
  int32_t C = (int32_t)s->cells, given = t->slots - (int32_t)n, m = 0;
  t->offsets[0] = 0;
  for (int32_t i = 0; i < t->slots; i++) {
    const sol_tail_input *in = i < given ? NULL : &inputs[i - given];
    t->rows[i] = in ? in->row : -1;
    t->columns[i] = !in ? -1 : in->place ? in->place - 1 : C;
    t->codes[i] = in && in->place ? sol_decoder_code(s->config, (uint32_t)in->place - 1, in->code) : -1;
    t->ranges[2 * i] = 0;
    t->ranges[2 * i + 1] = t->first + i + 1;
    t->offsets[i + 1] = i + 1;
  }
  for (int32_t c = 0; c < C; c++)
    for (uint32_t i = 0; i < n; i++)
      if (inputs[i].place == c) t->sources[m++] = given + (int32_t)i, t->cells[c]++;
}

static solid_status compute_tail(sol_stepper *s, const tail_step *host, const tail_step *t, size_t *cells) {
  const sol_decoder_pass pass = {.be = s->be,
                                 .config = s->config,
                                 .weights = s->weights,
                                 .state = &s->state,
                                 .windows = 1,
                                 .first = t->first,
                                 .slots = t->slots,
                                 .key_offsets = t->offsets,
                                 .ranges = t->ranges,
                                 .codes = t->codes,
                                 .rows = t->rows,
                                 .columns = t->columns,
                                 .h = s->device.user,
                                 .u = s->device.user + s->config->width};
  size_t at = 0;
  for (size_t c = 0; c < s->cells; c++) at += host->cells[c];
  solid_status status = sol_decoder_run(&pass, s->device.out);
  if (!status) status = sol_decoder_gather(&pass, (int32_t)at, t->slots, s->device.out, t->sources, NULL, s->device.y);
  *cells = at;
  at = 0;
  for (uint32_t c = 0; c < s->cells && !status; at += host->cells[c++])
    if (host->cells[c])
      status = sol_decoder_logits(&pass, (int32_t)host->cells[c], c, s->device.y + at * s->config->width,
                                  s->device.logits + at * s->widest);
  return status;
}

solid_status sol_stepper_tail(sol_stepper *s, uint32_t before, const sol_tail_input *inputs, uint32_t n,
                              const float **logits) {
  const sk_backend_ops *ops = s->be->ops;
  int32_t given = before ? 0 : SOL_DECODER_GIVEN, slots = (int32_t)n + given;
  int32_t first = before ? (int32_t)before + SOL_DECODER_GIVEN : 0;
  size_t cells = 0, at = 0;
  tail_step host = bind_tail(first, slots, s->host.ints), device = bind_tail(first, slots, s->device.ints);
  fill_tail(s, inputs, n, &host);
  solid_status status =
      ops->upload(s->be, s->device.ints, s->host.ints, sol_tail_ints((size_t)slots) * sizeof *s->host.ints);
  if (!status) status = compute_tail(s, &host, &device, &cells);
  if (!status)
    status = ops->download(s->be, s->host.logits, s->device.logits, cells * s->widest * sizeof *s->host.logits);
  for (uint32_t i = 0; i < n; i++) logits[i] = NULL;
  for (uint32_t c = 0; c < s->cells; at += host.cells[c++])
    for (uint32_t k = 0; k < host.cells[c]; k++)
      logits[host.sources[at + k] - given] =
          s->host.logits + at * s->widest + (size_t)k * sol_decoder_codes(s->config, c);
  return sol_stepper_finish(s, status);
}
