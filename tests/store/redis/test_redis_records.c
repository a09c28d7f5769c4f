/* Records that are damaged, foreign, newer, too large, gone, or of an epoch that is. */
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char lines[8192]; /* what was logged */

static void collect(void *user, solid_log_level level, const char *line) {
  size_t used = strlen(lines);
  (void)user, (void)level;
  snprintf(lines + used, sizeof lines - used, "%s\n", line);
}

TestSuite(redis_records, .init = live_start, .fini = live_stop, .timeout = 600);

static solid_store *open_logged(void) {
  solid_redis_store_options options = live_options();
  options.ttl_ms = 60000;
  options.log = collect;
  return live_open_with(&options);
}

/* Lua on the key of ann, as the test's own hand on the server. */
static void meddle(const char *lua) {
  char command[512];
  snprintf(command, sizeof command, "EVAL \"%s return 'OK'\" 1 solid:{ann}", lua);
  live_ask(command, "OK");
}

Test(redis_records, damaged_params_are_misses) {
  solid_store *store = open_logged();
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_put(store, "ann", 1, 4.0f), SOLID_OK);
  static const char *const harm[] = {
      "redis.call('HDEL',KEYS[1],'p')",
      "local p=redis.call('HGET',KEYS[1],'p') redis.call('HSET',KEYS[1],'p',p:sub(1,30)..'x'..p:sub(32))",
      "redis.call('HSET',KEYS[1],'p','rubbish')",
      "redis.call('HSET',KEYS[1],'p','')",
      /* a seq that looks newer than anything must not stay for that */
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,33)..'x'..h:sub(35))",
  };
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    meddle(harm[i]);
    cr_assert_eq(live_get_ok(store, "ann"), -1.0f, "case %zu", i);
    cr_assert_eq(live_stats(store).damaged, i + 1);
    cr_assert_eq(live_put(store, "ann", 1, 5.0f), SOLID_OK);
    cr_assert_eq(live_get_ok(store, "ann"), 5.0f, "case %zu", i);
  }
  cr_assert(strstr(lines, "solid:{ann}"), "%s", lines);
  solid_store_close(store);
}

/* Our own but damaged: renamed, begun anew, counted, named; everybody else goes on. */
Test(redis_records, a_damaged_record_is_begun_anew) {
  static const char *const harm[] = {
      "redis.call('HSET',KEYS[1],'h','rubbish')",
      "redis.call('HSET',KEYS[1],'h','')",
      "redis.call('HSET',KEYS[1],'h',string.rep('x',5000))",
      "redis.call('HDEL',KEYS[1],'h')",
      "redis.call('HSET',KEYS[1],'s',string.rep('12345678',8))", /* more steps than there ever were */
      "redis.call('HSET',KEYS[1],'s','123')",
      "redis.call('HDEL',KEYS[1],'s')", /* steps that were counted are gone */
      "redis.call('HSET',KEYS[1],'s','')",
      /* more steps than a Lua number counts */
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,27)..string.char(128)..h:sub(29))",
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,26)..string.char(32)..h:sub(28))",
      /* dislikes that are announced and gone */
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,3)..string.char(128)..h:sub(5))",
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h..'x')",
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h','SU'..string.char(0)..h:sub(4))",
      "local h=redis.call('HGET',KEYS[1],'h') redis.call('HSET',KEYS[1],'h',h:sub(1,3)..string.char(137)..h:sub(5))",
      ("local h=redis.call('HGET',KEYS[1],'h') "
       "redis.call('HSET',KEYS[1],'d','1234567','h',h:sub(1,3)..string.char(128)..h:sub(5))"),
  };
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    solid_store *store = open_logged();
    solid_window window;
    live_ask("FLUSHALL SYNC", "OK");
    *lines = 0;
    for (uint64_t n = 1; n <= 3; n++) cr_assert_eq(live_append(store, "ann", n, NULL), SOLID_OK);
    cr_assert_eq(live_put(store, "ann", 3, 4.0f), SOLID_OK);
    meddle(harm[i]);
    float unused = live_get_ok(store, "ann");
    (void)unused; /* a record without dislikes to read may still be whole for this reader */
    uint64_t before = live_stats(store).damaged;
    cr_assert_eq(live_append(store, "ann", 9, &window), SOLID_OK, "case %zu: %s", i, solid_last_error());
    cr_assert(window.seq == 1 && window.count == 1 && window.steps[0].item == 9, "case %zu", i);
    cr_assert_eq(live_stats(store).damaged, before + 1, "case %zu", i);
    cr_assert(strstr(lines, "solid:{ann}: damaged record"), "case %zu: %s", i, lines);
    live_ask("EXISTS solid:{ann}:damaged", "1");
    cr_assert_eq(live_get_ok(store, "ann"), -1.0f, "case %zu: no params yet", i);
    cr_assert_eq(live_put(store, "ann", 1, 6.0f), SOLID_OK);
    cr_assert_eq(live_get_ok(store, "ann"), 6.0f);
    cr_assert_eq(live_append(store, "bob", 1, NULL), SOLID_OK);
    solid_store_close(store);
  }
}

