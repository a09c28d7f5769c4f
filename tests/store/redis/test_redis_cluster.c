/* A store in a cluster of three real nodes: the body of all stores, slots that wander while they are written, nodes
 * that lose what they hold. */
#include "store/redis/keys.h"
#include "store/redis/redis_parts.h"
#include "store/redis/slots.h"
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_cluster.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 200 };

static redis_cluster cluster;
static const char *prefix = "p:";

static void start(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_cluster_start(&cluster, 3), 0);
}

static void stop(void) {
  redis_cluster_stop(&cluster);
}

TestSuite(redis_cluster, .init = start, .fini = stop, .timeout = 600);

static solid_redis_store_options options_for(int64_t ttl_ms) {
  solid_redis_store_options options = live_options();
  options.port = cluster.nodes[1].port;
  options.prefix = prefix;
  options.ttl_ms = ttl_ms;
  return options;
}

static solid_store *open_in_cluster(int64_t ttl_ms) {
  solid_redis_store_options options = options_for(ttl_ms);
  return live_open_with(&options);
}

static solid_store *open_history(uint32_t window, uint32_t history, int64_t ttl_ms) {
  solid_redis_store_options options = options_for(ttl_ms);
  options.window = window;
  options.history = history;
  return live_open_with(&options);
}

static const store_maker maker = {open_in_cluster, live_sleep_ms, open_history};

/* Each case under a prefix of its own, since a cluster takes seconds to begin; the one that wants to see all keys there
 * are has a cluster of its own. */
