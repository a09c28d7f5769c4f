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
  sol_cluster_end(&store->cluster);
  free(store->tags);
  free(store->marks.proven);
  free(store->marks.asked);
  free(store->strings);
  free(store->record);
  free(store->notes);
  free(store->list);
  free(store->full);
  free(store->blob);
  free(store->apart);
  free(store->told);
  free(store);
}

static solid_status check_options(const solid_redis_store_options *o) {
  if (!o->address && !o->unix_path && (!o->host || o->port < 1 || o->port > 65535))
    return solid_fail(SOLID_EINVAL, "redis store: port %u of host %s", o->port, o->host ? o->host : "(none)");
  if (!o->prefix || !sol_key_prefix_ok(o->prefix))
    return solid_fail(SOLID_EINVAL, "redis store: prefix of more than %d bytes or with braces", SOL_KEY_PREFIX_MAX);
  if (o->ttl_ms < 0 || o->ttl_ms > INT64_MAX / 4 || o->jitter_percent > 100)
    return solid_fail(SOLID_EINVAL, "redis store: ttl of %lld ms with a jitter of %u percent", (long long)o->ttl_ms,
                      o->jitter_percent);
  if (!o->timeout_ms || !o->connect_timeout_ms || o->timeout_ms > INT32_MAX || o->connect_timeout_ms > INT32_MAX)
    return solid_fail(SOLID_EINVAL, "redis store: timeouts of %u and %u ms", o->connect_timeout_ms, o->timeout_ms);
  if (o->replicas < 0) return solid_fail(SOLID_EINVAL, "redis store: %d replicas", o->replicas);
  if ((o->username && !o->password) || (o->sentinel_username && !o->sentinel_password))
    return solid_fail(SOLID_EINVAL, "redis store: user name without a password");
  return SOLID_OK;
}

