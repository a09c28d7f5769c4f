/* The port through which the library keeps a user's window and generated parameters. store/ has two implementations
 * (memory, Redis). One thread at a time uses a store.
 *
 * Two counters keep order. `seq` counts the events ever applied to a user's window, so window.seq - params.seq is how
 * many events old the parameters are. A mark per stream, the newest offset applied, makes `advance` idempotent: a step
 * whose offset is not above its stream's mark was applied before and is skipped.
 *
 * A store outlives the models that fill it: it fixes the length of a window and nothing else. What depends on a model
 * (width, count, element, generation) is part of each solid_params. */
#ifndef SOLID_STORE_H
#define SOLID_STORE_H

#include "solid/items.h"
#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many disliked items a user's record holds beside the window: the newest ones, each once. */
#define SOLID_DISLIKES_MAX 256

/* What is appended: `count` events of one user, oldest first, all from one call of the consumer. The newest event about
 * an item counts: a dislike does not touch the window and its seq, a step takes a dislike of its item back. */
typedef struct solid_append {
  solid_bytes user;
  const solid_step *steps;
  const solid_position *positions; /* one per step */
  size_t count;
  const uint8_t *dislikes; /* one per step: 1 = a dislike of its item and no step; NULL = all are steps */
} solid_append;

/* A user's window as stored: the newest steps, oldest first. `steps` is caller-owned room for at least the store's
 * window length (solid_store.window); `count` and `seq` are filled. An unknown user has count 0 and seq 0.
 * `dislikes` is caller-owned room for SOLID_DISLIKES_MAX hashes of items, which come oldest first; NULL = not asked
 * for.
 */
typedef struct solid_window {
  solid_step *steps;
  size_t count;
  uint64_t seq;
  uint64_t *dislikes;
  size_t n_dislikes;
  uint64_t params_generation, params_seq;
  int64_t params_ms;
} solid_window;

/* Identity of a store's contents: 128 random bits, drawn when they began. A store that lost its contents (a server that
 * was emptied or started without its data) has none, or another one. */
typedef struct solid_store_epoch {
  uint8_t bytes[16];
} solid_store_epoch;

/* Longest record of a stream. */
#define SOLID_STREAM_RECORD_MAX 65536

/* Element type of stored parameters. i8: blocks of 32 values with one f16 scale each. */
typedef enum solid_element { SOLID_F32 = 0, SOLID_F16 = 1, SOLID_I8 = 2 } solid_element;

/* A user's generated parameters: `h` is the state at watermark `seq`, `values` the generated layers. The caller owns
 * the memory and gives its size: h has `width` floats (kept in f32), values has `count`. */
typedef struct solid_params {
  float *h;
  float *values;
  uint16_t *halves;    /* read by put_params where element is f16: the values as IEEE binary16; NULL: `values` */
  uint64_t seq;        /* of the window they were generated from */
  uint64_t generation; /* of the model that made them */
  uint32_t width;      /* d */
  uint32_t count;      /* P */
  uint32_t element;    /* solid_element: how put_params keeps the values; get says how they were kept */
  int64_t made_ms;     /* when they were stored, ms since 1970, as get says; put_params: 0 = now */
  uint32_t items;      /* how many entries of the item log their maker knew, the lower 24 bits of the number */
} solid_params;

typedef struct solid_store solid_store;

/* Receives the id of one user. */
typedef void (*solid_user_fn)(void *take_user, solid_bytes user);

/* Receives entry `number` (from 1) of the item log, borrowed for the call; NULL is one that cannot be read, being
 * damaged or of a newer version: solid_last_error says which. */
typedef void (*solid_item_fn)(void *take_user, uint64_t number, const solid_item_entry *entry);

#define SOLID_ITEMS_AT_ONCE 1024 /* most entries that are appended, or read, by one call */

/* Every slot is filled; error text goes through solid_last_error(). Each call is one round trip for its whole batch, in
 * which no user may occur twice.
 *
 * The status of a call concerns the whole batch: EIO, ETIMEDOUT and EFULL are retriable and leave the store usable.
 * Such a call may have been applied in part, which the marks make harmless. What concerns one user alone goes to
 * statuses[i] (n of them, required) and does not affect the others: EFORMAT, the user's key holds something that is not
 * a record. The text is that of the last such user. If the call itself fails, `statuses` is undefined.
 *
 * EREWIND, of an `advance` of a handle that was asked for safe_age: another server has taken over, or the same one was
 * started anew, and may lack what was written last; nothing of this call was written where that is so. The caller goes
 * back to what was safe and writes from there: marks that are newer would hide what is missing. It is said once.
 *
 * Two statuses are final. EREFUSED: the store denies access; the text says why. ELOST: at the end of a call that wrote,
 * the store had another epoch than this handle writes under, or none; what was written before is gone, so nothing that
 * relies on it may be committed. Handles that never called `advance` or `epoch_begin` do not check the epoch. */
