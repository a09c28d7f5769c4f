/* A mutex, a list of generations, counted references. The list holds one reference of each generation that is ready or
 * live; a taken seat holds one more. */
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/slot_parts.h"
#include <stdlib.h>

enum { SWITCH_TRIES = 20 };

/* ---- Generations ---- */

/* Frees all but the model. */
static void generation_free(sol_generation *made) {
  for (uint32_t i = 0; i < made->n_seats; i++) {
    solid_recommender_free(made->seats[i].seat.recommender);
    solid_pipeline_free(made->seats[i].seat.pipeline);
  }
  solid_neighbours_free(made->neighbours);
  free(made);
}

static solid_status build_seats(solid_slot *slot, sol_generation *made) {
  solid_status status = slot->has_neighbours ? solid_neighbours_new(&made->neighbours, made->model) : SOLID_OK;
  for (uint32_t i = 0; i < made->n_seats && !status; i++) {
    solid_seat *seat = &made->seats[i].seat;
    made->seats[i].of = made;
    seat->model = made->model;
    seat->neighbours = made->neighbours;
    seat->generation = made->id;
    status = solid_recommender_new(&seat->recommender, made->model, slot->stores[i], &slot->recommender);
    if (!status && slot->has_pipelines)
      status = solid_pipeline_new(&seat->pipeline, made->model, slot->stores[i], &slot->pipeline);
  }
  return status ? status : sol_slot_try(made->seats[0].seat.recommender, made->model);
}

static sol_generation *find(const solid_slot *slot, uint64_t id) {
  sol_generation *at = slot->list;
  while (at && at->id != id) at = at->next;
  return at;
}

sol_generation *sol_slot_drop(solid_slot *slot, sol_generation *made) {
  if (--made->references) return NULL;
  slot->count--;
  return made;
}

void sol_generation_end(sol_generation *made) {
  if (!made) return;
  solid_model *model = made->model;
  generation_free(made);
  solid_model_free(model);
}

/* Removes from the list what the record does not name; returns, linked, the generations that nobody uses. */
static sol_generation *unlist(solid_slot *slot, const solid_live *live) {
  sol_generation *unused = NULL;
  for (sol_generation **at = &slot->list; *at;) {
    sol_generation *made = *at;
    int is_named = live && (made->id == live->current || made->id == live->previous);
    if (is_named || (live && made->is_new)) {
      made->is_new = made->is_new && !is_named;
      at = &made->next;
      continue;
    }
    *at = made->next;
    if (!sol_slot_drop(slot, made)) continue;
    made->next = unused;
    unused = made;
  }
  return unused;
}

static void end_all(sol_generation *unused) {
  while (unused) {
    sol_generation *made = unused;
    unused = made->next;
    sol_generation_end(made);
  }
}

/* ---- The slot ---- */

solid_slot_options solid_slot_options_default(void) {
  return (solid_slot_options)SOLID_SLOT_OPTIONS_INIT;
}

