#include "solid/serve/states/keeper.h"
#include "solid/base/arena.h"
#include "solid/base/values.h"
#include "solid/extend.h"
#include "solid/infer/state/image.h"
#include "solid/model/model_parts.h"
#include "solid/serve/grouping.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { AT_ONCE = 32, READ_AT_ONCE = 4, LEAST_ROWS = 1024, RECORDED_ROWS = 16384 };

/* Whose state a slot has. */
typedef struct place {
  uint64_t user; /* hash of the id; 0 = nobody's */
  uint64_t birth, seq;
  uint64_t stored_seq, stored_events; /* of what the store has of it; 0 = nothing */
  uint64_t used;                      /* when */
  uint64_t from;                      /* seq that it had when the wish came */
} place;

struct sol_keeper {
  const solid_model *model;
  const sol_config *config;
  solid_store *store;
  sk_backend *be;
  sol_states *states;
  size_t slots, L;
  uint32_t behind;
  uint64_t selector, generation, now;
  sol_keeper_stats stats;
  char *memory;
  place *places;           /* (slots) */
  size_t *slot_of;         /* (AT_ONCE) of the wishes at hand */
  uint8_t *mine;           /* (slots) 1 = of a wish at hand */
  sol_newer *newer;        /* (AT_ONCE) */
  uint32_t *tails;         /* (AT_ONCE, SOL_KEEPER_TAIL) dense items */
  solid_step *steps;       /* (L) a whole history */
  uint32_t *items;         /* (L) */
  float *h;                /* (AT_ONCE, d) */
  uint8_t *room;           /* (READ_AT_ONCE, image) read, or written */
  size_t image;            /* bytes of a state at most */
  solid_state_part *parts; /* (READ_AT_ONCE, most) */
  sol_part *image_parts;   /* (most) of the state at hand */
  size_t most;
  solid_state_put *puts; /* (AT_ONCE) */
  size_t *put_slots;     /* (AT_ONCE) */
};

int sol_keeper_serves(const solid_model *model, const solid_store *store) {
  const sol_config *config = sol_model_config(model);
  return store->history >= 2 * SOLID_PAGE_STEPS && config->attention == SOL_ATTENTION_SPARSE &&
         config->positions == SOL_POSITIONS_ROTARY;
}

/* ---- Memory ---- */

