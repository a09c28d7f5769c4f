#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/serve/item_log_parts.h"
#include <stdlib.h>

/* ---- Entries ---- */

static char *put(char **at, const void *data, size_t size) {
  char *start = *at;
  if (size) memcpy(start, data, size);
  *at += size;
  return start;
}

/* A copy in one block, which begins with the vector; 0: no memory. */
static int copy_entry(solid_item_entry *to, const solid_item_entry *from) {
  size_t vector = from->width * sizeof(float), size = from->id.size + from->title.size;
  vector = (vector + sizeof(solid_bytes) - 1) / sizeof(solid_bytes) * sizeof(solid_bytes);
  for (size_t i = 0; i < from->n_attributes; i++) size += from->attributes[i].size;
  char *block = malloc(vector + from->n_attributes * sizeof(solid_bytes) + size + 1);
  if (!block) return 0;
  solid_bytes *attributes = (solid_bytes *)(void *)(block + vector);
  char *at = (char *)(attributes + from->n_attributes);
  *to = *from;
  to->vector = (const float *)(void *)block;
  if (from->width) memcpy(block, from->vector, from->width * sizeof(float));
  to->attributes = attributes;
  to->id.data = put(&at, from->id.data, from->id.size);
  to->title.data = put(&at, from->title.data, from->title.size);
  for (size_t i = 0; i < from->n_attributes; i++)
    attributes[i] =
        (solid_bytes){put(&at, from->attributes[i].data, from->attributes[i].size), from->attributes[i].size};
  return 1;
}

static void free_entry(solid_item_entry *entry) {
  union {
    const float *borrowed;
    void *owned;
  } block = {entry->vector};
  free(block.owned);
  *entry = (solid_item_entry){.kind = 0};
}

/* ---- The state ---- */

static int same_hash(const void *owner, uint32_t number, const void *key) {
  const solid_item_log *log = owner;
  return log->items[number].hash == *(const uint64_t *)key;
}

uint32_t sol_item_log_find(const solid_item_log *log, uint64_t hash) {
  return sol_table_find(&log->by_hash, hash, same_hash, log, &hash);
}

static void forget_all(solid_item_log *log) {
  for (uint32_t i = 0; i < log->count; i++) free_entry(&log->items[i].entry);
  log->count = 0;
  log->unreadable = log->superseded = log->counting = log->trim_from = 0;
  log->version = (solid_items_version){.count = 0};
  atomic_store(&log->entries, 0);
  sol_table_empty(&log->by_hash);
}

/* The item of this id, which is made where there is none; SOL_NO_NUMBER: no memory. */
static uint32_t item_of(solid_item_log *log, solid_bytes id) {
  uint64_t hash = solid_item_hash(id);
  uint32_t at = sol_item_log_find(log, hash);
  if (at != SOL_NO_NUMBER) return at;
  if (log->count == log->room) {
    uint32_t room = log->room ? 2 * log->room : 64;
    sol_log_item *items = realloc(log->items, room * sizeof *items);
    if (!items) return SOL_NO_NUMBER;
    log->items = items, log->room = room;
  }
  if (!sol_table_reserve(&log->by_hash, (size_t)log->count + 1)) return SOL_NO_NUMBER;
  log->items[log->count] = (sol_log_item){.hash = hash};
  sol_table_add(&log->by_hash, hash, log->count);
  return log->count++;
}

/* The newest word of a kind; the one before, if any, says nothing any more. */
static void say_again(solid_item_log *log, uint64_t *newest, uint64_t number) {
  log->superseded += *newest > 0;
  log->counting += (number > 0) - (uint64_t)(*newest > 0);
  *newest = number;
}

/* What an entry, whose number is `number`, changes of its item. Which entries still count: the description, the last
 * word about hiding and the last removal, each unless what came behind makes it none. The removal stays behind an item
 * that was added again, for who has read the item hidden before it. 0: no memory. */
static int take_word(solid_item_log *log, sol_log_item *item, const solid_item_entry *entry, uint64_t number) {
  solid_item_entry copy;
  switch (entry->kind) {
  case SOLID_ITEM_ADDED:
    if (!copy_entry(&copy, entry)) return 0;
    free_entry(&item->entry);
    item->entry = copy;
    say_again(log, &item->number, number);
    item->is_removed = 0;
    break;
  case SOLID_ITEM_HIDDEN:
  case SOLID_ITEM_SHOWN:
    say_again(log, &item->shown, number);
    item->is_hidden = entry->kind == SOLID_ITEM_HIDDEN;
    break;
  case SOLID_ITEM_REMOVED:
    say_again(log, &item->removed, number);
    say_again(log, &item->shown, 0);
    say_again(log, &item->number, 0);
    item->is_removed = 1;
    item->is_hidden = 0;
    free_entry(&item->entry);
  }
  return 1;
}

