/* The body: histories longer than a record, in pages. */
#include "tests/store/history_parts.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>

static void nobody(void *user, const uint64_t *items, size_t n) {
  (void)user, (void)items, (void)n;
}

static size_t at_most(size_t n, size_t most) {
  return n < most ? n : most;
}

void body_keeps_a_history_in_pages(const store_maker *maker) {
  static const uint32_t tails[] = {1, 5, 50, 255, 256, 257, 300, 511, 512, 700, 1800, 2000};
  solid_store *store = maker->open_history(5, 2000, 0);
  solid_window window;
  cr_assert_eq(store->window, 5);
  cr_assert_eq(store->history, 2000);
  for (uint64_t n = 0; n < 1800; n++) {
    uint32_t most = n % 3 ? 0 : tails[n / 3 % 12];
    cr_assert_eq(history_append(store, "ann", n, n + 1, most, &window), 1);
    cr_assert_eq(window.seq, n + 1);
    cr_assert_eq(window.count, at_most(n + 1, most ? most : 5), "%zu steps of %u at %lu", window.count, most, n);
    cr_assert_neq(window.birth, 0);
  }
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
    history_expect(store, "ann", 1800, tails[i], at_most(1800, tails[i]));
  solid_store_close(store);
}

void body_drops_the_oldest_pages(const store_maker *maker) {
  solid_store *store = maker->open_history(50, 1000, 0);
  for (uint64_t n = 0; n < 5000; n += 125) {
    cr_assert_eq(history_append(store, "ann", n, n + 125, 1000, NULL), 125);
    history_expect(store, "ann", n + 125, 1000, at_most(n + 125, 1000));
  }
  history_expect_seen(store, "ann", 0, 5000, 50);
  solid_store_close(store);
}

/* A history that is read from the beginning: more than a page, more than is kept, in one call. */
void body_takes_long_histories_at_once(const store_maker *maker) {
  solid_store *store = maker->open_history(600, SOLID_HISTORY_MAX, 0);
  solid_window window;
  cr_assert_eq(history_append(store, "ann", 0, 20000, 0, &window), 20000);
  cr_assert_eq(window.count, 600);
  for (uint64_t n = 20000; n < SOLID_HISTORY_MAX + 1000; n += 20000) {
    uint64_t to = n + 20000 < SOLID_HISTORY_MAX + 1000 ? n + 20000 : SOLID_HISTORY_MAX + 1000;
    cr_assert_eq(history_append(store, "ann", n, to, 0, NULL), to - n);
  }
  history_expect(store, "ann", SOLID_HISTORY_MAX + 1000, SOLID_HISTORY_MAX, SOLID_HISTORY_MAX);
  history_expect(store, "ann", SOLID_HISTORY_MAX + 1000, 0, 600);
  solid_store_close(store);
}

void body_a_history_survives_random_replays(const store_maker *maker) {
  solid_store *store = maker->open_history(40, 3000, 0);
  uint64_t done = 0;
  seed_rng rng = seed_start(11);
  while (done < 2500) {
    uint64_t back = (uint64_t)seed_below(&rng, 60), from = done > back ? done - back : 0,
             to = done + (uint64_t)seed_below(&rng, 90);
    size_t applied = history_append(store, "ann", from, to, (uint32_t)seed_below(&rng, 700), NULL);
    cr_assert_eq(applied, to - done);
    done = to;
  }
  history_expect(store, "ann", done, 3000, (size_t)done);
  history_expect_seen(store, "ann", 0, done, 40);
  solid_store_close(store);
}

void body_a_new_epoch_ends_a_history(const store_maker *maker) {
  solid_store *store = maker->open_history(5, 2000, 0), *reader = maker->open_history(5, 2000, 0);
  solid_store_epoch epoch;
  solid_window window;
  history_append(store, "ann", 0, 1500, 0, &window);
  uint64_t birth = window.birth;
  cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK);
  history_expect(reader, "ann", 1500, 2000, 1500); /* readers go on */
  history_append(store, "ann", 0, 700, 2000, &window);
  cr_assert_eq(window.seq, 700);
  cr_assert_eq(window.count, 700);
  cr_assert_neq(window.birth, birth);
  history_expect(reader, "ann", 700, 2000, 700);
  history_expect_seen(reader, "ann", 0, 700, 5);
  solid_store_close(reader);
  solid_store_close(store);
}

void body_knows_all_that_was_ever_taken(const store_maker *maker) {
  solid_store *store = maker->open_history(50, 600, 0);
  for (uint64_t n = 0; n < 2600; n += 10) {
    history_append(store, "ann", n, n + 10, 0, NULL);
    if (n % 130 == 0) history_expect_seen(store, "ann", 0, n + 10, n % 260 ? 50 : 600);
  }
  solid_store_close(store);
}

/* The items of the newest pages lie apart from those of older ones, until they are many. */
void body_knows_all_that_was_ever_taken_of_long_histories(const store_maker *maker) {
  solid_store *store = maker->open_history(50, 600, 0);
  for (uint64_t n = 0; n < 16000; n += 100) {
    history_append(store, "ann", n, n + 100, 0, NULL);
    if (n % 700 == 0) history_expect_seen(store, "ann", 0, n + 100, n % 1400 ? 50 : 600);
  }
  history_append(store, "ann", 16000, 26000, 0, NULL); /* many pages at once */
  history_expect_seen(store, "ann", 0, 26000, 50);
  history_append(store, "ann", 26000, 26300, 0, NULL);
  history_expect_seen(store, "ann", 0, 26300, 50);
  solid_store_close(store);
}

