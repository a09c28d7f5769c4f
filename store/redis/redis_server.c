/* How the server is set up: what it does when its memory is full, and whether it outlives a restart. What it does not
 * tell us (INFO and CONFIG may be forbidden) is not warned about. */
#include "solid/base/clock.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

/* What stands behind "\n<name>:" in the text of INFO, NULL if it is not there. */
static const char *find_field(const redisReply *reply, const char *name) {
  size_t size = strlen(name);
  if (reply->type != REDIS_REPLY_STRING) return NULL;
  for (const char *at = reply->str; at; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (!strncmp(at, name, size) && at[size] == ':') return at + size + 1;
  }
  return NULL;
}

static int begins(const char *value, const char *word) {
  return value && !strncmp(value, word, strlen(word));
}

static void judge_memory(sol_redis_store *store, const redisReply *info) {
  const char *policy = find_field(info, "maxmemory_policy");
  const char *limit = find_field(info, "maxmemory");
  if (!policy || begins(policy, "noeviction") || begins(limit, "0\r")) return;
  sol_redis_log(&store->conn, SOLID_LOG_WARN,
                "%s: maxmemory-policy is %.*s: users who are evicted are forgotten, and no replay brings them back; "
                "choose noeviction",
                store->conn.name, (int)strcspn(policy, "\r\n"), policy);
}

static void judge_save(sol_redis_store *store, const redisReply *save) {
  if (save->type != REDIS_REPLY_ARRAY || save->elements != 2 || save->element[1]->type != REDIS_REPLY_STRING) return;
  if (save->element[1]->len > 0) return;
  sol_redis_log(&store->conn, SOLID_LOG_WARN,
                "%s: keeps nothing on disk: after its restart all events must be read again; set appendonly or save",
                store->conn.name);
}

typedef struct look {
  sol_redis_store *store;
  int has_no_log; /* neither an append-only file */
} look;

/* Answers in the order of the questions below. */
static solid_status take_look(void *user, size_t i, const redisReply *reply) {
  look *l = user;
  if (i == 0) judge_memory(l->store, reply);
  if (i == 1) l->has_no_log = begins(find_field(reply, "aof_enabled"), "0");
  if (i == 2 && l->has_no_log) judge_save(l->store, reply); /* nor snapshots */
  if (i == 3) {
    const char *evicted = find_field(reply, "evicted_keys");
    l->store->evicted = evicted ? strtoull(evicted, NULL, 10) : 0;
  }
  return SOLID_OK;
}

static solid_status queue_words(sol_redis_store *store, const char *first, const char *second, const char *third) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, first);
  sol_command_text(&cmd, second);
  if (third) sol_command_text(&cmd, third);
  return sol_redis_send(store, &cmd);
}

solid_status sol_redis_look(sol_redis_store *store) {
  look l = {.store = store};
  solid_status status = queue_words(store, "INFO", "memory", NULL);
  if (!status) status = queue_words(store, "INFO", "persistence", NULL);
  if (!status) status = queue_words(store, "CONFIG", "GET", "save");
  if (!status) status = queue_words(store, "INFO", "stats", NULL);
  store->looked_ms = sol_steady_ms();
  return status ? status : sol_redis_exchange(&store->conn, 4, take_look, &l);
}

int sol_redis_ask_evicted(sol_redis_store *store, solid_status *status) {
  int64_t now_ms = sol_steady_ms();
  if (now_ms - store->looked_ms < store->options.look_ms) return 0;
  store->looked_ms = now_ms;
  *status = queue_words(store, "INFO", "stats", NULL);
  return 1;
}

void sol_redis_take_evicted(sol_redis_store *store, const redisReply *reply) {
  const char *text = find_field(reply, "evicted_keys");
  uint64_t evicted = text ? strtoull(text, NULL, 10) : store->evicted;
  if (evicted > store->evicted && store->is_writer)
    sol_redis_log(&store->conn, SOLID_LOG_WARN, "%s: %llu keys evicted: their users are forgotten", store->conn.name,
                  (unsigned long long)(evicted - store->evicted));
  store->evicted = evicted;
}
