/* The store's cases on a real redis-server, and what can happen to one: full, killed, stopped, read-only, mute, mad. */
#include "store/redis_store.h"
#include "tests/store/redis/fake_redis.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static redis_server server;

static void sleep_ms(int64_t ms) {
  nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void start_server(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&server, 0, NULL), 0);
}

static void stop_server(void) {
  if (server.port) redis_server_stop(&server);
}

static solid_redis_store_options sizes(void) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.port = server.port;
  options.window = BODY_WINDOW;
  options.jitter_percent = 0;
  options.timeout_ms = options.connect_timeout_ms = 5000;
  options.backoff_min_ms = 10;
  options.backoff_max_ms = 80;
  return options;
}

static solid_store *open_with(const solid_redis_store_options *options) {
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_redis(&store, NULL, options), SOLID_OK, "%s", solid_last_error());
  return store;
}

static solid_store *open_redis(int64_t ttl_ms) {
  solid_redis_store_options options = sizes();
  options.ttl_ms = ttl_ms;
  return open_with(&options);
}

static const store_maker maker = {open_redis, sleep_ms};

TestSuite(redis_store, .init = start_server, .fini = stop_server, .timeout = 60);

#define REDIS_TEST(name)                                                                                               \
  Test(redis_store, name) {                                                                                            \
    body_##name(&maker);                                                                                               \
  }
STORE_CASES(REDIS_TEST)

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static solid_status append_to(solid_store *store, const char *user, uint64_t item, solid_window *window) {
  static solid_step room[BODY_WINDOW];
  solid_step step = {item, 0};
  solid_position position = {0, 0};
  solid_append append = {text(user), &step, &position, 1};
  solid_window unused;
  window = window ? window : &unused;
  *window = (solid_window){room, 99, 99};
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->advance(store, &append, 1, window, NULL, &of_user);
  return status ? status : of_user;
}

static uint32_t put_element = SOLID_F32;

static solid_status put(solid_store *store, const char *user, uint64_t seq, float value) {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  for (int i = 0; i < BODY_WIDTH; i++) h[i] = value;
  for (int i = 0; i < BODY_PARAMS; i++) values[i] = value;
  solid_params params = {
      .h = h, .values = values, .seq = seq, .generation = 1, .width = BODY_WIDTH, .count = BODY_PARAMS};
  params.element = put_element;
  solid_bytes id = text(user);
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->put_params(store, &id, &params, 1, &of_user);
  return status ? status : of_user;
}

/* The value put, or -1 when there are no params. */
static float get(solid_store *store, const char *user, solid_status *status) {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_step steps[BODY_WINDOW];
  solid_window window = {steps, 0, 0};
  solid_params params = {.h = h, .values = values, .width = BODY_WIDTH, .count = BODY_PARAMS};
  uint8_t found = 0;
  solid_bytes id = text(user);
  solid_status of_user = SOLID_EINTERNAL;
  *status = store->ops->get(store, &id, 1, 1, &window, &params, &found, &of_user);
  if (!*status) *status = of_user;
  return *status == SOLID_OK && found ? values[BODY_PARAMS - 1] : -1.0f;
}

static float get_ok(solid_store *store, const char *user) {
  solid_status status;
  float value = get(store, user, &status);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return value;
}

static void ask(const char *command, const char *expected) {
  char answer[256] = "";
  cr_assert_eq(redis_server_ask(&server, command, answer, sizeof answer), 0, "%s", command);
  if (expected) cr_assert_str_eq(answer, expected, "%s: %s", command, answer);
}

static solid_redis_store_stats stats_of(solid_store *store) {
  solid_redis_store_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_redis_store_get_stats(store, &stats), SOLID_OK);
  return stats;
}

/* Appends until it works, as a service would. */
static void append_until_ok(solid_store *store, const char *user) {
  solid_status status = SOLID_EIO;
  for (int i = 0; i < 500 && status; i++) {
    status = append_to(store, user, 1, NULL);
    cr_assert(status == SOLID_OK || solid_status_is_retriable(status), "%s", solid_last_error());
    if (status) sleep_ms(10);
  }
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
}

