#include "tests/store/store_body.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

static solid_status try_append(solid_store *store, solid_bytes user, const solid_step *steps, const uint64_t *positions,
                               size_t count, window_room *room, size_t *applied) {
  solid_append append = {user, steps, positions, count};
  memset(room, 0, sizeof *room);
  room->window.steps = room->steps;
  return store->ops->advance(store, &append, 1, &room->window, applied);
}

static size_t append(solid_store *store, solid_bytes user, const solid_step *steps, const uint64_t *positions,
                     size_t count, window_room *room) {
  size_t applied = 99;
  solid_status status = try_append(store, user, steps, positions, count, room, &applied);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
  return applied;
}

/* Appends one step with item = time = value. */
static size_t append_one(solid_store *store, const char *user, uint64_t value, uint64_t position, window_room *room) {
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

static void fill_params(params_room *room, uint64_t seq, uint64_t generation, float base) {
  for (int i = 0; i < BODY_WIDTH; i++) room->h[i] = base + (float)i;
  for (int i = 0; i < BODY_PARAMS; i++) room->values[i] = base - 0.01f * (float)i;
  room->params = (solid_params){room->h, room->values, seq, generation, NULL};
}

static void put(solid_store *store, const char *user, uint64_t seq, uint64_t generation, float base) {
  params_room room;
  fill_params(&room, seq, generation, base);
  solid_bytes id = text(user);
  solid_status status = store->ops->put_params(store, &id, &room.params, 1);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
}

static int get(solid_store *store, const char *user, uint64_t generation, window_room *window, params_room *params) {
  solid_bytes id = text(user);
  uint8_t found = 77;
  window->window.steps = window->steps;
  params->params = (solid_params){params->h, params->values, 0, 0, NULL};
  solid_status status = store->ops->get(store, &id, 1, generation, &window->window, &params->params, &found);
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
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  for (uint64_t i = 1; i <= 8; i++) {
    cr_assert_eq(append_one(store, "ann", i, SOLID_POSITION(0, i), &room), 1);
    uint64_t first = i > BODY_WINDOW ? i - BODY_WINDOW + 1 : 1, items[BODY_WINDOW];
    for (uint64_t j = first; j <= i; j++) items[j - first] = j;
    expect_window(&room, i, (size_t)(i - first + 1), items);
  }
  store->ops->close(store);
}

void body_skips_what_was_applied(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  solid_step steps[] = {{1, 1}, {2, 2}, {3, 3}};
  uint64_t positions[] = {SOLID_POSITION(3, 10), SOLID_POSITION(3, 11), SOLID_POSITION(3, 15)};
  cr_assert_eq(append(store, text("ann"), steps, positions, 2, &room), 2);
  cr_assert_eq(append(store, text("ann"), steps, positions, 3, &room), 1);
  cr_assert_eq(append(store, text("ann"), steps, positions, 3, &room), 0);
  expect_window(&room, 3, 3, (uint64_t[]){1, 2, 3});
  store->ops->close(store);
}

void body_keeps_a_mark_per_partition(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  cr_assert_eq(append_one(store, "ann", 1, SOLID_POSITION(2, 500), &room), 1);
  cr_assert_eq(append_one(store, "ann", 2, SOLID_POSITION(1, 4), &room), 1);
  cr_assert_eq(append_one(store, "ann", 3, SOLID_POSITION(0, 0), &room), 1);
  cr_assert_eq(append_one(store, "ann", 9, SOLID_POSITION(0, 0), &room), 0);
  cr_assert_eq(append_one(store, "ann", 9, SOLID_POSITION(1, 4), &room), 0);
  cr_assert_eq(append_one(store, "ann", 9, SOLID_POSITION(2, 499), &room), 0);
  cr_assert_eq(append_one(store, "bob", 7, SOLID_POSITION(2, 499), &room), 1);
  expect_window(&room, 1, 1, (uint64_t[]){7});
  cr_assert_eq(append_one(store, "ann", 4, SOLID_POSITION(1, 5), &room), 1);
  expect_window(&room, 4, 4, (uint64_t[]){1, 2, 3, 4});
  store->ops->close(store);
}

/* Offsets of a partition grow: one that goes back was applied, or lost its turn, before. */
void body_applies_reordered_steps_once(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  solid_step steps[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
  uint64_t positions[] = {SOLID_POSITION(0, 7), SOLID_POSITION(1, 3), SOLID_POSITION(0, 5), SOLID_POSITION(0, 8),
                          SOLID_POSITION(1, 3)};
  cr_assert_eq(append(store, text("ann"), steps, positions, 5, &room), 3);
  expect_window(&room, 3, 3, (uint64_t[]){1, 2, 4});
  store->ops->close(store);
}

void body_always_applies_without_a_stream(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  for (int i = 0; i < 3; i++) cr_assert_eq(append_one(store, "ann", 4, SOLID_NO_STREAM, &room), 1);
  cr_assert_eq(append_one(store, "ann", 5, SOLID_POSITION(0, 1), &room), 1);
  cr_assert_eq(append_one(store, "ann", 6, SOLID_NO_STREAM, &room), 1);
  cr_assert_eq(append_one(store, "ann", 5, SOLID_POSITION(0, 1), &room), 0);
  expect_window(&room, 5, 5, (uint64_t[]){4, 4, 4, 5, 6});
  store->ops->close(store);
}

void body_takes_the_largest_positions(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  const uint64_t top = 0xffffffffffffULL;
  cr_assert_eq(append_one(store, "ann", 1, SOLID_POSITION(65534, top - 1), &room), 1);
  cr_assert_eq(append_one(store, "ann", 2, SOLID_POSITION(65534, top - 1), &room), 0);
  cr_assert_eq(append_one(store, "ann", UINT64_MAX, SOLID_POSITION(65534, top), &room), 1);
  cr_assert_eq(append_one(store, "ann", 2, SOLID_POSITION(65534, top), &room), 0);
  expect_window(&room, 2, 2, (uint64_t[]){1, UINT64_MAX});
  store->ops->close(store);
}

/* A stream of four partitions, pushed in batches of which each may be pushed again from an earlier offset: what comes
 * out is what a list of all events says. */
void body_survives_random_replays(const store_maker *maker) {
  enum { EVENTS = 300, PARTITIONS = 4 };
  solid_store *store = maker->open(SOLID_F32, 0);
  seed_rng rng = seed_start(11);
  solid_step steps[EVENTS];
  uint64_t positions[EVENTS], offsets[PARTITIONS] = {0};
  for (uint64_t i = 0; i < EVENTS; i++) {
    int p = seed_below(&rng, PARTITIONS);
    steps[i] = (solid_step){seed_next(&rng), 0};
    steps[i].time_ms = (int64_t)steps[i].item;
    positions[i] = SOLID_POSITION(p, offsets[p] += 1 + (uint64_t)seed_below(&rng, 3));
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
  store->ops->close(store);
}

void body_empty_append_only_reads(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  cr_assert_eq(append(store, text("ann"), NULL, NULL, 0, &room), 0);
  expect_window(&room, 0, 0, NULL);
  append_one(store, "ann", 1, SOLID_POSITION(0, 0), &room);
  cr_assert_eq(append(store, text("ann"), NULL, NULL, 0, &room), 0);
  expect_window(&room, 1, 1, (uint64_t[]){1});
  store->ops->close(store);
}

void body_append_longer_than_the_window(const store_maker *maker) {
  enum { COUNT = 3 * BODY_WINDOW + 1 };
  solid_store *store = maker->open(SOLID_F32, 0);
  solid_step steps[COUNT];
  uint64_t positions[COUNT];
  for (uint64_t i = 0; i < COUNT; i++) {
    steps[i] = (solid_step){i, (int64_t)i};
    positions[i] = SOLID_POSITION(0, i);
  }
  window_room room;
  cr_assert_eq(append(store, text("ann"), steps, positions, COUNT, &room), COUNT);
  expect_window(&room, COUNT, BODY_WINDOW, (uint64_t[]){COUNT - 5, COUNT - 4, COUNT - 3, COUNT - 2, COUNT - 1});
  store->ops->close(store);
}

void body_batch_of_users(const store_maker *maker) {
  enum { USERS = 500 };
  solid_store *store = maker->open(SOLID_F32, 0);
  static char names[USERS][16];
  static window_room rooms[USERS];
  static params_room made[USERS], got[USERS];
  static solid_append appends[USERS];
  static solid_window windows[USERS];
  static solid_params params[USERS];
  static solid_bytes users[USERS];
  static solid_step steps[USERS][3];
  static const uint64_t positions[3] = {SOLID_POSITION(0, 1), SOLID_POSITION(0, 2), SOLID_POSITION(0, 3)};
  static size_t applied[USERS];
  static uint8_t found[USERS];
  for (size_t i = 0; i < USERS; i++) {
    users[i] = (solid_bytes){names[i], (size_t)snprintf(names[i], sizeof names[i], "user-%zu", i)};
    for (uint64_t j = 0; j < 3; j++) steps[i][j] = (solid_step){100 * i + j, (int64_t)(100 * i + j)};
    appends[i] = (solid_append){users[i], steps[i], positions, i % 4};
    windows[i] = (solid_window){rooms[i].steps, 99, 99};
    fill_params(&made[i], i % 4, 5, (float)i);
    params[i] = made[i].params;
  }
  cr_assert_eq(store->ops->advance(store, appends, USERS, windows, applied), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->ops->put_params(store, users, params, USERS / 2), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    cr_assert_eq(applied[i], i % 4);
    windows[i] = (solid_window){rooms[i].steps, 99, 99};
    params[i] = (solid_params){got[i].h, got[i].values, 99, 99, NULL};
  }
  cr_assert_eq(store->ops->get(store, users, USERS, 5, windows, params, found), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    rooms[i].window = windows[i];
    expect_window(&rooms[i], i % 4, i % 4, (uint64_t[]){100 * i, 100 * i + 1, 100 * i + 2});
    cr_assert_eq(found[i], i < USERS / 2);
    if (!found[i]) continue;
    cr_assert_eq(params[i].seq, i % 4);
    cr_assert_arr_eq(got[i].h, made[i].h, sizeof made[i].h);
    cr_assert_arr_eq(got[i].values, made[i].values, sizeof made[i].values);
  }
  cr_assert_eq(store->ops->advance(store, NULL, 0, NULL, NULL), SOLID_OK, "an empty batch");
  store->ops->close(store);
}

void body_unknown_user(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room window;
  params_room params;
  window.window.count = window.window.seq = 99;
  cr_assert_eq(get(store, "nobody", 1, &window, &params), 0);
  expect_window(&window, 0, 0, NULL);
  append_one(store, "ann", 1, SOLID_POSITION(0, 0), &window);
  cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
  expect_window(&window, 1, 1, (uint64_t[]){1});
  store->ops->close(store);
}

void body_newer_params_win(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
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
  append_one(store, "bob", 1, SOLID_NO_STREAM, &room);
  put(store, "bob", 7, 1, 10.0f);
  put(store, "bob", 1, 1, 20.0f);
  expect_params(store, "bob", 1, 1, 20.0f);
  store->ops->close(store);
}

void body_other_generation_is_a_miss(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room window;
  params_room params;
  append_one(store, "ann", 8, SOLID_POSITION(0, 0), &window);
  put(store, "ann", 1, 41, 1.0f);
  cr_assert_eq(get(store, "ann", 42, &window, &params), 0);
  expect_window(&window, 1, 1, (uint64_t[]){8});
  expect_params(store, "ann", 41, 1, 1.0f);
  store->ops->close(store);
}

static double error_bound(solid_element element, double largest) {
  if (element == SOLID_F16) return largest * 0x1p-11;
  return element == SOLID_I8 ? largest * (0.5 / 127 + 0x1p-11) : 0;
}

void body_elements_round_trip(const store_maker *maker) {
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    solid_store *store = maker->open((solid_element)element, 0);
    seed_rng rng = seed_start(3);
    params_room made, got;
    window_room window;
    fill_params(&made, 9, 2, 0.0f);
    seed_fill_normal(&rng, made.h, BODY_WIDTH, 3.0f);
    seed_fill_normal(&rng, made.values, BODY_PARAMS, 0.2f);
    solid_bytes id = text("ann");
    cr_assert_eq(store->ops->put_params(store, &id, &made.params, 1), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(get(store, "ann", 2, &window, &got), 1);
    cr_assert_arr_eq(got.h, made.h, sizeof made.h, "h is exact");
    double largest = 0, worst = 0;
    for (int i = 0; i < BODY_PARAMS; i++) {
      largest = fmax(largest, fabs((double)made.values[i]));
      worst = fmax(worst, fabs((double)made.values[i] - (double)got.values[i]));
    }
    cr_assert(worst <= error_bound((solid_element)element, largest), "element %d: %g off", element, worst);
    cr_assert(element == SOLID_F32 || worst > 0, "element %d loses nothing", element);
    store->ops->close(store);
  }
}

void body_refuses_values_that_are_not_finite(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F16, 0);
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 6; i++) {
    params_room room;
    fill_params(&room, 1, 1, 1.0f);
    *(i < 3 ? &room.h[BODY_WIDTH - 1] : &room.values[BODY_PARAMS - 1]) = bad[i % 3];
    solid_bytes id = text("ann");
    cr_assert_eq(store->ops->put_params(store, &id, &room.params, 1), SOLID_ERANGE);
    cr_assert(strstr(solid_last_error(), "ann"), "%s", solid_last_error());
  }
  window_room window;
  params_room params;
  cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
  store->ops->close(store);
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
  solid_store *store = maker->open(SOLID_F32, 0);
  window_room room;
  for (uint64_t i = 0; i < IDS; i++) {
    solid_step step = {i, (int64_t)i};
    uint64_t position = SOLID_NO_STREAM;
    cr_assert_eq(append(store, ids[i], &step, &position, 1, &room), 1);
    params_room params;
    fill_params(&params, 1, 1, (float)i);
    cr_assert_eq(store->ops->put_params(store, &ids[i], &params.params, 1), SOLID_OK);
  }
  for (uint64_t i = 0; i < IDS; i++) {
    params_room params;
    uint8_t found;
    params.params = (solid_params){params.h, params.values, 0, 0, NULL};
    cr_assert_eq(store->ops->get(store, &ids[i], 1, 1, &room.window, &params.params, &found), SOLID_OK);
    expect_window(&room, 1, 1, &i);
    cr_assert(found && params.h[0] == (float)i, "id %lu", i);
  }
  store->ops->close(store);
}

static solid_status put_halves(solid_store *store, uint16_t *halves) {
  params_room room;
  fill_params(&room, 9, 1, 1.0f);
  room.params.values = NULL, room.params.halves = halves;
  solid_bytes id = text("ann");
  return store->ops->put_params(store, &id, &room.params, 1);
}

void body_takes_halves_as_they_stand(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F16, 0);
  cr_assert_eq(store->element, SOLID_F16);
  uint16_t halves[BODY_PARAMS];
  for (int i = 0; i < BODY_PARAMS; i++) halves[i] = (uint16_t)(i % 2 << 15 | (15 + i % 3) << 10 | i);
  cr_assert_eq(put_halves(store, halves), SOLID_OK, "%s", solid_last_error());
  window_room window;
  params_room params;
  cr_assert_eq(get(store, "ann", 1, &window, &params), 1);
  cr_assert_eq(params.params.seq, 9);
  cr_assert_eq(params.h[1], 2.0f);
  for (int i = 0; i < BODY_PARAMS; i++) {
    float value = (i % 2 ? -1.0f : 1.0f) * (float)(1 << i % 3) * (1.0f + (float)i / 1024);
    cr_assert_eq(params.values[i], value, "value %d is %g, %g expected", i, (double)params.values[i], (double)value);
  }
  store->ops->close(store);
}