solid_status solid_slot_new(solid_slot **out, const solid_slot_options *options) {
  solid_slot_options all = SOLID_SLOT_OPTIONS_INIT;
  if (!out) return solid_fail(SOLID_EINVAL, "slot: out is NULL");
  solid_status status = sol_struct_take(&all, sizeof all, options, "slot options");
  if (status) return status;
  if (!all.seats || !all.stores) return solid_fail(SOLID_EINVAL, "slot: no seats, or no stores");
  for (uint32_t i = 0; i < all.seats; i++)
    if (!all.stores[i]) return solid_fail(SOLID_EINVAL, "slot: seat %u has no store", i);
  solid_slot *slot = calloc(1, sizeof *slot);
  if (!slot) return solid_fail(SOLID_ENOMEM, "out of memory: slot");
  slot->recommender = solid_recommender_options_default();
  slot->pipeline = solid_pipeline_options_default();
  slot->has_pipelines = all.pipeline != NULL;
  slot->has_neighbours = all.neighbours != 0;
  slot->items = all.items;
  slot->n_seats = all.seats;
  slot->stores = calloc(all.seats, sizeof *slot->stores);
  if (!slot->stores) status = solid_fail(SOLID_ENOMEM, "out of memory: slot of %u seats", all.seats);
  if (!status) status = sol_struct_take(&slot->recommender, sizeof slot->recommender, all.recommender, "slot");
  if (!status) status = sol_struct_take(&slot->pipeline, sizeof slot->pipeline, all.pipeline, "slot");
  slot->recommender.items = slot->pipeline.items = all.items;
  for (uint32_t i = 0; i < all.seats && all.items; i++) all.stores[i]->follows_items = 1;
  if (!status && pthread_mutex_init(&slot->lock, NULL)) status = solid_fail(SOLID_ENOMEM, "slot: mutex");
  if (status) {
    free(slot->stores);
    free(slot);
    return status;
  }
  for (uint32_t i = 0; i < all.seats; i++) slot->stores[i] = all.stores[i];
  *out = slot;
  return SOLID_OK;
}

void solid_slot_free(solid_slot *slot) {
  if (!slot) return;
  end_all(unlist(slot, NULL));
  pthread_mutex_destroy(&slot->lock);
  free(slot->stores);
  free(slot);
}

solid_status sol_generation_new(solid_slot *slot, solid_model *model, uint64_t id, sol_generation **out) {
  sol_generation *made = calloc(1, sizeof *made + slot->n_seats * sizeof made->seats[0]);
  if (!made) return solid_fail(SOLID_ENOMEM, "out of memory: generation of %u seats", slot->n_seats);
  *made = (sol_generation){.model = model, .id = id, .references = 1, .is_new = 1};
  made->n_seats = slot->n_seats;
  solid_status status = build_seats(slot, made);
  if (status)
    generation_free(made);
  else
    *out = made;
  return status;
}

/* Under the lock. One whose file was spoilt is there in vain: the same file, loaded again, takes its place. */
static int is_sound(const sol_generation *made) {
  return made && !sol_model_is_spoilt(made->model);
}

/* Into the list, unless another thread added it meanwhile. */
static void enlist(solid_slot *slot, sol_generation *made) {
  sol_generation *unused = NULL;
  pthread_mutex_lock(&slot->lock);
  sol_generation *old = find(slot, made->id);
  int is_twin = is_sound(old);
  if (!old) {
    made->next = slot->list;
    slot->list = made;
    slot->count++;
  } else if (!is_twin) {
    old->references++;
  }
  pthread_mutex_unlock(&slot->lock);
  if (is_twin) sol_generation_end(made);
  if (!old || is_twin) return;
  sol_slot_replace(slot, old, made);
  pthread_mutex_lock(&slot->lock);
  unused = sol_slot_drop(slot, old);
  pthread_mutex_unlock(&slot->lock);
  sol_generation_end(unused);
}

solid_status solid_slot_add(solid_slot *slot, solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  if (!slot || !model) return solid_fail(SOLID_EINVAL, "slot: slot or model is NULL");
  solid_status status = solid_model_get_info(model, &info);
  if (status) return status;
  pthread_mutex_lock(&slot->lock);
  int is_there = is_sound(find(slot, info.generation));
  pthread_mutex_unlock(&slot->lock);
  if (is_there) {
    solid_model_free(model);
    return SOLID_OK;
  }
  sol_generation *made = NULL;
  solid_model *used = model;
  status = sol_slot_bring(slot, &used);
  if (!status) status = sol_generation_new(slot, used, info.generation, &made);
  if (used != model) solid_model_free(status ? used : model);
  if (!status) enlist(slot, made);
  return status;
}

int solid_slot_holds(solid_slot *slot, uint64_t id) {
  if (!slot) return 0;
  pthread_mutex_lock(&slot->lock);
  int holds = find(slot, id) != NULL;
  pthread_mutex_unlock(&slot->lock);
  return holds;
}

