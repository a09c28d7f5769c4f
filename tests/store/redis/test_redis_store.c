/* The store's cases on a real redis-server, and what only this store has: scripts, round trips, options, ways in. */
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const store_maker maker = {live_open, live_sleep_ms, live_open_history};

TestSuite(redis_store, .init = live_start, .fini = live_stop, .timeout = 600);

#define REDIS_TEST(name)                                                                                               \
  Test(redis_store, name) {                                                                                            \
    body_##name(&maker);                                                                                               \
  }
STORE_CASES(REDIS_TEST)

Test(redis_store, one_round_trip_a_batch) {
  enum { USERS = 300 };
  static char names[USERS][8];
  static solid_step room[USERS][BODY_WINDOW];
  static solid_append appends[USERS];
  static solid_window windows[USERS];
  solid_store *store = live_open(60000);
  const solid_step step = {1, 1};
  const solid_position position = {0, 0};
  static solid_status statuses[USERS];
  for (size_t i = 0; i < USERS; i++) {
    appends[i] = (solid_append){.user = {names[i], (size_t)snprintf(names[i], sizeof names[i], "%zu", i)},
                                .steps = &step,
                                .positions = &position,
                                .count = 1};
    windows[i] = (solid_window){.steps = room[i]};
  }
  cr_assert_eq(live_append(store, "0", 1, NULL), SOLID_OK); /* the first one begins an epoch */
  uint64_t before = live_stats(store).round_trips;
  cr_assert_eq(store->ops->advance(store, appends, USERS, windows, NULL, statuses), SOLID_OK);
  cr_assert_eq(live_stats(store).round_trips, before + 1);
  live_get_ok(store, "1");
  cr_assert_eq(live_stats(store).round_trips, before + 2);
  cr_assert_eq(live_put(store, "1", 1, 1.0f), SOLID_OK);
  cr_assert_eq(live_stats(store).round_trips, before + 3);
  solid_store_close(store);
}

Test(redis_store, scripts_come_back_after_a_flush) {
  solid_store *store = live_open(0);
  solid_window window;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  live_ask("SCRIPT FLUSH", "OK");
  cr_assert_eq(live_append(store, "ann", 2, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(window.seq, 2);
  live_ask("SCRIPT FLUSH", "OK");
  cr_assert_eq(live_put(store, "ann", 2, 5.0f), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_get_ok(store, "ann"), 5.0f);
  solid_store_close(store);
}

Test(redis_store, lets_itself_in) {
  solid_redis_store_options options = live_options();
  solid_store *store = NULL;
  live_ask("CONFIG SET requirepass secret", "OK");
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EREFUSED);
  cr_assert(strstr(solid_last_error(), "NOAUTH"), "%s", solid_last_error());
  options.password = "wrong";
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EREFUSED);
  cr_assert(strstr(solid_last_error(), "WRONGPASS"), "%s", solid_last_error());
  cr_assert_null(store);
  options.password = "secret";
  options.database = 3;
  options.unix_path = live_server.socket_path;
  store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  solid_store_close(store);
  options.username = "default";
  options.database = 99;
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EREFUSED);
  cr_assert(strstr(solid_last_error(), "DB index") && strstr(solid_last_error(), live_server.socket_path), "%s",
            solid_last_error());
}

Test(redis_store, refuses_bad_options) {
  solid_store *store = NULL;
  for (int i = 0; i < 9; i++) {
    solid_redis_store_options o = live_options();
    if (i == 0) o.window = 0;
    if (i == 1) o.port = 0;
    if (i == 2) o.prefix = "a{b";
    if (i == 3) o.ttl_ms = -1;
    if (i == 4) o.timeout_ms = 0;
    if (i == 5) o.jitter_percent = 101;
    if (i == 6) o.struct_size++;
    if (i == 7) o.username = "ann";
    if (i == 8) o.address = "redis://127.0.0.1:1/3", o.database = 4;
    cr_assert_eq(solid_store_open_redis(&store, NULL, &o), SOLID_EINVAL, "case %d", i);
  }
  solid_redis_store_options o = live_options();
  o.port = free_port();
  cr_assert_eq(solid_store_open_redis(&store, NULL, &o), SOLID_EIO);
  char named[32];
  snprintf(named, sizeof named, "127.0.0.1:%u", o.port);
  cr_assert(strstr(solid_last_error(), named), "%s", solid_last_error());
  cr_assert_null(store);
}