Test(redis_store, one_round_trip_a_batch) {
  enum { USERS = 300 };
  static char names[USERS][8];
  static solid_step room[USERS][BODY_WINDOW];
  static solid_append appends[USERS];
  static solid_window windows[USERS];
  solid_store *store = open_redis(60000);
  const solid_step step = {1, 1};
  const solid_position position = {0, 0};
  static solid_status statuses[USERS];
  for (size_t i = 0; i < USERS; i++) {
    appends[i] = (solid_append){{names[i], (size_t)snprintf(names[i], sizeof names[i], "%zu", i)}, &step, &position, 1};
    windows[i] = (solid_window){room[i], 0, 0};
  }
  uint64_t before = stats_of(store).round_trips;
  cr_assert_eq(store->ops->advance(store, appends, USERS, windows, NULL, statuses), SOLID_OK);
  cr_assert_eq(stats_of(store).round_trips, before + 1);
  get_ok(store, "1");
  cr_assert_eq(stats_of(store).round_trips, before + 2);
  cr_assert_eq(put(store, "1", 1, 1.0f), SOLID_OK);
  cr_assert_eq(stats_of(store).round_trips, before + 3);
  solid_store_close(store);
}

Test(redis_store, scripts_come_back_after_a_flush) {
  solid_store *store = open_redis(0);
  solid_window window;
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  ask("SCRIPT FLUSH", "OK");
  cr_assert_eq(append_to(store, "ann", 2, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(window.seq, 2);
  ask("SCRIPT FLUSH", "OK");
  cr_assert_eq(put(store, "ann", 2, 5.0f), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(get_ok(store, "ann"), 5.0f);
  solid_store_close(store);
}

Test(redis_store, full_server_is_retriable) {
  solid_store *store = open_redis(60000);
  solid_window window;
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(put(store, "ann", 1, 5.0f), SOLID_OK);
  ask("CONFIG SET maxmemory 1", "OK");
  cr_assert_eq(append_to(store, "ann", 2, NULL), SOLID_EFULL, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "OOM"), "%s", solid_last_error());
  cr_assert_eq(append_to(store, "bob", 2, NULL), SOLID_EFULL);
  cr_assert_eq(put(store, "ann", 2, 6.0f), SOLID_EFULL);
  cr_assert_eq(get_ok(store, "ann"), 5.0f, "what is there is served");
  ask("CONFIG SET maxmemory 0", "OK");
  cr_assert_eq(append_to(store, "ann", 2, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(window.seq, 2, "the failed append left nothing behind");
  cr_assert_eq(stats_of(store).connections, 1);
  solid_store_close(store);
}

Test(redis_store, killed_server_is_retriable_and_comes_back) {
  solid_store *store = open_redis(60000);
  for (int round = 0; round < 3; round++) {
    cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
    uint16_t port = server.port;
    char named[32];
    snprintf(named, sizeof named, "redis 127.0.0.1:%u: ", port);
    redis_server_stop(&server);
    for (int i = 0; i < 20; i++) {
      solid_status status;
      cr_assert(solid_status_is_retriable(append_to(store, "ann", 1, NULL)));
      cr_assert(strstr(solid_last_error(), named), "%s", solid_last_error());
      cr_assert(solid_status_is_retriable(put(store, "ann", 1, 1.0f)));
      get(store, "ann", &status);
      cr_assert(solid_status_is_retriable(status));
    }
    cr_assert_eq(redis_server_start(&server, port, NULL), 0);
    append_until_ok(store, "ann");
    cr_assert_eq(stats_of(store).connections, (uint64_t)round + 2);
  }
  solid_store_close(store);
}

Test(redis_store, refused_attempts_are_spaced) {
  solid_redis_store_options options = sizes();
  options.backoff_min_ms = options.backoff_max_ms = 60000;
  solid_store *store = open_with(&options);
  redis_server_kill(&server);
  for (int i = 0; i < 3; i++) cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "next attempt in"), "%s", solid_last_error());
  solid_store_close(store);
}

/* A connection that the server closed while nobody used it costs nobody a failure. */
Test(redis_store, idle_disconnect_goes_unnoticed) {
  solid_store *store = open_redis(0);
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  ask("CLIENT KILL TYPE normal SKIPME yes", NULL);
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(stats_of(store).connections, 2);
  solid_store_close(store);
}

Test(redis_store, stopped_server_times_out) {
  solid_redis_store_options options = sizes();
  options.timeout_ms = options.connect_timeout_ms = 200;
  solid_store *store = open_with(&options);
  solid_window window;
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(put(store, "bob", 1, 3.0f), SOLID_OK);
  kill(server.pid, SIGSTOP);
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_ETIMEDOUT, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "200 ms"), "%s", solid_last_error());
  kill(server.pid, SIGCONT);
  append_until_ok(store, "cid");
  /* answers that came too late are nobody's */
  cr_assert_eq(get_ok(store, "bob"), 3.0f);
  cr_assert_eq(append_to(store, "cid", 1, &window), SOLID_OK);
  cr_assert_eq(window.seq, 2);
  solid_store_close(store);
}

