/* The store's cases on the memory store, and what only it has: budget, handles, a clock of one's own. */
#include "store/memory_store.h"
#include "tests/store/store_body.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int64_t clock_ms = 1000;
static solid_store *first; /* of a case of the common body; its other handles share it */

static int64_t read_clock(void *clock_user) {
  return *(int64_t *)clock_user;
}

static void pass_time(int64_t ms) {
  clock_ms += ms;
}

static solid_memory_store_options sizes(void) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = BODY_WINDOW;
  options.clock = read_clock;
  options.clock_user = &clock_ms;
  return options;
}

static solid_store *open_with(const solid_memory_store_options *options) {
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_memory(&store, NULL, options), SOLID_OK, "%s", solid_last_error());
  return store;
}

static solid_store *open_history(uint32_t window, uint32_t history, int64_t ttl_ms) {
  solid_memory_store_options options = sizes();
  options.window = window;
  options.history = history;
  options.ttl_ms = ttl_ms;
  solid_store *store = NULL;
  if (!first) first = open_with(&options);
  cr_assert_eq(solid_memory_store_share(&store, first), SOLID_OK);
  return store;
}

static solid_store *open_memory(int64_t ttl_ms) {
  return open_history(BODY_WINDOW, 0, ttl_ms);
}

static void close_first(void) {
  solid_store_close(first);
}

TestSuite(memory_store, .fini = close_first);

static const store_maker maker = {open_memory, pass_time, open_history};

#define MEMORY_TEST(name)                                                                                              \
  Test(memory_store, name) {                                                                                           \
    body_##name(&maker);                                                                                               \
  }
STORE_CASES(MEMORY_TEST)

static solid_status append_to(solid_store *store, size_t user, uint64_t item) {
  char name[24];
  solid_step step = {item, 0}, steps[BODY_WINDOW];
  solid_position position = {0, 0};
  solid_append append = {.user = {name, (size_t)snprintf(name, sizeof name, "%zu", user)},
                         .steps = &step,
                         .positions = &position,
                         .count = 1};
  solid_window window = {.steps = steps};
  solid_status of_user;
  return store->ops->advance(store, &append, 1, &window, NULL, &of_user);
}

Test(memory_store, is_full_and_stays_usable) {
  solid_memory_store_options options = sizes();
  options.max_bytes = 100000;
  solid_store *store = open_with(&options);
  size_t users = 0, n, bytes;
  while (append_to(store, users, 1) == SOLID_OK && users < 10000) users++;
  cr_assert(users > 100 && users < 1000, "%zu users fit", users);
  cr_assert_eq(append_to(store, users, 1), SOLID_EFULL);
  cr_assert(solid_status_is_retriable(SOLID_EFULL) && strstr(solid_last_error(), "100000"), "%s", solid_last_error());
  cr_assert_eq(append_to(store, 0, 2), SOLID_OK, "who is there already is served");
  cr_assert_eq(solid_memory_store_usage(store, &n, &bytes), SOLID_OK);
  cr_assert_eq(n, users);
  cr_assert(bytes <= 100000, "%zu bytes", bytes);
  solid_store_close(store);
}

