/* Names the users, page by page: a SCAN over their keys, of one master after the other. The cursor has the node in its
 * upper 16 bits, which no server's own uses. */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_AT = 48 };

typedef struct page {
  sol_redis_store *store;
  size_t node;
  uint64_t *cursor;
  solid_user_fn take;
  void *take_user;
  size_t n; /* users named */
} page;

static solid_status take_page(void *user, sol_redis_conn *conn, size_t unused, const redisReply *reply) {
  page *p = user;
  (void)unused;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
      reply->element[1]->type != REDIS_REPLY_ARRAY)
    return sol_redis_out_of_step(conn);
  *p->cursor = strtoull(reply->element[0]->str, NULL, 10);
  if (*p->cursor >> NODE_AT) return sol_redis_drop(conn, "a cursor of more than 48 bits");
  if (*p->cursor) *p->cursor |= (uint64_t)p->node << NODE_AT;
  for (size_t i = 0; i < reply->element[1]->elements; i++) {
    redisReply *key = reply->element[1]->element[i];
    if (key->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(conn);
    solid_bytes id = sol_key_read(p->store->options.prefix, key->str, (size_t)key->len);
    if (!id.size) continue;
    p->take(p->take_user, id);
    p->n++;
  }
  return SOLID_OK;
}

/* The next master, from `node` on; n_nodes = there is none. */
static size_t next_master(const sol_cluster *c, size_t node) {
  while (node < c->n_nodes && !sol_cluster_is_master(c, c->nodes[node])) node++;
  return node;
}

static solid_status scan(sol_redis_store *store, page *p, size_t most) {
  char pattern[2 * SOL_KEY_PREFIX_MAX + 8], from_here[24], *to = pattern;
  sol_redis_conn *conn = &store->cluster.nodes[p->node]->conn;
  sol_command cmd = {.argc = 0};
  for (const char *from = store->options.prefix; *from; *to++ = *from++)
    if (strchr("*?[]\\", *from)) *to++ = '\\';
  memcpy(to, "{*}", 4);
  snprintf(from_here, sizeof from_here, "%" PRIu64, *p->cursor & (((uint64_t)1 << NODE_AT) - 1));
  sol_command_text(&cmd, "SCAN");
  sol_command_text(&cmd, from_here);
  sol_command_text(&cmd, "MATCH");
  sol_command_text(&cmd, pattern);
  sol_command_text(&cmd, "COUNT");
  sol_command_number(&cmd, 0, (int64_t)most);
  solid_status status = sol_redis_ready(conn);
  if (!status) status = sol_redis_queue(conn, 0, &cmd);
  return status ? status : sol_redis_exchange_one(conn, take_page, p);
}

solid_status sol_redis_list(solid_store *base, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user) {
  sol_redis_store *store = (sol_redis_store *)base;
  const sol_cluster *c = &store->cluster;
  solid_status status = sol_port_check_list(most, cursor, take);
  if (!status) status = sol_redis_ask_who(store); /* SCAN is never told that it is in a cluster */
  if (status) return status;
  page p = {
      .store = store, .node = (size_t)(*cursor >> NODE_AT), .cursor = cursor, .take = take, .take_user = take_user};
  do { /* a master that has nobody is no page */
    p.node = next_master(c, p.node);
    if (p.node >= c->n_nodes) return *cursor = 0, SOLID_OK;
    status = scan(store, &p, most);
    if (status || *cursor & (((uint64_t)1 << NODE_AT) - 1)) return status;
    p.node = next_master(c, p.node + 1);
    *cursor = p.node < c->n_nodes ? (uint64_t)p.node << NODE_AT : 0;
  } while (*cursor && !p.n);
  return SOLID_OK;
}