static long long left_ms(const char *key) {
  char command[64], reply[64];
  snprintf(command, sizeof command, "PTTL solid:{ann}:%s", key);
  cr_assert_eq(redis_server_ask(&server, command, reply, sizeof reply), 0);
  return atoll(reply);
}

/* A visitor without a TTL neither lengthens nor shortens nor ends the time that the owner gave. */
Test(redis_store, without_a_ttl_the_times_of_others_stay) {
  solid_store *owner = open_redis(100000), *visitor = open_redis(0);
  cr_assert_eq(append_to(owner, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(put(owner, "ann", 1, 4.0f), SOLID_OK);
  ask("PEXPIRE solid:{ann}:w 50000", "1");
  ask("PEXPIRE solid:{ann}:p 50000", "1");
  cr_assert_eq(get_ok(visitor, "ann"), 4.0f);
  cr_assert_leq(left_ms("w"), 50000, "read");
  cr_assert_eq(append_to(visitor, "ann", 2, NULL), SOLID_OK);
  cr_assert_eq(put(visitor, "ann", 2, 5.0f), SOLID_OK);
  cr_assert(left_ms("w") > 0 && left_ms("w") <= 50000, "appended: %lld", left_ms("w"));
  cr_assert(left_ms("p") > 0 && left_ms("p") <= 50000, "put over older: %lld", left_ms("p"));
  ask("DEL solid:{ann}:p", "1");
  cr_assert_eq(put(visitor, "ann", 2, 6.0f), SOLID_OK);
  cr_assert(left_ms("p") > 0 && left_ms("p") <= 50000, "put anew: %lld", left_ms("p"));
  cr_assert_eq(put(visitor, "ann", 1, 7.0f), SOLID_OK);
  cr_assert_eq(get_ok(visitor, "ann"), 6.0f, "older ones are not stored");
  ask("PERSIST solid:{ann}:w", "1");
  cr_assert_eq(put(visitor, "ann", 3, 8.0f), SOLID_OK);
  cr_assert_eq(left_ms("p"), -1, "what has no end gets none");
  solid_store_close(owner);
  solid_store_close(visitor);
}

Test(redis_store, read_only_server_is_retriable) {
  solid_store *store = open_redis(60000);
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(put(store, "ann", 1, 4.0f), SOLID_OK);
  ask("REPLICAOF 127.0.0.1 1", "OK");
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_EIO, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "READONLY"), "%s", solid_last_error());
  cr_assert_eq(get_ok(store, "ann"), 4.0f, "a replica can be read");
  ask("REPLICAOF NO ONE", "OK");
  append_until_ok(store, "ann");
  solid_store_close(store);
}