/* Under the lock. */
static solid_status check_held(const solid_slot *slot, const solid_live *live) {
  if (!live->version) return solid_fail(SOLID_EINVAL, "slot: nobody has recorded which generations are live");
  uint64_t missing = 0;
  if (!find(slot, live->current)) missing = live->current;
  if (!missing && live->previous && live->share < SOLID_SHARES && !find(slot, live->previous)) missing = live->previous;
  if (!missing) return SOLID_OK;
  return solid_fail(SOLID_ENOTFOUND, "slot: generation %016llx is live and not loaded: load its model file",
                    (unsigned long long)missing);
}

solid_status solid_slot_follow(solid_slot *slot, const solid_live *live) {
  if (!slot || !live) return solid_fail(SOLID_EINVAL, "slot: slot or live is NULL");
  sol_generation *unused = NULL;
  pthread_mutex_lock(&slot->lock);
  solid_status status = check_held(slot, live);
  if (!status) {
    slot->live = *live;
    unused = unlist(slot, live);
  }
  pthread_mutex_unlock(&slot->lock);
  end_all(unused);
  return status;
}

/* A generation that did not become live is freed with the next record. */
static void forget_new(solid_slot *slot, uint64_t id) {
  pthread_mutex_lock(&slot->lock);
  sol_generation *made = find(slot, id);
  if (made) made->is_new = 0;
  pthread_mutex_unlock(&slot->lock);
}

solid_status solid_slot_switch(solid_slot *slot, solid_store *store, uint64_t id, uint32_t share) {
  if (!slot || !store) return solid_fail(SOLID_EINVAL, "slot: slot or store is NULL");
  solid_status status = SOLID_EMISMATCH;
  for (int i = 0; i < SWITCH_TRIES && status == SOLID_EMISMATCH; i++) {
    solid_live live = {0};
    status = solid_live_read(store, &live);
    if (status) return status;
    if (live.current == id && (live.share == share || !live.previous)) return solid_slot_follow(slot, &live);
    solid_live next = {live.version + 1, id, live.current != id ? live.current : live.previous, share};
    if (!next.previous) next.share = SOLID_SHARES;
    pthread_mutex_lock(&slot->lock);
    status = check_held(slot, &next);
    pthread_mutex_unlock(&slot->lock);
    if (!status) status = solid_live_write(store, &next);
    if (!status) status = solid_slot_follow(slot, &next);
  }
  if (status) forget_new(slot, id);
  return status;
}

solid_live solid_slot_get_live(solid_slot *slot) {
  pthread_mutex_lock(&slot->lock);
  solid_live live = slot->live;
  pthread_mutex_unlock(&slot->lock);
  return live;
}

size_t solid_slot_count(solid_slot *slot) {
  if (!slot) return 0;
  pthread_mutex_lock(&slot->lock);
  size_t count = slot->count;
  pthread_mutex_unlock(&slot->lock);
  return count;
}

solid_status solid_slot_take(solid_slot *slot, uint32_t seat, solid_bytes user, const solid_seat **out) {
  if (!slot || !out || seat >= slot->n_seats) return solid_fail(SOLID_EINVAL, "slot: no such seat");
  pthread_mutex_lock(&slot->lock);
  sol_generation *made = slot->live.version ? find(slot, solid_live_generation(&slot->live, user)) : NULL;
  if (made) made->references++;
  pthread_mutex_unlock(&slot->lock);
  if (!made) return solid_fail(SOLID_ENOTFOUND, "slot: no model is live yet");
  *out = &made->seats[seat].seat;
  return SOLID_OK;
}

void solid_slot_give(solid_slot *slot, const solid_seat *seat) {
  if (!slot || !seat) return;
  sol_generation *made = ((const sol_slot_seat *)(const void *)seat)->of;
  pthread_mutex_lock(&slot->lock);
  sol_generation *unused = sol_slot_drop(slot, made);
  pthread_mutex_unlock(&slot->lock);
  sol_generation_end(unused);
}
