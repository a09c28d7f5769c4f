#include "tests/store/store_parts.h"
#include "tests/store/store_body.h"
#include <criterion/criterion.h>
#include <string.h>

const solid_position part_no_stream = {0, 0};

solid_position part_at(uint64_t stream, uint64_t offset) {
  return (solid_position){stream, offset};
}

solid_bytes part_text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

solid_status part_try_append(solid_store *store, solid_bytes user, const solid_step *steps,
                             const solid_position *positions, size_t count, window_room *room, size_t *applied) {
  solid_append append = {.user = user, .steps = steps, .positions = positions, .count = count};
  memset(room, 0, sizeof *room);
  room->window = (solid_window){.steps = room->steps, .dislikes = room->dislikes};
  solid_status of_user = SOLID_EINTERNAL,
               status = store->ops->advance(store, &append, 1, &room->window, applied, &of_user);
  return status ? status : of_user;
}

size_t part_append(solid_store *store, solid_bytes user, const solid_step *steps, const solid_position *positions,
                   size_t count, window_room *room) {
  size_t applied = 99;
  solid_status status = part_try_append(store, user, steps, positions, count, room, &applied);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
  return applied;
}

size_t part_append_one(solid_store *store, const char *user, uint64_t value, solid_position position,
                       window_room *room) {
  solid_step step = {value, (int64_t)value};
  return part_append(store, part_text(user), &step, &position, 1, room);
}

void part_expect_window(const window_room *room, uint64_t seq, size_t count, const uint64_t *items) {
  cr_assert_eq(room->window.seq, seq, "seq %lu, %lu expected", room->window.seq, seq);
  cr_assert_eq(room->window.count, count, "%zu steps, %zu expected", room->window.count, count);
  for (size_t i = 0; i < count; i++) {
    cr_assert_eq(room->steps[i].item, items[i], "step %zu is %lu, %lu expected", i, room->steps[i].item, items[i]);
    cr_assert_eq(room->steps[i].time_ms, (int64_t)items[i]);
  }
}

solid_params part_params_in(params_room *room) {
  return (solid_params){.h = room->h, .values = room->values, .width = BODY_WIDTH, .count = BODY_PARAMS};
}

solid_status part_try_put(solid_store *store, solid_bytes user, const solid_params *params) {
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->put_params(store, &user, params, 1, &of_user);
  return status ? status : of_user;
}

solid_status part_try_get(solid_store *store, solid_bytes user, uint64_t generation, solid_window *window,
                          solid_params *params, uint8_t *found) {
  solid_status of_user = SOLID_EINTERNAL,
               status = store->ops->get(store, &user, 1, generation, window, params, found, &of_user);
  return status ? status : of_user;
}

void part_fill_params(params_room *room, uint64_t seq, uint64_t generation, float base) {
  for (int i = 0; i < BODY_WIDTH; i++) room->h[i] = base + (float)i;
  for (int i = 0; i < BODY_PARAMS; i++) room->values[i] = base - 0.01f * (float)i;
  room->params = part_params_in(room);
  room->params.seq = seq;
  room->params.generation = generation;
}

void part_put(solid_store *store, const char *user, uint64_t seq, uint64_t generation, float base) {
  params_room room;
  window_room now;
  (void)part_get(store, user, generation, &now, &room);
  part_fill_params(&room, seq, generation, base);
  room.params.life = now.window.life;
  solid_status status = part_try_put(store, part_text(user), &room.params);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
}

int part_get(solid_store *store, const char *user, uint64_t generation, window_room *window, params_room *params) {
  uint8_t found = 77;
  window->window = (solid_window){.steps = window->steps, .dislikes = window->dislikes};
  params->params = part_params_in(params);
  solid_status status = part_try_get(store, part_text(user), generation, &window->window, &params->params, &found);
  cr_assert_eq(status, SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
  cr_assert(found <= 1);
  return found;
}

void part_expect_params(solid_store *store, const char *user, uint64_t generation, uint64_t seq, float base) {
  window_room window;
  params_room params, expected;
  cr_assert_eq(part_get(store, user, generation, &window, &params), 1, "%s: no params of %s", store->ops->name, user);
  part_fill_params(&expected, seq, generation, base);
  cr_assert_eq(params.params.seq, seq, "seq %lu, %lu expected", params.params.seq, seq);
  cr_assert_eq(params.params.generation, generation);
  cr_assert_arr_eq(params.h, expected.h, sizeof expected.h);
  cr_assert_arr_eq(params.values, expected.values, sizeof expected.values);
}
