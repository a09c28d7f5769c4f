/* The scripts of one call, and what is read behind them. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/redis/errors.h"
#include "store/redis/redis_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sol_redis_begin_script(sol_command *cmd, int script) {
  sol_command_begin(cmd);
  cmd->script = 1 + script;
  sol_command_text(cmd, "EVALSHA");
  sol_command_text(cmd, ""); /* the hash, as the server that it goes to said it */
  sol_command_text(cmd, "1");
}

/* The first few, then ever fewer: one user's key may be met with every batch. */
static int is_told(uint64_t count) {
  return count <= 16 || (count & (count - 1)) == 0;
}

solid_status sol_redis_judge_user(sol_redis_batch *b, sol_redis_conn *conn, size_t i, solid_bytes user,
                                  const redisReply *reply) {
  sol_redis_store *store = b->store;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status != SOLID_EFORMAT && status != SOLID_EUNSUPPORTED) return status;
  (void)solid_fail(status, "key %s: %s", sol_redis_show_key(store, user).text, solid_last_error());
  if (status == SOLID_EUNSUPPORTED) snprintf(store->newer, sizeof store->newer, "%s", solid_last_error());
  if (is_told(++store->set_aside))
    sol_redis_log(conn, SOLID_LOG_WARN, "redis store: %s: left alone, its user is set aside", solid_last_error());
  b->statuses[i] = status;
  return SOLID_OK;
}

void sol_redis_begin_writing(sol_redis_batch *b, size_t n) {
  b->is_settling = 1;
  b->store->newer[0] = 0;
  for (size_t i = 0; i < n; i++) b->statuses[i] = SOLID_ECANCELLED;
}

solid_status sol_redis_end_writing(sol_redis_batch *b, size_t n, solid_status status) {
  for (size_t i = 0; i < n && status; i++) {
    if (b->statuses[i] == SOLID_ECANCELLED) b->statuses[i] = status;
    if (status == SOLID_ELOST && !b->statuses[i]) b->statuses[i] = SOLID_EUNKNOWN;
  }
  if (!status && b->store->newer[0]) (void)solid_fail(SOLID_EUNSUPPORTED, "%s", b->store->newer);
  return status;
}

static void tell(sol_redis_store *store, sol_redis_conn *conn, const char *key, const char *what, const char *then) {
  if (is_told(++store->damaged))
    sol_redis_log(conn, SOLID_LOG_WARN, "redis store: key %s: damaged %s%s", key, what, then);
}

void sol_redis_tell_damaged(sol_redis_store *store, sol_redis_conn *conn, solid_bytes user, const char *what,
                            const char *then) {
  tell(store, conn, sol_redis_show_key(store, user).text, what, then);
}

void sol_redis_tell_items_damaged(sol_redis_store *store, sol_redis_conn *conn) {
  char key[SOL_KEY_PREFIX_MAX + sizeof "items"];
  snprintf(key, sizeof key, "%sitems", store->options.prefix);
  tell(store, conn, key, "or newer head of the item log", ": items that come or go are not noticed");
}

solid_status sol_redis_grow(void *buffer, size_t *room, size_t size, const char *what) {
  void **memory = buffer, *grown;
  if (size <= *room) return SOLID_OK;
  size += size / 2;
  grown = realloc(*memory, size);
  if (!grown) return solid_fail(SOLID_ENOMEM, "redis store: %s of %zu bytes", what, size);
  *memory = grown;
  *room = size;
  return SOLID_OK;
}

solid_status sol_redis_make_tags(sol_redis_store *store) {
  if (store->tags) return SOLID_OK;
  store->tags = malloc(SOL_SLOTS * sizeof *store->tags);
  if (!store->tags) return solid_fail(SOLID_ENOMEM, "redis store: tags of slots");
  sol_slot_tags(store->tags);
  return SOLID_OK;
}

