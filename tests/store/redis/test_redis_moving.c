/* Slots of a cluster of three real nodes that move while they are written: every key of a slot is here or there. */
#include "store/redis/slots.h"
#include "store/redis_store.h"
#include "tests/store/redis/cluster_rig.h"
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(redis_moving, .init = rig_start, .fini = rig_stop, .timeout = 600);

/* A slot moves, step by step, as redis-cli would do it; after each step everybody has an event more, once. */
Test(redis_moving, a_slot_moves_while_it_is_written) {
  solid_store *store = rig_open(0);
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3, other = (from + 2) % 3;
  uint64_t n = 0;
  rig_push_all_ok(store, ++n);
  rig_push_all_ok(store, ++n);
  uint64_t before = live_stats(store).round_trips;
  rig_push_all_ok(store, ++n);
  cr_assert_eq(live_stats(store).round_trips, before + 3, "one exchange a node");
  rig_begin_move(from, to, slot);
  rig_push_all_ok(store, ++n); /* what is there is still there */
  rig_migrate_keys(from, to, slot);
  rig_ask_node(to, "SCRIPT FLUSH", "OK");
  rig_push_all_ok(store, ++n); /* ASK, and NOSCRIPT behind it */
  rig_push_all_ok(store, ++n);
  rig_ask_node(to, "SCRIPT FLUSH", "OK");
  rig_end_move(from, to, slot);
  rig_push_all_ok(store, ++n); /* MOVED */
  rig_set_slot(other, slot, "NODE", to);
  before = live_stats(store).round_trips;
  rig_push_all_ok(store, ++n);
  cr_assert_eq(live_stats(store).round_trips, before + 3, "the map is known");
  solid_store_close(store);
  store = rig_open(0);
  rig_push_all_ok(store, ++n);
  solid_store_close(store);
}

static size_t append_of(solid_store *store, const char *user, uint64_t stream, uint64_t offset) {
  solid_step step = {offset, 1}, room[BODY_WINDOW];
  solid_position position = {stream, offset};
  solid_append append = {.user = live_text(user), .steps = &step, .positions = &position, .count = 1};
  solid_window window = {.steps = room};
  solid_status of_user;
  size_t applied = 99;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, &applied, &of_user), SOLID_OK, "%s", solid_last_error());
  return applied;
}

static size_t append_one(solid_store *store, const char *user, uint64_t offset) {
  return append_of(store, user, 9, offset);
}

static void move_slot(size_t from, size_t to, unsigned slot, solid_store *store) {
  const solid_bytes user = live_text("u3");
  rig_begin_move(from, to, slot);
  solid_status status = solid_forget(store, &user, 1, NULL);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  rig_migrate_keys(from, to, slot);
  status = solid_forget(store, &user, 1, NULL);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
}

/* Half of a user could be here and half there: who forgets waits until the slot has moved, with its list. */
Test(redis_moving, forgetting_waits_for_a_slot_that_moves) {
  solid_redis_store_options options = rig_options(0);
  options.timeout_ms = 300;
  solid_store *store = live_open_with(&options);
  const solid_bytes user = live_text("u3");
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3;
  uint8_t had = 0;
  cr_assert_eq(append_one(store, "u3", 1), 1);
  move_slot(from, to, slot, store);
  cr_assert_eq(append_one(store, "u3", 2), 1, "events go on");
  rig_end_move(from, to, slot);
  cr_assert_eq(solid_forget(store, &user, 1, &had), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(had, 1);
  move_slot(to, from, slot, store);
  cr_assert_eq(append_one(store, "u3", 2), 0, "the list has moved");
  rig_set_slot(from, slot, "NODE", from);
  rig_set_slot(to, slot, "NODE", from);
  cr_assert_eq(append_one(store, "u3", 1), 0);
  cr_assert_eq(append_one(store, "u3", 3), 1);
  solid_store_close(store);
}

/* Somebody else whom the slot has. */
static void name_other(unsigned slot, char name[16]) {
  for (int i = 0;; i++) {
    snprintf(name, 16, "x%d", i);
    if (rig_slot_of(name) == slot) return;
  }
}

/* Only the list of who was forgotten goes to the other node. */
static void migrate_list(size_t from, size_t to, unsigned slot) {
  static uint32_t tags[SOL_SLOTS];
  char command[128];
  sol_slot_tags(tags);
  snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %sforgotten:{%u} 0 5000", rig_cluster.nodes[to].port,
           rig_prefix, tags[slot]);
  rig_ask_node(from, command, "OK");
}

