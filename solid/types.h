/* The plain types, in the order in which data passes: event -> step -> window -> parameters -> scored items. */
#ifndef SOLID_TYPES_H
#define SOLID_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_ID_MAX  255        /* longest user or item id in bytes; the shortest is 1 */
#define SOLID_NO_ITEM UINT32_MAX /* "this id is not in the model's vocabulary" */

/* An id as bytes: not necessarily zero-terminated; borrowed for the call in which it is passed. */
typedef struct solid_bytes {
  const char *data;
  size_t size;
} solid_bytes;

/* What an event says about its item; ingest/worth.h derives it from kind and rating. */
typedef enum solid_worth {
  SOLID_WORTH_STEP = 0,    /* the user took the item: a step of the history */
  SOLID_WORTH_DISLIKE = 1, /* the user does not want the item: never a step */
  SOLID_WORTH_NOTHING = 2, /* neither: the event is left out */
  SOLID_WORTH_FORGET = 3   /* of no item: the user is to be forgotten, with all that came before */
} solid_worth;

/* Where an event is in its stream; the store uses it to recognise a replay. Offsets of one stream grow; streams are not
 * compared. Zero-initialised, it means that the event is in no stream and is always applied. */
typedef struct solid_position {
  uint64_t stream; /* 0 = none */
  uint64_t offset;
} solid_position;

/* One user-item event. */
typedef struct solid_event {
  solid_bytes user;
  solid_bytes item;
  solid_bytes kind; /* "view", "buy", ...; may be empty */
  int64_t time_ms;  /* since 1970-01-01 UTC */
  solid_position position;
  uint32_t worth;   /* solid_worth */
  int64_t taken_ms; /* when the broker of its stream took it, since 1970; 0 = not known */
} solid_event;

/* One element of a user's window. `item` is a hash of the item's id (XXH3, 64 bits), the same in every model, so that
 * stored windows outlive models. */
typedef struct solid_step {
  uint64_t item;
  int64_t time_ms;
} solid_step;

/* What became of users whose attention state was wanted: it was in this process's memory, in the store, or was made
 * from the history, as all are once for a new model. */
typedef struct solid_state_stats {
  uint64_t cached, read, made;
  uint64_t refused; /* states in the store that were not right (of another model, damaged): made from the history too */
  uint64_t unsaved; /* states that the store did not take */
} solid_state_stats;

/* One recommended item: dense index in the model (solid_model_item_id gives the id) and its score u . e_v. */
typedef struct solid_scored {
  uint32_t item;
  float score;
} solid_scored;

#ifdef __cplusplus
}
#endif
#endif