Test(redis_records, params_of_a_damaged_record_are_not_put) {
  solid_store *store = open_logged();
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  meddle("redis.call('HSET',KEYS[1],'h','rubbish')");
  cr_assert_eq(live_put(store, "ann", 1, 4.0f), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "solid:{ann}"), "%s", solid_last_error());
  live_ask("HGET solid:{ann} h", "rubbish");
  solid_store_close(store);
}

/* A key of another type, or a hash of somebody else, is that user's trouble and nobody else's; it stays as it is. */
Test(redis_records, a_foreign_key_sets_its_user_aside) {
  static const char *const names[] = {"ann", "b\x1b[2J\nb", "cid"};
  static const char *const make[] = {"SET \"solid:{b\\x1b[2J\\nb}\" text", "LPUSH \"solid:{b\\x1b[2J\\nb}\" text",
                                     "HSET \"solid:{b\\x1b[2J\\nb}\" name text"};
  static const char *const see[] = {"GET \"solid:{b\\x1b[2J\\nb}\"", "LINDEX \"solid:{b\\x1b[2J\\nb}\" 0",
                                    "HGET \"solid:{b\\x1b[2J\\nb}\" name"};
  enum { USERS = 3 };
  for (int kind = 0; kind < 3; kind++) {
    solid_store *store = open_logged();
    solid_step rooms[USERS][BODY_WINDOW], step = {5, 5};
    solid_position position = {1, 1};
    solid_append appends[USERS];
    solid_bytes users[USERS];
    solid_window windows[USERS];
    solid_params params[USERS];
    float h[USERS][BODY_WIDTH] = {{0}}, values[USERS][BODY_PARAMS] = {{0}};
    solid_status statuses[USERS];
    size_t applied[USERS] = {9, 9, 9};
    uint8_t found[USERS] = {9, 9, 9};
    live_ask("FLUSHALL SYNC", "OK");
    live_ask(make[kind], NULL);
    *lines = 0;
    for (int i = 0; i < USERS; i++) {
      users[i] = live_text(names[i]);
      appends[i] = (solid_append){.user = users[i], .steps = &step, .positions = &position, .count = 1};
      windows[i] = (solid_window){.steps = rooms[i], .count = 99, .seq = 99};
      params[i] = (solid_params){.h = h[i], .values = values[i], .seq = 1, .generation = 1};
      params[i].width = BODY_WIDTH, params[i].count = BODY_PARAMS;
    }
    const solid_status want[USERS] = {SOLID_OK, SOLID_EFORMAT, SOLID_OK};
    cr_assert_eq(store->ops->advance(store, appends, USERS, windows, applied, statuses), SOLID_OK, "%s",
                 solid_last_error());
    for (int i = 0; i < USERS; i++) {
      cr_assert_eq(statuses[i], want[i], "advance %d: %s", i, solid_status_name(statuses[i]));
      cr_assert_eq(applied[i], i != 1);
      cr_assert(windows[i].seq == applied[i] && windows[i].count == applied[i]);
    }
    cr_assert_eq(store->ops->put_params(store, users, params, USERS, statuses), SOLID_OK);
    for (int i = 0; i < USERS; i++) cr_assert_eq(statuses[i], want[i], "put %d", i);
    cr_assert(strstr(solid_last_error(), "WRONGTYPE"), "%s", solid_last_error());
    cr_assert_eq(store->ops->get(store, users, USERS, 1, windows, params, found, statuses), SOLID_OK);
    for (int i = 0; i < USERS; i++) {
      cr_assert_eq(statuses[i], want[i], "get %d", i);
      cr_assert_eq(found[i], i != 1);
      cr_assert(windows[i].count == (i != 1) && windows[i].seq == (i != 1), "user %d", i);
    }
    cr_assert(strstr(lines, "solid:{b\\x1b[2J\\x0ab}"), "named so that it cannot speak: %s", lines);
    cr_assert_null(strchr(lines, '\x1b'));
    cr_assert_eq(live_stats(store).set_aside, 3);
    live_ask(see[kind], "text"); /* untouched */
    cr_assert_eq(live_stats(store).connections, 1);
    solid_store_close(store);
  }
}

