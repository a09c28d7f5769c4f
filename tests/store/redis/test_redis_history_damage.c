/* Histories and states in Redis: what is gone, changed, or another's. */
#include "tests/store/history_parts.h"
#include "tests/store/redis/history_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(redis_history_damage, .init = live_start, .fini = live_stop, .timeout = 600);

/* Two users of 1,500 steps, and nothing of what they had before. */
static void append_anew(solid_store *store) {
  live_ask("DEL solid:{ann} solid:{ann}:pages solid:{bob} solid:{bob}:pages", NULL);
  history_append(store, "ann", 0, 1500, 0, NULL);
  history_append(store, "bob", 0, 1500, 0, NULL);
}

/* Cut off, changed, of another user, out of order, gone: the window begins behind, and says so. */
Test(redis_history_damage, a_page_that_is_none_is_never_read) {
  static const char *const harm[] = {
      "redis.call('HDEL',KEYS[1],'2')",
      "redis.call('HSET',KEYS[1],'2',redis.call('HGET',KEYS[1],'2'):sub(1,-2))",
      "redis.call('HSET',KEYS[1],'2','')",
      "local p=redis.call('HGET',KEYS[1],'2') redis.call('HSET',KEYS[1],'2',p:sub(1,99)..'x'..p:sub(101))",
      "redis.call('HSET',KEYS[1],'2',redis.call('HGET','solid:{bob}:pages','2'))",
      "redis.call('HSET',KEYS[1],'2',redis.call('HGET',KEYS[1],'1'))",
      "redis.call('HSET',KEYS[1],'2',string.rep('x',9000000))",
  };
  solid_store *store = rig_open(50, RIG_LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    solid_window window = {.most = RIG_LONG};
    append_anew(store);
    uint64_t damaged = live_stats(store).damaged;
    rig_meddle("pages", harm[i]);
    history_get(store, "ann", &window);
    cr_assert(window.is_cut == 1 && window.count == 1500 - 768 && window.seq == 1500, "case %zu: %zu", i, window.count);
    cr_assert(window.steps[0].item == history_step(768).item && window.steps[731].item == history_step(1499).item);
    cr_assert_eq(live_stats(store).damaged, damaged + 1);
    window = (solid_window){.most = 700};
    history_get(store, "ann", &window);
    cr_assert(window.is_cut == 0 && window.count == 700, "what is whole is given");
    cr_assert_eq(history_append(store, "ann", 1500, 1900, RIG_LONG, &window), 400);
    cr_assert(window.is_cut == 1 && window.count == 1900 - 768);
  }
  cr_assert(strstr(rig_lines, "solid:{ann}: damaged history"), "%s", rig_lines);
  solid_store_close(store);
}

/* All pages gone, or what says which there are: what is in the record is the history from now on. */
Test(redis_history_damage, pages_that_are_gone_are_told) {
  static const char *const harm[] = {
      "redis.call('DEL',KEYS[1])",
      "redis.call('HDEL',KEYS[1],'m')",
      "redis.call('HSET',KEYS[1],'m','short')",
      "redis.call('HSET',KEYS[1],'m','')",
      "redis.call('HSET',KEYS[1],'m',string.rep('x',40))",
      "redis.call('HSET',KEYS[1],'m',redis.call('HGET',KEYS[1],'m')..'x')",
      "redis.call('HSET',KEYS[1],'m',redis.call('HGET',KEYS[1],'m'):sub(1,32)..string.rep('x',8))",
      "redis.call('HSET',KEYS[1],'m',redis.call('HGET','solid:{bob}:pages','m'))",
  };
  solid_store *store = rig_open(50, RIG_LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    solid_window window = {.most = RIG_LONG};
    append_anew(store);
    rig_meddle("pages", harm[i]);
    history_get(store, "ann", &window);
    cr_assert(window.is_cut == 1 && window.count == 1500 - 1280, "case %zu: %zu", i, window.count);
    uint64_t damaged = live_stats(store).damaged;
    history_expect_seen(store, "ann", 1280, 1500, 50);
    cr_assert_eq(live_stats(store).damaged, damaged + 1, "case %zu: who asks what was taken is told", i);
    history_append(store, "ann", 1500, 2300, 0, NULL);
    cr_assert_eq(live_stats(store).damaged, damaged + 2, "case %zu: and who writes the next page", i);
    window = (solid_window){.most = RIG_LONG};
    history_get(store, "ann", &window);
    cr_assert(window.count == 2300 - 1280 && window.steps[0].item == history_step(1280).item, "case %zu", i);
    history_expect_seen(store, "ann", 1280, 2300, 50);
  }
  solid_store_close(store);
}

