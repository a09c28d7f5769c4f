/* The body: generated parameters, which stay and which go, how they are kept. */
#include "solid/base/clock.h"
#include "tests/store/store_parts.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

void body_newer_params_win(const store_maker *maker) {
  solid_store *store = maker->open(0);
  part_put(store, "ann", 5, 1, 10.0f);
  part_put(store, "ann", 4, 1, 20.0f);
  part_expect_params(store, "ann", 1, 5, 10.0f);
  part_put(store, "ann", 5, 1, 30.0f);
  part_expect_params(store, "ann", 1, 5, 30.0f);
  part_put(store, "ann", 0x100000000ULL, 1, 40.0f);
  part_put(store, "ann", 0xffffffffULL, 1, 50.0f);
  part_expect_params(store, "ann", 1, 0x100000000ULL, 40.0f);
  part_put(store, "ann", 2, 0xfedcba9876543210ULL, 60.0f); /* of another model: always */
  part_expect_params(store, "ann", 0xfedcba9876543210ULL, 2, 60.0f);
  /* params ahead of their window are a leftover of a window that was lost */
  window_room room;
  part_append_one(store, "bob", 1, part_no_stream, &room);
  part_put(store, "bob", 7, 1, 10.0f);
  part_put(store, "bob", 1, 1, 20.0f);
  part_expect_params(store, "bob", 1, 1, 20.0f);
  solid_store_close(store);
}

void body_other_generation_is_a_miss(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  params_room params;
  part_append_one(store, "ann", 8, part_at(1, 0), &window);
  part_put(store, "ann", 1, 41, 1.0f);
  cr_assert_eq(part_get(store, "ann", 42, &window, &params), 0);
  part_expect_window(&window, 1, 1, (uint64_t[]){8});
  part_expect_params(store, "ann", 41, 1, 1.0f);
  solid_store_close(store);
}

/* A store outlives its models: params of another width, count or element go in beside no others' ruin. */
void body_params_bring_their_sizes(const store_maker *maker) {
  enum { SMALL = BODY_PARAMS / 3 };
  solid_store *store = maker->open(0);
  window_room window;
  params_room large, small, room;
  part_append_one(store, "ann", 8, part_at(1, 1), &window);
  part_append_one(store, "bob", 8, part_at(1, 2), &window);
  part_fill_params(&large, 1, 41, 1.0f);
  part_fill_params(&small, 1, 42, 2.0f);
  small.params.width--, small.params.count = SMALL, small.params.element = SOLID_I8;
  cr_assert_eq(part_try_put(store, part_text("ann"), &large.params), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(part_try_put(store, part_text("bob"), &small.params), SOLID_OK, "%s", solid_last_error());
  for (int round = 0; round < 2; round++) {
    int wanted = 0;
    for (int width = BODY_WIDTH - 1; width <= BODY_WIDTH; width++)
      for (int count = SMALL; count <= BODY_PARAMS; count += BODY_PARAMS - SMALL) {
        uint8_t found = 77;
        room.params = part_params_in(&room);
        room.params.width = (uint32_t)width, room.params.count = (uint32_t)count;
        const char *user = round ? "bob" : "ann";
        int fits = round ? width < BODY_WIDTH && count == SMALL : width == BODY_WIDTH && count == BODY_PARAMS;
        cr_assert_eq(part_try_get(store, part_text(user), round ? 42 : 41, &window.window, &room.params, &found),
                     SOLID_OK);
        cr_assert_eq(found, fits, "%s: width %d count %d", user, width, count);
        wanted += found;
        if (found) cr_assert_eq(room.h[0], round ? 2.0f : 1.0f);
        if (found) cr_assert_eq(room.params.element, round ? SOLID_I8 : SOLID_F32);
      }
    cr_assert_eq(wanted, 1);
  }
  /* the same name of a generation with other sizes is another one: an older seq of it does not have to wait */
  part_fill_params(&large, 9, 42, 3.0f);
  small.params.seq = 1;
  cr_assert_eq(part_try_put(store, part_text("new"), &large.params), SOLID_OK);
  cr_assert_eq(part_try_put(store, part_text("new"), &small.params), SOLID_OK);
  uint8_t found = 0;
  room.params = part_params_in(&room);
  room.params.width--, room.params.count = SMALL;
  cr_assert_eq(part_try_get(store, part_text("new"), 42, &window.window, &room.params, &found), SOLID_OK);
  cr_assert_eq(found, 1);
  solid_store_close(store);
}

static solid_status put_sizes(solid_store *store, uint32_t width, uint32_t count, uint32_t element) {
  params_room room;
  part_fill_params(&room, 1, 1, 1.0f);
  room.params.width = width, room.params.count = count, room.params.element = element;
  return part_try_put(store, part_text("ann"), &room.params);
}

void body_refuses_bad_sizes(const store_maker *maker) {
  solid_store *store = maker->open(0);
  cr_assert_eq(put_sizes(store, BODY_WIDTH, BODY_PARAMS, 3), SOLID_EINVAL);
  cr_assert_eq(put_sizes(store, UINT32_MAX, BODY_PARAMS, SOLID_F32), SOLID_EINVAL);
  cr_assert_eq(put_sizes(store, BODY_WIDTH, UINT32_MAX, SOLID_F32), SOLID_EINVAL);
  cr_assert_eq(put_sizes(store, 0, 0, SOLID_F16), SOLID_OK, "%s", solid_last_error());
  window_room window;
  solid_append append = {.user = part_text("ann")};
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
    part_fill_params(&made, 9, 2, 0.0f);
    seed_fill_normal(&rng, made.h, BODY_WIDTH, 3.0f);
    seed_fill_normal(&rng, made.values, BODY_PARAMS, 0.2f);
    made.params.element = (uint32_t)element;
    cr_assert_eq(part_try_put(store, part_text("ann"), &made.params), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(part_get(store, "ann", 2, &window, &got), 1);
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
  const float bad[] = {NAN, INFINITY, -INFINITY, 0x1p63f, -0x1p64f}; /* too large for a score, the last two */
  enum { BAD = sizeof bad / sizeof *bad };
  for (int i = 0; i < 2 * BAD; i++) {
    params_room room;
    part_fill_params(&room, 1, 1, 1.0f);
    *(i < BAD ? &room.h[BODY_WIDTH - 1] : &room.values[BODY_PARAMS - 1]) = bad[i % BAD];
    room.params.element = SOLID_F16;
    cr_assert_eq(part_try_put(store, part_text("ann"), &room.params), SOLID_ERANGE);
    cr_assert(strstr(solid_last_error(), "ann"), "%s", solid_last_error());
  }
  window_room window;
  params_room params;
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 0);
  solid_store_close(store);
}

static solid_status put_halves(solid_store *store, int element, uint16_t *halves) {
  params_room room;
  part_fill_params(&room, 9, 1, 1.0f);
  room.params.values = NULL, room.params.halves = halves, room.params.element = (uint32_t)element;
  return part_try_put(store, part_text("ann"), &room.params);
}

void body_takes_halves_as_they_stand(const store_maker *maker) {
  solid_store *store = maker->open(0);
  uint16_t halves[BODY_PARAMS];
  for (int i = 0; i < BODY_PARAMS; i++) halves[i] = (uint16_t)(i % 2 << 15 | (15 + i % 3) << 10 | i);
  cr_assert_eq(put_halves(store, SOLID_F16, halves), SOLID_OK, "%s", solid_last_error());
  window_room window;
  params_room params;
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 1);
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
    cr_assert_eq(part_get(store, "ann", 1, &window, &params), 0);
    solid_store_close(store);
  }
}

