#include "tests/store/store_body.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const solid_position no_stream = {0, 0};

static solid_position at(uint64_t stream, uint64_t offset) {
  return (solid_position){stream, offset};
}

/* One user's window with room, and one user's params with room. */
typedef struct window_room {
  solid_step steps[BODY_WINDOW];
  solid_window window;
} window_room;

typedef struct params_room {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_params params;
} params_room;

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static solid_status try_append(solid_store *store, solid_bytes user, const solid_step *steps,
                               const solid_position *positions, size_t count, window_room *room, size_t *applied) {
  solid_append append = {user, steps, positions, count};
  memset(room, 0, sizeof *room);
  room->window.steps = room->steps;
  solid_status of_user = SOLID_EINTERNAL,
               status = store->ops->advance(store, &append, 1, &room->window, applied, &of_user);
  return status ? status : of_user;
}

static size_t append(solid_store *store, solid_bytes user, const solid_step *steps, const solid_position *positions,
                     size_t count, window_room *room) {
  size_t applied = 99;
  solid_status status = try_append(store, user, steps, positions, count, room, &applied);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
  return applied;
}

/* Appends one step with item = time = value. */
static size_t append_one(solid_store *store, const char *user, uint64_t value, solid_position position,
                         window_room *room) {
  solid_step step = {value, (int64_t)value};
  return append(store, text(user), &step, &position, 1, room);
}

static void expect_window(const window_room *room, uint64_t seq, size_t count, const uint64_t *items) {
  cr_assert_eq(room->window.seq, seq, "seq %lu, %lu expected", room->window.seq, seq);
  cr_assert_eq(room->window.count, count, "%zu steps, %zu expected", room->window.count, count);
  for (size_t i = 0; i < count; i++) {
    cr_assert_eq(room->steps[i].item, items[i], "step %zu is %lu, %lu expected", i, room->steps[i].item, items[i]);
    cr_assert_eq(room->steps[i].time_ms, (int64_t)items[i]);
  }
}

/* Of no seq and no generation, to be read into or filled. */
static solid_params params_in(params_room *room) {
  return (solid_params){.h = room->h, .values = room->values, .width = BODY_WIDTH, .count = BODY_PARAMS};
}

static solid_status try_put(solid_store *store, solid_bytes user, const solid_params *params) {
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->put_params(store, &user, params, 1, &of_user);
  return status ? status : of_user;
}

static solid_status try_get(solid_store *store, solid_bytes user, uint64_t generation, solid_window *window,
                            solid_params *params, uint8_t *found) {
  solid_status of_user = SOLID_EINTERNAL,
               status = store->ops->get(store, &user, 1, generation, window, params, found, &of_user);
  return status ? status : of_user;
}

static void fill_params(params_room *room, uint64_t seq, uint64_t generation, float base) {
  for (int i = 0; i < BODY_WIDTH; i++) room->h[i] = base + (float)i;
  for (int i = 0; i < BODY_PARAMS; i++) room->values[i] = base - 0.01f * (float)i;
  room->params = params_in(room);
  room->params.seq = seq;
  room->params.generation = generation;
}

static void put(solid_store *store, const char *user, uint64_t seq, uint64_t generation, float base) {
  params_room room;
  fill_params(&room, seq, generation, base);
  solid_status status = try_put(store, text(user), &room.params);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
}

static int get(solid_store *store, const char *user, uint64_t generation, window_room *window, params_room *params) {
  uint8_t found = 77;
  window->window.steps = window->steps;
  params->params = params_in(params);
  solid_status status = try_get(store, text(user), generation, &window->window, &params->params, &found);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
  cr_assert(found <= 1);
  return found;
}

/* The params that are found have this seq and were filled from this base. */
static void expect_params(solid_store *store, const char *user, uint64_t generation, uint64_t seq, float base) {
  window_room window;
  params_room params, expected;
  cr_assert_eq(get(store, user, generation, &window, &params), 1, "%s: no params of %s", store->ops->name, user);
  fill_params(&expected, seq, generation, base);
  cr_assert_eq(params.params.seq, seq, "seq %lu, %lu expected", params.params.seq, seq);
  cr_assert_eq(params.params.generation, generation);
  cr_assert_arr_eq(params.h, expected.h, sizeof expected.h);
  cr_assert_arr_eq(params.values, expected.values, sizeof expected.values);
}

