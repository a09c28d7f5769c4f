/* The body: users who are forgotten, and events of theirs that are read again. */
#include "tests/store/store_parts.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int forget(solid_store *store, solid_bytes user, solid_position position, int64_t time_ms) {
  const solid_forgetting asked = {user, position, time_ms};
  uint8_t had = 77;
  solid_status of_user = SOLID_EINTERNAL, status = store->ops->forget(store, &asked, 1, &had, &of_user);
  cr_assert(status == SOLID_OK && of_user == SOLID_OK, "%s: %s", store->ops->name, solid_last_error());
  cr_assert(had <= 1);
  return had;
}

static void expect_nobody(solid_store *store, const char *user) {
  window_room window;
  params_room params;
  cr_assert_eq(part_get(store, user, 1, &window, &params), 0, "params of %s", user);
  part_expect_window(&window, 0, 0, NULL);
  cr_assert(!window.window.params_seq && !window.window.params_generation && !window.window.n_dislikes);
}

static void count_user(void *count, solid_bytes user) {
  (void)user;
  ++*(size_t *)count;
}

static size_t count_users(solid_store *store) {
  uint64_t cursor = 0;
  size_t count = 0;
  do cr_assert_eq(store->ops->list(store, 100, &cursor, count_user, &count), SOLID_OK);
  while (cursor);
  return count;
}

/* A full record: window, params, dislikes, marks of two streams. */
static void make_user(solid_store *store, const char *user) {
  window_room window;
  const uint8_t dislike = 1;
  const solid_step step = {9, 9};
  const solid_position position = part_at(4, 4);
  solid_append append = {
      .user = part_text(user), .steps = &step, .positions = &position, .count = 1, .dislikes = &dislike};
  solid_status of_user;
  for (uint64_t i = 1; i <= 3; i++) part_append_one(store, user, i, part_at(3, 10 * i), &window);
  window.window = (solid_window){.steps = window.steps, .dislikes = window.dislikes};
  cr_assert_eq(store->ops->advance(store, &append, 1, &window.window, NULL, &of_user), SOLID_OK);
  part_put(store, user, 3, 1, 2.0f);
}

void body_forgets_all_of_a_user(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  window_room window;
  make_user(store, "ann");
  make_user(store, "bob");
  cr_assert_eq(forget(other, part_text("ann"), part_no_stream, 0), 1);
  expect_nobody(store, "ann");
  expect_nobody(other, "ann");
  cr_assert_eq(count_users(store), 1);
  part_expect_params(store, "bob", 1, 3, 2.0f);
  cr_assert_eq(forget(store, part_text("ann"), part_no_stream, 0), 0, "there is nothing left");
  cr_assert_eq(forget(store, part_text("nobody"), part_no_stream, 0), 0);
  cr_assert_eq(part_append(store, part_text("ann"), NULL, NULL, 0, &window), 0);
  part_expect_window(&window, 0, 0, NULL);
  cr_assert_eq(count_users(store), 1, "to read makes nobody");
  solid_store_close(other);
  solid_store_close(store);
}

void body_a_replay_brings_nobody_back(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  solid_store_epoch epoch;
  window_room window;
  make_user(store, "ann");
  forget(store, part_text("ann"), part_no_stream, 0);
  for (int round = 0; round < 3; round++) { /* by who forgot, by another one, and when all is read again */
    solid_store *writer = round == 1 ? other : store;
    if (round == 2) cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK, "%s", solid_last_error());
    for (uint64_t i = 1; i <= 3; i++)
      cr_assert_eq(part_append_one(writer, "ann", i, part_at(3, 10 * i), &window), 0, "round %d", round);
    cr_assert_eq(part_append_one(writer, "ann", 9, part_at(4, 4), &window), 0);
    part_put(writer, "ann", 3, 1, 2.0f); /* were being made when it happened */
    expect_nobody(writer, "ann");
    cr_assert_eq(count_users(writer), 0, "round %d", round);
  }
  cr_assert_eq(part_append_one(store, "ann", 5, part_at(3, 31), &window), 1, "behind it, whatever its time");
  part_expect_window(&window, 1, 1, (uint64_t[]){5});
  solid_store_close(other);
  solid_store_close(store);
}

