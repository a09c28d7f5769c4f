/* Keys that are no user's and damaged: the record of a stream, the list of who was forgotten. */
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(redis_shared, .init = live_start, .fini = live_stop, .timeout = 600);

/* The record of a stream that is none names its key. */
Test(redis_shared, a_stream_that_is_none_is_named) {
  solid_store *store = live_open(0);
  char room[64];
  size_t size = sizeof room;
  int saved;
  live_ask("RPUSH solid:stream:clicks x", "1");
  cr_assert_eq(store->ops->stream_load(store, live_text("clicks"), room, &size), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "key solid:stream:clicks: "), "%s", solid_last_error());
  cr_assert_eq(store->ops->stream_save(store, live_text("clicks"), live_text(""), live_text("a"), &saved),
               SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "key solid:stream:clicks: "), "%s", solid_last_error());
  solid_store_close(store);
}

/* A list of who was forgotten that cannot be read brings nobody back: who has no record is set aside, and the list is
 * named; everybody else goes on. */
Test(redis_shared, a_damaged_list_brings_nobody_back) {
  static const struct {
    const char *lua, *word;
    int again; /* to forget the user again mends it */
  } harm[] = {
      {"redis.call('HSET',l,'k','')", "remove it", 0},
      {"redis.call('HSET',l,'k','x')", "remove it", 0},
      {"redis.call('HDEL',l,'k')", "remove it", 0},
      {"redis.call('HSET',l,'k',string.rep('x',16777216))", "remove it", 0},
      {"redis.call('DEL',l) redis.call('SET',l,'x')", "remove it", 0},
      {"redis.call('HSET',l,f,'')", "forget the user again", 1},
      {"redis.call('HSET',l,f,'x')", "forget the user again", 1},
      {"redis.call('HSET',l,f,string.rep('x',9))", "forget the user again", 1},
      {"redis.call('HSET',l,f,string.rep('x',16777224))", "forget the user again", 1},
  };
  solid_store *store = live_open(0);
  const solid_bytes user = live_text("ann");
  for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
    char command[600];
    live_ask("FLUSHALL SYNC", "OK");
    live_append_until_ok(store, "ann");
    cr_assert_eq(solid_forget(store, &user, 1, NULL), SOLID_OK, "%s", solid_last_error());
    snprintf(command, sizeof command,
             "EVAL \"local l=redis.call('KEYS','solid:forgotten:*')[1] local f=redis.call('HKEYS',l)[1] "
             "if f=='k' then f=redis.call('HKEYS',l)[2] end %s return 'OK'\" 0",
             harm[i].lua);
    live_ask(command, "OK");
    solid_step step = {1, 1}, room[BODY_WINDOW];
    solid_position position = {9, 1}; /* of before, by its time */
    solid_append append = {.user = user, .steps = &step, .positions = &position, .count = 1};
    solid_window window = {.steps = room};
    solid_status of_user;
    cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(of_user, SOLID_EFORMAT, "case %zu", i);
    cr_assert(strstr(solid_last_error(), "solid:forgotten:{") && strstr(solid_last_error(), harm[i].word),
              "case %zu: %s", i, solid_last_error());
    cr_assert_eq(live_put(store, "ann", 1, 1.0f), SOLID_EFORMAT, "case %zu", i);
    live_append_until_ok(store, "bob");
    cr_assert_eq(solid_forget(store, &user, 1, NULL), harm[i].again ? SOLID_OK : SOLID_EFORMAT, "case %zu: %s", i,
                 solid_last_error());
    if (!harm[i].again) live_ask("EVAL \"return redis.call('DEL',redis.call('KEYS','solid:forgotten:*')[1])\" 0", "1");
    if (!harm[i].again) cr_assert_eq(solid_forget(store, &user, 1, NULL), SOLID_OK, "%s", solid_last_error());
    size_t applied = 9;
    cr_assert_eq(store->ops->advance(store, &append, 1, &window, &applied, &of_user), SOLID_OK);
    cr_assert(!of_user && !applied, "case %zu: mended, and it is known again", i);
    live_append_until_ok(store, "ann");
  }
  solid_store_close(store);
}