/* A window that begins has no params yet, and what was made from a longer one is of another life. */
void body_params_of_a_lost_window_are_none(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  params_room params;
  part_put(store, "ann", 5, 1, 10.0f);
  part_append_one(store, "ann", 1, part_at(1, 1), &window);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 0);
  part_expect_window(&window, 1, 1, (uint64_t[]){1});
  part_put(store, "ann", 5, 1, 20.0f);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 0);
  part_put(store, "ann", 1, 1, 30.0f);
  part_expect_params(store, "ann", 1, 1, 30.0f);
  solid_store_close(store);
}

/* Whatever is asked, the window says what params there are. */
static void expect_stamp(const window_room *room, uint64_t generation, uint64_t seq, int64_t made_ms) {
  cr_assert_eq(room->window.params_generation, generation);
  cr_assert_eq(room->window.params_seq, seq);
  cr_assert_eq(room->window.params_ms, made_ms);
}

void body_windows_name_their_params(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  params_room params;
  part_append_one(store, "ann", 1, part_at(1, 1), &window);
  expect_stamp(&window, 0, 0, 0);
  part_fill_params(&params, 1, 0xfedcba9876543210ULL, 10.0f);
  params.params.made_ms = 1700000000000;
  cr_assert_eq(part_try_put(store, part_text("ann"), &params.params), SOLID_OK);
  part_append_one(store, "ann", 2, part_at(1, 2), &window);
  expect_stamp(&window, 0xfedcba9876543210ULL, 1, 1700000000000);
  part_append_one(store, "ann", 2, part_at(1, 2), &window);
  expect_stamp(&window, 0xfedcba9876543210ULL, 1, 1700000000000);
  cr_assert_eq(part_get(store, "ann", 7, &window, &params), 0, "of another generation");
  expect_stamp(&window, 0xfedcba9876543210ULL, 1, 1700000000000);
  part_get(store, "bob", 7, &window, &params);
  expect_stamp(&window, 0, 0, 0);
  solid_store_close(store);
}

void body_params_tell_when_they_were_made(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  params_room params;
  int64_t before = sol_wall_ms();
  part_put(store, "ann", 5, 1, 10.0f);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 1);
  cr_assert(params.params.made_ms >= before && params.params.made_ms <= sol_wall_ms());
  part_fill_params(&params, 6, 1, 10.0f);
  params.params.made_ms = 1700000000000;
  cr_assert_eq(part_try_put(store, part_text("ann"), &params.params), SOLID_OK);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 1);
  cr_assert_eq(params.params.made_ms, 1700000000000);
  solid_store_close(store);
}
