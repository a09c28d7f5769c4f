/* The store's cases on the memory store, and what only it has: budget, handles, a clock of one's own. */
#include "store/memory_store.h"
#include "tests/store/store_body.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int64_t clock_ms = 1000;
static solid_store *first;

static int64_t read_clock(void *clock_user) {
  return *(int64_t *)clock_user;
}

static void pass_time(int64_t ms) {
  clock_ms += ms;
}

static solid_memory_store_options sizes(void) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = BODY_WINDOW;
  options.width = BODY_WIDTH;
  options.params = BODY_PARAMS;
  options.clock = read_clock;
  options.clock_user = &clock_ms;
  return options;
}

static solid_store *open_with(const solid_memory_store_options *options) {
  solid_store *store = NULL;
  cr_assert_eq(solid_memory_store_open(&store, options), SOLID_OK, "%s", solid_last_error());
  return store;
}

/* The first store of a kind that a case opens is shared by the second. */
static solid_store *open_memory(solid_element element, int64_t ttl_ms) {
  solid_memory_store_options options = sizes();
  options.element = element;
  options.ttl_ms = ttl_ms;
  solid_store *store = NULL;
  if (element == SOLID_I8 && first) {
    cr_assert_eq(solid_memory_store_share(&store, first), SOLID_OK);
    return store;
  }
  store = open_with(&options);
  if (element == SOLID_I8) first = store;
  return store;
}

static const store_maker maker = {open_memory, pass_time};

#define MEMORY_TEST(name)                                                                                              \
  Test(memory_store, name) {                                                                                           \
    body_##name(&maker);                                                                                               \
  }
STORE_CASES(MEMORY_TEST)

static solid_status append_to(solid_store *store, size_t user, uint64_t item) {
  char name[24];
  solid_step step = {item, 0}, steps[BODY_WINDOW];
  uint64_t position = SOLID_NO_STREAM;
  solid_append append = {{name, (size_t)snprintf(name, sizeof name, "%zu", user)}, &step, &position, 1};
  solid_window window = {steps, 0, 0};
  return store->ops->advance(store, &append, 1, &window, NULL);
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
  store->ops->close(store);
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
  store->ops->close(store);
}

/* No new user need come for the expired to make way: params and marks of those who are there want room as well. */
Test(memory_store, forgets_the_expired_when_a_known_user_grows) {
  float h[BODY_WIDTH] = {0}, values[BODY_PARAMS] = {0};
  const solid_params params = {h, values, 1, 1, NULL};
  const solid_bytes user = {"0", 1};
  solid_memory_store_options options = sizes();
  options.max_bytes = 100000;
  options.ttl_ms = 1000;
  solid_store *store = open_with(&options);
  size_t users = 0;
  while (append_to(store, users, 1) == SOLID_OK) users++;
  pass_time(500);
  cr_assert_eq(append_to(store, 0, 2), SOLID_OK);
  for (size_t i = 1, full = 0; !full; i++) { /* marks fill what is left between one user's size and none */
    solid_step step = {1, 0}, steps[BODY_WINDOW];
    uint64_t position = SOLID_POSITION(i, 1);
    solid_append append = {user, &step, &position, 1};
    solid_window window = {steps, 0, 0};
    full = store->ops->advance(store, &append, 1, &window, NULL) == SOLID_EFULL;
    cr_assert(i < 10000);
  }
  cr_assert_eq(store->ops->put_params(store, &user, &params, 1), SOLID_EFULL, "nobody has expired yet");
  pass_time(500);
  cr_assert_eq(store->ops->put_params(store, &user, &params, 1), SOLID_OK, "%s", solid_last_error());
  store->ops->close(store);
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
    uint64_t position = SOLID_NO_STREAM;
    solid_append append = {{name, (size_t)snprintf(name, sizeof name, "%zu", user)}, &step, &position, 1};
    solid_window window = {steps, 0, 0};
    cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL), SOLID_OK);
    seq[user] = expired ? 1 : seq[user] + 1;
    seen[user] = clock_ms;
    cr_assert_eq(window.seq, seq[user], "seed %lu round %d user %zu: seq %lu, %lu expected", seed_value(), i, user,
                 window.seq, seq[user]);
    pass_time(seed_below(&rng, 3));
  }
  store->ops->close(store);
}

Test(memory_store, refuses_bad_options) {
  solid_store *store = NULL;
  solid_memory_store_options options = sizes();
  options.window = 0;
  cr_assert_eq(solid_memory_store_open(&store, &options), SOLID_EINVAL);
  options = sizes();
  options.element = (solid_element)3;
  cr_assert_eq(solid_memory_store_open(&store, &options), SOLID_EINVAL);
  options = sizes();
  options.struct_size += 8;
  cr_assert_eq(solid_memory_store_open(&store, &options), SOLID_EINVAL);
  options = sizes();
  options.ttl_ms = -1;
  cr_assert_eq(solid_memory_store_open(&store, &options), SOLID_EINVAL);
  cr_assert_eq(solid_memory_store_open(NULL, NULL), SOLID_EINVAL);
  cr_assert_null(store);
  cr_assert_eq(solid_memory_store_open(&store, NULL), SOLID_OK);
  store->ops->close(store);
}
