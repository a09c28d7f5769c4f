/* A call of several users of which a part fails: the statuses say what became of each, whatever the call returns. */
#include "store/redis_store.h"
#include "tests/store/redis/cut_proxy.h"
#include "tests/store/redis/live_redis.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite(redis_partial, .init = live_start, .fini = live_stop);

enum { USERS = 4 };

static const char *const names[USERS] = {"ann", "bob", "cy", "dan"};

typedef struct outcome {
  solid_status status, statuses[USERS];
  size_t applied[USERS];
} outcome;

static outcome append_all(solid_store *store) {
  static solid_step rooms[USERS][LIVE_WINDOW];
  const solid_step step = {7, 0};
  const solid_position position = {0, 0};
  solid_append appends[USERS];
  solid_window windows[USERS];
  outcome o = {.status = SOLID_EINTERNAL};
  for (int i = 0; i < USERS; i++) {
    appends[i] = (solid_append){.user = live_text(names[i]), .steps = &step, .positions = &position, .count = 1};
    windows[i] = (solid_window){.steps = rooms[i]};
    o.statuses[i] = SOLID_EINTERNAL;
    o.applied[i] = 99;
  }
  o.status = store->ops->advance(store, appends, USERS, windows, o.applied, o.statuses);
  return o;
}

static void expect(const outcome *o, solid_status status, const solid_status *statuses) {
  cr_expect_eq(o->status, status, "%s: %s", solid_status_name(o->status), solid_last_error());
  for (int i = 0; i < USERS; i++) {
    cr_expect_eq(o->statuses[i], statuses[i], "%s: %s, wanted %s", names[i], solid_status_name(o->statuses[i]),
                 solid_status_name(statuses[i]));
    if (!statuses[i]) cr_expect_eq(o->applied[i], 1, "%s: %zu", names[i], o->applied[i]);
  }
}

static uint64_t seq_of(solid_store *store, const char *user) {
  solid_step steps[LIVE_WINDOW];
  solid_window window = {.steps = steps};
  const solid_append only_read = {.user = live_text(user)};
  solid_status of_user = SOLID_EINTERNAL;
  cr_assert_eq(store->ops->advance(store, &only_read, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  return window.seq;
}

/* The text is that of the record of a later version, though another user comes behind it. */
Test(redis_partial, a_newer_record_is_its_users_alone) {
  const solid_status want[USERS] = {SOLID_OK, SOLID_EUNSUPPORTED, SOLID_OK, SOLID_EFORMAT};
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "bob", 1, NULL), SOLID_OK);
  live_ask("EVAL \"return redis.call('HSET',KEYS[1],'h','SU'..string.char(9))\" 1 solid:{bob}", "0");
  live_ask("SET solid:{dan} text", "OK");
  outcome o = append_all(store);
  expect(&o, SOLID_OK, want);
  cr_expect(strstr(solid_last_error(), "key solid:{bob}: ") && strstr(solid_last_error(), "NEWER"), "%s",
            solid_last_error());
  cr_expect(seq_of(store, "ann") == 1 && seq_of(store, "cy") == 1);
  solid_store_close(store);
}

Test(redis_partial, access_to_one_user_is_denied) {
  const solid_status want[USERS] = {SOLID_OK, SOLID_EREFUSED, SOLID_OK, SOLID_OK};
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "eve", 1, NULL), SOLID_OK);
  live_ask("ACL SETUSER default resetkeys ~solid:[^{]* ~solid:{ann}* ~solid:{cy}* ~solid:{dan}*", "OK");
  outcome o = append_all(store);
  live_ask("ACL SETUSER default allkeys", "OK");
  expect(&o, SOLID_EREFUSED, want);
  cr_expect(seq_of(store, "ann") == 1 && seq_of(store, "bob") == 0 && seq_of(store, "dan") == 1);
  solid_store_close(store);
}

/* Whatever it says of the first one, it says of all: the connection is given up behind the last answer. */
Test(redis_partial, a_master_that_became_a_replica) {
  const solid_status want[USERS] = {SOLID_EIO, SOLID_EIO, SOLID_EIO, SOLID_EIO};
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "eve", 1, NULL), SOLID_OK);
  live_ask("REPLICAOF 127.0.0.1 1", "OK");
  for (int i = 0; i < 2; i++) {
    outcome o = append_all(store);
    expect(&o, SOLID_EIO, want);
    cr_expect(strstr(solid_last_error(), "READONLY"), "%s", solid_last_error());
  }
  live_ask("REPLICAOF NO ONE", "OK");
  live_ask("EXISTS solid:{ann} solid:{bob} solid:{cy} solid:{dan}", "0");
  solid_store_close(store);
}

