#include "solid/base/arena.h"
#include "solid/extend.h"
#include "solid/infer/state/parts.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- Memory ---- */

static void scratch_bind(sol_states *s, sol_arena *arena) {
  sol_states_scratch *m = &s->scratch;
  size_t n = s->rows, B = s->slots, d = s->d, row = d * sizeof(float), closed = sol_least_size(B, SOL_CLOSED_AT_ONCE);
  m->x = sol_arena_take(arena, n, row);
  m->norm = sol_arena_take(arena, n, row);
  m->qkv = sol_arena_take(arena, n, 3 * row);
  m->attended = sol_arena_take(arena, n, row);
  m->wide = sol_arena_take(arena, n, 4 * row);
  m->newest_x = sol_arena_take(arena, B, row);
  m->newest_norm = sol_arena_take(arena, B, row);
  m->newest_q = sol_arena_take(arena, B, row);
  m->newest_out = sol_arena_take(arena, B, row);
  m->newest_wide = sol_arena_take(arena, B, 4 * row);
  m->q = sol_arena_take(arena, closed * s->C, row);
  m->rows = sol_arena_take(arena, closed * s->K, 2 * row);
  m->table = sol_arena_take(arena, sol_prefill_rows(s), 2 * row);
}

static void device_bind(sol_states *s, sol_arena *arena) {
  size_t d = s->d;
  for (uint32_t b = 0; b < s->config->blocks; b++) {
    s->kv[b] = sol_arena_take(arena, s->slots * s->R, 2 * d * sizeof(float));
    s->probes[b] = sol_arena_take(arena, s->slots * s->P, d * sizeof(float));
  }
  s->last = sol_arena_take(arena, s->slots, d * sizeof(float));
  s->h = sol_arena_take(arena, s->slots, d * sizeof(float));
  scratch_bind(s, arena);
  s->ints = sol_arena_take(arena, s->n_ints, sizeof *s->ints);
}

/* Where the device's memory is apart, what is uploaded and downloaded passes through here. */
static void staging_bind(sol_states *s, sol_arena *arena) {
  s->host_ints = sol_arena_take(arena, s->n_ints, sizeof *s->host_ints);
  s->host_last = sol_arena_take(arena, s->d, sizeof *s->host_last);
  for (uint32_t b = 1; b < s->config->blocks; b++) {
    s->host_kv[b] = sol_arena_take(arena, s->R, 2 * s->d * sizeof(float));
    s->host_probes[b] = sol_arena_take(arena, s->P, s->d * sizeof(float));
  }
}

static void host_bind(sol_states *s, sol_arena *arena) {
  s->slot = sol_arena_take(arena, s->slots, sizeof *s->slot);
  s->numbers = sol_arena_take(arena, s->slots * s->config->blocks * s->H, s->K * sizeof *s->numbers);
  s->kept_items = sol_arena_take(arena, s->slots * s->H, s->K * sizeof *s->kept_items);
  s->open_items = sol_arena_take(arena, s->slots, s->C * sizeof *s->open_items);
  size_t lists = s->H * s->K;
  s->merged = sol_arena_take(arena, 2 * lists + (lists / 8 + 1) * s->H, sizeof *s->merged);
  s->merged_of = sol_arena_take(arena, s->H, sizeof *s->merged_of);
  s->of_slot = sol_arena_take(arena, s->slots, sizeof *s->of_slot);
  s->taken = sol_arena_take(arena, s->slots, sizeof *s->taken);
  s->stretches = sol_arena_take(arena, s->slots, sizeof *s->stretches);
  s->full = sol_arena_take(arena, s->slots, sizeof *s->full);
}

void sol_states_set_sizes(sol_states *s, const solid_model *model, size_t slots, size_t rows) {
  const sol_config *config = sol_model_config(model);
  s->model = model;
  s->config = config;
  s->rule = sol_config_rule(config);
  s->slots = slots;
  s->rows = rows;
  s->C = config->select_chunk;
  s->R = (size_t)sk_select_room(&s->rule);
  s->K = s->R - s->C;
  s->P = (size_t)sk_select_probes(&s->rule, s->rule.chunk);
  s->H = config->heads;
  s->d = config->width;
  s->rebase = SOL_STATES_REBASE;
  size_t others = sol_most_size(sol_restore_ints(s), sol_prefill_ints(s));
  s->n_ints = sol_most_size(sol_most_size(sol_step_ints(s), sol_close_ints(s)), others);
}

size_t sol_states_bytes(const solid_model *model, size_t slots, size_t rows) {
  sol_states s = {0};
  sol_arena arena = {NULL, 0};
  sol_states_set_sizes(&s, model, slots, rows);
  device_bind(&s, &arena);
  return arena.used;
}

