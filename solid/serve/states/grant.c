#include "solid/base/arena.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/grouping.h"
#include "solid/serve/states/keeper.h"
#include "solid/serve/states/parts.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Rows in flight, and where the back end records. */
enum { LEAST_ROWS = 1024, RECORDED_ROWS = 16384 };

int sol_keeper_serves(const solid_model *model, const solid_store *store) {
  const sol_config *config = sol_model_config(model);
  if (store->history < 2 * SOLID_PAGE_STEPS || !store->ops->get_states || !store->ops->put_states ||
      config->attention != SOL_ATTENTION_SPARSE || config->positions != SOL_POSITIONS_ROTARY)
    return 0;
  sol_image_size most = sol_image_largest(model); /* many heads make many parts */
  return most.parts <= SOLID_STATE_PARTS && most.bytes <= SOLID_STATE_MAX;
}

/* ---- Memory ---- */

static void bind(sol_keeper *k, sol_arena *arena) {
  k->places = sol_arena_take(arena, k->slots, sizeof *k->places);
  k->mine = sol_arena_take(arena, k->slots, sizeof *k->mine);
  k->slot_of = sol_arena_take(arena, SOL_KEPT_AT_ONCE, sizeof *k->slot_of);
  k->newer = sol_arena_take(arena, SOL_KEPT_AT_ONCE, sizeof *k->newer);
  k->tails = sol_arena_take(arena, SOL_KEPT_AT_ONCE, SOL_KEEPER_TAIL * sizeof *k->tails);
  k->steps = sol_arena_take(arena, k->L, sizeof *k->steps);
  k->items = sol_arena_take(arena, k->L, sizeof *k->items);
  k->h = sol_arena_take(arena, SOL_KEPT_AT_ONCE, k->config->width * sizeof *k->h);
  k->room = sol_arena_take(arena, SOL_READ_AT_ONCE, k->image);
  k->parts = sol_arena_take(arena, SOL_READ_AT_ONCE, k->most * sizeof *k->parts);
  k->image_parts = sol_arena_take(arena, k->most, sizeof *k->image_parts);
  k->puts = sol_arena_take(arena, SOL_KEPT_AT_ONCE, sizeof *k->puts);
  k->put_slots = sol_arena_take(arena, SOL_KEPT_AT_ONCE, sizeof *k->put_slots);
}

static solid_status take_memory(sol_keeper *k) {
  sol_arena arena = {NULL, 0};
  k->image = (sol_image_room(k->states) + 63) / 64 * 64;
  k->most = sol_image_most(k->states);
  bind(k, &arena);
  k->memory = sol_arena_memory(&arena);
  if (!k->memory) return solid_fail(SOLID_ENOMEM, "out of memory: attention states, %zu bytes", arena.used);
  arena = (sol_arena){k->memory, 0};
  bind(k, &arena);
  return SOLID_OK;
}

solid_status sol_keeper_new(sol_keeper **out, const solid_model *model, solid_store *store,
                            const sol_keeper_options *options) {
  sol_keeper *k = calloc(1, sizeof *k);
  if (!k) return solid_fail(SOLID_ENOMEM, "out of memory: attention states");
  k->model = model;
  k->config = sol_model_config(model);
  k->store = store;
  k->L = k->config->window < store->history ? k->config->window : store->history;
  k->behind = options->behind;
  k->selector = sol_selector(k->config);
  k->generation = model->file.generation;
  size_t slot = sol_states_bytes(model, 65, 65) - sol_states_bytes(model, 64, 65),
         cached = (size_t)options->bytes / slot;
  k->at_once = options->users < SOL_KEPT_AT_ONCE ? options->users : SOL_KEPT_AT_ONCE;
  k->slots = cached > k->at_once ? cached : k->at_once;
  solid_status status = sol_backend_open(sol_model_context(model), &k->be);
  size_t rows = status || !k->be->ops->records ? LEAST_ROWS : RECORDED_ROWS;
  if (!status) status = sol_states_new(&k->states, model, k->be, k->slots, rows > k->slots ? rows : k->slots);
  if (!status) status = take_memory(k);
  if (status) {
    sol_keeper_free(k);
    return status;
  }
  *out = k;
  return SOLID_OK;
}

