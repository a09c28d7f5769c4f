/* The port through which the library keeps what it knows of a user: a window and generated parameters. store/ has two
 * implementations (memory, Redis). A store is used by one thread at a time.
 *
 * Two counters order everything. `seq` counts the events ever applied to a user's window: window.seq - params.seq is
 * how many events old the parameters are. A position mark per stream makes `advance` idempotent: a step whose offset is
 * not above the mark of its stream was applied before and is skipped.
 *
 * A store outlives the models that fill it: it fixes the length of a window and nothing else. What depends on a model
 * (width, count, element, generation) travels with each solid_params. */
#ifndef SOLID_STORE_H
#define SOLID_STORE_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one user's record holds beside the window: the newest items that he does not want, each once. */
#define SOLID_DISLIKES_MAX 256

/* What is appended: `count` events of one user, oldest first, all from one call of the consumer. The newest word about
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

/* Which contents a store has: 128 random bits, drawn when they began. A store that lost what it held (a server that was
 * emptied, that started without its data) has none, or others. */
typedef struct solid_store_epoch {
  uint8_t bytes[16];
} solid_store_epoch;

/* Longest record of a stream. */
#define SOLID_STREAM_RECORD_MAX 65536

/* How generated floats are kept. i8: blocks of 32 values with one f16 scale each. */
typedef enum solid_element { SOLID_F32 = 0, SOLID_F16 = 1, SOLID_I8 = 2 } solid_element;

/* A user's generated parameters: `h` is the state at watermark `seq`, `values` the generated layers. The caller owns
 * the room and says its size: h has `width` floats (kept in f32), values has `count`. */
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
} solid_params;

typedef struct solid_store solid_store;

/* Every slot is filled; error text goes through solid_last_error(). Each call is one round trip for its whole batch, in
 * which no user may occur twice.
 *
 * The status of a call is about all of it: EIO, ETIMEDOUT and EFULL are retriable and leave the store usable; a call so
 * failed may have been applied in part, which the marks make harmless. What concerns one user alone goes to
 * statuses[i] (n of them, required) and leaves the others alone: EFORMAT, what lies under the user's name is no record
 * of ours. The text is of the last user so set aside. When the call itself fails, `statuses` says nothing.
 *
 * Final are EREFUSED, the store lets us in no more or not at all (the text says why), and ELOST: at the end of a call
 * that wrote, the store had another epoch than this handle writes under, or none. What was written before is gone, so
 * nothing that relies on it may be committed. Handles that never called `advance` or `epoch_begin` do not look. */
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

  /* The epoch of what is there now. ENOTFOUND: none was begun, or it is lost. */
  solid_status (*epoch)(solid_store *store, solid_store_epoch *out);

  /* Begins one where there is none, and where `anew` is 1 in any case: every record of before is then taken as empty by
   * `advance` and overwritten by it; readers go on with what is there. *out is what the store has afterwards, which may
   * be what another handle began. This handle writes under it from now on. */
  solid_status (*epoch_begin)(solid_store *store, int anew, solid_store_epoch *out);

  /* A small record that belongs to no user, under a name of 1 to 255 bytes, kept without an end. Its bytes go into
   * `room` and their number into *size, which holds the size of the room before; 0 = there is none. ERANGE: the room is
   * too small. */
  solid_status (*stream_load)(solid_store *store, solid_bytes name, void *room, size_t *size);

  /* Makes the record `record` (1 to SOLID_STREAM_RECORD_MAX bytes) where it still is `seen`, as stream_load gave it (of
   * size 0 = where there is none): *saved = 1. Otherwise *saved = 0, and nothing is changed: load it again. A save
   * whose answer was lost and that is tried again finds its own bytes: that is *saved = 1, too. */
  solid_status (*stream_save)(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record, int *saved);

  void (*close)(solid_store *store);
} solid_store_ops;

/* The part of a store that its users see; an implementation begins with it. */
struct solid_store {
  const solid_store_ops *ops;
  uint32_t window; /* L: steps kept of a user; fixed when the store is opened */
};

/* Ends a store, whatever its kind. NULL is a no-op. No pipeline or recommender over it may be left. */
SOLID_API void solid_store_close(solid_store *store);

#ifdef __cplusplus
}
#endif
#endif
