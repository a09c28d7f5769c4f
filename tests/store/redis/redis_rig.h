/* A real Redis for one test, and the store's calls about one user. */
#ifndef TESTS_STORE_REDIS_REDIS_RIG_H
#define TESTS_STORE_REDIS_REDIS_RIG_H

#include "store/redis_store.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static redis_server server;

static inline void sleep_ms(int64_t ms) {
  nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static inline void start_server(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&server, 0, NULL), 0);
}

static inline void stop_server(void) {
  if (server.port) redis_server_stop(&server);
}

static inline solid_redis_store_options sizes(void) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.port = server.port;
  options.window = BODY_WINDOW;
  options.jitter_percent = 0;
  options.timeout_ms = options.connect_timeout_ms = 5000;
  options.backoff_min_ms = 10;
  options.backoff_max_ms = 80;
  return options;
}

static inline solid_store *open_with(const solid_redis_store_options *options) {
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_redis(&store, NULL, options), SOLID_OK, "%s", solid_last_error());
  return store;
}

static inline solid_store *open_redis(int64_t ttl_ms) {
  solid_redis_store_options options = sizes();
  options.ttl_ms = ttl_ms;
  return open_with(&options);
}

static inline solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static inline solid_status append_to(solid_store *store, const char *user, uint64_t item, solid_window *window) {
  static solid_step room[BODY_WINDOW];
  solid_step step = {item, 0};
  solid_position position = {0, 0};
  solid_append append = {.user = text(user), .steps = &step, .positions = &position, .count = 1};
  solid_window unused;
  window = window ? window : &unused;
  *window = (solid_window){.steps = room, .count = 99, .seq = 99};
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->advance(store, &append, 1, window, NULL, &of_user);
  return status ? status : of_user;
}

static uint32_t put_element = SOLID_F32;

static inline solid_status put(solid_store *store, const char *user, uint64_t seq, float value) {
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
static inline float get(solid_store *store, const char *user, solid_status *status) {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_step steps[BODY_WINDOW];
  solid_window window = {.steps = steps};
  solid_params params = {.h = h, .values = values, .width = BODY_WIDTH, .count = BODY_PARAMS};
  uint8_t found = 0;
  solid_bytes id = text(user);
  solid_status of_user = SOLID_EINTERNAL;
  *status = store->ops->get(store, &id, 1, 1, &window, &params, &found, &of_user);
  if (!*status) *status = of_user;
  return *status == SOLID_OK && found ? values[BODY_PARAMS - 1] : -1.0f;
}

static inline float get_ok(solid_store *store, const char *user) {
  solid_status status;
  float value = get(store, user, &status);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return value;
}

static inline void ask(const char *command, const char *expected) {
  char answer[256] = "";
  cr_assert_eq(redis_server_ask(&server, command, answer, sizeof answer), 0, "%s", command);
  if (expected) cr_assert_str_eq(answer, expected, "%s: %s", command, answer);
}

static inline solid_redis_store_stats stats_of(solid_store *store) {
  solid_redis_store_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_redis_store_get_stats(store, &stats), SOLID_OK);
  return stats;
}

#endif