void sol_keeper_free(sol_keeper *k) {
  if (!k) return;
  sol_states_free(k->states);
  if (k->be) k->be->ops->close(k->be);
  free(k->memory);
  free(k);
}

uint64_t sol_keeper_selector(const sol_keeper *k) {
  return k->selector;
}

solid_state_stats sol_keeper_get_stats(const sol_keeper *k) {
  return k ? k->stats : (solid_state_stats){0};
}

/* ---- Slots ---- */

static void forget(sol_keeper *k, size_t slot) {
  sol_states_clear(k->states, slot);
  k->places[slot] = (sol_place){0};
}

/* The user's slot, or the one that was not used for longest, emptied. */
static size_t slot_for(sol_keeper *k, solid_bytes user) {
  uint64_t hash = user.size ? XXH3_64bits(user.data, user.size) | 1 : 0, oldest = UINT64_MAX;
  size_t slot = 0;
  for (size_t i = 0; i < k->slots; i++) {
    if (k->mine[i]) continue;
    if (hash && k->places[i].user == hash) return i;
    if (k->places[i].used < oldest) oldest = k->places[i].used, slot = i;
  }
  forget(k, slot);
  k->places[slot].user = hash;
  return slot;
}

/* Steps that the state lacks. */
static uint64_t gap_of(const sol_keeper *k, size_t slot, const solid_window *window) {
  uint64_t seq = k->places[slot].seq;
  return window->seq > seq ? window->seq - seq : 0;
}

/* 0 where a step that the state has read is of an item that joined since, as far as the window goes back, or was
 * removed. */
static int knows_items(const sol_keeper *k, size_t slot, const solid_window *window) {
  uint32_t knew = sol_states_knew(k->states, slot);
  return knew == k->applied ||
         (!sol_has_later_items(k->model, window, k->places[slot].seq, knew) && !sol_states_has_gone(k->states, slot));
}

int sol_keeper_is_good(const sol_keeper *k, size_t slot, const solid_window *window) {
  const sol_place *p = &k->places[slot];
  return p->seq && p->birth && p->birth == window->birth && (p->is_newer || p->seq <= window->seq) &&
         sol_states_events(k->states, slot) + gap_of(k, slot, window) <= 2 * (uint64_t)k->L &&
         knows_items(k, slot, window);
}

/* ---- Wishes ---- */

/* The steps up to the window's newest, as far back as the state needs them; they may be there already. */
static solid_status read_history(sol_keeper *k, const sol_wish *wish, uint64_t need, solid_window *out) {
  solid_params params = {0};
  uint8_t found;
  solid_status of_user = SOLID_OK;
  *out = *wish->window;
  if (need <= out->count || out->count >= out->seq) return SOLID_OK;
  *out = (solid_window){.steps = k->steps, .most = (uint32_t)k->L};
  solid_status status = k->store->ops->get(k->store, &wish->user, 1, k->generation, out, &params, &found, &of_user);
  if (status) return status;
  if (of_user || out->birth != wish->window->birth || out->seq < wish->window->seq) { /* changed between the trips */
    *out = *wish->window;
    return SOLID_OK;
  }
  uint64_t newer = out->seq - wish->window->seq;
  out->count = newer < out->count ? out->count - (size_t)newer : 0;
  out->seq = wish->window->seq;
  return SOLID_OK;
}

/* Another number for every state that is made, whoever makes it. */
static uint32_t draw_origin(const sol_keeper *k, size_t slot) {
  const uint64_t of[] = {(uint64_t)sol_wall_ms(), (uint64_t)sol_steady_ns(), (uint64_t)(uintptr_t)k, k->now, slot};
  return (uint32_t)XXH3_64bits(of, sizeof of);
}

