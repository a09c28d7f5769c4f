#include "tests/store/history_parts.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static solid_step steps[HISTORY_ROOM], read[HISTORY_ROOM];
static solid_position positions[HISTORY_ROOM];

uint64_t history_item(uint64_t n) {
  return n % 3 ? n : n / 2;
}

solid_step history_step(uint64_t n) {
  uint64_t hash = (history_item(n) + 1) * UINT64_C(0x9e3779b97f4a7c15);
  int64_t time = 1700000000000 + (int64_t)(n * 3600000) - (n % 7 == 3 ? 100000000 : 0);
  return (solid_step){hash, n % 1000 == 999 ? INT64_MIN + (int64_t)n : time};
}

static void judge(const solid_window *window, uint64_t seq) {
  cr_assert_eq(window->seq, seq, "seq %lu, %lu expected", window->seq, seq);
  for (size_t i = 0; i < window->count; i++) {
    solid_step expected = history_step(seq - window->count + i);
    cr_assert(window->steps[i].item == expected.item && window->steps[i].time_ms == expected.time_ms,
              "step %zu of %zu before %lu", i, window->count, seq);
  }
}

size_t history_append(solid_store *store, const char *user, uint64_t from, uint64_t to, uint32_t most,
                      solid_window *window) {
  solid_window unused;
  size_t applied = 99;
  cr_assert(to - from <= HISTORY_ROOM);
  for (uint64_t n = from; n < to; n++) {
    steps[n - from] = history_step(n);
    positions[n - from] = part_at(1, n);
  }
  solid_append append = {.user = part_text(user), .steps = steps, .positions = positions, .count = (size_t)(to - from)};
  solid_status of_user = SOLID_EINTERNAL;
  window = window ? window : &unused;
  *window = (solid_window){.steps = read, .most = most};
  cr_assert_eq(store->ops->advance(store, &append, 1, window, &applied, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(of_user, SOLID_OK);
  judge(window, window->seq);
  return applied;
}

void history_get(solid_store *store, const char *user, solid_window *window) {
  params_room params;
  uint8_t found;
  params.params = part_params_in(&params);
  if (!window->steps) window->steps = read;
  cr_assert_eq(part_try_get(store, part_text(user), 1, window, &params.params, &found), SOLID_OK, "%s",
               solid_last_error());
}

void history_expect(solid_store *store, const char *user, uint64_t seq, uint32_t most, size_t count) {
  solid_window window = {.most = most};
  history_get(store, user, &window);
  cr_assert_eq(window.count, count, "%zu steps of %u, %zu expected", window.count, most, count);
  cr_assert_eq(window.is_cut, 0);
  judge(&window, seq);
}

typedef struct seen_items {
  uint64_t items[2 * HISTORY_ROOM];
  size_t n;
} seen_items;

static void take_seen(void *user, const uint64_t *items, size_t n) {
  seen_items *seen = user;
  cr_assert(n <= sizeof seen->items / sizeof *items - seen->n);
  memcpy(seen->items + seen->n, items, n * sizeof *items);
  seen->n += n;
}

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static size_t sort(uint64_t *items, size_t n) {
  size_t kept = 0;
  qsort(items, n, sizeof *items, compare);
  for (size_t i = 0; i < n; i++)
    if (!kept || items[kept - 1] != items[i]) items[kept++] = items[i];
  return kept;
}

static void count_seen(void *count, const uint64_t *items, size_t n) {
  (void)items;
  *(size_t *)count += n;
}

void history_get_seen(solid_store *store, const char *const *users, size_t n, uint32_t most, uint64_t *since,
                      size_t *counts) {
  enum { MOST = 4 };
  static solid_step room[MOST][HISTORY_ROOM];
  static params_room rooms[MOST];
  solid_bytes ids[MOST];
  solid_window windows[MOST];
  solid_params params[MOST];
  solid_status statuses[MOST];
  uint8_t found[MOST];
  size_t seen = 0;
  cr_assert(n <= MOST && most <= HISTORY_ROOM);
  for (size_t i = 0; i < n; i++) {
    ids[i] = part_text(users[i]);
    windows[i] = (solid_window){.steps = room[i], .most = most, .take_seen = count_seen, .seen_user = &seen};
    params[i] = part_params_in(&rooms[i]);
  }
  cr_assert_eq(store->ops->get(store, ids, n, 1, windows, params, found, statuses), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) {
    cr_assert_eq(statuses[i], SOLID_OK);
    since[i] = windows[i].seen_since, counts[i] = windows[i].count;
  }
}

void history_expect_seen(solid_store *store, const char *user, uint64_t since, uint64_t seq, uint32_t most) {
  static seen_items seen;
  static uint64_t expected[HISTORY_ROOM];
  seen.n = 0;
  solid_window window = {.most = most, .take_seen = take_seen, .seen_user = &seen};
  history_get(store, user, &window);
  judge(&window, seq);
  cr_assert_eq(window.seen_since, since, "since %lu, %lu expected", window.seen_since, since);
  for (size_t i = 0; i < window.count; i++) seen.items[seen.n++] = window.steps[i].item;
  for (uint64_t n = since; n < seq; n++) expected[n - since] = history_step(n).item;
  size_t n = sort(seen.items, seen.n), m = sort(expected, (size_t)(seq - since));
  cr_assert_eq(n, m, "%zu items, %zu expected", n, m);
  cr_assert_arr_eq(seen.items, expected, m * sizeof *expected);
}
