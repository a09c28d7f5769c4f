/* The port through which the library keeps a user's history, generated parameters and attention state. store/ has two
 * implementations (memory, Redis). One thread at a time uses a store.
 *
 * Two counters keep order. `seq` counts the events ever applied to a user's window, so window.seq - params.seq is how
 * many events old the parameters are. A mark per stream, the newest offset applied, makes `advance` idempotent: a step
 * whose offset is not above its stream's mark was applied before and is skipped.
 *
 * A store outlives the models that fill it: it fixes how many steps are kept of a user and nothing else. What depends
 * on a model (width, count, element, generation) is part of each solid_params.
 *
 * A store with a *history* keeps more steps than a window: the newest are in the user's record, the older ones in pages
 * of SOLID_PAGE_STEPS beside it, and the set of all items ever taken beside those. Steps are numbered by seq: the first
 * one ever applied is number 0. */
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

/* Steps of a page, most steps that are kept of a user, and most items of the set of what was ever taken. */
#define SOLID_PAGE_STEPS  256
#define SOLID_HISTORY_MAX 131072
#define SOLID_SEEN_MAX    262144

/* What is appended: `count` events of one user, oldest first, all from one call of the consumer. The newest event about
 * an item counts: a dislike does not touch the window and its seq, a step takes a dislike of its item back. */
typedef struct solid_append {
  solid_bytes user;
  const solid_step *steps;
  const solid_position *positions; /* one per step */
  size_t count;
  const uint8_t *dislikes; /* one per step: 1 = a dislike of its item and no step; NULL = all are steps */
} solid_append;

/* Receives hashes of items: borrowed for the call, in no order, each maybe more than once. Must not call the store. */
typedef void (*solid_seen_fn)(void *take_user, const uint64_t *items, size_t n);

/* What a stored state is to who asks for it. */
typedef enum solid_state_found {
  SOLID_STATE_NONE = 0,    /* there is none, or none of this history */
  SOLID_STATE_FOUND = 1,   /* the parts that were asked for are in the room */
  SOLID_STATE_OTHER = 2,   /* of another generation or selector: no part was read */
  SOLID_STATE_DAMAGED = 3, /* a part is cut off, changed or missing, or it is ahead of the history: make it anew */
  SOLID_STATE_LARGE = 4    /* the parts do not fit into the room: `size` says how many bytes they have */
} solid_state_found;

/* Most parts of a state, and most bytes of all of them. */
#define SOLID_STATE_PARTS 4096
#define SOLID_STATE_MAX   (64 << 20)

/* Which history, model and rule a state is of, and how much of the history it has read. */
typedef struct solid_state_stamp {
  uint64_t birth;      /* solid_window.birth of the history */
  uint64_t seq;        /* solid_window.seq when it was made: 1 or more */
  uint64_t generation; /* of the model */
  uint64_t selector;   /* hash of the configuration that chooses keys */
  uint64_t events;     /* events it has read: at most seq */
} solid_state_stamp;

/* Opaque bytes of a state. A store replaces a part as a whole, so that what changes with every event should be cut into
 * parts of a few kB. */
typedef struct solid_state_part {
  uint32_t number; /* 0 .. n - 1 of a state of n parts */
  uint32_t size;   /* bytes; may be 0 */
  const uint8_t *data;
} solid_state_part;

/* A state as it is read. The caller fills the members up to `room_size`, the store the rest. Parts come in order of
 * their numbers, one behind the other in the room, each aligned to 8 bytes if the room is. */
typedef struct solid_state {
  uint64_t generation, selector; /* asked for */
  uint32_t first, count;         /* parts asked for: first .. first + count - 1, as far as there are */
  solid_state_part *parts;       /* caller-owned room for `count` */
  uint8_t *room;                 /* caller-owned, for their bytes */
  size_t room_size;
  uint32_t found;          /* solid_state_found */
  solid_state_stamp stamp; /* unless NONE */
  uint32_t n_parts;        /* of the whole state */
  uint32_t n_read;         /* in `parts` */
  size_t size;             /* bytes of the parts asked for, each rounded up to 8; 0 where it was not looked at */
} solid_state;

/* A state, or a change of one, as it is written. */
typedef struct solid_state_put {
  solid_bytes user;
  solid_state_stamp stamp; /* of the state as it is afterwards */
  uint64_t after;          /* 0 = `parts` are the whole state, numbers 0 .. n - 1; else the seq of the stored state of
                              the same birth, generation and selector in which they replace or add parts */
  const solid_state_part *parts;
  size_t n; /* 1 or more */
} solid_state_put;

/* A user's window as stored: the newest steps, oldest first. `steps` is caller-owned room for the `most` steps that are
 * asked for; `count` and `seq` are filled. An unknown user has count 0 and seq 0.
 * `dislikes` is caller-owned room for SOLID_DISLIKES_MAX hashes of items, which come oldest first; NULL = not asked
 * for. */