void body_appends_and_trims(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  for (uint64_t i = 1; i <= 8; i++) {
    cr_assert_eq(append_one(store, "ann", i, at(1, i), &room), 1);
    uint64_t first = i > BODY_WINDOW ? i - BODY_WINDOW + 1 : 1, items[BODY_WINDOW];
    for (uint64_t j = first; j <= i; j++) items[j - first] = j;
    expect_window(&room, i, (size_t)(i - first + 1), items);
  }
  solid_store_close(store);
}

void body_skips_what_was_applied(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  solid_step steps[] = {{1, 1}, {2, 2}, {3, 3}};
  solid_position positions[] = {at(4, 10), at(4, 11), at(4, 15)};
  cr_assert_eq(append(store, text("ann"), steps, positions, 2, &room), 2);
  cr_assert_eq(append(store, text("ann"), steps, positions, 3, &room), 1);
  cr_assert_eq(append(store, text("ann"), steps, positions, 3, &room), 0);
  expect_window(&room, 3, 3, (uint64_t[]){1, 2, 3});
  solid_store_close(store);
}

void body_keeps_a_mark_per_stream(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  cr_assert_eq(append_one(store, "ann", 1, at(3, 500), &room), 1);
  cr_assert_eq(append_one(store, "ann", 2, at(2, 4), &room), 1);
  cr_assert_eq(append_one(store, "ann", 3, at(1, 0), &room), 1);
  cr_assert_eq(append_one(store, "ann", 9, at(1, 0), &room), 0);
  cr_assert_eq(append_one(store, "ann", 9, at(2, 4), &room), 0);
  cr_assert_eq(append_one(store, "ann", 9, at(3, 499), &room), 0);
  cr_assert_eq(append_one(store, "bob", 7, at(3, 499), &room), 1);
  expect_window(&room, 1, 1, (uint64_t[]){7});
  cr_assert_eq(append_one(store, "ann", 4, at(2, 5), &room), 1);
  expect_window(&room, 4, 4, (uint64_t[]){1, 2, 3, 4});
  solid_store_close(store);
}

/* Offsets of a stream grow: one that goes back was applied, or lost its turn, before. */
void body_applies_reordered_steps_once(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  solid_step steps[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
  solid_position positions[] = {at(1, 7), at(2, 3), at(1, 5), at(1, 8), at(2, 3)};
  cr_assert_eq(append(store, text("ann"), steps, positions, 5, &room), 3);
  expect_window(&room, 3, 3, (uint64_t[]){1, 2, 4});
  solid_store_close(store);
}

void body_always_applies_without_a_stream(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  for (int i = 0; i < 3; i++) cr_assert_eq(append_one(store, "ann", 4, no_stream, &room), 1);
  cr_assert_eq(append_one(store, "ann", 5, at(1, 1), &room), 1);
  cr_assert_eq(append_one(store, "ann", 6, no_stream, &room), 1);
  cr_assert_eq(append_one(store, "ann", 5, at(1, 1), &room), 0);
  expect_window(&room, 5, 5, (uint64_t[]){4, 4, 4, 5, 6});
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
      cr_assert_eq(append_one(store, "ann", ++seq, at(streams[i], offsets[o]), &room), 1, "stream %d offset %d", i, o);
      for (int lower = 0; lower <= o; lower++)
        cr_assert_eq(append_one(store, "ann", 7, at(streams[i], offsets[lower]), &room), 0, "stream %d offset %d", i,
                     o);
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
    positions[i] = at((uint64_t)p + 1, offsets[p] += 1 + (uint64_t)seed_below(&rng, 3));
  }
  window_room room;
  size_t total = 0, done = 0;
  while (done < EVENTS) {
    size_t from = done - (size_t)seed_below(&rng, (int32_t)(done < 40 ? done + 1 : 40));
    size_t to = done + (size_t)seed_below(&rng, 12);
    to = to > EVENTS ? EVENTS : to;
    total += append(store, text("ann"), steps + from, positions + from, to - from, &room);
    done = to;
  }
  uint64_t newest[BODY_WINDOW];
  for (int i = 0; i < BODY_WINDOW; i++) newest[i] = steps[EVENTS - BODY_WINDOW + i].item;
  append(store, text("ann"), NULL, NULL, 0, &room);
  cr_assert_eq(total, (size_t)EVENTS, "seed %lu: %zu applied", seed_value(), total);
  expect_window(&room, EVENTS, BODY_WINDOW, newest);
  solid_store_close(store);
}