void body_what_comes_later_is_a_new_user(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  make_user(store, "ann");
  forget(store, part_text("ann"), part_no_stream, 5000);
  cr_assert_eq(part_append_one(store, "ann", 31, part_at(3, 31), &window), 1);
  part_expect_window(&window, 1, 1, (uint64_t[]){31});
  cr_assert_eq(part_append_one(store, "ann", 30, part_at(3, 30), &window), 0);
  cr_assert_eq(part_append_one(store, "ann", 9, part_at(4, 4), &window), 0, "of a stream that the new record lacks");
  cr_assert_eq(part_append_one(store, "ann", 4999, part_at(77, 1), &window), 0, "of another stream: by its time");
  cr_assert_eq(part_append_one(store, "ann", 5000, part_at(77, 2), &window), 0);
  cr_assert_eq(part_append_one(store, "ann", 5001, part_at(77, 3), &window), 1);
  cr_assert_eq(part_append_one(store, "ann", 4, part_at(77, 4), &window), 1, "the stream has a mark by now");
  cr_assert_eq(part_append_one(store, "ann", 6, part_no_stream, &window), 1, "of no stream: it happens now");
  part_expect_window(&window, 4, 4, (uint64_t[]){31, 5001, 4, 6});
  part_put(store, "ann", 4, 1, 3.0f);
  part_expect_params(store, "ann", 1, 4, 3.0f);
  cr_assert_eq(forget(store, part_text("ann"), part_no_stream, 4000), 1, "again, and what was known stays known");
  cr_assert_eq(part_append_one(store, "ann", 31, part_at(3, 31), &window), 0);
  cr_assert_eq(part_append_one(store, "ann", 9, part_at(4, 4), &window), 0);
  cr_assert_eq(part_append_one(store, "ann", 5, part_at(77, 4), &window), 0);
  cr_assert_eq(part_append_one(store, "ann", 5000, part_at(78, 1), &window), 0, "the later of two times");
  expect_nobody(store, "ann");
  solid_store_close(store);
}

/* Some are forgotten by an event of their stream, which comes again with the others. */
void body_forgets_by_an_event_once(const store_maker *maker) {
  solid_store *store = maker->open(0);
  window_room window;
  for (int round = 0; round < 3; round++) {
    solid_store_epoch epoch;
    if (round == 2) cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK);
    part_append_one(store, "ann", 1, part_at(3, 1), &window);
    part_append_one(store, "ann", 2, part_at(3, 2), &window);
    cr_assert_eq(forget(store, part_text("ann"), part_at(3, 3), 100), round == 0, "round %d", round);
    cr_assert_eq(part_append_one(store, "ann", 4, part_at(3, 4), &window), round != 1);
    part_expect_window(&window, 1, 1, (uint64_t[]){4});
    cr_assert_eq(forget(store, part_text("bob"), part_at(3, 5), 100), 0);
    cr_assert_eq(part_append_one(store, "bob", 5, part_at(3, 5), &window), 0, "nobody is known before it");
    cr_assert_eq(part_append_one(store, "bob", 6, part_at(3, 6), &window), round != 1);
  }
  cr_assert_eq(forget(store, part_text("ann"), part_at(3, 4), 100), 0, "the mark says that it is past");
  part_append(store, part_text("ann"), NULL, NULL, 0, &window);
  part_expect_window(&window, 1, 1, (uint64_t[]){4});
  solid_store_close(store);
}

void body_forgets_ids_of_all_kinds(const store_maker *maker) {
  static char longest[SOLID_ID_MAX];
  memset(longest, '}', sizeof longest);
  const solid_bytes ids[] = {{"}", 1}, {"%7D", 3}, {"a\0b", 3}, {"a\0c", 3}, {"{x}", 3}, {longest, SOLID_ID_MAX}};
  const size_t n = sizeof ids / sizeof *ids;
  solid_store *store = maker->open(0);
  solid_step step = {1, 1};
  solid_position position = part_at(1, 1);
  window_room window;
  for (size_t i = 0; i < n; i++) part_append(store, ids[i], &step, &position, 1, &window);
  for (size_t i = 0; i < n; i++) {
    cr_assert_eq(forget(store, ids[i], part_no_stream, 0), 1, "id %zu", i);
    cr_assert_eq(count_users(store), n - 1 - i, "and nobody else");
    cr_assert_eq(part_append(store, ids[i], &step, &position, 1, &window), 0);
  }
  const solid_forgetting bad[] = {
      {{"", 0}, {0, 0}, 0}, {{longest, SOLID_ID_MAX + 1}, {0, 0}, 0}, {{"a", 1}, {0, 0}, -1}};
  solid_status of_user;
  for (size_t i = 0; i < 3; i++)
    cr_assert_eq(store->ops->forget(store, &bad[i], 1, NULL, &of_user), i == 2 ? SOLID_EINVAL : SOLID_ERANGE);
  cr_assert_eq(store->ops->forget(store, bad, 1, NULL, NULL), SOLID_EINVAL);
  solid_store_close(store);
}

/* What was being made when a user was forgotten is not stored, however far the new life has come meanwhile; nor is what
 * was made in a life between. What is made of the present window is. */
