#include "examples/common/store_options.h"
#include "examples/common/address.h"
#include "solid/extend.h"
#include "store/memory_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef SOLID_WITH_REDIS
#include "store/redis_store.h"
#endif

#define HOST_ROOM 256

/* An address in parts: a host and a port, or a path. */
typedef struct address {
  char host[HOST_ROOM];
  uint32_t port;
  const char *path; /* NULL = host and port */
} address;

/* "host:port", "[::1]:port" or "/path". */
static solid_status read_address(address *out, const char *text) {
  const char *colon = strrchr(text, ':');
  char *end;
  *out = (address){.path = NULL};
  if (*text == '/') {
    out->path = text;
    return SOLID_OK;
  }
  unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
  size_t size = colon ? (size_t)(colon - text) : 0;
  if (!size || size >= sizeof out->host || !port || port > 65535 || *end)
    return solid_fail(SOLID_EINVAL, "--redis: '%s' is neither HOST:PORT nor the path of a socket", text);
  int bracketed = text[0] == '[' && text[size - 1] == ']';
  snprintf(out->host, sizeof out->host, "%.*s", (int)size - 2 * bracketed, text + bracketed);
  out->port = (uint32_t)port;
  return SOLID_OK;
}

solid_status store_options_check(const store_options *options) {
  address unused;
  solid_status status = options->kind == STORE_REDIS ? address_check("--redis", options->redis) : SOLID_OK;
  if (status) return status;
  return options->kind == STORE_REDIS ? read_address(&unused, options->redis) : SOLID_OK;
}

#ifdef SOLID_WITH_REDIS
static solid_status open_redis(solid_store **out, const store_options *options, const solid_model *model,
                               solid_log_fn log) {
  address where;
  solid_status status = read_address(&where, options->redis);
  if (status) return status;
  solid_redis_store_options o = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (where.path)
    o.unix_path = where.path;
  else
    o.host = where.host, o.port = where.port;
  o.username = options->user;
  o.password = options->password;
  o.database = (uint32_t)options->database;
  o.prefix = options->prefix;
  o.ttl_ms = options->ttl_s * 1000;
  o.log = log;
  return solid_store_open_redis(out, model, &o);
}
#else
static solid_status open_redis(solid_store **out, const store_options *options, const solid_model *model,
                               solid_log_fn log) {
  (void)out, (void)options, (void)model, (void)log;
  return solid_fail(SOLID_EUNSUPPORTED, "--store redis: built without Redis, use --store memory");
}
#endif

solid_status store_options_open(solid_store **out, const store_options *options, const solid_model *model,
                                solid_log_fn log) {
  if (options->kind == STORE_REDIS) return open_redis(out, options, model, log);
  solid_memory_store_options o = SOLID_MEMORY_STORE_OPTIONS_INIT;
  o.ttl_ms = options->ttl_s * 1000;
  if (options->memory_mb) o.max_bytes = (uint64_t)options->memory_mb << 20;
  return solid_store_open_memory(out, model, &o);
}
