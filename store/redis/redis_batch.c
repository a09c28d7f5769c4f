/* The scripts of one call, and what is read behind them. */
#include "solid/extend.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

solid_status sol_redis_send(sol_redis_store *store, sol_command *cmd) {
  return sol_redis_queue(&store->conn, cmd->argc, cmd->argv, cmd->sizes);
}

void sol_redis_begin_script(sol_command *cmd, sol_redis_store *store, int script, solid_bytes user) {
  cmd->argc = 0;
  sol_command_text(cmd, "EVALSHA");
  sol_command_bytes(cmd, store->conn.sha[script], SOL_REDIS_SHA_SIZE);
  sol_command_text(cmd, "1");
  sol_command_key(cmd, store->options.prefix, user);
}

solid_status sol_redis_out_of_step(sol_redis_store *store) {
  return sol_redis_drop(&store->conn, "a reply of another shape than the command's");
}

int sol_redis_is_missing(const redisReply *reply) {
  return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

sol_shown sol_redis_show_key(const sol_redis_store *store, solid_bytes user) {
  char key[SOL_KEY_MAX];
  return sol_show(key, sol_key_write(store->options.prefix, user, key));
}

static solid_status ask_epoch(sol_redis_store *store) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "GETRANGE");
  sol_command_name(&cmd, store->options.prefix, "epoch", (solid_bytes){NULL, 0});
  sol_command_text(&cmd, "0");
  sol_command_number(&cmd, 0, sizeof store->epoch.bytes);
  return sol_redis_send(store, &cmd);
}

/* What this store wrote is worth nothing where the server has not, behind it, the epoch under which it was written. */
static solid_status take_epoch(sol_redis_store *store, const redisReply *reply) {
  if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9))
    return sol_redis_reply_status(&store->conn, reply);
  if (reply->type == REDIS_REPLY_STRING && (size_t)reply->len == sizeof store->epoch.bytes &&
      !memcmp(reply->str, store->epoch.bytes, sizeof store->epoch.bytes))
    return SOLID_OK;
  return solid_fail(SOLID_ELOST,
                    "%s: key %sepoch is %s: the server lost what it held, or a new epoch was begun; read the events "
                    "again from the beginning under a new epoch",
                    store->conn.name, store->options.prefix,
                    reply->type == REDIS_REPLY_STRING && reply->len == 0 ? "gone" : "another than this writer's");
}

static solid_status take_any(void *user, size_t i, const redisReply *reply) {
  sol_redis_batch *b = user;
  sol_redis_store *store = b->store;
  if (i == b->n_sent && b->asks_epoch) return take_epoch(store, reply);
  if (i >= b->n_sent) return sol_redis_take_evicted(store, reply), SOLID_OK;
  if (!sol_redis_is_missing(reply)) return b->take(b, store->pending[i], reply);
  store->pending[b->n_missing++] = store->pending[i];
  return SOLID_OK;
}

/* One exchange for the users store->pending[0 .. n). */
static solid_status send_all(sol_redis_batch *b, size_t n) {
  sol_redis_store *store = b->store;
  solid_status status = SOLID_OK;
  size_t more = 0;
  b->n_sent = n;
  b->n_missing = 0;
  b->asks_epoch = 0;
  for (size_t i = 0; i < n && !status; i++) status = b->send(b, store->pending[i]);
  if (store->is_writer && !b->found) { /* who reads alone may read on */
    if (!status) status = ask_epoch(store);
    b->asks_epoch = 1;
    more = 1;
  }
  if (!status && sol_redis_ask_evicted(store, &status)) more++;
  return status ? status : sol_redis_exchange(&store->conn, n + more, take_any, b);
}

solid_status sol_redis_run(sol_redis_batch *b, size_t n, sol_redis_send_fn send, sol_redis_take_fn take) {
  sol_redis_store *store = b->store;
  if (n == 0) return SOLID_OK;
  if (n > store->n_pending) {
    size_t *pending = n <= SIZE_MAX / sizeof *pending ? realloc(store->pending, sizeof *pending * n) : NULL;
    if (!pending) return solid_fail(SOLID_ENOMEM, "redis store: batch of %zu users", n);
    store->pending = pending;
    store->n_pending = n;
  }
  for (size_t i = 0; i < n; i++) store->pending[i] = i;
  b->send = send;
  b->take = take;
  solid_status status = sol_redis_ready(&store->conn);
  for (int round = 0; n && !status; round++) {
    if (round == SOL_SCRIPT_ROUNDS) return solid_fail(SOLID_EIO, "%s: scripts vanish when loaded", store->conn.name);
    if (round) status = sol_redis_load_scripts(&store->conn);
    if (!status) status = send_all(b, n);
    n = b->n_missing;
  }
  return status;
}