void body_empty_append_only_reads(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room room;
  cr_assert_eq(append(store, text("ann"), NULL, NULL, 0, &room), 0);
  expect_window(&room, 0, 0, NULL);
  append_one(store, "ann", 1, at(1, 0), &room);
  cr_assert_eq(append(store, text("ann"), NULL, NULL, 0, &room), 0);
  expect_window(&room, 1, 1, (uint64_t[]){1});
  solid_store_close(store);
}

void body_append_longer_than_the_window(const store_maker *maker) {
  enum { COUNT = 3 * BODY_WINDOW + 1 };
  solid_store *store = maker->open(0);
  solid_step steps[COUNT];
  solid_position positions[COUNT];
  for (uint64_t i = 0; i < COUNT; i++) {
    steps[i] = (solid_step){i, (int64_t)i};
    positions[i] = at(1, i);
  }
  window_room room;
  cr_assert_eq(append(store, text("ann"), steps, positions, COUNT, &room), COUNT);
  expect_window(&room, COUNT, BODY_WINDOW, (uint64_t[]){COUNT - 5, COUNT - 4, COUNT - 3, COUNT - 2, COUNT - 1});
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
    appends[i] = (solid_append){users[i], steps[i], positions, i % 4};
    windows[i] = (solid_window){rooms[i].steps, 99, 99};
    fill_params(&made[i], i % 4, 5, (float)i);
    params[i] = made[i].params;
  }
  cr_assert_eq(store->ops->advance(store, appends, USERS, windows, applied, statuses), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(store->ops->put_params(store, users, params, USERS / 2, statuses), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    cr_assert_eq(applied[i], i % 4);
    windows[i] = (solid_window){rooms[i].steps, 99, 99};
    params[i] = params_in(&got[i]);
    params[i].seq = params[i].generation = 99;
  }
  cr_assert_eq(store->ops->get(store, users, USERS, 5, windows, params, found, statuses), SOLID_OK, "%s",
               solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    cr_assert_eq(statuses[i], SOLID_OK);
    rooms[i].window = windows[i];
    expect_window(&rooms[i], i % 4, i % 4, (uint64_t[]){100 * i, 100 * i + 1, 100 * i + 2});
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
  cr_assert_eq(get(store, "nobody", 1, &window, &params), 0);
  expect_window(&window, 0, 0, NULL);
  append_one(store, "ann", 1, at(1, 0), &window);
  cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
  expect_window(&window, 1, 1, (uint64_t[]){1});
  solid_store_close(store);
}

void body_newer_params_win(const store_maker *maker) {
  solid_store *store = maker->open(0);
  put(store, "ann", 5, 1, 10.0f);
  put(store, "ann", 4, 1, 20.0f);
  expect_params(store, "ann", 1, 5, 10.0f);
  put(store, "ann", 5, 1, 30.0f);
  expect_params(store, "ann", 1, 5, 30.0f);
  put(store, "ann", 0x100000000ULL, 1, 40.0f);
  put(store, "ann", 0xffffffffULL, 1, 50.0f);
  expect_params(store, "ann", 1, 0x100000000ULL, 40.0f);
  put(store, "ann", 2, 0xfedcba9876543210ULL, 60.0f); /* of another model: always */
  expect_params(store, "ann", 0xfedcba9876543210ULL, 2, 60.0f);
  /* params ahead of their window are a leftover of a window that was lost */
  window_room room;
  append_one(store, "bob", 1, no_stream, &room);
  put(store, "bob", 7, 1, 10.0f);
  put(store, "bob", 1, 1, 20.0f);
  expect_params(store, "bob", 1, 1, 20.0f);
  solid_store_close(store);
}

void body_other_generation_is_a_miss(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  params_room params;
  append_one(store, "ann", 8, at(1, 0), &window);
  put(store, "ann", 1, 41, 1.0f);
  cr_assert_eq(get(store, "ann", 42, &window, &params), 0);
  expect_window(&window, 1, 1, (uint64_t[]){8});
  expect_params(store, "ann", 41, 1, 1.0f);
  solid_store_close(store);
}

/* A store outlives its models: params of another width, count or element go in beside no others' ruin. */
void body_params_bring_their_sizes(const store_maker *maker) {
  enum { SMALL = BODY_PARAMS / 3 };
  solid_store *store = maker->open(0);
  window_room window;
  params_room large, small, room;
  append_one(store, "ann", 8, at(1, 1), &window);
  append_one(store, "bob", 8, at(1, 2), &window);
  fill_params(&large, 1, 41, 1.0f);
  fill_params(&small, 1, 42, 2.0f);
  small.params.width--, small.params.count = SMALL, small.params.element = SOLID_I8;
  cr_assert_eq(try_put(store, text("ann"), &large.params), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(try_put(store, text("bob"), &small.params), SOLID_OK, "%s", solid_last_error());
  for (int round = 0; round < 2; round++) {
    int wanted = 0;
    for (int width = BODY_WIDTH - 1; width <= BODY_WIDTH; width++)
      for (int count = SMALL; count <= BODY_PARAMS; count += BODY_PARAMS - SMALL) {
        uint8_t found = 77;
        room.params = params_in(&room);
        room.params.width = (uint32_t)width, room.params.count = (uint32_t)count;
        const char *user = round ? "bob" : "ann";
        int fits = round ? width < BODY_WIDTH && count == SMALL : width == BODY_WIDTH && count == BODY_PARAMS;
        cr_assert_eq(try_get(store, text(user), round ? 42 : 41, &window.window, &room.params, &found), SOLID_OK);
        cr_assert_eq(found, fits, "%s: width %d count %d", user, width, count);
        wanted += found;
        if (found) cr_assert_eq(room.h[0], round ? 2.0f : 1.0f);
        if (found) cr_assert_eq(room.params.element, round ? SOLID_I8 : SOLID_F32);
      }
    cr_assert_eq(wanted, 1);
  }
  /* the same name of a generation with other sizes is another one: an older seq of it does not have to wait */
  fill_params(&large, 9, 42, 3.0f);
  small.params.seq = 1;
  cr_assert_eq(try_put(store, text("new"), &large.params), SOLID_OK);
  cr_assert_eq(try_put(store, text("new"), &small.params), SOLID_OK);
  uint8_t found = 0;
  room.params = params_in(&room);
  room.params.width--, room.params.count = SMALL;
  cr_assert_eq(try_get(store, text("new"), 42, &window.window, &room.params, &found), SOLID_OK);
  cr_assert_eq(found, 1);
  solid_store_close(store);
}

static solid_status put_sizes(solid_store *store, uint32_t width, uint32_t count, uint32_t element) {
  params_room room;
  fill_params(&room, 1, 1, 1.0f);
  room.params.width = width, room.params.count = count, room.params.element = element;
  return try_put(store, text("ann"), &room.params);
}

void body_refuses_bad_sizes(const store_maker *maker) {
  solid_store *store = maker->open(0);
  cr_assert_eq(put_sizes(store, BODY_WIDTH, BODY_PARAMS, 3), SOLID_EINVAL);
  cr_assert_eq(put_sizes(store, UINT32_MAX, BODY_PARAMS, SOLID_F32), SOLID_EINVAL);
  cr_assert_eq(put_sizes(store, BODY_WIDTH, UINT32_MAX, SOLID_F32), SOLID_EINVAL);
  cr_assert_eq(put_sizes(store, 0, 0, SOLID_F16), SOLID_OK, "%s", solid_last_error());
  window_room window;
  solid_append append = {text("ann"), NULL, NULL, 0};
  window.window.steps = window.steps;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window.window, NULL, NULL), SOLID_EINVAL, "no statuses");
  solid_store_close(store);
}

