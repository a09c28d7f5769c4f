#include "examples/ingestd.h"
#include "solid/extend.h"
#include "store/memory_store.h"
#include <stdlib.h>
#include <string.h>
#ifdef SOLID_WITH_REDIS
#include "store/redis_store.h"
#endif

#ifdef SOLID_WITH_REDIS
/* "host:port", "[::1]:port" or "/path" -> host (room bytes) and port, or unix_path. */
static solid_status read_address(const char *address, char *host, size_t room, solid_redis_store_options *o) {
  const char *colon = strrchr(address, ':');
  char *end;
  if (*address == '/') {
    o->unix_path = address;
    return SOLID_OK;
  }
  unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
  size_t size = colon ? (size_t)(colon - address) : 0;
  if (!size || size >= room || !port || port > 65535 || *end)
    return solid_fail(SOLID_EINVAL, "--redis: '%s' is neither HOST:PORT nor the path of a socket", address);
  int bracketed = address[0] == '[' && address[size - 1] == ']';
  snprintf(host, room, "%.*s", (int)size - 2 * bracketed, address + bracketed);
  o->host = host;
  o->port = (uint32_t)port;
  return SOLID_OK;
}

static solid_status open_redis(solid_store **out, const ingestd_options *options, const solid_model_info *info) {
  char host[256];
  solid_redis_store_options o = SOLID_REDIS_STORE_OPTIONS_INIT;
  o.window = info->window;
  o.width = info->width;
  o.params = info->params;
  o.element = (solid_element)options->element;
  o.username = options->redis_user;
  o.password = options->redis_password;
  o.database = (uint32_t)options->redis_database;
  o.prefix = options->prefix;
  o.ttl_ms = options->ttl_s * 1000;
  o.log = ingestd_log;
  o.log_user = NULL;
  solid_status status = read_address(options->redis, host, sizeof host, &o);
  return status ? status : solid_redis_store_open(out, &o);
}
#else
static solid_status open_redis(solid_store **out, const ingestd_options *options, const solid_model_info *info) {
  (void)out, (void)options, (void)info;
  return solid_fail(SOLID_EUNSUPPORTED, "--store redis: built without Redis, use --store memory");
}
#endif

solid_status ingestd_open_store(solid_store **out, const ingestd_options *options, const solid_model_info *info) {
  if (options->store == INGESTD_REDIS) return open_redis(out, options, info);
  solid_memory_store_options o = SOLID_MEMORY_STORE_OPTIONS_INIT;
  o.window = info->window;
  o.width = info->width;
  o.params = info->params;
  o.element = (solid_element)options->element;
  o.ttl_ms = options->ttl_s * 1000;
  return solid_memory_store_open(out, &o);
}