static long long left_ms(void) {
  char reply[64];
  cr_assert_eq(redis_server_ask(&live_server, "PTTL solid:{ann}", reply, sizeof reply), 0);
  return atoll(reply);
}

/* A visitor without a TTL neither lengthens nor shortens nor ends the time that the owner gave. */
Test(redis_store, without_a_ttl_the_times_of_others_stay) {
  solid_store *owner = live_open(100000), *visitor = live_open(0);
  cr_assert_eq(live_append(owner, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(owner, "ann", 1, 4.0f), SOLID_OK);
  live_ask("PEXPIRE solid:{ann} 50000", "1");
  cr_assert_eq(live_get_ok(visitor, "ann"), 4.0f);
  cr_assert_leq(left_ms(), 50000, "read");
  cr_assert_eq(live_append(visitor, "ann", 2, NULL), SOLID_OK);
  cr_assert(left_ms() > 0 && left_ms() <= 50000, "appended: %lld", left_ms());
  cr_assert_eq(live_put(visitor, "ann", 2, 5.0f), SOLID_OK);
  cr_assert(left_ms() > 0 && left_ms() <= 50000, "put over older: %lld", left_ms());
  cr_assert_eq(live_put(visitor, "ann", 1, 7.0f), SOLID_OK);
  cr_assert_eq(live_get_ok(visitor, "ann"), 5.0f, "older ones are not stored");
  live_ask("PERSIST solid:{ann}", "1");
  cr_assert_eq(live_put(visitor, "ann", 2, 8.0f), SOLID_OK);
  cr_assert_eq(left_ms(), -1, "what has no end gets none");
  cr_assert_eq(live_get_ok(owner, "ann"), 8.0f);
  cr_assert_gt(left_ms(), 60000, "read by the owner");
  solid_store_close(owner);
  solid_store_close(visitor);
}

Test(redis_store, other_sizes_are_misses_and_other_elements_are_not) {
  solid_redis_store_options options = live_options();
  solid_store *store = live_open_with(&options), *other;
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_step steps[2];
  solid_window window = {.steps = steps};
  solid_params params = {.h = h, .values = values, .width = BODY_WIDTH, .count = BODY_PARAMS - 1};
  solid_bytes ann = live_text("ann");
  solid_status of_user;
  uint8_t found = 1;
  for (uint64_t i = 1; i <= 4; i++) cr_assert_eq(live_append(store, "ann", i, NULL), SOLID_OK);
  for (live_element = SOLID_F32; live_element <= SOLID_I8; live_element++) {
    cr_assert_eq(live_put(store, "ann", 4, 0.5f), SOLID_OK);
    cr_assert_float_eq(live_get_ok(store, "ann"), 0.5f, 1e-3);
  }
  options.window = 2;
  other = live_open_with(&options);
  cr_assert_eq(other->ops->get(other, &ann, 1, 1, &window, &params, &found, &of_user), SOLID_OK);
  cr_assert(!found && live_stats(other).stale == 1);
  cr_assert(window.count == 2 && steps[0].item == 3 && steps[1].item == 4 && window.seq == 4);
  solid_store_close(other);
  solid_store_close(store);
}

Test(redis_store, times_are_spread) {
  solid_redis_store_options options = live_options();
  options.ttl_ms = 1000000;
  options.jitter_percent = 20;
  solid_store *store = live_open_with(&options);
  long long least = INT64_MAX, most = 0;
  for (int i = 0; i < 50; i++) {
    char name[16], command[64], left[32];
    snprintf(name, sizeof name, "%d", i);
    cr_assert_eq(live_append(store, name, 1, NULL), SOLID_OK);
    cr_assert_eq(live_put(store, name, 1, 1.0f), SOLID_OK);
    snprintf(command, sizeof command, "PTTL solid:{%d}", i);
    redis_server_ask(&live_server, command, left, sizeof left);
    least = atoll(left) < least ? atoll(left) : least;
    most = atoll(left) > most ? atoll(left) : most;
  }
  cr_assert(least > 900000 && most <= 1200000 && most - least > 100000, "%lld to %lld", least, most);
  solid_store_close(store);
}
