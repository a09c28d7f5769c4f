#include "tests/store/redis/cluster_rig.h"
#include "store/redis/keys.h"
#include "store/redis/slots.h"
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

redis_cluster rig_cluster;
const char *rig_prefix = "p:";

void rig_start(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_cluster_start(&rig_cluster, 3), 0);
}

void rig_stop(void) {
  redis_cluster_stop(&rig_cluster);
}

solid_redis_store_options rig_options(int64_t ttl_ms) {
  solid_redis_store_options options = live_options();
  options.port = rig_cluster.nodes[1].port;
  options.prefix = rig_prefix;
  options.ttl_ms = ttl_ms;
  return options;
}

solid_store *rig_open(int64_t ttl_ms) {
  solid_redis_store_options options = rig_options(ttl_ms);
  return live_open_with(&options);
}

void rig_ask_node(size_t node, const char *command, const char *expected) {
  char answer[256] = "";
  cr_assert_eq(redis_server_ask(&rig_cluster.nodes[node], command, answer, sizeof answer), 0, "%s", command);
  if (expected) cr_assert_str_eq(answer, expected, "%s: %s", command, answer);
}

solid_status rig_push_all(solid_store *store, uint64_t n, size_t *behind) {
  static char names[RIG_USERS][8];
  static solid_step steps[RIG_USERS], room[RIG_USERS][BODY_WINDOW];
  static solid_position positions[RIG_USERS];
  static solid_append appends[RIG_USERS];
  static solid_window windows[RIG_USERS];
  static solid_status statuses[RIG_USERS];
  for (size_t i = 0; i < RIG_USERS; i++) {
    steps[i] = (solid_step){n, (int64_t)n};
    positions[i] = (solid_position){9, n};
    appends[i] = (solid_append){.user = {names[i], (size_t)snprintf(names[i], sizeof names[i], "u%zu", i)},
                                .steps = &steps[i],
                                .positions = &positions[i],
                                .count = 1};
    windows[i] = (solid_window){.steps = room[i]};
  }
  solid_status status = store->ops->advance(store, appends, RIG_USERS, windows, NULL, statuses);
  *behind = 0;
  for (size_t i = 0; i < RIG_USERS && !status; i++) *behind += windows[i].seq != n || windows[i].steps[0].item + 4 < n;
  return status;
}

void rig_push_all_ok(solid_store *store, uint64_t n) {
  size_t behind = 0;
  cr_assert_eq(rig_push_all(store, n, &behind), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(behind, 0, "after event %lu", (unsigned long)n);
}

unsigned rig_slot_of(const char *user) {
  char key[SOL_KEY_MAX];
  return sol_slot_of(key, sol_key_write(rig_prefix, live_text(user), key));
}

void rig_set_slot(size_t node, unsigned slot, const char *how, size_t other) {
  char command[160];
  const char *id = strcmp(how, "STABLE") ? rig_cluster.ids[other] : "";
  snprintf(command, sizeof command, "CLUSTER SETSLOT %u %s %s", slot, how, id);
  rig_ask_node(node, command, "OK");
}

void rig_migrate_keys(size_t from, size_t to, unsigned slot) {
  static uint32_t tags[SOL_SLOTS];
  char command[256], name[16];
  sol_slot_tags(tags);
  for (int i = -2; i < RIG_USERS; i++) {
    snprintf(name, sizeof name, "u%d", i);
    if (i >= 0 && rig_slot_of(name) != slot) continue;
    if (i < 0)
      snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s%s:{%u} 0 5000", rig_cluster.nodes[to].port, rig_prefix,
               i == -1 ? "epoch" : "forgotten", tags[slot]);
    if (i >= 0)
      snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s{%s} 0 5000", rig_cluster.nodes[to].port, rig_prefix,
               name);
    rig_ask_node(from, command, NULL); /* what there is of them */
  }
}

void rig_begin_move(size_t from, size_t to, unsigned slot) {
  rig_set_slot(to, slot, "IMPORTING", from);
  rig_set_slot(from, slot, "MIGRATING", to);
}

void rig_end_move(size_t from, size_t to, unsigned slot) {
  rig_set_slot(to, slot, "NODE", to);
  rig_set_slot(from, slot, "NODE", to);
}