void sol_redis_add_tag(const sol_redis_store *store, sol_command *cmd) {
  sol_command_number(cmd, SOL_COMMAND_NUMBERS - 1,
                     store->tags[sol_slot_of(cmd->argv[cmd->key_at], cmd->sizes[cmd->key_at])]);
}

solid_status sol_redis_out_of_step(sol_redis_conn *conn) {
  return sol_redis_drop(conn, "a reply of another shape than the command's");
}

sol_shown sol_redis_show_key(const sol_redis_store *store, solid_bytes user) {
  char key[SOL_KEY_MAX];
  return sol_show(key, sol_key_write(store->options.prefix, user, key));
}

/* Whether command n + i asks for the epoch of user i's slot. Once a batch and slot, where it was not found yet over the
 * connection at hand; else once a node, since a node loses all of its slots or none. */
static int asks_epoch(sol_redis_batch *b, size_t i, uint32_t slot) {
  sol_redis_store *store = b->store;
  const sol_cluster *c = &store->cluster;
  uint64_t mark = (uint64_t)store->batches << 32 | (uint32_t)i;
  if (store->marks.asked[slot] >> 32 == store->batches) return store->marks.asked[slot] == mark;
  uint16_t owner = c->owners[slot];
  int is_last = owner == SOL_NO_NODE || store->last_of_node[owner] == i;
  if (!is_last && store->marks.proven[slot] == sol_cluster_token(c, slot)) return 0;
  store->marks.asked[slot] = mark;
  return 1;
}

static void note_last(const sol_redis_batch *b) {
  const sol_cluster *c = &b->store->cluster;
  for (size_t i = 0; i < b->n; i++) {
    uint16_t owner = c->owners[c->routes[i].slot];
    if (owner != SOL_NO_NODE) b->store->last_of_node[owner] = i;
  }
}

static int is_items(const sol_redis_batch *b, size_t number) {
  return number == b->n * b->kinds + b->epochs;
}

static size_t who(const sol_redis_batch *b, size_t i) {
  if (b->apart) return b->apart[i].user;
  return b->list ? b->list[i] : i;
}

/* Commands 0 .. n-1 are the scripts of users, then come those of further kinds, and behind them questions for epochs:
 * one, or one a user. The last may be the question for the item log. */
static const sol_command *make_any(void *user, size_t number) {
  sol_redis_batch *b = user;
  sol_redis_store *store = b->store;
  const sol_cluster *c = &store->cluster;
  size_t scripts = b->n * b->kinds;
  sol_command_begin(&b->cmd);
  if (number < scripts) {
    b->kind = number / b->n;
    b->at = number % b->n;
    b->make(b, who(b, b->at));
    return b->cmd.argc ? &b->cmd : NULL;
  }
  if (is_items(b, number)) {
    sol_redis_ask_items(b);
    return &b->cmd;
  }
  if (!store->marks.asked) {
    sol_redis_ask_epoch(store, &b->cmd, 0, 0);
    return &b->cmd;
  }
  if (number == scripts) note_last(b); /* every user's first command has been routed before */
  uint32_t slot = c->routes[number - scripts].slot;
  if (!asks_epoch(b, number - scripts, slot)) return NULL;
  sol_redis_ask_epoch(store, &b->cmd, 1, slot);
  return &b->cmd;
}

static solid_status take_any(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  sol_redis_batch *b = user;
  sol_redis_store *store = b->store;
  if (is_items(b, number)) {
    sol_redis_note_items(store, conn, reply);
    return SOLID_OK;
  }
  if (number < b->n * b->kinds) {
    solid_status status = SOLID_OK;
    b->kind = number / b->n;
    b->at = number % b->n;
    return sol_redis_note_apart(b, who(b, b->at), reply, &status) ? status : b->take(b, conn, who(b, b->at), reply);
  }
  solid_status status = sol_redis_judge_epoch(store, conn, reply);
  if (!status && store->marks.asked) {
    uint32_t slot = store->cluster.routes[number].slot;
    store->marks.proven[slot] = sol_cluster_token(&store->cluster, slot);
  }
  return status;
}