/* Under the names of a user's pages and state lies something of somebody else. */
Test(redis_history_damage, what_is_not_ours_sets_its_user_aside) {
  static solid_step steps[600], room[600];
  static solid_position positions[600];
  solid_store *store = rig_open(50, RIG_LONG);
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
  history_expect(store, "ann", 650, RIG_LONG, 650);
  solid_store_close(store);
}

/* A user begun anew, whose newest items are in a field of their own. */
static void begin_long(solid_store *store) {
  live_ask("DEL solid:{ann} solid:{ann}:pages", NULL);
  history_append(store, "ann", 0, 5000, 0, NULL);
  history_append(store, "ann", 5000, 5400, 0, NULL);
  live_ask("HEXISTS solid:{ann}:pages r", "1");
}

/* Items of pages are gone or cut off, those of the newest or of older ones: what was taken is known from the record on.
 */
Test(redis_history_damage, items_that_are_gone_are_not_taken_for_all) {
  static const char *const harm[] = {"redis.call('HDEL',KEYS[1],'s')",
                                     "redis.call('HDEL',KEYS[1],'r')",
                                     "redis.call('HSET',KEYS[1],'r',string.rep('x',4000000))",
                                     "redis.call('HSET',KEYS[1],'r',redis.call('HGET',KEYS[1],'r'):sub(1,-2))",
                                     "redis.call('HSET',KEYS[1],'r','abc')",
                                     "redis.call('HSET',KEYS[1],'s',redis.call('HGET',KEYS[1],'s'):sub(1,-2))",
                                     "redis.call('HSET',KEYS[1],'s','abc')"};
  solid_store *store = rig_open(50, RIG_LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    begin_long(store);
    history_expect_seen(store, "ann", 0, 5400, 50);
    rig_meddle("pages", harm[i]);
    history_expect_seen(store, "ann", 5120, 5400, 50);
    history_append(store, "ann", 5400, 5600, 0, NULL);
    history_expect_seen(store, "ann", 5120, 5600, 50);
    history_append(store, "ann", 5600, 9000, 0, NULL);
    history_expect_seen(store, "ann", 5120, 9000, 50);
    history_expect(store, "ann", 9000, RIG_LONG, RIG_LONG);
  }
  solid_store_close(store);
}

/* More steps than there were since the history began: the record is none. */
Test(redis_history_damage, more_steps_than_a_history_has_are_none) {
  solid_store *store = rig_open(50, RIG_LONG);
  solid_window window = {.most = 60};
  live_ask("DEL solid:{ann} solid:{ann}:pages", NULL);
  history_append(store, "ann", 0, 1500, 0, NULL);
  uint64_t damaged = live_stats(store).damaged;
  live_ask("EVAL \"return redis.call('HSET',KEYS[1],'s',string.rep('12345678',2*1501))\" 1 solid:{ann}", "0");
  history_get(store, "ann", &window);
  cr_assert(window.count == 0 && window.seq == 0, "%zu", window.count);
  cr_assert_eq(live_stats(store).damaged, damaged + 1);
  cr_assert_eq(live_append(store, "ann", 9, &window), SOLID_OK, "%s", solid_last_error());
  cr_assert(window.count == 1 && window.seq == 1, "%zu of %lu", window.count, (unsigned long)window.seq);
  live_ask("EXISTS solid:{ann}:damaged", "1");
  solid_store_close(store);
}

