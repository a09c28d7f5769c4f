#include "solid/extend.h"
#include "solid/infer/slate/slater_parts.h"
#include <stdlib.h>
#include <string.h>

#define AT_ONCE       64                /* users at most, step by step */
#define AT_ONCE_FUSED 256               /* in one operation, which is a block a user: a large device has 130 places */
#define ITEMS_AT_ONCE ((size_t)1 << 24) /* users times items at most */

/* ---- Construction ---- */

static void bind(sol_slater *s, sol_arena *arena) {
  size_t n = s->at_once, V = s->items, d = s->config->width, K = s->config->slate_rows;
  s->slates = sol_arena_take(arena, n, sizeof *s->slates);
  s->scores = sol_arena_take(arena, n, V * sizeof *s->scores);
  s->h = sol_arena_take(arena, n, d * sizeof *s->h);
  s->u = sol_arena_take(arena, n, d * sizeof *s->u);
  s->codes = sol_arena_take(arena, n * K, (s->config->levels + 1) * sizeof *s->codes);
  s->top = sol_arena_take(arena, K, sizeof *s->top);
  s->top_scores = sol_arena_take(arena, K, sizeof *s->top_scores);
  s->group = sol_arena_take(arena, n, sizeof *s->group);
  s->calls = sol_arena_take(arena, n, sizeof *s->calls);
  s->called = sol_arena_take(arena, n, sizeof *s->called);
  sol_adaptive_bind(&s->adaptive, s->config, s->room.widest, arena);
  sol_slate unbound;
  for (size_t i = 0; i < n; i++)
    sol_slate_bind(arena->base ? &s->slates[i] : &unbound, &s->trie, &s->room, s->config->slate_rows, arena);
}

/* Memory for the trie as it is, and for twice its widest node where it has just outgrown what there was. */
static solid_status take_memory(sol_slater *s, uint32_t widest) {
  sol_arena arena = {NULL, 0};
  sol_slate_room before = s->room;
  s->room = (sol_slate_room){s->items, s->config->codes, widest > s->config->codes ? widest : s->config->codes};
  bind(s, &arena);
  char *memory = sol_arena_memory(&arena);
  if (!memory) {
    s->room = before;
    return solid_fail(SOLID_ENOMEM, "out of memory: slates of %zu users at once", s->at_once);
  }
  free(s->memory);
  s->memory = memory;
  arena = (sol_arena){memory, 0};
  bind(s, &arena);
  return SOLID_OK;
}

static solid_status take_device(sol_slater *s) {
  size_t d = s->config->width, bytes = s->at_once * (s->items + d) * sizeof(float);
  solid_status status = sol_backend_room(s->be, bytes, "scores of slates", "use a smaller batch");
  if (status) return status;
  status = s->be->ops->alloc(s->be, &s->device, bytes);
  if (status) return sol_backend_fail(s->be, status);
  s->device_u = s->device;
  s->device_scores = s->device_u + s->at_once * d;
  return SOLID_OK;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

solid_status sol_slater_new(sol_slater **out, const solid_model *model, size_t users) {
  const sol_config *config = sol_model_config(model);
  if (!config->slate_rows)
    return solid_fail(SOLID_EUNSUPPORTED, "slate: the model has no decoder; train one with solid_train --slate K");
  sol_slater *s = calloc(1, sizeof *s);
  if (!s) return solid_fail(SOLID_ENOMEM, "out of memory: slates");
  s->model = model;
  s->own = *config;
  s->own.items = solid_model_item_count(model);
  s->items = config->items;
  s->config = &s->own;
  solid_status status = sol_backend_open(sol_model_context(model), &s->be);
  s->at_once = least(users, !status && s->be->ops->records ? AT_ONCE_FUSED : AT_ONCE);
  s->at_once = least(s->at_once, ITEMS_AT_ONCE / s->items + 1);
  if (!status) status = sol_trie_make(&s->trie, model->file.codes, s->own.items, config->levels);
  if (!status) status = take_memory(s, s->trie.widest);
  if (!status) status = take_device(s);
  const sol_decoder_weights *weights = &sol_model_weights(model)->slate;
  if (!status) status = sol_stepper_open(&s->stepper, s->be, s->config, weights, s->at_once);
  if (!status)
    status =
        sol_fused_open(&s->fused, s->be, config, weights, &s->trie, sol_model_catalogue(model)->vectors, s->at_once);
  if (status) {
    sol_slater_free(s);
    return status;
  }
  s->sent = s->trie.items;
  *out = s;
  return SOLID_OK;
}

void sol_slater_free(sol_slater *s) {
  if (!s) return;
  sol_stepper_close(s->stepper);
  sol_fused_close(s->fused);
  if (s->be) {
    s->be->ops->free(s->be, s->device);
    s->be->ops->close(s->be);
  }
  sol_trie_clear(&s->trie);
  sol_grid_clear(&s->full);
  sol_grid_clear(&s->part);
  free(s->memory);
  free(s);
}

uint64_t sol_slater_bytes(const sol_slater *s) {
  return s->be->bytes;
}

int sol_slater_has(const sol_slater *s, sol_order order) {
  return sol_slate_has_order(s->config, order);
}

const sol_trie *sol_slater_trie(const sol_slater *s) {
  return &s->trie;
}

/* ---- Items that joined ---- */

/* What has joined the model since gets its paths. Those that are hidden, gone or not yet there are in the users' masks.
 * Each part is tried again by the next call where it fails. */
static solid_status follow(sol_slater *s) {
  solid_status status = sol_trie_add(&s->trie, s->model->file.codes, solid_model_item_count(s->model));
  s->own.items = s->trie.items;
  if (!status && s->trie.widest > s->room.widest) status = take_memory(s, 2 * s->trie.widest);
  if (!status && s->sent != s->trie.items) {
    status = sol_fused_set_trie(s->fused, &s->trie);
    s->sent = status ? 0 : s->trie.items;
  }
  return status;
}

/* ---- Plans ---- */

solid_status sol_slater_check(const sol_slater *s, const sol_slate_plan *plan) {
  return sol_slate_plan_check(plan, sol_model_config(s->model));
}

solid_status sol_slater_make_grid(const sol_slater *s, const sol_slate_plan *plan, uint32_t rows, sol_grid *grid) {
  sol_grid_shape shape = sol_decoder_shape(s->config, plan->order, plan->window, rows);
  sol_grid_clear(grid);
  return sol_grid_make(grid, &shape);
}

static solid_status set_plan(sol_slater *s, const sol_slate_plan *plan) {
  if (s->plan.rows == plan->rows && s->plan.order == plan->order && s->plan.window == plan->window) return SOLID_OK;
  s->plan.rows = 0;
  solid_status status = sol_slater_make_grid(s, plan, plan->rows, &s->full);
  if (!status) status = sol_fused_set_grid(s->fused, &s->full);
  if (!status) s->plan = *plan;
  return status;
}

solid_status sol_slater_decode(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n) {
  solid_status status = sol_slater_check(s, plan);
  if (!status) status = follow(s);
  if (!status) status = set_plan(s, plan);
  for (size_t first = 0; first < n && !status; first += s->at_once)
    status = sol_slater_decode_some(s, plan, users + first, least(n - first, s->at_once), plan->seed + first);
  return status;
}
