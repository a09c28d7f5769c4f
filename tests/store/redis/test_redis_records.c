/* What stands under a key: times to live, records that are damaged, of another type or of other sizes. */
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long long left_ms(const char *key) {
  char command[64], reply[64];
  snprintf(command, sizeof command, "PTTL solid:{ann}:%s", key);
  cr_assert_eq(redis_server_ask(&live_server, command, reply, sizeof reply), 0);
  return atoll(reply);
}

/* A visitor without a TTL neither lengthens nor shortens nor ends the time that the owner gave. */
Test(redis_store, without_a_ttl_the_times_of_others_stay) {
  solid_store *owner = live_open(100000), *visitor = live_open(0);
  cr_assert_eq(live_append(owner, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(owner, "ann", 1, 4.0f), SOLID_OK);
  live_ask("PEXPIRE solid:{ann}:w 50000", "1");
  live_ask("PEXPIRE solid:{ann}:p 50000", "1");
  cr_assert_eq(live_get_ok(visitor, "ann"), 4.0f);
  cr_assert_leq(left_ms("w"), 50000, "read");
  cr_assert_eq(live_append(visitor, "ann", 2, NULL), SOLID_OK);
  cr_assert_eq(live_put(visitor, "ann", 2, 5.0f), SOLID_OK);
  cr_assert(left_ms("w") > 0 && left_ms("w") <= 50000, "appended: %lld", left_ms("w"));
  cr_assert(left_ms("p") > 0 && left_ms("p") <= 50000, "put over older: %lld", left_ms("p"));
  live_ask("DEL solid:{ann}:p", "1");
  cr_assert_eq(live_put(visitor, "ann", 2, 6.0f), SOLID_OK);
  cr_assert(left_ms("p") > 0 && left_ms("p") <= 50000, "put anew: %lld", left_ms("p"));
  cr_assert_eq(live_put(visitor, "ann", 1, 7.0f), SOLID_OK);
  cr_assert_eq(live_get_ok(visitor, "ann"), 6.0f, "older ones are not stored");
  live_ask("PERSIST solid:{ann}:w", "1");
  cr_assert_eq(live_put(visitor, "ann", 3, 8.0f), SOLID_OK);
  cr_assert_eq(left_ms("p"), -1, "what has no end gets none");
  solid_store_close(owner);
  solid_store_close(visitor);
}

Test(redis_store, damaged_records_are_misses) {
  solid_store *store = live_open(0);
  solid_window window;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(store, "ann", 1, 4.0f), SOLID_OK);
  live_ask("SETRANGE solid:{ann}:p 40 x", NULL);
  cr_assert_eq(live_get_ok(store, "ann"), -1.0f);
  cr_assert_eq(live_stats(store).damaged, 1);
  /* a damaged seq may look newer than anything: it must not stay for that */
  live_ask("SETRANGE solid:{ann}:p 13 x", NULL);
  cr_assert_eq(live_put(store, "ann", 1, 5.0f), SOLID_OK);
  cr_assert_eq(live_get_ok(store, "ann"), 5.0f);
  live_ask("SET solid:{ann}:p rubbish", "OK");
  cr_assert_eq(live_get_ok(store, "ann"), -1.0f);
  cr_assert_eq(live_put(store, "ann", 1, 6.0f), SOLID_OK);
  cr_assert_eq(live_get_ok(store, "ann"), 6.0f);
  live_ask("HSET solid:{ann}:w s 123", NULL);
  cr_assert_eq(live_append(store, "bob", 1, &window), SOLID_OK);
  cr_assert_eq(live_get_ok(store, "ann"), 6.0f);
  cr_assert_eq(live_stats(store).damaged, 3);
  /* steps that are none give way to the next ones */
  cr_assert_eq(live_append(store, "ann", 2, &window), SOLID_OK);
  cr_assert_eq(window.count, 1);
  live_ask("SET solid:{cid}:w text", "OK");
  cr_assert_eq(live_append(store, "cid", 1, NULL), SOLID_EFORMAT); /* final: it would be so for ever */
  cr_assert(strstr(solid_last_error(), "WRONGTYPE"), "%s", solid_last_error());
  solid_store_close(store);
}

