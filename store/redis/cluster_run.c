/* A run: commands to their nodes, replies back, and what was not done once more. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/redis/cluster.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 12, SCRIPT_ROUNDS = 3, FIRST_WAIT_MS = 2, MOST_WAIT_MS = 50 };

typedef struct run {
  sol_cluster *c;
  const sol_calls *calls;
  size_t n_again;  /* pending[0 .. n_again) are to be sent again */
  sol_node *moved; /* said MOVED; NULL = nobody did */
  int has_missed;  /* a script, somewhere */
  int must_wait;   /* TRYAGAIN */
} run;

static int begins(const redisReply *reply, const char *word) {
  return strncmp(reply->str, word, strlen(word)) == 0;
}

/* "ASK 3999 host:port"; 0: no memory, or none of this. */
static uint16_t read_ask(sol_cluster *c, const sol_redis_conn *conn, const redisReply *reply) {
  unsigned port = 0;
  const char *host = strrchr(reply->str, ' '), *colon = strrchr(reply->str, ':');
  if (!host || !colon || colon < host || sscanf(colon + 1, "%5u", &port) != 1) return 0;
  size_t size = (size_t)(colon - host - 1);
  const char *own = conn->places[conn->at].host;
  const sol_node *node = size ? sol_cluster_node(c, host + 1, size, port) : sol_cluster_node(c, own, strlen(own), port);
  for (size_t i = 0; node && i < c->n_nodes; i++)
    if (c->nodes[i] == node) return (uint16_t)(i + 1);
  return 0;
}

static solid_status take(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  run *r = user;
  sol_cluster *c = r->c;
  sol_node *node = (sol_node *)conn;
  c->routes[number].is_out = 0;
  if (reply->type != REDIS_REPLY_ERROR) return r->calls->take(r->calls->user, conn, number, reply);
  if (begins(reply, "NOSCRIPT")) {
    node->lacks_scripts = r->has_missed = 1;
  } else if (begins(reply, "MOVED ")) {
    r->moved = node;
    c->routes[number].ask = 0;
  } else if (begins(reply, "ASK ") && r->calls->is_settled) {
    r->must_wait = 1;
  } else if (begins(reply, "ASK ")) {
    c->routes[number].ask = read_ask(c, conn, reply);
    if (!c->routes[number].ask) return solid_fail(SOLID_EIO, "%s: %s", conn->name, reply->str);
  } else if (begins(reply, "TRYAGAIN")) {
    r->must_wait = 1;
  } else {
    return r->calls->take(r->calls->user, conn, number, reply);
  }
  c->pending[r->n_again++] = number;
  return SOLID_OK;
}

static solid_status use(sol_cluster *c, sol_node *node) {
  if (node->is_used) return SOLID_OK;
  solid_status status = sol_redis_ready(&node->conn);
  if (status && c->owners) c->is_stale = 1;
  node->is_used = !status;
  return status;
}

static solid_status queue(sol_cluster *c, size_t number, const sol_command *cmd) {
  static const sol_command asking = {.argv = {"ASKING"}, .sizes = {6}, .argc = 1};
  sol_route *route = &c->routes[number];
  route->slot = c->owners && cmd->key_at ? (uint16_t)sol_slot_of(cmd->argv[cmd->key_at], cmd->sizes[cmd->key_at]) : 0;
  sol_node *node = route->ask ? c->nodes[route->ask - 1] : sol_cluster_owner(c, route->slot);
  solid_status status = use(c, node);
  if (!status && route->ask) status = sol_redis_queue(&node->conn, SOL_NO_REPLY, &asking);
  if (!status) status = sol_redis_queue(&node->conn, number, cmd);
  route->is_out = !status;
  return status;
}

/* Nothing has been sent: what is queued is taken back. */
static solid_status give_up(sol_cluster *c, solid_status status) {
  for (size_t i = 0; i < c->n_nodes; i++) {
    if (c->nodes[i]->is_used) sol_redis_discard(&c->nodes[i]->conn);
    c->nodes[i]->is_used = 0;
  }
  return status;
}

solid_status sol_cluster_say_changed(const sol_cluster *c) {
  return solid_fail(SOLID_EREWIND,
                    "%s: another server has taken over, or it was started anew, and may lack what was written last: "
                    "read again from what was committed",
                    c->nodes[0]->conn.name);
}

static solid_status exchange_used(sol_cluster *c, const sol_calls *calls, sol_redis_reply_fn fn, void *user) {
  sol_redis_conn *used[SOL_NODES_MAX];
  size_t n = 0;
  int64_t now_ns = calls && calls->is_write ? sol_steady_ns() : 0;
  for (size_t i = 0; i < c->n_nodes; i++) {
    if (!c->nodes[i]->is_used) continue;
    c->nodes[i]->is_used = 0;
    used[n++] = &c->nodes[i]->conn;
    if (now_ns) used[n - 1]->wrote_ns = now_ns;
  }
  solid_status status = n ? sol_redis_exchange(used, n, fn, user) : SOLID_OK;
  for (size_t i = 0; i < n; i++) {
    if (used[i]->transport.is_open)
      used[i]->failures = 0;
    else if (c->owners)
      c->is_stale = 1;
  }
  return status;
}

