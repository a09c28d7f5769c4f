/* Nodes, and who has which slots. */
#include "store/redis/cluster.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/redis/sentinel.h"
#include <stdlib.h>
#include <string.h>

static sol_node *add_node(sol_cluster *c) {
  sol_node *node = c->n_nodes < SOL_NODES_MAX ? calloc(1, sizeof *node) : NULL;
  if (node) c->nodes[c->n_nodes++] = node;
  return node;
}

/* A node that is needed no more, to become another one. */
static sol_node *reuse_node(sol_cluster *c) {
  sol_node *oldest = NULL;
  for (size_t i = 1; i < c->n_nodes; i++) {
    sol_node *node = c->nodes[i];
    if (node->is_master || node->is_used || node->lacks_scripts || node->conn.n_queued) continue;
    if (node->named + 1 >= c->map) continue;
    if (node->conn.wrote_ns > node->conn.safe_ns) continue; /* what it took is waited for */
    if (!oldest || node->named < oldest->named) oldest = node;
  }
  if (oldest) sol_redis_end(&oldest->conn);
  return oldest;
}

static solid_status find_master(void *user, sol_place *out) {
  const sol_cluster *c = user;
  return sol_sentinel_find(&c->options, &c->address, out);
}

solid_status sol_cluster_init(sol_cluster *c, const sol_redis_options *options, const sol_address *address) {
  memset(c, 0, sizeof *c);
  c->options = *options;
  c->address = *address;
  c->options.is_choosy = address->n_places > 1 || *address->master;
  sol_node *node = add_node(c);
  if (!node) return solid_fail(SOLID_ENOMEM, "redis store: connection");
  sol_redis_init(&node->conn, &c->options, c->address.places, c->address.n_places);
  if (address->n_places == 1) node->place = c->address.places[0]; /* else it may be any of them */
  if (*address->master) {
    node->conn.find = find_master;
    node->conn.find_user = c;
    memset(&node->place, 0, sizeof node->place);
  }
  return SOLID_OK;
}

void sol_cluster_end(sol_cluster *c) {
  for (size_t i = 0; i < c->n_nodes; i++) {
    sol_redis_end(&c->nodes[i]->conn);
    free(c->nodes[i]);
  }
  free(c->owners);
  free(c->fresh);
  free(c->pending);
  free(c->routes);
  memset(c, 0, sizeof *c);
}

solid_status sol_cluster_ready(sol_cluster *c) {
  if (c->owners) return c->is_stale ? sol_cluster_learn(c, NULL) : SOLID_OK;
  sol_node *first = c->nodes[0];
  solid_status status = sol_redis_ready(&first->conn);
  return !status && first->conn.is_cluster ? sol_cluster_learn(c, first) : status;
}

sol_node *sol_cluster_node(sol_cluster *c, const char *host, size_t size, uint32_t port) {
  sol_place place;
  if (sol_place_set(&place, host, size, port)) return NULL;
  for (size_t i = 0; i < c->n_nodes; i++) {
    if (!sol_place_equal(&place, &c->nodes[i]->place)) continue;
    c->nodes[i]->named = c->map;
    return c->nodes[i];
  }
  sol_node *node = c->n_nodes < SOL_NODES_MAX ? add_node(c) : reuse_node(c);
  if (!node) return NULL;
  uint64_t connections = node->conn.connections, exchanges = node->conn.exchanges; /* go on: sol_cluster_token */
  node->place = place;
  node->named = c->map;
  sol_redis_init(&node->conn, &c->options, &node->place, 1);
  node->conn.connections = connections;
  node->conn.exchanges = exchanges;
  return node;
}

sol_node *sol_cluster_owner(const sol_cluster *c, uint32_t slot) {
  return c->owners && c->owners[slot] != SOL_NO_NODE ? c->nodes[c->owners[slot]] : c->nodes[0];
}

int sol_cluster_is_master(const sol_cluster *c, const sol_node *node) {
  return c->owners ? node->is_master : node == c->nodes[0];
}

uint64_t sol_cluster_connections(const sol_cluster *c) {
  uint64_t sum = 0;
  for (size_t i = 0; i < c->n_nodes; i++) sum += c->nodes[i]->conn.connections;
  return sum;
}

uint64_t sol_cluster_exchanges(const sol_cluster *c) {
  uint64_t sum = 0;
  for (size_t i = 0; i < c->n_nodes; i++) sum += c->nodes[i]->conn.exchanges;
  return sum;
}

uint32_t sol_cluster_token(const sol_cluster *c, uint32_t slot) {
  uint32_t at = c->owners && c->owners[slot] != SOL_NO_NODE ? c->owners[slot] : 0;
  return at << 22 ^ (uint32_t)c->nodes[at]->conn.connections;
}

/* A map that is being read. */
typedef struct reading {
  sol_cluster *c;
  uint8_t is_master[SOL_NODES_MAX];
} reading;

static size_t place_of(const sol_cluster *c, const sol_node *node) {
  size_t at = 0;
  while (c->nodes[at] != node) at++;
  return at;
}

/* One range: from, to, { host, port, id, ... } of the master, those of its replicas. A host that is empty or unknown
 * ("?") is the one that was asked. */
