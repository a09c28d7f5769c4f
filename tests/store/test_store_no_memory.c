/* Whatever allocation of a store fails: ENOMEM, a text, nothing lost (the address sanitizer looks for leaks), what was
 * stored before is still there, and the next attempt succeeds. Once warm, a call allocates nothing of its own. */
#include "store/memory_store.h"
#include "tests/support/alloc_watch.h"
#include <criterion/criterion.h>
#include <stdio.h>
#ifdef SOLID_WITH_REDIS
#include "store/redis_store.h"
#include "tests/support/redis_server.h"

static redis_server server;
#endif

enum { USERS = 120, FEW = 5, WINDOW = 4, WIDTH = 3, PARAMS = 40 };

typedef solid_status (*store_opener)(solid_store **out);

static solid_status open_memory(solid_store **out) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = WINDOW;
  return solid_store_open_memory(out, NULL, &options);
}

static solid_status open_shared(solid_store **out) {
  solid_store *first = NULL;
  solid_status status = open_memory(&first);
  if (!status) status = solid_memory_store_share(out, first);
  solid_store_close(first);
  return status;
}

/* Appends to, stores and reads `n` users in one batch each. */
static solid_status use(solid_store *store, size_t n) {
  static char names[USERS][16];
  static solid_step rooms[USERS][WINDOW];
  static float h[USERS][WIDTH], values[USERS][PARAMS];
  static const solid_step step = {1, 1};
  static const solid_position position = {1, 1};
  static solid_append appends[USERS];
  solid_window windows[USERS];
  solid_params params[USERS];
  solid_bytes users[USERS];
  uint8_t found[USERS];
  solid_status statuses[USERS];
  for (size_t i = 0; i < n; i++) {
    users[i] = (solid_bytes){names[i], (size_t)snprintf(names[i], sizeof names[i], "user-%zu", i)};
    appends[i] = (solid_append){.user = users[i], .steps = &step, .positions = &position, .count = 1};
    windows[i] = (solid_window){.steps = rooms[i]};
    params[i] =
        (solid_params){.h = h[i], .values = values[i], .seq = 1, .generation = 1, .width = WIDTH, .count = PARAMS};
  }
  solid_status status = store->ops->advance(store, appends, n, windows, NULL, statuses);
  for (size_t i = 0; i < n && !status; i++) cr_assert(windows[i].seq == 1 && windows[i].count == 1);
  if (!status) status = store->ops->put_params(store, users, params, n, statuses);
  if (!status) status = store->ops->get(store, users, n, 1, windows, params, found, statuses);
  for (size_t i = 0; i < n && !status; i++) cr_assert(found[i] && windows[i].seq == 1);
  return status;
}

/* Appends `count` events (0 or 1), without a position, of each of a few users of try `n`. */
static solid_status append(solid_store *store, size_t n, size_t count, uint64_t *seqs, solid_status *statuses) {
  static char names[FEW][32];
  static solid_step rooms[FEW][WINDOW];
  static const solid_step step = {1, 1};
  static const solid_position position = {0, 0};
  solid_append appends[FEW];
  solid_window windows[FEW];
  for (size_t i = 0; i < FEW; i++) {
    solid_bytes user = {names[i], (size_t)snprintf(names[i], sizeof names[i], "one-%zu-%zu", n, i)};
    appends[i] = (solid_append){.user = user, .steps = &step, .positions = &position, .count = count};
    windows[i] = (solid_window){.steps = rooms[i]};
    statuses[i] = SOLID_EINTERNAL;
  }
  solid_status status = store->ops->advance(store, appends, FEW, windows, NULL, statuses);
  for (size_t i = 0; i < FEW; i++) seqs[i] = windows[i].seq;
  return status;
}

/* Whatever allocation of an append fails, what is said of each user is true. */
static size_t judge_each(store_opener open) {
  for (size_t n = 1;; n++) {
    solid_store *store = NULL;
    solid_status statuses[FEW], unused[FEW];
    uint64_t seqs[FEW];
    cr_assert_eq(open(&store), SOLID_OK, "%s", solid_last_error());
    size_t before = alloc_watch_count();
    alloc_watch_fail(n);
    solid_status status = append(store, n, 1, seqs, statuses);
    alloc_watch_fail(0);
    int all_granted = alloc_watch_count() - before < n;
    cr_assert_eq(append(store, n, 0, seqs, unused), SOLID_OK, "%s", solid_last_error());
    for (size_t i = 0; i < FEW; i++) {
      int is_true = statuses[i] == SOLID_OK ? seqs[i] == 1 : statuses[i] == SOLID_EUNKNOWN || seqs[i] == 0;
      cr_assert(is_true, "allocation %zu: %s of user %zu, who has %d events", n, solid_status_name(statuses[i]), i,
                (int)seqs[i]);
      cr_assert_neq(statuses[i], SOLID_EINTERNAL, "nothing is said of user %zu", i);
      cr_assert(!all_granted || (!status && !statuses[i]));
    }
    solid_store_close(store);
    if (all_granted) return n - 1;
  }
}

/* Opens, uses and closes a store, with the n-th allocation failing, for every n; what failed must work when it is
 * tried again on the same store. */
static size_t fail_each(store_opener open) {
  for (size_t n = 1;; n++) {
    size_t before = alloc_watch_count();
    solid_store *store = NULL;
    alloc_watch_fail(n);
    solid_status status = open(&store);
    cr_assert_eq(store != NULL, status == SOLID_OK);
    if (!status) status = use(store, USERS);
    alloc_watch_fail(0);
    int all_granted = alloc_watch_count() - before < n;
    cr_assert_eq(status, all_granted ? SOLID_OK : SOLID_ENOMEM, "allocation %zu: %s", n, solid_last_error());
    if (store) {
      cr_assert_eq(use(store, USERS), SOLID_OK, "%s", solid_last_error());
      before = alloc_watch_count();
      cr_assert_eq(use(store, USERS), SOLID_OK, "%s", solid_last_error());
      cr_assert_eq(alloc_watch_count(), before, "a warm store allocates");
      solid_store_close(store);
    }
    if (all_granted) return n - 1;
  }
}

Test(store_no_memory, memory_store) {
  cr_assert_geq(fail_each(open_memory), 3 * USERS);
  cr_assert_geq(fail_each(open_shared), 3 * USERS);
  cr_assert_geq(judge_each(open_memory), FEW);
}

#ifdef SOLID_WITH_REDIS
static solid_status open_redis(solid_store **out) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.port = server.port;
  options.window = WINDOW;
  return solid_store_open_redis(out, NULL, &options);
}

Test(store_no_memory, redis_store) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&server, 0, NULL), 0);
  cr_assert_geq(fail_each(open_redis), 4);
  cr_assert_geq(judge_each(open_redis), 4);
  redis_server_stop(&server);
}
#endif
