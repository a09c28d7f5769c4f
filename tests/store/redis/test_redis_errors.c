/* What an error of Redis means: the table, row by row, and what a real server makes of the rows. */
#include "store/redis/errors.h"
#include "tests/store/redis/fake_redis.h"
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(redis_errors, .fini = live_stop, .timeout = 600);

static void start(const char *const *extra) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&live_server, 0, extra), 0);
}

Test(redis_errors, every_row) {
  static const struct {
    const char *text;
    sol_error_kind kind;
    solid_status status;
  } cases[] = {
      {"NOPERM this user has no permissions to run the 'evalsha' command", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR The user executing the script can't run this command or subcommand script: 99", SOL_ERROR_FINAL,
       SOLID_EREFUSED},
      {"ERR ACL failure in script: User solid has no permissions to run the 'pexpire' command script: 99",
       SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"NOPERM ACL failure in script: User solid has no permissions to run the 'pexpire' command", SOL_ERROR_FINAL,
       SOLID_EREFUSED},
      {"WRONGPASS invalid username-password pair or user is disabled.", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"NOAUTH Authentication required.", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR Protocol error: unauthenticated bulk length", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR invalid password", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR AUTH <password> called without any password configured", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR Client sent AUTH, but no password is set", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"DENIED Redis is running in protected mode", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR unknown command 'EVALSHA', with args beginning with: ", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR unknown subcommand 'LOAD'. Try SCRIPT HELP.", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR Unknown subcommand or wrong number of arguments for 'LOAD'", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR Unknown Redis command called from script script: 4b97, on @user_script:76.", SOL_ERROR_FINAL,
       SOLID_EREFUSED},
      {"ERR Error running script (call to f_0a): @user_script:36: @user_script: 36: Unknown Redis command called from",
       SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR Error running script (call to f_0a): @user_script:36: @user_script: 36: The user executing the script "
       "can't",
       SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR invalid DB index", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR DB index is out of range", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ERR SELECT is not allowed in cluster mode", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"MOVED 3999 127.0.0.1:6381", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"ASK 3999 127.0.0.1:6381", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"CROSSSLOT Keys in request don't hash to the same slot", SOL_ERROR_FINAL, SOLID_EREFUSED},
      {"NEWER version of a record", SOL_ERROR_FINAL, SOLID_EUNSUPPORTED},
      {"LOADING Redis is loading the dataset in memory", SOL_ERROR_PASSING, SOLID_EIO},
      {"BUSY Redis is busy running a script.", SOL_ERROR_PASSING, SOLID_EIO},
      {"OOM command not allowed when used memory > 'maxmemory'.", SOL_ERROR_PASSING, SOLID_EFULL},
      {"ERR Error running script (call to f_0a): @user_script:36: @user_script: 36: -OOM command not allowed when",
       SOL_ERROR_PASSING, SOLID_EFULL},
      {"MISCONF Redis is configured to save RDB snapshots", SOL_ERROR_PASSING, SOLID_EFULL},
      {"MASTERDOWN Link with MASTER is down", SOL_ERROR_PASSING, SOLID_EIO},
      {"CLUSTERDOWN Hash slot not served", SOL_ERROR_PASSING, SOLID_EIO},
      {"TRYAGAIN Multiple keys request during rehashing of slot", SOL_ERROR_PASSING, SOLID_EIO},
      {"NOREPLICAS Not enough good replicas to write.", SOL_ERROR_PASSING, SOLID_EIO},
      {"ERR max number of clients reached", SOL_ERROR_PASSING, SOLID_EIO},
      {"READONLY You can't write against a read only replica.", SOL_ERROR_READONLY, SOLID_EIO},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", SOL_ERROR_USER, SOLID_EFORMAT},
      {"ERR Error running script (call to f_0a): @user_script:36: WRONGTYPE Operation against a key", SOL_ERROR_USER,
       SOLID_EFORMAT},
      {"ERR something that nobody knows", SOL_ERROR_UNKNOWN, SOLID_EIO},
      {"", SOL_ERROR_UNKNOWN, SOLID_EIO},
      {"ERR Error running script", SOL_ERROR_UNKNOWN, SOLID_EIO},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const sol_error *error = sol_error_find(cases[i].text);
    cr_assert_eq(error->kind, cases[i].kind, "%s is of kind %d", cases[i].text, (int)error->kind);
    cr_assert_eq(error->status, cases[i].status, "%s", cases[i].text);
    cr_assert_eq(solid_status_is_retriable(error->status),
                 error->kind != SOL_ERROR_FINAL && error->kind != SOL_ERROR_USER, "%s", cases[i].text);
  }
}

/* What a command of a script is refused, it may be refused behind another one that wrote. */
Test(redis_errors, a_refusal_that_may_come_behind_a_write) {
  static const char *const late[] = {
      "ERR The user executing the script can't run this command or subcommand script: 99",
      "ERR ACL failure in script: User solid has no permissions to run the 'pexpire' command script: 99",
      "NOPERM ACL failure in script: User solid has no permissions to run the 'pexpire' command",
      "ERR Unknown Redis command called from script script: 4b97, on @user_script:76.",
      "ERR something that nobody knows",
  };
  for (size_t i = 0; i < sizeof late / sizeof *late; i++) cr_expect(sol_error_find(late[i])->is_late, "%s", late[i]);
  cr_expect_not(sol_error_find("NOPERM User solid has no permissions to run the 'evalsha' command")->is_late);
  cr_expect_not(sol_error_find("OOM command not allowed when used memory > 'maxmemory'.")->is_late);
}

/* Advice follows the command: a Sentinel's address that is a plain server's has nothing to do with scripts. */
Test(redis_errors, advice_of_an_unknown_command) {
  cr_assert(strstr(sol_error_find("ERR unknown command 'SENTINEL', with args")->what, "no Sentinel"));
  cr_assert(strstr(sol_error_find("ERR unknown command 'EVALSHA', with args")->what, "scripts"));
}

/* Opens and writes as a service at its start does; its status and the words of it. */
static solid_status begin(const solid_redis_store_options *options, solid_store **store) {
  solid_store_epoch epoch;
  *store = NULL;
  solid_status status = solid_store_open_redis(store, NULL, options);
  return status ? status : (*store)->ops->epoch_begin(*store, 0, &epoch);
}

static void expect_refused(const solid_redis_store_options *options, const char *word) {
  solid_store *store;
  solid_status status = begin(options, &store);
  if (!status) status = live_append(store, "ann", 1, NULL);
  cr_assert_eq(status, SOLID_EREFUSED, "%s: %s %s", word, solid_status_name(status), solid_last_error());
  cr_assert(strstr(solid_last_error(), word), "%s", solid_last_error());
  solid_store_close(store);
}

Test(redis_errors, what_lasts_is_final) {
  start(NULL);
  solid_redis_store_options options = live_options();
  live_ask("ACL SETUSER other on >p ~other:* +@all", "OK");
  live_ask("ACL SETUSER reader on >p ~* +@all -hset", "OK");
  live_ask("ACL SETUSER plain on >p ~* +@all -evalsha", "OK");
  options.username = "other", options.password = "p";
  expect_refused(&options, "NOPERM");
  options.username = "reader";
  expect_refused(&options, "can't run this command");
  options.username = "plain";
  expect_refused(&options, "NOPERM");
  options.password = "q";
  expect_refused(&options, "WRONGPASS");
  options.username = options.password = NULL;
  options.database = 99;
  expect_refused(&options, "DB index");
  options.database = 0;
  options.password = "p";
  expect_refused(&options, "ERR AUTH");
  live_ask("CONFIG SET requirepass q", "OK");
  options.password = NULL;
  expect_refused(&options, "NOAUTH Authentication required: give a password");
}

/* A state is read without a script; the script that renews its lifetime says what is wrong all the same. */
Test(redis_errors, a_lifetime_that_cannot_be_renewed_is_told) {
  start(NULL);
  solid_store *store = live_open_history(50, 600, 60000);
  const solid_bytes ann = live_text("ann");
  const uint64_t birth = 1;
  solid_state_part part;
  uint8_t room[64];
  solid_state state = {.generation = 1, .selector = 2, .count = 1, .parts = &part, .room = room, .room_size = 64};
  solid_status of_user;
  cr_assert_eq(store->ops->get_states(store, &ann, &birth, 1, &state, &of_user), SOLID_OK, "%s", solid_last_error());
  live_ask("ACL SETUSER default -evalsha", "OK");
  cr_assert_eq(store->ops->get_states(store, &ann, &birth, 1, &state, &of_user), SOLID_EREFUSED);
  solid_store_close(store);
}

Test(redis_errors, scripts_that_are_renamed_away_are_final) {
  start((const char *const[]){"--rename-command", "EVALSHA", "", NULL});
  solid_redis_store_options options = live_options();
  expect_refused(&options, "unknown command");
}

/* Each passes, and is over when its reason is. */
static void expect_passing(solid_store *store, const char *word, const char *end) {
  solid_status status = live_append(store, "ann", 1, NULL);
  cr_assert(solid_status_is_retriable(status), "%s: %s", word, solid_status_name(status));
  cr_assert(strstr(solid_last_error(), word), "%s", solid_last_error());
  live_ask(end, "OK");
  for (int i = 0; i < LIVE_TRIES && status; i++) {
    status = live_append(store, "ann", 1, NULL);
    if (status) live_sleep_ms(10);
  }
  cr_assert_eq(status, SOLID_OK, "%s: %s", word, solid_last_error());
}

/* What a script calls may be gone as well: no waiting brings it back. */
Test(redis_errors, commands_of_scripts_that_are_renamed_away_are_final) {
  static const char *const commands[] = {"HSET", "HSTRLEN", "HLEN", "PEXPIRE"};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    start((const char *const[]){"--rename-command", commands[i], "", NULL});
    solid_redis_store_options options = live_options();
    options.ttl_ms = 60000;
    expect_refused(&options, "Unknown Redis command called from script");
    live_stop();
  }
}

