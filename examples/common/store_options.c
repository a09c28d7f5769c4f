#include "examples/common/store_options.h"
#include "examples/common/address.h"
#include "examples/common/config_text.h"
#include "examples/common/logging.h"
#include "solid/extend.h"
#include "store/memory_store.h"
#include <errno.h>
#include <stdatomic.h>
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
  if (options->password && options->password_file)
    return solid_fail(SOLID_EINVAL, "--redis-password and --redis-password-file exclude one another");
  return options->kind == STORE_REDIS ? read_address(&unused, options->redis) : SOLID_OK;
}

#ifdef SOLID_WITH_REDIS
/* The first line of the file, without an editor's byte order mark. */
static solid_status read_password(const char *path, char *out, size_t room) {
  FILE *file = fopen(path, "r");
  if (!file) return solid_fail(SOLID_EINVAL, "%s: %s", path, strerror(errno));
  size_t n = fread(out, 1, room, file), mark = n >= 3 && !memcmp(out, "\xef\xbb\xbf", 3) ? 3 : 0, size = mark;
  fclose(file);
  while (size < n && out[size] != '\n' && out[size] != '\r') size++;
  if (size == room) return solid_fail(SOLID_EINVAL, "%s: the password has more than %zu bytes", path, room - 1);
  if (size == mark) return solid_fail(SOLID_EINVAL, "%s: no password in it", path);
  if (memchr(out, 0, size)) return solid_fail(SOLID_EINVAL, "%s: a zero byte: not a line of text", path);
  memmove(out, out + mark, size - mark);
  out[size - mark] = 0;
  return SOLID_OK;
}

static atomic_uint stores; /* that were opened, so that their lines can be told apart */

static solid_status open_redis(solid_store **out, const store_options *options, const solid_model *model,
                               solid_log_fn log) {
  address where;
  char password[1024];
  solid_status status = read_address(&where, options->redis);
  if (status) return status;
  solid_redis_store_options o = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (where.path)
    o.unix_path = where.path;
  else
    o.host = where.host, o.port = where.port;
  o.username = options->user;
  o.password = options->password;
  if (options->password_file) {
    status = read_password(options->password_file, password, sizeof password);
    if (status) return status;
    config_warn_readable("--redis-password-file", options->password_file, "a password");
    o.password = password;
  }
  o.database = (uint32_t)options->database;
  o.prefix = options->prefix;
  o.ttl_ms = options->ttl_s * 1000;
  o.log = log;
  o.log_user = logging_store(atomic_fetch_add(&stores, 1) + 1);
  o.may_be_away = options->may_be_away;
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