static double error_bound(solid_element element, double largest) {
  if (element == SOLID_F16) return largest * 0x1p-11;
  return element == SOLID_I8 ? largest * (0.5 / 127 + 0x1p-11) : 0;
}

void body_elements_round_trip(const store_maker *maker) {
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    solid_store *store = maker->open(0);
    seed_rng rng = seed_start(3);
    params_room made, got;
    window_room window;
    fill_params(&made, 9, 2, 0.0f);
    seed_fill_normal(&rng, made.h, BODY_WIDTH, 3.0f);
    seed_fill_normal(&rng, made.values, BODY_PARAMS, 0.2f);
    made.params.element = (uint32_t)element;
    cr_assert_eq(try_put(store, text("ann"), &made.params), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(get(store, "ann", 2, &window, &got), 1);
    cr_assert_eq(got.params.element, (uint32_t)element);
    cr_assert_arr_eq(got.h, made.h, sizeof made.h, "h is exact");
    double largest = 0, worst = 0;
    for (int i = 0; i < BODY_PARAMS; i++) {
      largest = fmax(largest, fabs((double)made.values[i]));
      worst = fmax(worst, fabs((double)made.values[i] - (double)got.values[i]));
    }
    cr_assert(worst <= error_bound((solid_element)element, largest), "element %d: %g off", element, worst);
    cr_assert(element == SOLID_F32 || worst > 0, "element %d loses nothing", element);
    solid_store_close(store);
  }
}