Test(redis_cluster, does_what_every_store_does) {
#define CLUSTER_CASE(name)                                                                                             \
  prefix = #name ":";                                                                                                  \
  if (strcmp(#name, "lists_who_is_held")) body_##name(&maker);
  STORE_CASES(CLUSTER_CASE)
}

Test(redis_cluster, lists_who_is_held) {
  body_lists_who_is_held(&maker);
}

static void ask_node(size_t node, const char *command, const char *expected) {
  char answer[256] = "";
  cr_assert_eq(redis_server_ask(&cluster.nodes[node], command, answer, sizeof answer), 0, "%s", command);
  if (expected) cr_assert_str_eq(answer, expected, "%s: %s", command, answer);
}

/* One event each of all users, of which event `n` is the n-th: seq tells what was applied. */
static solid_status push_all(solid_store *store, uint64_t n, size_t *behind) {
  static char names[USERS][8];
  static solid_step steps[USERS], room[USERS][BODY_WINDOW];
  static solid_position positions[USERS];
  static solid_append appends[USERS];
  static solid_window windows[USERS];
  static solid_status statuses[USERS];
  for (size_t i = 0; i < USERS; i++) {
    steps[i] = (solid_step){n, (int64_t)n};
    positions[i] = (solid_position){9, n};
    appends[i] = (solid_append){.user = {names[i], (size_t)snprintf(names[i], sizeof names[i], "u%zu", i)},
                                .steps = &steps[i],
                                .positions = &positions[i],
                                .count = 1};
    windows[i] = (solid_window){.steps = room[i]};
  }
  solid_status status = store->ops->advance(store, appends, USERS, windows, NULL, statuses);
  *behind = 0;
  for (size_t i = 0; i < USERS && !status; i++) *behind += windows[i].seq != n || windows[i].steps[0].item + 4 < n;
  return status;
}

static void push_all_ok(solid_store *store, uint64_t n) {
  size_t behind = 0;
  cr_assert_eq(push_all(store, n, &behind), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(behind, 0, "after event %lu", (unsigned long)n);
}

static unsigned slot_of_user(const char *user) {
  char key[SOL_KEY_MAX];
  return sol_slot_of(key, sol_key_write(prefix, live_text(user), key));
}

static void set_slot(size_t node, unsigned slot, const char *how, size_t other) {
  char command[160];
  snprintf(command, sizeof command, "CLUSTER SETSLOT %u %s %s", slot, how, cluster.ids[other]);
  ask_node(node, command, "OK");
}

/* All keys that a slot has here: those of users whom push_all knows, the epoch, who was forgotten. */
static void migrate_keys(size_t from, size_t to, unsigned slot) {
  static uint32_t tags[SOL_SLOTS];
  char command[256], name[16];
  sol_slot_tags(tags);
  for (int i = -2; i < USERS; i++) {
    snprintf(name, sizeof name, "u%d", i);
    if (i >= 0 && slot_of_user(name) != slot) continue;
    if (i < 0)
      snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s%s:{%u} 0 5000", cluster.nodes[to].port, prefix,
               i == -1 ? "epoch" : "forgotten", tags[slot]);
    if (i >= 0)
      snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s{%s} 0 5000", cluster.nodes[to].port, prefix, name);
    ask_node(from, command, NULL); /* what there is of them */
  }
}

/* A slot moves, step by step, as redis-cli would do it; after each step everybody has an event more, once. */
Test(redis_cluster, a_slot_moves_while_it_is_written) {
  solid_store *store = open_in_cluster(0);
  unsigned slot = slot_of_user("u3");
  size_t from = redis_cluster_owner(&cluster, slot), to = (from + 1) % 3, other = (from + 2) % 3;
  uint64_t n = 0;
  push_all_ok(store, ++n);
  push_all_ok(store, ++n);
  uint64_t before = live_stats(store).round_trips;
  push_all_ok(store, ++n);
  cr_assert_eq(live_stats(store).round_trips, before + 3, "one exchange a node");
  set_slot(to, slot, "IMPORTING", from);
  set_slot(from, slot, "MIGRATING", to);
  push_all_ok(store, ++n); /* what is there is still there */
  migrate_keys(from, to, slot);
  ask_node(to, "SCRIPT FLUSH", "OK");
  push_all_ok(store, ++n); /* ASK, and NOSCRIPT behind it */
  push_all_ok(store, ++n);
  ask_node(to, "SCRIPT FLUSH", "OK");
  set_slot(to, slot, "NODE", to);
  set_slot(from, slot, "NODE", to);
  push_all_ok(store, ++n); /* MOVED */
  set_slot(other, slot, "NODE", to);
  before = live_stats(store).round_trips;
  push_all_ok(store, ++n);
  cr_assert_eq(live_stats(store).round_trips, before + 3, "the map is known");
  solid_store_close(store);
  store = open_in_cluster(0);
  push_all_ok(store, ++n);
  solid_store_close(store);
}

/* Somebody who only reads learns of the cluster from MOVED. */
Test(redis_cluster, who_reads_finds_everybody) {
  solid_store *store = open_in_cluster(0), *reader = open_in_cluster(0);
  size_t behind;
  cr_assert_eq(push_all(store, 1, &behind), SOLID_OK);
  for (int i = 0; i < USERS; i++) {
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
  solid_store *writer = open_in_cluster(0), *store = NULL;
  solid_redis_store_options options = options_for(0);
  uint64_t cursor = 0;
  int count = 0;
  push_all_ok(writer, 1);
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_OK, "%s", solid_last_error());
  do cr_assert_eq(store->ops->list(store, 1000, &cursor, count_user, &count), SOLID_OK, "%s", solid_last_error());
  while (cursor);
  cr_assert_geq(count, USERS, "%d users", count);
  cursor = UINT64_MAX; /* of nodes that there are none of */
  cr_assert_eq(store->ops->list(store, 1000, &cursor, count_user, &count), SOLID_OK);
  cr_assert_eq(cursor, 0);
  solid_store_close(store);
  solid_store_close(writer);
}

/* Also of nodes that were read from before: else a restart would go unnoticed. */
Test(redis_cluster, who_writes_knows_each_server) {
  solid_store *writer = open_in_cluster(0), *store = NULL;
  solid_redis_store_options options = options_for(0);
  solid_store_epoch epoch;
  push_all_ok(writer, 1);
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
    if (redis_cluster_owner(&cluster, slot_of_user(name)) == node) break;
  }
  return live_append(store, name, item, NULL);
}

Test(redis_cluster, a_node_that_lost_everything_is_noticed) {
  solid_store *store = open_in_cluster(0);
  solid_store_epoch epoch;
  size_t behind;
  push_all_ok(store, 1);
  ask_node(2, "FLUSHALL", "OK");
  cr_assert_eq(append_to_node(store, 0, 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(append_to_node(store, 2, 1), SOLID_ELOST, "%s", solid_last_error());
  cr_assert_eq(push_all(store, 2, &behind), SOLID_ELOST, "%s", solid_last_error());
  solid_store *other = open_in_cluster(0); /* one that begins anew does not help the slots to an epoch */
  cr_assert_eq(other->ops->epoch_begin(other, 0, &epoch), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(append_to_node(other, 2, 1), SOLID_ELOST, "%s", solid_last_error());
  cr_assert_eq(other->ops->epoch_begin(other, 1, &epoch), SOLID_OK, "%s", solid_last_error());
  push_all_ok(other, 1);
  cr_assert_eq(append_to_node(store, 0, 1), SOLID_ELOST, "another's epoch");
  solid_store_close(store);
  solid_store_close(other);
}

/* One slot that is emptied while the others of its node stay, as after a repair of the cluster. */
Test(redis_cluster, a_slot_that_lost_everything_is_noticed) {
  solid_store *store = open_in_cluster(0);
  static uint32_t tags[SOL_SLOTS];
  char command[64];
  size_t behind;
  push_all_ok(store, 1);
  unsigned slot = slot_of_user("u5");
  sol_slot_tags(tags);
  snprintf(command, sizeof command, "DEL %sepoch:{%u}", prefix, tags[slot]);
  ask_node(redis_cluster_owner(&cluster, slot), command, "1");
  solid_store *fresh = open_in_cluster(0);
  cr_assert_eq(push_all(fresh, 2, &behind), SOLID_ELOST, "%s", solid_last_error());
  solid_store_close(store);
  solid_store_close(fresh);
}

Test(redis_cluster, a_silent_node_is_waited_for) {
  solid_redis_store_options options = options_for(0);
  options.timeout_ms = options.connect_timeout_ms = 200;
  solid_store *store = live_open_with(&options);
  size_t behind = 0;
  push_all_ok(store, 1);
  kill(cluster.nodes[0].pid, SIGSTOP);
  solid_status status = push_all(store, 2, &behind);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  status = push_all(store, 2, &behind);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  kill(cluster.nodes[0].pid, SIGCONT);
  for (int i = 0; i < 500 && status; i++) {
    live_sleep_ms(10);
    status = push_all(store, 2, &behind);
    cr_assert(!status || solid_status_is_retriable(status), "%s", solid_last_error());
  }
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(behind, 0, "what the others had applied was not applied twice");
  solid_store_close(store);
}

/* Any of several hosts leads to the cluster; none of them has to be up. */
Test(redis_cluster, several_ways_in) {
  char address[128];
  solid_redis_store_options options = options_for(0);
  snprintf(address, sizeof address, "redis://127.0.0.1:1,127.0.0.1:%u,localhost:%u", cluster.nodes[2].port,
           cluster.nodes[0].port);
  options.address = address;
  solid_store *store = live_open_with(&options);
  push_all_ok(store, 1);
  solid_store_close(store);
  options.database = 3;
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EREFUSED);
  cr_assert(strstr(solid_last_error(), "a cluster has database 0 alone"), "%s", solid_last_error());
}

static size_t append_one(solid_store *store, const char *user, uint64_t offset) {
  solid_step step = {offset, 1}, room[BODY_WINDOW];
  solid_position position = {9, offset};
  solid_append append = {.user = live_text(user), .steps = &step, .positions = &position, .count = 1};
  solid_window window = {.steps = room};
  solid_status of_user;
  size_t applied = 99;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, &applied, &of_user), SOLID_OK, "%s", solid_last_error());
  return applied;
}

static void move_slot(size_t from, size_t to, unsigned slot, solid_store *store) {
  const solid_bytes user = live_text("u3");
  set_slot(to, slot, "IMPORTING", from);
  set_slot(from, slot, "MIGRATING", to);
  solid_status status = solid_forget(store, &user, 1, NULL);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  migrate_keys(from, to, slot);
  status = solid_forget(store, &user, 1, NULL);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
}

/* Half of a user could be here and half there: who forgets waits until the slot has moved, with its list. */
Test(redis_cluster, forgetting_waits_for_a_slot_that_moves) {
  solid_redis_store_options options = options_for(0);
  options.timeout_ms = 300;
  solid_store *store = live_open_with(&options);
  const solid_bytes user = live_text("u3");
  unsigned slot = slot_of_user("u3");
  size_t from = redis_cluster_owner(&cluster, slot), to = (from + 1) % 3;
  uint8_t had = 0;
  cr_assert_eq(append_one(store, "u3", 1), 1);
  move_slot(from, to, slot, store);
  cr_assert_eq(append_one(store, "u3", 2), 1, "events go on");
  set_slot(to, slot, "NODE", to);
  set_slot(from, slot, "NODE", to);
  cr_assert_eq(solid_forget(store, &user, 1, &had), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(had, 1);
  move_slot(to, from, slot, store);
  cr_assert_eq(append_one(store, "u3", 2), 0, "the list has moved");
  set_slot(from, slot, "NODE", from);
  set_slot(to, slot, "NODE", from);
  cr_assert_eq(append_one(store, "u3", 1), 0);
  cr_assert_eq(append_one(store, "u3", 3), 1);
  solid_store_close(store);
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

/* Steps up to `seq`, and the 900 newest back. */
static solid_status append_upto(solid_store *store, uint64_t seq, solid_window *window) {
  static solid_step steps[900], room[900];
  static solid_position positions[900];
  for (uint64_t n = 0; n < seq; n++) steps[n] = (solid_step){n + 1, 1}, positions[n] = (solid_position){9, n + 1};
  solid_append append = {.user = live_text("u3"), .steps = steps, .positions = positions, .count = seq};
  *window = (solid_window){.steps = room, .most = 900};
  solid_status of_user;
  return store->ops->advance(store, &append, 1, window, NULL, &of_user);
}

/* Where the pages of a user have gone ahead of the record, a page more is not taken for one of nobody. */
Test(redis_cluster, pages_wait_for_a_record_that_moves) {
  solid_redis_store_options options = options_for(0);
  options.timeout_ms = 300, options.history = 1024;
  solid_store *store = live_open_with(&options);
  solid_window window;
  char command[256];
  unsigned slot = slot_of_user("u3");
  size_t from = redis_cluster_owner(&cluster, slot), to = (from + 1) % 3;
  cr_assert_eq(append_upto(store, 600, &window), SOLID_OK, "%s", solid_last_error());
  set_slot(to, slot, "IMPORTING", from);
  set_slot(from, slot, "MIGRATING", to);
  snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s{u3}:pages 0 5000", cluster.nodes[to].port, prefix);
  ask_node(from, command, "OK");
  solid_status status = append_upto(store, 900, &window);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  migrate_keys(from, to, slot);
  set_slot(to, slot, "NODE", to);
  set_slot(from, slot, "NODE", to);
  cr_assert_eq(append_upto(store, 900, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert(window.count == 900 && window.seq == 900 && !window.is_cut, "%zu of %lu", window.count,
            (unsigned long)window.seq);
  solid_store_close(store);
}
