/* When what was written outlives its server: replicas that follow, lag and are promoted, servers that are started anew.
 */
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redis_server replica;

static void start(void) {
  char port[8];
  live_start();
  live_ask("CONFIG SET repl-diskless-sync-delay 0", "OK");
  snprintf(port, sizeof port, "%u", live_server.port);
  const char *const extra[] = {"--replicaof", "127.0.0.1", port, "--repl-ping-replica-period", "1", NULL};
  cr_assert_eq(redis_server_start(&replica, 0, extra), 0);
}

static void stop(void) {
  redis_server_stop(&replica);
  live_stop();
}

TestSuite(redis_safety, .fini = stop, .timeout = 600);

/* The age of what is safe; waits until what the test has written up to now is, where `wanted` says so. */
static int64_t age_of(solid_store *store) {
  int64_t age_ms = -1;
  cr_assert_eq(store->ops->safe_age(store, &age_ms), SOLID_OK, "%s", solid_last_error());
  return age_ms;
}

static int64_t wait_for_safety(solid_store *store) {
  int64_t age_ms = age_of(store);
  for (int i = 0; i < LIVE_TRIES && age_ms > 0; i++) {
    live_sleep_ms(20);
    age_ms = age_of(store);
  }
  return age_ms;
}

static void wait_for_replica(void) {
  char answer[64] = "";
  for (int i = 0; i < LIVE_TRIES && strncmp(answer, "1", 1); i++) {
    live_sleep_ms(20);
    redis_server_ask(&live_server, "WAIT 1 100", answer, sizeof answer);
  }
  cr_assert_str_eq(answer, "1");
}

/* What is written from now on does not reach the replica, not even what lies in sockets: those are full. */
static void leave_replica_behind(void) {
  kill(replica.pid, SIGSTOP);
  live_ask("EVAL \"redis.call('SET','junk',string.rep('x',33554432)) return 'OK'\" 0", "OK");
}

Test(redis_safety, a_server_alone_without_a_log_has_nothing_to_wait_for) {
  live_start();
  solid_store *store = live_open(0);
  cr_assert_eq(age_of(store), 0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_leq(age_of(store), 3);
  solid_store_close(store);
}

Test(redis_safety, a_log_takes_its_time) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  const char *const extra[] = {"--appendonly", "yes", NULL};
  cr_assert_eq(redis_server_start(&live_server, 0, extra), 0);
  solid_redis_store_options options = live_options();
  options.settle_ms = 700;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  int64_t age_ms = age_of(store);
  cr_assert(age_ms >= 700 && age_ms < 5000, "%ld ms", (long)age_ms);
  live_sleep_ms(720);
  cr_assert_eq(age_of(store), 0, "all of it is old enough");
  solid_store_close(store);
}

Test(redis_safety, replicas_confirm) {
  start();
  wait_for_replica();
  solid_store *store = live_open(0);
  for (uint64_t i = 1; i <= 20; i++) {
    cr_assert_eq(live_append(store, "ann", i, NULL), SOLID_OK);
    cr_assert_eq(wait_for_safety(store), 0);
  }
  cr_assert_eq(wait_for_safety(store), 0);
  kill(replica.pid, SIGSTOP);
  cr_assert_eq(live_append(store, "ann", 21, NULL), SOLID_OK);
  live_sleep_ms(300);
  for (int i = 0; i < 5; i++) cr_assert_geq(age_of(store), 300, "it does not confirm what it has not got");
  kill(replica.pid, SIGCONT);
  cr_assert_eq(wait_for_safety(store), 0);
  solid_store_close(store);
}

/* A connection that is made anew remembers nothing: WAIT alone would say that all is well. */
Test(redis_safety, a_new_connection_confirms_nothing_by_itself) {
  start();
  wait_for_replica();
  solid_store *store = live_open(0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(wait_for_safety(store), 0);
  kill(replica.pid, SIGSTOP);
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_OK);
  live_ask("CLIENT KILL TYPE normal SKIPME yes", NULL);
  live_sleep_ms(200);
  for (int i = 0; i < 4; i++) cr_assert_geq(age_of(store), 200, "the replica has not got it");
  cr_assert_eq(live_stats(store).connections, 2);
  kill(replica.pid, SIGCONT);
  cr_assert_eq(wait_for_safety(store), 0);
  solid_store_close(store);
}