static solid_status take_memory(sol_states *s) {
  const sk_backend_ops *ops = s->be->ops;
  sol_arena device = {NULL, 0}, host = {NULL, 0}, staging = {NULL, 0};
  char what[64];
  snprintf(what, sizeof what, "attention states of %zu users", s->slots);
  device_bind(s, &device);
  host_bind(s, &host);
  if (!ops->unified) staging_bind(s, &staging);
  if (device.used == SIZE_MAX || host.used == SIZE_MAX || staging.used == SIZE_MAX)
    return solid_fail(SOLID_ENOMEM, "out of memory: %s", what);
  solid_status status = sol_backend_room(s->be, device.used, what, "keep fewer at once, or use a smaller budget");
  if (status) return status;
  status = ops->alloc(s->be, &s->device_base, device.used);
  if (!status) status = ops->alloc_host(s->be, &s->host_base, staging.used);
  if (status) return solid_fail(status, "%s: %s", what, s->be->err);
  s->memory = sol_arena_memory(&host);
  if (!s->memory) return solid_fail(SOLID_ENOMEM, "out of memory: %s, %zu bytes", what, host.used);
  device = (sol_arena){s->device_base, 0};
  host = (sol_arena){s->memory, 0};
  device_bind(s, &device);
  host_bind(s, &host);
  staging = (sol_arena){s->host_base, 0};
  if (ops->unified)
    s->host_ints = s->ints;
  else
    staging_bind(s, &staging);
  return SOLID_OK;
}

static solid_status check_sizes(const solid_model *model, size_t slots, size_t rows) {
  const sol_config *config = sol_model_config(model);
  if (config->attention != SOL_ATTENTION_SPARSE || config->positions != SOL_POSITIONS_ROTARY)
    return solid_fail(SOLID_EUNSUPPORTED,
                      "attention states: the model has %s; train with --attention sparse --positions rotary",
                      config->attention != SOL_ATTENTION_SPARSE ? "dense attention" : "positions that are not turned");
  const sk_select_rule rule = sol_config_rule(config);
  size_t most = (size_t)INT32_MAX / 2 / ((size_t)sk_select_room(&rule) * config->heads);
  if (slots < 1 || slots > most || rows < slots || rows > INT32_MAX / 8)
    return solid_fail(SOLID_EINVAL, "attention states: %zu slots, 1 to %zu, and %zu rows at once, %zu to %d", slots,
                      most, rows, slots, INT32_MAX / 8);
  return SOLID_OK;
}

solid_status sol_states_new(sol_states **out, const solid_model *model, sk_backend *be, size_t slots, size_t rows) {
  solid_status status = check_sizes(model, slots, rows);
  if (status) return status;
  sol_states *s = calloc(1, sizeof *s);
  if (!s) return solid_fail(SOLID_ENOMEM, "out of memory: attention states");
  s->be = be;
  sol_states_set_sizes(s, model, slots, rows);
  status = take_memory(s);
  if (status) {
    sol_states_free(s);
    return status;
  }
  *out = s;
  return SOLID_OK;
}

void sol_states_free(sol_states *s) {
  if (!s) return;
  s->be->ops->free_host(s->be, s->host_base);
  s->be->ops->free(s->be, s->device_base);
  free(s->memory);
  free(s);
}

/* ---- What is in them ---- */

void sol_states_clear(sol_states *s, size_t slot) {
  s->slot[slot] = (sol_slot){0};
}

void sol_states_begin(sol_states *s, size_t slot, uint32_t origin) {
  s->slot[slot] = (sol_slot){.origin = origin};
}

static int is_gone(const solid_model *model, uint32_t item) {
  return item < sol_model_trained(model) ? sol_growth_is_removed(model->growth, item) : !sol_model_joined(model, item);
}

int sol_states_has_gone(const sol_states *s, size_t slot) {
  int some = 0;
  for (size_t i = 0; s->model->growth && i < s->slot[slot].open && !some; i++)
    some = is_gone(s->model, s->open_items[slot * s->C + i]);
  for (size_t h = 0; s->model->growth && h < s->H; h++)
    for (size_t i = 0; i < s->slot[slot].kept[0] && !some; i++)
      some = is_gone(s->model, sol_states_kept_items(s, slot, h)[i]);
  return some;
}

void sol_states_know(sol_states *states, size_t slot, uint32_t items) {
  states->slot[slot].items = items;
}

uint32_t sol_states_knew(const sol_states *states, size_t slot) {
  return states->slot[slot].items;
}

uint64_t sol_states_events(const sol_states *s, size_t slot) {
  return s->slot[slot].events;
}

size_t sol_states_kept(const sol_states *s, size_t slot, size_t block, size_t head, const uint32_t **events) {
  *events = sol_states_numbers(s, slot, block, head);
  return s->slot[slot].kept[block];
}

void sol_states_rebase_at(sol_states *s, uint64_t limit) {
  s->rebase = limit;
}
