/* The body: what a user does not want. */
#include "tests/store/store_parts.h"
#include <criterion/criterion.h>
#include <string.h>

/* Appends one event of an item, a step or a dislike. */
static size_t say(solid_store *store, uint64_t item, int is_dislike, solid_position position) {
  const uint8_t dislike = (uint8_t)is_dislike;
  solid_step step = {item, (int64_t)item};
  window_room room = {.window = {.seq = 0}};
  solid_append append = {
      .user = part_text("ann"), .steps = &step, .positions = &position, .count = 1, .dislikes = &dislike};
  size_t applied = 99;
  solid_status of_user;
  room.window = (solid_window){.steps = room.steps, .dislikes = room.dislikes};
  cr_assert_eq(store->ops->advance(store, &append, 1, &room.window, &applied, &of_user), SOLID_OK, "%s",
               solid_last_error());
  return applied;
}

static void expect_dislikes(solid_store *store, size_t count, const uint64_t *items) {
  window_room window;
  params_room params;
  part_get(store, "ann", 1, &window, &params);
  cr_assert_eq(window.window.n_dislikes, count, "%zu dislikes, %zu expected", window.window.n_dislikes, count);
  for (size_t i = 0; i < count; i++)
    cr_assert_eq(window.dislikes[i], items[i], "dislike %zu is %lu, %lu expected", i, window.dislikes[i], items[i]);
}

void body_dislikes_lie_beside_the_window(const store_maker *maker) {
  solid_store *store = maker->open(0);
  const solid_step steps[] = {{1, 1}, {5, 5}, {2, 2}, {6, 6}};
  const solid_position positions[] = {{3, 1}, {3, 2}, {3, 3}, {3, 4}};
  const uint8_t dislikes[] = {0, 1, 0, 1};
  solid_append append = {
      .user = part_text("ann"), .steps = steps, .positions = positions, .count = 4, .dislikes = dislikes};
  window_room room;
  solid_status of_user;
  for (int round = 0; round < 2; round++) {
    size_t applied;
    room.window = (solid_window){.steps = room.steps, .dislikes = room.dislikes};
    cr_assert_eq(store->ops->advance(store, &append, 1, &room.window, &applied, &of_user), SOLID_OK);
    cr_assert_eq(applied, round ? 0 : 4, "a replay finds its marks");
    part_expect_window(&room, 2, 2, (uint64_t[]){1, 2});
    cr_assert(room.window.n_dislikes == 2 && room.dislikes[0] == 5 && room.dislikes[1] == 6);
  }
  expect_dislikes(store, 2, (uint64_t[]){5, 6});
  solid_store_close(store);
}

void body_the_newest_word_about_an_item_counts(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  for (uint64_t i = 1; i <= 3; i++) cr_assert_eq(say(store, i, 1, part_at(1, i)), 1);
  cr_assert_eq(say(store, 1, 1, part_no_stream), 1);
  expect_dislikes(store, 3, (uint64_t[]){2, 3, 1});
  cr_assert_eq(say(store, 3, 1, part_at(1, 3)), 0, "it is told once");
  cr_assert_eq(say(store, 3, 0, part_at(1, 4)), 1, "taken back");
  expect_dislikes(store, 2, (uint64_t[]){2, 1});
  cr_assert_eq(say(store, 1, 0, part_at(1, 5)), 1);
  cr_assert_eq(say(store, 2, 0, part_at(1, 6)), 1);
  expect_dislikes(store, 0, NULL);
  part_append(store, part_text("ann"), NULL, NULL, 0, &room);
  part_expect_window(&room, 3, 3, (uint64_t[]){3, 1, 2});
  cr_assert_eq(say(store, 2, 1, part_at(1, 7)), 1);
  expect_dislikes(store, 1, (uint64_t[]){2});
  part_append(store, part_text("ann"), NULL, NULL, 0, &room);
  part_expect_window(&room, 3, 3, (uint64_t[]){3, 1, 2});
  solid_store_close(store);
}

void body_keeps_the_newest_dislikes(const store_maker *maker) {
  enum { COUNT = SOLID_DISLIKES_MAX + 44 };
  solid_store *store = maker->open(0);
  static solid_step steps[COUNT];
  static solid_position positions[COUNT];
  static uint8_t dislikes[COUNT];
  uint64_t newest[SOLID_DISLIKES_MAX];
  for (uint64_t i = 0; i < COUNT; i++) {
    steps[i] = (solid_step){1000 + i, 0};
    positions[i] = part_at(1, i);
    dislikes[i] = 1;
    if (i >= COUNT - SOLID_DISLIKES_MAX) newest[i - (COUNT - SOLID_DISLIKES_MAX)] = 1000 + i;
  }
  for (size_t from = 0, n; from < COUNT; from += n) {
    n = from + 70 < COUNT ? 70 : COUNT - from;
    solid_append append = {.user = part_text("ann"),
                           .steps = steps + from,
                           .positions = positions + from,
                           .count = n,
                           .dislikes = dislikes + from};
    window_room room;
    solid_status of_user;
    room.window = (solid_window){.steps = room.steps};
    cr_assert_eq(store->ops->advance(store, &append, 1, &room.window, NULL, &of_user), SOLID_OK);
    cr_assert(room.window.seq == 0 && room.window.count == 0 && room.window.n_dislikes == 0, "not asked for");
  }
  expect_dislikes(store, SOLID_DISLIKES_MAX, newest);
  solid_store_close(store);
}
