/* Histories in Redis: writers that are killed, other windows, forgetting, round trips, lifetimes. */
#include "tests/store/history_parts.h"
#include "tests/store/redis/cut_proxy.h"
#include "tests/store/redis/history_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(redis_histories, .init = live_start, .fini = live_stop, .timeout = 600);

/* Appends 130 steps again and again, whatever breaks, as a service would that reads its stream. */
static void append_all(solid_store *store, uint64_t from, uint64_t to) {
  static solid_step steps[130], room[RIG_LONG];
  static solid_position positions[130];
  for (; from < to; from += 130) {
    for (uint64_t n = 0; n < 130; n++) steps[n] = history_step(from + n), positions[n] = part_at(1, from + n);
    solid_append append = {.user = part_text("ann"), .steps = steps, .positions = positions, .count = 130};
    solid_window window = {.steps = room};
    solid_status of_user, status = SOLID_EIO;
    for (int i = 0; i < LIVE_TRIES && status; i++) {
      status = store->ops->advance(store, &append, 1, &window, NULL, &of_user);
      cr_assert(!status || solid_status_is_retriable(status), "%s", solid_last_error());
      if (status) live_sleep_ms(2);
    }
    cr_assert(!status && !of_user && window.seq == from + 130);
  }
}

/* Behind every script that is run on the way from `begin` to 1,300 steps more in five pages: none is lost and none is
 * there twice. */
static void cut_behind_every_script(uint64_t begin) {
  enum { STEPS = 1300 };
  int cuts = 0;
  for (int n = 1;; n++) {
    live_ask("FLUSHALL SYNC", "OK");
    solid_store *before = rig_open(40, RIG_LONG);
    if (begin) history_append(before, "ann", 0, begin, 0, NULL);
    solid_store_close(before);
    cut_proxy proxy = {.server_port = live_server.port, .cut_behind = n};
    cr_assert_eq(cut_proxy_start(&proxy), 0);
    solid_redis_store_options options = live_options();
    options.port = proxy.port;
    options.window = 40;
    options.history = RIG_LONG;
    options.backoff_min_ms = options.backoff_max_ms = 1;
    solid_store *store = live_open_with(&options), *reader = rig_open(40, RIG_LONG);
    append_all(store, begin, begin + STEPS);
    int was_cut = live_stats(store).connections > 1;
    solid_store_close(store);
    cut_proxy_stop(&proxy);
    history_expect(reader, "ann", begin + STEPS, RIG_LONG, begin ? RIG_LONG : STEPS);
    history_expect_seen(reader, "ann", 0, begin + STEPS, 40);
    solid_store_close(reader);
    cuts += was_cut;
    if (!was_cut) break;
  }
  cr_assert_geq(cuts, STEPS / 130 + 2 * 4, "%d scripts", cuts);
}

Test(redis_histories, nothing_is_wrong_after_any_command) {
  cut_behind_every_script(0);
}

/* Where items of the newest pages lie apart from those of older ones, and come to them on the way. */
Test(redis_histories, nothing_is_wrong_after_any_command_of_a_long_history) {
  cut_behind_every_script(4160);
}

