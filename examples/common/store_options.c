#include "examples/common/store_options.h"
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

#ifdef SOLID_WITH_REDIS
/* Who names a certificate believes that nobody can read along. */
static solid_status check_tls(const store_options *o) {
  int is_tls = strncmp(o->redis, "rediss://", 9) == 0 || strncmp(o->redis, "sentinels://", 12) == 0;
  const char *wrong = o->ca ? "ca" : o->cert ? "cert" : o->key ? "key" : o->tls_name ? "tls-name" : NULL;
  if (wrong && !is_tls)
    return solid_fail(SOLID_EINVAL, "--redis-%s is for TLS, and --redis %s is without: want rediss:// or sentinels://",
                      wrong, o->redis);
  if (o->key && !o->cert)
    return solid_fail(SOLID_EINVAL, "--redis-key is the key of a certificate: needs --redis-cert");
  return SOLID_OK;
}
#endif

solid_status store_options_check(const store_options *options) {
  if (options->password && options->password_file)
    return solid_fail(SOLID_EINVAL, "--redis-password and --redis-password-file exclude one another");
#ifdef SOLID_WITH_REDIS
  if (options->kind == STORE_REDIS) {
    solid_status status = solid_redis_address_check(options->redis);
    if (!status && options->sentinel_user && !options->sentinel_password_file)
      status = solid_fail(SOLID_EINVAL, "--redis-sentinel-user needs --redis-sentinel-password-file");
    if (!status && options->sentinel_password_file && strncmp(options->redis, "sentinel", 8) != 0)
      status =
          solid_fail(SOLID_EINVAL, "--redis-sentinel-password-file is for sentinel:// or sentinels://, not --redis %s",
                     options->redis);
    return status ? status : check_tls(options);
  }
#endif
  return SOLID_OK;
}

#ifdef SOLID_WITH_REDIS
enum { PASSWORD_ROOM = 1024 };

/* *password becomes the first line of the file, in `out` (PASSWORD_ROOM), without an editor's byte order mark; it stays
 * where no file is named. */
static solid_status read_password(const char *flag, const char *path, char *out, const char **password) {
  size_t room = PASSWORD_ROOM;
  if (!path) return SOLID_OK;
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
  *password = out;
  config_warn_readable(flag, path, "a password");
  return SOLID_OK;
}

static atomic_uint stores; /* that were opened, so that their lines can be told apart */

/* A server's own words begin with one of capitals: "LOADING Redis is ...". */
static int has_answered(const char *error) {
  const char *said = strstr(error, ": ");
  size_t n = 0;
  while (said && said[2 + n] >= 'A' && said[2 + n] <= 'Z') n++;
  return n > 1 && said[2 + n] == ' ';
}

static solid_status open_redis(solid_store **out, const store_options *options, const solid_model *model,
                               solid_log_fn log) {
  char password[PASSWORD_ROOM], of_sentinels[PASSWORD_ROOM];
  solid_redis_store_options o = SOLID_REDIS_STORE_OPTIONS_INIT;
  o.address = options->redis;
  o.tls_ca = options->ca;
  o.tls_cert = options->cert;
  o.tls_key = options->key;
  o.tls_name = options->tls_name;
  o.replicas = (int32_t)options->replicas;
  o.settle_ms = (uint32_t)options->settle_ms;
  o.username = options->user;
  o.password = options->password;
  solid_status status = read_password("--redis-password-file", options->password_file, password, &o.password);
  o.sentinel_username = options->sentinel_user;
  if (!status)
    status = read_password("--redis-sentinel-password-file", options->sentinel_password_file, of_sentinels,
                           &o.sentinel_password);
  if (status) return status;
  o.database = (uint32_t)options->database;
  o.prefix = options->prefix;
  o.ttl_ms = options->ttl_s * 1000;
  o.history = (uint32_t)options->history;
  o.log = log;
  o.log_user = logging_store(atomic_fetch_add(&stores, 1) + 1);
  o.may_be_away = options->may_be_away;
  status = solid_store_open_redis(out, model, &o);
  if (!solid_status_is_retriable(status) || has_answered(solid_last_error())) return status;
  return solid_fail(status, "%s: is Redis running there? (--redis says where)", solid_last_error());
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
  o.history = (uint32_t)options->history;
  if (options->memory_mb) o.max_bytes = (uint64_t)options->memory_mb << 20;
  o.items_path = options->items_file;
  o.log = log;
  o.log_user = logging_store(0);
  return solid_store_open_memory(out, model, &o);
}
