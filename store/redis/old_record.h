/* What the layout before this one kept of a user, as the new one keeps it.
 *
 * <prefix>{user}:w  a hash: s = steps, n = seq in digits, and marks: m<partition> = offset, both in digits, or m and
 * the 8 bytes of a stream = the 8 bytes of an offset <prefix>{user}:p  a string: "SLDP", format 1, element, 2 zeros,
 * seq (8), generation (8), d (4), P (4), h and values as now, CRC-32 of all before it */
#ifndef STORE_REDIS_OLD_RECORD_H
#define STORE_REDIS_OLD_RECORD_H

#include "store/record/head.h"
#include "store/redis_store.h"
#include <hiredis/hiredis.h>

/* A zeroed struct is empty. */
typedef struct sol_old_record {
  int is_sound; /* there was a window */
  sol_head head;
  uint8_t *steps, *body; /* owned */
  size_t steps_size, body_size;
  int64_t ttl_ms;
} sol_old_record;

void sol_old_clear(sol_old_record *old);

/* From the answer to HGETALL; a mark of a partition whose stream is 0 is left out, and only 8 are kept. ENOMEM. */
solid_status sol_old_window(sol_old_record *old, const redisReply *reply, solid_redis_stream_fn stream_of, void *user);

/* From the answer to GET; params that are not there or damaged are left out. ENOMEM. */
solid_status sol_old_params(sol_old_record *old, const redisReply *reply);

#endif
