/* One connection to a Redis server that mends itself.
 *
 * A failure (peer gone, timeout, bytes that are no reply) closes the connection. The next call connects again: at once
 * after the first failure, later not before a delay that doubles from backoff_min_ms to backoff_max_ms and is shortened
 * at random by up to a half, so that many clients do not come back in step. A call within the delay fails at once.
 * Every exchange has one deadline (store/redis/transport.h says what may take longer). */
#ifndef STORE_REDIS_CONNECTION_H
#define STORE_REDIS_CONNECTION_H

#include "solid/base/backoff.h"
#include "solid/base/random.h"
#include "solid/context.h"
#include "store/redis/command.h"
#include "store/redis/transport.h"
#include <hiredis/hiredis.h>

enum { SOL_REDIS_SCRIPTS = 15, SOL_REDIS_SHA_SIZE = 40, SOL_IDENTITY_ROOM = 116 };

#define SOL_NO_REPLY SIZE_MAX

/* Borrowed strings must outlive the connection. */
typedef struct sol_redis_options {
  const char *username, *password;
  const char *sentinel_username, *sentinel_password;
  uint32_t database;
  uint32_t connect_timeout_ms, timeout_ms;
  uint32_t backoff_min_ms, backoff_max_ms;
  uint32_t readonly_ms;                   /* how long a server that takes no writes is thought to be about to */
  const char *scripts[SOL_REDIS_SCRIPTS]; /* loaded whenever a connection is made; NULL = none */
  const sol_tls_options *tls;             /* NULL = none */
  int is_asked;     /* who the server is, is asked whenever a connection is made: `identity` and `is_cluster` */
  int is_choosy;    /* the server must be a master, or of a cluster */
  solid_log_fn log; /* may be NULL */
  void *log_user;
} sol_redis_options;

/* Says where the server is now. EIO: it is not known. */
typedef solid_status (*sol_redis_find_fn)(void *user, sol_place *out);

/* A reply that is to come: number of its command, and how many bytes it may have (0 = any). */
typedef struct sol_redis_due {
  size_t number, most;
} sol_redis_due;

typedef struct sol_redis_conn {
  const sol_redis_options *options; /* borrowed: one for all connections of a store */
  const sol_place *places;          /* borrowed: one after the other is tried until one takes us */
  size_t n_places, at;
  sol_redis_find_fn find; /* not NULL: says the place, which is put into `found` */
  void *find_user;
  sol_place found;
  sol_transport transport;
  redisReader *reader;
  char *out; /* commands that are to be sent */
  size_t out_size, out_sent, out_room;
  sol_redis_due *queued; /* replies that are to come */
  size_t n_queued, n_taken, queued_room;
  size_t due, out_due; /* of them in the exchange that is under way */
  short send_wants, receive_wants;
  uint64_t received, begun; /* bytes of replies; where the one that is under way begins */
  size_t too_long;          /* number of the command whose reply was longer than it may be; SOL_NO_REPLY = none */
  char name[sizeof "redis " + SOL_HOST_ROOM + 8]; /* for messages: "redis host:port" */
  char why[256];                                  /* the last failure */
  solid_status why_status;
  int is_elsewhere; /* an answer said `why`: it is given up when the other answers are there */
  char sha[SOL_REDIS_SCRIPTS][SOL_REDIS_SHA_SIZE + 1];
  uint32_t failures;   /* since the last exchange that went well */
  int64_t retry_at_ms; /* monotonic */
  sol_backoff backoff;
  sol_random random;    /* so that many clients do not come back in step */
  int is_proven;        /* a command has gone well: what is not understood from now on may pass */
  int64_t readonly_ms;  /* monotonic: since when writes are refused; 0 = they are not */
  uint64_t connections; /* made so far */
  uint64_t exchanges;
  int is_cluster; /* as the server said */
  /* Which server this is and what became of it: another one may lack what the one before had taken. "" = not known */
  char identity[SOL_IDENTITY_ROOM];
  int is_changed;   /* it was another one while not all that was written was safe; reset by who has seen it */
  int64_t wrote_ns; /* steady: when what is to be kept was sent last; 0 = never */
  int64_t safe_ns;  /* what was written until then outlives the server (redis_safety.c) */
  int64_t replicas; /* that it had when it was asked last; -1 = not asked */
  int64_t offset;   /* of its replication, then */
  int64_t offset_ns;
  int64_t waited_ns; /* when its replicas were waited for last */
  uint32_t wait_ms;  /* how long they are waited for next */
  int has_log;       /* 1 = it keeps an append-only file; 0 = none, or it does not say */
  uint64_t evicted;  /* keys, as it said last */
} sol_redis_conn;

/* Does not connect. */
void sol_redis_init(sol_redis_conn *conn, const sol_redis_options *options, const sol_place *places, size_t n_places);
void sol_redis_close(sol_redis_conn *conn); /* may be made again */
void sol_redis_end(sol_redis_conn *conn);   /* with all its memory */

/* Connected, or connected now. Notices a peer that hung up since the last exchange. EIO, ETIMEDOUT. */
solid_status sol_redis_ready(sol_redis_conn *conn);

/* Adds a command to those that the next exchange sends; its reply comes with this number, SOL_NO_REPLY: to nobody.
 * ENOMEM. Only after sol_redis_ready. */
solid_status sol_redis_queue(sol_redis_conn *conn, size_t number, const sol_command *cmd);

/* Takes back what is queued and was not sent. */
void sol_redis_discard(sol_redis_conn *conn);

/* Receives the reply with this number, borrowed. A status other than OK is remembered (the first one), and the rest is
 * read and received all the same. */
typedef solid_status (*sol_redis_reply_fn)(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply);

/* exchange.c: sends what is queued at n connections and reads all replies, whichever comes first. EIO, ETIMEDOUT, or
 * the first status of `fn`. One that fails does not keep the others from being read to their end. What `fn` queues is
 * for the next exchange. A reply that is longer than its command says is not read: the connection is closed, `too_long`
 * is its number, and the next one is made at once. */
solid_status sol_redis_exchange(sol_redis_conn *const *conns, size_t n, sol_redis_reply_fn fn, void *user);
solid_status sol_redis_exchange_one(sol_redis_conn *conn, sol_redis_reply_fn fn, void *user);

/* Loads the scripts again, after a NOSCRIPT. */
solid_status sol_redis_load_scripts(sol_redis_conn *conn);

/* Asks who the server is, as is_asked does. */
solid_status sol_redis_identify(sol_redis_conn *conn);

/* OK, or what an error reply means (errors.h), with the server's text: retriable, EREFUSED, EUNSUPPORTED, or EFORMAT of
 * one key alone. Closes the connection where another server should be asked. */
solid_status sol_redis_reply_status(sol_redis_conn *conn, const redisReply *reply);

/* A write went well. */
void sol_redis_wrote(sol_redis_conn *conn);

/* One line for the log of the options. */
void sol_redis_log(const sol_redis_conn *conn, solid_log_level level, const char *format, ...) SOLID_PRINTF(3, 4);

/* Closes the connection and plans the next attempt. Returns the status, with the text. */
solid_status sol_redis_lose(sol_redis_conn *conn, solid_status status, const char *why);

/* The same after a reply that makes no sense. Returns EIO. */
solid_status sol_redis_drop(sol_redis_conn *conn, const char *why);

/* What stands behind "\n<name>:" in the text of INFO, up to the end of its line; NULL if it is not there. */
const char *sol_redis_field(const redisReply *reply, const char *name, size_t *size);

#endif
