#include "solid/item_log.h"
#include "solid/base/handshake.h"
#include "solid/base/table.h"
#include "solid/extend.h"
#include "solid/model/join.h"
#include "solid/serve/follow.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ADD_TRIES = 20 };

/* The newest word about an item. */
typedef struct log_item {
  uint64_t hash;
  uint64_t number; /* of the entry that described it; 0 = it was only hidden, shown or removed */
  int is_hidden, is_removed;
  solid_item_entry entry; /* owned, in one block */
} log_item;

struct solid_item_log {
  pthread_mutex_t lock;
  const solid_context *ctx;
  solid_items_version version;
  log_item *items;
  uint32_t count, room;
  sol_table by_hash;
  uint32_t *order; /* (version.count) the item of each entry; SOL_NO_NUMBER = one that was passed over */
  size_t order_room;
  uint64_t unreadable;
};

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

static int same(solid_bytes a, solid_bytes b) {
  return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

static int same_description(const solid_item_entry *a, const solid_item_entry *b) {
  if (!same(a->title, b->title) || a->n_attributes != b->n_attributes || a->width != b->width) return 0;
  for (size_t i = 0; i < a->n_attributes; i++)
    if (!same(a->attributes[i], b->attributes[i])) return 0;
  return !a->width || memcmp(a->vector, b->vector, a->width * sizeof *a->vector) == 0;
}

/* ---- The state ---- */

static int same_hash(const void *owner, uint32_t number, const void *key) {
  const solid_item_log *log = owner;
  return log->items[number].hash == *(const uint64_t *)key;
}

static uint32_t find(const solid_item_log *log, uint64_t hash) {
  return sol_table_find(&log->by_hash, hash, same_hash, log, &hash);
}

static void forget_all(solid_item_log *log) {
  for (uint32_t i = 0; i < log->count; i++) free_entry(&log->items[i].entry);
  log->count = 0;
  log->unreadable = 0;
  log->version = (solid_items_version){.count = 0};
  sol_table_empty(&log->by_hash);
}

/* The item of this id, which is made where there is none; SOL_NO_NUMBER: no memory. */
static uint32_t item_of(solid_item_log *log, solid_bytes id) {
  uint64_t hash = solid_item_hash(id);
  uint32_t at = find(log, hash);
  if (at != SOL_NO_NUMBER) return at;
  if (log->count == log->room) {
    uint32_t room = log->room ? 2 * log->room : 64;
    log_item *items = realloc(log->items, room * sizeof *items);
    if (!items) return SOL_NO_NUMBER;
    log->items = items, log->room = room;
  }
  if (!sol_table_reserve(&log->by_hash, (size_t)log->count + 1)) return SOL_NO_NUMBER;
  log->items[log->count] = (log_item){.hash = hash};
  sol_table_add(&log->by_hash, hash, log->count);
  return log->count++;
}

/* What an entry, whose number is `number`, changes of its item. 0: no memory. */
static int take_word(log_item *item, const solid_item_entry *entry, uint64_t number) {
  solid_item_entry copy;
  switch (entry->kind) {
  case SOLID_ITEM_ADDED:
    if (!copy_entry(&copy, entry)) return 0;
    free_entry(&item->entry);
    item->entry = copy;
    item->number = number;
    item->is_removed = 0;
    break;
  case SOLID_ITEM_HIDDEN:
    item->is_hidden = 1;
    break;
  case SOLID_ITEM_SHOWN:
    item->is_hidden = 0;
    break;
  case SOLID_ITEM_REMOVED:
    item->is_removed = 1;
    item->is_hidden = 0;
    free_entry(&item->entry);
    item->number = 0;
  }
  return 1;
}

/* One read of the store: its entries count if the log turns out to be the one that was read so far. */
typedef struct reading {
  solid_item_log *log;
  solid_item_entry entries[SOLID_ITEMS_AT_ONCE]; /* copies; kind UINT32_MAX = one that could not be read */
  size_t n;
  int is_short; /* of memory */
} reading;

static void keep(void *user, uint64_t number, const solid_item_entry *entry) {
  reading *r = user;
  if (r->is_short || r->n == SOLID_ITEMS_AT_ONCE) return;
  solid_item_entry *to = &r->entries[r->n];
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

static solid_status take_entry(solid_item_log *log, const solid_item_entry *entry) {
  size_t at = (size_t)log->version.count;
  if (at == log->order_room) {
    size_t room = at ? 2 * at : 256;
    uint32_t *order = realloc(log->order, room * sizeof *order);
    if (!order) return solid_fail(SOLID_ENOMEM, "out of memory: item log of %zu entries", at);
    log->order = order, log->order_room = room;
  }
  log->order[at] = SOL_NO_NUMBER;
  if (entry->kind == UINT32_MAX) {
    log->unreadable++;
  } else {
    uint32_t item = item_of(log, entry->id);
    if (item == SOL_NO_NUMBER || !take_word(&log->items[item], entry, at + 1))
      return solid_fail(SOLID_ENOMEM, "out of memory: item log of %zu entries", at);
    log->order[at] = item;
  }
  log->version.count++;
  return SOLID_OK;
}

/* 1 if what was read so far is the beginning of `now`. */
static int goes_on(const solid_items_version *read, const solid_items_version *now) {
  return !read->count || (now->count >= read->count && memcmp(read->log, now->log, sizeof now->log) == 0);
}

/* One piece; *more = 1 if there are more. */
static solid_status read_piece(solid_item_log *log, solid_store *store, reading *r, int *more) {
  solid_items_version now;
  *r = (reading){.log = log, .n = 0};
  solid_status status = store->ops->items_read(store, log->version.count, SOLID_ITEMS_AT_ONCE, keep, r, &now);
  if (!status && r->is_short) status = solid_fail(SOLID_ENOMEM, "out of memory: item log");
  if (!status && !goes_on(&log->version, &now)) {
    sol_log(log->ctx, SOLID_LOG_WARN, "item log: it is another one than before, of %llu entries: it is read anew",
            (unsigned long long)now.count);
    forget_all(log);
    *more = now.count > 0;
  } else if (!status) {
    memcpy(log->version.log, now.log, sizeof now.log);
    for (size_t i = 0; i < r->n && !status; i++) status = take_entry(log, &r->entries[i]);
    *more = log->version.count < now.count;
  }
  for (size_t i = 0; i < r->n; i++) free_entry(&r->entries[i]);
  return status;
}

/* Under the lock. */
static solid_status follow(solid_item_log *log, solid_store *store) {
  reading *r = malloc(sizeof *r);
  int more = 1;
  solid_status status = r ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: item log");
  while (!status && more) status = read_piece(log, store, r, &more);
  free(r);
  return status;
}

solid_status solid_item_log_follow(solid_item_log *log, solid_store *store) {
  if (!log || !store) return solid_fail(SOLID_EINVAL, "item log: log or store is NULL");
  pthread_mutex_lock(&log->lock);
  solid_status status = follow(log, store);
  pthread_mutex_unlock(&log->lock);
  return status;
}

/* ---- The object ---- */

solid_status solid_item_log_new(solid_item_log **out, const solid_context *ctx) {
  if (!out) return solid_fail(SOLID_EINVAL, "item log: out is NULL");
  solid_item_log *log = calloc(1, sizeof *log);
  if (!log || pthread_mutex_init(&log->lock, NULL)) {
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
  pthread_mutex_destroy(&log->lock);
  free(log);
}

int solid_item_log_has(solid_item_log *log, solid_bytes id) {
  pthread_mutex_lock(&log->lock);
  uint32_t at = find(log, solid_item_hash(id));
  int has = at != SOL_NO_NUMBER && log->items[at].number && same(log->items[at].entry.id, id);
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

/* ---- To a model ---- */

/* Brings one item of the model to the newest word about it, where that is what entry `number` says. */
static solid_status apply_entry(const solid_item_log *log, const solid_model *model, uint64_t number) {
  sol_growth *g = model->growth;
  uint32_t at = log->order[number - 1];
  if (at == SOL_NO_NUMBER) return SOLID_OK;
  const log_item *item = &log->items[at];
  uint32_t trained = sol_id_index_by_hash(&model->items, item->hash);
  if (trained != SOLID_NO_ITEM) {
    sol_growth_remove(g, trained, item->is_removed);
    sol_growth_close(g, trained, item->is_hidden || item->is_removed);
    return SOLID_OK;
  }
  if (item->number == number) {
    solid_status status = sol_model_join(model, &item->entry, number);
    if (status) return status == SOLID_ENOTFOUND ? SOLID_OK : status;
  }
  uint32_t row = sol_growth_find(g, item->hash);
  if (row == SOLID_NO_ITEM) return SOLID_OK;
  if (item->is_removed) sol_growth_leave(g, row);
  sol_growth_close(g, row, item->is_hidden || item->is_removed);
  return SOLID_OK;
}

solid_status solid_item_log_apply(solid_item_log *log, const solid_model *model, size_t most, uint64_t *left) {
  if (!log || !model) return solid_fail(SOLID_EINVAL, "item log: log or model is NULL");
  sol_growth *g = model->growth;
  if (left) *left = 0;
  if (!g) return solid_fail(SOLID_EUNSUPPORTED, "item log: the model was not loaded to grow");
  pthread_mutex_lock(&log->lock);
  pthread_mutex_lock(&g->lock);
  uint64_t applied = atomic_load(&g->applied);
  if (applied && (applied > log->version.count || memcmp(g->log, log->version.log, sizeof g->log))) {
    sol_growth_reset(g);
    applied = 0;
  }
  memcpy(g->log, log->version.log, sizeof g->log);
  solid_status status = SOLID_OK;
  for (; applied < log->version.count && most && !status; most--) {
    status = apply_entry(log, model, applied + 1);
    if (!status) atomic_store_explicit(&g->applied, ++applied, memory_order_release);
  }
  if (left) *left = log->version.count - applied;
  pthread_mutex_unlock(&g->lock);
  pthread_mutex_unlock(&log->lock);
  return status;
}

int sol_follow(sol_follower *follower, solid_item_log *log, solid_store *store, const solid_model *model) {
  const solid_items_version *told = &store->items;
  uint64_t left = 0;
  if (!log || !model->growth) return 0;
  int is_told = told->count != follower->seen.count || memcmp(told->log, follower->seen.log, sizeof told->log) != 0;
  if (!is_told && !follower->is_behind) return 0;
  solid_items_version tells = *told;
  pthread_mutex_lock(&log->lock);
  int knows =
      told->count && log->version.count >= told->count && !memcmp(log->version.log, told->log, sizeof told->log);
  solid_status status = knows ? SOLID_OK : follow(log, store);
  pthread_mutex_unlock(&log->lock);
  if (!status) status = solid_item_log_apply(log, model, SOL_ITEMS_A_QUESTION, &left);
  if (status && status != SOLID_EFULL) return 0;
  follower->seen = tells;
  follower->is_behind = left > 0 && !status;
  return 1;
}

int sol_catch_up(solid_item_log *log, const solid_model *model) {
  if (!log || !model->growth) return 0;
  uint64_t before = sol_model_applied(model);
  (void)(solid_item_log_apply(log, model, SOL_ITEMS_A_QUESTION, NULL) == SOLID_OK);
  return sol_model_applied(model) != before;
}

/* ---- Saying something new ---- */

/* 1 if it says nothing that the log does not say already. Under the lock. */
static int is_known(const solid_item_log *log, const solid_item_entry *entry) {
  uint32_t at = find(log, solid_item_hash(entry->id));
  const log_item *item = at == SOL_NO_NUMBER ? NULL : &log->items[at];
  switch (entry->kind) {
  case SOLID_ITEM_ADDED:
    return item && item->number && same_description(&item->entry, entry);
  case SOLID_ITEM_HIDDEN:
    return item && item->is_hidden;
  case SOLID_ITEM_SHOWN:
    return !item || !item->is_hidden;
  }
  return item && item->is_removed;
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

/* Under the lock. Where another process appends meanwhile, what it said is read, and what is left to say said again. */
static solid_status add(solid_item_log *log, solid_store *store, const solid_item_entry *entries, size_t n,
                        int64_t now_ms, solid_status *verdicts, adding *a) {
  solid_status status = follow(log, store);
  for (size_t at = 0, tries = 0; at < n && !status;) {
    solid_items_version now;
    size_t first = at, count = gather(log, entries, n, now_ms, &at, verdicts, a->fresh, a->hashes);
    int appended = 0;
    if (!count) continue;
    status = store->ops->items_append(store, &log->version, a->fresh, count, &now, &appended);
    if (!status && !appended && ++tries == ADD_TRIES)
      status = solid_fail(SOLID_EIO, "item log: others append to it all the time: %zu tries", tries);
    if (!status && appended) tries = 0;
    if (!status && !appended) at = first;
    if (!status) status = follow(log, store);
  }
  return status;
}

solid_status solid_item_log_add(solid_item_log *log, solid_store *store, const solid_item_entry *entries, size_t n,
                                int64_t now_ms, solid_status *verdicts) {
  if (!log || !store || (n && (!entries || !verdicts)))
    return solid_fail(SOLID_EINVAL, "item log: an argument is NULL");
  adding *a = calloc(1, sizeof *a);
  if (!a) return solid_fail(SOLID_ENOMEM, "out of memory: %zu entries", n);
  pthread_mutex_lock(&log->lock);
  solid_status status = add(log, store, entries, n, now_ms, verdicts, a);
  pthread_mutex_unlock(&log->lock);
  free(a);
  return status;
}
