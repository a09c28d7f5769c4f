/* Something new into the log. */
#include "solid/extend.h"
#include "solid/model.h"
#include "solid/serve/item_log_parts.h"
#include <stdlib.h>

enum { ADD_TRIES = 20 };

static int same_description(const solid_item_entry *a, const solid_item_entry *b) {
  if (!sol_same_bytes(a->title, b->title) || a->n_attributes != b->n_attributes || a->width != b->width) return 0;
  for (size_t i = 0; i < a->n_attributes; i++)
    if (!sol_same_bytes(a->attributes[i], b->attributes[i])) return 0;
  return !a->width || memcmp(a->vector, b->vector, a->width * sizeof *a->vector) == 0;
}

/* 1 if it says nothing that the log does not say already. Under the lock. */
static int is_known(const solid_item_log *log, const solid_item_entry *entry) {
  uint32_t at = sol_item_log_find(log, solid_item_hash(entry->id));
  const sol_log_item *item = at == SOL_NO_NUMBER ? NULL : &log->items[at];
  switch (entry->kind) {
  case SOLID_ITEM_ADDED:
    return item && item->number && same_description(&item->entry, entry);
  case SOLID_ITEM_HIDDEN:
    return item && item->is_hidden;
  case SOLID_ITEM_SHOWN:
    return !item || !item->is_hidden;
  }
  return item && item->is_removed && !item->is_hidden; /* the removal says that it is not, too */
}

/* Up to SOLID_ITEMS_AT_ONCE entries that say something new, from *at on; none of them about an item that one before it
 * is about, of which it could not be told. Returns how many. */
static size_t gather(const solid_item_log *log, const solid_item_entry *entries, size_t n, int64_t now_ms, size_t *at,
                     solid_status *verdicts, solid_item_entry *fresh, uint64_t *hashes) {
  size_t count = 0;
  for (; *at < n && count < SOLID_ITEMS_AT_ONCE; ++*at) {
    const solid_item_entry *entry = &entries[*at];
    verdicts[*at] = solid_item_check(entry);
    if (verdicts[*at]) continue;
    uint64_t hash = solid_item_hash(entry->id);
    size_t i = 0;
    while (i < count && hashes[i] != hash) i++;
    if (i < count) break;
    verdicts[*at] = is_known(log, entry) ? SOLID_EDUPLICATE : SOLID_OK;
    if (verdicts[*at]) continue;
    fresh[count] = *entry;
    if (!fresh[count].time_ms) fresh[count].time_ms = now_ms;
    hashes[count++] = hash;
  }
  return count;
}

typedef struct adding {
  solid_item_entry fresh[SOLID_ITEMS_AT_ONCE];
  uint64_t hashes[SOLID_ITEMS_AT_ONCE];
} adding;

/* One append: entries from *at on, of a log that was read, and into what is known of it, so that no question is told of
 * them by the store before. *appended = 0: another process was first. */
static solid_status append_piece(solid_item_log *log, solid_store *store, const solid_item_entry *entries, size_t n,
                                 int64_t now_ms, size_t *at, solid_status *verdicts, adding *a, int *appended) {
  size_t next = *at;
  solid_items_version now;
  solid_status status = SOLID_OK;
  pthread_mutex_lock(&log->lock);
  size_t count = gather(log, entries, n, now_ms, &next, verdicts, a->fresh, a->hashes);
  solid_items_version seen = log->version;
  pthread_mutex_unlock(&log->lock);
  *appended = count == 0;
  if (count) status = store->ops->items_append(store, &seen, a->fresh, count, &now, appended);
  if (status || !*appended) return status;
  *at = next;
  return count ? sol_item_log_take(log, &seen, &now, a->fresh, count) : SOLID_OK;
}

/* Where another process appends meanwhile, what it said is read, and what is left to say said again. */
static solid_status add(solid_item_log *log, solid_store *store, const solid_item_entry *entries, size_t n,
                        int64_t now_ms, solid_status *verdicts, adding *a) {
  solid_status status = solid_item_log_follow(log, store);
  for (size_t at = 0, tries = 0; at < n && !status;) {
    int appended = 0;
    status = append_piece(log, store, entries, n, now_ms, &at, verdicts, a, &appended);
    tries = appended ? 0 : tries + 1;
    if (!status && tries == ADD_TRIES)
      status = solid_fail(SOLID_EIO, "item log: others append to it all the time: %zu tries", tries);
    if (!status && !appended) status = solid_item_log_follow(log, store);
  }
  return status;
}

solid_status solid_item_log_add(solid_item_log *log, solid_store *store, const solid_item_entry *entries, size_t n,
                                int64_t now_ms, solid_status *verdicts) {
  if (!log || !store || (n && (!entries || !verdicts)))
    return solid_fail(SOLID_EINVAL, "item log: an argument is NULL");
  adding *a = calloc(1, sizeof *a);
  if (!a) return solid_fail(SOLID_ENOMEM, "out of memory: %zu entries", n);
  pthread_mutex_lock(&log->adding); /* threads of one process wait for one another instead of trying in vain */
  solid_status status = add(log, store, entries, n, now_ms, verdicts, a);
  if (!status) sol_item_log_trim(log, store);
  pthread_mutex_unlock(&log->adding);
  free(a);
  return status;
}
