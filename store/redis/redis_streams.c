/* What the Redis store keeps that belongs to no user: small values by name, among them the records of streams. One key
 * each, no TTL. */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <string.h>

/* One question and what becomes of its answer. */
typedef struct question {
  const sol_command *cmd;
  sol_redis_reply_fn take;
  void *user;
} question;

/* An answer that is a text or a number. */
typedef struct value {
  int number;
  void *room;
  size_t *size;
} value;

static const sol_command *make_one(void *user, size_t number) {
  const question *q = user;
  (void)number;
  return q->cmd;
}

static solid_status take_one(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  question *q = user;
  return q->take(q->user, conn, number, reply);
}

solid_status sol_redis_ask(sol_redis_store *store, const sol_command *cmd, sol_redis_reply_fn take, void *user) {
  question q = {.cmd = cmd, .take = take, .user = user};
  const sol_calls calls = {.n = 1, .make = make_one, .take = take_one, .user = &q};
  return sol_cluster_run(&store->cluster, &calls);
}

static solid_status take_done(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  solid_status status = sol_redis_reply_status(conn, reply);
  (void)user, (void)number;
  if (!status) sol_redis_wrote(conn);
  return status;
}

static solid_status take_string(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  value *v = user;
  solid_status status = sol_redis_reply_status(conn, reply);
  (void)number;
  if (status) return status;
  if (reply->type == REDIS_REPLY_NIL) return sol_port_give_record(NULL, 0, v->room, v->size);
  if (reply->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(conn);
  return sol_port_give_record(reply->str, (size_t)reply->len, v->room, v->size);
}

static solid_status take_number(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  value *v = user;
  (void)number;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status;
  if (reply->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(conn);
  v->number = reply->integer != 0;
  return SOLID_OK;
}

static solid_status take_empty(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  int *is_empty = user;
  (void)number;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (!status) *is_empty = reply->type == REDIS_REPLY_STRING && reply->len == 0;
  return status;
}

/* At most one byte more than `most`, which is enough to see that it is too much. */
static solid_status read_string(sol_redis_store *store, const char *name, solid_bytes rest, size_t most, void *room,
                                size_t *size) {
  value v = {.room = room, .size = size};
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "GETRANGE");
  sol_command_name(&cmd, store->options.prefix, name, rest);
  sol_command_text(&cmd, "0");
  sol_command_number(&cmd, 0, (int64_t)most);
  return sol_redis_ask(store, &cmd, take_string, &v);
}

solid_status sol_redis_read_name(sol_redis_store *store, const char *name, size_t most, void *room, size_t *size) {
  return read_string(store, name, (solid_bytes){NULL, 0}, most, room, size);
}

solid_status sol_redis_is_empty(sol_redis_store *store, const char *name, int *is_empty) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "GET");
  sol_command_name(&cmd, store->options.prefix, name, (solid_bytes){NULL, 0});
  return sol_redis_ask(store, &cmd, take_empty, is_empty);
}

solid_status sol_redis_set_name(sol_redis_store *store, const char *name, const solid_store_epoch *epoch,
                                int only_new) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "SET");
  sol_command_name(&cmd, store->options.prefix, name, (solid_bytes){NULL, 0});
  sol_command_bytes(&cmd, epoch->bytes, sizeof epoch->bytes);
  if (only_new) sol_command_text(&cmd, "NX");
  return sol_redis_ask(store, &cmd, take_done, NULL);
}

solid_status sol_redis_remove_name(sol_redis_store *store, const char *name) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "DEL");
  sol_command_name(&cmd, store->options.prefix, name, (solid_bytes){NULL, 0});
  return sol_redis_ask(store, &cmd, take_done, NULL);
}

/* A failure that is of one key names it. */
static solid_status name_stream(const sol_redis_store *store, solid_bytes name, solid_status status) {
  return status == SOLID_EFORMAT ? solid_fail(status, "key %sstream:%s: %s", store->options.prefix,
                                              sol_show(name.data, name.size).text, solid_last_error())
                                 : status;
}

solid_status sol_redis_stream_load(solid_store *base, solid_bytes name, void *room, size_t *size) {
  sol_redis_store *store = (sol_redis_store *)base;
  solid_status status = sol_port_check_load(name, room, size);
  if (!status) status = read_string(store, "stream:", name, SOLID_STREAM_RECORD_MAX, room, size);
  return name_stream(store, name, status);
}

solid_status sol_redis_stream_save(solid_store *base, solid_bytes name, solid_bytes seen, solid_bytes record,
                                   int *saved) {
  sol_redis_store *store = (sol_redis_store *)base;
  value v = {.number = 0};
  sol_command cmd;
  solid_status status = sol_port_check_save(name, seen, record, saved);
  if (status) return status;
  sol_redis_begin_script(&cmd, SOL_SCRIPT_STREAM);
  sol_command_name(&cmd, store->options.prefix, "stream:", name);
  sol_command_bytes(&cmd, seen.size ? seen.data : "", seen.size);
  sol_command_bytes(&cmd, record.data, record.size);
  status = sol_redis_ask(store, &cmd, take_number, &v);
  if (!status) *saved = v.number;
  return name_stream(store, name, status);
}
