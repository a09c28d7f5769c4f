/* What the files of the Redis store share: redis_open.c makes it, redis_store.c answers the calls about users,
 * redis_streams.c those about epoch and streams. */
#ifndef STORE_REDIS_REDIS_PARTS_H
#define STORE_REDIS_REDIS_PARTS_H

#include "store/redis/redis_conn.h"
#include "store/redis_store.h"

/* Places of the scripts in sol_redis_options.scripts. */
enum { SOL_SCRIPT_ADVANCE = 0, SOL_SCRIPT_PUT = 1, SOL_SCRIPT_STREAM = 2 };

/* How often scripts are loaded again within one call. */
enum { SOL_SCRIPT_ROUNDS = 3 };

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

/* redis_store.c: OK, or the failure that an error reply stands for. */
solid_status sol_redis_check(sol_redis_store *store, const redisReply *reply);
solid_status sol_redis_out_of_step(sol_redis_store *store);
/* 1 if the reply says that the script is not loaded. */
int sol_redis_is_missing(const redisReply *reply);

/* redis_streams.c: slots of solid_store_ops. */
solid_status sol_redis_epoch(solid_store *store, solid_store_epoch *out);
solid_status sol_redis_epoch_begin(solid_store *store, int anew, solid_store_epoch *out);
solid_status sol_redis_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size);
solid_status sol_redis_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                   int *saved);

/* NULL is a no-op. */
void sol_redis_store_free(sol_redis_store *store);

#endif
