/* Which server is it that answers, and may it be this one? */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/redis/connection.h"
#include <stdio.h>
#include <string.h>

enum { ROLE = 0, SERVER = 1, REPLICATION = 2, CLUSTER = 3, QUESTIONS = 4 };

typedef struct answers {
  char run_id[41], replication_id[41];
  int is_master, is_cluster;
} answers;

const char *sol_redis_field(const redisReply *reply, const char *name, size_t *size) {
  size_t length = strlen(name);
  if (reply->type != REDIS_REPLY_STRING) return NULL;
  for (const char *at = reply->str; at; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (strncmp(at, name, length) || at[length] != ':') continue;
    *size = strcspn(at + length + 1, "\r\n");
    return at + length + 1;
  }
  return NULL;
}

static void copy_field(const redisReply *reply, const char *name, char *out, size_t room) {
  size_t size = 0;
  const char *text = sol_redis_field(reply, name, &size);
  snprintf(out, room, "%.*s", text ? (int)size : 0, text ? text : "");
}

/* INFO may be forbidden: what is not said is not known. */
static solid_status take(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  answers *a = user;
  char digit[2];
  (void)conn;
  if (number == ROLE)
    a->is_master = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
                   reply->element[0]->type == REDIS_REPLY_STRING && !strcmp(reply->element[0]->str, "master");
  if (number == SERVER) copy_field(reply, "run_id", a->run_id, sizeof a->run_id);
  if (number == REPLICATION) copy_field(reply, "master_replid", a->replication_id, sizeof a->replication_id);
  if (number == CLUSTER) {
    copy_field(reply, "cluster_enabled", digit, sizeof digit);
    a->is_cluster = *digit == '1';
  }
  return SOLID_OK;
}

/* A restart has another run_id, and a replica that became master another master_replid: either may lack what the server
 * before had taken. */
static void compare(sol_redis_conn *conn, const answers *a) {
  char identity[SOL_IDENTITY_ROOM];
  snprintf(identity, sizeof identity, "%s %s", a->run_id, a->replication_id);
  int is_another = strcmp(identity, conn->identity) != 0;
  if (is_another && *conn->identity && conn->wrote_ns > conn->safe_ns) {
    conn->is_changed = 1;
    sol_redis_log(conn, SOLID_LOG_WARN, "%s: is another server than before, or has been started anew", conn->name);
  }
  if (is_another) {
    conn->offset_ns = 0;
    conn->replicas = -1;
  }
  memcpy(conn->identity, identity, sizeof identity);
}

solid_status sol_redis_identify(sol_redis_conn *conn) {
  static const char *const words[QUESTIONS][2] = {
      {"ROLE", NULL}, {"INFO", "server"}, {"INFO", "replication"}, {"INFO", "cluster"}};
  answers a = {.is_master = 0};
  for (size_t i = 0; i < QUESTIONS; i++) {
    sol_command cmd = {.argc = 0};
    sol_command_text(&cmd, words[i][0]);
    if (words[i][1]) sol_command_text(&cmd, words[i][1]);
    solid_status status = sol_redis_queue(conn, i, &cmd);
    if (status) return status;
  }
  solid_status status = sol_redis_exchange_one(conn, take, &a);
  if (status) return status;
  conn->is_cluster = a.is_cluster;
  if (conn->options->is_choosy && !a.is_master && !a.is_cluster)
    return solid_fail(SOLID_EIO, "%s: is no master", conn->name);
  if (*a.run_id) compare(conn, &a);
  return SOLID_OK;
}