/* The commands pending[0 .. n). */
static solid_status send_round(run *r, size_t n) {
  sol_cluster *c = r->c;
  solid_status status = SOLID_OK;
  r->n_again = 0;
  r->moved = NULL;
  r->has_missed = r->must_wait = 0;
  for (size_t i = 0; i < n && !status; i++) {
    const sol_command *cmd = r->calls->make(r->calls->user, c->pending[i]);
    if (cmd) status = queue(c, c->pending[i], cmd);
  }
  if (!status && r->calls->is_careful && sol_cluster_has_changed(c)) status = sol_cluster_say_changed(c);
  for (size_t i = 0; i < n && status; i++) c->routes[c->pending[i]].is_out = 0;
  return status ? give_up(c, status) : exchange_used(c, r->calls, take, r);
}

/* What has to happen before the rest is sent again. */
static solid_status prepare(run *r, int64_t *wait_ms) {
  sol_cluster *c = r->c;
  solid_status status = r->moved ? sol_cluster_learn(c, r->moved) : SOLID_OK;
  for (size_t i = 0; i < c->n_nodes && !status; i++) {
    sol_node *node = c->nodes[i];
    if (!node->lacks_scripts) continue;
    node->lacks_scripts = 0;
    status = sol_redis_ready(&node->conn);
    if (!status) status = sol_redis_load_scripts(&node->conn);
  }
  if (!status && r->must_wait) {
    sol_sleep_ms(*wait_ms);
    *wait_ms = *wait_ms < MOST_WAIT_MS / 2 ? 2 * *wait_ms : MOST_WAIT_MS;
  }
  return status;
}

static solid_status reserve(sol_cluster *c, size_t n) {
  if (n <= c->room) return SOLID_OK;
  size_t *pending = n <= SIZE_MAX / sizeof *pending ? realloc(c->pending, n * sizeof *pending) : NULL;
  if (pending) c->pending = pending;
  sol_route *routes = pending ? realloc(c->routes, n * sizeof *routes) : NULL;
  if (!routes) return solid_fail(SOLID_ENOMEM, "redis store: batch of %zu commands", n);
  c->routes = routes;
  c->room = n;
  return SOLID_OK;
}

solid_status sol_cluster_run(sol_cluster *c, const sol_calls *calls) {
  run r = {.c = c, .calls = calls};
  int64_t end_ms = 0, wait_ms = FIRST_WAIT_MS;
  int rounds = 0, script_rounds = 0;
  if (!calls->n) return SOLID_OK;
  solid_status status = reserve(c, calls->n);
  if (!status) status = sol_cluster_ready(c);
  for (size_t i = 0; i < calls->n && !status; i++) {
    c->pending[i] = i;
    c->routes[i] = (sol_route){0, 0, 0};
  }
  int is_begun = !status;
  for (size_t n = calls->n; n && !status; n = r.n_again) {
    status = send_round(&r, n);
    if (status || !r.n_again) break;
    if (!end_ms) end_ms = sol_steady_ms() + c->options.timeout_ms;
    rounds += !r.must_wait;
    script_rounds += r.has_missed;
    if (script_rounds > SCRIPT_ROUNDS)
      status = solid_fail(SOLID_EIO, "%s: scripts vanish when loaded", c->nodes[0]->conn.name);
    else if (rounds > MOST_ROUNDS || sol_steady_ms() > end_ms)
      status = solid_fail(SOLID_EIO, "%s: the cluster is being changed: %zu commands found no node in time",
                          c->nodes[0]->conn.name, r.n_again);
    else
      status = prepare(&r, &wait_ms);
  }
  for (size_t i = 0; i < calls->n && status && is_begun && calls->lost; i++)
    if (c->routes[i].is_out) calls->lost(calls->user, i);
  return status;
}

solid_status sol_cluster_ask(sol_cluster *c, int who_is_there, const sol_command *const *cmds, size_t n,
                             sol_redis_reply_fn take_reply, void *user) {
  solid_status status = sol_cluster_ready(c);
  for (size_t i = 0; i < c->n_nodes && !status; i++) {
    if (!sol_cluster_is_master(c, c->nodes[i])) continue;
    if (who_is_there && !c->nodes[i]->conn.transport.is_open) continue;
    status = use(c, c->nodes[i]);
    for (size_t k = 0; k < n && !status; k++) status = sol_redis_queue(&c->nodes[i]->conn, k, cmds[k]);
  }
  return status ? give_up(c, status) : exchange_used(c, NULL, take_reply, user);
}
