/* Histories and states in Redis: values that are larger than any of ours may be. They stay where they are. */
#include "store/redis/redis_parts.h"
#include "tests/store/history_parts.h"
#include "tests/store/redis/history_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { LARGE = 16 << 20, LITTLE = 1 << 20 };

TestSuite(redis_history_large, .init = live_start, .fini = live_stop, .timeout = 600);

/* Bytes of answers that were read so far. */
static uint64_t received(const solid_store *store) {
  return ((const sol_redis_store *)store)->cluster.nodes[0]->conn.received;
}

static void harm(const char *user, const char *part, const char *field, int size) {
  char command[200];
  snprintf(command, sizeof command,
           "EVAL \"local s='x' while #s<%d do s=s..s end return redis.call('HSET',KEYS[1],'%s',s)\" 1 solid:{%s}:%s",
           size, field, user, part);
  live_ask(command, NULL);
}

static uint64_t birth_of(solid_store *store, const char *user) {
  solid_window window = {.most = 1};
  history_get(store, user, &window);
  return window.birth;
}

/* What was ever taken, of two users whose field is too large and one who has it, in one call. */
Test(redis_history_large, what_was_taken) {
  enum { USERS = 3 };
  static const char *const names[USERS] = {"ann", "bob", "cat"};
  static const char *const fields[] = {"s", "r", "m"};
  solid_store *store = rig_open(50, RIG_LONG);
  for (size_t f = 0; f < 3; f++) {
    for (size_t i = 0; i < USERS; i++) {
      char command[100];
      snprintf(command, sizeof command, "DEL solid:{%s} solid:{%s}:pages", names[i], names[i]);
      live_ask(command, NULL);
      history_append(store, names[i], 0, 1500, 0, NULL);
      history_append(store, names[i], 1500, 1800, 0, NULL);
    }
    harm("ann", "pages", fields[f], LARGE);
    harm("cat", "pages", fields[f], LARGE);
    uint64_t damaged = live_stats(store).damaged;
    uint64_t before = received(store);
    for (uint32_t most = 50; most <= RIG_LONG; most += RIG_LONG - 50) {
      const char *longer = most > 50 ? "a window of pages" : "a window of the record";
      uint64_t since[USERS];
      size_t counts[USERS];
      history_get_seen(store, names, USERS, most, since, counts);
      cr_assert_eq(since[1], 0, "%s: %lu", longer, (unsigned long)since[1]);
      cr_assert(since[0] == 1536 && since[2] == 1536, "%s, field %s: %lu and %lu", longer, fields[f],
                (unsigned long)since[0], (unsigned long)since[2]);
      cr_assert_eq(counts[1], most > 50 ? 1800 : 50);
    }
    cr_assert_lt(received(store) - before, LITTLE, "field %s", fields[f]);
    cr_assert_gt(live_stats(store).damaged, damaged, "field %s", fields[f]);
    history_append(store, "ann", 1800, 2900, 0, NULL);
    history_append(store, "ann", 2900, 3200, 0, NULL);
    history_expect_seen(store, "ann", 1536, 3200, 50);
  }
  solid_store_close(store);
}

/* Whoever asks for them goes on over the same connection: one is made anew, however many are asked for how often, and
 * what a page mends is seen at once. */
Test(redis_history_large, what_was_taken_costs_one_connection) {
  enum { USERS = 3, QUESTIONS = 20 };
  static const char *const names[USERS] = {"ann", "bob", "cat"};
  solid_store *store = rig_open(50, RIG_LONG), *writer = rig_open(50, RIG_LONG);
  uint64_t since[USERS];
  size_t counts[USERS];
  for (size_t i = 0; i < USERS; i++) history_append(writer, names[i], 0, 1800, 0, NULL);
  harm("ann", "pages", "s", LARGE);
  harm("cat", "pages", "s", LARGE);
  history_get_seen(store, &names[1], 1, 50, since, counts);
  uint64_t connections = live_stats(store).connections;
  for (int i = 0; i < QUESTIONS; i++) {
    history_get_seen(store, names, USERS, i % 2 ? RIG_LONG : 50, since, counts);
    cr_assert(since[0] == 1536 && since[1] == 0 && since[2] == 1536, "question %d", i);
  }
  cr_assert_eq(live_stats(store).connections, connections + 1);
  cr_assert_geq(live_stats(store).damaged, 2 * QUESTIONS, "every question tells");
  history_append(writer, "ann", 1800, 2100, 0, NULL);
  history_expect_seen(store, "ann", 1536, 2100, 50);
  uint64_t damaged = live_stats(store).damaged;
  history_get_seen(store, names, 1, 50, since, counts);
  cr_assert_eq(live_stats(store).damaged, damaged);
  solid_store_close(store);
  solid_store_close(writer);
}

/* The head of the item log is asked for with every question; one that is none is not read each time. */
Test(redis_history_large, the_head_of_the_item_log) {
  solid_store *store = rig_open(50, RIG_LONG);
  store->follows_items = 1;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  live_ask("EVAL \"return redis.call('HSET','solid:items','h',string.rep('x',16777216))\" 0", "1");
  uint64_t before = received(store), connections = live_stats(store).connections;
  for (int i = 0; i < 20; i++) live_get_ok(store, "ann");
  cr_assert_lt(received(store) - before, LITTLE);
  cr_assert_eq(live_stats(store).connections, connections + 1);
  cr_assert(strstr(rig_lines, "solid:items"), "%s", rig_lines);
  for (uint64_t i = 0; i < 20; i++) cr_assert_eq(live_append(store, "ann", i, NULL), SOLID_OK);
  cr_assert_lt(received(store) - before, LITTLE);
  live_ask("DEL solid:items", "1");
  solid_store_close(store);
}