/* The script has written when it is refused a command, and Redis takes nothing back. */
Test(redis_partial, a_script_that_is_refused_behind_its_write) {
  const solid_status want[USERS] = {SOLID_EUNKNOWN, SOLID_EUNKNOWN, SOLID_EUNKNOWN, SOLID_EUNKNOWN};
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "eve", 1, NULL), SOLID_OK);
  live_ask("ACL SETUSER default -pexpire", "OK");
  outcome o = append_all(store);
  live_ask("ACL SETUSER default +@all", "OK");
  expect(&o, SOLID_EREFUSED, want);
  for (int i = 0; i < USERS; i++) cr_expect_eq(seq_of(store, names[i]), 1, "%s", names[i]);
  solid_store_close(store);
}

/* The server has done a part when the connection breaks; who cannot know which does not say. */
Test(redis_partial, a_connection_that_breaks_behind_the_commands) {
  const solid_status want[USERS] = {SOLID_EUNKNOWN, SOLID_EUNKNOWN, SOLID_EUNKNOWN, SOLID_EUNKNOWN};
  cut_proxy proxy = {.server_port = live_server.port};
  cr_assert_eq(cut_proxy_start(&proxy), 0);
  solid_redis_store_options options = live_options();
  options.port = proxy.port;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "eve", 1, NULL), SOLID_OK);
  proxy.cut_behind = 2;
  outcome o = append_all(store);
  expect(&o, SOLID_EIO, want);
  cr_expect(seq_of(store, "ann") == 1 && seq_of(store, "bob") == 1 && seq_of(store, "cy") == 0);
  solid_store_close(store);
  cut_proxy_stop(&proxy);
}

/* To a server that is gone nothing is sent, and that is known. */
Test(redis_partial, a_server_that_is_gone_is_asked_nothing) {
  const solid_status want[USERS] = {SOLID_EIO, SOLID_EIO, SOLID_EIO, SOLID_EIO};
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "eve", 1, NULL), SOLID_OK);
  redis_server_kill(&live_server);
  for (int i = 0; i < 3; i++) {
    outcome o = append_all(store);
    expect(&o, SOLID_EIO, want);
  }
  solid_store_close(store);
}

/* What was written into a store that has lost its epoch may be gone. */
Test(redis_partial, an_epoch_that_is_lost) {
  const solid_status want[USERS] = {SOLID_EUNKNOWN, SOLID_EUNKNOWN, SOLID_EUNKNOWN, SOLID_EUNKNOWN};
  solid_store *store = live_open(60000);
  cr_assert_eq(live_append(store, "eve", 1, NULL), SOLID_OK);
  live_ask("FLUSHALL", "OK");
  outcome o = append_all(store);
  expect(&o, SOLID_ELOST, want);
  solid_store_close(store);
}

Test(redis_partial, forgetting_says_the_same) {
  solid_store *store = live_open(60000);
  const solid_forgetting asked[2] = {{.user = live_text("ann")}, {.user = live_text("bob")}};
  solid_status statuses[2] = {SOLID_EINTERNAL, SOLID_EINTERNAL};
  uint8_t had[2];
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  cr_assert_eq(live_append(store, "bob", 1, NULL), SOLID_OK);
  live_ask("ACL SETUSER default resetkeys ~solid:[^{]* ~solid:{bob}*", "OK");
  cr_expect_eq(store->ops->forget(store, asked, 2, had, statuses), SOLID_EREFUSED);
  live_ask("ACL SETUSER default allkeys", "OK");
  cr_expect_eq(statuses[0], SOLID_EREFUSED, "%s", solid_status_name(statuses[0]));
  cr_expect_eq(statuses[1], SOLID_OK, "%s", solid_status_name(statuses[1]));
  cr_expect(had[1] == 1 && seq_of(store, "ann") == 1 && seq_of(store, "bob") == 0);
  redis_server_kill(&live_server);
  cr_expect_eq(store->ops->forget(store, asked, 2, had, statuses), SOLID_EIO);
  cr_expect(statuses[0] == SOLID_EIO && statuses[1] == SOLID_EIO);
  solid_store_close(store);
}
