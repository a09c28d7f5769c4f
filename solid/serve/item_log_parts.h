/* What the files of the item log share: item_log.c reads the store's log and holds the newest word about each item,
 * item_log_apply.c brings it to models, item_log_add.c says something new, item_log_trim.c drops what says nothing. */
#ifndef SOLID_SERVE_ITEM_LOG_PARTS_H
#define SOLID_SERVE_ITEM_LOG_PARTS_H

#include "solid/base/table.h"
#include "solid/item_log.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* The newest word about an item. */
typedef struct sol_log_item {
  uint64_t hash;
  uint64_t number;         /* of the entry that described it; 0 = it was only hidden, shown or removed */
  uint64_t shown, removed; /* of the last one that hid or showed it, and of the last one that removed it; 0 = none */
  int is_hidden, is_removed;
  solid_item_entry entry; /* owned, in one block */
} sol_log_item;

/* `lock` is of what follows it and taken for moments, never while a store answers. Who changes that holds `reading` as
 * well, for the whole of a read: a question that lacks entries waits for who is reading them, no other question does.
 * Who appends holds `adding`. In this order: adding, reading, lock. */
struct solid_item_log {
  pthread_mutex_t adding, reading, lock;
  const solid_context *ctx;
  solid_items_version version;
  _Atomic uint64_t entries; /* version.count, to be looked at without a lock */
  sol_log_item *items;
  uint32_t count, room;
  sol_table by_hash;
  uint32_t *order; /* (version.count) the item of each entry; SOL_NO_NUMBER = one that was passed over, or dropped */
  size_t order_room;
  uint64_t unreadable;
  uint64_t superseded; /* entries that say nothing any more, and are not dropped yet */
  uint64_t counting;   /* those that do */
  uint64_t trim_from;  /* superseded ones from which on dropping is tried again; 0 = it has not failed */
};

/* Number of the item with this hash, or SOL_NO_NUMBER. Under the lock, as what follows it. */
uint32_t sol_item_log_find(const solid_item_log *log, uint64_t hash);

/* Reads one piece; *more = 1 if there are more. Nothing where the log as the store told of it (NULL = it did not) is
 * known by now, another thread having read it meanwhile. */
solid_status sol_item_log_read_piece(solid_item_log *log, solid_store *store, const solid_items_version *told,
                                     int *more);

/* Takes n entries that were appended to the log as it was `seen`, which has become `now`, unless somebody has read
 * meanwhile: what is lacking then is read with the next piece. ENOMEM. */
solid_status sol_item_log_take(solid_item_log *log, const solid_items_version *seen, const solid_items_version *now,
                               const solid_item_entry *entries, size_t n);

/* 1 if this process has read the log as far as the store told of it. */
int sol_item_log_knows(solid_item_log *log, const solid_items_version *told);

/* Drops superseded entries once they are more than half of the log. A failure is logged, and it is tried again when
 * there are 1,024 more: a store that cannot shall not be asked with every item. */
void sol_item_log_trim(solid_item_log *log, solid_store *store);

static inline int sol_same_bytes(solid_bytes a, solid_bytes b) {
  return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

#endif
