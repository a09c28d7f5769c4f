#include "tests/store/redis/live_redis.h"
#include "store/redis_store.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

redis_server live_server;

uint32_t live_element = SOLID_F32;

void live_sleep_ms(int64_t ms) {
  nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

void live_start(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&live_server, 0, NULL), 0);
}

void live_stop(void) {
  if (live_server.port) redis_server_stop(&live_server);
}

solid_redis_store_options live_options(void) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.port = live_server.port;
  options.window = BODY_WINDOW;
  options.jitter_percent = 0;
  options.timeout_ms = options.connect_timeout_ms = 60000;
  options.backoff_min_ms = 10;
  options.backoff_max_ms = 80;
  return options;
}

solid_store *live_open_with(const solid_redis_store_options *options) {
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_redis(&store, NULL, options), SOLID_OK, "%s", solid_last_error());
  return store;
}

solid_store *live_open(int64_t ttl_ms) {
  solid_redis_store_options options = live_options();
  options.ttl_ms = ttl_ms;
  return live_open_with(&options);
}

solid_store *live_open_history(uint32_t window, uint32_t history, int64_t ttl_ms) {
  solid_redis_store_options options = live_options();
  options.ttl_ms = ttl_ms;
  options.window = window;
  options.history = history;
  return live_open_with(&options);
}

solid_bytes live_text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

solid_status live_append(solid_store *store, const char *user, uint64_t item, solid_window *window) {
  static solid_step room[LIVE_WINDOW];
  solid_step step = {item, 0};
  solid_position position = {0, 0};
  solid_append append = {.user = live_text(user), .steps = &step, .positions = &position, .count = 1};
  solid_window unused;
  window = window ? window : &unused;
  *window = (solid_window){.steps = room, .count = 99, .seq = 99};
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->advance(store, &append, 1, window, NULL, &of_user);
  return status ? status : of_user;
}

solid_status live_put(solid_store *store, const char *user, uint64_t seq, float value) {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  for (int i = 0; i < BODY_WIDTH; i++) h[i] = value;
  for (int i = 0; i < BODY_PARAMS; i++) values[i] = value;
  solid_params params = {
      .h = h, .values = values, .seq = seq, .generation = 1, .width = BODY_WIDTH, .count = BODY_PARAMS};
  params.element = live_element;
  solid_bytes id = live_text(user);
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->put_params(store, &id, &params, 1, &of_user);
  return status ? status : of_user;
}

float live_get(solid_store *store, const char *user, solid_status *status) {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_step steps[LIVE_WINDOW];
  solid_window window = {.steps = steps};
  solid_params params = {.h = h, .values = values, .width = BODY_WIDTH, .count = BODY_PARAMS};
  uint8_t found = 0;
  solid_bytes id = live_text(user);
  solid_status of_user = SOLID_EINTERNAL;
  *status = store->ops->get(store, &id, 1, 1, &window, &params, &found, &of_user);
  if (!*status) *status = of_user;
  return *status == SOLID_OK && found ? values[BODY_PARAMS - 1] : -1.0f;
}

float live_get_ok(solid_store *store, const char *user) {
  solid_status status;
  float value = live_get(store, user, &status);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return value;
}

void live_ask(const char *command, const char *expected) {
  char answer[256] = "";
  cr_assert_eq(redis_server_ask(&live_server, command, answer, sizeof answer), 0, "%s", command);
  if (expected) cr_assert_str_eq(answer, expected, "%s: %s", command, answer);
}

solid_redis_store_stats live_stats(solid_store *store) {
  solid_redis_store_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_redis_store_get_stats(store, &stats), SOLID_OK);
  return stats;
}

void live_append_until_ok(solid_store *store, const char *user) {
  solid_status status = SOLID_EIO;
  solid_store_epoch epoch;
  for (int i = 0; i < LIVE_TRIES && status; i++) {
    status = live_append(store, user, 1, NULL);
    if (status == SOLID_ELOST && !store->ops->epoch_begin(store, 0, &epoch)) status = live_append(store, user, 1, NULL);
    cr_assert(status == SOLID_OK || solid_status_is_retriable(status), "%s", solid_last_error());
    if (status) live_sleep_ms(10);
  }
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
}
