/* The item log in a real server: its round trips, and what may stand in its place. */
#include "store/redis_store.h"
#include "tests/store/redis/cut_proxy.h"
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(redis_items, .init = live_start, .fini = live_stop, .timeout = 600);

static size_t readable, unreadable;

static void take(void *user, uint64_t number, const solid_item_entry *entry) {
  (void)user, (void)number;
  readable += entry != NULL;
  unreadable += entry == NULL;
}

static solid_status read_all(solid_store *store, solid_items_version *now) {
  readable = unreadable = 0;
  return store->ops->items_read(store, 0, 100, take, NULL, now);
}

static solid_items_version add(solid_store *store, solid_items_version seen, size_t n) {
  solid_item_entry entries[8];
  solid_items_version now;
  int appended = 0;
  for (size_t i = 0; i < n; i++) entries[i] = (solid_item_entry){.id = live_text("new")};
  cr_assert_eq(store->ops->items_append(store, &seen, entries, n, &now, &appended), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(appended, 1);
  return now;
}

Test(redis_items, cost_no_round_trip) {
  solid_store *store = live_open(0);
  solid_items_version none = {.count = 0};
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  add(store, none, 2);
  store->items.count = 0;
  live_get_ok(store, "ann");
  cr_assert_eq(store->items.count, 0, "who does not follow is not told");
  store->follows_items = 1;
  uint64_t before = live_stats(store).round_trips;
  live_get_ok(store, "ann");
  cr_assert_eq(live_stats(store).round_trips, before + 1);
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_OK);
  cr_assert_eq(live_stats(store).round_trips, before + 2);
  cr_assert_eq(store->items.count, 2);
  solid_store_close(store);
}

Test(redis_items, a_log_that_was_lost_is_another) {
  solid_store *store = live_open(0);
  solid_items_version none = {.count = 0}, first = add(store, none, 3), now;
  live_ask("FLUSHALL", "OK");
  cr_assert_eq(read_all(store, &now), SOLID_OK, "%s", solid_last_error());
  cr_assert(now.count == 0 && readable == 0);
  store->items = first;
  store->follows_items = 1;
  live_get_ok(store, "ann");
  cr_assert_eq(store->items.count, 0, "the next question tells");
  solid_items_version second = add(store, none, 3);
  cr_assert(second.count == 3 && memcmp(second.log, first.log, sizeof first.log));
  solid_store_close(store);
}

Test(redis_items, what_cannot_be_read_is_told) {
  solid_store *store = live_open(0);
  solid_items_version none = {.count = 0}, now;
  add(store, none, 4);
  live_ask("HSET solid:items 2 rubbish", NULL);
  live_ask("HSET solid:items 3 \002newer", NULL);
  cr_assert_eq(read_all(store, &now), SOLID_OK, "%s", solid_last_error());
  cr_assert(readable == 2 && unreadable == 2, "%zu and %zu", readable, unreadable);
  live_ask("HDEL solid:items 1", NULL);
  cr_assert_eq(read_all(store, &now), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "solid:items") && strstr(solid_last_error(), "missing"), "%s",
            solid_last_error());
  solid_store_close(store);
}

/* A head that is none, or entries without one: who reads or appends is refused, who asks goes on and is told. */
Test(redis_items, a_damaged_head_is_told) {
  static const char *const harm[] = {
      "HSET solid:items h \"\"",
      "HSET solid:items h x",
      "HDEL solid:items h",
      "HSET solid:items h 0123456789012345678901234567",
      "EVAL \"return redis.call('HSET','solid:items','h',string.rep('x',70000))\" 0",
      "EVAL \"redis.call('DEL','solid:items') return redis.call('SET','solid:items','x')\" 0"};
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    solid_items_version none = {.count = 0}, now;
    solid_item_entry entry = {.id = live_text("new")};
    int appended = 0;
    live_ask("FLUSHALL SYNC", "OK");
    solid_store *store = live_open(0);
    cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
    add(store, none, 4);
    live_ask(harm[i], NULL);
    cr_assert_eq(read_all(store, &now), SOLID_EFORMAT, "%s: %s", harm[i], solid_last_error());
    cr_assert(strstr(solid_last_error(), "solid:items"), "%s", solid_last_error());
    cr_assert_eq(store->ops->items_append(store, &none, &entry, 1, &now, &appended), SOLID_EFORMAT, "%s", harm[i]);
    uint64_t damaged = live_stats(store).damaged;
    store->follows_items = 1;
    live_get_ok(store, "ann");
    uint64_t told = i != 2; /* of a head that is gone who reads is told */
    cr_assert_eq(live_stats(store).damaged, damaged + told, "%s", harm[i]);
    live_ask("DEL solid:items", "1");
    add(store, none, 1);
    solid_store_close(store);
  }
}

static uint64_t last_number, counted;

/* Of 4,000 entries those by which 5 can be divided stay. */
static void take_fifths(void *user, uint64_t number, const solid_item_entry *entry) {
  (void)user;
  cr_assert(entry && number > last_number);
  cr_assert_eq(number / 5, last_number / 5 + (number % 5 == 0), "%llu behind %llu", (unsigned long long)number,
               (unsigned long long)last_number);
  last_number = number;
  counted++;
}

/* Killed behind any of the scripts by which entries are dropped: what stays is all there, and the rest may be dropped
 * again. */