/* One read of the store: its entries count if the log turns out to be the one that was read so far. */
typedef struct reading {
  solid_item_log *log;
  uint64_t numbers[SOLID_ITEMS_AT_ONCE];
  solid_item_entry entries[SOLID_ITEMS_AT_ONCE]; /* copies; kind UINT32_MAX = one that could not be read */
  size_t n;
  int is_short; /* of memory */
} reading;

static void keep(void *user, uint64_t number, const solid_item_entry *entry) {
  reading *r = user;
  if (r->is_short || r->n == SOLID_ITEMS_AT_ONCE) return;
  solid_item_entry *to = &r->entries[r->n];
  r->numbers[r->n] = number;
  if (!entry) {
    sol_log(r->log->ctx, SOLID_LOG_WARN, "item log: entry %llu is passed over: %s", (unsigned long long)number,
            solid_last_error());
    *to = (solid_item_entry){.kind = UINT32_MAX};
  } else if (!copy_entry(to, entry)) {
    r->is_short = 1;
    return;
  }
  r->n++;
}

static int reserve_order(solid_item_log *log, uint64_t count) {
  if (count <= log->order_room) return 1;
  size_t room = count < 256 ? 256 : 2 * (size_t)count;
  uint32_t *order = realloc(log->order, room * sizeof *order);
  if (!order) return 0;
  log->order = order, log->order_room = room;
  return 1;
}

/* Entry `number`, the next one, or one behind some that were dropped. */
static solid_status take_entry(solid_item_log *log, uint64_t number, const solid_item_entry *entry) {
  uint32_t item = SOL_NO_NUMBER;
  if (!reserve_order(log, number))
    return solid_fail(SOLID_ENOMEM, "out of memory: item log of %llu entries", (unsigned long long)number);
  if (entry->kind == UINT32_MAX) {
    log->unreadable++;
  } else {
    item = item_of(log, entry->id);
    if (item == SOL_NO_NUMBER || !take_word(log, &log->items[item], entry, number))
      return solid_fail(SOLID_ENOMEM, "out of memory: item log of %llu entries", (unsigned long long)number);
  }
  while (log->version.count + 1 < number) log->order[log->version.count++] = SOL_NO_NUMBER;
  log->order[log->version.count++] = item;
  atomic_store(&log->entries, log->version.count);
  return SOLID_OK;
}

/* 1 if what was read so far is the beginning of `now`. */
static int goes_on(const solid_items_version *read, const solid_items_version *now) {
  return !read->count || (now->count >= read->count && memcmp(read->log, now->log, sizeof now->log) == 0);
}

/* What was read, into the log, which nobody has changed since: `reading` is held. *more = 1 if there are more. */
static solid_status take_read(solid_item_log *log, const reading *r, const solid_items_version *now, int *more) {
  solid_status status = SOLID_OK;
  if (!goes_on(&log->version, now)) {
    sol_log(log->ctx, SOLID_LOG_WARN, "item log: it is another one than before, of %llu entries: it is read anew",
            (unsigned long long)now->count);
    forget_all(log);
    *more = now->count > 0;
    return SOLID_OK;
  }
  memcpy(log->version.log, now->log, sizeof now->log);
  for (size_t i = 0; i < r->n && !status; i++) status = take_entry(log, r->numbers[i], &r->entries[i]);
  *more = log->version.count < now->count;
  return status;
}

static solid_status read_piece(solid_item_log *log, solid_store *store, reading *r, int *more) {
  solid_items_version now;
  r->log = log;
  solid_status status = store->ops->items_read(store, log->version.count, SOLID_ITEMS_AT_ONCE, keep, r, &now);
  if (!status && r->is_short) status = solid_fail(SOLID_ENOMEM, "out of memory: item log");
  if (!status) {
    pthread_mutex_lock(&log->lock);
    status = take_read(log, r, &now, more);
    pthread_mutex_unlock(&log->lock);
  }
  for (size_t i = 0; i < r->n; i++) free_entry(&r->entries[i]);
  return status;
}