Test(redis_safety, so_many_replicas_must_be_there) {
  live_start();
  solid_redis_store_options options = live_options();
  options.replicas = 1;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(age_of(store), 0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  live_sleep_ms(100);
  cr_assert_geq(age_of(store), 100, "there is none");
  solid_store_close(store);
}

/* The master is gone with what the replica had not got: nothing is written to that one before its caller went back. */
Test(redis_safety, a_promoted_replica_is_written_to_after_going_back) {
  char address[96];
  solid_window window;
  start();
  wait_for_replica();
  solid_redis_store_options options = live_options();
  snprintf(address, sizeof address, "redis://127.0.0.1:%u,127.0.0.1:%u", live_server.port, replica.port);
  options.address = address;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(wait_for_safety(store), 0);
  leave_replica_behind();
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_OK);
  redis_server_kill(&live_server);
  kill(replica.pid, SIGCONT);
  solid_status status = live_append(store, "ann", 3, NULL);
  cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "is no master") || strstr(solid_last_error(), "refused"), "%s",
            solid_last_error());
  char answer[64];
  cr_assert_eq(redis_server_ask(&replica, "REPLICAOF NO ONE", answer, sizeof answer), 0);
  for (int i = 0; i < LIVE_TRIES && solid_status_is_retriable(status); i++) {
    live_sleep_ms(10);
    status = live_append(store, "ann", 3, &window);
  }
  cr_assert_eq(status, SOLID_EREWIND, "%s: %s", solid_status_name(status), solid_last_error());
  cr_assert_eq(live_append(store, "ann", 2, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(window.seq, 2, "the first one, and what is written now");
  cr_assert_eq(live_append(store, "ann", 3, &window), SOLID_OK, "it is said once: %s", solid_last_error());
  cr_assert_eq(wait_for_safety(store), 0);
  solid_store_close(store);
}

/* A user who may do no more than what is needed: it is said, and time counts. */
Test(redis_safety, what_may_not_be_asked_is_not_known) {
  live_start();
  live_ask("ACL SETUSER plain on >p ~solid:* +@all -info -wait -role", "OK");
  solid_redis_store_options options = live_options();
  options.username = "plain";
  options.password = "p";
  options.settle_ms = 300;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  int64_t age_ms = age_of(store);
  cr_assert(age_ms >= 300, "%ld ms", (long)age_ms);
  live_sleep_ms(320);
  cr_assert_eq(age_of(store), 0);
  options.replicas = 1;
  solid_store *strict = live_open_with(&options);
  cr_assert_eq(live_append(strict, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(strict->ops->safe_age(strict, &age_ms), SOLID_EREFUSED, "%s", solid_last_error());
  solid_store_close(store);
  solid_store_close(strict);
}

/* What is safe need not be read again. */
Test(redis_safety, a_promoted_replica_that_had_everything_is_gone_on_with) {
  char address[96], answer[64];
  start();
  wait_for_replica();
  solid_redis_store_options options = live_options();
  snprintf(address, sizeof address, "redis://127.0.0.1:%u,127.0.0.1:%u", live_server.port, replica.port);
  options.address = address;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(wait_for_safety(store), 0);
  redis_server_kill(&live_server);
  cr_assert_eq(redis_server_ask(&replica, "REPLICAOF NO ONE", answer, sizeof answer), 0);
  solid_status status = SOLID_EIO;
  for (int i = 0; i < LIVE_TRIES && solid_status_is_retriable(status); i++) {
    status = live_append(store, "ann", 2, NULL);
    live_sleep_ms(10);
  }
  cr_assert_eq(status, SOLID_OK, "%s: %s", solid_status_name(status), solid_last_error());
  solid_store_close(store);
}

/* A server that is started anew may have lost its last second. Who never asked what is safe just goes on. */
Test(redis_safety, a_restart_is_a_change) {
  char name[48];
  solid_status status = SOLID_EIO;
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  snprintf(name, sizeof name, "solid-safety-%u.aof", free_port());
  const char *const extra[] = {"--appendonly", "yes", "--dir", "/tmp", "--appenddirname", name, NULL};
  cr_assert_eq(redis_server_start(&live_server, 0, extra), 0);
  solid_store *store = live_open(0), *other = live_open(0);
  age_of(store);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_append(other, "bob", 1, NULL), SOLID_OK);
  uint16_t port = live_server.port;
  live_sleep_ms(1500); /* it is on the disk */
  redis_server_stop(&live_server);
  cr_assert_eq(redis_server_start(&live_server, port, extra), 0);
  for (int i = 0; i < LIVE_TRIES && solid_status_is_retriable(status); i++) {
    status = live_append(store, "ann", 2, NULL);
    live_sleep_ms(10);
  }
  cr_assert_eq(status, SOLID_EREWIND, "%s: %s", solid_status_name(status), solid_last_error());
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_OK, "%s", solid_last_error());
  live_append_until_ok(other, "bob");
  solid_store_close(store);
  solid_store_close(other);
  char command[96];
  snprintf(command, sizeof command, "rm -rf /tmp/%s", name);
  cr_assert_eq(system(command), 0);
}
