/* The store in Redis, one server, a master that Sentinels know, or a cluster: one hash a user (store/redis/record.lua
 * says what is in it), one script a user and one round trip a call, whatever the size of the batch; in a cluster one to
 * each node that it concerns, at the same time. Used by one thread at a time; another thread, process or machine
 * opens its own.
 *
 * When the server is away, full or slow, a call answers with a retriable status within the timeouts (the look-up of a
 * host name excepted), at once while the next attempt to connect is not due; the store mends itself and never raises a
 * signal. Statuses: EFULL (no memory, or no disk that can be written), ETIMEDOUT, EIO (what passes, with the server's
 * text); final are EREFUSED (what does not: store/redis/errors.c has the table) and ELOST (the server lost what it
 * held: solid/store.h); of one user: EUNSUPPORTED, a record of a newer version, and EFORMAT, the key is of another
 * type, or the list of who was forgotten is damaged. It is left as it is, while a record of ours that is damaged is
 * renamed
 * (":damaged" behind its name) and begun anew. READONLY, LOADING and the like end the connection, so that the next one
 * may find the new master. */
#ifndef STORE_REDIS_STORE_H
#define STORE_REDIS_STORE_H

#include "solid/model.h"
#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Strings are copied. */
typedef struct solid_redis_store_options {
  uint32_t struct_size; /* set by SOLID_REDIS_STORE_OPTIONS_INIT */
  uint32_t window;      /* L: steps that a call returns; 0 = as many as the model reads */
  const char *host;
  const char *unix_path;           /* socket to use instead of host and port; NULL = none */
  const char *username, *password; /* NULL = no AUTH; a password alone is that of the default user */
  const char *prefix;              /* of all keys: at most 64 bytes without braces */
  uint32_t port, database;
  int64_t ttl_ms;          /* a user not read or written for this long is forgotten; 0 = this store renews
                              no time to live: what another store has set stays, or none */
  uint32_t jitter_percent; /* each TTL is longer by a random share up to this; 0 to 100 */
  uint32_t connect_timeout_ms, timeout_ms; /* to connect; for one call */
  uint32_t backoff_min_ms, backoff_max_ms; /* between attempts to connect */
  solid_log_fn log;                        /* receives lost and new connections, unreadable records; NULL = silent */
  void *log_user;
  uint32_t readonly_ms; /* READONLY is final only when no write has gone well for so long */
  uint32_t look_ms;     /* how often it is asked how many keys were evicted; a writer warns */
  int32_t may_be_away;  /* 1 = a server that cannot be reached yet is no failure of opening; default 0 */
  int32_t replicas;     /* how many there must be, and have, what safe_age calls safe; 0 = those that there are */
  uint32_t settle_ms;   /* when what a server without replicas took is on its disk: appendfsync everysec */
  const char *address;  /* instead of host, port and unix_path: as solid_redis_address_check takes it; NULL = none. A
                           database that it names must be that of `database` where that is not 0 */
  /* With an address of TLS alone, files in PEM form: who is trusted (NULL = whom the system trusts), who we are (NULL =
   * nobody) and our key without a passphrase (NULL = it is in the file of the certificate), and to whom the server's
   * certificate is made out (NULL = the host as it is named) */
  const char *tls_ca, *tls_cert, *tls_key, *tls_name;
  const char *sentinel_username, *sentinel_password; /* of the Sentinels, who do not take those of the servers; NULL =
                                                        no AUTH there */
  uint32_t history; /* steps kept per user, at most SOLID_HISTORY_MAX; 0 = the window's, and of a user whose history
                       another handle keeps no page is dropped */
} solid_redis_store_options;

#define SOLID_REDIS_STORE_OPTIONS_INIT                                                                                 \
  {                                                                                                                    \
    sizeof(solid_redis_store_options), 0, "127.0.0.1", NULL, NULL, NULL, "solid:", 6379, 0, 30LL * 24 * 3600 * 1000,   \
        10, 1000, 1000, 50, 2000, NULL, NULL, 60000, 10000, 0, 0, 2000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0    \
  }

/* The same for callers who cannot use macros. */
SOLID_API solid_redis_store_options solid_redis_store_options_default(void);

/* OK where `text` says where Redis is, else EINVAL (EUNSUPPORTED: TLS, in a build without it), with what is expected:
 * HOST:PORT, /PATH, redis://HOST[:PORT][,HOST...][/DATABASE], rediss:// (TLS), unix:/PATH,
 * sentinel://HOST[:PORT][,HOST...]/MASTER[/DATABASE], sentinels:// (TLS). Of several hosts the one that is a master is
 * used, or they are some nodes of a cluster. Connects to nothing. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_redis_address_check(const char *text);

/* Counted since the store was opened. */
typedef struct solid_redis_store_stats {
  uint32_t struct_size; /* set by the caller to sizeof(solid_redis_store_stats) */
  uint64_t connections; /* made: 1 + the reconnections */
  uint64_t round_trips;
  uint64_t damaged;   /* records and params that could not be read: begun anew by a writer, not there for a reader */
  uint64_t stale;     /* params of another generation or size: taken as not there */
  uint64_t set_aside; /* answers for users whose key is none of ours */
  uint64_t renewed;   /* records of an earlier epoch that were begun anew */
  uint64_t evicted;   /* keys that the server has evicted since it started, as was last told */
  uint64_t dropped;   /* steps that left a history because it is longer than is kept */
} solid_redis_store_stats;

/* Connects and opens for windows of the model. The model is not kept, and may be NULL if the options have a window.
 * `options` NULL = the defaults. On success *out is owned by the caller: solid_store_close. EINVAL: an option out of
 * range. EIO, ETIMEDOUT: the server cannot be reached or refuses us; the text names it. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_store_open_redis(solid_store **out, const solid_model *model,
                                                                 const solid_redis_store_options *options);

/* Fills the fields that fit in stats->struct_size. EINVAL: not a Redis store. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_redis_store_get_stats(solid_store *store,
                                                                      solid_redis_store_stats *stats);

/* The stream that the events of a partition are of, for marks of the earlier layout; 0 = leave its mark out. */
typedef uint64_t (*solid_redis_stream_fn)(void *stream_user, uint32_t partition);

/* Takes over the records of the earlier layout (two keys a user, without an epoch), which keep a writer from beginning
 * (EUNSUPPORTED): window, params, the time that is left and marks, as those of the streams that `stream_of` says. Then
 * begins an epoch. No writer may be at work. When it fails midway it is called again. *users (may be NULL) counts them.
 * EINVAL: not a Redis store, or an epoch is there. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_redis_store_adopt(solid_store *store, solid_redis_stream_fn stream_of,
                                                                  void *stream_user, uint64_t *users);

/* Removes those records instead, of whom events will be read again. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_redis_store_forget_old(solid_store *store, uint64_t *users);

#ifdef __cplusplus
}
#endif
#endif