/* Whose record is nowhere is asked for where the slot moves to, and the list may still be where it comes from. */
Test(redis_moving, a_replay_is_known_before_the_list_has_come) {
  solid_store *store = rig_open(0);
  const solid_bytes user = live_text("u3");
  char other[16];
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3;
  name_other(slot, other);
  cr_assert_eq(append_one(store, "u3", 1) + append_one(store, "u3", 2), 2);
  cr_assert_eq(solid_forget(store, &user, 1, NULL), SOLID_OK, "%s", solid_last_error());
  rig_begin_move(from, to, slot);
  cr_assert_eq(append_one(store, "u3", 2), 0, "the list has not come");
  cr_assert_eq(append_one(store, other, 1), 1, "who was never forgotten does not wait");
  cr_assert_eq(live_put(store, "u3", 2, 1.0f), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_get_ok(store, "u3"), -1.0f, "params of the forgotten life");
  cr_assert_eq(append_one(store, "u3", 3), 1, "what is behind the forgetting");
  cr_assert_eq(append_one(store, "u3", 2), 0);
  cr_assert_eq(append_of(store, "u3", 8, 1), 0, "of another stream, and before it");
  cr_assert_eq(live_put(store, "u3", 1, 1.0f), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_get_ok(store, "u3"), -1.0f, "the record that was begun is of the new life");
  rig_migrate_keys(from, to, slot);
  rig_end_move(from, to, slot);
  cr_assert_eq(append_one(store, "u3", 3) + append_of(store, "u3", 8, 1), 0);
  cr_assert_eq(append_one(store, "u3", 4) + append_one(store, other, 2), 2);
  solid_store_close(store);
}

