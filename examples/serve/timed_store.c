#include "examples/serve/timed_store.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include <stdlib.h>

typedef struct timed_store {
  solid_store base;
  solid_store *inner;
  timed_store_counts *counts;
} timed_store;

solid_store *timed_store_inner(solid_store *store) {
  return ((timed_store *)store)->inner;
}

static void note(metrics_histogram *histogram, int64_t began_ns) {
  metrics_observe(histogram, (double)(sol_steady_ns() - began_ns) / 1e9);
}

static solid_status timed_advance(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                                  size_t *applied, solid_status *statuses) {
  timed_store *timed = (timed_store *)store;
  int64_t began_ns = sol_steady_ns();
  timed->inner->follows_items = store->follows_items;
  solid_status status = timed->inner->ops->advance(timed->inner, appends, n, windows, applied, statuses);
  note(&timed->counts->advance, began_ns);
  store->items = timed->inner->items;
  return status;
}

static solid_status timed_put_params(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                                     solid_status *statuses) {
  timed_store *timed = (timed_store *)store;
  int64_t began_ns = sol_steady_ns();
  solid_status status = timed->inner->ops->put_params(timed->inner, users, params, n, statuses);
  note(&timed->counts->put_params, began_ns);
  return status;
}

static solid_status timed_get(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                              solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  timed_store *timed = (timed_store *)store;
  int64_t began_ns = sol_steady_ns();
  timed->inner->follows_items = store->follows_items;
  solid_status status = timed->inner->ops->get(timed->inner, users, n, generation, windows, params, found, statuses);
  note(&timed->counts->get, began_ns);
  store->items = timed->inner->items;
  return status;
}

/* ---- Passed on as they are ---- */

static solid_status timed_epoch(solid_store *store, solid_store_epoch *out) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->epoch(inner, out);
}

static solid_status timed_epoch_begin(solid_store *store, int anew, solid_store_epoch *out) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->epoch_begin(inner, anew, out);
}

static solid_status timed_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->stream_load(inner, name, room, size);
}

static solid_status timed_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                      int *saved) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->stream_save(inner, name, seen, record, saved);
}

static solid_status timed_list(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->list(inner, most, cursor, take, take_user);
}

static solid_status timed_items_read(solid_store *store, uint64_t from, size_t most, solid_item_fn take,
                                     void *take_user, solid_items_version *now) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->items_read(inner, from, most, take, take_user, now);
}

static solid_status timed_items_append(solid_store *store, const solid_items_version *seen,
                                       const solid_item_entry *entries, size_t n, solid_items_version *now,
                                       int *appended) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->items_append(inner, seen, entries, n, now, appended);
}

static solid_status timed_items_drop(solid_store *store, const solid_items_version *seen, const uint64_t *numbers,
                                     size_t n, int *dropped) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->items_drop(inner, seen, numbers, n, dropped);
}

static solid_status timed_put_states(solid_store *store, const solid_state_put *puts, size_t n, uint8_t *stored,
                                     solid_status *statuses) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->put_states(inner, puts, n, stored, statuses);
}

static solid_status timed_get_states(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                     solid_state *states, solid_status *statuses) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->get_states(inner, users, births, n, states, statuses);
}

static solid_status timed_forget(solid_store *store, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                                 solid_status *statuses) {
  solid_store *inner = timed_store_inner(store);
  return inner->ops->forget(inner, forgettings, n, had, statuses);
}

static void timed_close(solid_store *store) {
  solid_store_close(timed_store_inner(store));
  free(store);
}

static const solid_store_ops timed_ops = {
    .name = "timed",
    .advance = timed_advance,
    .put_params = timed_put_params,
    .get = timed_get,
    .epoch = timed_epoch,
    .epoch_begin = timed_epoch_begin,
    .stream_load = timed_stream_load,
    .stream_save = timed_stream_save,
    .list = timed_list,
    .close = timed_close,
    .items_read = timed_items_read,
    .items_append = timed_items_append,
    .items_drop = timed_items_drop,
    .put_states = timed_put_states,
    .get_states = timed_get_states,
    .forget = timed_forget,
};

void timed_store_init(timed_store_counts *counts) {
  METRICS_BEGIN(&counts->advance, metrics_short_times);
  METRICS_BEGIN(&counts->put_params, metrics_short_times);
  METRICS_BEGIN(&counts->get, metrics_short_times);
}

solid_status timed_store_wrap(solid_store **store, timed_store_counts *counts) {
  timed_store *timed = calloc(1, sizeof *timed);
  if (!timed) return solid_fail(SOLID_ENOMEM, "out of memory: store");
  *timed = (timed_store){.base = **store, .inner = *store, .counts = counts};
  timed->base.ops = &timed_ops;
  *store = &timed->base;
  return SOLID_OK;
}
