/* The record of live generations: one hash <prefix>live of decimal numbers, that no user's key can be called. */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/command.h"
#include "store/redis/redis_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char write_script[] =
    "if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end\n"
    "redis.call('HSET', KEYS[1], 'version', ARGV[2], 'current', ARGV[3], 'previous', ARGV[4], 'share', ARGV[5])\n"
    "return 1";

static const char *const fields[] = {"version", "current", "previous", "share"};
enum { FIELDS = 4, WRITE_WORDS = 9 };

static size_t write_key(const sol_redis_store *store, char key[SOL_KEY_MAX]) {
  static const char name[] = "live";
  size_t size = strlen(store->options.prefix);
  memcpy(key, store->options.prefix, size);
  memcpy(key + size, name, sizeof name - 1);
  return size + sizeof name - 1;
}

/* 1 where the reply is a number of digits alone, or nothing, which is 0. */
static int read_number(const redisReply *reply, uint64_t *out) {
  *out = 0;
  if (reply->type == REDIS_REPLY_NIL) return 1;
  if (reply->type != REDIS_REPLY_STRING || !reply->len || reply->len > 20) return 0;
  if (strspn(reply->str, "0123456789") != reply->len) return 0;
  *out = strtoull(reply->str, NULL, 10);
  return 1;
}

static solid_status no_record(sol_redis_store *store) {
  return solid_fail(SOLID_EFORMAT, "%s: %slive is no record of live generations: delete it", store->conn.name,
                    store->options.prefix);
}

typedef struct live_call {
  sol_redis_store *store;
  solid_live *live; /* of a read */
  int is_written;   /* of a write */
} live_call;

static solid_status take_live(void *user, size_t i, const redisReply *reply) {
  live_call *call = user;
  uint64_t number[FIELDS];
  (void)i;
  if (reply->type == REDIS_REPLY_ERROR) return sol_redis_reply_status(&call->store->conn, reply);
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != FIELDS)
    return sol_redis_drop(&call->store->conn, "a reply of another shape than the command's");
  for (size_t f = 0; f < FIELDS; f++)
    if (!read_number(reply->element[f], &number[f])) return no_record(call->store);
  *call->live = (solid_live){number[0], number[1], number[2], (uint32_t)number[3]};
  if (number[0] && (number[3] > SOLID_SHARES || sol_port_check_live(call->live))) return no_record(call->store);
  return SOLID_OK;
}

solid_status sol_redis_read_live(solid_store *base, solid_live *live) {
  sol_redis_store *store = (sol_redis_store *)base;
  if (!live) return solid_fail(SOLID_EINVAL, "redis store: live is NULL");
  char key[SOL_KEY_MAX];
  const char *words[2 + FIELDS] = {"HMGET", key};
  size_t sizes[2 + FIELDS] = {strlen("HMGET"), write_key(store, key)};
  for (size_t f = 0; f < FIELDS; f++) words[2 + f] = fields[f], sizes[2 + f] = strlen(fields[f]);
  live_call call = {.store = store, .live = live};
  solid_status status = sol_redis_ready(&store->conn);
  if (!status) status = sol_redis_queue(&store->conn, 2 + FIELDS, words, sizes);
  return status ? status : sol_redis_exchange(&store->conn, 1, take_live, &call);
}

static solid_status take_written(void *user, size_t i, const redisReply *reply) {
  live_call *call = user;
  (void)i;
  if (reply->type == REDIS_REPLY_ERROR) return sol_redis_reply_status(&call->store->conn, reply);
  call->is_written = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
  return SOLID_OK;
}

solid_status sol_redis_write_live(solid_store *base, const solid_live *live) {
  sol_redis_store *store = (sol_redis_store *)base;
  solid_status status = sol_port_check_live(live);
  if (status) return status;
  char key[SOL_KEY_MAX], numbers[5][24];
  const uint64_t values[5] = {live->version - 1, live->version, live->current, live->previous, live->share};
  const char *words[WRITE_WORDS] = {"EVAL", write_script, "1", key};
  size_t sizes[WRITE_WORDS] = {strlen("EVAL"), sizeof write_script - 1, 1, write_key(store, key)};
  for (size_t i = 0; i < 5; i++) {
    words[4 + i] = numbers[i];
    sizes[4 + i] = (size_t)snprintf(numbers[i], sizeof numbers[i], "%llu", (unsigned long long)values[i]);
  }
  live_call call = {.store = store};
  status = sol_redis_ready(&store->conn);
  if (!status) status = sol_redis_queue(&store->conn, WRITE_WORDS, words, sizes);
  if (!status) status = sol_redis_exchange(&store->conn, 1, take_written, &call);
  return status || call.is_written ? status : sol_port_live_changed(live);
}
