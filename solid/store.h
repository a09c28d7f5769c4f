/* The port through which the library keeps what it knows of a user: a window and generated parameters. store/ has two
 * implementations (memory, Redis). A store is used by one thread at a time.
 *
 * Two counters order everything. `seq` counts the events ever applied to a user's window: window.seq - params.seq is
 * how many events old the parameters are. A position mark per stream partition makes `advance` idempotent: a step whose
 * offset is not above the mark of its partition was applied before and is skipped. */
#ifndef SOLID_STORE_H
#define SOLID_STORE_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is appended: `count` steps of one user, oldest first, all from one call of the consumer. */
typedef struct solid_append {
  solid_bytes user;
  const solid_step *steps;
  const uint64_t *positions; /* one per step; SOLID_NO_STREAM = always applied */
  size_t count;
} solid_append;

/* A user's window as stored: the newest steps, oldest first. `steps` is caller-owned room for at least the store's
 * window length (solid_store.window); `count` and `seq` are filled. An unknown user has count 0 and seq 0. */
typedef struct solid_window {
  solid_step *steps;
  size_t count;
  uint64_t seq;
} solid_window;

/* A user's generated parameters: `h` (d floats, kept in f32) is the state at watermark `seq`, `values` (P floats) the
 * generated layers. Caller-owned room of d and P floats. `seq` = seq of the window they were generated from. */
typedef struct solid_params {
  float *h;
  float *values;
  uint64_t seq;
  uint64_t generation; /* of the model that made them */
  uint16_t *halves;    /* read by put_params where the store keeps f16: P values as IEEE binary16; NULL: `values` */
} solid_params;

/* How the P generated floats are kept. i8: blocks of 32 values with one f16 scale each. */
typedef enum solid_element { SOLID_F32 = 0, SOLID_F16 = 1, SOLID_I8 = 2 } solid_element;

typedef struct solid_store solid_store;

/* Every slot is filled; `error text` goes through solid_last_error(). Statuses: EIO/ETIMEDOUT/EFULL are retriable and
 * leave the store usable; a call so failed may have been applied in part, which the marks make harmless. */
typedef struct solid_store_ops {
  const char *name;

  /* For each of n users: append the steps that are new, trim to the newest `store->window`, return the window. One
   * round trip for the whole batch. `windows` and `appends` run in parallel; `applied` (n, may be NULL) receives how
   * many steps were new. The same user may not occur twice in a batch. An append with count 0 only reads. */
  solid_status (*advance)(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                          size_t *applied);

  /* Stores params of n users; for each, what is stored already stays when it is of the same generation and has a
   * higher seq. One round trip. */
  solid_status (*put_params)(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n);

  /* For each of n users: the window and, where found[i] becomes 1, the params of `generation`; found[i] = 0 for a user
   * without params or with params of another generation, width or a damaged record. One round trip. */
  solid_status (*get)(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                      solid_window *windows, solid_params *params, uint8_t *found);

  void (*close)(solid_store *store);
} solid_store_ops;

/* The part of a store that its users see; an implementation begins with it. Sizes are fixed when it is opened. */
struct solid_store {
  const solid_store_ops *ops;
  uint32_t window; /* L: steps kept of a user */
  uint32_t width;  /* d: floats of h */
  uint32_t params; /* P: floats of values */
  solid_element element;
};

#ifdef __cplusplus
}
#endif
#endif
