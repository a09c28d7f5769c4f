/* What the Redis store keeps that belongs to no user: the epoch and the records of streams. One key each, no TTL. */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <string.h>

/* One question and what becomes of its answer. */
typedef struct question {
  sol_redis_store *store;
  int is_missing; /* the script was not loaded */
  int number;     /* answered */
  void *room;
  size_t *size;
} question;

solid_status sol_redis_ask(sol_redis_store *store, sol_command *cmd, sol_redis_reply_fn take, void *user) {
  solid_status status = sol_redis_send(store, cmd);
  return status ? status : sol_redis_exchange(&store->conn, 1, take, user);
}

static solid_status take_done(void *user, size_t i, const redisReply *reply) {
  question *q = user;
  (void)i;
  return sol_redis_reply_status(&q->store->conn, reply);
}

static solid_status take_string(void *user, size_t i, const redisReply *reply) {
  question *q = user;
  solid_status status = sol_redis_reply_status(&q->store->conn, reply);
  (void)i;
  if (status) return status;
  if (reply->type == REDIS_REPLY_NIL) return sol_port_give_record(NULL, 0, q->room, q->size);
  if (reply->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(q->store);
  return sol_port_give_record(reply->str, (size_t)reply->len, q->room, q->size);
}

static solid_status take_number(void *user, size_t i, const redisReply *reply) {
  question *q = user;
  (void)i;
  q->is_missing = sol_redis_is_missing(reply);
  if (q->is_missing) return SOLID_OK;
  solid_status status = sol_redis_reply_status(&q->store->conn, reply);
  if (status) return status;
  if (reply->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(q->store);
  q->number = reply->integer != 0;
  return SOLID_OK;
}

/* At most one byte more than `most`, which is enough to see that it is too much. */
static solid_status read_string(sol_redis_store *store, const char *name, solid_bytes rest, size_t most, void *room,
                                size_t *size) {
  question q = {.store = store, .room = room, .size = size};
  sol_command cmd = {.argc = 0};
  solid_status status = sol_redis_ready(&store->conn);
  if (status) return status;
  sol_command_text(&cmd, "GETRANGE");
  sol_command_name(&cmd, store->options.prefix, name, rest);
  sol_command_text(&cmd, "0");
  sol_command_number(&cmd, 0, (int64_t)most);
  return sol_redis_ask(store, &cmd, take_string, &q);
}

solid_status sol_redis_read_name(sol_redis_store *store, const char *name, size_t most, void *room, size_t *size) {
  return read_string(store, name, (solid_bytes){NULL, 0}, most, room, size);
}

solid_status sol_redis_set_name(sol_redis_store *store, const char *name, const solid_store_epoch *epoch,
                                int only_new) {
  question q = {.store = store};
  sol_command cmd = {.argc = 0};
  solid_status status = sol_redis_ready(&store->conn);
  if (status) return status;
  sol_command_text(&cmd, "SET");
  sol_command_name(&cmd, store->options.prefix, name, (solid_bytes){NULL, 0});
  sol_command_bytes(&cmd, epoch->bytes, sizeof epoch->bytes);
  if (only_new) sol_command_text(&cmd, "NX");
  return sol_redis_ask(store, &cmd, take_done, &q);
}

solid_status sol_redis_remove_name(sol_redis_store *store, const char *name) {
  question q = {.store = store};
  sol_command cmd = {.argc = 0};
  solid_status status = sol_redis_ready(&store->conn);
  if (status) return status;
  sol_command_text(&cmd, "DEL");
  sol_command_name(&cmd, store->options.prefix, name, (solid_bytes){NULL, 0});
  return sol_redis_ask(store, &cmd, take_done, &q);
}

solid_status sol_redis_epoch(solid_store *base, solid_store_epoch *out) {
  sol_redis_store *store = (sol_redis_store *)base;
  uint8_t bytes[sizeof out->bytes + 1];
  size_t size = sizeof bytes;
  if (!out) return solid_fail(SOLID_EINVAL, "redis store: epoch into NULL");
  solid_status status = sol_redis_read_name(store, "epoch", sizeof out->bytes, bytes, &size);
  if (status) return status;
  if (!size) return solid_fail(SOLID_ENOTFOUND, "%s: no key %sepoch", store->conn.name, store->options.prefix);
  if (size != sizeof out->bytes)
    return solid_fail(SOLID_EFORMAT, "%s: key %sepoch is no epoch of %zu bytes", store->conn.name,
                      store->options.prefix, sizeof out->bytes);
  memcpy(out->bytes, bytes, size);
  return SOLID_OK;
}

/* Sets one where there is one, too: it changes nothing, and a server that takes no writes says so now. */
solid_status sol_redis_epoch_begin(solid_store *base, int anew, solid_store_epoch *out) {
  sol_redis_store *store = (sol_redis_store *)base;
  solid_store_epoch drawn;
  if (!out) return solid_fail(SOLID_EINVAL, "redis store: epoch into NULL");
  solid_status status = anew ? SOLID_ENOTFOUND : sol_redis_epoch(base, out);
  if (status == SOLID_ENOTFOUND) status = anew ? SOLID_OK : sol_redis_check_old(store);
  if (!status) status = sol_port_draw_epoch(&drawn);
  if (!status) status = sol_redis_set_name(store, "epoch", &drawn, !anew);
  if (!status) status = sol_redis_epoch(base, out);
  if (status) return status;
  int is_first = !store->is_writer;
  store->is_writer = 1;
  store->epoch = *out;
  sol_redis_wrote(&store->conn);
  return is_first ? sol_redis_look(store) : SOLID_OK;
}

solid_status sol_redis_stream_load(solid_store *base, solid_bytes name, void *room, size_t *size) {
  solid_status status = sol_port_check_load(name, room, size);
  return status ? status : read_string((sol_redis_store *)base, "stream:", name, SOLID_STREAM_RECORD_MAX, room, size);
}

solid_status sol_redis_stream_save(solid_store *base, solid_bytes name, solid_bytes seen, solid_bytes record,
                                   int *saved) {
  sol_redis_store *store = (sol_redis_store *)base;
  question q = {.store = store, .is_missing = 1};
  solid_status status = sol_port_check_save(name, seen, record, saved);
  if (!status) status = sol_redis_ready(&store->conn);
  for (int round = 0; q.is_missing && !status; round++) {
    sol_command cmd = {.argc = 0};
    if (round == SOL_SCRIPT_ROUNDS) return solid_fail(SOLID_EIO, "%s: scripts vanish when loaded", store->conn.name);
    if (round) status = sol_redis_load_scripts(&store->conn);
    if (status) break;
    sol_command_text(&cmd, "EVALSHA");
    sol_command_bytes(&cmd, store->conn.sha[SOL_SCRIPT_STREAM], SOL_REDIS_SHA_SIZE);
    sol_command_text(&cmd, "1");
    sol_command_name(&cmd, store->options.prefix, "stream:", name);
    sol_command_bytes(&cmd, seen.size ? seen.data : "", seen.size);
    sol_command_bytes(&cmd, record.data, record.size);
    status = sol_redis_ask(store, &cmd, take_number, &q);
  }
  if (!status) *saved = q.number;
  return status;
}