void body_refuses_values_that_are_not_finite(const store_maker *maker) {
  solid_store *store = maker->open(0);
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 6; i++) {
    params_room room;
    fill_params(&room, 1, 1, 1.0f);
    *(i < 3 ? &room.h[BODY_WIDTH - 1] : &room.values[BODY_PARAMS - 1]) = bad[i % 3];
    room.params.element = SOLID_F16;
    cr_assert_eq(try_put(store, text("ann"), &room.params), SOLID_ERANGE);
    cr_assert(strstr(solid_last_error(), "ann"), "%s", solid_last_error());
  }
  window_room window;
  params_room params;
  cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
  solid_store_close(store);
}

/* Ids that look alike to a program that stops at a zero byte, splits at a brace or unescapes too much. */
void body_ids_of_all_kinds(const store_maker *maker) {
  static char longest[SOLID_ID_MAX], almost[SOLID_ID_MAX];
  memset(longest, 'x', sizeof longest);
  memcpy(almost, longest, sizeof almost);
  almost[SOLID_ID_MAX - 1] = 'y';
  const solid_bytes ids[] = {{"a", 1},
                             {"\0", 1},
                             {"\0\0", 2},
                             {"a\0b", 3},
                             {"a\0c", 3},
                             {"}", 1},
                             {"{", 1},
                             {"{}", 2},
                             {"}{", 2},
                             {"a}b", 3},
                             {"%7D", 3},
                             {"%257D", 5},
                             {"%", 1},
                             {"\r\n", 2},
                             {"$3", 2},
                             {"*1\r\n", 4},
                             {" ", 1},
                             {"a:w", 3},
                             {"a}:w", 4},
                             {"\xff\xfe", 2},
                             {"\xff", 1},
                             {"ä", 2},
                             {longest, SOLID_ID_MAX},
                             {almost, SOLID_ID_MAX}};
  enum { IDS = sizeof ids / sizeof *ids };
  solid_store *store = maker->open(0);
  window_room room;
  for (uint64_t i = 0; i < IDS; i++) {
    solid_step step = {i, (int64_t)i};
    solid_position position = no_stream;
    cr_assert_eq(append(store, ids[i], &step, &position, 1, &room), 1);
    params_room params;
    fill_params(&params, 1, 1, (float)i);
    cr_assert_eq(try_put(store, ids[i], &params.params), SOLID_OK);
  }
  for (uint64_t i = 0; i < IDS; i++) {
    params_room params;
    uint8_t found;
    params.params = params_in(&params);
    cr_assert_eq(try_get(store, ids[i], 1, &room.window, &params.params, &found), SOLID_OK);
    expect_window(&room, 1, 1, &i);
    cr_assert(found && params.h[0] == (float)i, "id %lu", i);
  }
  solid_store_close(store);
}

static solid_status put_halves(solid_store *store, int element, uint16_t *halves) {
  params_room room;
  fill_params(&room, 9, 1, 1.0f);
  room.params.values = NULL, room.params.halves = halves, room.params.element = (uint32_t)element;
  return try_put(store, text("ann"), &room.params);
}

