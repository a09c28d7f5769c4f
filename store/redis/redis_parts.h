/* What the files of the Redis store share: redis_open.c makes it, redis_batch.c sends the scripts of a call and reads
 * the epoch behind them, redis_store.c answers the calls about users, redis_streams.c those about epoch and streams,
 * redis_server.c looks at how the server is set up, redis_adopt.c takes over records of the layout before. */
#ifndef STORE_REDIS_REDIS_PARTS_H
#define STORE_REDIS_REDIS_PARTS_H

#include "solid/base/text.h"
#include "store/redis/command.h"
#include "store/redis/redis_conn.h"
#include "store/redis_store.h"

/* Places of the scripts in sol_redis_options.scripts. */
enum { SOL_SCRIPT_ADVANCE = 0, SOL_SCRIPT_PUT = 1, SOL_SCRIPT_GET = 2, SOL_SCRIPT_STREAM = 3 };

/* How often scripts are loaded again within one call. */
enum { SOL_SCRIPT_ROUNDS = 3 };

typedef struct sol_redis_store {
  solid_store base;
  solid_redis_store_options options;
  sol_redis_conn conn;
  char *strings;   /* copies of the options' strings */
  uint8_t *record; /* room for the params of one user */
  size_t record_room;
  size_t *pending;  /* users of the batch whose script has not run yet */
  size_t n_pending; /* room of `pending` */
  int is_writer;    /* it writes under `epoch`, and stops where the server has another */
  solid_store_epoch epoch;
  int64_t looked_ms; /* when evicted keys were last counted */
  uint64_t damaged, stale, set_aside, renewed, evicted;
} sol_redis_store;

/* One call, as the callbacks of an exchange see it; only the fields of that call are set. */
typedef struct sol_redis_batch sol_redis_batch;
typedef solid_status (*sol_redis_send_fn)(sol_redis_batch *b, size_t i);
typedef solid_status (*sol_redis_take_fn)(sol_redis_batch *b, size_t i, const redisReply *reply);
struct sol_redis_batch {
  sol_redis_store *store;
  const solid_append *appends;
  const solid_bytes *users;
  const solid_params *made;
  solid_window *windows;
  solid_params *params;
  size_t *applied;
  uint8_t *found;
  solid_status *statuses;
  uint64_t generation;
  int64_t now_ms;         /* wall clock */
  sol_redis_send_fn send; /* queues the script of user i */
  sol_redis_take_fn take; /* its answer, which may be an error */
  size_t n_sent;          /* scripts of this exchange: of users store->pending[0 .. n_sent) */
  size_t n_missing;       /* store->pending[0 .. n_missing) are to be sent again */
  int asks_epoch;         /* the epoch is read behind them */
};

extern const solid_store_ops sol_redis_ops;

/* redis_batch.c: runs the script of each of n users in one exchange, and those it was missing for (after a SCRIPT
 * FLUSH) again; of a writer the epoch is read behind them. ELOST: it is another one. */
solid_status sol_redis_run(sol_redis_batch *b, size_t n, sol_redis_send_fn send, sol_redis_take_fn take);
/* Key, script and how many keys: what every script's command begins with. */
void sol_redis_begin_script(sol_command *cmd, sol_redis_store *store, int script, solid_bytes user);
solid_status sol_redis_send(sol_redis_store *store, sol_command *cmd);
solid_status sol_redis_out_of_step(sol_redis_store *store);
/* 1 if the reply says that the script is not loaded. */
int sol_redis_is_missing(const redisReply *reply);
/* A user's key for a log or an error text, escaped. */
sol_shown sol_redis_show_key(const sol_redis_store *store, solid_bytes user);

/* redis_streams.c: slots of solid_store_ops. */
solid_status sol_redis_epoch(solid_store *store, solid_store_epoch *out);
solid_status sol_redis_epoch_begin(solid_store *store, int anew, solid_store_epoch *out);
solid_status sol_redis_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size);
solid_status sol_redis_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                   int *saved);

/* redis_users.c: a slot of solid_store_ops. */
solid_status sol_redis_list(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user);

/* redis_server.c: warns of a server that evicts or keeps nothing on disk. */
solid_status sol_redis_look(sol_redis_store *store);
/* Queues a question for the evicted keys where the last one is old enough: 1, one more reply is to come. */
int sol_redis_ask_evicted(sol_redis_store *store, solid_status *status);
void sol_redis_take_evicted(sol_redis_store *store, const redisReply *reply);

/* redis_adopt.c: EFORMAT, saying what may be done, where records of the layout before are there and no epoch is. */
solid_status sol_redis_check_old(sol_redis_store *store);

/* redis_streams.c: what lies under <prefix><name>, at most `most` bytes and one more, 0 = nothing; sets it to an epoch
 * (where `only_new` is 1 only if there is nothing); removes it. */
solid_status sol_redis_read_name(sol_redis_store *store, const char *name, size_t most, void *room, size_t *size);
solid_status sol_redis_set_name(sol_redis_store *store, const char *name, const solid_store_epoch *epoch, int only_new);
solid_status sol_redis_remove_name(sol_redis_store *store, const char *name);

/* Queues one command, sends it and gives its answer to `take`. Only after sol_redis_ready. */
solid_status sol_redis_ask(sol_redis_store *store, sol_command *cmd, sol_redis_reply_fn take, void *user);

/* NULL is a no-op. */
void sol_redis_store_free(sol_redis_store *store);

#endif
