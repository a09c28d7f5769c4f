/* The store's cases on a real redis-server, and what only this store has: scripts, round trips, options, ways in. */
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const store_maker maker = {live_open, live_sleep_ms};

TestSuite(redis_store, .init = live_start, .fini = live_stop, .timeout = 60);

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
    appends[i] = (solid_append){{names[i], (size_t)snprintf(names[i], sizeof names[i], "%zu", i)}, &step, &position, 1};
    windows[i] = (solid_window){.steps = room[i], .count = 0, .seq = 0};
  }
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
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "NOAUTH"), "%s", solid_last_error());
  options.password = "wrong";
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EIO);
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
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "DB index") && strstr(solid_last_error(), live_server.socket_path), "%s",
            solid_last_error());
}

Test(redis_store, refuses_bad_options) {
  solid_store *store = NULL;
  for (int i = 0; i < 8; i++) {
    solid_redis_store_options o = live_options();
    if (i == 0) o.window = 0;
    if (i == 1) o.port = 0;
    if (i == 2) o.prefix = "a{b";
    if (i == 3) o.ttl_ms = -1;
    if (i == 4) o.timeout_ms = 0;
    if (i == 5) o.jitter_percent = 101;
    if (i == 6) o.struct_size++;
    if (i == 7) o.username = "ann";
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
