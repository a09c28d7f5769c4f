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
} solid_plan_sizes;

/* Bytes of one user with a full window and params. */
typedef struct solid_plan {
  size_t window; /* steps alone */
  size_t record; /* params alone */
  size_t redis;  /* all of it in Redis 7: key, hash, TTL, table slots, the allocator's rounding */
  size_t memory; /* all of it in the memory store, its table at the usual fill included */
} solid_plan;

/* What goes to Redis and comes back, of a user with a full window and params: of a batch in which the user has one
 * event and gets params (advance and put_params), and of a question (get). Round trips are for the whole batch; so are
 * about 100 bytes more of each for the epoch that is read behind it. */
typedef struct solid_plan_traffic {
  size_t event_in, event_out, answer_in, answer_out; /* bytes, as the server counts them */
  uint32_t event_trips, answer_trips;
} solid_plan_traffic;

/* EINVAL: sizes that no store accepts. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_plan_wire(const solid_plan_sizes *sizes, solid_plan_traffic *traffic);
SOLID_API SOLID_CHECK_RESULT solid_status solid_plan_user(const solid_plan_sizes *sizes, solid_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
