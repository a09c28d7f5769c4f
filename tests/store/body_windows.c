/* The body: events appended to windows, replays and marks. */
#include "tests/store/store_parts.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void body_appends_and_trims(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  for (uint64_t i = 1; i <= 8; i++) {
    cr_assert_eq(part_append_one(store, "ann", i, part_at(1, i), &room), 1);
    uint64_t first = i > BODY_WINDOW ? i - BODY_WINDOW + 1 : 1, items[BODY_WINDOW];
    for (uint64_t j = first; j <= i; j++) items[j - first] = j;
    part_expect_window(&room, i, (size_t)(i - first + 1), items);
  }
  solid_store_close(store);
}

void body_skips_what_was_applied(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  solid_step steps[] = {{1, 1}, {2, 2}, {3, 3}};
  solid_position positions[] = {part_at(4, 10), part_at(4, 11), part_at(4, 15)};
  cr_assert_eq(part_append(store, part_text("ann"), steps, positions, 2, &room), 2);
  cr_assert_eq(part_append(store, part_text("ann"), steps, positions, 3, &room), 1);
  cr_assert_eq(part_append(store, part_text("ann"), steps, positions, 3, &room), 0);
  part_expect_window(&room, 3, 3, (uint64_t[]){1, 2, 3});
  solid_store_close(store);
}

void body_keeps_a_mark_per_stream(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  cr_assert_eq(part_append_one(store, "ann", 1, part_at(3, 500), &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 2, part_at(2, 4), &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 3, part_at(1, 0), &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 9, part_at(1, 0), &room), 0);
  cr_assert_eq(part_append_one(store, "ann", 9, part_at(2, 4), &room), 0);
  cr_assert_eq(part_append_one(store, "ann", 9, part_at(3, 499), &room), 0);
  cr_assert_eq(part_append_one(store, "bob", 7, part_at(3, 499), &room), 1);
  part_expect_window(&room, 1, 1, (uint64_t[]){7});
  cr_assert_eq(part_append_one(store, "ann", 4, part_at(2, 5), &room), 1);
  part_expect_window(&room, 4, 4, (uint64_t[]){1, 2, 3, 4});
  solid_store_close(store);
}