Test(redis_store, lets_itself_in) {
  solid_redis_store_options options = sizes();
  solid_store *store = NULL;
  ask("CONFIG SET requirepass secret", "OK");
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "NOAUTH"), "%s", solid_last_error());
  options.password = "wrong";
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "WRONGPASS"), "%s", solid_last_error());
  cr_assert_null(store);
  options.password = "secret";
  options.database = 3;
  options.unix_path = server.socket_path;
  store = open_with(&options);
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  solid_store_close(store);
  options.username = "default";
  options.database = 99;
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "DB index") && strstr(solid_last_error(), server.socket_path), "%s",
            solid_last_error());
}

Test(redis_store, damaged_records_are_misses) {
  solid_store *store = open_redis(0);
  solid_window window;
  cr_assert_eq(append_to(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(put(store, "ann", 1, 4.0f), SOLID_OK);
  ask("SETRANGE solid:{ann}:p 40 x", NULL);
  cr_assert_eq(get_ok(store, "ann"), -1.0f);
  cr_assert_eq(stats_of(store).damaged, 1);
  /* a damaged seq may look newer than anything: it must not stay for that */
  ask("SETRANGE solid:{ann}:p 13 x", NULL);
  cr_assert_eq(put(store, "ann", 1, 5.0f), SOLID_OK);
  cr_assert_eq(get_ok(store, "ann"), 5.0f);
  ask("SET solid:{ann}:p rubbish", "OK");
  cr_assert_eq(get_ok(store, "ann"), -1.0f);
  cr_assert_eq(put(store, "ann", 1, 6.0f), SOLID_OK);
  cr_assert_eq(get_ok(store, "ann"), 6.0f);
  ask("HSET solid:{ann}:w s 123", NULL);
  cr_assert_eq(append_to(store, "bob", 1, &window), SOLID_OK);
  cr_assert_eq(get_ok(store, "ann"), 6.0f);
  cr_assert_eq(stats_of(store).damaged, 3);
  /* steps that are none give way to the next ones */
  cr_assert_eq(append_to(store, "ann", 2, &window), SOLID_OK);
  cr_assert_eq(window.count, 1);
  ask("SET solid:{cid}:w text", "OK");
  cr_assert_eq(append_to(store, "cid", 1, NULL), SOLID_EFORMAT); /* final: it would be so for ever */
  cr_assert(strstr(solid_last_error(), "WRONGTYPE"), "%s", solid_last_error());
  solid_store_close(store);
}

/* A key of another type under one user's name is that user's trouble and nobody else's. */
Test(redis_store, a_foreign_key_sets_its_user_aside) {
  static const char *const names[] = {"ann", "bob", "cid"};
  enum { USERS = 3 };
  for (int64_t ttl_ms = 0; ttl_ms <= 60000; ttl_ms += 60000)
    for (int kind = 0; kind < 2; kind++) {
      solid_store *store = open_redis(ttl_ms);
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
      ask("FLUSHALL SYNC", "OK");
      if (kind) cr_assert_eq(append_to(store, "bob", 1, NULL), SOLID_OK);
      ask(kind ? "LPUSH solid:{bob}:p text" : "SET solid:{bob}:w text", NULL);
      for (int i = 0; i < USERS; i++) {
        users[i] = text(names[i]);
        appends[i] = (solid_append){users[i], &step, &position, 1};
        windows[i] = (solid_window){rooms[i], 99, 99};
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
      ask(kind ? "LLEN solid:{bob}:p" : "GET solid:{bob}:w", kind ? "1" : "text"); /* untouched */
      cr_assert_eq(stats_of(store).connections, 1);
      solid_store_close(store);
    }
}

Test(redis_store, other_sizes_are_misses_and_other_elements_are_not) {
  solid_redis_store_options options = sizes();
  solid_store *store = open_with(&options), *other;
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_step steps[2];
  solid_window window = {steps, 0, 0};
  solid_params params = {.h = h, .values = values, .width = BODY_WIDTH, .count = BODY_PARAMS - 1};
  solid_bytes ann = text("ann");
  solid_status of_user;
  uint8_t found = 1;
  for (uint64_t i = 1; i <= 4; i++) cr_assert_eq(append_to(store, "ann", i, NULL), SOLID_OK);
  for (put_element = SOLID_F32; put_element <= SOLID_I8; put_element++) {
    cr_assert_eq(put(store, "ann", 4, 0.5f), SOLID_OK);
    cr_assert_float_eq(get_ok(store, "ann"), 0.5f, 1e-3);
  }
  options.window = 2;
  other = open_with(&options);
  cr_assert_eq(other->ops->get(other, &ann, 1, 1, &window, &params, &found, &of_user), SOLID_OK);
  cr_assert(!found && stats_of(other).stale == 1);
  cr_assert(window.count == 2 && steps[0].item == 3 && steps[1].item == 4 && window.seq == 4);
  solid_store_close(other);
  solid_store_close(store);
}

/* Redis may evict one key of the two. */
Test(redis_store, lost_window_takes_its_params_along) {
  solid_store *store = open_redis(0);
  solid_window window;
  for (uint64_t i = 1; i <= 4; i++) cr_assert_eq(append_to(store, "ann", i, NULL), SOLID_OK);
  cr_assert_eq(put(store, "ann", 4, 4.0f), SOLID_OK);
  ask("DEL solid:{ann}:w", "1");
  cr_assert_eq(append_to(store, "ann", 9, &window), SOLID_OK);
  cr_assert_eq(window.seq, 1);
  cr_assert_eq(get_ok(store, "ann"), -1.0f);
  cr_assert_eq(put(store, "ann", 1, 5.0f), SOLID_OK);
  cr_assert_eq(get_ok(store, "ann"), 5.0f);
  solid_store_close(store);
}

Test(redis_store, times_are_spread) {
  solid_redis_store_options options = sizes();
  options.ttl_ms = 1000000;
  options.jitter_percent = 20;
  solid_store *store = open_with(&options);
  long long least = INT64_MAX, most = 0;
  for (int i = 0; i < 50; i++) {
    char name[16], command[64], window[32], params[32];
    snprintf(name, sizeof name, "%d", i);
    cr_assert_eq(append_to(store, name, 1, NULL), SOLID_OK);
    cr_assert_eq(put(store, name, 1, 1.0f), SOLID_OK);
    snprintf(command, sizeof command, "PEXPIRETIME solid:{%d}:w", i);
    redis_server_ask(&server, command, window, sizeof window);
    snprintf(command, sizeof command, "PEXPIRETIME solid:{%d}:p", i);
    redis_server_ask(&server, command, params, sizeof params);
    cr_assert_leq(llabs(atoll(window) - atoll(params)), 1, "both keys of a user end together");
    snprintf(command, sizeof command, "PTTL solid:{%d}:w", i);
    redis_server_ask(&server, command, window, sizeof window);
    least = atoll(window) < least ? atoll(window) : least;
    most = atoll(window) > most ? atoll(window) : most;
  }
  cr_assert(least > 900000 && most <= 1200000 && most - least > 100000, "%lld to %lld", least, most);
  solid_store_close(store);
}

Test(redis_store, refuses_bad_options) {
  solid_store *store = NULL;
  for (int i = 0; i < 8; i++) {
    solid_redis_store_options o = sizes();
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
  solid_redis_store_options o = sizes();
  o.port = free_port();
  cr_assert_eq(solid_store_open_redis(&store, NULL, &o), SOLID_EIO);
  char named[32];
  snprintf(named, sizeof named, "127.0.0.1:%u", o.port);
  cr_assert(strstr(solid_last_error(), named), "%s", solid_last_error());
  cr_assert_null(store);
}

/* Opens on the fake server; everything it answers must become a retriable status, twice. */
static void expect_retriable(fake_redis *fake, const char *reason) {
  fake_redis_start(fake);
  solid_redis_store_options options = sizes();
  options.unix_path = fake->path;
  options.timeout_ms = 400;
  options.ttl_ms = 0;
  solid_store *store = open_with(&options);
  for (int i = 0; i < 2; i++) {
    solid_status status;
    get(store, "ann", &status);
    cr_assert(solid_status_is_retriable(status), "%s: %s", reason, solid_status_name(status));
    cr_assert(strstr(solid_last_error(), fake->path), "%s: %s", reason, solid_last_error());
    cr_assert(solid_status_is_retriable(append_to(store, "ann", 1, NULL)), "%s", reason);
    sleep_ms(90);
    cr_assert(solid_status_is_retriable(put(store, "ann", 1, 1.0f)), "%s", reason);
    sleep_ms(90);
  }
  solid_store_close(store);
  fake_redis_stop(fake);
  cr_assert_gt(fake->connections, 1, "%s: connects again", reason);
}

Test(fake_redis, nonsense_is_retriable, .timeout = 60) {
  const struct {
    const char *answer, *reason;
    int hang_up;
  } cases[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "another protocol", 0},
      {"\0\0\0\0", "zeros", 0},
      {"$99999999999999999999\r\n", "an impossible length", 0},
      {"*-5\r\n", "a negative length", 0},
      {"$5\r\nab", "a cut bulk string", 1},
      {"*3\r\n:1\r\n:1\r\n$1", "a cut array", 1},
      {"$5\r\nab", "half a reply and then silence", 0},
      {"", "silence", 0},
      {"", "the end", 1},
      {"*0\r\n*0\r\n", "arrays of nothing", 0},
      {"+OK\r\n+OK\r\n", "replies of the wrong type", 0},
      {"-ERR no\r\n-ERR no\r\n", "errors", 0},
      {"-LOADING Redis is loading\r\n-LOADING\r\n", "loading", 0},
      {"-OOM command not allowed\r\n-OOM command not allowed\r\n", "full", 0},
      {"*3\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "a deep nest", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fake_redis fake = {.answer = cases[i].answer, .hang_up = cases[i].hang_up};
    fake.answer_size = cases[i].reason[0] == 'z' ? 4 : strlen(cases[i].answer);
    expect_retriable(&fake, cases[i].reason);
  }
}

/* More answers than questions: the surplus must not become the answer to the next question. */
Test(fake_redis, surplus_answers_are_thrown_away, .timeout = 60) {
  fake_redis fake = {.answer = "$-1\r\n*2\r\n$-1\r\n$-1\r\n$-1\r\n*2\r\n$-1\r\n$1\r\n7\r\n"};
  fake.answer_size = strlen(fake.answer);
  fake_redis_start(&fake);
  solid_redis_store_options options = sizes();
  options.unix_path = fake.path;
  options.ttl_ms = 0;
  solid_store *store = open_with(&options);
  cr_assert_eq(get_ok(store, "ann"), -1.0f);
  cr_assert_eq(get_ok(store, "ann"), -1.0f);
  cr_assert_eq(stats_of(store).connections, 2);
  solid_store_close(store);
  fake_redis_stop(&fake);
}

/* The peer goes while a request larger than the socket's buffers is under way: the next write would be a SIGPIPE. */
Test(fake_redis, no_signal_from_a_dead_peer, .timeout = 60) {
  enum { USERS = 400, PARAMS = 20000 };
  static float h[BODY_WIDTH], values[PARAMS];
  static solid_params params[USERS];
  static solid_bytes users[USERS];
  fake_redis fake = {.answer = "", .hang_up = 1, .read_first = 100};
  signal(SIGPIPE, SIG_DFL);
  fake_redis_start(&fake);
  solid_redis_store_options options = sizes();
  options.unix_path = fake.path;
  solid_store *store = open_with(&options);
  static solid_status statuses[USERS];
  for (size_t i = 0; i < USERS; i++) {
    users[i] = text("ann");
    params[i] =
        (solid_params){.h = h, .values = values, .seq = 1, .generation = 1, .width = BODY_WIDTH, .count = PARAMS};
  }
  for (int i = 0; i < 5; i++) {
    cr_assert(solid_status_is_retriable(store->ops->put_params(store, users, params, USERS, statuses)));
    sleep_ms(90);
  }
  solid_store_close(store);
  fake_redis_stop(&fake);
  cr_assert_gt(fake.connections, 1);
}
