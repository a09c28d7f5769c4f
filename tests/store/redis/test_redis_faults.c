/* What can happen to a server: full, killed, stopped, read-only. */
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

Test(redis_store, full_server_is_retriable) {
  solid_store *store = live_open(60000);
  solid_window window;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(store, "ann", 1, 5.0f), SOLID_OK);
  live_ask("CONFIG SET maxmemory 1", "OK");
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_EFULL, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "OOM"), "%s", solid_last_error());
  cr_assert_eq(live_append(store, "bob", 2, NULL), SOLID_EFULL);
  cr_assert_eq(live_put(store, "ann", 1, 6.0f), SOLID_EFULL);
  cr_assert_eq(live_get_ok(store, "ann"), 5.0f, "what is there is served");
  live_ask("CONFIG SET maxmemory 0", "OK");
  cr_assert_eq(live_append(store, "ann", 2, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(window.seq, 2, "the failed append left nothing behind");
  cr_assert_eq(live_stats(store).connections, 1);
  solid_store_close(store);
}

Test(redis_store, killed_server_is_retriable_and_comes_back) {
  solid_store *store = live_open(60000);
  for (int round = 0; round < 3; round++) {
    cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
    uint16_t port = live_server.port;
    char named[32];
    snprintf(named, sizeof named, "redis 127.0.0.1:%u: ", port);
    redis_server_stop(&live_server);
    for (int i = 0; i < 20; i++) {
      solid_status status;
      cr_assert(solid_status_is_retriable(live_append(store, "ann", 1, NULL)));
      cr_assert(strstr(solid_last_error(), named), "%s", solid_last_error());
      cr_assert(solid_status_is_retriable(live_put(store, "ann", 1, 1.0f)));
      live_get(store, "ann", &status);
      cr_assert(solid_status_is_retriable(status));
    }
    cr_assert_eq(redis_server_start(&live_server, port, NULL), 0);
    live_append_until_ok(store, "ann");
    cr_assert_eq(live_stats(store).connections, (uint64_t)round + 2);
  }
  solid_store_close(store);
}

Test(redis_store, refused_attempts_are_spaced) {
  solid_redis_store_options options = live_options();
  options.backoff_min_ms = options.backoff_max_ms = 60000;
  solid_store *store = live_open_with(&options);
  redis_server_kill(&live_server);
  for (int i = 0; i < 3; i++) cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "next attempt in"), "%s", solid_last_error());
  solid_store_close(store);
}

/* A connection that the server closed while nobody used it costs nobody a failure. */
Test(redis_store, idle_disconnect_goes_unnoticed) {
  solid_store *store = live_open(0);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  live_ask("CLIENT KILL TYPE normal SKIPME yes", NULL);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_stats(store).connections, 2);
  solid_store_close(store);
}

Test(redis_store, stopped_server_times_out) {
  solid_redis_store_options options = live_options();
  options.timeout_ms = options.connect_timeout_ms = 200;
  solid_store *store = live_open_with(&options);
  solid_window window;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(store, "bob", 1, 3.0f), SOLID_OK);
  kill(live_server.pid, SIGSTOP);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_ETIMEDOUT, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "200 ms"), "%s", solid_last_error());
  kill(live_server.pid, SIGCONT);
  live_append_until_ok(store, "cid");
  /* answers that came too late are nobody's */
  cr_assert_eq(live_get_ok(store, "bob"), 3.0f);
  cr_assert_eq(live_append(store, "cid", 1, &window), SOLID_OK);
  cr_assert_eq(window.seq, 2);
  solid_store_close(store);
}

Test(redis_store, read_only_server_is_retriable) {
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(store, "ann", 1, 4.0f), SOLID_OK);
  live_ask("REPLICAOF 127.0.0.1 1", "OK");
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_EIO, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "READONLY"), "%s", solid_last_error());
  cr_assert_eq(live_get_ok(store, "ann"), 4.0f, "a replica can be read");
  live_ask("REPLICAOF NO ONE", "OK");
  live_append_until_ok(store, "ann");
  solid_store_close(store);
}