typedef struct solid_window {
  solid_step *steps;
  size_t count;
  uint64_t seq;
  uint64_t *dislikes;
  size_t n_dislikes;
  uint64_t params_generation, params_seq;
  int64_t params_ms;
  uint32_t most;       /* steps asked for, at most solid_store.history; 0 = solid_store.window */
  uint32_t is_cut;     /* filled: 1 = a page of what was asked for is missing or damaged; the steps begin behind it */
  uint64_t birth;      /* filled: identity of this history, drawn when it began; 0 = there are no pages and no state */
  uint64_t seen_since; /* filled where take_seen is set: the items of all steps from this number on are in `steps` or
                          were given to take_seen; 0 = of all. Without a history: those in `steps` */
  solid_seen_fn take_seen; /* gets the items ever taken that are not in `steps`; NULL = not asked for */
  void *seen_user;
  solid_state *state; /* read with the window; NULL = not asked for */
  uint64_t life;      /* filled: which of the user's lives this is, one for each forgetting; 0 = the first */
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
  uint64_t life;       /* put_params: of the window that they were generated from; get leaves it as it is */
} solid_params;

/* Who is to be forgotten. `position` is that of the event that asks for it (stream 0 = none does), `time_ms` when it
 * was asked for (0 = now). */
typedef struct solid_forgetting {
  solid_bytes user;
  solid_position position;
  int64_t time_ms;
} solid_forgetting;

typedef struct solid_store solid_store;

/* Receives the id of one user. */
typedef void (*solid_user_fn)(void *take_user, solid_bytes user);

/* Receives entry `number` (from 1) of the item log, borrowed for the call; NULL is one that cannot be read, being
 * damaged or of a newer version: solid_last_error says which. */
typedef void (*solid_item_fn)(void *take_user, uint64_t number, const solid_item_entry *entry);

#define SOLID_ITEMS_AT_ONCE 1024 /* most entries that are appended, or read, by one call */

/* Every slot is filled; error text goes through solid_last_error(). Each call is one round trip for its whole batch, in
 * which no user may occur twice. Of a store with a history an `advance` makes two more when a user of the batch has
 * filled a page, which is once in SOLID_PAGE_STEPS steps of a user.
 *
 * The status of a call concerns the whole batch: EIO, ETIMEDOUT and EFULL are retriable and leave the store usable.
 * Such a call may have been applied in part, which the marks make harmless. What concerns one user alone goes to
 * statuses[i] (n of them, required) and does not affect the others: EFORMAT, the user's key holds something that is not
 * a record, or what says whether the user was forgotten is damaged; EUNSUPPORTED, the record is of a later version. The
 * text is that of the last such user, and of one with a record of a later version before others.
 *
 * If an `advance` or a `forget` itself fails, `statuses` say all the same what became of each user: OK, it was done
 * (`applied` counts, the windows do not); EUNKNOWN, it was asked for and no answer came, or what was done counts for
 * nothing by now (ELOST); any other, it was not done. Of other calls that fail they are undefined; and where a store
 * leaves them as they were, nothing is known.
 *
 * EREWIND, of an `advance` of a handle that was asked for safe_age: another server has taken over, or the same one was
 * started anew, and may lack what was written last; nothing of this call was written where that is so. The caller goes
 * back to what was safe and writes from there: marks that are newer would hide what is missing. It is said once.
 *
 * Two statuses are final. EREFUSED: the store denies access; the text says why. ELOST: at the end of a call that wrote,
 * the store had another epoch than this handle writes under, or none; what was written before is gone, so nothing that
 * relies on it may be committed. Handles that never called `advance` or `epoch_begin` do not check the epoch; nor does
 * `forget` without a position, which relies on nothing that was there. */