static void bind(sol_keeper *k, sol_arena *arena) {
  k->places = sol_arena_take(arena, k->slots, sizeof *k->places);
  k->mine = sol_arena_take(arena, k->slots, sizeof *k->mine);
  k->slot_of = sol_arena_take(arena, AT_ONCE, sizeof *k->slot_of);
  k->newer = sol_arena_take(arena, AT_ONCE, sizeof *k->newer);
  k->tails = sol_arena_take(arena, AT_ONCE, SOL_KEEPER_TAIL * sizeof *k->tails);
  k->steps = sol_arena_take(arena, k->L, sizeof *k->steps);
  k->items = sol_arena_take(arena, k->L, sizeof *k->items);
  k->h = sol_arena_take(arena, AT_ONCE, k->config->width * sizeof *k->h);
  k->room = sol_arena_take(arena, READ_AT_ONCE, k->image);
  k->parts = sol_arena_take(arena, READ_AT_ONCE, k->most * sizeof *k->parts);
  k->image_parts = sol_arena_take(arena, k->most, sizeof *k->image_parts);
  k->puts = sol_arena_take(arena, AT_ONCE, sizeof *k->puts);
  k->put_slots = sol_arena_take(arena, AT_ONCE, sizeof *k->put_slots);
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
  size_t slot = sol_states_bytes(model, 2, 2) - sol_states_bytes(model, 1, 2), cached = (size_t)options->bytes / slot;
  k->slots = cached > AT_ONCE ? cached : AT_ONCE;
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

sol_keeper_stats sol_keeper_get_stats(const sol_keeper *k) {
  return k->stats;
}

/* ---- Slots ---- */

static void forget(sol_keeper *k, size_t slot) {
  sol_states_clear(k->states, slot);
  k->places[slot] = (place){0};
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

/* 1 if the slot's state can be gone on with to reach the window: it is of this history, not ahead, and not too long. */
static int is_good(const sol_keeper *k, size_t slot, const solid_window *window) {
  const place *p = &k->places[slot];
  return p->seq && p->birth == window->birth && p->seq <= window->seq &&
         sol_states_events(k->states, slot) + (window->seq - p->seq) <= 2 * (uint64_t)k->L;
}

/* ---- Reading ---- */

/* The store's parts are those of an image under another name: infer/ knows no store. */
static void read_parts(sol_keeper *k, const solid_state_part *from, size_t n) {
  for (size_t i = 0; i < n; i++) k->image_parts[i] = (sol_part){from[i].number, from[i].size, from[i].data};
}

static void give_parts(const sol_image *image, solid_state_part *to) {
  for (size_t i = 0; i < image->n; i++)
    to[i] = (solid_state_part){image->parts[i].number, image->parts[i].size, image->parts[i].data};
}

static void take_state(sol_keeper *k, size_t slot, const solid_window *window, const solid_state *state) {
  place *p = &k->places[slot];
  uint64_t seq = 0;
  if (state->found == SOLID_STATE_NONE) return;
  solid_status status = SOLID_EFORMAT;
  if (state->found == SOLID_STATE_FOUND && state->n_read == state->n_parts) {
    read_parts(k, state->parts, state->n_read);
    status = sol_image_unpack(k->states, slot, k->image_parts, state->n_read, &seq);
  }
  if (!status && seq == state->stamp.seq) {
    p->birth = window->birth, p->seq = p->stored_seq = seq;
    p->stored_events = sol_states_events(k->states, slot);
    if (is_good(k, slot, window)) {
      k->stats.read++;
      return;
    }
  }
  k->stats.refused++;
  sol_states_clear(k->states, slot);
  p->seq = p->stored_seq = p->stored_events = 0;
}

/* States of the wishes that are not in memory, some at a time. */
static solid_status read_states(sol_keeper *k, const sol_wish *wishes, size_t n) {
  size_t which[READ_AT_ONCE], wanted = 0;
  solid_bytes users[READ_AT_ONCE];
  uint64_t births[READ_AT_ONCE];
  solid_state states[READ_AT_ONCE];
  solid_status statuses[READ_AT_ONCE], status = SOLID_OK;
  for (size_t i = 0; i <= n && !status; i++) {
    if (wanted == READ_AT_ONCE || (i == n && wanted)) {
      status = k->store->ops->get_states(k->store, users, births, wanted, states, statuses);
      for (size_t j = 0; j < wanted && !status; j++)
        if (!statuses[j]) take_state(k, k->slot_of[which[j]], wishes[which[j]].window, &states[j]);
      wanted = 0;
    }
    if (i == n || !wishes[i].user.size || !wishes[i].window->birth || is_good(k, k->slot_of[i], wishes[i].window))
      continue;
    which[wanted] = i, users[wanted] = wishes[i].user, births[wanted] = wishes[i].window->birth;
    states[wanted] = (solid_state){.generation = k->generation,
                                   .selector = k->selector,
                                   .count = (uint32_t)k->most,
                                   .parts = k->parts + wanted * k->most,
                                   .room = k->room + wanted * k->image,
                                   .room_size = k->image};
    wanted++;
  }
  return status;
}

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

/* Appends all that the window has to the slot's state; what is long goes at once, short tails are left in `newer`. */
static solid_status prepare(sol_keeper *k, const sol_wish *wish, size_t slot, size_t i, sol_newer *newer) {
  place *p = &k->places[slot];
  solid_window window;
  int good = is_good(k, slot, wish->window);
  if (!good) {
    sol_states_clear(k->states, slot);
    *p = (place){.user = p->user};
    k->stats.made++;
  }
  p->from = p->seq;
  uint64_t need = good ? wish->window->seq - p->seq : k->L;
  solid_status status = read_history(k, wish, need, &window);
  if (status) return status;
  if (good && need > window.count) { /* steps between are gone */
    sol_states_clear(k->states, slot);
    *p = (place){.user = p->user};
    need = k->L;
  }
  if (need < window.count) window.steps += window.count - need, window.count = (size_t)need;
  uint32_t *items = window.count > SOL_KEEPER_TAIL ? k->items : k->tails + i * SOL_KEEPER_TAIL;
  *newer = (sol_newer){slot, items, sol_known_items(k->model, &window, window.count, items)};
  p->birth = window.birth, p->seq = window.seq;
  if (items != k->items) return SOLID_OK;
  const float *h;
  status = sol_states_append(k->states, newer, 1, &h);
  newer->n = 0;
  return status;
}

/* ---- Writing ---- */

static void put_all(sol_keeper *k, size_t n) {
  uint8_t stored[AT_ONCE];
  solid_status statuses[AT_ONCE], status = SOLID_OK;
  if (!n) return;
  status = k->store->ops->put_states(k->store, k->puts, n, stored, statuses);
  for (size_t i = 0; i < n; i++) {
    place *p = &k->places[k->put_slots[i]];
    int is_stored = !status && !statuses[i] && stored[i];
    k->stats.unsaved += !is_stored;
    p->stored_seq = is_stored ? p->seq : 0;
    p->stored_events = is_stored ? sol_states_events(k->states, k->put_slots[i]) : 0;
  }
}

/* Stores the states that moved far enough. The parts of several lie one behind the other in the room. */
static void put_states(sol_keeper *k, const sol_wish *wishes, size_t n) {
  size_t used = 0, parts = 0, puts = 0;
  for (size_t i = 0; i < n; i++) {
    size_t slot = k->slot_of[i];
    place *p = &k->places[slot];
    if (!wishes[i].user.size || !p->birth || !p->seq || (p->stored_seq && p->seq - p->stored_seq < k->behind)) continue;
    if (used + k->image > READ_AT_ONCE * k->image || parts + k->most > READ_AT_ONCE * k->most)
      put_all(k, puts), used = parts = puts = 0;
    sol_image image = {.room = k->room + used, .parts = k->image_parts};
    uint64_t since = p->stored_seq ? p->stored_events : 0;
    if (sol_image_pack(k->states, slot, p->seq, SOL_VALUES_I8, since, &image)) {
      k->stats.unsaved++;
      continue;
    }
    give_parts(&image, k->parts + parts);
    k->put_slots[puts] = slot;
    k->puts[puts++] = (solid_state_put){.user = wishes[i].user,
                                        .stamp = {.birth = p->birth,
                                                  .seq = p->seq,
                                                  .generation = k->generation,
                                                  .selector = k->selector,
                                                  .events = sol_states_events(k->states, slot)},
                                        .after = image.whole ? 0 : p->stored_seq,
                                        .parts = k->parts + parts,
                                        .n = image.n};
    used += (image.bytes + 63) / 64 * 64, parts += image.n;
  }
  put_all(k, puts);
}

/* ---- Wishes ---- */

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
  for (size_t i = 0; i < n; i++) {
    k->slot_of[i] = slot_for(k, wishes[i].user);
    k->mine[k->slot_of[i]] = 1;
    k->places[k->slot_of[i]].used = ++k->now;
    k->stats.cached += wishes[i].user.size && is_good(k, k->slot_of[i], wishes[i].window);
  }
  status = read_states(k, wishes, n);
  for (size_t i = 0; i < n && !status; i++) {
    k->newer[i] = (sol_newer){.slot = k->slot_of[i]};
    if (wishes[i].user.size) status = prepare(k, &wishes[i], k->slot_of[i], i, &k->newer[i]);
  }
  if (!status) status = append(k, n, wishes, 0);
  if (!status) put_states(k, wishes, n);
  if (!status) status = read_sessions(k, wishes, n);
  for (size_t i = 0; i < n; i++) /* what has read a session is of no use to anybody else */
    if (status || wishes[i].n_session || !wishes[i].user.size) forget(k, k->slot_of[i]);
  return status;
}

solid_status sol_keeper_grant(sol_keeper *k, const sol_wish *wishes, size_t n) {
  solid_status status = SOLID_OK;
  for (size_t first = 0; first < n && !status; first += AT_ONCE)
    status = grant(k, wishes + first, n - first < AT_ONCE ? n - first : AT_ONCE);
  return status;
}