/* The other way round: the record is where the slot comes from, and the list is gone ahead, or there is none. */
Test(redis_moving, who_has_a_record_does_not_wait_for_the_list) {
  solid_store *store = rig_open(0);
  const solid_bytes user = live_text("u3");
  char other[16];
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3;
  name_other(slot, other);
  cr_assert_eq(append_one(store, "u3", 1) + append_one(store, other, 1), 2);
  rig_begin_move(from, to, slot);
  cr_assert_eq(append_of(store, other, 7, 1), 1, "nobody was forgotten in this slot");
  rig_set_slot(from, slot, "STABLE", to);
  rig_set_slot(to, slot, "STABLE", from);
  cr_assert_eq(solid_forget(store, &user, 1, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(append_one(store, "u3", 2), 1);
  rig_begin_move(from, to, slot);
  migrate_list(from, to, slot);
  cr_assert_eq(append_of(store, other, 8, 1), 1, "was never forgotten");
  cr_assert_eq(append_of(store, "u3", 8, 1), 0, "the list has gone ahead");
  cr_assert_eq(append_one(store, "u3", 3), 1);
  solid_store_close(store);
}

/* A copy of it would be another key, which is where the slot moves to: nobody waits for the sake of a copy. The record
 * is where the slot comes from, or where it goes to. */
Test(redis_moving, a_damaged_record_is_begun_anew_in_its_place) {
  solid_redis_store_options options = rig_options(0);
  options.timeout_ms = 300;
  solid_store *store = live_open_with(&options);
  char command[256];
  unsigned slot = rig_slot_of("u3");
  snprintf(command, sizeof command,
           "EVAL \"redis.call('HSET',KEYS[1],'h','rubbish','d','12345678') return 'OK'\" 1 %s{u3}", rig_prefix);
  for (int has_gone = 0; has_gone < 2; has_gone++) {
    size_t from = (redis_cluster_owner(&rig_cluster, slot) + (size_t)has_gone) % 3, to = (from + 1) % 3;
    solid_window window;
    cr_assert_eq(live_append(store, "u3", 4, NULL), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(live_put(store, "u3", 1, 1.0f), SOLID_OK, "%s", solid_last_error());
    rig_ask_node(from, command, "OK");
    rig_begin_move(from, to, slot);
    if (has_gone) rig_migrate_keys(from, to, slot);
    uint64_t damaged = live_stats(store).damaged;
    cr_assert_eq(live_append(store, "u3", 5, &window), SOLID_OK, "%s", solid_last_error());
    cr_assert(window.seq == 1 && window.count == 1 && window.n_dislikes == 0, "%lu", (unsigned long)window.seq);
    cr_assert_eq(live_stats(store).damaged, damaged + 1);
    cr_assert_eq(live_get_ok(store, "u3"), -1.0f, "what was made of the window before is gone");
    rig_migrate_keys(from, to, slot);
    rig_end_move(from, to, slot);
    cr_assert_eq(live_append(store, "u3", 6, &window), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(window.seq, 2);
  }
  solid_store_close(store);
}

static uint8_t put_state(solid_store *store, const char *user, uint64_t birth) {
  const solid_state_part part = {0, 3, (const uint8_t *)"abc"};
  const solid_state_put put = {.user = live_text(user), .stamp = {birth, 1, 7, 8, 1}, .parts = &part, .n = 1};
  uint8_t stored = 9;
  solid_status of_user = SOLID_EINTERNAL;
  cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(of_user, SOLID_OK);
  return stored;
}

/* A state can be made anew: nobody waits until it is together with its record. */
Test(redis_moving, a_state_apart_from_its_record_is_not_stored) {
  solid_redis_store_options options = rig_options(0);
  options.history = 1024;
  solid_store *store = live_open_with(&options);
  char command[128];
  solid_window window;
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3;
  cr_assert_eq(live_append(store, "u3", 1, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(put_state(store, "u3", window.birth), 1);
  rig_begin_move(from, to, slot);
  cr_assert_eq(put_state(store, "u3", window.birth), 1, "both are where they were");
  snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s{u3} 0 5000", rig_cluster.nodes[to].port, rig_prefix);
  rig_ask_node(from, command, "OK");
  cr_assert_eq(put_state(store, "u3", window.birth), 0, "the record is gone ahead");
  snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s{u3}:state 0 5000", rig_cluster.nodes[to].port, rig_prefix);
  rig_ask_node(from, command, "OK");
  cr_assert_eq(put_state(store, "u3", window.birth), 1);
  solid_store_close(store);
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
Test(redis_moving, pages_wait_for_a_record_that_moves) {
  solid_redis_store_options options = rig_options(0);
  options.timeout_ms = 300, options.history = 1024;
  solid_store *store = live_open_with(&options);
  solid_window window;
  char command[256];
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3;
  cr_assert_eq(append_upto(store, 600, &window), SOLID_OK, "%s", solid_last_error());
  rig_begin_move(from, to, slot);
  snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %u %s{u3}:pages 0 5000", rig_cluster.nodes[to].port, rig_prefix);
  rig_ask_node(from, command, "OK");
  solid_status status = append_upto(store, 900, &window);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  rig_migrate_keys(from, to, slot);
  rig_end_move(from, to, slot);
  cr_assert_eq(append_upto(store, 900, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert(window.count == 900 && window.seq == 900 && !window.is_cut, "%zu of %lu", window.count,
            (unsigned long)window.seq);
  solid_store_close(store);
}

/* What lies beside a record and is of another history is replaced without a moment in which it is not there: a key that
 * is not there is where the slot moves to. */
Test(redis_moving, pages_of_another_history_are_replaced) {
  solid_redis_store_options options = rig_options(0);
  options.timeout_ms = 300, options.history = 1024;
  solid_store *store = live_open_with(&options);
  solid_window window;
  char command[256];
  unsigned slot = rig_slot_of("u3");
  size_t from = redis_cluster_owner(&rig_cluster, slot), to = (from + 1) % 3;
  cr_assert_eq(append_upto(store, 10, &window), SOLID_OK, "%s", solid_last_error());
  snprintf(command, sizeof command, "HSET %s{u3}:pages m %032d 7 old s old", rig_prefix, 0);
  rig_ask_node(from, command, "3");
  rig_begin_move(from, to, slot);
  cr_assert_eq(append_upto(store, 900, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert(window.count == 900 && !window.is_cut, "%zu", window.count);
  snprintf(command, sizeof command, "HEXISTS %s{u3}:pages 7", rig_prefix);
  rig_ask_node(from, command, "0");
  solid_store_close(store);
}
