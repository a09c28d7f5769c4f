/* What was written, and when does it outlive the server that took it?
 *
 * Replication is asynchronous: a replica that is promoted may lack what its master had acknowledged. INFO says the
 * offset of the replication and the one that each replica has confirmed; WAIT makes them confirm now. Where each of the
 * replicas is beyond an offset, what was written before it was asked is safe. A server without replicas that keeps an
 * append-only file (appendfsync everysec) has it on disk settle_ms later; one that keeps none loses everything with its
 * process, whenever it was written, and the epoch tells. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/redis/redis_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT = 0, REPLICATION = 1, FIRST_WAIT_MS = 20, AGAIN_MS = 100 };

static const int64_t NS = 1000000; /* a ms: times are compared with those of writes, of which a ms has several */

typedef struct asking {
  sol_redis_store *store;
  int64_t now_ns; /* before anything was sent */
  int is_more;    /* there are replicas that nobody has waited for yet */
} asking;

static int64_t number_of(const redisReply *info, const char *name, int64_t other) {
  size_t size = 0;
  const char *text = sol_redis_field(info, name, &size);
  return text ? strtoll(text, NULL, 10) : other;
}

/* The least offset that all replicas have confirmed: "slave0:ip=...,port=...,state=online,offset=3,lag=0". */
static int64_t least_confirmed(const redisReply *info, int64_t replicas) {
  int64_t least = INT64_MAX;
  for (int64_t i = 0; i < replicas; i++) {
    char name[32], text[256];
    size_t size = 0;
    snprintf(name, sizeof name, "slave%lld", (long long)i);
    const char *line = sol_redis_field(info, name, &size);
    snprintf(text, sizeof text, "%.*s", line ? (int)size : 0, line ? line : "");
    const char *offset = strstr(text, ",offset=");
    int64_t confirmed = offset && strstr(text, ",state=online") ? strtoll(offset + 8, NULL, 10) : -1;
    if (confirmed < least) least = confirmed;
  }
  return least;
}

static void judge_replicas(asking *a, sol_redis_conn *conn, const redisReply *info, int64_t replicas) {
  int64_t offset = number_of(info, "master_repl_offset", -1), confirmed = least_confirmed(info, replicas);
  int64_t before_ns = conn->safe_ns;
  if (conn->offset_ns && confirmed >= conn->offset) conn->safe_ns = conn->offset_ns;
  if (confirmed >= offset) conn->safe_ns = a->now_ns;
  if (conn->safe_ns > before_ns || !conn->offset_ns) {
    conn->offset = offset;
    conn->offset_ns = a->now_ns;
  }
  uint32_t most = conn->options->timeout_ms / 2;
  if (conn->safe_ns > before_ns)
    conn->wait_ms = FIRST_WAIT_MS;
  else if (conn->waited_ns == a->now_ns) /* in vain */
    conn->wait_ms = 2 * conn->wait_ms < most ? 2 * conn->wait_ms : most;
}

static void judge_alone(const asking *a, sol_redis_conn *conn, int may_have_log) {
  int64_t safe_ns = a->now_ns - (may_have_log ? (int64_t)a->store->options.settle_ms * NS : 0);
  if (safe_ns > conn->safe_ns) conn->safe_ns = safe_ns;
}

/* INFO and WAIT may be forbidden. Then nobody can say what replicas have: it is said once, and time alone counts. */
static void judge_silent(asking *a, sol_redis_conn *conn) {
  if (conn->replicas != 0)
    sol_redis_log(conn, SOLID_LOG_WARN,
                  "%s: INFO is forbidden: what its replicas have got cannot be told, and a failover may lose what was "
                  "written last; allow INFO and WAIT",
                  conn->name);
  conn->replicas = 0;
  judge_alone(a, conn, 1);
}

static solid_status take(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  asking *a = user;
  const solid_redis_store_options *o = &a->store->options;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status == SOLID_EREFUSED && !o->replicas) {
    if (number == REPLICATION) judge_silent(a, conn);
    return SOLID_OK;
  }
  if (status || number == WAIT) return status;
  int64_t replicas = number_of(reply, "connected_slaves", 0), before = conn->replicas;
  conn->replicas = replicas;
  if (replicas < o->replicas) return SOLID_OK;
  if (replicas > 0) {
    if (before != replicas) a->is_more = 1;
    judge_replicas(a, conn, reply, replicas);
    return SOLID_OK;
  }
  judge_alone(a, conn, conn->has_log);
  return SOLID_OK;
}

static int is_unsafe(const sol_redis_conn *conn) {
  return conn->wrote_ns > conn->safe_ns;
}

static solid_status ask(asking *a, sol_redis_conn *conn) {
  sol_command wait = {.argc = 0}, info = {.argc = 0};
  if (conn->replicas > 0 && a->now_ns - conn->waited_ns < AGAIN_MS * NS && conn->wait_ms > FIRST_WAIT_MS)
    return SOLID_OK;
  if (conn->replicas > 0) conn->waited_ns = a->now_ns;
  if (conn->wait_ms < FIRST_WAIT_MS) conn->wait_ms = FIRST_WAIT_MS;
  sol_command_text(&wait, "WAIT");
  sol_command_number(&wait, 0, conn->replicas);
  sol_command_number(&wait, 1, conn->wait_ms);
  sol_command_text(&info, "INFO");
  sol_command_text(&info, "replication");
  solid_status status = conn->replicas > 0 ? sol_redis_queue(conn, WAIT, &wait) : SOLID_OK;
  if (!status) status = sol_redis_queue(conn, REPLICATION, &info);
  return status ? status : sol_redis_exchange_one(conn, take, a);
}

static solid_status ask_all(sol_redis_store *store, int *is_more) {
  sol_cluster *c = &store->cluster;
  solid_status status = sol_cluster_ready(c);
  asking a = {.store = store};
  for (size_t i = 0; i < c->n_nodes && !status; i++) {
    if (!is_unsafe(&c->nodes[i]->conn)) continue;
    status = sol_redis_ready(&c->nodes[i]->conn);
    a.now_ns = sol_steady_ns();
    if (!status && !c->nodes[i]->conn.is_changed) status = ask(&a, &c->nodes[i]->conn);
    if (status && c->owners) c->is_stale = 1;
  }
  *is_more = a.is_more;
  return status;
}

solid_status sol_redis_safe_age(solid_store *base, int64_t *age_ms) {
  sol_redis_store *store = (sol_redis_store *)base;
  sol_cluster *c = &store->cluster;
  int is_more = 0;
  if (!age_ms) return solid_fail(SOLID_EINVAL, "redis store: age into NULL");
  if (!store->is_careful) sol_cluster_has_changed(c); /* of before: nobody relied on it */
  store->is_careful = 1;
  solid_status status = ask_all(store, &is_more);
  if (!status && is_more) status = ask_all(store, &is_more);
  if (sol_cluster_has_changed(c)) return sol_cluster_say_changed(c);
  if (status) return status;
  int64_t now_ns = sol_steady_ns(), until_ns = now_ns;
  for (size_t i = 0; i < c->n_nodes; i++) {
    const sol_redis_conn *conn = &c->nodes[i]->conn;
    if (is_unsafe(conn) && conn->safe_ns < until_ns) until_ns = conn->safe_ns;
  }
  *age_ms = until_ns == now_ns ? 0 : (now_ns - until_ns) / NS + 2; /* rounded up, on both sides */
  return SOLID_OK;
}