Test(redis_items, a_kill_while_dropping_leaves_a_log_that_is_whole) {
  enum { ALL = 4000 };
  static uint64_t numbers[ALL];
  size_t n = 0;
  uint64_t before = ALL + 1;
  for (uint64_t number = 1; number < ALL; number++)
    if (number % 5) numbers[n++] = number;
  for (int cut = 1; cut <= 5; cut++) {
    live_ask("FLUSHALL SYNC", "OK");
    solid_store *store = live_open(0);
    solid_items_version now = {.count = 0};
    while (now.count < ALL) now = add(store, now, 8);
    solid_store_close(store);
    cut_proxy proxy = {.server_port = live_server.port, .cut_behind = cut};
    cr_assert_eq(cut_proxy_start(&proxy), 0);
    solid_redis_store_options options = live_options();
    options.port = proxy.port;
    int dropped = 7;
    store = live_open_with(&options);
    solid_status status = store->ops->items_drop(store, &now, numbers, n, &dropped);
    cr_assert(cut == 5 ? status == SOLID_OK && dropped == 1 : solid_status_is_retriable(status), "%s",
              solid_last_error());
    solid_store_close(store);
    cut_proxy_stop(&proxy);
    store = live_open(0);
    last_number = counted = 0;
    for (uint64_t from = 0; from < ALL; from = last_number)
      cr_assert_eq(store->ops->items_read(store, from, 1000, take_fifths, NULL, &now), SOLID_OK, "%s",
                   solid_last_error());
    cr_assert(counted < before || counted == ALL / 5, "behind script %d", cut);
    before = counted;
    cr_assert_eq(store->ops->items_drop(store, &now, numbers, n, &dropped), SOLID_OK, "%s", solid_last_error());
    last_number = counted = 0;
    cr_assert_eq(store->ops->items_read(store, 0, 1000, take_fifths, NULL, &now), SOLID_OK);
    cr_assert_eq(counted, ALL / 5);
    now = add(store, now, 1);
    cr_assert_eq(now.count, ALL + 1, "numbers go on");
    solid_store_close(store);
  }
}

static void expect_version(const char *version) {
  live_ask("EVAL \"return string.byte(redis.call('HGET', KEYS[1], 'h'), 3)\" 1 solid:items", version);
}

/* A program that knows no dropping reads the log until something was dropped, and then says that it is newer. */
Test(redis_items, a_log_is_of_version_1_until_an_entry_is_dropped) {
  solid_store *store = live_open(0);
  solid_items_version none = {.count = 0}, now = add(store, none, 4), stranger = now;
  const uint64_t second = 2;
  int dropped = 0;
  expect_version("1");
  stranger.log[3] ^= 1;
  cr_assert_eq(store->ops->items_drop(store, &stranger, &second, 1, &dropped), SOLID_OK, "%s", solid_last_error());
  expect_version("1");
  cr_assert_eq(store->ops->items_drop(store, &now, &second, 1, &dropped), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(dropped, 1);
  expect_version("2");
  now = add(store, now, 3);
  expect_version("2");
  cr_assert_eq(read_all(store, &now), SOLID_OK, "%s", solid_last_error());
  cr_assert(readable == 6 && now.count == 7, "%zu of %llu", readable, (unsigned long long)now.count);
  solid_store_close(store);
}

/* A log that was read, and became one of a later version before the append: nothing is written into it. */
Test(redis_items, an_append_leaves_a_log_of_a_later_version_alone) {
  solid_store *store = live_open(0);
  solid_items_version none = {.count = 0}, seen = add(store, none, 2), now;
  const solid_item_entry entry = {.id = live_text("new")};
  int appended = 0;
  live_ask("EVAL \"return redis.call('HSET', KEYS[1], 'h', 'SI' .. string.char(3) .. string.sub(redis.call('HGET', "
           "KEYS[1], 'h'), 4))\" 1 solid:items",
           "0");
  cr_assert_eq(store->ops->items_append(store, &seen, &entry, 1, &now, &appended), SOLID_EUNSUPPORTED, "%s",
               solid_last_error());
  cr_assert_eq(appended, 0);
  live_ask("HEXISTS solid:items 3", "0");
  solid_store_close(store);
}

Test(redis_items, what_is_no_log_is_left_alone) {
  static const struct {
    const char *set;
    solid_status status;
  } cases[] = {{"SET solid:items foreign", SOLID_EFORMAT},
               {"HSET solid:items h foreign", SOLID_EFORMAT},
               {"HSET solid:items h SI\003later", SOLID_EUNSUPPORTED},
               {"HSET solid:items h SI\001short", SOLID_EFORMAT}};
  const solid_item_entry entry = {.id = live_text("new")};
  solid_store *store = live_open(0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    solid_items_version none = {.count = 0}, now;
    int appended = 0;
    live_ask("DEL solid:items", NULL);
    live_ask(cases[i].set, NULL);
    cr_assert_eq(read_all(store, &now), cases[i].status, "case %zu: %s", i, solid_last_error());
    cr_assert(strstr(solid_last_error(), "solid:items"), "%s", solid_last_error());
    cr_assert_eq(store->ops->items_append(store, &none, &entry, 1, &now, &appended), cases[i].status, "case %zu: %s", i,
                 solid_last_error());
    live_get_ok(store, "ann"); /* questions about users go on */
  }
  solid_store_close(store);
}