solid_status sol_item_log_take(solid_item_log *log, const solid_items_version *seen, const solid_items_version *now,
                               const solid_item_entry *entries, size_t n) {
  solid_status status = SOLID_OK;
  pthread_mutex_lock(&log->reading);
  pthread_mutex_lock(&log->lock);
  int is_as_seen =
      log->version.count == seen->count && (!seen->count || !memcmp(log->version.log, seen->log, sizeof seen->log));
  if (is_as_seen) memcpy(log->version.log, now->log, sizeof now->log);
  for (size_t i = 0; i < n && is_as_seen && !status; i++) status = take_entry(log, log->version.count + 1, &entries[i]);
  pthread_mutex_unlock(&log->lock);
  pthread_mutex_unlock(&log->reading);
  return status;
}

int sol_item_log_knows(solid_item_log *log, const solid_items_version *told) {
  pthread_mutex_lock(&log->lock);
  int is_known =
      told->count && log->version.count >= told->count && memcmp(log->version.log, told->log, sizeof told->log) == 0;
  pthread_mutex_unlock(&log->lock);
  return is_known;
}

solid_status sol_item_log_read_piece(solid_item_log *log, solid_store *store, const solid_items_version *told,
                                     int *more) {
  reading *r = calloc(1, sizeof *r);
  solid_status status = SOLID_OK;
  *more = 0;
  if (!r) return solid_fail(SOLID_ENOMEM, "out of memory: item log");
  pthread_mutex_lock(&log->reading);
  if (!told || !sol_item_log_knows(log, told)) status = read_piece(log, store, r, more);
  pthread_mutex_unlock(&log->reading);
  free(r);
  return status;
}

solid_status solid_item_log_follow(solid_item_log *log, solid_store *store) {
  int more = 1;
  solid_status status = SOLID_OK;
  if (!log || !store) return solid_fail(SOLID_EINVAL, "item log: log or store is NULL");
  if (!store->ops->items_read || !store->ops->items_append)
    return solid_fail(SOLID_EUNSUPPORTED, "store %s keeps no item log", store->ops->name);
  while (!status && more) status = sol_item_log_read_piece(log, store, NULL, &more);
  return status;
}

/* ---- The object ---- */

solid_status solid_item_log_new(solid_item_log **out, const solid_context *ctx) {
  if (!out) return solid_fail(SOLID_EINVAL, "item log: out is NULL");
  solid_item_log *log = calloc(1, sizeof *log);
  if (!log || pthread_mutex_init(&log->lock, NULL) || pthread_mutex_init(&log->reading, NULL) ||
      pthread_mutex_init(&log->adding, NULL)) {
    free(log);
    return solid_fail(SOLID_ENOMEM, "out of memory: item log");
  }
  log->ctx = ctx;
  *out = log;
  return SOLID_OK;
}

void solid_item_log_free(solid_item_log *log) {
  if (!log) return;
  forget_all(log);
  sol_table_clear(&log->by_hash);
  free(log->items);
  free(log->order);
  pthread_mutex_destroy(&log->adding);
  pthread_mutex_destroy(&log->reading);
  pthread_mutex_destroy(&log->lock);
  free(log);
}

int solid_item_log_has(solid_item_log *log, solid_bytes id) {
  if (!log || (id.size && !id.data)) return 0;
  pthread_mutex_lock(&log->lock);
  uint32_t at = sol_item_log_find(log, solid_item_hash(id));
  int has = at != SOL_NO_NUMBER && log->items[at].number && sol_same_bytes(log->items[at].entry.id, id);
  pthread_mutex_unlock(&log->lock);
  return has;
}

solid_status solid_item_log_get_info(solid_item_log *log, solid_item_log_info *info) {
  if (!log || !info) return solid_fail(SOLID_EINVAL, "item log: log or info is NULL");
  pthread_mutex_lock(&log->lock);
  solid_item_log_info all = {.version = log->version, .unreadable = log->unreadable};
  for (uint32_t i = 0; i < log->count; i++) {
    all.items += log->items[i].number > 0;
    all.hidden += (uint64_t)log->items[i].is_hidden;
    all.removed += (uint64_t)log->items[i].is_removed;
  }
  pthread_mutex_unlock(&log->lock);
  return sol_struct_give(info, &all, sizeof all, "item log info");
}