typedef struct solid_store_ops {
  const char *name;

  /* For each of n users: append the events that are new, trim to the newest `store->window` steps and the newest
   * SOLID_DISLIKES_MAX dislikes, return the window. `windows` and `appends` run in parallel; `applied` (n, may be NULL)
   * receives how many events were new. A user keeps the marks of the 8 streams that moved last. An append
   * with count 0 only reads. A user set aside has an empty window and nothing applied. */
  solid_status (*advance)(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                          size_t *applied, solid_status *statuses);

  /* Stores params of n users; for each, what is stored already stays when it is of the same generation and sizes and
   * has a higher seq, or when the new ones have a higher seq than their window, which was lost since they were made. */
  solid_status (*put_params)(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                             solid_status *statuses);

  /* For each of n users: the window and, where found[i] becomes 1, the params of `generation`; found[i] = 0 for a user
   * without params or with params of another generation, of another width or count than params[i] has room for, or a
   * damaged record. A user set aside has an empty window and found[i] = 0. */
  solid_status (*get)(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                      solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses);

  /* The present epoch. ENOTFOUND: none was begun, or it is lost. */
  solid_status (*epoch)(solid_store *store, solid_store_epoch *out);

  /* Begins an epoch if there is none, or, with `anew` = 1, in any case: `advance` then treats every older record as
   * empty and overwrites it; readers continue with what is there. *out is the epoch that the store has afterwards,
   * which may be one that another handle began. This handle writes under it from now on. */
  solid_status (*epoch_begin)(solid_store *store, int anew, solid_store_epoch *out);

  /* Reads a small record that belongs to no user, kept forever under a name of 1 to 255 bytes. Its bytes go into `room`
   * and their number into *size, which holds the size of the room before; 0 = there is no record. ERANGE: the room is
   * too small. */
  solid_status (*stream_load)(solid_store *store, solid_bytes name, void *room, size_t *size);

  /* Replaces the record by `record` (1 to SOLID_STREAM_RECORD_MAX bytes) if it still is `seen`, as stream_load gave it
   * (size 0 = there was none): *saved = 1. Otherwise *saved = 0 and nothing changes: load it again. If the answer to a
   * save was lost and it is tried again, it finds its own bytes and *saved is 1, too. */
  solid_status (*stream_save)(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record, int *saved);

  /* Names users that the store holds, about `most` a call and in no order: *cursor is 0 at first and says afterwards
   * where to go on; 0 = these were the last. Who is held from the first call to the last is named at least once. `take`
   * gets ids that are borrowed for its call, and must not call the store. No time to live is renewed. */
  solid_status (*list)(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user);

  void (*close)(solid_store *store);

  /* What this handle wrote outlives the server that took it if the call that wrote it ended *age_ms ago or earlier; 0 =
   * all of it does. From the first call on, `advance` says EREWIND; so does this. Retriable: it cannot be told now. */
  solid_status (*safe_age)(solid_store *store, int64_t *age_ms);

  /* Reads the entries of the item log behind the first `from`, in order, at most `most` of them and fewer where they
   * are long. *now (set) is the log, which may be longer, shorter or another than was thought: the caller looks at it
   * before the entries count, so `take` should only keep them. `take` must not call the store. EFORMAT: there is
   * something else, or an entry is missing. EUNSUPPORTED: a log of a newer version. */
  solid_status (*items_read)(solid_store *store, uint64_t from, size_t most, solid_item_fn take, void *take_user,
                             solid_items_version *now);

  /* Appends n entries (1 to SOLID_ITEMS_AT_ONCE) at once or not at all, if the log still is what `seen` says: *appended
   * = 1. Otherwise *appended = 0, and the caller reads what came between. When it returns, what was appended is on disk
   * as far as the store writes there. *now (set) is the log afterwards. An append whose answer was lost is found by
   * reading. Errors of solid_item_check, for whichever entry, before anything is written; as items_read; retriable. */
  solid_status (*items_append)(solid_store *store, const solid_items_version *seen, const solid_item_entry *entries,
                               size_t n, solid_items_version *now, int *appended);
} solid_store_ops;

/* The part of a store that its users see; an implementation begins with it. */
struct solid_store {
  const solid_store_ops *ops;
  uint32_t window; /* L: steps kept of a user; fixed when the store is opened */

  /* The item log as `get` and `advance` saw it last, in their own round trip: behind every record that they read, or
   * in a cluster up to a second before. */
  solid_items_version items;
  int32_t follows_items; /* set to 1 by who wants that; 0 = `items` may stay as it was */
};

/* Ends a store, whatever its kind. NULL is a no-op. No pipeline or recommender over it may be left. */
SOLID_API void solid_store_close(solid_store *store);

#ifdef __cplusplus
}
#endif
#endif