Test(memory_store, forgets_the_expired_when_full) {
  solid_memory_store_options options = sizes();
  options.max_bytes = 100000;
  options.ttl_ms = 1000;
  solid_store *store = open_with(&options);
  size_t users = 0, n;
  while (append_to(store, users, 1) == SOLID_OK) users++;
  pass_time(500);
  for (size_t i = 0; i < 20; i++) cr_assert_eq(append_to(store, i, 2), SOLID_OK);
  pass_time(500);
  cr_assert_eq(append_to(store, users, 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_memory_store_usage(store, &n, NULL), SOLID_OK);
  cr_assert_eq(n, 21, "%zu users", n);
  solid_store_close(store);
}

/* No new user need come for the expired to make way: params and dislikes of those who are there want room as well. */
Test(memory_store, forgets_the_expired_when_a_known_user_grows) {
  float h[BODY_WIDTH] = {0}, values[BODY_PARAMS] = {0};
  const solid_params params = {
      .h = h, .values = values, .seq = 1, .generation = 1, .width = BODY_WIDTH, .count = BODY_PARAMS};
  solid_status of_user;
  const solid_bytes user = {"0", 1};
  solid_memory_store_options options = sizes();
  options.max_bytes = 110000;
  options.ttl_ms = 1000;
  solid_store *store = open_with(&options);
  size_t users = 0;
  while (append_to(store, users, 1) == SOLID_OK) users++;
  pass_time(500);
  cr_assert_eq(append_to(store, 0, 2), SOLID_OK);
  const uint8_t dislike = 1;
  for (size_t i = 1, full = 0; !full; i++) { /* dislikes fill what is left between one user's size and none */
    solid_step step = {100 + i, 0}, steps[BODY_WINDOW];
    solid_position position = {1, i};
    solid_append append = {.user = user, .steps = &step, .positions = &position, .count = 1, .dislikes = &dislike};
    solid_window window = {.steps = steps};
    full = store->ops->advance(store, &append, 1, &window, NULL, &of_user) == SOLID_EFULL;
    cr_assert(i < SOLID_DISLIKES_MAX);
  }
  cr_assert_eq(store->ops->put_params(store, &user, &params, 1, &of_user), SOLID_EFULL, "nobody has expired yet");
  pass_time(500);
  cr_assert_eq(store->ops->put_params(store, &user, &params, 1, &of_user), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
}

/* Users come, expire and come again: a plain array of what must be there is the judge of the probe chains. */
Test(memory_store, agrees_with_an_array) {
  enum { USERS = 600, ROUNDS = 20000 };
  static int64_t seen[USERS];
  static uint64_t seq[USERS];
  solid_memory_store_options options = sizes();
  options.ttl_ms = 300;
  solid_store *store = open_with(&options);
  seed_rng rng = seed_start(5);
  for (int i = 0; i < ROUNDS; i++) {
    size_t user = (size_t)seed_below(&rng, USERS);
    int expired = seen[user] + options.ttl_ms <= clock_ms;
    char name[24];
    solid_step step = {1, 0}, steps[BODY_WINDOW];
    solid_position position = {0, 0};
    solid_status of_user;
    solid_append append = {.user = {name, (size_t)snprintf(name, sizeof name, "%zu", user)},
                           .steps = &step,
                           .positions = &position,
                           .count = 1};
    solid_window window = {.steps = steps};
    cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK);
    seq[user] = expired ? 1 : seq[user] + 1;
    seen[user] = clock_ms;
    cr_assert_eq(window.seq, seq[user], "seed %lu round %d user %zu: seq %lu, %lu expected", seed_value(), i, user,
                 window.seq, seq[user]);
    pass_time(seed_below(&rng, 3));
  }
  solid_store_close(store);
}

/* Params that grow or shrink are counted as what they are. */
Test(memory_store, counts_params_of_every_size) {
  static float h[BODY_WIDTH], values[BODY_PARAMS];
  const solid_bytes user = {"0", 1};
  solid_memory_store_options options = sizes();
  solid_store *store = open_with(&options);
  size_t empty, bytes;
  solid_status of_user;
  cr_assert_eq(append_to(store, 0, 1), SOLID_OK);
  cr_assert_eq(solid_memory_store_usage(store, NULL, &empty), SOLID_OK);
  for (uint32_t i = 0; i < 6; i++) {
    const uint32_t counts[] = {BODY_PARAMS, 3, 40, 0, 40, 40};
    solid_params params = {.h = h, .values = values, .generation = i, .width = BODY_WIDTH, .count = counts[i]};
    params.element = i < 5 ? SOLID_F32 : SOLID_F16;
    cr_assert_eq(store->ops->put_params(store, &user, &params, 1, &of_user), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(solid_memory_store_usage(store, NULL, &bytes), SOLID_OK);
    cr_assert_eq(bytes - empty, sizeof h + (i < 5 ? 4 : 2) * counts[i], "round %u", i);
  }
  solid_store_close(store);
}

/* With pages, steps have an array of their own, which comes with the first: an evaluation's users have none. */
Test(memory_store, gives_params_of_who_has_no_steps) {
  static float h[BODY_WIDTH], values[BODY_PARAMS];
  const solid_bytes user = {"0", 1};
  solid_step steps[BODY_WINDOW];
  solid_memory_store_options options = sizes();
  options.history = SOLID_HISTORY_MAX;
  solid_store *store = open_with(&options);
  solid_params params = {.h = h, .values = values, .generation = 1, .width = BODY_WIDTH, .count = BODY_PARAMS};
  solid_window window = {.steps = steps};
  uint8_t found = 0;
  solid_status of_user;
  cr_assert_eq(store->ops->put_params(store, &user, &params, 1, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->ops->get(store, &user, 1, 1, &window, &params, &found, &of_user), SOLID_OK);
  cr_expect_eq(of_user, SOLID_OK);
  cr_expect(found);
  cr_expect_eq(window.count, 0);
  solid_store_close(store);
}

Test(memory_store, refuses_bad_options) {
  solid_store *store = NULL;
  solid_memory_store_options options = sizes();
  options.window = 0;
  cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_EINVAL, "no model to take it from");
  options.window = SOLID_HISTORY_MAX + 1;
  cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_EINVAL);
  options = sizes();
  options.history = BODY_WINDOW - 1;
  cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_EINVAL);
  options.history = SOLID_HISTORY_MAX + 1;
  cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_EINVAL);
  options = sizes();
  options.struct_size += 8;
  cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_EINVAL);
  options = sizes();
  options.ttl_ms = -1;
  cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_EINVAL);
  cr_assert_eq(solid_store_open_memory(NULL, NULL, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_store_open_memory(&store, NULL, NULL), SOLID_EINVAL);
  cr_assert_null(store);
  solid_store_close(NULL);
  options = solid_memory_store_options_default();
  cr_assert(options.struct_size == sizeof options && !options.window);
  cr_assert_eq(options.max_bytes, 1 << 30, "without a word no memory is without an end");
}