void body_takes_halves_as_they_stand(const store_maker *maker) {
  solid_store *store = maker->open(0);
  uint16_t halves[BODY_PARAMS];
  for (int i = 0; i < BODY_PARAMS; i++) halves[i] = (uint16_t)(i % 2 << 15 | (15 + i % 3) << 10 | i);
  cr_assert_eq(put_halves(store, SOLID_F16, halves), SOLID_OK, "%s", solid_last_error());
  window_room window;
  params_room params;
  cr_assert_eq(get(store, "ann", 1, &window, &params), 1);
  cr_assert_eq(params.params.seq, 9);
  cr_assert_eq(params.h[1], 2.0f);
  for (int i = 0; i < BODY_PARAMS; i++) {
    float value = (i % 2 ? -1.0f : 1.0f) * (float)(1 << i % 3) * (1.0f + (float)i / 1024);
    cr_assert_eq(params.values[i], value, "value %d is %g, %g expected", i, (double)params.values[i], (double)value);
  }
  solid_store_close(store);
}

void body_refuses_halves_that_it_cannot_keep(const store_maker *maker) {
  uint16_t halves[BODY_PARAMS] = {0};
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    solid_store *store = maker->open(0);
    halves[BODY_PARAMS - 1] = 0;
    if (element != SOLID_F16) cr_assert_eq(put_halves(store, element, halves), SOLID_EINVAL);
    const uint16_t bad[] = {0x7c00, 0xfc00, 0x7e01}; /* infinities, a NaN */
    for (int i = 0; i < 3 && element == SOLID_F16; i++) {
      halves[BODY_PARAMS - 1] = bad[i];
      cr_assert_eq(put_halves(store, element, halves), SOLID_ERANGE);
      cr_assert(strstr(solid_last_error(), "ann"), "%s", solid_last_error());
    }
    window_room window;
    params_room params;
    cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
    solid_store_close(store);
  }
}

void body_refuses_bad_ids(const store_maker *maker) {
  static const char many[SOLID_ID_MAX + 1] = {1};
  const solid_bytes ids[] = {{"", 0}, {NULL, 0}, {many, sizeof many}};
  solid_store *store = maker->open(0);
  for (int i = 0; i < 3; i++) {
    window_room window;
    params_room params;
    solid_step step = {1, 1};
    solid_position position = no_stream;
    uint8_t found;
    fill_params(&params, 1, 1, 1.0f);
    cr_assert_eq(try_append(store, ids[i], &step, &position, 1, &window, NULL), SOLID_ERANGE);
    cr_assert_eq(try_put(store, ids[i], &params.params), SOLID_ERANGE);
    cr_assert_eq(try_get(store, ids[i], 1, &window.window, &params.params, &found), SOLID_ERANGE);
    cr_assert(strstr(solid_last_error(), "user id of"), "%s", solid_last_error());
  }
  solid_store_close(store);
}

void body_users_expire(const store_maker *maker) {
  solid_store *store = maker->open(400);
  window_room window;
  params_room params;
  append_one(store, "ann", 1, at(1, 9), &window);
  put(store, "ann", 1, 1, 1.0f);
  cr_assert_eq(get(store, "ann", 1, &window, &params), 1);
  maker->pass_time(700);
  cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
  expect_window(&window, 0, 0, NULL);
  cr_assert_eq(append_one(store, "ann", 2, at(1, 9), &window), 1, "the mark is forgotten too");
  expect_window(&window, 1, 1, (uint64_t[]){2});
  solid_store_close(store);
}

void body_use_renews_the_time(const store_maker *maker) {
  solid_store *store = maker->open(1500);
  window_room window;
  params_room params;
  append_one(store, "reader", 1, at(1, 1), &window);
  put(store, "reader", 1, 1, 1.0f);
  append_one(store, "writer", 1, at(1, 1), &window);
  for (int i = 0; i < 4; i++) {
    maker->pass_time(500);
    cr_assert_eq(get(store, "reader", 1, &window, &params), 1, "round %d", i);
    expect_window(&window, 1, 1, (uint64_t[]){1});
    append(store, text("writer"), NULL, NULL, 0, &window);
    expect_window(&window, 1, 1, (uint64_t[]){1});
  }
  solid_store_close(store);
}

void body_other_handle_sees_the_same(const store_maker *maker) {
  solid_store *writer = maker->open(0), *reader = maker->open(0);
  window_room window;
  params_room params;
  append_one(writer, "ann", 1, at(1, 9), &window);
  put(writer, "ann", 1, 1, 1.0f);
  cr_assert_eq(get(reader, "ann", 1, &window, &params), 1);
  expect_window(&window, 1, 1, (uint64_t[]){1});
  cr_assert_eq(append_one(reader, "ann", 1, at(1, 9), &window), 0);
  solid_store_close(writer);
  cr_assert_eq(get(reader, "ann", 1, &window, &params), 1);
  solid_store_close(reader);
}

