#include "examples/common/store_streams.h"
#include "solid/extend.h"
#include <string.h>

solid_status store_watched_note(store_watched *watched, solid_status status) {
  watched->is_away = solid_status_is_retriable(status);
  return status;
}

static solid_status load(void *user, solid_bytes name, void *room, size_t *size) {
  store_watched *watched = user;
  solid_store *store = watched->store;
  return store_watched_note(watched, store->ops->stream_load(store, name, room, size));
}

static solid_status save(void *user, solid_bytes name, solid_bytes seen, solid_bytes record, int *saved) {
  store_watched *watched = user;
  solid_store *store = watched->store;
  return store_watched_note(watched, store->ops->stream_save(store, name, seen, record, saved));
}

/* Committed offsets describe a store only while it still has the contents that were filled up to them. */
static solid_status epoch_of(solid_store *store, const uint8_t *committed, uint8_t *out) {
  solid_store_epoch there;
  solid_status status = SOLID_OK;
  if (committed) {
    status = store->ops->epoch(store, &there);
    if (status != SOLID_OK && status != SOLID_ENOTFOUND) return status;
    if (status == SOLID_ENOTFOUND || memcmp(there.bytes, committed, sizeof there.bytes) != 0)
      return solid_fail(
          SOLID_ELOST,
          "the store %s, and the group has committed what that held: an emptied server, one that started "
          "without its data, or another one? restore its data, rebuild it, or give another group or prefix",
          status == SOLID_ENOTFOUND ? "has lost its contents" : "has other contents than before");
  }
  status = store->ops->epoch_begin(store, 0, &there);
  if (status == SOLID_OK) memcpy(out, there.bytes, sizeof there.bytes);
  return status;
}

static solid_status epoch(void *user, const uint8_t *committed, uint8_t *out) {
  store_watched *watched = user;
  return store_watched_note(watched, epoch_of(watched->store, committed, out));
}

static solid_status safe_age(void *user, int64_t *age_ms) {
  store_watched *watched = user;
  solid_store *store = watched->store;
  return store_watched_note(watched, store->ops->safe_age(store, age_ms));
}

solid_streams store_streams(store_watched *watched) {
  return (solid_streams){watched, load, save, epoch, safe_age};
}
