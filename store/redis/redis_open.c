#include "solid/base/clock.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/keys.h"
#include "store/redis/redis_parts.h"
#include "store/scripts.h"
#include <stdlib.h>
#include <string.h>

void sol_redis_store_free(sol_redis_store *store) {
  if (!store) return;
  sol_redis_close(&store->conn);
  free(store->strings);
  free(store->record);
  free(store->pending);
  free(store);
}

static solid_status check_options(const solid_redis_store_options *o) {
  if (!o->unix_path && (!o->host || o->port < 1 || o->port > 65535))
    return solid_fail(SOLID_EINVAL, "redis store: port %u of host %s", o->port, o->host ? o->host : "(none)");
  if (!o->prefix || !sol_key_prefix_ok(o->prefix))
    return solid_fail(SOLID_EINVAL, "redis store: prefix of more than %d bytes or with braces", SOL_KEY_PREFIX_MAX);
  if (o->ttl_ms < 0 || o->ttl_ms > INT64_MAX / 4 || o->jitter_percent > 100)
    return solid_fail(SOLID_EINVAL, "redis store: ttl of %lld ms with a jitter of %u percent", (long long)o->ttl_ms,
                      o->jitter_percent);
  if (!o->timeout_ms || !o->connect_timeout_ms || o->timeout_ms > INT32_MAX || o->connect_timeout_ms > INT32_MAX)
    return solid_fail(SOLID_EINVAL, "redis store: timeouts of %u and %u ms", o->connect_timeout_ms, o->timeout_ms);
  if (o->username && !o->password) return solid_fail(SOLID_EINVAL, "redis store: user name without a password");
  return SOLID_OK;
}

/* Copies the strings of the options behind one another and points the options at the copies. */
static char *copy_strings(solid_redis_store_options *o) {
  const char **fields[] = {&o->host, &o->unix_path, &o->username, &o->password, &o->prefix};
  enum { FIELDS = sizeof fields / sizeof *fields };
  size_t size = 1;
  for (int i = 0; i < FIELDS; i++) size += *fields[i] ? strlen(*fields[i]) + 1 : 0;
  char *strings = malloc(size), *next = strings;
  for (int i = 0; i < FIELDS && strings; i++) {
    if (!*fields[i]) continue;
    size_t length = strlen(*fields[i]) + 1;
    *fields[i] = memcpy(next, *fields[i], length);
    next += length;
  }
  return strings;
}

static void init_conn(sol_redis_store *store) {
  const solid_redis_store_options *o = &store->options;
  sol_redis_init(&store->conn, &(sol_redis_options){.host = o->host,
                                                    .port = (uint16_t)o->port,
                                                    .unix_path = o->unix_path,
                                                    .username = o->username,
                                                    .password = o->password,
                                                    .database = o->database,
                                                    .connect_timeout_ms = o->connect_timeout_ms,
                                                    .timeout_ms = o->timeout_ms,
                                                    .backoff_min_ms = o->backoff_min_ms,
                                                    .backoff_max_ms = o->backoff_max_ms,
                                                    .readonly_ms = o->readonly_ms,
                                                    .scripts = {[SOL_SCRIPT_ADVANCE] = sol_advance_lua,
                                                                [SOL_SCRIPT_PUT] = sol_put_params_lua,
                                                                [SOL_SCRIPT_GET] = sol_get_lua,
                                                                [SOL_SCRIPT_STREAM] = sol_stream_save_lua},
                                                    .log = o->log,
                                                    .log_user = o->log_user});
}

solid_redis_store_options solid_redis_store_options_default(void) {
  return (solid_redis_store_options)SOLID_REDIS_STORE_OPTIONS_INIT;
}

solid_status solid_store_open_redis(solid_store **out, const solid_model *model,
                                    const solid_redis_store_options *options) {
  solid_redis_store_options o = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (!out) return solid_fail(SOLID_EINVAL, "redis store: out is NULL");
  solid_status status = sol_struct_take(&o, sizeof o, options, "redis store options");
  if (!status) status = sol_port_window(&o.window, model);
  if (!status) status = check_options(&o);
  if (status) return status;
  sol_redis_store *store = calloc(1, sizeof *store);
  if (!store) return solid_fail(SOLID_ENOMEM, "redis store");
  store->options = o;
  store->looked_ms = sol_steady_ms();
  store->base = (solid_store){&sol_redis_ops, o.window};
  store->strings = copy_strings(&store->options);
  if (store->strings) {
    init_conn(store);
    status = sol_redis_ready(&store->conn);
    if (o.may_be_away && solid_status_is_retriable(status)) status = SOLID_OK;
  } else {
    status = solid_fail(SOLID_ENOMEM, "redis store: options");
  }
  if (status) {
    sol_redis_store_free(store);
    return status;
  }
  *out = &store->base;
  return SOLID_OK;
}

solid_status solid_redis_store_get_stats(solid_store *base, solid_redis_store_stats *stats) {
  const sol_redis_store *store = (const sol_redis_store *)base;
  if (!base || base->ops != &sol_redis_ops)
    return solid_fail(SOLID_EINVAL, "redis store: statistics of something else than a redis store");
  if (!stats) return solid_fail(SOLID_EINVAL, "redis store: statistics into NULL");
  const solid_redis_store_stats all = {.connections = store->conn.connections,
                                       .round_trips = store->conn.exchanges,
                                       .damaged = store->damaged,
                                       .stale = store->stale,
                                       .set_aside = store->set_aside,
                                       .renewed = store->renewed,
                                       .evicted = store->evicted};
  return sol_struct_give(stats, &all, sizeof all, "redis store statistics");
}