static void load(solid_store *store, const char *name, const char *expected) {
  char room[64];
  size_t size = sizeof room;
  cr_assert_eq(store->ops->stream_load(store, text(name), room, &size), SOLID_OK, "%s", solid_last_error());
  cr_assert(size == strlen(expected) && !memcmp(room, expected, size), "%s: %.*s", name, (int)size, room);
}

static int save(solid_store *store, const char *name, const char *seen, const char *record) {
  int saved = 77;
  solid_status status = store->ops->stream_save(store, text(name), text(seen), text(record), &saved);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return saved;
}

void body_saves_streams_that_nobody_changed(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  load(store, "events/0", "");
  cr_assert_eq(save(store, "events/0", "none was seen", "a"), 0, "there is none that could have been seen");
  cr_assert_eq(save(store, "events/0", "", "first"), 1);
  cr_assert_eq(save(other, "events/0", "", "mine"), 0, "the other one was first");
  load(other, "events/0", "first");
  cr_assert_eq(save(other, "events/0", "first", "second, which is longer"), 1);
  cr_assert_eq(save(store, "events/0", "first", "third"), 0);
  cr_assert_eq(save(store, "events/0", "first", "second, which is longer"), 1, "its answer may have been lost");
  load(store, "events/0", "second, which is longer");
  load(store, "events/1", "");
  window_room window;
  append_one(store, "stream:events/1", 1, no_stream, &window);
  load(store, "events/1", "");
  solid_store_close(other);
  solid_store_close(store);
}

void body_refuses_bad_streams(const store_maker *maker) {
  static char many[SOLID_STREAM_RECORD_MAX + 1], back[SOLID_STREAM_RECORD_MAX];
  solid_store *store = maker->open(0);
  const solid_bytes none = {NULL, 0}, name = {"a\0\r\n{}", 6}, longest = {many, SOLID_STREAM_RECORD_MAX};
  const solid_bytes bad_names[] = {{NULL, 0}, {"", 0}, {many, SOLID_ID_MAX + 1}};
  size_t size = sizeof back;
  int saved = 0;
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(store->ops->stream_load(store, bad_names[i], back, &size), SOLID_ERANGE);
    cr_assert_eq(store->ops->stream_save(store, bad_names[i], none, longest, &saved), SOLID_ERANGE);
  }
  cr_assert_eq(store->ops->stream_save(store, name, none, none, &saved), SOLID_ERANGE);
  cr_assert_eq(store->ops->stream_save(store, name, none, (solid_bytes){many, sizeof many}, &saved), SOLID_ERANGE);
  cr_assert_eq(store->ops->stream_save(store, name, none, longest, NULL), SOLID_EINVAL);
  memset(many, 0xa5, sizeof many);
  cr_assert_eq(store->ops->stream_save(store, name, none, longest, &saved), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(saved, 1);
  size = sizeof back;
  cr_assert_eq(store->ops->stream_load(store, name, back, &size), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(size, longest.size);
  cr_assert_arr_eq(back, many, size);
  size = 10;
  cr_assert_eq(store->ops->stream_load(store, name, back, &size), SOLID_ERANGE);
  solid_store_close(store);
}

void body_begins_an_epoch_once(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  solid_store_epoch first, same, anew, read;
  cr_assert_eq(store->ops->epoch_begin(store, 0, &first), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(other->ops->epoch_begin(other, 0, &same), SOLID_OK);
  cr_assert_arr_eq(first.bytes, same.bytes, sizeof same.bytes, "the first one stays");
  cr_assert_eq(other->ops->epoch(other, &read), SOLID_OK);
  cr_assert_arr_eq(first.bytes, read.bytes, sizeof read.bytes);
  cr_assert_eq(store->ops->epoch_begin(store, 1, &anew), SOLID_OK);
  cr_assert(memcmp(first.bytes, anew.bytes, sizeof anew.bytes));
  cr_assert_eq(other->ops->epoch(other, &read), SOLID_OK);
  cr_assert_arr_eq(anew.bytes, read.bytes, sizeof read.bytes);
  solid_store_close(other);
  solid_store_close(store);
}