void body_refuses_halves_that_it_cannot_keep(const store_maker *maker) {
  uint16_t halves[BODY_PARAMS] = {0};
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    solid_store *store = maker->open((solid_element)element, 0);
    halves[BODY_PARAMS - 1] = 0;
    if (element != SOLID_F16) cr_assert_eq(put_halves(store, halves), SOLID_EINVAL);
    const uint16_t bad[] = {0x7c00, 0xfc00, 0x7e01}; /* infinities, a NaN */
    for (int i = 0; i < 3 && element == SOLID_F16; i++) {
      halves[BODY_PARAMS - 1] = bad[i];
      cr_assert_eq(put_halves(store, halves), SOLID_ERANGE);
      cr_assert(strstr(solid_last_error(), "ann"), "%s", solid_last_error());
    }
    window_room window;
    params_room params;
    cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
    store->ops->close(store);
  }
}

void body_refuses_bad_ids(const store_maker *maker) {
  static const char many[SOLID_ID_MAX + 1] = {1};
  const solid_bytes ids[] = {{"", 0}, {NULL, 0}, {many, sizeof many}};
  solid_store *store = maker->open(SOLID_F32, 0);
  for (int i = 0; i < 3; i++) {
    window_room window;
    params_room params;
    solid_step step = {1, 1};
    uint64_t position = SOLID_NO_STREAM;
    uint8_t found;
    fill_params(&params, 1, 1, 1.0f);
    cr_assert_eq(try_append(store, ids[i], &step, &position, 1, &window, NULL), SOLID_ERANGE);
    cr_assert_eq(store->ops->put_params(store, &ids[i], &params.params, 1), SOLID_ERANGE);
    cr_assert_eq(store->ops->get(store, &ids[i], 1, 1, &window.window, &params.params, &found), SOLID_ERANGE);
    cr_assert(strstr(solid_last_error(), "user id of"), "%s", solid_last_error());
  }
  store->ops->close(store);
}