Test(redis_records, a_newer_record_stops_an_older_writer) {
  solid_store *store = open_logged();
  solid_status status;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  meddle("local h=redis.call('HGET',KEYS[1],'h') "
         "redis.call('HSET',KEYS[1],'h','SU'..string.char(4)..h:sub(4)..'and more')");
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_EUNSUPPORTED, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "key solid:{ann}: "), "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "NEWER"), "%s", solid_last_error());
  cr_assert_eq(live_put(store, "ann", 1, 1.0f), SOLID_EUNSUPPORTED);
  live_get(store, "ann", &status);
  cr_assert_eq(status, SOLID_EUNSUPPORTED, "a reader has no answer for this user");
  cr_assert_eq(live_append(store, "bob", 1, NULL), SOLID_OK);
  cr_assert_eq(live_get_ok(store, "bob"), -1.0f);
  live_ask("HSTRLEN solid:{ann} h", "76");
  solid_store_close(store);
}

static double sent_bytes(void) {
  char answer[64];
  const char *script = "EVAL \"return redis.call('INFO','stats'):match('total_net_output_bytes:(%d+)')\" 0";
  cr_assert_eq(redis_server_ask(&live_server, script, answer, sizeof answer), 0);
  return atof(answer);
}

/* Whatever lies in a field, no more than a record's bytes cross the wire. */
Test(redis_records, a_value_larger_than_a_record_stays_where_it_is) {
  static const char *const fields[] = {"h", "s", "p", "d"};
  for (size_t i = 0; i < 4; i++) {
    solid_store *store = open_logged();
    char lua[300];
    solid_window window;
    live_ask("FLUSHALL SYNC", "OK");
    cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
    cr_assert_eq(live_put(store, "ann", 1, 1.0f), SOLID_OK);
    snprintf(lua, sizeof lua,
             "local h=redis.call('HGET',KEYS[1],'h') h=h:sub(1,3)..string.char(128)..h:sub(5,68) "
             "redis.call('HSET',KEYS[1],'h',h,'d','12345678') "
             "redis.call('HSET',KEYS[1],'%s',string.rep('x',16000000))",
             fields[i]);
    meddle(lua);
    double before = sent_bytes();
    cr_assert_eq(live_get_ok(store, "ann"), -1.0f + 2.0f * (i == 3), "%s", fields[i]);
    cr_assert_eq(live_append(store, "ann", 2, &window), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(window.seq, i == 2 ? 2 : 1, "%s", fields[i]);
    cr_assert_lt(sent_bytes() - before, 20000, "%s", fields[i]);
    solid_store_close(store);
  }
}

/* A user who was evicted, or whose time was over, begins anew, without what was made of the window before. */
Test(redis_records, a_lost_user_begins_anew) {
  solid_store *store = open_logged();
  solid_window window;
  for (uint64_t i = 1; i <= 4; i++) cr_assert_eq(live_append(store, "ann", i, NULL), SOLID_OK);
  live_ask("DEL solid:{ann}", "1");
  cr_assert_eq(live_put(store, "ann", 4, 4.0f), SOLID_OK, "its answer came too late");
  cr_assert_eq(live_append(store, "ann", 9, &window), SOLID_OK);
  cr_assert_eq(window.seq, 1);
  cr_assert_eq(live_get_ok(store, "ann"), -1.0f);
  cr_assert_eq(live_put(store, "ann", 1, 5.0f), SOLID_OK);
  cr_assert_eq(live_get_ok(store, "ann"), 5.0f);
  solid_store_close(store);
}

/* A server that lost what it held is noticed by the next write, whichever it is, before anything relies on it. */
Test(redis_records, a_lost_epoch_stops_the_writer) {
  static const char *const harm[] = {"FLUSHALL SYNC", "DEL solid:epoch", "SET solid:epoch 0123456789abcdef",
                                     "SETRANGE solid:epoch 3 x"};
  for (size_t i = 0; i < 4; i++)
    for (int after_advance = 0; after_advance < 2; after_advance++) {
      solid_store *store = open_logged(), *reader = open_logged();
      solid_store_epoch epoch;
      cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK);
      cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
      if (after_advance) cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_OK);
      live_ask(harm[i], NULL);
      solid_status status = after_advance ? live_put(store, "ann", 1, 1.0f) : live_append(store, "ann", 2, NULL);
      cr_assert_eq(status, SOLID_ELOST, "case %zu: %s", i, solid_last_error());
      cr_assert(strstr(solid_last_error(), "solid:epoch"), "%s", solid_last_error());
      cr_assert_eq(live_append(store, "ann", 3, NULL), SOLID_ELOST, "and stays so");
      cr_assert_eq(live_put(reader, "zoe", 1, 1.0f), SOLID_OK, "who only reads and puts back does not stop");
      cr_assert_eq(live_get_ok(reader, "zoe"), 1.0f);
      solid_store_close(reader);
      solid_store_close(store);
    }
}

