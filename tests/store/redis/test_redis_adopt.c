/* Records of the earlier layout: what stops a writer, and the two ways on. */
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

TestSuite(redis_adopt, .init = live_start, .fini = live_stop, .timeout = 600);

/* Bytes as an inline command of Redis takes them: "\x00\x01". */
static const char *quoted(const void *data, size_t size) {
  static char room[8][8192];
  static int next;
  char *text = room[next++ % 8], *at = text;
  *at++ = '"';
  for (size_t i = 0; i < size; i++) at += sprintf(at, "\\x%02x", ((const uint8_t *)data)[i]);
  strcpy(at, "\"");
  return text;
}

static void run(const char *format, const char *a, const char *b, const char *c) {
  static char command[20000];
  snprintf(command, sizeof command, format, a, b, c);
  live_ask(command, NULL);
}

/* A window of three steps with seq 7, and the marks of two partitions in digits and of one stream in bytes. */
static void make_window(const char *user) {
  const solid_step steps[3] = {{11, 1}, {12, 2}, {13, 3}};
  const uint64_t stream = 0xfedcba9876543210ULL, offset = 1ULL << 40;
  uint8_t field[9] = {'m'};
  memcpy(field + 1, &stream, 8);
  run("HSET solid:{%s}:w n 7 m0 500 m3 12 s %s", user, quoted(steps, sizeof steps), "");
  run("HSET solid:{%s}:w %s %s", user, quoted(field, sizeof field), quoted(&offset, 8));
  run("PEXPIRE solid:{%s}:w 500000", user, "", "");
}

static void make_params(const char *user, uint64_t seq, float value) {
  struct {
    char magic[4];
    uint8_t kind[4];
    uint64_t seq, generation;
    uint32_t width, count;
    float values[BODY_WIDTH + BODY_PARAMS];
    uint32_t crc;
  } record = {.magic = {'S', 'L', 'D', 'P'}, .kind = {1}, .seq = seq, .generation = 1};
  record.width = BODY_WIDTH, record.count = BODY_PARAMS;
  for (int i = 0; i < BODY_WIDTH + BODY_PARAMS; i++) record.values[i] = value;
  size_t size = offsetof(__typeof__(record), crc);
  record.crc = (uint32_t)crc32_z(0, (const void *)&record, size);
  run("SET solid:{%s}:p %s", user, quoted(&record, size + 4), "");
}

static uint64_t stream_of(void *user, uint32_t partition) {
  (void)user;
  return partition < 100 ? 1000 + partition : 0;
}

static size_t append_at(solid_store *store, const char *user, uint64_t item, solid_position position) {
  solid_step step = {item, 0}, room[BODY_WINDOW];
  solid_append append = {.user = live_text(user), .steps = &step, .positions = &position, .count = 1};
  solid_window window = {.steps = room};
  solid_status of_user;
  size_t applied = 9;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, &applied, &of_user), SOLID_OK, "%s", solid_last_error());
  return applied;
}

/* What was applied counts, what was not is applied, and what was known of the user is there. */
static void expect_adopted(solid_store *store, const char *user) {
  cr_assert_eq(append_at(store, user, 99, (solid_position){1000, 500}), 0);
  cr_assert_eq(append_at(store, user, 99, (solid_position){1003, 12}), 0);
  cr_assert_eq(append_at(store, user, 99, (solid_position){0xfedcba9876543210ULL, 1ULL << 40}), 0);
  solid_window window;
  solid_step room[BODY_WINDOW];
  solid_append append = {.user = live_text(user)};
  solid_status of_user;
  window = (solid_window){.steps = room};
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK);
  cr_assert(window.seq == 7 && window.count == 3 && room[0].item == 11 && room[2].item == 13);
}

Test(redis_adopt, an_earlier_layout_stops_the_writer_and_names_two_ways) {
  solid_store *store = live_open(0);
  solid_store_epoch epoch;
  make_window("ann");
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_EUNSUPPORTED, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), "solid:{ann}:w") && strstr(solid_last_error(), "--adopt-marks") &&
                strstr(solid_last_error(), "--rebuild"),
            "%s", solid_last_error());
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_EUNSUPPORTED);
  cr_assert_eq(store->ops->epoch(store, &epoch), SOLID_ENOTFOUND, "none was begun");
  cr_assert_eq(live_put(store, "bob", 1, 1.0f), SOLID_OK, "a reader puts back");
  solid_store_close(store);
}