typedef struct solid_store_ops {
  const char *name;

  /* For each of n users: append the events that are new, trim to the newest `store->history` steps and the newest
   * SOLID_DISLIKES_MAX dislikes, return the window that is asked for. `windows` and `appends` run in parallel;
   * `applied` (n, may be NULL) receives how many events were new. A user keeps the marks of the 8 streams that moved
   * last. An append with count 0 only reads. A user set aside has an empty window and nothing
   * applied. Where only what lies under the name of the user's pages is somebody else's, the events are in the record
   * all the same, and `applied` counts them.
   *
   * A full page is written, then the record without its steps; who is killed between finds the steps in both, and
   * the next `advance` writes the page again. Of a history longer than the store keeps the oldest pages go, as a whole:
   * at most SOLID_PAGE_STEPS - 1 steps more than `store->history` stay. */
  solid_status (*advance)(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                          size_t *applied, solid_status *statuses);

  /* Stores params of n users; for each, what is stored already stays when it is of the same generation and sizes and
   * has a higher seq, or when the new ones have a higher seq than their window, which was lost since they were made,
   * or are of another life than it: the user was forgotten since, and has begun anew. */
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

  /* Writes n states, or changes of states, each of them as a whole or not at all, and none of a history that is gone.
   * stored[i] = 1: it is there now (or was: a repeated put finds its own stamp). 0: nothing was written, because a
   * newer state of the same birth, generation and selector is there, or, with `after`, because the one that is there is
   * not the one that the parts build on: read it again, or make it anew. Written after the `advance` that its steps
   * came with, so that a state is never ahead of the history for longer than a crash; a state that is (DAMAGED) is made
   * anew. EINVAL, ERANGE: sizes, numbers or stamps that no state can have. */
  solid_status (*put_states)(solid_store *store, const solid_state_put *puts, size_t n, uint8_t *stored,
                             solid_status *statuses);

  /* Reads more parts of n states without the windows: one round trip. births[i] is that of the window that the first
   * parts came with. Whoever joins parts of two reads compares the stamps: the state may have been changed between. */
  solid_status (*get_states)(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                             solid_state *states, solid_status *statuses);

  /* For each of n users: removes all that is kept under the id, and remembers, under a keyed hash of it, up to where:
   * the offset of each stream that the record had a mark of, the position, and the time. From then on `advance` skips
   * the user's events with such a stream at or below its offset, and of other streams those whose own time is not later
   * than `time_ms`; put_params stores nothing until there is a window again. What else comes is a new user's, whose
   * window is of another life. A forgetting outlives epochs and has no time to live. One with a position is done once:
   * where it was met before, or events behind it were, nothing changes. had[i] (n, may be NULL) = 1 where there was
   * something. */
  solid_status (*forget)(solid_store *store, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                         solid_status *statuses);

  /* Reads the entries of the item log behind the first `from`, in order, at most `most` of them and fewer where they
   * are long. *now (set) is the log, which may be longer, shorter or another than was thought: the caller looks at it
   * before the entries count, so `take` should only keep them. Entries that were dropped are passed over, and the
   * numbers of the others stay; unless the log is at its end one comes at least. `take` must not call the store.
   * EFORMAT: there is something else, or an entry is missing. EUNSUPPORTED: a log of a newer version. */
  solid_status (*items_read)(solid_store *store, uint64_t from, size_t most, solid_item_fn take, void *take_user,
                             solid_items_version *now);

  /* Appends n entries (1 to SOLID_ITEMS_AT_ONCE) at once or not at all, if the log still is what `seen` says: *appended
   * = 1. Otherwise *appended = 0, and the caller reads what came between. When it returns, what was appended is on disk
   * as far as the store writes there. *now (set) is the log afterwards. An append whose answer was lost is found by
   * reading. Errors of solid_item_check, for whichever entry, before anything is written; as items_read; retriable. */
  solid_status (*items_append)(solid_store *store, const solid_items_version *seen, const solid_item_entry *entries,
                               size_t n, solid_items_version *now, int *appended);

  /* Drops n entries of the item log, by rising numbers, none of them the newest, if it still is the log that `seen`
   * names: *dropped = 1; else 0, and nothing changes. The caller knows that nothing of what they said counts, for
   * whoever has read the log as far as he has. A call that fails may have dropped some, each as a whole; it may be
   * repeated. ERANGE, EINVAL, and as items_append. NULL where a store keeps all. */
  solid_status (*items_drop)(solid_store *store, const solid_items_version *seen, const uint64_t *numbers, size_t n,
                             int *dropped);
} solid_store_ops;

/* The part of a store that its users see; an implementation begins with it. */
struct solid_store {
  const solid_store_ops *ops;
  uint32_t window;  /* L: steps that a call returns unless it asks for others; fixed when the store is opened */
  uint32_t history; /* steps kept of a user: `window`, or more; where it is above 511 there are pages, seen items and
                       states */

  /* The item log as `get` and `advance` saw it last, in their own round trip: behind every record that they read, or
   * in a cluster up to a second before. */
  solid_items_version items;
  int32_t follows_items; /* set to 1 by who wants that; 0 = `items` may stay as it was */
};

/* Forgets n users, as the slot `forget` does: their records are gone when it returns, and reading their events again
 * does not bring them back. It does not reach what is not in the store: topics and files of events, copies that a
 * server keeps on disk or on replicas which lag, logs. `had` (n, may be NULL): 1 where there was something. EINVAL: a
 * store that cannot. Retriable: call again, which is harmless. EFORMAT, EUNSUPPORTED: what is kept of one of them is no
 * record, or a newer one, and was left alone; the others are forgotten. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_forget(solid_store *store, const solid_bytes *users, size_t n,
                                                       uint8_t *had);

/* Ends a store, whatever its kind. NULL is a no-op. No pipeline or recommender over it may be left. */
SOLID_API void solid_store_close(solid_store *store);

#ifdef __cplusplus
}
#endif
#endif