solid_status sol_redis_judge_write(sol_redis_batch *b, sol_redis_conn *conn, size_t i, solid_bytes user,
                                   const redisReply *reply) {
  int is_late = reply->type == REDIS_REPLY_ERROR && sol_error_find(reply->str)->is_late;
  b->statuses[i] = SOLID_OK;
  solid_status status = sol_redis_judge_user(b, conn, i, user, reply);
  if (status) b->statuses[i] = is_late ? SOLID_EUNKNOWN : status;
  return status;
}

static void lose_any(void *user, size_t number) {
  sol_redis_batch *b = user;
  if (number < b->n) b->statuses[who(b, number)] = SOLID_EUNKNOWN;
}

/* To remove something needs no epoch, unless an event asks for it: that event is committed behind this call, and would
 * not be read again where the server has lost the list of the forgotten, and what is restored knows the user. */
static int relies_on_epoch(const sol_redis_batch *b, size_t n) {
  int relies = !b->forgettings;
  for (size_t i = 0; i < n && !relies; i++) relies = b->forgettings[i].position.stream != 0;
  return relies;
}

enum { CAREFUL_MS = 60000 };

void sol_redis_be_careful(sol_redis_store *store) {
  store->careful_ms = sol_steady_ms() + CAREFUL_MS;
}

int sol_redis_is_careful(const sol_redis_store *store) {
  return store->careful_ms && sol_steady_ms() < store->careful_ms;
}

/* Notes whose answers were too long, so that the call can go on: what was asked for is asked of a script. Returns how
 * many they are. A state may only be larger than the room for it. */
static size_t note_large(sol_redis_batch *b) {
  sol_redis_store *store = b->store;
  const sol_cluster *c = &store->cluster;
  size_t found = 0;
  for (size_t k = 0; k < c->n_nodes; k++) {
    sol_redis_conn *conn = &c->nodes[k]->conn;
    size_t number = conn->too_long;
    conn->too_long = SOL_NO_REPLY;
    if (number == SOL_NO_REPLY) continue;
    if (b->states && number < b->n * b->kinds)
      store->notes[who(b, number % b->n)].is_large = 1;
    else
      sol_redis_be_careful(store);
    found++;
  }
  return found;
}

solid_status sol_redis_run(sol_redis_batch *b, size_t n, sol_redis_make_fn make, sol_redis_take_fn take) {
  sol_redis_store *store = b->store;
  int is_advance = b->appends != NULL;
  if (!b->kinds) b->kinds = 1;
  sol_calls calls = {.n = n * b->kinds,
                     .make = make_any,
                     .take = take_any,
                     .lost = b->is_settling ? lose_any : NULL,
                     .user = b,
                     .is_write = is_advance || b->forgettings,
                     .is_settled = b->forgettings != NULL};
  if (n == 0) return SOLID_OK;
  if (!b->found) {
    solid_status status = sol_redis_make_tags(store);
    if (status) return status;
  }
  calls.is_careful = is_advance && store->is_careful;
  b->n = n;
  b->epochs = 0;
  store->n_apart = 0;
  b->make = make;
  b->take = take;
  if (store->is_writer && !b->found && relies_on_epoch(b, n)) { /* to read needs no epoch */
    solid_status status = sol_redis_make_marks(store);
    if (status) return status;
    b->epochs = store->marks.asked ? n : 1;
    store->batches++;
  }
  int asks_items = (is_advance || b->found) && sol_redis_asks_items(store);
  calls.n += b->epochs + (size_t)asks_items;
  solid_status status = sol_cluster_run(&store->cluster, &calls);
  if (status && note_large(b) && status == SOLID_EIO) return sol_redis_run(b, n, make, take); /* it changes nothing */
  if (!status && store->n_apart) status = sol_redis_join_apart(b);
  if (!status) sol_redis_count_evicted(store);
  return status;
}
