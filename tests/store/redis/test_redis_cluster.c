/* A store in a cluster of three real nodes: the body of all stores, slots that wander while they are written, nodes
 * that lose what they hold. */
#include "store/redis/redis_parts.h"
#include "store/redis/slots.h"
#include "store/redis_store.h"
#include "tests/store/redis/cluster_rig.h"
#include "tests/store/redis/live_redis.h"
#include "tests/store/store_body.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(redis_cluster, .init = rig_start, .fini = rig_stop, .timeout = 600);

static solid_store *open_history(uint32_t window, uint32_t history, int64_t ttl_ms) {
  solid_redis_store_options options = rig_options(ttl_ms);
  options.window = window;
  options.history = history;
  return live_open_with(&options);
}

static const store_maker maker = {rig_open, live_sleep_ms, open_history};

/* Each case under a prefix of its own, since a cluster takes seconds to begin; the one that wants to see all keys there
 * are has a cluster of its own. */
Test(redis_cluster, does_what_every_store_does) {
#define CLUSTER_CASE(name)                                                                                             \
  rig_prefix = #name ":";                                                                                              \
  if (strcmp(#name, "lists_who_is_held")) body_##name(&maker);
  STORE_CASES(CLUSTER_CASE)
}

Test(redis_cluster, lists_who_is_held) {
  body_lists_who_is_held(&maker);
}

/* Somebody who only reads learns of the cluster from MOVED. */
Test(redis_cluster, who_reads_finds_everybody) {
  solid_store *store = rig_open(0), *reader = rig_open(0);
  size_t behind;
  cr_assert_eq(rig_push_all(store, 1, &behind), SOLID_OK);
  for (int i = 0; i < RIG_USERS; i++) {
    char name[8];
    snprintf(name, sizeof name, "u%d", i);
    cr_assert_eq(live_put(store, name, 1, (float)i), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(live_get_ok(reader, name), (float)i);
  }
  solid_store_close(store);
  solid_store_close(reader);
}

static void count_user(void *count, solid_bytes user) {
  (void)user;
  ++*(int *)count;
}

/* A SCAN is answered by any node, and none says that there are others. */
Test(redis_cluster, who_only_lists_finds_everybody) {
  solid_store *writer = rig_open(0), *store = NULL;
  solid_redis_store_options options = rig_options(0);
  uint64_t cursor = 0;
  int count = 0;
  rig_push_all_ok(writer, 1);
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_OK, "%s", solid_last_error());
  do cr_assert_eq(store->ops->list(store, 1000, &cursor, count_user, &count), SOLID_OK, "%s", solid_last_error());
  while (cursor);
  cr_assert_geq(count, RIG_USERS, "%d users", count);
  cursor = UINT64_MAX; /* of nodes that there are none of */
  cr_assert_eq(store->ops->list(store, 1000, &cursor, count_user, &count), SOLID_OK);
  cr_assert_eq(cursor, 0);
  solid_store_close(store);
  solid_store_close(writer);
}

/* Also of nodes that were read from before: else a restart would go unnoticed. */
Test(redis_cluster, who_writes_knows_each_server) {
  solid_store *writer = rig_open(0), *store = NULL;
  solid_redis_store_options options = rig_options(0);
  solid_store_epoch epoch;
  rig_push_all_ok(writer, 1);
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 20; i++) {
    char name[8];
    solid_status status;
    snprintf(name, sizeof name, "u%d", i);
    (void)live_get(store, name, &status);
  }
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_OK, "%s", solid_last_error());
  const sol_cluster *c = &((const sol_redis_store *)store)->cluster;
  cr_assert_geq(c->n_nodes, 3);
  for (size_t i = 0; i < c->n_nodes; i++)
    if (c->nodes[i]->conn.transport.is_open) cr_assert(*c->nodes[i]->conn.identity, "node %zu", i);
  solid_store_close(store);
  solid_store_close(writer);
}

static solid_status append_to_node(solid_store *store, size_t node, uint64_t item) {
  char name[16] = "";
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "x%d", i);
    if (redis_cluster_owner(&rig_cluster, rig_slot_of(name)) == node) break;
  }
  return live_append(store, name, item, NULL);
}