/* The same where the first question is for a state, of which nothing is too large. */
Test(redis_history_large, the_head_of_the_item_log_beside_a_state) {
  static uint8_t room[100000];
  solid_store *store = rig_open(50, RIG_LONG);
  solid_bytes user = live_text("ann");
  solid_state_part part;
  solid_status of_user;
  history_append(store, "ann", 0, 30, 0, NULL);
  uint64_t birth = birth_of(store, "ann"), connections = live_stats(store).connections;
  store->follows_items = 1;
  live_ask("EVAL \"return redis.call('HSET','solid:items','h',string.rep('x',16777216))\" 0", "1");
  for (int i = 0; i < 3; i++) {
    solid_state state = {.generation = 1, .selector = 2, .count = 1, .parts = &part, .room = room};
    state.room_size = sizeof room;
    cr_assert_eq(store->ops->get_states(store, &user, &birth, 1, &state, &of_user), SOLID_OK, "%s", solid_last_error());
  }
  cr_assert_eq(live_stats(store).connections, connections + 1);
  solid_store_close(store);
}

/* Parts of a state, of which one is too large for any room; the other user's come all the same. */
Test(redis_history_large, a_part_of_a_state) {
  enum { USERS = 3 };
  static const char *const names[USERS] = {"ann", "bob", "cat"};
  static uint8_t rooms[USERS][100000], bytes[9000];
  solid_store *store = rig_open(50, RIG_LONG);
  solid_bytes users[USERS];
  uint64_t births[USERS];
  solid_state states[USERS];
  solid_state_part parts[3], back[USERS][3];
  solid_status statuses[USERS];
  for (uint32_t i = 0; i < USERS; i++) {
    uint8_t stored = 0;
    history_append(store, names[i], 0, 30, 0, NULL);
    users[i] = live_text(names[i]), births[i] = birth_of(store, names[i]);
    for (uint32_t k = 0; k < 3; k++) parts[k] = (solid_state_part){k, sizeof bytes, bytes};
    solid_state_put put = {.user = users[i], .stamp = {births[i], 30, 1, 2, 30}, .parts = parts, .n = 3};
    cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &statuses[i]), SOLID_OK);
    cr_assert_eq(stored, 1);
  }
  harm("ann", "state", "1", LARGE);
  harm("cat", "state", "h", LARGE);
  uint64_t before = received(store);
  for (int with_window = 0; with_window < 2; with_window++) {
    for (uint32_t i = 0; i < USERS; i++)
      states[i] = (solid_state){.generation = 1, .selector = 2, .count = 3, .parts = back[i], .room = rooms[i]},
      states[i].room_size = sizeof rooms[i];
    if (with_window)
      for (uint32_t i = 0; i < USERS; i++) history_get(store, names[i], &(solid_window){.state = &states[i]});
    else
      cr_assert_eq(store->ops->get_states(store, users, births, USERS, states, statuses), SOLID_OK, "%s",
                   solid_last_error());
    cr_assert(states[0].found == SOLID_STATE_LARGE && states[0].size > LARGE, "found %u", states[0].found);
    cr_assert(states[1].found == SOLID_STATE_FOUND && states[1].n_read == 3, "found %u", states[1].found);
    cr_assert_eq(states[2].found, SOLID_STATE_DAMAGED, "found %u", states[2].found);
  }
  cr_assert_lt(received(store) - before, LITTLE);
  solid_store_close(store);
}

/* A small room is told how much it lacks, and nothing else. */
Test(redis_history_large, a_state_for_which_there_is_no_room) {
  enum { PARTS = 32, SIZE = 100000 };
  static uint8_t data[SIZE], room[PARTS * (SIZE + 8)];
  static const size_t rooms[] = {0, 8, 4000, SIZE, PARTS * SIZE - 8, PARTS * SIZE};
  solid_store *store = rig_open(50, RIG_LONG);
  solid_bytes user = live_text("ann");
  solid_state_part parts[PARTS], back[PARTS];
  solid_status of_user;
  uint8_t stored = 0;
  history_append(store, "ann", 0, 30, 0, NULL);
  uint64_t birth = birth_of(store, "ann");
  for (uint32_t k = 0; k < PARTS; k++) parts[k] = (solid_state_part){k, SIZE, data};
  solid_state_put put = {.user = user, .stamp = {birth, 30, 1, 2, 30}, .parts = parts, .n = PARTS};
  cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK);
  cr_assert_eq(stored, 1);
  uint64_t connections = live_stats(store).connections;
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
    solid_state state = {.generation = 1, .selector = 2, .count = PARTS, .parts = back, .room = room};
    state.room_size = rooms[i];
    uint64_t before = received(store);
    cr_assert_eq(store->ops->get_states(store, &user, &birth, 1, &state, &of_user), SOLID_OK, "%s", solid_last_error());
    uint64_t bytes = received(store) - before;
    int fits = rooms[i] == PARTS * SIZE;
    cr_assert_eq(state.found, fits ? SOLID_STATE_FOUND : SOLID_STATE_LARGE, "room %zu: found %u", rooms[i],
                 state.found);
    cr_assert_eq(state.size, PARTS * SIZE);
    if (rooms[i] <= 4000) cr_assert_lt(bytes, 10000, "room %zu: %lu bytes", rooms[i], (unsigned long)bytes);
    if (rooms[i] <= 4000) cr_assert_eq(live_stats(store).connections, connections, "that takes no new connection");
  }
  solid_store_close(store);
}
