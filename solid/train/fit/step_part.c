#include "kernels/formula.h"
#include "solid/base/fetch.h"
#include "solid/extend.h"
#include "solid/train/fit/step.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS_SITE ((uint64_t)1 << 33) /* apart from every sol_site and from item dropout */

/* ---- Memory ---- */

uint32_t sol_step_part_most(const sol_step *step, const solid_train_options *options) {
  uint64_t most = 2 * (uint64_t)step->max_rows + options->negatives;
  return most < step->config.items ? (uint32_t)most : step->config.items;
}

size_t sol_step_part_bind(sol_step *step, float *base) {
  sol_step_part *p = &step->part;
  size_t used = 0;
  p->items = sol_take(base, &used, (size_t)step->here.items * step->config.width);
  p->past = (sk_adamw_past *)sol_take(base, &used, SOL_PART_STEPS * sizeof *p->past / sizeof(float));
  p->powers = (sk_adamw_power *)sol_take(base, &used, (SK_ADAMW_LOOP + 1) * sizeof *p->powers / sizeof(float));
  p->taken = (int32_t *)sol_take(base, &used, step->config.items);
  return used;
}

static solid_status open_host(sol_step *step, const solid_train_options *options) {
  sol_step_part *p = &step->part;
  void *past = NULL;
  solid_status status = step->be->ops->alloc_host(step->be, &past, SOL_PART_STEPS * sizeof *p->past_host);
  p->past_host = past;
  if (status != SOLID_OK) return solid_fail(status, "%s", step->be->err);
  p->inputs = malloc((step->max_rows + 1) * sizeof *p->inputs);
  p->tail_host = malloc((SOL_PART_STEPS + 1) * sizeof *p->tail_host);
  p->offsets = malloc(((size_t)step->here.items + 1) * sizeof *p->offsets);
  if (!p->inputs || !p->tail_host || !p->offsets)
    return solid_fail(SOLID_ENOMEM, "batches of %zu rows", step->max_rows);
  status = sol_touched_open(&p->set, step->here.items);
  return status == SOLID_OK ? sol_sampler_open(&p->sampler, step->config.items, options->negatives) : status;
}

solid_status sol_step_part_open(sol_step *step, const solid_train_options *options) {
  sk_adamw_power powers[SK_ADAMW_LOOP + 1];
  solid_status status = open_host(step, options);
  if (status != SOLID_OK) return status;
  sk_adamw_powers(SOL_ADAM_B1, SOL_ADAM_B2, powers);
  status = step->be->ops->upload(step->be, step->part.powers, powers, sizeof powers);
  if (status == SOLID_OK) status = step->be->ops->sync(step->be);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", step->be->err);
}

void sol_step_part_close(sol_step *step) {
  sol_step_part *p = &step->part;
  sol_touched_close(&p->set);
  sol_sampler_close(&p->sampler);
  step->be->ops->free_host(step->be, p->past_host);
  free(p->inputs);
  free(p->offsets);
  free(p->tail_host);
}

solid_status sol_step_set_popularity(sol_step *step, const float *count) {
  return sol_step_has_part(step) ? sol_sampler_order(&step->part.sampler, count) : SOLID_OK;
}

/* ---- A batch's items ---- */

/* Its number. What is packed of a new one is on its way to the cache from here on: it lies anywhere in tables of the
 * catalogue's size. */
static uint32_t take(sol_step *step, uint32_t item) {
  uint32_t before = step->part.set.count, number = sol_touched_take(&step->part.set, item);
  if (number < before) return number;
  if (step->codes) SOL_FETCH(step->codes + (size_t)item * step->config.levels);
  if (step->attributes) SOL_FETCH(step->attributes + (size_t)item * step->config.slots);
  step->part.offsets[number] = 0;
  return number;
}

