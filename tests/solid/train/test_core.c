/* The core of a dataset, against taking out one user or item at a time, by name. */
#include "solid/train/split.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 60, ITEMS = 40, MOST = 12 };

/* Items of each user, oldest first; -1 = no more. */
typedef struct raw {
  int item[USERS][MOST];
  int count[USERS];
} raw;

static raw draw(uint64_t salt) {
  seed_rng rng = seed_start(salt);
  raw r = {0};
  for (int u = 0; u < USERS; u++) {
    r.count[u] = 1 + seed_below(&rng, MOST);
    for (int i = 0; i < r.count[u]; i++) {
      int v = seed_below(&rng, ITEMS);
      r.item[u][i] = seed_below(&rng, 2) ? v : v / 4; /* some are liked more */
    }
  }
  return r;
}

static solid_bytes name(char text[16], char kind, int number) {
  snprintf(text, 16, "%c%d", kind, number);
  return (solid_bytes){text, strlen(text)};
}

static solid_dataset dataset_of(const raw *r) {
  solid_collector *collector = NULL;
  solid_dataset dataset = {0};
  char user[16], item[16];
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < USERS; u++)
    for (int i = 0; i < r->count[u]; i++) {
      solid_event e = {.user = name(user, 'u', u), .item = name(item, 'i', r->item[u][i]), .time_ms = i};
      const float vector[2] = {(float)r->item[u][i], 1};
      cr_assert_eq(solid_collector_push(collector, &e, 1, NULL), SOLID_OK);
      cr_assert_eq(solid_collector_vector(collector, e.item, vector, 2), SOLID_OK);
      cr_assert_eq(solid_collector_attribute(collector, e.item, name(user, 'a', r->item[u][i] % 7)), SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

/* Events of user u that train under leave-one-out. */
static int trains(const raw *r, int u) {
  return r->count[u] < 3 ? r->count[u] : r->count[u] - 2;
}

/* Takes out one at a time, the last first, until nobody has too few. */
static void reference(const raw *r, int min_user, int min_item, int user_gone[USERS], int item_gone[ITEMS]) {
  for (int again = 1; again;) {
    int users[USERS] = {0}, items[ITEMS] = {0};
    for (int u = 0; u < USERS; u++)
      for (int i = 0; i < trains(r, u); i++) {
        users[u] += !item_gone[r->item[u][i]];
        items[r->item[u][i]] += !user_gone[u];
      }
    again = 0;
    for (int u = USERS - 1; u >= 0 && !again; u--)
      if (!user_gone[u] && users[u] < min_user) user_gone[u] = again = 1;
    for (int v = ITEMS - 1; v >= 0 && !again; v--)
      if (!item_gone[v] && items[v] < min_item) item_gone[v] = again = 1;
  }
}

static int number_of(const solid_vocab *vocab, uint32_t index) {
  solid_bytes id = solid_vocab_id(vocab, index);
  char text[16] = "";
  memcpy(text, id.data, id.size);
  return (int)strtol(text + 1, NULL, 10);
}

/* The user's events in the core are his own without the items that are gone, and each is in the part where it was. */
static void check_user(const solid_dataset *d, uint32_t u, const raw *r, const int item_gone[ITEMS]) {
  int from = number_of(&d->user_ids, u), training = trains(r, from);
  size_t at = d->offsets[u];
  solid_split_bounds bounds = solid_split_of(d, u);
  size_t valid = SOLID_NO_EVENT, test = SOLID_NO_EVENT, train_end = at;
  for (int i = 0; i < r->count[from]; i++) {
    if (item_gone[r->item[from][i]]) continue;
    cr_assert_lt(at, d->offsets[u + 1]);
    cr_assert_eq(number_of(&d->item_ids, d->sequence[at]), r->item[from][i]);
    cr_assert_eq(d->times[at], i);
    if (i >= training && i == r->count[from] - 2 && at > d->offsets[u]) valid = at;
    if (i >= training && i == r->count[from] - 1 && at > d->offsets[u]) test = at;
    at++;
    if (i < training) train_end = at;
  }
  cr_assert_eq(at, d->offsets[u + 1]);
  cr_assert_eq(bounds.train_end, train_end);
  cr_assert_eq(bounds.valid, valid, "user %d", from);
  cr_assert_eq(bounds.test, test, "user %d", from);
}

static void check_core(uint64_t salt, uint32_t min_user, uint32_t min_item) {
  raw r = draw(salt);
  solid_dataset d = dataset_of(&r);
  int user_gone[USERS] = {0}, item_gone[ITEMS] = {0}, users = 0, items = 0, seen[ITEMS] = {0};
  reference(&r, (int)min_user, (int)min_item, user_gone, item_gone);
  for (int u = 0; u < USERS; u++) {
    users += !user_gone[u];
    for (int i = 0; i < r.count[u]; i++) seen[r.item[u][i]] = 1;
  }
  for (int v = 0; v < ITEMS; v++) items += seen[v] && !item_gone[v];
  solid_status status = solid_split_core(&d, min_user, min_item);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(d.users, (uint32_t)users, "%u users, want %d", d.users, users);
  cr_assert_eq(d.items, (uint32_t)items, "%u items, want %d", d.items, items);
  cr_assert_eq(d.offsets[d.users], d.events);
  for (uint32_t u = 0; u < d.users; u++) {
    cr_assert(!user_gone[number_of(&d.user_ids, u)]);
    check_user(&d, u, &r, item_gone);
  }
  for (uint32_t v = 0; v < d.items; v++) {
    int number = number_of(&d.item_ids, v);
    cr_assert_eq(d.vectors[2 * v], (float)number);
    cr_assert_eq(d.attribute_offsets[v + 1] - d.attribute_offsets[v], 1);
    cr_assert_eq(number_of(&d.attributes, d.attribute_ids[d.attribute_offsets[v]]), number % 7);
  }
  cr_assert_eq(solid_dataset_check(&d), SOLID_OK, "%s", solid_last_error());
  solid_dataset_clear(&d);
}

Test(core, is_what_is_left_when_nobody_has_too_few) {
  for (uint64_t salt = 1; salt <= 20; salt++) {
    check_core(salt, 2, 3);
    check_core(salt, 0, 4);
    check_core(salt, 5, 0);
    check_core(salt, 1, 1);
  }
}

Test(core, is_said_by_the_split) {
  raw r = draw(1);
  solid_dataset d = dataset_of(&r);
  char text[SOLID_SPLIT_TEXT];
  cr_assert_eq(solid_split_core(&d, 0, 0), SOLID_OK);
  solid_split_describe(&d, text);
  cr_expect_str_eq(text, "leave-one-out");
  cr_assert_eq(solid_split_core(&d, 2, 3), SOLID_OK);
  solid_split_describe(&d, text);
  cr_expect_str_eq(text, "leave-one-out, at least 2 events a user, 3 an item");
  solid_dataset_clear(&d);
}

Test(core, that_is_empty_is_refused_and_changes_nothing) {
  raw r = draw(2);
  solid_dataset d = dataset_of(&r);
  uint64_t before = solid_dataset_hash(&d);
  cr_expect_eq(solid_split_core(&d, 100, 100), SOLID_ENOTFOUND);
  cr_expect(strstr(solid_last_error(), "leave 0 of 60 users and 0 of"), "%s", solid_last_error());
  cr_expect_eq(solid_dataset_hash(&d), before);
  cr_expect_eq(d.split.min_user, 0);
  cr_expect_eq(solid_split_core(NULL, 1, 1), SOLID_EINVAL);
  solid_dataset_clear(&d);
}
