/* How servers are set up: what they do when their memory is full, and whether they outlive a restart. What one does not
 * tell us (INFO and CONFIG may be forbidden) is not warned about. */
#include "solid/base/clock.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 0, PERSISTENCE = 1, SAVE = 2, STATS = 3, QUESTIONS = 4 };

static int is_word(const redisReply *info, const char *name, const char *word) {
  size_t size = 0;
  const char *value = sol_redis_field(info, name, &size);
  return value && size == strlen(word) && !strncmp(value, word, size);
}

static void judge_memory(sol_redis_conn *conn, const redisReply *info) {
  size_t size = 0;
  const char *policy = sol_redis_field(info, "maxmemory_policy", &size);
  if (!policy || is_word(info, "maxmemory_policy", "noeviction") || is_word(info, "maxmemory", "0")) return;
  sol_redis_log(conn, SOLID_LOG_WARN,
                "%s: maxmemory-policy is %.*s: users who are evicted are forgotten, and no replay brings them back; "
                "choose noeviction",
                conn->name, (int)size, policy);
}

static void judge_save(sol_redis_conn *conn, const redisReply *save) {
  if (save->type != REDIS_REPLY_ARRAY || save->elements != 2 || save->element[1]->type != REDIS_REPLY_STRING) return;
  if (save->element[1]->len > 0) return;
  sol_redis_log(conn, SOLID_LOG_WARN,
                "%s: keeps nothing on disk: after its restart all events must be read again; set appendonly or save",
                conn->name);
}

static uint64_t read_evicted(const sol_redis_conn *conn, const redisReply *info) {
  size_t size = 0;
  const char *evicted = sol_redis_field(info, "evicted_keys", &size);
  return evicted ? strtoull(evicted, NULL, 10) : conn->evicted;
}

/* Answers come in the order of the questions below. */
static solid_status take_look(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  int *has_no_log = user;
  if (number == MEMORY) judge_memory(conn, reply);
  if (number == PERSISTENCE) {
    conn->has_log = is_word(reply, "aof_enabled", "1");
    *has_no_log = is_word(reply, "aof_enabled", "0");
  }
  if (number == SAVE && !conn->has_log && *has_no_log) judge_save(conn, reply); /* nor snapshots */
  if (number == STATS) conn->evicted = read_evicted(conn, reply);
  return SOLID_OK;
}

static solid_status take_evicted(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  const sol_redis_store *store = user;
  uint64_t evicted = read_evicted(conn, reply);
  (void)number;
  if (evicted > conn->evicted && store->is_writer)
    sol_redis_log(conn, SOLID_LOG_WARN, "%s: %llu keys evicted: their users are forgotten", conn->name,
                  (unsigned long long)(evicted - conn->evicted));
  conn->evicted = evicted;
  return SOLID_OK;
}

static solid_status ask(sol_redis_store *store, int who_is_there, const char *const words[][3], size_t n,
                        sol_redis_reply_fn take, void *user) {
  sol_command cmds[QUESTIONS];
  const sol_command *pointers[QUESTIONS];
  for (size_t i = 0; i < n; i++) {
    sol_command_begin(&cmds[i]);
    for (int k = 0; k < 3 && words[i][k]; k++) sol_command_text(&cmds[i], words[i][k]);
    pointers[i] = &cmds[i];
  }
  solid_status status = sol_cluster_ask(&store->cluster, who_is_there, pointers, n, take, user);
  store->looked_ms = sol_steady_ms();
  store->evicted = 0;
  for (size_t i = 0; i < store->cluster.n_nodes; i++) store->evicted += store->cluster.nodes[i]->conn.evicted;
  return status;
}

solid_status sol_redis_look(sol_redis_store *store) {
  static const char *const words[QUESTIONS][3] = {
      {"INFO", "memory"}, {"INFO", "persistence"}, {"CONFIG", "GET", "save"}, {"INFO", "stats"}};
  int has_no_log = 0;
  return ask(store, 0, words, QUESTIONS, take_look, &has_no_log);
}

void sol_redis_count_evicted(sol_redis_store *store) {
  static const char *const words[1][3] = {{"INFO", "stats"}};
  if (sol_steady_ms() - store->looked_ms < store->options.look_ms) return;
  (void)(ask(store, 1, words, 1, take_evicted, store) == SOLID_OK); /* the next call meets what failed, and says it */
}

void sol_redis_count_last(sol_redis_store *store) {
  static const char *const words[1][3] = {{"INFO", "stats"}};
  for (size_t i = 0; i < store->cluster.n_nodes; i++) {
    const sol_redis_conn *conn = &store->cluster.nodes[i]->conn;
    if (!conn->reader || conn->failures) return; /* nobody waits for a server that is away */
  }
  if (store->is_writer) (void)(ask(store, 1, words, 1, take_evicted, store) == SOLID_OK);
}
