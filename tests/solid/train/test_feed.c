/* Which part of a long history a batch shows. */
#include "solid/train/fit/feed.h"
#include "solid/train/fit/options.h"
#include "tests/solid/train/two_users.h"
#include <criterion/criterion.h>
#include <stdio.h>

typedef struct survey {
  int newest, epochs;   /* how often user 0's window was the newest */
  uint8_t target[LONG]; /* seen as a target of user 0 */
} survey;

/* Every window must be a walk of its length without gaps, inside the training events. */
static survey look(const solid_dataset *dataset, float cuts, int epochs) {
  survey s = {.epochs = epochs};
  sol_feed b;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.batch = 2, o.cuts = cuts;
  cr_assert_eq(sol_feed_open(&b, dataset, WINDOW, &o, 0), SOLID_OK);
  for (int e = 0; e < epochs; e++) {
    solid_windows windows;
    const int32_t *targets;
    sol_feed_shuffle(&b, 5, (uint32_t)e);
    sol_feed_get(&b, 0, &windows, &targets);
    cr_assert_eq(windows.n, 2);
    cr_assert_eq(windows.offsets[2], WINDOW + SHORT - 3);
    for (int w = 0; w < 2; w++) {
      uint32_t begin = windows.offsets[w], end = windows.offsets[w + 1];
      int of_long = end - begin == WINDOW;
      for (uint32_t r = begin; r < end; r++) {
        cr_assert_eq(windows.items[r], windows.items[begin] + (r - begin));
        cr_assert_eq((uint32_t)targets[r], windows.items[r] + 1);
        cr_assert_lt(targets[r], of_long ? LONG - 2 : SHORT - 2);
        if (of_long) s.target[targets[r]] = 1;
      }
      s.newest += of_long && targets[end - 1] == LONG - 3;
    }
  }
  sol_feed_close(&b);
  return s;
}

Test(schedule, cuts_show_all_of_a_long_history) {
  solid_dataset dataset;
  two_users(&dataset);
  survey never = look(&dataset, 0, 50), half = look(&dataset, 0.5f, 400), always = look(&dataset, 1, 400);
  cr_expect_eq(never.newest, never.epochs);
  cr_expect(half.newest > 150 && half.newest < 280, "%d of %d", half.newest, half.epochs);
  cr_expect_lt(always.newest, 40, "%d of %d", always.newest, always.epochs);
  for (int i = 1; i < LONG - 2; i++) {
    cr_expect(always.target[i], "target %d is never shown", i);
    cr_expect_eq(never.target[i], i >= LONG - 2 - WINDOW, "target %d", i);
  }
  solid_dataset_clear(&dataset);
}

enum { USERS = 9, ROOM = 20 };

/* User u has 3 + 2 u events, of which all but two train. */
static void many_users(solid_dataset *dataset) {
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < USERS; u++)
    for (int i = 0; i < 3 + 2 * u; i++) {
      char user[16], item[16];
      solid_event event = {.user = {user, (size_t)snprintf(user, sizeof user, "user-%d", u)},
                           .item = {item, (size_t)snprintf(item, sizeof item, "%d", i)}};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
}