/* An event that asks to forget a user is not committed over a server that lost the list: it would not be read again
 * when the data is restored. Who asks without an event is served. */
Test(redis_records, a_lost_epoch_stops_who_forgets_by_events) {
  for (int is_event = 0; is_event < 2; is_event++) {
    solid_store *store = open_logged();
    solid_status of_user = SOLID_OK;
    const solid_forgetting asked = {.user = live_text("ann"), .position = {is_event ? 7u : 0u, 5}, .time_ms = 1};
    cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
    live_ask("FLUSHALL SYNC", "OK");
    cr_assert_eq(store->ops->forget(store, &asked, 1, NULL, &of_user), is_event ? SOLID_ELOST : SOLID_OK, "%s",
                 solid_last_error());
    cr_assert_eq(of_user, is_event ? SOLID_EUNKNOWN : SOLID_OK, "%s", solid_status_name(of_user));
    live_ask("FLUSHALL SYNC", "OK");
    solid_store_close(store);
  }
}

/* A restart without data: the connection mends itself, and the epoch tells. */
Test(redis_records, a_restart_without_data_is_noticed) {
  solid_store *store = open_logged();
  uint16_t port = live_server.port;
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  redis_server_stop(&live_server);
  cr_assert_eq(redis_server_start(&live_server, port, NULL), 0);
  solid_status status = SOLID_EIO;
  for (int i = 0; i < LIVE_TRIES && solid_status_is_retriable(status); i++) {
    status = live_append(store, "ann", 2, NULL);
    if (status) live_sleep_ms(10);
  }
  cr_assert_eq(status, SOLID_ELOST, "%s", solid_last_error());
  solid_store_close(store);
}

Test(redis_records, a_writer_is_told_how_the_server_is_set_up) {
  live_ask("CONFIG SET maxmemory 1gb", "OK");
  live_ask("CONFIG SET maxmemory-policy allkeys-lru", "OK");
  solid_store *store = open_logged();
  cr_assert_eq(*lines, 0, "who only reads is told nothing: %s", lines);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert(strstr(lines, "maxmemory-policy is allkeys-lru"), "%s", lines);
  cr_assert(strstr(lines, "keeps nothing on disk"), "%s", lines);
  solid_store_close(store);
  *lines = 0;
  live_ask("CONFIG SET maxmemory-policy noeviction", "OK");
  live_ask("CONFIG SET save \"60 1\"", "OK");
  store = open_logged();
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(*lines, 0, "nothing to say: %s", lines);
  solid_store_close(store);
}

