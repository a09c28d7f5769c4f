/* The item log as one process follows it. One object a process, shared by all threads: it holds the newest word about
 * each item of the store's log, and gives models what they lack.
 *
 *   solid_item_log_follow   reads what the store's log has and this does not
 *   solid_item_log_apply    gives it to a model: rows for new items, masks for hidden and removed ones
 *   solid_item_log_add      says something new, in the store's log first
 *
 * A recommender and a pipeline that are made with a log do the first two by themselves when the store tells them, in
 * the round trip of their calls, that the log has grown. The newest word about an item counts, in the order of the log,
 * and new items stand in that order in every process, so that all give equal answers up to
 * the rounding of products.
 *
 * What a model knows of a new item: its codes are the nearest centroids of its content, its own embedding is zero, its
 * attributes are those that the model has learnt. An item of which a model knows nothing is in windows and in no
 * answer. What an entry says of an item that the model was trained on is left aside, unless it hides, shows or removes
 * it. */
#ifndef SOLID_ITEM_LOG_H
#define SOLID_ITEM_LOG_H

#include "solid/model.h"
#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_item_log solid_item_log;

typedef struct solid_item_log_info {
  uint32_t struct_size;        /* set by the caller to sizeof(solid_item_log_info) */
  solid_items_version version; /* as far as it was read */
  uint64_t items;              /* that were added and are there */
  uint64_t hidden;             /* items that are hidden, of those and of others */
  uint64_t removed;
  uint64_t unreadable; /* entries that were passed over */
} solid_item_log_info;

/* An empty one. `ctx` (may be NULL) is told of entries that cannot be read. *out: solid_item_log_free. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_log_new(solid_item_log **out, const solid_context *ctx);

/* NULL is a no-op. No recommender, pipeline or slot may use it any more. */
SOLID_API void solid_item_log_free(solid_item_log *log);

/* Reads what is new: one call of the store if there is nothing. A log that is another one than before, or shorter, is
 * read from its beginning. Any thread, with a store of its own. EUNSUPPORTED: the store keeps no item log. ENOMEM, and
 * what items_read of the store says. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_log_follow(solid_item_log *log, solid_store *store);

/* Gives the model up to `most` entries that it lacks (SIZE_MAX = all). *left (may be NULL) is how many it lacks then.
 * Any thread; the model may be in use. EFULL: an item finds no spare row; make a larger model (solid_model_grow).
 * EUNSUPPORTED: the model was not loaded to grow. EDEVICE. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_log_apply(solid_item_log *log, const solid_model *model,
                                                               size_t most, uint64_t *left);

/* Appends what is new among n entries to the store's log, in order, and follows. verdicts (n): OK; EDUPLICATE, it says
 * nothing new; ERANGE, EINVAL as solid_item_check. `now_ms` is the time of entries whose time is 0. The call itself
 * fails as items_append of the store does; what it had appended says nothing new the next time, so that the same call
 * may be repeated. Where more than half of the log says nothing any more (descriptions that were given again, words
 * that were said again, what a removed item left), and at least 1,024 entries, these are dropped from the store. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_log_add(solid_item_log *log, solid_store *store,
                                                             const solid_item_entry *entries, size_t n, int64_t now_ms,
                                                             solid_status *verdicts);

/* 1 if the log has this item: added, and not removed. Any thread. */
SOLID_API int solid_item_log_has(solid_item_log *log, solid_bytes id);

/* Fills the fields that fit in info->struct_size. Any thread. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_log_get_info(solid_item_log *log, solid_item_log_info *info);

#ifdef __cplusplus
}
#endif
#endif