/* Ann is forgotten, and maybe begins anew, after her record was read and before her pages are. */
static void forget_ann(void *again) {
  solid_store *other = rig_open(400, RIG_LONG);
  const solid_forgetting ann = {.user = part_text("ann")};
  solid_status of_user;
  cr_assert_eq(other->ops->forget(other, &ann, 1, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  static solid_step steps[900], room[RIG_LONG];
  static const solid_position none[900];
  for (uint64_t n = 0; n < 900; n++) steps[n] = (solid_step){n, 9};
  const solid_append append = {.user = ann.user, .steps = steps, .positions = none, .count = 900};
  solid_window window = {.steps = room};
  if (again) cr_assert_eq(other->ops->advance(other, &append, 1, &window, NULL, &of_user), SOLID_OK);
  solid_store_close(other);
}

static void lose_pages(void *unused) {
  (void)unused;
  live_ask("DEL solid:{ann}:pages", "1");
}

/* By a question, or by an append that is empty, with another's hand behind the first script. */
static solid_window read_between(int is_append, void (*between)(void *), void *user, uint64_t *damaged) {
  static solid_step room[RIG_LONG];
  cut_proxy proxy = {.server_port = live_server.port, .between = between, .between_user = user};
  cr_assert_eq(cut_proxy_start(&proxy), 0);
  solid_redis_store_options options = live_options();
  options.port = proxy.port, options.window = 400, options.history = RIG_LONG, options.log = rig_log;
  solid_store *store = live_open_with(&options);
  solid_window window = {.steps = room, .most = 900};
  solid_append append = {.user = part_text("ann")};
  solid_params params = {.width = 0};
  solid_status of_user, status;
  uint8_t found = 7;
  cr_assert_eq(store->ops->epoch_begin(store, 0, &(solid_store_epoch){{0}}), SOLID_OK, "%s", solid_last_error());
  proxy.cut_behind = 1;
  status = is_append ? store->ops->advance(store, &append, 1, &window, NULL, &of_user)
                     : store->ops->get(store, &append.user, 1, 1, &window, &params, &found, &of_user);
  cr_assert(!status && !of_user && proxy.cut_behind == 0, "%s", solid_last_error());
  *damaged = live_stats(store).damaged;
  solid_store_close(store);
  cut_proxy_stop(&proxy);
  return window;
}

/* It is no damage, and the window is nobody's; pages that are missing beside their record are. */
Test(redis_histories, a_forgetting_between_two_reads_is_no_damage) {
  uint64_t damaged;
  for (int is_append = 0; is_append < 2; is_append++)
    for (int again = 0; again < 3; again++) {
      *rig_lines = 0;
      live_ask("FLUSHALL SYNC", "OK");
      solid_store *store = rig_open(400, RIG_LONG);
      history_append(store, "ann", 0, 1500, 0, NULL);
      solid_store_close(store);
      int is_lost = again == 2;
      solid_window window =
          read_between(is_append, is_lost ? lose_pages : forget_ann, again ? rig_lines : NULL, &damaged);
      cr_assert_eq(damaged, (uint64_t)is_lost, "%s", rig_lines);
      cr_assert((strstr(rig_lines, "damaged history") != NULL) == is_lost, "%s", rig_lines);
      cr_assert_eq(window.is_cut, (uint32_t)is_lost);
      if (!is_lost) cr_assert(window.count == 0 && window.seq == 0 && window.birth == 0, "%zu steps", window.count);
      if (is_lost) cr_assert(window.count > 0 && window.seq == 1500);
    }
}

/* Who keeps no histories adds to those that there are, and drops nothing. */
Test(redis_histories, other_windows_leave_a_history_whole) {
  solid_store *store = rig_open(50, RIG_LONG), *without = rig_open(80, 0), *wide = rig_open(600, 700);
  for (uint64_t n = 0; n < 1800; n += 10)
    history_append(n % 30 == 0 ? store : n % 30 == 10 ? without : wide, "bob", n, n + 10, 0, NULL);
  history_expect(wide, "bob", 1800, 700, 700);
  history_expect(without, "bob", 1800, 80, 80);
  history_expect_seen(wide, "bob", 0, 1800, 5);
  solid_store_close(store);
  solid_store_close(without);
  solid_store_close(wide);
}

/* Steps of two streams, by two writers in turns: one order, which all see. */
Test(redis_histories, two_writers_make_one_history) {
  solid_store *a = rig_open(40, RIG_LONG), *b = rig_open(40, RIG_LONG);
  for (uint64_t n = 0; n < 1500; n++) cr_assert_eq(history_append(n % 3 ? a : b, "ann", n, n + 1, 0, NULL), 1);
  history_expect(a, "ann", 1500, RIG_LONG, 1500);
  history_expect_seen(b, "ann", 0, 1500, 40);
  solid_store_close(a);
  solid_store_close(b);
}

Test(redis_histories, a_server_that_was_emptied_begins_new_histories) {
  solid_store *store = rig_open(50, RIG_LONG);
  solid_store_epoch epoch;
  solid_step step = history_step(0), room[50];
  const solid_position none = {0, 0};
  solid_append append = {.user = part_text("ann"), .steps = &step, .positions = &none, .count = 1};
  solid_window window = {.steps = room};
  solid_status of_user;
  history_append(store, "ann", 0, 1500, 0, NULL);
  live_ask("FLUSHALL SYNC", "OK");
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_ELOST);
  live_ask("FLUSHALL SYNC", "OK");
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_OK);
  history_append(store, "ann", 0, 700, 0, NULL);
  history_expect(store, "ann", 700, RIG_LONG, 700);
  live_ask("DEL solid:{ann}", "1"); /* evicted, and the pages were not */
  history_append(store, "ann", 0, 10, 0, &window);
  cr_assert_eq(window.seq, 10);
  window = (solid_window){.steps = NULL, .most = RIG_LONG};
  history_get(store, "ann", &window);
  cr_assert(window.count == 10 && window.is_cut == 0);
  solid_store_close(store);
}