/* As often as it is looked, and at the end, also of a run that is shorter than that. */
Test(redis_records, evicted_keys_are_counted) {
  static solid_step room[1000], steps[1000];
  static solid_position positions[1000];
  solid_redis_store_options options = live_options();
  const uint32_t look_ms[2] = {0, 600000};
  options.log = collect;
  options.window = 1000;
  live_ask("CONFIG SET maxmemory 3mb", "OK");
  live_ask("CONFIG SET maxmemory-policy volatile-lru", "OK"); /* the epoch has no time and stays */
  for (int round = 0; round < 2; round++) {
    options.look_ms = look_ms[round];
    *lines = 0;
    solid_store *store = live_open_with(&options);
    char name[16];
    for (int i = 0; i < 400; i++) {
      snprintf(name, sizeof name, "user-%d", i);
      solid_append append = {.user = live_text(name), .steps = steps, .positions = positions, .count = 1000};
      solid_window window = {.steps = room};
      solid_status of_user;
      cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
    }
    if (!round) cr_assert_gt(live_stats(store).evicted, 50);
    solid_store_close(store);
    cr_assert(strstr(lines, "keys evicted"), "%d: %s", round, lines);
  }
}

/* A hash in which somebody else has a field is not renamed, whatever else is in it. */
Test(redis_records, a_foreign_hash_with_fields_like_ours_stays) {
  static const char *const make[] = {
      "HSET solid:{ann} name a s small",
      "HSET solid:{ann} name a p 1 d x",
      "HSET solid:{ann} name a h 180cm",
      "HSET solid:{ann} name a h 180cm s 1 p 2 d 3",
  };
  for (size_t i = 0; i < sizeof make / sizeof *make; i++) {
    solid_store *store = open_logged();
    solid_status status;
    live_ask("FLUSHALL SYNC", "OK");
    live_ask(make[i], NULL);
    cr_expect_eq(live_append(store, "ann", 1, NULL), SOLID_EFORMAT, "case %zu", i);
    cr_expect(strstr(solid_last_error(), "WRONGTYPE"), "%s", solid_last_error());
    cr_expect_eq(live_put(store, "ann", 1, 1.0f), SOLID_EFORMAT, "case %zu", i);
    float unused = live_get(store, "ann", &status);
    (void)unused;
    cr_expect_eq(status, SOLID_EFORMAT, "case %zu", i);
    live_ask("HGET solid:{ann} name", "a");
    live_ask("EXISTS solid:{ann}:damaged", "0");
    solid_store_close(store);
  }
}

/* Of a version to come we know the first three bytes and nothing else: neither sizes nor fields. */
Test(redis_records, a_later_version_is_left_alone_whatever_its_shape) {
  static const char *const shapes[] = {
      "redis.call('HSET',KEYS[1],'h','SU'..string.char(4))",
      "redis.call('HSET',KEYS[1],'h','SU'..string.char(4)..string.rep('x',20000))",
      "redis.call('HSET',KEYS[1],'h','SU'..string.char(9)..'abc','s','123','new','field')",
      "redis.call('HSET',KEYS[1],'h','SU'..string.char(255)) redis.call('HDEL',KEYS[1],'s','p')",
      "redis.call('HSET',KEYS[1],'h','SU'..string.char(4),'s',string.rep('x',2000000))",
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    solid_store *store = open_logged();
    solid_status status;
    live_ask("FLUSHALL SYNC", "OK");
    cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
    meddle(shapes[i]);
    cr_expect_eq(live_append(store, "ann", 2, NULL), SOLID_EUNSUPPORTED, "case %zu: %s", i, solid_last_error());
    cr_expect_eq(live_put(store, "ann", 1, 1.0f), SOLID_EUNSUPPORTED, "case %zu", i);
    float unused = live_get(store, "ann", &status);
    (void)unused;
    cr_expect_eq(status, SOLID_EUNSUPPORTED, "case %zu", i);
    live_ask("EXISTS solid:{ann}:damaged", "0");
    solid_store_close(store);
  }
}