/* Every user once an epoch, whole, and no batch beyond the room for users or rows. */
Test(feed, packs_whole_users_into_a_budget_of_rows) {
  solid_dataset dataset;
  many_users(&dataset);
  sol_feed b;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.batch = 4, o.rows = ROOM;
  cr_assert_eq(sol_feed_open(&b, &dataset, 100, &o, 0), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(b.max_rows, ROOM);
  for (uint32_t e = 0; e < 5; e++) {
    size_t seen[USERS] = {0}, rows = 0;
    sol_feed_shuffle(&b, 3, e);
    for (uint32_t i = 0; i < sol_feed_count(&b); i++) {
      solid_windows windows;
      const int32_t *targets;
      sol_feed_get(&b, i, &windows, &targets);
      cr_expect(windows.n > 0 && windows.n <= 4, "%zu users", windows.n);
      cr_expect_leq(windows.offsets[windows.n], ROOM);
      for (size_t w = 0; w < windows.n; w++) {
        uint32_t length = windows.offsets[w + 1] - windows.offsets[w];
        seen[length / 2]++; /* 2 u events to train on but the first */
        rows += length;
        cr_expect_eq(windows.items[windows.offsets[w]], 0, "a user is cut");
        cr_expect_eq((uint32_t)targets[windows.offsets[w + 1] - 1], length);
      }
    }
    for (int u = 1; u < USERS; u++) cr_expect_eq(seen[u], 1, "user %d is seen %zu times", u, seen[u]);
    cr_expect_eq(rows, b.rows);
  }
  sol_feed_close(&b);
  solid_dataset_clear(&dataset);
}

Test(feed, refuses_a_user_that_has_no_room) {
  solid_dataset dataset;
  many_users(&dataset);
  sol_feed b;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.rows = 10;
  cr_assert_eq(sol_feed_open(&b, &dataset, 100, &o, 0), SOLID_ERANGE);
  cr_expect_str_eq(solid_last_error(),
                   "user \"user-6\" has 12 events to train on in the window, and a step has room for "
                   "10 rows: more rows, or a window of 10");
  cr_assert_eq(sol_feed_open(&b, &dataset, 10, &o, 0), SOLID_OK, "%s", solid_last_error());
  sol_feed_close(&b);
  solid_dataset_clear(&dataset);
}

/* All rows of an epoch once, in pieces of its length and a first one of any. How many pieces there are. */
static size_t check_pieces(sol_feed *b, uint32_t epoch, uint32_t length) {
  size_t seen[2 * USERS] = {0}, pieces = 0;
  sol_feed_shuffle(b, 3, epoch);
  for (uint32_t i = 0; i < sol_feed_count(b); i++) {
    solid_windows windows;
    const int32_t *targets;
    sol_feed_get(b, i, &windows, &targets);
    cr_expect(windows.n > 0 && windows.n <= 4 && windows.offsets[windows.n] <= ROOM);
    for (size_t w = 0; w < windows.n; w++, pieces++) {
      cr_expect_leq(windows.offsets[w + 1] - windows.offsets[w], length, "epoch %u", epoch);
      for (uint32_t r = windows.offsets[w]; r < windows.offsets[w + 1]; r++) {
        cr_expect_eq(windows.items[r], windows.items[windows.offsets[w]] + (r - windows.offsets[w]), "a gap");
        cr_expect_eq((uint32_t)targets[r], windows.items[r] + 1);
        seen[targets[r]]++;
      }
    }
  }
  for (size_t t = 1; t < 2 * USERS - 1; t++) /* users of more than t / 2 have target t */
    cr_expect_eq(seen[t], USERS - (t + 1) / 2, "epoch %u: target %zu is seen %zu times", epoch, t, seen[t]);
  return pieces;
}

Test(feed, grows_pieces_to_whole_windows) {
  solid_dataset dataset;
  many_users(&dataset);
  sol_feed b;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.batch = 4, o.rows = ROOM, o.window_from = 2, o.epochs = 8;
  cr_assert_eq(sol_feed_open(&b, &dataset, 32, &o, 0), SOLID_OK, "%s", solid_last_error());
  const uint32_t lengths[] = {2, 4, 8, 16, 32, 32, 32, 32};
  size_t before = 0;
  for (uint32_t e = 0; e < 8; e++) {
    cr_expect_eq(sol_feed_length(&b, e), lengths[e], "epoch %u: %u", e, sol_feed_length(&b, e));
    size_t pieces = check_pieces(&b, e, lengths[e]);
    cr_expect(e == 0 || e > 3 || pieces < before, "epoch %u: %zu pieces, %zu before", e, pieces, before);
    cr_expect(e < 3 || pieces == USERS - 1, "epoch %u: %zu pieces", e, pieces);
    before = pieces;
  }
  sol_feed_close(&b);
  o.window_from = 32; /* not below the window: as without */
  cr_assert_eq(sol_feed_open(&b, &dataset, 32, &o, 0), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(check_pieces(&b, 0, 32), USERS - 1);
  sol_feed_close(&b);
  solid_dataset_clear(&dataset);
}