static uint64_t trips(solid_store *store) {
  return live_stats(store).round_trips;
}

/* One a call; two more when a page is full; one more for pages behind an append, and for what was ever taken. */
Test(redis_histories, round_trips) {
  solid_store *store = rig_open(50, RIG_LONG), *wide = rig_open(600, RIG_LONG);
  solid_window window;
  history_append(store, "ann", 0, 305, 0, NULL);
  uint64_t before = trips(store);
  history_append(store, "ann", 305, 306, 0, NULL); /* 50 and a page */
  cr_assert_eq(trips(store), before + 3);
  history_append(store, "ann", 306, 307, 0, NULL);
  cr_assert_eq(trips(store), before + 4);
  history_append(store, "ann", 307, 700, 0, NULL);
  before = trips(store);
  history_append(store, "ann", 700, 701, 700, &window);
  cr_assert_eq(trips(store), before + 2);
  window = (solid_window){.most = 700};
  history_get(store, "ann", &window);
  cr_assert_eq(trips(store), before + 3, "a question has its pages at once");
  history_expect_seen(store, "ann", 0, 701, 50);
  cr_assert_eq(trips(store), before + 5, "where there are pages");
  history_append(store, "bob", 0, 300, 0, NULL);
  before = trips(store);
  history_expect_seen(store, "bob", 0, 300, 50);
  cr_assert_eq(trips(store), before + 1, "where there are none");
  before = trips(wide);
  history_get(wide, "ann", &(solid_window){.most = 0});
  cr_assert_eq(trips(wide), before + 1);
  solid_store_close(store);
  solid_store_close(wide);
}

/* What lies beside a record outlives it by far, and never for ever. */
Test(redis_histories, lifetimes) {
  solid_store *store = rig_open(50, RIG_LONG);
  history_append(store, "ann", 0, 700, 0, NULL);
  live_ask("EVAL \"local r,p=redis.call('PTTL','solid:{ann}'),redis.call('PTTL','solid:{ann}:pages') "
           "return (r>0 and p>2.5*r and p<4*r) and 1 or 0\" 0",
           "1");
  live_ask("PEXPIRE solid:{ann}:pages 5000", "1");
  history_get(store, "ann", &(solid_window){.most = 300}); /* who reads pages renews them */
  live_ask("EVAL \"return redis.call('PTTL','solid:{ann}:pages')>100000 and 1 or 0\" 0", "1");
  solid_window window;
  solid_status of_user;
  uint8_t stored;
  static uint8_t room[64];
  const solid_bytes ann = part_text("ann");
  history_append(store, "ann", 700, 701, 0, &window);
  solid_state_part part = {0, 3, (const uint8_t *)"abc"}, back[1];
  solid_state_put put = {.user = ann, .stamp = {window.birth, 701, 1, 2, 701}, .parts = &part, .n = 1};
  cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK);
  live_ask("PEXPIRE solid:{ann}:state 5000", "1");
  solid_state state = {.generation = 1, .selector = 2, .count = 1, .parts = back, .room = room, .room_size = 64};
  cr_assert_eq(store->ops->get_states(store, &ann, &window.birth, 1, &state, &of_user), SOLID_OK);
  cr_assert_eq(state.found, SOLID_STATE_FOUND);
  live_ask("EVAL \"return redis.call('PTTL','solid:{ann}:state')>100000 and 1 or 0\" 0", "1");
  solid_store_close(store);
}

