/* The epoch: one key, and in a cluster one more in every slot.
 *
 * A node of a cluster can lose what it holds while the others keep theirs, and slots wander between nodes with their
 * keys. So the sign that nothing was lost has to lie in the slot: <prefix>epoch:{tag}, where the tag is the first
 * number that hashes into it. They are 16,384 keys, about 2 MB over the whole cluster, and all are written when an
 * epoch begins: a slot without its key has lost it, whether a user was ever in it or not. <prefix>epoch is written
 * behind them all, so an epoch that was begun halfway is none. */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_AT_ONCE = 2048 };

solid_status sol_redis_make_marks(sol_redis_store *store) {
  sol_slot_marks *m = &store->marks;
  if (!store->cluster.owners || m->asked) return SOLID_OK;
  solid_status status = sol_redis_make_tags(store);
  if (status) return status;
  if (!m->proven) m->proven = calloc(SOL_SLOTS, sizeof *m->proven);
  if (m->proven) m->asked = calloc(SOL_SLOTS, sizeof *m->asked);
  return m->asked ? SOLID_OK : solid_fail(SOLID_ENOMEM, "redis store: epochs of slots");
}

/* The key, of a slot's or the one. */
static void add_key(const sol_redis_store *store, sol_command *cmd, int of_slot, uint32_t slot) {
  char tag[16];
  int size = of_slot ? snprintf(tag, sizeof tag, ":{%u}", store->tags[slot]) : 0;
  sol_command_name(cmd, store->options.prefix, "epoch", (solid_bytes){tag, (size_t)size});
}

void sol_redis_ask_epoch(const sol_redis_store *store, sol_command *cmd, int of_slot, uint32_t slot) {
  cmd->argc = cmd->script = 0;
  sol_command_text(cmd, "GETRANGE");
  add_key(store, cmd, of_slot, slot);
  sol_command_text(cmd, "0");
  sol_command_number(cmd, 0, sizeof store->epoch.bytes);
}

solid_status sol_redis_judge_epoch(const sol_redis_store *store, sol_redis_conn *conn, const redisReply *reply) {
  if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9))
    return sol_redis_reply_status(conn, reply);
  if (reply->type == REDIS_REPLY_STRING && (size_t)reply->len == sizeof store->epoch.bytes &&
      !memcmp(reply->str, store->epoch.bytes, sizeof store->epoch.bytes))
    return SOLID_OK;
  return solid_fail(SOLID_ELOST,
                    "%s: key %sepoch%s is %s: the server lost what it held, or a new epoch was begun; read the events "
                    "again from the beginning under a new epoch",
                    conn->name, store->options.prefix, store->marks.asked ? " of a slot" : "",
                    reply->type == REDIS_REPLY_STRING && reply->len == 0 ? "gone" : "another than this writer's");
}

/* Slots that are given an epoch: base .. base + n. */
typedef struct marking {
  sol_redis_store *store;
  uint32_t base;
  const solid_store_epoch *epoch;
  sol_command cmd;
} marking;

static const sol_command *make_mark(void *user, size_t number) {
  marking *m = user;
  m->cmd.argc = 0;
  sol_command_text(&m->cmd, "SET");
  add_key(m->store, &m->cmd, 1, m->base + (uint32_t)number);
  sol_command_bytes(&m->cmd, m->epoch->bytes, sizeof m->epoch->bytes);
  return &m->cmd;
}

static solid_status take_mark(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  (void)user, (void)number;
  return sol_redis_reply_status(conn, reply);
}

static solid_status mark_slots(sol_redis_store *store, const solid_store_epoch *epoch) {
  marking m = {.store = store, .epoch = epoch};
  sol_calls calls = {.n = SLOTS_AT_ONCE, .make = make_mark, .take = take_mark, .user = &m};
  solid_status status = sol_redis_make_marks(store);
  for (; !status && m.base < SOL_SLOTS; m.base += SLOTS_AT_ONCE) status = sol_cluster_run(&store->cluster, &calls);
  return status;
}