Test(redis_adopt, records_are_taken_over) {
  solid_store *store = live_open(0);
  uint64_t users = 0;
  char left[32];
  make_window("ann");
  make_params("ann", 6, 0.5f);
  make_window("bob"); /* without params */
  make_window("cid");
  run("SET solid:{cid}:p rubbish%s%s%s", "", "", "");
  run("HSET solid:{dan}:w n seven s x%s%s%s", "", "", "");
  run("SET solid:{eve}:w text%s%s%s", "", "", "");
  run("HSET other:{ann}:w n 7 s %s%s%s", quoted("0123456789abcdef", 16), "", "");
  cr_assert_eq(solid_redis_store_adopt(store, stream_of, NULL, &users), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(users, 3);
  expect_adopted(store, "ann");
  expect_adopted(store, "bob");
  expect_adopted(store, "cid");
  cr_assert_eq(live_get_ok(store, "ann"), 0.5f);
  cr_assert_eq(live_get_ok(store, "bob"), -1.0f);
  cr_assert_eq(live_get_ok(store, "cid"), -1.0f);
  cr_assert_eq(append_at(store, "ann", 14, (solid_position){1000, 501}), 1);
  live_ask("PTTL solid:{ann}", NULL);
  cr_assert_eq(redis_server_ask(&live_server, "PTTL solid:{ann}", left, sizeof left), 0);
  cr_assert(atoll(left) > 400000 && atoll(left) <= 500000, "%s", left);
  live_ask("EXISTS solid:{ann}:w solid:{ann}:p solid:{cid}:p solid:epoch:adopting", "0");
  live_ask("EXISTS solid:{dan}:w solid:{eve}:w other:{ann}:w solid:epoch", "4"); /* what is no record of ours stays */
  cr_assert_eq(solid_redis_store_adopt(store, stream_of, NULL, &users), SOLID_EINVAL, "once");
  solid_store_close(store);
}

static int kill_at, called;

/* The server ends our connection while the records of a page are on their way. */
static uint64_t killing_stream_of(void *user, uint32_t partition) {
  if (++called == kill_at) live_ask("CLIENT KILL TYPE normal SKIPME yes", NULL);
  return stream_of(user, partition);
}

/* Wherever a take-over ends, it can be begun again, and no writer begins before it is through. */
Test(redis_adopt, a_take_over_may_be_cut_anywhere) {
  enum { USERS = 6 };
  static const char *const names[USERS] = {"a", "b", "c", "d", "e", "f"};
  solid_store *store = NULL;
  int cuts = 0;
  for (kill_at = 1; kill_at <= 2 * USERS; kill_at++) {
    live_ask("FLUSHALL SYNC", "OK");
    for (int i = 0; i < USERS; i++) make_window(names[i]), make_params(names[i], 7, (float)i);
    called = 0;
    store = live_open(0);
    solid_status status = solid_redis_store_adopt(store, killing_stream_of, NULL, NULL);
    if (status) {
      solid_store_epoch epoch;
      cuts++;
      cr_assert(solid_status_is_retriable(status), "%s", solid_last_error());
      do /* the connection comes back */
        status = store->ops->epoch_begin(store, 0, &epoch);
      while (solid_status_is_retriable(status));
      cr_assert_eq(status, SOLID_EUNSUPPORTED, "half of it is no beginning: %s", solid_last_error());
      kill_at += 100;
      status = solid_redis_store_adopt(store, killing_stream_of, NULL, NULL);
      kill_at -= 100;
    }
    cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
    for (int i = 0; i < USERS; i++) {
      expect_adopted(store, names[i]);
      cr_assert_eq(live_get_ok(store, names[i]), (float)i);
    }
    solid_store_close(store);
  }
  cr_assert_gt(cuts, 0);
}

/* Every state that a crash between two writes of a take-over leaves. */
Test(redis_adopt, a_take_over_goes_on_from_every_state) {
  solid_store *store = live_open(0);
  solid_store_epoch epoch;
  make_window("ann"), make_params("ann", 7, 1.0f);
  live_ask("SET solid:epoch:adopting 0123456789abcdef", "OK");
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_EUNSUPPORTED, "begun");
  run("EVAL \"redis.call('HSET',KEYS[1],'h','half%s%s%s') return 'OK'\" 1 solid:{ann}", "", "", "");
  cr_assert_eq(solid_redis_store_adopt(store, stream_of, NULL, NULL), SOLID_OK, "%s", solid_last_error());
  expect_adopted(store, "ann");
  live_ask("GET solid:epoch", "0123456789abcdef");
  live_ask("RENAME solid:epoch solid:epoch:adopting", "OK"); /* all taken over, the epoch not yet begun */
  solid_store_close(store);
  store = live_open(0);
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_EUNSUPPORTED, "not through");
  cr_assert_eq(solid_redis_store_adopt(store, stream_of, NULL, NULL), SOLID_OK, "%s", solid_last_error());
  expect_adopted(store, "ann");
  live_ask("SET solid:epoch:adopting 0123456789abcdef", "OK"); /* through, but for the last DEL */
  cr_assert_eq(store->ops->epoch_begin(store, 0, &epoch), SOLID_OK, "%s", solid_last_error());
  expect_adopted(store, "ann");
  solid_store_close(store);
}

Test(redis_adopt, a_rebuild_forgets_the_earlier_layout) {
  solid_store *store = live_open(0);
  solid_store_epoch epoch;
  uint64_t users = 0;
  make_window("ann"), make_params("ann", 7, 1.0f), make_window("bob");
  cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_redis_store_forget_old(store, &users), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(users, 2);
  live_ask("EXISTS solid:{ann}:w solid:{ann}:p solid:{bob}:w", "0");
  cr_assert_eq(append_at(store, "ann", 1, (solid_position){1000, 1}), 1, "no mark hides it");
  solid_store_close(store);
}
