/* Histories and states in Redis: writers that are killed, records of before, other windows, what was damaged. */
#include "tests/store/history_parts.h"
#include "tests/store/redis/cut_proxy.h"
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { LONG = 2000 };

static char lines[16384]; /* what was logged */

static void collect(void *user, solid_log_level level, const char *line) {
  size_t used = strlen(lines);
  (void)user, (void)level;
  snprintf(lines + used, sizeof lines - used, "%s\n", line);
}

TestSuite(redis_histories, .init = live_start, .fini = live_stop, .timeout = 600);

static solid_store *open_with(uint32_t window, uint32_t history) {
  solid_redis_store_options options = live_options();
  options.window = window;
  options.history = history;
  options.ttl_ms = 60000;
  options.log = collect;
  return live_open_with(&options);
}

/* Lua on what lies beside ann: the pages, or the state. */
static void meddle(const char *part, const char *lua) {
  char command[700];
  snprintf(command, sizeof command, "EVAL \"%s return 'OK'\" 1 solid:{ann}:%s", lua, part);
  live_ask(command, "OK");
}

/* Appends 130 steps again and again, whatever breaks, as a service would that reads its stream. */
static void append_all(solid_store *store, uint64_t to) {
  static solid_step steps[130], room[LONG];
  static solid_position positions[130];
  for (uint64_t from = 0; from < to; from += 130) {
    for (uint64_t n = 0; n < 130; n++) steps[n] = history_step(from + n), positions[n] = part_at(1, from + n);
    solid_append append = {.user = part_text("ann"), .steps = steps, .positions = positions, .count = 130};
    solid_window window = {.steps = room};
    solid_status of_user, status = SOLID_EIO;
    for (int i = 0; i < 200 && status; i++) {
      status = store->ops->advance(store, &append, 1, &window, NULL, &of_user);
      cr_assert(!status || solid_status_is_retriable(status), "%s", solid_last_error());
      if (status) live_sleep_ms(2);
    }
    cr_assert(!status && !of_user && window.seq == from + 130);
  }
}

/* Behind every script that is run on the way to 1,300 steps in five pages: none is lost and none is there twice. */
Test(redis_histories, nothing_is_wrong_after_any_command) {
  enum { STEPS = 1300 };
  int cuts = 0;
  for (int n = 1;; n++) {
    live_ask("FLUSHALL SYNC", "OK");
    cut_proxy proxy = {.server_port = live_server.port, .cut_behind = n};
    cr_assert_eq(cut_proxy_start(&proxy), 0);
    solid_redis_store_options options = live_options();
    options.port = proxy.port;
    options.window = 40;
    options.history = LONG;
    options.backoff_min_ms = options.backoff_max_ms = 1;
    solid_store *store = live_open_with(&options), *reader = open_with(40, LONG);
    append_all(store, STEPS);
    int was_cut = live_stats(store).connections > 1;
    solid_store_close(store);
    cut_proxy_stop(&proxy);
    history_expect(reader, "ann", STEPS, LONG, STEPS);
    history_expect_seen(reader, "ann", 0, STEPS, 40);
    solid_store_close(reader);
    cuts += was_cut;
    if (!was_cut) break;
  }
  cr_assert_geq(cuts, STEPS / 130 + 2 * 4, "%d scripts", cuts);
}

