/* Items that join the generations of a slot. */
#include "solid/extend.h"
#include "solid/serve/slot_parts.h"

solid_status sol_slot_bring(solid_slot *slot, solid_model **model) {
  if (!slot->items) return SOLID_OK;
  solid_model *given = *model;
  solid_status status = solid_item_log_apply(slot->items, given, SIZE_MAX, NULL);
  while (status == SOLID_EFULL) {
    solid_model *larger = NULL;
    solid_item_log_info info = {.struct_size = sizeof info};
    status = solid_item_log_get_info(slot->items, &info);
    if (!status) status = solid_model_grow(&larger, *model, info.items);
    if (*model != given) solid_model_free(*model);
    *model = status ? given : larger;
    if (!status) status = solid_item_log_apply(slot->items, larger, SIZE_MAX, NULL);
  }
  if (status && *model != given) {
    solid_model_free(*model);
    *model = given;
  }
  return status == SOLID_EUNSUPPORTED ? SOLID_OK : status;
}

void sol_slot_replace(solid_slot *slot, sol_generation *old, sol_generation *made) {
  sol_generation *unused = made;
  pthread_mutex_lock(&slot->lock);
  sol_generation **at = &slot->list;
  while (*at && *at != old) at = &(*at)->next;
  if (*at) {
    made->next = old->next;
    made->is_new = old->is_new;
    *at = made;
    slot->count++;
    unused = sol_slot_drop(slot, old);
  }
  pthread_mutex_unlock(&slot->lock);
  sol_generation_end(unused);
}

/* What one generation lacks of the log; the caller holds a reference. */
static solid_status tend(solid_slot *slot, sol_generation *of) {
  solid_model *used = of->model;
  sol_generation *made = NULL;
  solid_status status = sol_slot_bring(slot, &used);
  if (status || used == of->model) return status;
  status = sol_generation_new(slot, used, of->id, &made);
  if (status)
    solid_model_free(used);
  else
    sol_slot_replace(slot, of, made);
  return status;
}

/* The generation behind `before` in the list, with a reference; NULL = the last one. */
static sol_generation *next_of(solid_slot *slot, uint64_t before) {
  sol_generation *at = slot->list;
  if (before) {
    while (at && at->id != before) at = at->next;
    at = at ? at->next : NULL;
  }
  if (at) at->references++;
  return at;
}

solid_status solid_slot_tend(solid_slot *slot, solid_store *store) {
  if (!slot || !store) return solid_fail(SOLID_EINVAL, "slot: slot or store is NULL");
  if (!slot->items) return SOLID_OK;
  solid_status status = solid_item_log_follow(slot->items, store);
  for (uint64_t before = 0; !status;) {
    pthread_mutex_lock(&slot->lock);
    sol_generation *of = next_of(slot, before);
    pthread_mutex_unlock(&slot->lock);
    if (!of) break;
    before = of->id;
    status = tend(slot, of);
    pthread_mutex_lock(&slot->lock);
    sol_generation *unused = sol_slot_drop(slot, of);
    pthread_mutex_unlock(&slot->lock);
    sol_generation_end(unused);
  }
  return status;
}