void body_users_expire(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 400);
  window_room window;
  params_room params;
  append_one(store, "ann", 1, SOLID_POSITION(0, 9), &window);
  put(store, "ann", 1, 1, 1.0f);
  cr_assert_eq(get(store, "ann", 1, &window, &params), 1);
  maker->pass_time(700);
  cr_assert_eq(get(store, "ann", 1, &window, &params), 0);
  expect_window(&window, 0, 0, NULL);
  cr_assert_eq(append_one(store, "ann", 2, SOLID_POSITION(0, 9), &window), 1, "the mark is forgotten too");
  expect_window(&window, 1, 1, (uint64_t[]){2});
  store->ops->close(store);
}

void body_use_renews_the_time(const store_maker *maker) {
  solid_store *store = maker->open(SOLID_F32, 1500);
  window_room window;
  params_room params;
  append_one(store, "reader", 1, SOLID_POSITION(0, 1), &window);
  put(store, "reader", 1, 1, 1.0f);
  append_one(store, "writer", 1, SOLID_POSITION(0, 1), &window);
  for (int i = 0; i < 4; i++) {
    maker->pass_time(500);
    cr_assert_eq(get(store, "reader", 1, &window, &params), 1, "round %d", i);
    expect_window(&window, 1, 1, (uint64_t[]){1});
    append(store, text("writer"), NULL, NULL, 0, &window);
    expect_window(&window, 1, 1, (uint64_t[]){1});
  }
  store->ops->close(store);
}

void body_other_handle_sees_the_same(const store_maker *maker) {
  solid_store *writer = maker->open(SOLID_I8, 0), *reader = maker->open(SOLID_I8, 0);
  window_room window;
  params_room params;
  append_one(writer, "ann", 1, SOLID_POSITION(0, 9), &window);
  put(writer, "ann", 1, 1, 1.0f);
  cr_assert_eq(get(reader, "ann", 1, &window, &params), 1);
  expect_window(&window, 1, 1, (uint64_t[]){1});
  cr_assert_eq(append_one(reader, "ann", 1, SOLID_POSITION(0, 9), &window), 0);
  writer->ops->close(writer);
  cr_assert_eq(get(reader, "ann", 1, &window, &params), 1);
  reader->ops->close(reader);
}
