#include "tests/support/fault_store.h"
#include "solid/extend.h"
#include <string.h>

static int due(fault_slot *slot, size_t users) {
  slot->calls++;
  slot->users += users;
  return slot->fail_in && --slot->fail_in == 0;
}

static solid_status fail(const fault_slot *slot, const char *name) {
  return solid_fail(slot->status, "fault store: %s fails as told", name);
}

static int is_named(const char *name, solid_bytes user) {
  return name && strlen(name) == user.size && !memcmp(name, user.data, user.size);
}

static int is_foreign(const fault_store *fault, solid_bytes user) {
  return is_named(fault->foreign, user);
}

static solid_status fault_advance(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                                  size_t *applied, solid_status *statuses) {
  fault_store *fault = (fault_store *)store;
  int fails = due(&fault->advance, n);
  fault->inner->follows_items = store->follows_items;
  if (fails && !fault->advance.after) return fail(&fault->advance, "advance");
  solid_status status = fault->inner->ops->advance(fault->inner, appends, n, windows, applied, statuses);
  store->items = fault->inner->items;
  for (size_t i = 0; i < n && !status; i++)
    if (is_foreign(fault, appends[i].user)) {
      statuses[i] = SOLID_EFORMAT;
      windows[i].count = 0, windows[i].seq = 0;
      if (applied) applied[i] = 0;
    } else if (is_named(fault->newer, appends[i].user)) {
      statuses[i] = solid_fail(SOLID_EUNSUPPORTED, "fault store: %s is newer", fault->newer);
      if (applied) applied[i] = 0;
    }
  return fails ? fail(&fault->advance, "advance") : status;
}

static solid_status fault_put_params(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                                     solid_status *statuses) {
  fault_store *fault = (fault_store *)store;
  int fails = due(&fault->put_params, n);
  if (fails && !fault->put_params.after) return fail(&fault->put_params, "put_params");
  solid_status status = fault->inner->ops->put_params(fault->inner, users, params, n, statuses);
  for (size_t i = 0; i < n && !status; i++)
    if (is_foreign(fault, users[i]))
      statuses[i] = SOLID_EFORMAT;
    else if (is_named(fault->newer_params, users[i]))
      statuses[i] = solid_fail(SOLID_EUNSUPPORTED, "fault store: %s is newer", fault->newer_params);
  return fails ? fail(&fault->put_params, "put_params") : status;
}

static solid_status fault_get(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                              solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  fault_store *fault = (fault_store *)store;
  int fails = due(&fault->get, n);
  fault->inner->follows_items = store->follows_items;
  if (fails && !fault->get.after) return fail(&fault->get, "get");
  solid_status status = fault->inner->ops->get(fault->inner, users, n, generation, windows, params, found, statuses);
  store->items = fault->inner->items;
  for (size_t i = 0; i < n && !status; i++)
    if (is_foreign(fault, users[i])) {
      statuses[i] = SOLID_EFORMAT;
      windows[i].count = 0, windows[i].seq = 0, found[i] = 0;
    }
  return fails ? fail(&fault->get, "get") : status;
}

static solid_status fault_epoch(solid_store *store, solid_store_epoch *out) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->epoch(inner, out);
}

static solid_status fault_epoch_begin(solid_store *store, int anew, solid_store_epoch *out) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->epoch_begin(inner, anew, out);
}

static solid_status fault_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->stream_load(inner, name, room, size);
}

static solid_status fault_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                      int *saved) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->stream_save(inner, name, seen, record, saved);
}

static solid_status fault_list(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->list(inner, most, cursor, take, take_user);
}

static solid_status fault_safe_age(solid_store *store, int64_t *age_ms) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->safe_age(inner, age_ms);
}

static solid_status fault_items_read(solid_store *store, uint64_t from, size_t most, solid_item_fn take,
                                     void *take_user, solid_items_version *now) {
  fault_store *fault = (fault_store *)store;
  solid_store *inner = fault->inner;
  if (due(&fault->items_read, 0)) return fail(&fault->items_read, "items_read");
  return inner->ops->items_read(inner, from, most, take, take_user, now);
}

static solid_status fault_items_append(solid_store *store, const solid_items_version *seen,
                                       const solid_item_entry *entries, size_t n, solid_items_version *now,
                                       int *appended) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->items_append(inner, seen, entries, n, now, appended);
}

static solid_status fault_items_drop(solid_store *store, const solid_items_version *seen, const uint64_t *numbers,
                                     size_t n, int *dropped) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->items_drop(inner, seen, numbers, n, dropped);
}

static solid_status fault_put_states(solid_store *store, const solid_state_put *puts, size_t n, uint8_t *stored,
                                     solid_status *statuses) {
  fault_store *fault = (fault_store *)store;
  int fails = due(&fault->put_states, n);
  if (fails && !fault->put_states.after) return fail(&fault->put_states, "put_states");
  solid_status status = fault->inner->ops->put_states(fault->inner, puts, n, stored, statuses);
  return fails ? fail(&fault->put_states, "put_states") : status;
}

static solid_status fault_get_states(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                     solid_state *states, solid_status *statuses) {
  solid_store *inner = ((fault_store *)store)->inner;
  return inner->ops->get_states(inner, users, births, n, states, statuses);
}

static solid_status fault_forget(solid_store *store, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                                 solid_status *statuses) {
  fault_store *fault = (fault_store *)store;
  int fails = due(&fault->forget, n);
  if (fails && !fault->forget.after) return fail(&fault->forget, "forget");
  solid_status status = fault->inner->ops->forget(fault->inner, forgettings, n, had, statuses);
  for (size_t i = 0; i < n && !status; i++)
    if (is_named(fault->newer, forgettings[i].user))
      statuses[i] = solid_fail(SOLID_EUNSUPPORTED, "fault store: %s is newer", fault->newer);
  return fails ? fail(&fault->forget, "forget") : status;
}

static void fault_close(solid_store *store) {
  (void)store;
}

static const solid_store_ops fault_ops = {
    .name = "fault",
    .advance = fault_advance,
    .put_params = fault_put_params,
    .get = fault_get,
    .epoch = fault_epoch,
    .epoch_begin = fault_epoch_begin,
    .stream_load = fault_stream_load,
    .stream_save = fault_stream_save,
    .list = fault_list,
    .close = fault_close,
    .items_read = fault_items_read,
    .items_append = fault_items_append,
    .items_drop = fault_items_drop,
    .safe_age = fault_safe_age,
    .put_states = fault_put_states,
    .get_states = fault_get_states,
    .forget = fault_forget,
};

void fault_store_wrap(fault_store *store, solid_store *inner) {
  *store = (fault_store){.base = *inner, .inner = inner};
  store->base.ops = &fault_ops;
}