/* Ann is forgotten, and maybe begins anew, after her record was read and before her pages are. */
static void forget_ann(void *again) {
  solid_store *other = open_with(400, LONG);
  const solid_forgetting ann = {.user = part_text("ann")};
  solid_status of_user;
  cr_assert_eq(other->ops->forget(other, &ann, 1, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  static solid_step steps[900], room[LONG];
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
  static solid_step room[LONG];
  cut_proxy proxy = {.server_port = live_server.port, .between = between, .between_user = user};
  cr_assert_eq(cut_proxy_start(&proxy), 0);
  solid_redis_store_options options = live_options();
  options.port = proxy.port, options.window = 400, options.history = LONG, options.log = collect;
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
      *lines = 0;
      live_ask("FLUSHALL SYNC", "OK");
      solid_store *store = open_with(400, LONG);
      history_append(store, "ann", 0, 1500, 0, NULL);
      solid_store_close(store);
      int is_lost = again == 2;
      solid_window window = read_between(is_append, is_lost ? lose_pages : forget_ann, again ? lines : NULL, &damaged);
      cr_assert_eq(damaged, (uint64_t)is_lost, "%s", lines);
      cr_assert((strstr(lines, "damaged history") != NULL) == is_lost, "%s", lines);
      cr_assert_eq(window.is_cut, (uint32_t)is_lost);
      if (!is_lost) cr_assert(window.count == 0 && window.seq == 0 && window.birth == 0, "%zu steps", window.count);
      if (is_lost) cr_assert(window.count > 0 && window.seq == 1500);
    }
}

/* Version 1: the window that there is becomes the beginning of a history. */
Test(redis_histories, a_record_of_before_becomes_a_history) {
  solid_store *before = open_with(300, 0), *store = open_with(50, LONG);
  solid_window window = {.most = 400};
  history_append(before, "ann", 0, 350, 0, &window);
  cr_assert_eq(window.birth, 0);
  live_ask("EVAL \"return redis.call('HGET',KEYS[1],'h'):byte(3)\" 1 solid:{ann}", "1");
  window = (solid_window){.most = 400};
  history_get(store, "ann", &window);
  cr_assert(window.count == 300 && window.is_cut == 0, "a reader has what there is");
  history_append(store, "ann", 350, 351, 0, &window);
  cr_assert_neq(window.birth, 0);
  live_ask("EVAL \"return redis.call('HGET',KEYS[1],'h'):byte(3)\" 1 solid:{ann}", "2");
  history_expect(store, "ann", 351, LONG, 301);
  history_expect_seen(store, "ann", 50, 351, 20);
  history_append(store, "ann", 351, 1000, 0, NULL);
  history_expect(store, "ann", 1000, LONG, 950);
  history_expect_seen(store, "ann", 50, 1000, 20);
  solid_store_close(before);
  solid_store_close(store);
}

/* Windows of 65,535 steps were allowed. */
Test(redis_histories, the_longest_record_of_before_is_taken_apart) {
  solid_store *store = open_with(50, SOLID_HISTORY_MAX);
  history_append(store, "ann", 0, 70000, 0, NULL);
  history_expect(store, "ann", 70000, SOLID_HISTORY_MAX, 70000);
  live_ask("FLUSHALL SYNC", "OK");
  meddle("pages", "local k=KEYS[1]:sub(1,-7) redis.call('HSET',k,'h','SU'..string.char(1,0)..string.rep('e',16).."
                  "struct.pack('<I8',65600)..string.rep(string.char(0),40),'s',string.rep('0123456789abcdef',65535))"
                  " redis.call('SET','solid:epoch',string.rep('e',16))");
  solid_store *reader = open_with(50, SOLID_HISTORY_MAX);
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

/* Who keeps no histories adds to those that there are, and drops nothing. */
Test(redis_histories, other_windows_leave_a_history_whole) {
  solid_store *store = open_with(50, LONG), *without = open_with(80, 0), *wide = open_with(600, 700);
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
  solid_store *a = open_with(40, LONG), *b = open_with(40, LONG);
  for (uint64_t n = 0; n < 1500; n++) cr_assert_eq(history_append(n % 3 ? a : b, "ann", n, n + 1, 0, NULL), 1);
  history_expect(a, "ann", 1500, LONG, 1500);
  history_expect_seen(b, "ann", 0, 1500, 40);
  solid_store_close(a);
  solid_store_close(b);
}

/* Cut off, changed, of another user, out of order, gone: the window begins behind, and says so. */
Test(redis_histories, a_page_that_is_none_is_never_read) {
  static const char *const harm[] = {
      "redis.call('HDEL',KEYS[1],'2')",
      "redis.call('HSET',KEYS[1],'2',redis.call('HGET',KEYS[1],'2'):sub(1,-2))",
      "redis.call('HSET',KEYS[1],'2','')",
      "local p=redis.call('HGET',KEYS[1],'2') redis.call('HSET',KEYS[1],'2',p:sub(1,99)..'x'..p:sub(101))",
      "redis.call('HSET',KEYS[1],'2',redis.call('HGET','solid:{bob}:pages','2'))",
      "redis.call('HSET',KEYS[1],'2',redis.call('HGET',KEYS[1],'1'))",
      "redis.call('HSET',KEYS[1],'2',string.rep('x',9000000))",
  };
  solid_store *store = open_with(50, LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    solid_window window = {.most = LONG};
    live_ask("DEL solid:{ann} solid:{ann}:pages solid:{bob} solid:{bob}:pages", NULL);
    history_append(store, "ann", 0, 1500, 0, NULL);
    history_append(store, "bob", 0, 1500, 0, NULL);
    uint64_t damaged = live_stats(store).damaged;
    meddle("pages", harm[i]);
    history_get(store, "ann", &window);
    cr_assert(window.is_cut == 1 && window.count == 1500 - 768 && window.seq == 1500, "case %zu: %zu", i, window.count);
    cr_assert(window.steps[0].item == history_step(768).item && window.steps[731].item == history_step(1499).item);
    cr_assert_eq(live_stats(store).damaged, damaged + 1);
    window = (solid_window){.most = 700};
    history_get(store, "ann", &window);
    cr_assert(window.is_cut == 0 && window.count == 700, "what is whole is given");
    cr_assert_eq(history_append(store, "ann", 1500, 1900, LONG, &window), 400);
    cr_assert(window.is_cut == 1 && window.count == 1900 - 768);
  }
  cr_assert(strstr(lines, "solid:{ann}: damaged history"), "%s", lines);
  solid_store_close(store);
}

/* All pages gone, or what says which there are: what is in the record is the history from now on. */
Test(redis_histories, pages_that_are_gone_are_told) {
  static const char *const harm[] = {
      "redis.call('DEL',KEYS[1])",
      "redis.call('HDEL',KEYS[1],'m')",
      "redis.call('HSET',KEYS[1],'m','short')",
      "redis.call('HSET',KEYS[1],'m',redis.call('HGET','solid:{bob}:pages','m'))",
  };
  solid_store *store = open_with(50, LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    solid_window window = {.most = LONG};
    live_ask("DEL solid:{ann} solid:{ann}:pages solid:{bob} solid:{bob}:pages", NULL);
    history_append(store, "ann", 0, 1500, 0, NULL);
    history_append(store, "bob", 0, 1500, 0, NULL);
    meddle("pages", harm[i]);
    history_get(store, "ann", &window);
    cr_assert(window.is_cut == 1 && window.count == 1500 - 1280, "case %zu: %zu", i, window.count);
    history_expect_seen(store, "ann", 1280, 1500, 50);
    history_append(store, "ann", 1500, 2300, 0, NULL);
    window = (solid_window){.most = LONG};
    history_get(store, "ann", &window);
    cr_assert(window.count == 2300 - 1280 && window.steps[0].item == history_step(1280).item, "case %zu", i);
    history_expect_seen(store, "ann", 1280, 2300, 50);
  }
  solid_store_close(store);
}

/* Under the names of a user's pages and state lies something of somebody else. */
Test(redis_histories, what_is_not_ours_sets_its_user_aside) {
  static solid_step steps[600], room[600];
  static solid_position positions[600];
  solid_store *store = open_with(50, LONG);
  live_ask("SET solid:{ann}:pages text", "OK");
  for (uint64_t n = 0; n < 600; n++) steps[n] = history_step(n), positions[n] = part_at(1, n);
  solid_append append = {.user = part_text("ann"), .steps = steps, .positions = positions, .count = 600};
  solid_window window = {.steps = room};
  solid_status of_user;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(of_user, SOLID_EFORMAT);
  cr_assert_eq(history_append(store, "bob", 0, 600, 0, NULL), 600);
  live_ask("GET solid:{ann}:pages", "text");
  live_ask("DEL solid:{ann}:pages", "1");
  cr_assert_eq(history_append(store, "ann", 550, 650, 0, NULL), 50, "nothing was lost");
  history_expect(store, "ann", 650, LONG, 650);
  solid_store_close(store);
}

Test(redis_histories, a_server_that_was_emptied_begins_new_histories) {
  solid_store *store = open_with(50, LONG);
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
  history_expect(store, "ann", 700, LONG, 700);
  live_ask("DEL solid:{ann}", "1"); /* evicted, and the pages were not */
  history_append(store, "ann", 0, 10, 0, &window);
  cr_assert_eq(window.seq, 10);
  window = (solid_window){.steps = NULL, .most = LONG};
  history_get(store, "ann", &window);
  cr_assert(window.count == 10 && window.is_cut == 0);
  solid_store_close(store);
}

static uint64_t trips(solid_store *store) {
  return live_stats(store).round_trips;
}

/* One a call; two more when a page is full; one more for pages behind an append, and for what was ever taken. */
Test(redis_histories, round_trips) {
  solid_store *store = open_with(50, LONG), *wide = open_with(600, LONG);
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
  solid_store *store = open_with(50, LONG);
  history_append(store, "ann", 0, 700, 0, NULL);
  live_ask("EVAL \"local r,p=redis.call('PTTL','solid:{ann}'),redis.call('PTTL','solid:{ann}:pages') "
           "return (r>0 and p>2.5*r and p<4*r) and 1 or 0\" 0",
           "1");
  live_ask("PEXPIRE solid:{ann}:pages 5000", "1");
  history_get(store, "ann", &(solid_window){.most = 300}); /* who reads pages renews them */
  live_ask("EVAL \"return redis.call('PTTL','solid:{ann}:pages')>100000 and 1 or 0\" 0", "1");
  solid_store_close(store);
}

/* A state is cut off, changed, another's, or of another shape than it says. */
Test(redis_histories, a_state_that_is_none_is_never_read) {
  static const struct {
    const char *lua;
    uint32_t found;
  } harm[] = {
      {"redis.call('HDEL',KEYS[1],'1')", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'1',redis.call('HGET',KEYS[1],'1'):sub(1,-2))", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'1','')", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'1',redis.call('HGET',KEYS[1],'2'))", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'1','x'..redis.call('HGET',KEYS[1],'1'):sub(2))", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'1',redis.call('HGET','solid:{bob}:state','1'))", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'h','rubbish')", SOLID_STATE_DAMAGED},
      {"redis.call('HSET',KEYS[1],'h',string.rep('x',60))", SOLID_STATE_DAMAGED},
      {"local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,4)..struct.pack('<I4I4',4,"
       "4294967291)..h:sub(13))",
       SOLID_STATE_DAMAGED}, /* a part more than there is */
      {"local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,24)..'x'..h:sub(26))",
       SOLID_STATE_DAMAGED}, /* of a later seq */
      {"redis.call('RENAME','solid:{bob}:state',KEYS[1])", SOLID_STATE_NONE},
      {"redis.call('DEL',KEYS[1])", SOLID_STATE_NONE},
  };
  solid_store *store = open_with(50, LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    const char *users[] = {"ann", "bob"};
    static uint8_t room[4096];
    solid_state_part parts[3], back[3];
    uint8_t stored = 0;
    solid_status of_user;
    live_ask("FLUSHALL SYNC", "OK");
    solid_store_epoch epoch;
    cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK);
    for (int u = 0; u < 2; u++) {
      solid_window window;
      history_append(store, users[u], 0, 30, 0, &window);
      for (uint32_t k = 0; k < 3; k++) parts[k] = (solid_state_part){k, 100, (const uint8_t *)lines + k};
      solid_state_put put = {
          .user = part_text(users[u]), .stamp = {window.birth, 30, 1, 2, 30}, .parts = parts, .n = 3};
      cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK);
      cr_assert_eq(stored, 1);
    }
    meddle("state", harm[i].lua);
    solid_state state = {
        .generation = 1, .selector = 2, .count = 3, .parts = back, .room = room, .room_size = sizeof room};
    if (i == 8) state.count = 4;
    history_get(store, "ann", &(solid_window){.state = &state});
    cr_assert_eq(state.found, harm[i].found, "case %zu: found %u", i, state.found);
    cr_assert_eq(state.n_read, 0);
  }
  solid_store_close(store);
}

/* Who is forgotten has no pages and no state any more, and what was on its way when they were does not bring any back.
 */
Test(redis_histories, who_is_forgotten_has_neither_pages_nor_state) {
  solid_store *store = open_with(50, LONG);
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