/* Appends all that the window has to the slot's state; what is long goes at once, short tails are left in `newer`. */
static solid_status prepare(sol_keeper *k, const sol_wish *wish, size_t slot, size_t i, sol_newer *newer) {
  sol_place *p = &k->places[slot];
  solid_window window;
  int good = sol_keeper_is_good(k, slot, wish->window);
  if (!good) {
    sol_states_begin(k->states, slot, draw_origin(k, slot));
    *p = (sol_place){.user = p->user};
    k->stats.made++;
  }
  uint64_t need = good ? gap_of(k, slot, wish->window) : k->L;
  solid_status status = read_history(k, wish, need, &window);
  if (status) return status;
  if (good && need > window.count) { /* steps between are gone */
    sol_states_begin(k->states, slot, draw_origin(k, slot));
    *p = (sol_place){.user = p->user};
    need = k->L;
  }
  if (need < window.count) window.steps += window.count - need, window.count = (size_t)need;
  uint32_t *items = window.count > SOL_KEEPER_TAIL ? k->items : k->tails + i * SOL_KEEPER_TAIL;
  *newer = (sol_newer){slot, items, sol_known_items(k->model, &window, window.count, items)};
  sol_states_know(k->states, slot, k->applied);
  p->birth = window.birth, p->seq = window.seq > p->seq ? window.seq : p->seq;
  if (items != k->items) return SOLID_OK;
  const float *h;
  status = sol_states_append(k->states, newer, 1, &h);
  newer->n = 0;
  return status;
}

static solid_status append(sol_keeper *k, size_t n, const sol_wish *wishes, int session) {
  const float *h = NULL;
  size_t d = k->config->width;
  solid_status status = sol_states_append(k->states, k->newer, n, &h);
  if (!status) status = k->be->ops->download(k->be, k->h, h, n * d * sizeof *h);
  if (!status) status = k->be->ops->sync(k->be);
  if (status) return status;
  for (size_t i = 0; i < n; i++) {
    float *to = session ? wishes[i].with_session : wishes[i].h;
    if (to && (!session || wishes[i].n_session)) memcpy(to, k->h + i * d, d * sizeof *to);
  }
  return SOLID_OK;
}

static solid_status read_sessions(sol_keeper *k, const sol_wish *wishes, size_t n) {
  size_t some = 0;
  for (size_t i = 0; i < n; i++) {
    k->newer[i] = (sol_newer){k->slot_of[i], wishes[i].session, wishes[i].n_session};
    some += wishes[i].n_session;
  }
  return some ? append(k, n, wishes, 1) : SOLID_OK;
}

static solid_status grant(sol_keeper *k, const sol_wish *wishes, size_t n) {
  solid_status status = SOLID_OK;
  memset(k->mine, 0, k->slots);
  k->applied = (uint32_t)sol_model_applied(k->model) & 0xffffff;
  for (size_t i = 0; i < n; i++) {
    k->slot_of[i] = slot_for(k, wishes[i].user);
    k->mine[k->slot_of[i]] = 1;
    k->places[k->slot_of[i]].used = ++k->now;
    k->stats.cached += wishes[i].user.size && sol_keeper_is_good(k, k->slot_of[i], wishes[i].window);
  }
  status = sol_keeper_read(k, wishes, n);
  for (size_t i = 0; i < n && !status; i++) {
    k->newer[i] = (sol_newer){.slot = k->slot_of[i]};
    if (wishes[i].user.size) status = prepare(k, &wishes[i], k->slot_of[i], i, &k->newer[i]);
  }
  if (!status) status = append(k, n, wishes, 0);
  if (!status) sol_keeper_write(k, wishes, n);
  if (!status) status = read_sessions(k, wishes, n);
  for (size_t i = 0; i < n; i++) { /* what has read a session is of no use to anybody else */
    k->places[k->slot_of[i]].is_newer = 0;
    if (status || wishes[i].n_session || !wishes[i].user.size) forget(k, k->slot_of[i]);
  }
  return status;
}

solid_status sol_keeper_grant(sol_keeper *k, const sol_wish *wishes, size_t n) {
  solid_status status = SOLID_OK;
  for (size_t first = 0; first < n && !status; first += k->at_once)
    status = grant(k, wishes + first, n - first < k->at_once ? n - first : k->at_once);
  return status;
}
