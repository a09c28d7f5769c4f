/* Options of the store, shared by programs: their check, and opening the store. */
#ifndef EXAMPLES_COMMON_STORE_OPTIONS_H
#define EXAMPLES_COMMON_STORE_OPTIONS_H

#include "examples/common/config.h"
#include "solid/context.h"
#include "solid/model.h"
#include "solid/store.h"
#include <stddef.h>

enum { STORE_REDIS = 0, STORE_MEMORY = 1 }; /* store_options.kind */

typedef struct store_options {
  int kind, element;
  const char *redis, *user, *password, *password_file, *prefix;
  const char *sentinel_user, *sentinel_password_file;
  const char *ca, *cert, *key, *tls_name;
  int64_t database, replicas, settle_ms;
  int may_be_away;        /* 1 = may be opened before its server answers */
  int64_t memory_mb;      /* that the store in memory may take up; 0 = the library's default */
  int64_t ttl_s;          /* 0 = never in memory; in Redis the times to live set by other programs stay */
  int64_t history;        /* events kept of a user; 0 = the model's window */
  const char *items_file; /* of the item log of a store in memory; NULL = it is not kept */
} store_options;

/* How much is kept of a user. */
#define STORE_HISTORY_PROPERTY(struct_)                                                                                \
  {                                                                                                                    \
    .name = "history", .type = SOLID_PROPERTY_INT, .preset = "0", .min = 0, .max = SOLID_HISTORY_MAX,                  \
    .meaning = "events kept of each user, the window at least; from 512 on in pages, with the set of all items ever "  \
               "taken, none of which is "                                                                              \
               "recommended again; 0 = as many as the model reads",                                                    \
    .offset = offsetof(struct_, store.history)                                                                         \
  }

/* Options for reaching Redis. `struct_` is the program's struct, whose store_options is called `store`. */
#define STORE_REDIS_PROPERTIES(struct_)                                                                                \
  {.name = "redis",                                                                                                    \
   .type = SOLID_PROPERTY_STRING,                                                                                      \
   .preset = "127.0.0.1:6379",                                                                                         \
   .meaning = "where Redis is: HOST:PORT, the path of a socket, or redis://HOST:PORT/N, rediss:// (TLS), unix:/PATH, " \
              "sentinel://HOST:PORT/MASTER, sentinels://; several hosts with commas: a master, or nodes of a cluster", \
   .offset = offsetof(struct_, store.redis)},                                                                          \
      {.name = "redis-user",                                                                                           \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "Redis user for AUTH",                                                                               \
       .offset = offsetof(struct_, store.user)},                                                                       \
      {.name = "redis-password",                                                                                       \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "Redis password for AUTH; put it into the --config file, not into a flag",                           \
       .offset = offsetof(struct_, store.password)},                                                                   \
      {.name = "redis-password-file",                                                                                  \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file whose first line is the Redis password",                                                       \
       .offset = offsetof(struct_, store.password_file)},                                                              \
      {.name = "redis-sentinel-user",                                                                                  \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "user for AUTH at Sentinels",                                                                        \
       .offset = offsetof(struct_, store.sentinel_user)},                                                              \
      {.name = "redis-sentinel-password-file",                                                                         \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file whose first line is the Sentinels' password; they do not take that of Redis",                  \
       .offset = offsetof(struct_, store.sentinel_password_file)},                                                     \
      {.name = "redis-ca",                                                                                             \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file of certificates that sign the Redis server's; default: those of the system",                   \
       .offset = offsetof(struct_, store.ca)},                                                                         \
      {.name = "redis-cert",                                                                                           \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file of our own certificate, for Redis servers that ask for one",                                   \
       .offset = offsetof(struct_, store.cert)},                                                                       \
      {.name = "redis-key",                                                                                            \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file of its key; default: the file of the certificate",                                             \
       .offset = offsetof(struct_, store.key)},                                                                        \
      {.name = "redis-tls-name",                                                                                       \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "host that the Redis server's certificate is made out to; default: the host as it is named",         \
       .offset = offsetof(struct_, store.tls_name)},                                                                   \
      {.name = "redis-replicas",                                                                                       \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "0",                                                                                                  \
       .min = 0,                                                                                                       \
       .max = 64,                                                                                                      \
       .meaning = "replicas that each Redis master must have, and that must have confirmed, before offsets are "       \
                  "committed; 0 = all that it has",                                                                    \
       .offset = offsetof(struct_, store.replicas)},                                                                   \
      {.name = "redis-settle-ms",                                                                                      \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "2000",                                                                                               \
       .min = 0,                                                                                                       \
       .max = 3600000,                                                                                                 \
       .meaning = "how old what a Redis server without replicas took has to be to be on its disk (appendonly yes): "   \
                  "offsets are committed then",                                                                        \
       .offset = offsetof(struct_, store.settle_ms)},                                                                  \
      {.name = "redis-database",                                                                                       \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "0",                                                                                                  \
       .min = 0,                                                                                                       \
       .max = 1 << 20,                                                                                                 \
       .meaning = "number of the Redis database",                                                                      \
       .offset = offsetof(struct_, store.database)},                                                                   \
  {                                                                                                                    \
    .name = "prefix", .type = SOLID_PROPERTY_STRING, .min = -1,                                                        \
    .preset = "solid:", .meaning = "prefix of the Redis keys", .offset = offsetof(struct_, store.prefix)               \
  }

/* The options of Redis choose it: for the program's table of needs. */
#define STORE_REDIS_NEEDS                                                                                              \
  {                                                                                                                    \
    "redis redis-user redis-password redis-password-file redis-sentinel-user redis-sentinel-password-file redis-ca "   \
    "redis-cert redis-key redis-tls-name redis-replicas redis-settle-ms redis-database prefix",                        \
        "+store=redis"                                                                                                 \
  }

/* EINVAL: the address is none (solid_redis_address_check), there are two passwords, or files of TLS
 * without TLS. Connects to nothing. */
solid_status store_options_check(const store_options *options);

/* The store for windows of the model; `log` may be NULL, and gets logging_store(its number). EINVAL as above; EIO: the
 * file of the password cannot be read; EUNSUPPORTED: built without Redis. The element is for whoever writes parameters
 * into it. */
solid_status store_options_open(solid_store **out, const store_options *options, const solid_model *model,
                                solid_log_fn log);

#endif