Test(redis_cluster, a_node_that_lost_everything_is_noticed) {
  solid_store *store = rig_open(0);
  solid_store_epoch epoch;
  size_t behind;
  rig_push_all_ok(store, 1);
  rig_ask_node(2, "FLUSHALL", "OK");
  cr_assert_eq(append_to_node(store, 0, 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(append_to_node(store, 2, 1), SOLID_ELOST, "%s", solid_last_error());
  cr_assert_eq(rig_push_all(store, 2, &behind), SOLID_ELOST, "%s", solid_last_error());
  solid_store *other = rig_open(0); /* one that begins anew does not help the slots to an epoch */
  cr_assert_eq(other->ops->epoch_begin(other, 0, &epoch), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(append_to_node(other, 2, 1), SOLID_ELOST, "%s", solid_last_error());
  cr_assert_eq(other->ops->epoch_begin(other, 1, &epoch), SOLID_OK, "%s", solid_last_error());
  rig_push_all_ok(other, 1);
  cr_assert_eq(append_to_node(store, 0, 1), SOLID_ELOST, "another's epoch");
  solid_store_close(store);
  solid_store_close(other);
}

/* One slot that is emptied while the others of its node stay, as after a repair of the cluster. */
Test(redis_cluster, a_slot_that_lost_everything_is_noticed) {
  solid_store *store = rig_open(0);
  static uint32_t tags[SOL_SLOTS];
  char command[64];
  size_t behind;
  rig_push_all_ok(store, 1);
  unsigned slot = rig_slot_of("u5");
  sol_slot_tags(tags);
  snprintf(command, sizeof command, "DEL %sepoch:{%u}", rig_prefix, tags[slot]);
  rig_ask_node(redis_cluster_owner(&rig_cluster, slot), command, "1");
  solid_store *fresh = rig_open(0);
  cr_assert_eq(rig_push_all(fresh, 2, &behind), SOLID_ELOST, "%s", solid_last_error());
  solid_store_close(store);
  solid_store_close(fresh);
}

Test(redis_cluster, a_silent_node_is_waited_for) {
  solid_redis_store_options options = rig_options(0);
  options.timeout_ms = options.connect_timeout_ms = 200;
  solid_store *store = live_open_with(&options);
  size_t behind = 0;
  rig_push_all_ok(store, 1);
  kill(rig_cluster.nodes[0].pid, SIGSTOP);
  solid_status status = rig_push_all(store, 2, &behind);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  status = rig_push_all(store, 2, &behind);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  kill(rig_cluster.nodes[0].pid, SIGCONT);
  for (int i = 0; i < LIVE_TRIES && status; i++) {
    live_sleep_ms(10);
    status = rig_push_all(store, 2, &behind);
    cr_assert(!status || solid_status_is_retriable(status), "%s", solid_last_error());
  }
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(behind, 0, "what the others had applied was not applied twice");
  solid_store_close(store);
}

/* Any of several hosts leads to the cluster; none of them has to be up. */
Test(redis_cluster, several_ways_in) {
  char address[128];
  solid_redis_store_options options = rig_options(0);
  snprintf(address, sizeof address, "redis://127.0.0.1:1,127.0.0.1:%u,localhost:%u", rig_cluster.nodes[2].port,
           rig_cluster.nodes[0].port);
  options.address = address;
  solid_store *store = live_open_with(&options);
  rig_push_all_ok(store, 1);
  solid_store_close(store);
  options.database = 3;
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EREFUSED);
  cr_assert(strstr(solid_last_error(), "a cluster has database 0 alone"), "%s", solid_last_error());
}

/* Nodes come and go for as long as a process lives; it keeps those that have slots. */
Test(redis_nodes, places_of_nodes_that_left_are_used_again) {
  sol_address address;
  sol_redis_options options = {.timeout_ms = 100, .connect_timeout_ms = 100};
  sol_cluster c;
  cr_assert_eq(sol_address_read(&address, "127.0.0.1:7000"), SOLID_OK);
  cr_assert_eq(sol_cluster_init(&c, &options, &address), SOLID_OK);
  sol_node *kept = sol_cluster_node(&c, "10.0.0.1", 8, 1);
  kept->is_master = 1;
  for (uint32_t i = 2; i < 3 * SOL_NODES_MAX; i++) {
    c.map += 2; /* as if it had been read twice */
    sol_node *node = sol_cluster_node(&c, "10.0.0.1", 8, i);
    cr_assert(node && node != kept && node != c.nodes[0], "node %u", i);
    cr_assert_eq(sol_cluster_node(&c, "10.0.0.1", 8, i), node);
    cr_assert_eq(node->conn.places, &node->place);
    node->conn.connections++;
  }
  cr_assert_eq(c.n_nodes, SOL_NODES_MAX);
  cr_assert_eq(sol_cluster_node(&c, "10.0.0.1", 8, 1), kept);
  cr_assert_eq(sol_cluster_connections(&c), 3 * SOL_NODES_MAX - 2, "none is forgotten");
  for (size_t i = 0; i < c.n_nodes; i++) c.nodes[i]->is_master = 1;
  c.map += 2;
  cr_assert_null(sol_cluster_node(&c, "10.0.0.1", 8, 5000), "all have slots");
  sol_cluster_end(&c);
}
