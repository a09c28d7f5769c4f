/* Histories in Redis: records of earlier versions go on. */
#include "tests/store/history_parts.h"
#include "tests/store/redis/cut_proxy.h"
#include "tests/store/redis/history_rig.h"
#include <criterion/criterion.h>

TestSuite(redis_history_versions, .init = live_start, .fini = live_stop, .timeout = 600);

/* Version 1: the window that there is becomes the beginning of a history. */
Test(redis_history_versions, a_record_of_before_becomes_a_history) {
  solid_store *before = rig_open(300, 0), *store = rig_open(50, RIG_LONG);
  solid_window window = {.most = 400};
  history_append(before, "ann", 0, 350, 0, &window);
  cr_assert_eq(window.birth, 0);
  rig_expect_version("1");
  window = (solid_window){.most = 400};
  history_get(store, "ann", &window);
  cr_assert(window.count == 300 && window.is_cut == 0, "a reader has what there is");
  history_append(store, "ann", 350, 351, 0, &window);
  cr_assert_neq(window.birth, 0);
  rig_expect_version("3");
  history_expect(store, "ann", 351, RIG_LONG, 301);
  history_expect_seen(store, "ann", 50, 351, 20);
  history_append(store, "ann", 351, 1000, 0, NULL);
  history_expect(store, "ann", 1000, RIG_LONG, 950);
  history_expect_seen(store, "ann", 50, 1000, 20);
  solid_store_close(before);
  solid_store_close(store);
}

/* What a program has written that knows version 2: one field has the items of all pages, and m says nothing of two. */
static void make_older(void) {
  rig_meddle("pages",
             "local k=KEYS[1]:sub(1,-7) local h=redis.call('HGET',k,'h') local m=redis.call('HGET',KEYS[1],'m')"
             " assert(redis.call('HEXISTS',KEYS[1],'r')==0)"
             " redis.call('HSET',k,'h',h:sub(1,2)..string.char(2)..h:sub(4))"
             " redis.call('HSET',KEYS[1],'m',m:sub(1,32))");
}

Test(redis_history_versions, a_history_of_version_2_goes_on) {
  solid_store *store = rig_open(50, RIG_LONG);
  for (int is_long = 0; is_long < 2; is_long++) {
    uint64_t n = is_long ? 6000 : 1500;
    live_ask("DEL solid:{ann} solid:{ann}:pages", NULL);
    history_append(store, "ann", 0, n, 0, NULL); /* at once, so that all items are in one field */
    make_older();
    rig_expect_version("2");
    history_expect(store, "ann", n, RIG_LONG, is_long ? RIG_LONG : n);
    history_expect_seen(store, "ann", 0, n, 50);
    for (uint64_t to = n + 3000; n < to; n += 200) {
      history_append(store, "ann", n, n + 200, 0, NULL);
      rig_expect_version("3");
      history_expect_seen(store, "ann", 0, n + 200, 50);
    }
    history_expect(store, "ann", n, RIG_LONG, RIG_LONG);
  }
  solid_store_close(store);
}

/* A page is full, and what is appended was there before: whoever knows version 2 alone must not take the record for his
 * own once pages are written. */
Test(redis_history_versions, a_history_of_version_2_is_of_version_3_before_its_pages) {
  solid_store *store = rig_open(50, RIG_LONG), *wide = rig_open(600, RIG_LONG);
  history_append(wide, "ann", 0, 1500, 0, NULL); /* leaves more in the record */
  make_older();
  cr_assert_eq(history_append(store, "ann", 1499, 1500, 0, NULL), 0);
  live_ask("HEXISTS solid:{ann}:pages 4", "1");
  rig_expect_version("3");
  history_expect_seen(store, "ann", 0, 1500, 50);
  history_expect(store, "ann", 1500, RIG_LONG, 1500);
  solid_store_close(store);
  solid_store_close(wide);
}

/* A server takes over that lacks the last write: its record is of version 2 still. */
static void lag(void *unused) {
  (void)unused;
  rig_meddle("pages", "local k=KEYS[1]:sub(1,-7) local h=redis.call('HGET',k,'h')"
                      " redis.call('HSET',k,'h',h:sub(1,2)..string.char(2)..h:sub(4))");
}

/* Then no page is written, and steps that are in none stay in the record. */
Test(redis_history_versions, steps_stay_until_their_page_is_written) {
  solid_store *wide = rig_open(600, RIG_LONG);
  history_append(wide, "ann", 0, 1500, 0, NULL);
  make_older();
  cut_proxy proxy = {.server_port = live_server.port, .between = lag};
  cr_assert_eq(cut_proxy_start(&proxy), 0);
  solid_redis_store_options options = live_options();
  options.port = proxy.port, options.window = 50, options.history = RIG_LONG;
  solid_store *store = live_open_with(&options);
  solid_store_epoch epoch;
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_OK, "%s", solid_last_error());
  proxy.cut_behind = 1;
  history_append(store, "ann", 1499, 1500, 0, NULL);
  cr_assert_eq(proxy.cut_behind, 0);
  solid_store_close(store);
  cut_proxy_stop(&proxy);
  live_ask("HEXISTS solid:{ann}:pages 4", "0");
  history_expect(wide, "ann", 1500, RIG_LONG, 1500);
  solid_store_close(wide);
}

/* Windows of 65,535 steps were allowed. */
Test(redis_history_versions, the_longest_record_of_before_is_taken_apart) {
  solid_store *store = rig_open(50, SOLID_HISTORY_MAX);
  history_append(store, "ann", 0, 70000, 0, NULL);
  history_expect(store, "ann", 70000, SOLID_HISTORY_MAX, 70000);
  live_ask("FLUSHALL SYNC", "OK");
  rig_meddle("pages",
             "local k=KEYS[1]:sub(1,-7) redis.call('HSET',k,'h','SU'..string.char(1,0)..string.rep('e',16).."
             "struct.pack('<I8',65600)..string.rep(string.char(0),40),'s',string.rep('0123456789abcdef',65535))"
             " redis.call('SET','solid:epoch',string.rep('e',16))");
  solid_store *reader = rig_open(50, SOLID_HISTORY_MAX);
  static solid_step room[SOLID_HISTORY_MAX];
  solid_step step = {7, 7};
  const solid_position none = {0, 0};
  solid_append append = {.user = part_text("ann"), .steps = &step, .positions = &none, .count = 1};
  solid_window window = {.steps = room, .most = SOLID_HISTORY_MAX};
  solid_status of_user;
  cr_assert_eq(reader->ops->advance(reader, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert(window.count == 65536 && window.seq == 65601 && room[65535].item == 7 && room[0].item == room[65534].item);
  window = (solid_window){.steps = room, .most = SOLID_HISTORY_MAX};
  history_get(reader, "ann", &window);
  cr_assert(window.count == 65536 && window.is_cut == 0 && room[65535].item == 7 && room[0].item == room[65534].item);
  live_ask("EVAL \"return redis.call('HSTRLEN',KEYS[1],'s')/16\" 1 solid:{ann}",
           "65"); /* 50, up to the end of a page */
  solid_store_close(reader);
  solid_store_close(store);
}
