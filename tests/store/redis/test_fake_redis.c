/* A server that is mute or mad. */
#include "store/redis_store.h"
#include "tests/store/redis/fake_redis.h"
#include "tests/store/redis/live_redis.h"
#include "tests/store/store_body.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

/* Opens on the fake server; everything it answers must become a retriable status, twice. */
static void expect_retriable(fake_redis *fake, const char *reason) {
  fake_redis_start(fake);
  solid_redis_store_options options = live_options();
  options.unix_path = fake->path;
  options.timeout_ms = 400;
  options.ttl_ms = 0;
  solid_store *store = live_open_with(&options);
  for (int i = 0; i < 2; i++) {
    solid_status status;
    live_get(store, "ann", &status);
    cr_assert(solid_status_is_retriable(status), "%s: %s", reason, solid_status_name(status));
    cr_assert(strstr(solid_last_error(), fake->path), "%s: %s", reason, solid_last_error());
    cr_assert(solid_status_is_retriable(live_append(store, "ann", 1, NULL)), "%s", reason);
    live_sleep_ms(90);
    cr_assert(solid_status_is_retriable(live_put(store, "ann", 1, 1.0f)), "%s", reason);
    live_sleep_ms(90);
  }
  solid_store_close(store);
  fake_redis_stop(fake);
  cr_assert_gt(fake->connections, 1, "%s: connects again", reason);
}

Test(fake_redis, nonsense_is_retriable, .timeout = 600) {
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
      {"*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "an array of other things", 0},
      {"+OK\r\n+OK\r\n", "replies of the wrong type", 0},
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
Test(fake_redis, surplus_answers_are_thrown_away, .timeout = 600) {
  fake_redis fake = {.answer = "*0\r\n*0\r\n"};
  fake.answer_size = strlen(fake.answer);
  fake_redis_start(&fake);
  solid_redis_store_options options = live_options();
  options.unix_path = fake.path;
  options.ttl_ms = 0;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_get_ok(store, "ann"), -1.0f);
  cr_assert_eq(live_get_ok(store, "ann"), -1.0f);
  cr_assert_eq(live_stats(store).connections, 2);
  solid_store_close(store);
  fake_redis_stop(&fake);
}

/* The peer goes while a request larger than the socket's buffers is under way: the next write would be a SIGPIPE. */
Test(fake_redis, no_signal_from_a_dead_peer, .timeout = 600) {
  enum { USERS = 400, PARAMS = 20000 };
  static float h[BODY_WIDTH], values[PARAMS];
  static solid_params params[USERS];
  static solid_bytes users[USERS];
  fake_redis fake = {.answer = "", .hang_up = 1, .read_first = 100};
  signal(SIGPIPE, SIG_DFL);
  fake_redis_start(&fake);
  solid_redis_store_options options = live_options();
  options.unix_path = fake.path;
  solid_store *store = live_open_with(&options);
  static solid_status statuses[USERS];
  for (size_t i = 0; i < USERS; i++) {
    users[i] = live_text("ann");
    params[i] =
        (solid_params){.h = h, .values = values, .seq = 1, .generation = 1, .width = BODY_WIDTH, .count = PARAMS};
  }
  for (int i = 0; i < 5; i++) {
    cr_assert(solid_status_is_retriable(store->ops->put_params(store, users, params, USERS, statuses)));
    live_sleep_ms(90);
  }
  solid_store_close(store);
  fake_redis_stop(&fake);
  cr_assert_gt(fake.connections, 1);
}

/* Asks for two users over a server that answers as written. */
static solid_status ask_two(fake_redis *fake, const char *const *script) {
  static const solid_bytes users[2] = {{"ann", 3}, {"bob", 3}};
  static solid_step steps[2][BODY_WINDOW];
  static float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_window windows[2] = {{.steps = steps[0], .seq = 9}, {.steps = steps[1], .seq = 9}};
  solid_params params[2];
  uint8_t found[2];
  solid_status statuses[2];
  params[0] = params[1] = (solid_params){.h = h, .values = values, .width = BODY_WIDTH, .count = BODY_PARAMS};
  fake->script = script;
  fake_redis_start(fake);
  solid_redis_store_options options = live_options();
  options.unix_path = fake->path;
  options.timeout_ms = 2000;
  solid_store *store = live_open_with(&options);
  solid_status status = store->ops->get(store, users, 2, 1, windows, params, found, statuses);
  if (!status) cr_assert(windows[0].seq == 0 && windows[1].seq == 0, "nobody is there");
  solid_store_close(store);
  fake_redis_stop(fake);
  return status;
}

#define TRY "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
Test(fake_redis, who_has_to_try_again_waits_alone, .timeout = 600) {
  fake_redis fake = {.answer = NULL};
  cr_assert_eq(ask_two(&fake, (const char *const[]){"*0\r\n" TRY, TRY, TRY, "*0\r\n", NULL}), SOLID_OK, "%s",
               solid_last_error());
  const int expected[] = {2, 1, 1, 1};
  for (int i = 0; i < 4; i++) cr_assert_eq(fake.scripts_asked[i], expected[i], "request %d", i);
}

Test(fake_redis, nobody_tries_again_for_ever, .timeout = 600) {
  enum { TIMES = 15 };
  static const char *script[TIMES + 1];
  fake_redis fake = {.answer = NULL};
  for (int i = 0; i < TIMES; i++) script[i] = TRY TRY; /* then it falls silent */
  solid_status status = ask_two(&fake, script);
  cr_assert(solid_status_is_retriable(status), "%s: %s", solid_status_name(status), solid_last_error());
}

Test(fake_redis, scripts_that_vanish_are_not_loaded_for_ever, .timeout = 600) {
  fake_redis fake = {.answer = NULL};
  static const char *const script[] = {
      "-NOSCRIPT No\r\n-NOSCRIPT No\r\n", FAKE_HASHES, "-NOSCRIPT No\r\n-NOSCRIPT No\r\n", FAKE_HASHES,
      "-NOSCRIPT No\r\n-NOSCRIPT No\r\n", FAKE_HASHES, "-NOSCRIPT No\r\n-NOSCRIPT No\r\n", NULL};
  cr_assert_eq(ask_two(&fake, script), SOLID_EIO, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "scripts vanish"), "%s", solid_last_error());
}

/* A map of slots that is none, or that leads nowhere. */
Test(fake_redis, a_map_that_makes_no_sense, .timeout = 600) {
  static const char *const maps[] = {"*1\r\n:1\r\n", "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\nx\r\n:1\r\n",
                                     "*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\nx\r\n:1\r\n", "+OK\r\n",
                                     "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n"};
  for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
    fake_redis fake = {.answer = NULL};
    const char *const script[] = {"-MOVED 3 127.0.0.1:1\r\n*0\r\n", maps[i], NULL};
    solid_status status = ask_two(&fake, script);
    cr_assert(solid_status_is_retriable(status), "%zu: %s: %s", i, solid_status_name(status), solid_last_error());
  }
}
