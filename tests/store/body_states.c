/* The body: the record of a user's attention state. */
#include "tests/store/history_parts.h"
#include <criterion/criterion.h>
#include <string.h>

enum { PARTS = 9, BIG = 3000 };

typedef struct state_room {
  uint8_t bytes[PARTS * BIG + 8 * PARTS];
  solid_state_part parts[PARTS];
  solid_state state;
} state_room;

static uint8_t bytes[PARTS][BIG];

/* Part k of the state at `seq` has 100 k bytes, or BIG the last. */
static solid_state_part make_part(uint32_t k, uint64_t seq) {
  uint32_t size = k == PARTS - 1 ? BIG : 100 * k;
  for (uint32_t i = 0; i < size; i++) bytes[k][i] = (uint8_t)(i * 7 + k + seq);
  return (solid_state_part){k, size, bytes[k]};
}

/* Parts first .. first + n - 1, made at `seq`. Returns `stored`. */
static int put(solid_store *store, uint64_t birth, uint64_t seq, uint64_t after, uint32_t first, uint32_t n) {
  solid_state_part parts[PARTS];
  uint8_t stored = 9;
  solid_status of_user = SOLID_EINTERNAL;
  for (uint32_t k = 0; k < n; k++) parts[k] = make_part(first + k, seq);
  solid_state_put change = {
      .user = part_text("ann"), .stamp = {birth, seq, 7, 8, seq - 1}, .after = after, .parts = parts, .n = n};
  cr_assert_eq(store->ops->put_states(store, &change, 1, &stored, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(of_user, SOLID_OK);
  return stored;
}

static solid_state *ask(state_room *room, uint32_t first, uint32_t count) {
  room->state = (solid_state){.generation = 7,
                              .selector = 8,
                              .first = first,
                              .count = count,
                              .parts = room->parts,
                              .room = room->bytes,
                              .room_size = sizeof room->bytes};
  return &room->state;
}

/* The state at `seq`, of which part k was made at made[k]. */
static void expect(state_room *room, uint64_t seq, uint32_t n_parts, const uint64_t *made) {
  const solid_state *state = &room->state;
  cr_assert_eq(state->found, SOLID_STATE_FOUND, "found %u", state->found);
  cr_assert(state->stamp.seq == seq && state->stamp.events == seq - 1 && state->n_parts == n_parts);
  cr_assert_eq(state->n_read, n_parts - state->first < state->count ? n_parts - state->first : state->count);
  for (uint32_t i = 0; i < state->n_read; i++) {
    uint32_t k = state->first + i;
    solid_state_part part = make_part(k, made[k]);
    cr_assert(state->parts[i].number == k && state->parts[i].size == part.size, "part %u", k);
    cr_assert(part.size == 0 || memcmp(state->parts[i].data, part.data, part.size) == 0, "bytes of part %u", k);
  }
}

/* By itself a state is what it is with its window, which alone tells that it is ahead of its history. */
static void get_alone(solid_store *store, const state_room *room, uint64_t birth) {
  static state_room other;
  const solid_state *with = &room->state, *alone = &other.state;
  const solid_bytes user = part_text("ann");
  solid_status of_user;
  ask(&other, with->first, with->count);
  other.state.generation = with->generation, other.state.selector = with->selector;
  other.state.room_size = with->room_size;
  cr_assert_eq(store->ops->get_states(store, &user, &birth, 1, &other.state, &of_user), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(of_user, SOLID_OK);
  if (with->found == SOLID_STATE_DAMAGED) return;
  cr_assert_eq(alone->found, with->found, "alone %u, with its window %u", alone->found, with->found);
  cr_assert(alone->n_read == with->n_read && alone->size == with->size);
  if (with->found == SOLID_STATE_FOUND)
    cr_assert(alone->n_parts == with->n_parts && memcmp(&alone->stamp, &with->stamp, sizeof with->stamp) == 0);
  for (uint32_t i = 0; i < alone->n_read; i++) {
    const solid_state_part *a = &alone->parts[i], *b = &with->parts[i];
    cr_assert(a->number == b->number && a->size == b->size && memcmp(a->data, b->data, a->size) == 0, "part %u", i);
  }
}

static void get_asked(solid_store *store, state_room *room) {
  solid_window window = {.state = &room->state};
  history_get(store, "ann", &window);
  get_alone(store, room, window.birth);
}

static void get(solid_store *store, state_room *room, uint32_t first, uint32_t count) {
  ask(room, first, count);
  get_asked(store, room);
}

static solid_store *begin(const store_maker *maker, uint64_t *birth) {
  solid_store *store = maker->open_history(5, 2000, 0);
  solid_window window;
  history_append(store, "ann", 0, 30, 0, &window);
  *birth = window.birth;
  return store;
}

static const uint64_t at_20[PARTS] = {20, 20, 20, 20, 20, 20, 20, 20, 20};

void body_keeps_a_state(const store_maker *maker) {
  static state_room room;
  uint64_t birth;
  solid_store *store = begin(maker, &birth);
  solid_status of_user;
  solid_bytes user = part_text("ann");
  get(store, &room, 0, PARTS);
  cr_assert_eq(room.state.found, SOLID_STATE_NONE);
  cr_assert_eq(put(store, birth, 20, 0, 0, PARTS), 1);
  get(store, &room, 0, PARTS);
  expect(&room, 20, PARTS, at_20);
  get(store, &room, 0, 3);
  expect(&room, 20, PARTS, at_20);
  cr_assert_eq(store->ops->get_states(store, &user, &birth, 1, ask(&room, 3, SOLID_STATE_PARTS - 3), &of_user),
               SOLID_OK, "%s", solid_last_error());
  expect(&room, 20, PARTS, at_20);
  get(store, &room, PARTS, 1);
  expect(&room, 20, PARTS, at_20);
  solid_window window = {.state = ask(&room, 0, PARTS)}; /* with the window that is written */
  solid_step step = history_step(30), steps[5];
  solid_position position = part_at(1, 30);
  solid_append append = {.user = user, .steps = &step, .positions = &position, .count = 1};
  window.steps = steps;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK);
  cr_assert_eq(window.seq, 31);
  expect(&room, 20, PARTS, at_20);
  solid_store_close(store);
}

void body_changes_parts_of_a_state(const store_maker *maker) {
  static state_room room;
  uint64_t birth;
  solid_store *store = begin(maker, &birth);
  cr_assert_eq(put(store, birth, 20, 0, 0, PARTS - 2), 1);
  cr_assert_eq(put(store, birth, 21, 20, 2, 3), 1);
  get(store, &room, 0, PARTS);
  expect(&room, 21, PARTS - 2, (const uint64_t[]){20, 20, 21, 21, 21, 20, 20, 20, 20});
  cr_assert_eq(put(store, birth, 21, 20, 2, 3), 1, "the same again");
  cr_assert_eq(put(store, birth, 22, 20, 0, 1), 0, "on a state that is none any more");
  cr_assert_eq(put(store, birth, 22, 21, 6, 2), 1, "one part is new");
  cr_assert_eq(put(store, birth, 23, 22, 8, 1), 1, "so is this");
  get(store, &room, 0, PARTS);
  expect(&room, 23, PARTS, (const uint64_t[]){20, 20, 21, 21, 21, 20, 22, 22, 23});
  cr_assert_eq(put(store, birth, 24, 0, 0, 2), 1, "a whole one is all there is");
  get(store, &room, 0, PARTS);
  expect(&room, 24, 2, (const uint64_t[]){24, 24});
  cr_assert_eq(put(store, birth, 25, 24, 3, 1), 0, "a gap");
  solid_store_close(store);
}

void body_a_state_of_something_else_is_told(const store_maker *maker) {
  static state_room room;
  uint64_t birth;
  solid_store *store = begin(maker, &birth);
  cr_assert_eq(put(store, birth, 20, 0, 0, PARTS), 1);
  ask(&room, 0, PARTS)->generation = 6;
  get_asked(store, &room);
  cr_assert_eq(room.state.found, SOLID_STATE_OTHER);
  ask(&room, 0, PARTS)->selector = 9;
  get_asked(store, &room);
  cr_assert_eq(room.state.found, SOLID_STATE_OTHER);
  cr_assert_eq(room.state.n_read, 0);
  ask(&room, 0, PARTS)->room_size = 4000;
  get_asked(store, &room);
  cr_assert_eq(room.state.found, SOLID_STATE_LARGE);
  cr_assert_eq(room.state.size, 104 + 200 + 304 + 400 + 504 + 600 + 704 + BIG);
  cr_assert_eq(put(store, birth, 31, 0, 0, 2), 1);
  get(store, &room, 0, PARTS);
  cr_assert_eq(room.state.found, SOLID_STATE_DAMAGED, "ahead of its history");
  history_append(store, "ann", 30, 31, 0, NULL);
  get(store, &room, 0, PARTS);
  expect(&room, 31, 2, (const uint64_t[]){31, 31});
  solid_store_close(store);
}

void body_newer_states_win(const store_maker *maker) {
  static state_room room;
  uint64_t birth;
  solid_store *store = begin(maker, &birth);
  solid_store_epoch epoch;
  solid_window window = {.state = &room.state};
  cr_assert_eq(put(store, birth, 20, 0, 0, 3), 1);
  cr_assert_eq(put(store, birth, 19, 0, 0, 2), 0);
  get(store, &room, 0, PARTS);
  expect(&room, 20, 3, at_20);
  cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK);
  history_append(store, "ann", 0, 25, 0, &window);
  uint64_t second = window.birth;
  cr_assert_neq(second, birth);
  get(store, &room, 0, PARTS);
  cr_assert_eq(room.state.found, SOLID_STATE_NONE, "of the history before");
  cr_assert_eq(put(store, second, 5, 0, 0, 2), 1, "older, but of this history");
  get(store, &room, 0, PARTS);
  expect(&room, 5, 2, (const uint64_t[]){5, 5});
  solid_store_close(store);
}

void body_a_state_needs_a_history(const store_maker *maker) {
  static state_room room;
  solid_store *store = maker->open_history(5, 5, 0);
  solid_window window;
  history_append(store, "ann", 0, 30, 0, &window);
  cr_assert_eq(window.birth, 0);
  get(store, &room, 0, PARTS);
  cr_assert_eq(room.state.found, SOLID_STATE_NONE);
  solid_store_close(store);
}

void body_refuses_bad_states(const store_maker *maker) {
  uint64_t birth;
  uint8_t stored;
  solid_status of_user;
  solid_store *store = begin(maker, &birth);
  for (int i = 0; i < 8; i++) {
    solid_state_part parts[2] = {make_part(0, 1), make_part(1, 1)};
    solid_state_put change = {.user = part_text("ann"), .stamp = {birth, 20, 7, 8, 19}, .parts = parts, .n = 2};
    solid_status expected = SOLID_EINVAL;
    if (i == 0) change.stamp.birth = 0;
    if (i == 1) change.stamp.seq = 0;
    if (i == 2) change.stamp.events = 21;
    if (i == 3) change.after = 21;
    if (i == 4) parts[1].number = 2;
    if (i == 5) change.after = 19, parts[1].number = 0;
    if (i == 6) change.n = 0;
    if (i == 7) parts[1].size = SOLID_STATE_MAX, parts[0].size = 1, expected = SOLID_ERANGE;
    cr_assert_eq(store->ops->put_states(store, &change, 1, &stored, &of_user), expected, "case %d", i);
  }
  solid_store_close(store);
}