/* Somebody's script that does not end. */
Test(redis_errors, a_busy_server_passes) {
  start((const char *const[]){"--lua-time-limit", "50", NULL});
  solid_store *store = live_open(0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  int fd = redis_server_send(&live_server, "EVAL \"while true do end\" 0");
  live_sleep_ms(100);
  expect_passing(store, "BUSY", "SCRIPT KILL");
  close(fd);
  solid_store_close(store);
}

/* Keys that take a millisecond each to be loaded. */
Test(redis_errors, a_server_that_loads_passes) {
  start((const char *const[]){"--enable-debug-command", "yes", "--key-load-delay", "1000",
                              "--loading-process-events-interval-bytes", "1024", NULL});
  solid_store *store = live_open(0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  live_ask("DEBUG POPULATE 2000 key 100", "OK");
  int fd = redis_server_send(&live_server, "DEBUG RELOAD");
  solid_status status = SOLID_OK;
  int loads = 0;
  for (int i = 0; i < LIVE_TRIES && (!loads || status); i++) {
    live_sleep_ms(20);
    status = live_append(store, "bob", 1, NULL);
    if (!status) continue;
    cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
    loads += strstr(solid_last_error(), "LOADING") != NULL;
  }
  cr_expect(loads > 0);
  cr_expect_eq(status, SOLID_OK, "%s", solid_last_error());
  close(fd);
  solid_store_close(store);
}

/* A cluster of one that has no slots yet. */
Test(redis_errors, a_cluster_that_is_down_may_come_up) {
  char port[8];
  snprintf(port, sizeof port, "%u", free_port());
  start((const char *const[]){"--cluster-enabled", "yes", "--cluster-port", port, NULL});
  solid_redis_store_options options = live_options();
  solid_store *store;
  solid_status status = begin(&options, &store);
  cr_assert_eq(status, SOLID_EIO, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "CLUSTERDOWN"), "%s", solid_last_error());
  solid_store_close(store);
}

Test(redis_errors, what_passes_is_retriable) {
  start(NULL);
  solid_store *store = live_open(0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  live_ask("CONFIG SET maxmemory 1", "OK");
  expect_passing(store, "'maxmemory': raise it", "CONFIG SET maxmemory 0");
  live_ask("CONFIG SET min-replicas-to-write 1", "OK");
  expect_passing(store, "Not enough good replicas to write: its replicas are away",
                 "CONFIG SET min-replicas-to-write 0");
  live_ask("CONFIG SET replica-serve-stale-data no", "OK");
  live_ask("REPLICAOF 127.0.0.1 1", "OK");
  expect_passing(store, "MASTERDOWN", "REPLICAOF NO ONE");
  live_ask("CONFIG SET replica-serve-stale-data yes", "OK");
  live_ask("REPLICAOF 127.0.0.1 1", "OK");
  expect_passing(store, "READONLY", "REPLICAOF NO ONE");
  solid_store_close(store);
}

/* A file that cannot be written: there is a folder under its name. */
Test(redis_errors, a_server_that_cannot_save_passes) {
  start(NULL);
  solid_store *store = live_open(0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  char folder[128];
  snprintf(folder, sizeof folder, "%s/dump.rdb", live_server.folder);
  cr_assert_eq(mkdir(folder, 0700), 0);
  live_ask("CONFIG SET save \"1 1\"", "OK");
  live_ask("BGSAVE", NULL);
  solid_status status = SOLID_OK;
  for (int i = 0; i < LIVE_TRIES && !status; i++) {
    live_sleep_ms(20);
    status = live_append(store, "ann", 1, NULL);
  }
  cr_assert_eq(status, SOLID_EFULL, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "MISCONF") && strstr(solid_last_error(), "its disk is full"), "%s",
            solid_last_error());
  live_get_ok(store, "ann");
  cr_assert_eq(rmdir(folder), 0);
  expect_passing(store, "MISCONF", "CONFIG SET save \"\"");
  solid_store_close(store);
}

Test(redis_errors, read_only_for_long_is_final) {
  start(NULL);
  solid_redis_store_options options = live_options();
  options.readonly_ms = 1500;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  for (int round = 0; round < 2; round++) { /* a write in between sets the clock back */
    live_ask("REPLICAOF 127.0.0.1 1", "OK");
    cr_assert(solid_status_is_retriable(live_append(store, "ann", 1, NULL)));
    live_sleep_ms(1000);
    solid_status status = live_append(store, "ann", 1, NULL);
    cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
    if (round) break;
    live_ask("REPLICAOF NO ONE", "OK");
    for (int i = 0; i < LIVE_TRIES && status; i++) {
      live_sleep_ms(10);
      status = live_append(store, "ann", 1, NULL);
    }
    cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  }
  solid_status status = SOLID_OK;
  for (int i = 0; i < LIVE_TRIES && status != SOLID_EREFUSED; i++) {
    live_sleep_ms(20);
    status = live_append(store, "ann", 1, NULL);
  }
  cr_assert_eq(status, SOLID_EREFUSED, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "READONLY") && strstr(solid_last_error(), "name the master"), "%s",
            solid_last_error());
  solid_store_close(store);
}

/* What nobody knows is final before anything has gone well, and may pass later; its words are said either way. */
Test(redis_errors, the_unknown_is_final_at_the_start_alone) {
  static const char odd[] = "-ODD nobody knows\r\n";
  for (int proven = 0; proven < 2; proven++) {
    fake_redis fake = {.answer = proven ? "*0\r\n" : odd, .answer_size = proven ? 4 : sizeof odd - 1};
    solid_redis_store_options options = live_options();
    solid_status status;
    fake_redis_start(&fake);
    options.unix_path = fake.path;
    options.port = 0;
    options.timeout_ms = 400;
    solid_store *store = live_open_with(&options);
    live_get(store, "ann", &status);
    cr_assert_eq(status, proven ? SOLID_OK : SOLID_EREFUSED, "%s", solid_last_error());
    if (proven) { /* the next connection is answered otherwise */
      fake.answer = odd, fake.answer_size = sizeof odd - 1;
      live_get(store, "ann", &status); /* nothing more comes on this one */
      for (int i = 0; i < LIVE_TRIES && !strstr(solid_last_error(), "ODD"); i++) {
        live_sleep_ms(20);
        live_get(store, "ann", &status);
      }
      cr_assert_eq(status, SOLID_EIO, "%s", solid_last_error());
    }
    cr_assert(strstr(solid_last_error(), "ODD nobody knows"), "%s", solid_last_error());
    solid_store_close(store);
    fake_redis_stop(&fake);
  }
}
