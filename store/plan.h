/* Memory that users take in a store, computed beforehand. */
#ifndef STORE_PLAN_H
#define STORE_PLAN_H

#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_plan_sizes {
  uint32_t window, width, params; /* L, d, P */
  uint32_t element;               /* solid_element */
  uint32_t id_bytes;              /* average length of a user id */
  uint32_t prefix_bytes;          /* length of the prefix of Redis keys: 6 for "solid:" */
  uint32_t partitions;            /* streams that the events of one user come from: 1 if the message key is the user */
  uint32_t history;               /* steps that a user has and the store keeps; 0 = the window */
  uint32_t taken;       /* different items among the steps that ever were in pages; 0 = all of these are different */
  uint32_t state_bytes; /* of the attention state; 0 = none, which a user without a history never has */
  uint32_t state_parts; /* in so many parts; 0 = 1 */
} solid_plan_sizes;

/* Bytes of one user with a full window and params. With a history `window` is what the record has of it, a few hundred
 * steps; pages are planned for events that are less than 37 hours apart on average. */
typedef struct solid_plan {
  size_t window; /* steps alone */
  size_t record; /* params alone */
  size_t redis;  /* all of it in Redis 7: keys, hashes, TTLs, table slots, the allocator's rounding */
  size_t memory; /* all of it in the memory store, its table at the usual fill included */
  size_t pages; /* bytes of the pages alone, of the set of what was ever taken, and of the state, as Redis keeps them */
  size_t seen, state;
} solid_plan;

/* What goes to Redis and comes back, of a user with a full window and params: of a batch in which the user has one
 * event and gets params (advance and put_params), and of a question (get). Round trips are for the whole batch; so are
 * about 100 bytes more of each for the epoch that is read behind it. With a history an event takes about 60 bytes more
 * out, and a page's 5 kB in once in 256. */
typedef struct solid_plan_traffic {
  size_t event_in, event_out, answer_in, answer_out; /* bytes, as the server counts them */
  uint32_t event_trips, answer_trips;
} solid_plan_traffic;

/* Both calculate, and ask no store; any thread. `sizes` is borrowed for the call, the other struct is filled.
 * EINVAL: NULL, or sizes that no store accepts. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_plan_wire(const solid_plan_sizes *sizes, solid_plan_traffic *traffic);
SOLID_API SOLID_CHECK_RESULT solid_status solid_plan_user(const solid_plan_sizes *sizes, solid_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