/* Pages have numbers of 32 bits: more steps than they can have are no record, to who reads and who writes pages. */
Test(redis_history_damage, more_steps_than_pages_can_have_are_none) {
  solid_store *store = rig_open(50, RIG_LONG);
  for (int byte = 26; byte <= 28; byte++) {
    solid_window window = {.most = RIG_LONG};
    char command[256];
    live_ask("DEL solid:{ann} solid:{ann}:pages solid:{ann}:damaged", NULL);
    history_append(store, "ann", 0, 700, 0, NULL);
    uint64_t damaged = live_stats(store).damaged;
    snprintf(command, sizeof command,
             "EVAL \"local h=redis.call('HGET',KEYS[1],'h') "
             "return redis.call('HSET',KEYS[1],'h',h:sub(1,%d)..string.char(1)..h:sub(%d))\" 1 solid:{ann}",
             byte - 1, byte + 1);
    live_ask(command, "0");
    history_get(store, "ann", &window);
    cr_assert(window.count == 0 && window.seq == 0, "byte %d", byte);
    cr_assert_eq(live_stats(store).damaged, damaged + 1);
    cr_assert_eq(history_append(store, "ann", 0, 900, 0, &window), 900);
    cr_assert_eq(window.seq, 900);
    live_ask("EXISTS solid:{ann}:damaged", "1");
  }
  solid_store_close(store);
}

/* Rubbish of as many bytes as items would have is none: items ascend, and none is there twice. */
Test(redis_history_damage, items_out_of_order_are_not_believed) {
  static const char *const harm[] = {
      "redis.call('HSET',KEYS[1],'s',string.rep('x',800))", "redis.call('HSET',KEYS[1],'r',string.rep('x',800))",
      ("local s=redis.call('HGET',KEYS[1],'s') redis.call('HSET',KEYS[1],'s',s:sub(1,800)..s:sub(801,808):reverse()"
       "..s:sub(809))"),
      "local r=redis.call('HGET',KEYS[1],'r') redis.call('HSET',KEYS[1],'r',r:sub(9)..r:sub(1,8))"};
  solid_store *store = rig_open(50, RIG_LONG);
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    begin_long(store);
    rig_meddle("pages", harm[i]);
    uint64_t damaged = live_stats(store).damaged;
    history_expect_seen(store, "ann", 5120, 5400, 50);
    cr_assert_gt(live_stats(store).damaged, damaged, "case %zu is told to who reads", i);
    damaged = live_stats(store).damaged;
    history_append(store, "ann", 5400, 9000, 0, NULL); /* some pages more: either field is written anew */
    cr_assert_eq(live_stats(store).damaged, damaged + 1, "case %zu is told to who writes", i);
    damaged = live_stats(store).damaged;
    history_append(store, "ann", 9000, 9300, 0, NULL);
    history_expect_seen(store, "ann", 5120, 9300, 50);
    cr_assert_eq(live_stats(store).damaged, damaged, "and begun anew");
  }
  cr_assert(strstr(rig_lines, "solid:{ann}: damaged set of what was taken"), "%s", rig_lines);
  solid_store_close(store);
}

/* A state is cut off, changed, another's, or of another shape than it says. */
Test(redis_history_damage, a_state_that_is_none_is_never_read) {
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
  solid_store *store = rig_open(50, RIG_LONG);
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
      for (uint32_t k = 0; k < 3; k++) parts[k] = (solid_state_part){k, 100, (const uint8_t *)rig_lines + k};
      solid_state_put put = {
          .user = part_text(users[u]), .stamp = {window.birth, 30, 1, 2, 30}, .parts = parts, .n = 3};
      cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK);
      cr_assert_eq(stored, 1);
    }
    rig_meddle("state", harm[i].lua);
    solid_state state = {
        .generation = 1, .selector = 2, .count = 3, .parts = back, .room = room, .room_size = sizeof room};
    if (i == 8) state.count = 4;
    history_get(store, "ann", &(solid_window){.state = &state});
    cr_assert_eq(state.found, harm[i].found, "case %zu: found %u", i, state.found);
    cr_assert_eq(state.n_read, 0);
    const solid_bytes ann = part_text("ann");
    solid_window window = {.most = 1};
    history_get(store, "ann", &window);
    cr_assert_eq(store->ops->get_states(store, &ann, &window.birth, 1, &state, &of_user), SOLID_OK);
    cr_assert(state.found == harm[i].found && state.n_read == 0, "case %zu, alone: found %u", i, state.found);
  }
  solid_store_close(store);
}