/* One user's page is written, the lifetime of another's pages is renewed, in one call. */
Test(redis_histories, lifetimes_are_renewed_beside_pages_that_are_written) {
  enum { USERS = 2 };
  static const char *const names[USERS] = {"bob", "ann"};
  solid_store *store = rig_open(50, RIG_LONG);
  solid_step step = history_step(0), rooms[USERS][50];
  const solid_position none = {0, 0};
  solid_append appends[USERS];
  solid_window windows[USERS];
  solid_status statuses[USERS];
  history_append(store, "ann", 0, 700, 0, NULL);
  history_append(store, "bob", 0, 305, 0, NULL); /* 50 and a page less one */
  live_ask("PEXPIRE solid:{ann}:pages 5000", "1");
  rig_meddle("pages", "local k=KEYS[1]:sub(1,-7) local h=redis.call('HGET',k,'h')" /* renewed in 1970 */
                      " redis.call('HSET',k,'h',h:sub(1,-17)..string.rep(string.char(0),8)..h:sub(-8))");
  for (int i = 0; i < USERS; i++) {
    appends[i] = (solid_append){.user = part_text(names[i]), .steps = &step, .positions = &none, .count = 1};
    windows[i] = (solid_window){.steps = rooms[i]};
  }
  cr_assert_eq(store->ops->advance(store, appends, USERS, windows, NULL, statuses), SOLID_OK, "%s", solid_last_error());
  live_ask("EXISTS solid:{bob}:pages", "1");
  live_ask("EVAL \"return redis.call('PTTL','solid:{ann}:pages')>100000 and 1 or 0\" 0", "1");
  solid_store_close(store);
}

/* Who is forgotten has no pages and no state any more, and what was on its way when they were does not bring any back.
 */
Test(redis_histories, who_is_forgotten_has_neither_pages_nor_state) {
  solid_store *store = rig_open(50, RIG_LONG);
  solid_window window;
  solid_status of_user;
  uint8_t had, stored = 9;
  const solid_bytes user = part_text("ann");
  history_append(store, "ann", 0, 1500, 0, &window);
  solid_state_part part = {0, 3, (const uint8_t *)"abc"};
  solid_state_put put = {.user = user, .stamp = {window.birth, 1500, 1, 2, 1500}, .parts = &part, .n = 1};
  cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK);
  cr_assert_eq(stored, 1);
  live_ask("EXISTS solid:{ann} solid:{ann}:pages solid:{ann}:state", "3");
  cr_assert_eq(solid_forget(store, &user, 1, &had), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(had, 1);
  live_ask("EXISTS solid:{ann} solid:{ann}:pages solid:{ann}:state", "0");
  cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK);
  cr_assert_eq(stored, 0, "it was on its way");
  live_ask("EXISTS solid:{ann} solid:{ann}:pages solid:{ann}:state", "0");
  cr_assert_eq(history_append(store, "ann", 0, 1500, 0, NULL), 0, "a replay");
  live_ask("EXISTS solid:{ann} solid:{ann}:pages solid:{ann}:state", "0");
  solid_store_close(store);
}