void body_params_of_an_earlier_life_are_none(const store_maker *maker) {
  enum { LIVES = 4, STREAMS = 12 };
  solid_store *store = maker->open(0), *other = maker->open(0);
  solid_store_epoch epoch;
  window_room window, now;
  params_room params;
  uint64_t lives[LIVES];
  for (int life = 0; life < LIVES; life++) {
    for (uint64_t i = 1; i <= 3; i++) /* without a stream, so that no mark and no time of the list changes */
      part_append_one(life % 2 ? other : store, "ann", i, part_no_stream, &window);
    lives[life] = window.window.life;
    for (int made = 0; made <= life; made++) {
      cr_assert((made == life) == (lives[made] == lives[life]), "lives %d and %d", made, life);
      part_fill_params(&params, 3, 1, (float)made);
      params.params.life = lives[made];
      cr_assert_eq(part_try_put(store, part_text("ann"), &params.params), SOLID_OK, "%s", solid_last_error());
      cr_assert_eq(part_get(store, "ann", 1, &now, &params), made == life, "in life %d, of life %d", life, made);
      cr_assert(now.window.seq == 3 && now.window.life == lives[life]);
    }
    part_expect_params(store, "ann", 1, 3, (float)life);
    if (life < LIVES - 1) cr_assert_eq(forget(store, part_text("ann"), part_no_stream, 1), 1);
  }
  for (uint64_t i = 0; i < STREAMS; i++) { /* more streams than there are marks */
    part_append_one(store, "ann", 10 + i, part_at(20 + i, 1), &now);
    cr_assert_eq(now.window.life, lives[LIVES - 1], "behind stream %lu", (unsigned long)i);
  }
  part_expect_params(store, "ann", 1, 3, (float)(LIVES - 1));
  cr_assert_eq(store->ops->epoch_begin(store, 1, &epoch), SOLID_OK, "%s", solid_last_error());
  part_append_one(store, "ann", 99, part_no_stream, &now);
  cr_assert_eq(now.window.life, lives[LIVES - 1], "a new epoch is no forgetting");
  solid_store_close(other);
  solid_store_close(store);
}

/* By solid_forget, more than go at once; a user may be named twice. */
void body_forgets_many(const store_maker *maker) {
  enum { MANY = 150 };
  static char names[MANY][8];
  static solid_bytes users[MANY + 1];
  static uint8_t had[MANY + 1];
  solid_store *store = maker->open(0);
  window_room window;
  for (size_t i = 0; i < MANY; i++) {
    users[i] = (solid_bytes){names[i], (size_t)snprintf(names[i], sizeof names[i], "m%zu", i)};
    if (i % 2) part_append_one(store, names[i], 1, part_at(1, 1), &window);
  }
  users[MANY] = users[1];
  cr_assert_eq(solid_forget(store, users, MANY + 1, had), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i <= MANY; i++) cr_assert_eq(had[i], i < MANY && i % 2, "user %zu", i);
  cr_assert_eq(count_users(store), 0);
  for (size_t i = 0; i < MANY; i++) cr_assert_eq(part_append_one(store, names[i], 1, part_at(1, 1), &window), 0);
  cr_assert_eq(solid_forget(NULL, users, 1, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_forget(store, NULL, 1, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_forget(store, NULL, 0, NULL), SOLID_OK);
  solid_store_close(store);
}

/* A model of it: of each user the events behind the last forgetting count, whatever is read again, by whichever handle,
 * and one at a time as well as many. */
void body_survives_random_forgetting(const store_maker *maker) {
  enum { USERS = 4, ROUNDS = 600, MOST = 6 };
  uint64_t cut[USERS] = {1, 1, 1, 1}, newest[USERS] = {1, 1, 1, 1},
           seed = 12345; /* no event is older than a forgetting */
  solid_store *handles[2] = {maker->open(0), maker->open(0)};
  for (int round = 0; round < ROUNDS; round++) {
    char name[8];
    solid_step steps[MOST];
    solid_position positions[MOST];
    window_room window;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    uint64_t r = seed >> 33, user = r % USERS, kind = r / USERS % 8, from, n = 1 + r / 64 % MOST;
    solid_store *store = handles[r / 1024 % 2];
    snprintf(name, sizeof name, "r%lu", (unsigned long)user);
    if (kind == 0) {
      int had = forget(store, part_text(name), part_no_stream, 1);
      cr_assert_eq(had, newest[user] > cut[user], "round %d", round);
      cut[user] = newest[user];
      continue;
    }
    if (kind == 1) { /* by an event that stands behind all others */
      forget(store, part_text(name), part_at(9, ++newest[user]), 1);
      cut[user] = newest[user];
      continue;
    }
    from = kind < 5 ? newest[user] + 1 : 2 + r / 4096 % newest[user]; /* new ones, or some again and maybe new */
    for (uint64_t i = 0; i < n; i++) {
      steps[i] = (solid_step){from + i, (int64_t)(from + i)};
      positions[i] = part_at(9, from + i);
    }
    part_append(store, part_text(name), steps, positions, n, &window);
    if (from + n - 1 > newest[user]) newest[user] = from + n - 1;
    uint64_t seq = newest[user] - cut[user], count = seq < BODY_WINDOW ? seq : BODY_WINDOW, items[BODY_WINDOW];
    for (uint64_t i = 0; i < count; i++) items[i] = newest[user] - count + 1 + i;
    part_expect_window(&window, seq, count, items);
  }
  solid_store_close(handles[0]);
  solid_store_close(handles[1]);
}