/* Offsets of a stream grow: one that goes back was applied, or lost its turn, before. */
void body_applies_reordered_steps_once(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  solid_step steps[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
  solid_position positions[] = {part_at(1, 7), part_at(2, 3), part_at(1, 5), part_at(1, 8), part_at(2, 3)};
  cr_assert_eq(part_append(store, part_text("ann"), steps, positions, 5, &room), 3);
  part_expect_window(&room, 3, 3, (uint64_t[]){1, 2, 4});
  solid_store_close(store);
}

void body_always_applies_without_a_stream(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  for (int i = 0; i < 3; i++) cr_assert_eq(part_append_one(store, "ann", 4, part_no_stream, &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 5, part_at(1, 1), &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 6, part_no_stream, &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 5, part_at(1, 1), &room), 0);
  part_expect_window(&room, 5, 5, (uint64_t[]){4, 4, 4, 5, 6});
  solid_store_close(store);
}

/* All 64 bits of stream and offset count: no bit of either is the other's, and none is lost in a comparison. */
void body_takes_all_bits_of_a_position(const store_maker *maker) {
  const uint64_t high = 1ULL << 63, mid = 1ULL << 53, streams[] = {1, 1ULL << 32, mid, mid + 1, high, UINT64_MAX};
  const uint64_t offsets[] = {0, 1, 0xffffffffULL, 1ULL << 32, mid, mid + 1, high, high + 1, UINT64_MAX};
  enum { STREAMS = sizeof streams / sizeof *streams, OFFSETS = sizeof offsets / sizeof *offsets };
  solid_store *store = maker->open(0);
  window_room room;
  uint64_t seq = 0;
  for (int o = 0; o < OFFSETS; o++)
    for (int i = 0; i < STREAMS; i++) {
      cr_assert_eq(part_append_one(store, "ann", ++seq, part_at(streams[i], offsets[o]), &room), 1,
                   "stream %d offset %d", i, o);
      for (int lower = 0; lower <= o; lower++)
        cr_assert_eq(part_append_one(store, "ann", 7, part_at(streams[i], offsets[lower]), &room), 0,
                     "stream %d offset %d", i, o);
    }
  cr_assert_eq(room.window.seq, seq);
  solid_store_close(store);
}

/* Four streams, pushed in batches of which each may be pushed again from an earlier offset: what comes
 * out is what a list of all events says. */
void body_survives_random_replays(const store_maker *maker) {
  enum { EVENTS = 300, STREAMS = 4 };
  solid_store *store = maker->open(0);
  seed_rng rng = seed_start(11);
  solid_step steps[EVENTS];
  solid_position positions[EVENTS];
  uint64_t offsets[STREAMS] = {0};
  for (uint64_t i = 0; i < EVENTS; i++) {
    int p = seed_below(&rng, STREAMS);
    steps[i] = (solid_step){seed_next(&rng), 0};
    steps[i].time_ms = (int64_t)steps[i].item;
    positions[i] = part_at((uint64_t)p + 1, offsets[p] += 1 + (uint64_t)seed_below(&rng, 3));
  }
  window_room room;
  size_t total = 0, done = 0;
  while (done < EVENTS) {
    size_t from = done - (size_t)seed_below(&rng, (int32_t)(done < 40 ? done + 1 : 40));
    size_t to = done + (size_t)seed_below(&rng, 12);
    to = to > EVENTS ? EVENTS : to;
    total += part_append(store, part_text("ann"), steps + from, positions + from, to - from, &room);
    done = to;
  }
  uint64_t newest[BODY_WINDOW];
  for (int i = 0; i < BODY_WINDOW; i++) newest[i] = steps[EVENTS - BODY_WINDOW + i].item;
  part_append(store, part_text("ann"), NULL, NULL, 0, &room);
  cr_assert_eq(total, (size_t)EVENTS, "seed %lu: %zu applied", seed_value(), total);
  part_expect_window(&room, EVENTS, BODY_WINDOW, newest);
  solid_store_close(store);
}

void body_empty_append_only_reads(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  cr_assert_eq(part_append(store, part_text("ann"), NULL, NULL, 0, &room), 0);
  part_expect_window(&room, 0, 0, NULL);
  part_append_one(store, "ann", 1, part_at(1, 0), &room);
  cr_assert_eq(part_append(store, part_text("ann"), NULL, NULL, 0, &room), 0);
  part_expect_window(&room, 1, 1, (uint64_t[]){1});
  solid_store_close(store);
}

void body_append_longer_than_the_window(const store_maker *maker) {
  enum { COUNT = 3 * BODY_WINDOW + 1 };
  solid_store *store = maker->open(0);
  solid_step steps[COUNT];
  solid_position positions[COUNT];
  for (uint64_t i = 0; i < COUNT; i++) {
    steps[i] = (solid_step){i, (int64_t)i};
    positions[i] = part_at(1, i);
  }
  window_room room;
  cr_assert_eq(part_append(store, part_text("ann"), steps, positions, COUNT, &room), COUNT);
  part_expect_window(&room, COUNT, BODY_WINDOW, (uint64_t[]){COUNT - 5, COUNT - 4, COUNT - 3, COUNT - 2, COUNT - 1});
  solid_store_close(store);
}

void body_batch_of_users(const store_maker *maker) {
  enum { USERS = 500 };
  solid_store *store = maker->open(0);
  static char names[USERS][16];
  static window_room rooms[USERS];
  static params_room made[USERS], got[USERS];
  static solid_append appends[USERS];
  static solid_window windows[USERS];
  static solid_params params[USERS];
  static solid_bytes users[USERS];
  static solid_step steps[USERS][3];
  static const solid_position positions[3] = {{1, 1}, {1, 2}, {1, 3}};
  static size_t applied[USERS];
  static uint8_t found[USERS];
  static solid_status statuses[USERS];
  for (size_t i = 0; i < USERS; i++) {
    users[i] = (solid_bytes){names[i], (size_t)snprintf(names[i], sizeof names[i], "user-%zu", i)};
    for (uint64_t j = 0; j < 3; j++) steps[i][j] = (solid_step){100 * i + j, (int64_t)(100 * i + j)};
    appends[i] = (solid_append){.user = users[i], .steps = steps[i], .positions = positions, .count = i % 4};
    windows[i] = (solid_window){.steps = rooms[i].steps, .count = 99, .seq = 99};
    part_fill_params(&made[i], i % 4, 5, (float)i);
    params[i] = made[i].params;
  }
  cr_assert_eq(store->ops->advance(store, appends, USERS, windows, applied, statuses), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(store->ops->put_params(store, users, params, USERS / 2, statuses), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    cr_assert_eq(applied[i], i % 4);
    windows[i] = (solid_window){.steps = rooms[i].steps, .count = 99, .seq = 99};
    params[i] = part_params_in(&got[i]);
    params[i].seq = params[i].generation = 99;
  }
  cr_assert_eq(store->ops->get(store, users, USERS, 5, windows, params, found, statuses), SOLID_OK, "%s",
               solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    cr_assert_eq(statuses[i], SOLID_OK);
    rooms[i].window = windows[i];
    part_expect_window(&rooms[i], i % 4, i % 4, (uint64_t[]){100 * i, 100 * i + 1, 100 * i + 2});
    cr_assert_eq(found[i], i < USERS / 2);
    if (!found[i]) continue;
    cr_assert_eq(params[i].seq, i % 4);
    cr_assert_arr_eq(got[i].h, made[i].h, sizeof made[i].h);
    cr_assert_arr_eq(got[i].values, made[i].values, sizeof made[i].values);
  }
  cr_assert_eq(store->ops->advance(store, NULL, 0, NULL, NULL, NULL), SOLID_OK, "an empty batch");
  solid_store_close(store);
}

void body_unknown_user(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  params_room params;
  window.window.count = window.window.seq = 99;
  cr_assert_eq(part_get(store, "nobody", 1, &window, &params), 0);
  part_expect_window(&window, 0, 0, NULL);
  part_append_one(store, "ann", 1, part_at(1, 0), &window);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 0);
  part_expect_window(&window, 1, 1, (uint64_t[]){1});
  solid_store_close(store);
}

/* The marks of the eight streams that moved last are kept. */
void body_keeps_the_marks_of_eight_streams(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  for (uint64_t s = 1; s <= 8; s++) cr_assert_eq(part_append_one(store, "ann", s, part_at(s, 10), &room), 1);
  cr_assert_eq(part_append_one(store, "ann", 9, part_at(1, 11), &room), 1); /* now the second one is the oldest */
  cr_assert_eq(part_append_one(store, "ann", 10, part_at(9, 10), &room), 1);
  for (uint64_t s = 1; s <= 9; s++)
    if (s != 2) cr_assert_eq(part_append_one(store, "ann", 99, part_at(s, 10), &room), 0, "stream %lu", s);
  part_expect_window(&room, 10, 5, (uint64_t[]){6, 7, 8, 9, 10});
  cr_assert_eq(part_append_one(store, "ann", 11, part_at(2, 10), &room), 1, "its mark had to go");
  solid_store_close(store);
}