static solid_status read_epoch(sol_redis_store *store, const char *name, solid_store_epoch *out) {
  uint8_t bytes[sizeof out->bytes + 1];
  size_t size = sizeof bytes;
  const char *server = store->cluster.nodes[0]->conn.name;
  solid_status status = sol_redis_read_name(store, name, sizeof out->bytes, bytes, &size);
  if (status == SOLID_EFORMAT)
    return solid_fail(status, "key %s%s: %s", store->options.prefix, name, solid_last_error());
  if (status) return status;
  if (size == 0) return solid_fail(SOLID_ENOTFOUND, "%s: no key %s%s", server, store->options.prefix, name);
  if (size != sizeof out->bytes)
    return solid_fail(SOLID_EFORMAT, "%s: key %s%s is no epoch of %zu bytes", server, store->options.prefix, name,
                      sizeof out->bytes);
  memcpy(out->bytes, bytes, size);
  return SOLID_OK;
}

solid_status sol_redis_epoch(solid_store *base, solid_store_epoch *out) {
  if (!out) return solid_fail(SOLID_EINVAL, "redis store: epoch into NULL");
  return read_epoch((sol_redis_store *)base, "epoch", out);
}

/* Several writers may begin at once: what the first one drew is what all write into the slots. One who comes when it is
 * done sees the epoch itself. */
static solid_status begin_in_cluster(sol_redis_store *store, int anew, solid_store_epoch *drawn) {
  solid_store_epoch there;
  solid_status status = SOLID_OK;
  if (!anew) {
    status = sol_redis_set_name(store, "epoch:beginning", drawn, 1);
    if (!status) status = read_epoch(store, "epoch:beginning", drawn);
    if (!status) status = read_epoch(store, "epoch", &there);
    if (!status) return sol_redis_remove_name(store, "epoch:beginning");
    if (status == SOLID_ENOTFOUND) status = SOLID_OK;
  }
  if (!status) status = mark_slots(store, drawn);
  if (!status) status = sol_redis_set_name(store, "epoch", drawn, !anew);
  return status ? status : sol_redis_remove_name(store, "epoch:beginning");
}

solid_status sol_redis_ask_who(sol_redis_store *store) {
  sol_cluster *c = &store->cluster;
  if (c->options.is_asked) return sol_cluster_ready(c);
  solid_status status = SOLID_OK;
  c->options.is_asked = 1;
  for (size_t i = 0; i < c->n_nodes && !status; i++) {
    sol_redis_conn *conn = &c->nodes[i]->conn;
    uint64_t before = conn->connections;
    if (i && !conn->transport.is_open) continue; /* asked when it is connected */
    status = sol_redis_ready(conn);
    if (!status && conn->connections == before) status = sol_redis_identify(conn);
  }
  if (status) c->options.is_asked = 0;
  return status ? status : sol_cluster_ready(c);
}

/* One was set, and there is none: SET NX minds an empty string, which reads as nothing; or somebody empties the server
 * just now. */
static solid_status judge_gone(sol_redis_store *store) {
  char gone[160];
  int is_empty = 0;
  snprintf(gone, sizeof gone, "%s", solid_last_error());
  solid_status status = sol_redis_is_empty(store, "epoch", &is_empty);
  if (status) return status;
  if (is_empty)
    return solid_fail(SOLID_EFORMAT, "%s, and none can be set: remove the empty string that is there", gone);
  return solid_fail(SOLID_ELOST, "%s: the server was emptied while an epoch was begun", gone);
}

/* Sets one where there is one, too: it changes nothing, and a server that takes no writes says so now. */
solid_status sol_redis_epoch_begin(solid_store *base, int anew, solid_store_epoch *out) {
  sol_redis_store *store = (sol_redis_store *)base;
  solid_store_epoch drawn;
  if (!out) return solid_fail(SOLID_EINVAL, "redis store: epoch into NULL");
  solid_status status = sol_redis_ask_who(store);
  int is_cluster = store->cluster.owners != NULL, is_there = 0;
  if (!status && !anew) {
    status = sol_redis_epoch(base, out);
    is_there = !status;
    if (status == SOLID_ENOTFOUND) status = is_cluster ? SOLID_OK : sol_redis_check_old(store);
  }
  if (!status) status = sol_port_draw_epoch(&drawn);
  if (!status && is_cluster && !is_there) status = begin_in_cluster(store, anew, &drawn);
  if (!status && !(is_cluster && !is_there)) status = sol_redis_set_name(store, "epoch", &drawn, !anew);
  if (!status) status = sol_redis_epoch(base, out);
  if (status == SOLID_ENOTFOUND) status = judge_gone(store);
  if (status) return status;
  int is_first = !store->is_writer;
  store->is_writer = 1;
  store->epoch = *out;
  return is_first ? sol_redis_look(store) : SOLID_OK;
}