/* Copies the strings of the options behind one another and points the options at the copies. */
static char *copy_strings(solid_redis_store_options *o) {
  const char **fields[] = {
      &o->host,     &o->unix_path, &o->username, &o->password,          &o->prefix,           &o->address, &o->tls_ca,
      &o->tls_cert, &o->tls_key,   &o->tls_name, &o->sentinel_username, &o->sentinel_password};
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

/* Where the server is, as the options say it in one way or the other. */
static solid_status read_address(const solid_redis_store_options *o, sol_address *out) {
  memset(out, 0, sizeof *out);
  if (o->address) return sol_address_read(out, o->address);
  out->n_places = 1;
  if (!o->unix_path) return sol_place_set(&out->places[0], o->host, strlen(o->host), o->port);
  if (strlen(o->unix_path) >= sizeof out->places[0].path)
    return solid_fail(SOLID_EINVAL, "redis store: the path of a socket of more than %zu bytes",
                      sizeof out->places[0].path - 1);
  strcpy(out->places[0].path, o->unix_path);
  return SOLID_OK;
}

solid_status solid_redis_address_check(const char *text) {
  sol_address unused;
  if (!text) return solid_fail(SOLID_EINVAL, "redis store: no address");
  solid_status status = sol_address_read(&unused, text);
  if (!status && unused.is_tls && !sol_tls_is_there())
    status = solid_fail(SOLID_EUNSUPPORTED, "--redis: '%s': built without TLS (SOLID_TLS)", text);
  return status;
}

/* Who names a certificate wants TLS: without it, a password would go over the wire for all to read. */
static solid_status check_tls(const solid_redis_store_options *o, int is_tls) {
  if (!is_tls && (o->tls_ca || o->tls_cert || o->tls_key || o->tls_name))
    return solid_fail(SOLID_EINVAL, "redis store: options of TLS without an address of TLS: rediss:// or sentinels://");
  if (o->tls_key && !o->tls_cert) return solid_fail(SOLID_EINVAL, "redis store: the key of no certificate");
  if (o->tls_name && !*o->tls_name) /* OpenSSL takes any certificate then */
    return solid_fail(SOLID_EINVAL, "redis store: an empty name for the server's certificate");
  return SOLID_OK;
}

static solid_status init_cluster(sol_redis_store *store) {
  const solid_redis_store_options *o = &store->options;
  sol_address address;
  solid_status status = read_address(o, &address);
  if (!status) status = check_tls(o, address.is_tls);
  if (status) return status;
  if (address.has_database && o->database && address.database != o->database)
    return solid_fail(SOLID_EINVAL, "redis store: '%s' names database %u, the option %u", o->address, address.database,
                      o->database);
  if (o->sentinel_password && !*address.master)
    return solid_fail(SOLID_EINVAL, "redis store: a password of Sentinels without sentinel:// or sentinels://");
  store->tls = (sol_tls_options){o->tls_ca, o->tls_cert, o->tls_key, o->tls_name};
  return sol_cluster_init(&store->cluster,
                          &(sol_redis_options){.username = o->username,
                                               .password = o->password,
                                               .sentinel_username = o->sentinel_username,
                                               .sentinel_password = o->sentinel_password,
                                               .database = address.has_database ? address.database : o->database,
                                               .connect_timeout_ms = o->connect_timeout_ms,
                                               .timeout_ms = o->timeout_ms,
                                               .backoff_min_ms = o->backoff_min_ms,
                                               .backoff_max_ms = o->backoff_max_ms,
                                               .readonly_ms = o->readonly_ms,
                                               .scripts = {[SOL_SCRIPT_ADVANCE] = sol_advance_lua,
                                                           [SOL_SCRIPT_PUT] = sol_put_params_lua,
                                                           [SOL_SCRIPT_GET] = sol_get_lua,
                                                           [SOL_SCRIPT_STREAM] = sol_stream_save_lua,
                                                           [SOL_SCRIPT_SETTLE] = sol_settle_lua,
                                                           [SOL_SCRIPT_PUT_PAGES] = sol_put_pages_lua,
                                                           [SOL_SCRIPT_GET_PAGES] = sol_get_pages_lua,
                                                           [SOL_SCRIPT_PUT_STATE] = sol_put_state_lua,
                                                           [SOL_SCRIPT_GET_STATE] = sol_get_state_lua,
                                                           [SOL_SCRIPT_FORGET] = sol_forget_lua,
                                                           [SOL_SCRIPT_ITEMS_APPEND] = sol_items_append_lua,
                                                           [SOL_SCRIPT_ITEMS_READ] = sol_items_read_lua,
                                                           [SOL_SCRIPT_ITEMS_DROP] = sol_items_drop_lua,
                                                           [SOL_SCRIPT_GONE] = sol_gone_lua,
                                                           [SOL_SCRIPT_GET_SEEN] = sol_get_seen_lua},
                                               .tls = address.is_tls ? &store->tls : NULL,
                                               .log = o->log,
                                               .log_user = o->log_user},
                          &address);
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
  if (!status) status = sol_port_history(&o.history, o.window);
  if (!status) status = check_options(&o);
  if (status) return status;
  sol_redis_store *store = calloc(1, sizeof *store);
  if (!store) return solid_fail(SOLID_ENOMEM, "redis store");
  store->options = o;
  store->base = (solid_store){.ops = &sol_redis_ops, .window = o.window, .history = o.history};
  store->looked_ms = sol_steady_ms();
  store->random.state = (uint64_t)sol_steady_ns() ^ (uint64_t)sol_wall_ms() << 20;
  store->strings = copy_strings(&store->options);
  if (store->strings) {
    status = init_cluster(store);
    int is_set_up = !status;
    if (!status) status = sol_cluster_ready(&store->cluster);
    if (is_set_up && o.may_be_away && solid_status_is_retriable(status)) status = SOLID_OK;
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
  const solid_redis_store_stats all = {.connections = sol_cluster_connections(&store->cluster),
                                       .round_trips = sol_cluster_exchanges(&store->cluster),
                                       .damaged = store->damaged,
                                       .stale = store->stale,
                                       .set_aside = store->set_aside,
                                       .renewed = store->renewed,
                                       .evicted = store->evicted,
                                       .dropped = store->dropped};
  return sol_struct_give(stats, &all, sizeof all, "redis store statistics");
}
