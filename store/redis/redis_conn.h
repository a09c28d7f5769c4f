/* One connection to a Redis server that mends itself.
 *
 * A failure (peer gone, timeout, bytes that are no reply) closes the connection. The next call connects again: at once
 * after the first failure, later not before a delay that doubles from backoff_min_ms to backoff_max_ms and is shortened
 * at random by up to a half, so that many clients do not come back in step. A call within the delay fails at once.
 * The socket is non-blocking and every exchange has one deadline; writes are sent so that a dead peer is an error and
 * never a signal. Looking up a host name is the one thing that may take longer. */
#ifndef STORE_REDIS_REDIS_CONN_H
#define STORE_REDIS_REDIS_CONN_H

#include "solid/base/backoff.h"
#include "solid/base/random.h"
#include "solid/context.h"
#include <hiredis/hiredis.h>

enum { SOL_REDIS_SCRIPTS = 4, SOL_REDIS_SHA_SIZE = 40 };

/* Borrowed strings must outlive the connection. */
typedef struct sol_redis_options {
  const char *host;
  uint16_t port;
  const char *unix_path; /* instead of host and port */
  const char *username, *password;
  uint32_t database;
  uint32_t connect_timeout_ms, timeout_ms;
  uint32_t backoff_min_ms, backoff_max_ms;
  uint32_t readonly_ms;                   /* how long a server that takes no writes is thought to be about to */
  const char *scripts[SOL_REDIS_SCRIPTS]; /* loaded whenever a connection is made */
  solid_log_fn log;                       /* may be NULL */
  void *log_user;
} sol_redis_options;

typedef struct sol_redis_conn {
  sol_redis_options options;
  redisContext *redis; /* NULL = not connected */
  char name[128];      /* for messages: "redis host:port" */
  char why[256];       /* the last failure */
  solid_status why_status;
  char sha[SOL_REDIS_SCRIPTS][SOL_REDIS_SHA_SIZE + 1];
  uint32_t failures;   /* since the last exchange that went well */
  int64_t retry_at_ms; /* monotonic */
  sol_backoff backoff;
  sol_random random;    /* so that many clients do not come back in step */
  int is_proven;        /* a command has gone well: what is not understood from now on may pass */
  int64_t readonly_ms;  /* monotonic: since when writes are refused; 0 = they are not */
  uint64_t connections; /* made so far */
  uint64_t exchanges;
} sol_redis_conn;

/* Does not connect. */
void sol_redis_init(sol_redis_conn *conn, const sol_redis_options *options);
void sol_redis_close(sol_redis_conn *conn);

/* Connected, or connected now. Notices a peer that hung up since the last exchange. EIO, ETIMEDOUT. */
solid_status sol_redis_ready(sol_redis_conn *conn);

/* Adds a command to those that the next exchange sends. ENOMEM. Only after sol_redis_ready. */
solid_status sol_redis_queue(sol_redis_conn *conn, int argc, const char **argv, const size_t *sizes);

/* Receives reply i, borrowed. A status other than OK is remembered (the first one) while the rest is read. */
typedef solid_status (*sol_redis_reply_fn)(void *user, size_t i, const redisReply *reply);

/* Sends what is queued and reads n replies. EIO, ETIMEDOUT, or the first status of `fn`. */
solid_status sol_redis_exchange(sol_redis_conn *conn, size_t n, sol_redis_reply_fn fn, void *user);

/* Loads the scripts again, after a NOSCRIPT. */
solid_status sol_redis_load_scripts(sol_redis_conn *conn);

/* OK, or what an error reply means (errors.h), with the server's text: retriable, EREFUSED, EUNSUPPORTED, or EFORMAT of
 * one key alone. Closes the connection where another server should be asked. */
solid_status sol_redis_reply_status(sol_redis_conn *conn, const redisReply *reply);

/* A write went well. */
void sol_redis_wrote(sol_redis_conn *conn);

/* One line for the log of the options. */
void sol_redis_log(const sol_redis_conn *conn, solid_log_level level, const char *format, ...) SOLID_PRINTF(3, 4);

/* Closes the connection after a reply that makes no sense. Returns EIO. */
solid_status sol_redis_drop(sol_redis_conn *conn, const char *why);

#endif
