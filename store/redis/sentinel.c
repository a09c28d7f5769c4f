#include "store/redis/sentinel.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct answer {
  sol_place place;
  unsigned long long epoch;
  int is_there;
} answer;

static const char *find(const redisReply *pairs, const char *name) {
  for (size_t i = 0; i + 1 < pairs->elements; i += 2)
    if (pairs->element[i]->type == REDIS_REPLY_STRING && pairs->element[i + 1]->type == REDIS_REPLY_STRING &&
        !strcmp(pairs->element[i]->str, name))
      return pairs->element[i + 1]->str;
  return NULL;
}

/* SENTINEL MASTER name: pairs of a name and a value. */
static solid_status take(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  answer *a = user;
  (void)number;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status;
  const char *host = reply->type == REDIS_REPLY_ARRAY ? find(reply, "ip") : NULL;
  const char *port = host ? find(reply, "port") : NULL, *epoch = host ? find(reply, "config-epoch") : NULL;
  if (!port || !epoch) return sol_redis_drop(conn, "no answer of a Sentinel");
  status = sol_place_set(&a->place, host, strlen(host), (uint32_t)strtoul(port, NULL, 10));
  a->epoch = strtoull(epoch, NULL, 10);
  a->is_there = !status;
  return status;
}

/* Over a connection of its own, which ends with the answer: they are asked rarely. */
static solid_status ask(const sol_redis_options *options, const sol_place *sentinel, const char *master, answer *out) {
  sol_redis_conn conn;
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "SENTINEL");
  sol_command_text(&cmd, "MASTER");
  sol_command_text(&cmd, master);
  sol_redis_init(&conn, options, sentinel, 1);
  solid_status status = sol_redis_ready(&conn);
  if (!status) status = sol_redis_queue(&conn, 0, &cmd);
  if (!status) status = sol_redis_exchange_one(&conn, take, out);
  sol_redis_end(&conn);
  return status;
}

solid_status sol_sentinel_find(const sol_redis_options *options, const sol_address *address, sol_place *out) {
  sol_redis_options plain = {.username = options->sentinel_username,
                             .password = options->sentinel_password,
                             .connect_timeout_ms = options->connect_timeout_ms,
                             .timeout_ms = options->connect_timeout_ms,
                             .tls = options->tls};
  answer best = {.is_there = 0};
  char why[400] = "";
  for (size_t i = 0; i < address->n_places; i++) {
    answer one = {.is_there = 0};
    if (ask(&plain, &address->places[i], address->master, &one)) {
      snprintf(why, sizeof why, "%s", solid_last_error());
      continue;
    }
    if (!best.is_there || one.epoch > best.epoch) best = one;
  }
  if (!best.is_there) return solid_fail(SOLID_EIO, "no Sentinel names the master of %s: %s", address->master, why);
  *out = best.place;
  return SOLID_OK;
}