static void take_drawn(sol_step *step, uint64_t seed) {
  enum { AHEAD = 16 };
  sol_step_part *p = &step->part;
  sol_random random = sol_random_start(seed, DRAWS_SITE);
  for (uint32_t first = 0; first < p->sampler.draws; first += AHEAD) {
    uint32_t left = p->sampler.draws - first, n = left < AHEAD ? left : AHEAD, places[AHEAD];
    for (uint32_t i = 0; i < n; i++) {
      places[i] = sol_sampler_draw(&p->sampler, first + i, &random);
      SOL_FETCH(p->sampler.by_place + places[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
      uint32_t before = p->set.count, number = take(step, p->sampler.by_place[places[i]]);
      if (number == before) p->offsets[number] = sol_sampler_offset(&p->sampler, places[i]);
    }
  }
}

void sol_step_part_take(sol_step *step, uint64_t seed, const solid_windows *inputs, const int32_t *targets,
                        int32_t *numbers) {
  sol_step_part *p = &step->part;
  uint32_t rows = inputs->offsets[inputs->n];
  assert(inputs->offsets[0] == 0);
  sol_touched_begin(&p->set);
  for (uint32_t i = 0; i < rows; i++) p->inputs[i] = take(step, inputs->items[i]);
  for (uint32_t i = 0; i < rows; i++) numbers[i] = targets[i] < 0 ? -1 : (int32_t)take(step, (uint32_t)targets[i]);
  take_drawn(step, seed);
  step->here.items = p->set.count;
}

size_t sol_step_part_ints(const sol_step *step) {
  size_t tail = (SOL_PART_STEPS + 1) * sizeof(sk_adamw_tail) / sizeof(int32_t), each = step->config.levels + 2;
  return 8 + tail + (each + step->config.slots) * step->here.items;
}

/* Of the steps so far; returns its ints. */
static size_t write_tail(const sol_step_part *p, int32_t *host) {
  sk_adamw_tail *to = (sk_adamw_tail *)(void *)host;
  for (int32_t t = 0; t <= p->steps; t++) {
    const double *x = p->tail_host[t];
    to[t] = (sk_adamw_tail){(float)x[0], (float)x[1], (float)x[2], (float)x[3]};
  }
  return ((size_t)p->steps + 1) * sizeof *to / sizeof *host;
}

/* Ints up to a multiple of 16 bytes. */
static size_t ints_before(const int32_t *device) {
  return (4 - (uintptr_t)device / sizeof *device % 4) % 4;
}

size_t sol_step_part_pack(sol_step *step, int32_t *host, int32_t *device, sol_brought *out) {
  sol_step_part *p = &step->part;
  size_t n = p->set.count, used = ints_before(device);
  p->tail = (sk_adamw_tail *)(void *)(device + used);
  used += write_tail(p, host + used);
  out->offset = (const float *)(const void *)(device + used);
  memcpy(host + used, p->offsets, n * sizeof *p->offsets);
  used += n;
  p->index = device + used;
  for (uint32_t i = 0; i < n; i++) host[used++] = (int32_t)p->set.items[i];
  sol_step_pack_semantics(step, n, p->set.items, host + used);
  step->catalogue.codes = device + used;
  step->catalogue.attributes = device + used + n * step->config.levels;
  return used + n * (step->config.levels + step->config.slots);
}

/* ---- Rows of E ---- */

static sk_adamw_rows_args rows_args(const sol_step *step, int32_t n, const int32_t *index) {
  const sol_step_part *p = &step->part;
  return (sk_adamw_rows_args){.n = n,
                              .d = (int32_t)step->config.width,
                              .index = index,
                              .taken = p->taken,
                              .count = p->steps,
                              .past = p->past,
                              .tail = p->tail,
                              .powers = p->powers,
                              .b1 = SOL_ADAM_B1,
                              .b2 = SOL_ADAM_B2,
                              .eps = SOL_ADAM_EPS,
                              .w = step->values[SOL_WEIGHTS],
                              .m = step->values[SOL_MOMENT1],
                              .v = step->values[SOL_MOMENT2],
                              .average = step->values[SOL_AVERAGE]};
}

float *sol_step_part_items(sol_run *run, sol_step *step) {
  int32_t n = (int32_t)step->here.items, d = (int32_t)step->config.width;
  sk_adamw_rows_args a = rows_args(step, n, step->part.index);
  sol_op_adamw_rows(run, &a);
  gather(run, n, d, (int32_t)step->config.items, step->weights.items, step->part.index, 0, step->part.items);
  return step->part.items;
}

void sol_step_part_update(sol_run *run, sol_step *step, const solid_train_options *options, uint64_t number) {
  sol_step_part *p = &step->part;
  sk_adamw_past *now = p->past_host + p->steps;
  *now = sk_adamw_past_of((int64_t)number, (float)options->rate, (float)options->decay, SOL_ADAM_B1, SOL_ADAM_B2,
                          (float)options->average);
  if (run->status == SOLID_OK) run->status = step->be->ops->upload(step->be, p->past + p->steps, now, sizeof *now);
  sk_adamw_rows_args a = rows_args(step, (int32_t)step->here.items, p->index);
  a.count++;
  a.grad = step->grads.items;
  a.sumsq = step->sumsq, a.max_norm = (float)options->max_norm;
  sol_op_adamw_rows(run, &a);
  sk_adamw_tail_add(p->tail_host, p->steps++, *now, SOL_ADAM_B2);
}

void sol_step_part_begin(sol_run *run, sol_step *step) {
  sol_step_part *p = &step->part;
  if (!sol_step_has_part(step)) return;
  sol_op_zero(run, (float *)p->taken, step->config.items);
  p->steps = 0;
  memcpy(p->tail_host[0], (double[4]){1, 1, 0, 1}, sizeof p->tail_host[0]);
}

/* The tail goes where the last batch has its own, so that the rest of that batch stays as it is (sol_step_density). */
solid_status sol_step_settle(sol_step *step) {
  sol_step_part *p = &step->part;
  if (!sol_step_has_part(step) || p->steps == 0) return SOLID_OK;
  sol_run run = {step->be, step->be->ops->sync(step->be)}; /* the batches have left the host's memory */
  size_t bytes = run.status == SOLID_OK ? write_tail(p, step->host) * sizeof *step->host : 0;
  if (run.status == SOLID_OK) run.status = step->be->ops->upload(step->be, p->tail, step->host, bytes);
  sk_adamw_rows_args a = rows_args(step, (int32_t)step->config.items, NULL);
  sol_op_adamw_rows(&run, &a);
  sol_step_part_begin(&run, step);
  if (run.status == SOLID_OK) run.status = step->be->ops->sync(step->be);
  return run.status == SOLID_OK ? SOLID_OK : solid_fail(run.status, "%s", step->be->err);
}
