#include "store/redis_store.h"
#include "tests/support/redis_server.h"
#include "tests/walk/walk.h"
#include <criterion/criterion.h>

static redis_server server;

static void start_server(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&server, 0, NULL), 0);
}

static void stop_server(void) {
  if (server.port) redis_server_stop(&server);
}

static solid_store *open_redis(const serving *s) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.port = server.port;
  options.timeout_ms = options.connect_timeout_ms = 20000;
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_redis(&store, s->model, &options), SOLID_OK, "%s", solid_last_error());
  return store;
}

static const walk_store redis = {open_redis};

TestSuite(walk_redis, .init = start_server, .fini = stop_server, .timeout = 600);

#define REDIS_TEST(name)                                                                                               \
  Test(walk_redis, name) {                                                                                             \
    walk_##name(&redis);                                                                                               \
  }
WALK_CASES(REDIS_TEST)
