/* What the two files of the Redis store share: redis_open.c makes it, redis_store.c answers the calls. */
#ifndef STORE_REDIS_REDIS_PARTS_H
#define STORE_REDIS_REDIS_PARTS_H

#include "store/redis/redis_conn.h"
#include "store/redis_store.h"

/* Places of the scripts in sol_redis_options.scripts. */
enum { SOL_SCRIPT_ADVANCE = 0, SOL_SCRIPT_PUT = 1 };

typedef struct sol_redis_store {
  solid_store base;
  solid_redis_store_options options;
  sol_redis_conn conn;
  char *strings;   /* copies of the options' strings */
  uint8_t *record; /* room for one encoded record */
  size_t record_room;
  size_t *pending;  /* users of the batch whose script has not run yet */
  size_t n_pending; /* room of `pending` */
  uint64_t damaged, stale;
} sol_redis_store;

extern const solid_store_ops sol_redis_ops;

/* NULL is a no-op. */
void sol_redis_store_free(sol_redis_store *store);

#endif