static solid_status read_range(reading *r, sol_redis_conn *conn, const redisReply *range) {
  if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 || range->element[0]->type != REDIS_REPLY_INTEGER ||
      range->element[1]->type != REDIS_REPLY_INTEGER || range->element[2]->type != REDIS_REPLY_ARRAY ||
      range->element[2]->elements < 2 || range->element[2]->element[1]->type != REDIS_REPLY_INTEGER)
    return sol_redis_drop(conn, "a map of slots of another shape");
  long long from = range->element[0]->integer, to = range->element[1]->integer;
  const redisReply *host = range->element[2]->element[0], *port = range->element[2]->element[1];
  int is_named = host->type == REDIS_REPLY_STRING && host->len > 0 && strcmp(host->str, "?") != 0;
  const char *name = is_named ? host->str : conn->places[conn->at].host;
  if (from < 0 || to >= SOL_SLOTS || from > to) return sol_redis_drop(conn, "a map with slots that do not exist");
  sol_node *node = sol_cluster_node(r->c, name, strlen(name), (uint32_t)port->integer);
  if (!node) return solid_fail(SOLID_ENOMEM, "%s: no room for a node of the cluster at %s", conn->name, name);
  size_t at = place_of(r->c, node);
  r->is_master[at] = 1;
  for (long long slot = from; slot <= to; slot++) r->c->fresh[slot] = (uint16_t)at;
  return SOLID_OK;
}

static solid_status take_map(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  reading *r = user;
  solid_status status = sol_redis_reply_status(conn, reply);
  (void)number;
  if (!status && reply->type != REDIS_REPLY_ARRAY) status = sol_redis_drop(conn, "no map of slots");
  for (int slot = 0; slot < SOL_SLOTS; slot++) r->c->fresh[slot] = SOL_NO_NODE;
  memset(r->is_master, 0, sizeof r->is_master);
  for (size_t i = 0; !status && i < reply->elements; i++) status = read_range(r, conn, reply->element[i]);
  return status;
}

/* What was in a slot has moved from a node that is still a master: nothing is lost, and it is the new owner's to keep
 * from now on. A master that is none any more has been replaced by who may lack what it had taken last. */
static void compare(sol_cluster *c, const reading *r) {
  int64_t now_ns = sol_steady_ns();
  for (int slot = 0; slot < SOL_SLOTS; slot++) {
    uint16_t old = c->owners[slot], new = c->fresh[slot];
    if (old == SOL_NO_NODE || new == SOL_NO_NODE || old == new) continue;
    const sol_redis_conn *before = &c->nodes[old]->conn;
    if (before->wrote_ns <= before->safe_ns) continue;
    if (r->is_master[old])
      c->nodes[new]->conn.wrote_ns = now_ns;
    else
      c->is_changed = 1;
  }
}

/* Who has no slots any more is asked for the map last: one that has left may tell the old one for ever. */
static void close_unnamed(sol_cluster *c) {
  for (size_t i = 1; i < c->n_nodes; i++) {
    sol_node *node = c->nodes[i];
    if (!node->is_master && !node->is_used && !node->conn.n_queued && node->conn.wrote_ns <= node->conn.safe_ns)
      sol_redis_close(&node->conn);
  }
}

static solid_status read_map(sol_cluster *c, sol_node *node) {
  reading r = {.c = c};
  c->map++;
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "CLUSTER");
  sol_command_text(&cmd, "SLOTS");
  solid_status status = sol_redis_ready(&node->conn);
  if (!status) status = sol_redis_queue(&node->conn, 0, &cmd);
  if (!status) status = sol_redis_exchange_one(&node->conn, take_map, &r);
  if (status) return status;
  if (c->owners) compare(c, &r);
  for (size_t i = 0; i < c->n_nodes; i++) c->nodes[i]->is_master = r.is_master[i];
  close_unnamed(c);
  uint16_t *before = c->owners;
  c->owners = c->fresh;
  c->fresh = before;
  c->is_stale = 0;
  return SOLID_OK;
}

solid_status sol_cluster_learn(sol_cluster *c, sol_node *first) {
  if (!c->fresh) c->fresh = malloc(SOL_SLOTS * sizeof *c->fresh);
  if (!c->fresh) return solid_fail(SOLID_ENOMEM, "redis store: map of slots");
  int64_t end_ms = sol_steady_ms() + c->options.timeout_ms;
  solid_status status = first ? read_map(c, first) : SOLID_EIO;
  for (int open = 1; open >= 0; open--) /* who is connected first: others may take their time to fail */
    for (size_t i = 0; i < c->n_nodes && status && status != SOLID_ENOMEM && sol_steady_ms() < end_ms; i++)
      if (c->nodes[i] != first && c->nodes[i]->conn.transport.is_open == open) status = read_map(c, c->nodes[i]);
  return status;
}

int sol_cluster_has_changed(sol_cluster *c) {
  int has_changed = c->is_changed;
  for (size_t i = 0; i < c->n_nodes; i++) has_changed |= c->nodes[i]->conn.is_changed;
  if (!has_changed) return 0;
  c->is_changed = 0;
  for (size_t i = 0; i < c->n_nodes; i++) {
    c->nodes[i]->conn.is_changed = 0;
    c->nodes[i]->conn.safe_ns = c->nodes[i]->conn.wrote_ns;
  }
  return 1;
}