/* The page with which more different items were taken than a store keeps: what is known begins with its steps. */
static uint64_t first_of_too_many(void) {
  static uint8_t is_met[SOLID_SEEN_MAX * 2];
  size_t different = 0;
  for (uint64_t n = 0;; n++) {
    different += !is_met[history_item(n)];
    is_met[history_item(n)] = 1;
    if (different > SOLID_SEEN_MAX) return n / SOLID_PAGE_STEPS * SOLID_PAGE_STEPS;
  }
}

void body_begins_anew_where_too_many_items_were_taken(const store_maker *maker) {
  solid_store *store = maker->open_history(50, 600, 0);
  uint64_t since = first_of_too_many(), n = 0;
  for (; n + 20000 < since; n += 20000) history_append(store, "ann", n, n + 20000, 0, NULL);
  for (; n + 250 < since; n += 250) history_append(store, "ann", n, n + 250, 0, NULL);
  for (uint64_t end = since + 1200; n < end; n += 50) {
    solid_window window = {.take_seen = nobody};
    history_append(store, "ann", n, n + 50, 0, NULL);
    history_get(store, "ann", &window);
    cr_assert_eq(window.seen_since, n + 50 < since + SOLID_PAGE_STEPS + 50 ? 0 : since);
  }
  history_expect_seen(store, "ann", since, n, 50);
  solid_store_close(store);
}

/* Without a history the window is all that is known, and until it is full that is everything. */
void body_short_windows_know_what_they_hold(const store_maker *maker) {
  solid_store *store = maker->open_history(50, 50, 0);
  history_append(store, "ann", 0, 30, 0, NULL);
  history_expect_seen(store, "ann", 0, 30, 0);
  history_append(store, "ann", 30, 80, 0, NULL);
  history_expect_seen(store, "ann", 30, 80, 0);
  solid_store_close(store);
}

void body_one_long_history_beside_short_ones(const store_maker *maker) {
  enum { USERS = 256 };
  static char names[USERS][8];
  static solid_step rooms[USERS][300], step;
  static solid_append appends[USERS];
  static solid_window windows[USERS];
  static solid_status statuses[USERS];
  static size_t applied[USERS];
  solid_store *store = maker->open_history(300, SOLID_HISTORY_MAX, 0);
  const solid_position none = {0, 0};
  for (uint64_t n = 0; n < 100000; n += 20000) history_append(store, "0", n, n + 20000, 0, NULL);
  for (uint64_t turn = 0; turn < 3; turn++) {
    step = history_step(turn);
    for (size_t i = 0; i < USERS; i++) {
      snprintf(names[i], sizeof names[i], "%zu", i);
      appends[i] = (solid_append){.user = part_text(names[i]), .steps = &step, .positions = &none, .count = 1};
      windows[i] = (solid_window){.steps = rooms[i]};
    }
    cr_assert_eq(store->ops->advance(store, appends, USERS, windows, applied, statuses), SOLID_OK, "%s",
                 solid_last_error());
    for (size_t i = 0; i < USERS; i++) {
      cr_assert_eq(windows[i].seq, turn + 1 + (i ? 0 : 100000));
      cr_assert_eq(windows[i].count, i ? turn + 1 : 300);
      cr_assert_eq(windows[i].steps[windows[i].count - 1].item, step.item);
    }
    cr_assert_eq(rooms[0][0].item, history_step(100000 - 299 + turn).item);
  }
  solid_store_close(store);
}

/* What belongs to a user goes with the user, whichever part was used last. */
void body_histories_expire_as_a_whole(const store_maker *maker) {
  enum { TTL = 400 };
  solid_store *store = maker->open_history(5, 2000, TTL);
  solid_window window = {.most = 2000};
  history_append(store, "ann", 0, 1500, 0, NULL);
  for (int i = 0; i < 12; i++) { /* four times as long as it lives unused */
    maker->pass_time(TTL / 3);
    history_append(store, "ann", 1500 + (uint64_t)i, 1501 + (uint64_t)i, 0, NULL);
  }
  history_expect(store, "ann", 1512, 2000, 1512);
  history_expect_seen(store, "ann", 0, 1512, 5);
  maker->pass_time(3 * TTL);
  history_get(store, "ann", &window);
  cr_assert_eq(window.count + window.seq, 0);
  history_append(store, "ann", 0, 300, 2000, &window);
  cr_assert_eq(window.count, 300);
  solid_store_close(store);
}

void body_refuses_bad_histories(const store_maker *maker) {
  solid_store *store = maker->open_history(5, 2000, 0);
  solid_step steps[5];
  solid_window window = {.steps = steps, .most = 2001};
  solid_append append = {.user = part_text("ann")};
  solid_status of_user;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_EINVAL);
  window.most = 0;
  window.steps = NULL;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_EINVAL);
  solid_store_close(store);
}