/* A key of another type under one user's name is that user's trouble and nobody else's. */
Test(redis_store, a_foreign_key_sets_its_user_aside) {
  static const char *const names[] = {"ann", "bob", "cid"};
  enum { USERS = 3 };
  for (int64_t ttl_ms = 0; ttl_ms <= 60000; ttl_ms += 60000)
    for (int kind = 0; kind < 2; kind++) {
      solid_store *store = live_open(ttl_ms);
      solid_step rooms[USERS][BODY_WINDOW], step = {5, 5};
      solid_position position = {1, 1};
      solid_append appends[USERS];
      solid_bytes users[USERS];
      solid_window windows[USERS];
      solid_params params[USERS];
      float h[USERS][BODY_WIDTH] = {{0}}, values[USERS][BODY_PARAMS] = {{0}};
      solid_status statuses[USERS];
      size_t applied[USERS] = {9, 9, 9};
      uint8_t found[USERS] = {9, 9, 9};
      live_ask("FLUSHALL SYNC", "OK");
      if (kind) cr_assert_eq(live_append(store, "bob", 1, NULL), SOLID_OK);
      live_ask(kind ? "LPUSH solid:{bob}:p text" : "SET solid:{bob}:w text", NULL);
      for (int i = 0; i < USERS; i++) {
        users[i] = live_text(names[i]);
        appends[i] = (solid_append){users[i], &step, &position, 1};
        windows[i] = (solid_window){.steps = rooms[i], .count = 99, .seq = 99};
        params[i] = (solid_params){.h = h[i], .values = values[i], .seq = 1, .generation = 1};
        params[i].width = BODY_WIDTH, params[i].count = BODY_PARAMS;
      }
      const solid_status want[USERS] = {SOLID_OK, SOLID_EFORMAT, SOLID_OK};
      cr_assert_eq(store->ops->advance(store, appends, USERS, windows, applied, statuses), SOLID_OK);
      for (int i = 0; i < USERS && !kind; i++) {
        cr_assert_eq(statuses[i], want[i], "advance %d: %s", i, solid_status_name(statuses[i]));
        cr_assert_eq(applied[i], i != 1);
        cr_assert(windows[i].seq == applied[i] && windows[i].count == applied[i]);
      }
      cr_assert_eq(store->ops->put_params(store, users, params, USERS, statuses), SOLID_OK);
      for (int i = 0; i < USERS; i++) cr_assert_eq(statuses[i], kind ? want[i] : SOLID_OK, "put %d", i);
      cr_assert(strstr(solid_last_error(), "WRONGTYPE"), "%s", solid_last_error());
      cr_assert_eq(store->ops->get(store, users, USERS, 1, windows, params, found, statuses), SOLID_OK);
      for (int i = 0; i < USERS; i++) {
        cr_assert_eq(statuses[i], want[i], "get %d", i);
        cr_assert_eq(found[i], i != 1);
        cr_assert(windows[i].count == (i != 1) && windows[i].seq == (i != 1), "user %d", i);
      }
      live_ask(kind ? "LLEN solid:{bob}:p" : "GET solid:{bob}:w", kind ? "1" : "text"); /* untouched */
      cr_assert_eq(live_stats(store).connections, 1);
      solid_store_close(store);
    }
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

/* Redis may evict one key of the two. */
Test(redis_store, lost_window_takes_its_params_along) {
  solid_store *store = live_open(0);
  solid_window window;
  for (uint64_t i = 1; i <= 4; i++) cr_assert_eq(live_append(store, "ann", i, NULL), SOLID_OK);
  cr_assert_eq(live_put(store, "ann", 4, 4.0f), SOLID_OK);
  live_ask("DEL solid:{ann}:w", "1");
  cr_assert_eq(live_append(store, "ann", 9, &window), SOLID_OK);
  cr_assert_eq(window.seq, 1);
  cr_assert_eq(live_get_ok(store, "ann"), -1.0f);
  cr_assert_eq(live_put(store, "ann", 1, 5.0f), SOLID_OK);
  cr_assert_eq(live_get_ok(store, "ann"), 5.0f);
  solid_store_close(store);
}

Test(redis_store, times_are_spread) {
  solid_redis_store_options options = live_options();
  options.ttl_ms = 1000000;
  options.jitter_percent = 20;
  solid_store *store = live_open_with(&options);
  long long least = INT64_MAX, most = 0;
  for (int i = 0; i < 50; i++) {
    char name[16], command[64], window[32], params[32];
    snprintf(name, sizeof name, "%d", i);
    cr_assert_eq(live_append(store, name, 1, NULL), SOLID_OK);
    cr_assert_eq(live_put(store, name, 1, 1.0f), SOLID_OK);
    snprintf(command, sizeof command, "PEXPIRETIME solid:{%d}:w", i);
    redis_server_ask(&live_server, command, window, sizeof window);
    snprintf(command, sizeof command, "PEXPIRETIME solid:{%d}:p", i);
    redis_server_ask(&live_server, command, params, sizeof params);
    cr_assert_leq(llabs(atoll(window) - atoll(params)), 1, "both keys of a user end together");
    snprintf(command, sizeof command, "PTTL solid:{%d}:w", i);
    redis_server_ask(&live_server, command, window, sizeof window);
    least = atoll(window) < least ? atoll(window) : least;
    most = atoll(window) > most ? atoll(window) : most;
  }
  cr_assert(least > 900000 && most <= 1200000 && most - least > 100000, "%lld to %lld", least, most);
  solid_store_close(store);
}