Test(redis_records, an_epoch_that_is_none_is_named) {
  static const char *const make[] = {"RPUSH solid:epoch x", "SET solid:epoch short", "HSET solid:epoch a b",
                                     "SET solid:epoch \"\""};
  for (size_t i = 0; i < sizeof make / sizeof *make; i++) {
    solid_store *store = open_logged();
    solid_store_epoch epoch;
    live_ask("FLUSHALL SYNC", "OK");
    live_ask(make[i], NULL);
    cr_expect_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_EFORMAT, "%s: %s", make[i], solid_last_error());
    cr_expect(strstr(solid_last_error(), "key solid:epoch"), "%s", solid_last_error());
    solid_store_close(store);
  }
}

/* Of who is forgotten nothing is left but hashes: no key and no value has a byte of the id. */
Test(redis_records, nothing_of_a_forgotten_user_is_left) {
  solid_store *store = live_open(0);
  const solid_bytes user = live_text("annabel");
  live_append_until_ok(store, "annabel");
  live_ask("RENAME solid:{annabel} solid:{annabel}:damaged", "OK");
  live_append_until_ok(store, "annabel");
  cr_assert_eq(solid_forget(store, &user, 1, NULL), SOLID_OK, "%s", solid_last_error());
  live_ask(
      "EVAL \"local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do if string.find(redis.call('DUMP', k) .. k, "
      "'annabel', 1, true) then n = n + 1 end end return n\" 0",
      "0");
  live_ask("KEYS solid:forgotten:{*}", "1");
  solid_store_close(store);
}

/* What is none of ours to remove stays, and is said of this user alone. */
Test(redis_records, what_is_no_record_of_ours_is_not_forgotten) {
  solid_store *store = live_open(0);
  const solid_bytes users[] = {live_text("text"), live_text("hash"), live_text("newer"), live_text("ours")};
  uint8_t had[4];
  live_append_until_ok(store, "ours");
  live_ask("SET solid:{text} x", "OK");
  live_ask("HSET solid:{hash} other x", "1");
  live_ask("HSET solid:{newer} h SU\x04....", "1");
  cr_assert_eq(solid_forget(store, users, 4, had), SOLID_EFORMAT);
  cr_assert(!had[0] && !had[1] && !had[2] && had[3]);
  cr_assert_eq(solid_forget(store, users + 2, 1, had), SOLID_EUNSUPPORTED, "%s", solid_last_error());
  live_ask("EXISTS solid:{text} solid:{hash} solid:{newer} solid:{ours}", "3");
  solid_store_close(store);
}

/* A server that is full takes no events, but forgets. */
Test(redis_records, a_full_server_forgets) {
  solid_store *store = live_open(0);
  const solid_bytes user = live_text("ann");
  solid_window window;
  uint8_t had = 0;
  live_append_until_ok(store, "ann");
  live_ask("CONFIG SET maxmemory 1", "OK");
  cr_assert_eq(live_append(store, "bob", 1, &window), SOLID_EFULL);
  cr_assert_eq(solid_forget(store, &user, 1, &had), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(had, 1);
  live_ask("CONFIG SET maxmemory 0", "OK");
  solid_store_close(store);
}

/* What was damaged is kept to be looked at: the first copies stay, and the last. */
Test(redis_records, a_second_damaged_record_does_not_replace_the_first) {
  solid_store *store = live_open(0);
  const solid_bytes user = live_text("ann");
  for (int i = 1; i <= 5; i++) {
    char command[64];
    cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
    snprintf(command, sizeof command, "HSET solid:{ann} h rubbish%d", i);
    live_ask(command, "0");
  }
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  live_ask("HGET solid:{ann}:damaged h", "rubbish1");
  live_ask("HGET solid:{ann}:damaged:2 h", "rubbish2");
  live_ask("HGET solid:{ann}:damaged:3 h", "rubbish5");
  cr_assert_eq(solid_forget(store, &user, 1, NULL), SOLID_OK);
  live_ask("EXISTS solid:{ann} solid:{ann}:damaged solid:{ann}:damaged:2 solid:{ann}:damaged:3", "0");
  solid_store_close(store);
}
