/* The body: the item log. */
#include "tests/store/store_parts.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 2500 };

/* What was read: the ids behind one another, and copies of the newest entry. */
typedef struct found_items {
  uint64_t numbers[MANY];
  char ids[MANY][24];
  size_t n, unreadable;
  uint32_t kind;
  char title[32], attribute[32];
  size_t n_attributes, width;
  float first;
  int64_t time_ms;
} found_items;

static void copy(char *to, size_t room, solid_bytes from) {
  snprintf(to, room, "%.*s", (int)from.size, from.data ? from.data : "");
}

static void take(void *user, uint64_t number, const solid_item_entry *entry) {
  found_items *found = user;
  cr_assert_lt(found->n, MANY);
  found->numbers[found->n] = number;
  found->unreadable += entry == NULL;
  if (!entry) return;
  copy(found->ids[found->n++], sizeof found->ids[0], entry->id);
  copy(found->title, sizeof found->title, entry->title);
  found->kind = entry->kind;
  found->n_attributes = entry->n_attributes;
  if (entry->n_attributes) copy(found->attribute, sizeof found->attribute, entry->attributes[entry->n_attributes - 1]);
  found->width = entry->width;
  if (entry->width) found->first = entry->vector[0];
  found->time_ms = entry->time_ms;
}

static solid_items_version read_from(solid_store *store, uint64_t from, size_t most, found_items *found) {
  solid_items_version now;
  *found = (found_items){.n = 0};
  cr_assert_eq(store->ops->items_read(store, from, most, take, found, &now), SOLID_OK, "%s", solid_last_error());
  return now;
}

static int append(solid_store *store, const solid_items_version *seen, const solid_item_entry *entries, size_t n,
                  solid_items_version *now) {
  int appended = 77;
  solid_status status = store->ops->items_append(store, seen, entries, n, now, &appended);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return appended;
}

void body_items_come_back_as_they_were(const store_maker *maker) {
  static const float vector[3] = {0.25f, -1e30f, 0};
  static found_items found;
  solid_store *store = maker->open(0), *other = maker->open(0);
  const solid_bytes attributes[] = {part_text("red"), part_text("a\n{}|")};
  const solid_item_entry entries[] = {
      {SOLID_ITEM_ADDED, part_text("new"), part_text("A title"), attributes, 2, vector, 3, 1700000000000},
      {SOLID_ITEM_ADDED, part_text("bare"), {NULL, 0}, NULL, 0, NULL, 0, -1},
      {SOLID_ITEM_HIDDEN, part_text("old"), {NULL, 0}, NULL, 0, NULL, 0, 7}};
  solid_items_version none = {.count = 0}, now;
  cr_assert_eq(read_from(store, 0, 10, &found).count, 0);
  cr_assert_eq(found.n, 0);
  cr_assert_eq(append(store, &none, entries, 2, &now), 1);
  cr_assert_eq(now.count, 2);
  cr_assert_eq(append(other, &now, entries + 2, 1, &now), 1);
  solid_items_version there = read_from(other, 0, 1, &found);
  cr_assert(there.count == 3 && !memcmp(there.log, now.log, sizeof now.log));
  cr_assert(found.n == 1 && found.numbers[0] == 1 && !strcmp(found.ids[0], "new") && !strcmp(found.title, "A title"));
  cr_assert(found.n_attributes == 2 && !strcmp(found.attribute, "a\n{}|"), "%s", found.attribute);
  cr_assert(found.width == 3 && found.first == 0.25f && found.time_ms == 1700000000000);
  read_from(store, 1, 10, &found);
  cr_assert(found.n == 2 && found.numbers[0] == 2 && !strcmp(found.ids[0], "bare") && !strcmp(found.ids[1], "old"));
  cr_assert(found.kind == SOLID_ITEM_HIDDEN && found.time_ms == 7 && !found.unreadable);
  cr_assert_eq(read_from(store, 3, 10, &found).count, 3);
  cr_assert_eq(found.n, 0);
  cr_assert_eq(read_from(store, 9, 10, &found).count, 3, "who thinks that it is longer is told");
  solid_store_close(other);
  solid_store_close(store);
}

void body_items_are_appended_once(const store_maker *maker) {
  static found_items found;
  solid_store *store = maker->open(0), *other = maker->open(0);
  const solid_item_entry mine = {.id = part_text("mine")}, yours = {.id = part_text("yours")};
  solid_items_version none = {.count = 0}, first, now;
  cr_assert_eq(append(store, &none, &mine, 1, &first), 1);
  cr_assert_eq(append(other, &none, &yours, 1, &now), 0, "the other one was first");
  cr_assert(now.count == 1 && !memcmp(now.log, first.log, sizeof now.log));
  cr_assert_eq(append(store, &none, &mine, 1, &now), 0, "the answer to the first was lost");
  cr_assert_eq(append(other, &first, &yours, 1, &now), 1);
  solid_items_version stranger = now;
  stranger.log[0] ^= 1;
  cr_assert_eq(append(other, &stranger, &yours, 1, &now), 0, "of a log that was lost");
  read_from(store, 0, 10, &found);
  cr_assert(found.n == 2 && !strcmp(found.ids[0], "mine") && !strcmp(found.ids[1], "yours"));
  solid_store_close(other);
  solid_store_close(store);
}

void body_questions_bring_the_log(const store_maker *maker) {
  solid_store *writer = maker->open(0), *reader = maker->open(0);
  const solid_item_entry entry = {.id = part_text("new")};
  solid_items_version none = {.count = 0}, now;
  window_room window;
  params_room params;
  reader->follows_items = 1;
  part_get(reader, "ann", 1, &window, &params);
  cr_assert_eq(reader->items.count, 0);
  cr_assert_eq(append(writer, &none, &entry, 1, &now), 1);
  cr_assert_eq(writer->items.count, 1);
  cr_assert_eq(reader->items.count, 0, "nothing was asked");
  maker->pass_time(1000); /* in a cluster the log is looked at twice a second */
  part_get(reader, "ann", 1, &window, &params);
  cr_assert(reader->items.count == 1 && !memcmp(reader->items.log, now.log, sizeof now.log));
  cr_assert_eq(append(writer, &now, &entry, 1, &now), 1);
  maker->pass_time(1000);
  part_append_one(reader, "ann", 1, part_no_stream, &window);
  cr_assert_eq(reader->items.count, 2);
  solid_store_close(reader);
  solid_store_close(writer);
}

void body_reads_a_long_log_in_pieces(const store_maker *maker) {
  static found_items found;
  static char ids[MANY][24];
  static solid_item_entry entries[SOLID_ITEMS_AT_ONCE];
  solid_store *store = maker->open(0);
  solid_items_version now = {.count = 0};
  for (size_t at = 0, n; at < MANY; at += n) {
    n = MANY - at < SOLID_ITEMS_AT_ONCE ? MANY - at : SOLID_ITEMS_AT_ONCE;
    for (size_t i = 0; i < n; i++) {
      snprintf(ids[at + i], sizeof ids[0], "item %zu", at + i + 1);
      entries[i] = (solid_item_entry){.id = part_text(ids[at + i])};
    }
    cr_assert_eq(append(store, &now, entries, n, &now), 1);
  }
  cr_assert_eq(now.count, MANY);
  uint64_t from = 0;
  for (int calls = 0; from < MANY; calls++) {
    cr_assert_lt(calls, 100);
    cr_assert_eq(read_from(store, from, SOLID_ITEMS_AT_ONCE, &found).count, MANY);
    cr_assert(found.n > 0 && found.n <= SOLID_ITEMS_AT_ONCE);
    for (size_t i = 0; i < found.n; i++)
      cr_assert(found.numbers[i] == from + i + 1 && !strcmp(found.ids[i], ids[from + i]), "%s", found.ids[i]);
    from += found.n;
  }
  solid_store_close(store);
}

static void append_numbered(solid_store *store, solid_items_version *now, size_t n) {
  static char ids[SOLID_ITEMS_AT_ONCE][24];
  static solid_item_entry entries[SOLID_ITEMS_AT_ONCE];
  while (n) {
    size_t some = n < SOLID_ITEMS_AT_ONCE ? n : SOLID_ITEMS_AT_ONCE;
    for (size_t i = 0; i < some; i++) {
      snprintf(ids[i], sizeof ids[0], "item %llu", (unsigned long long)(now->count + i + 1));
      entries[i] = (solid_item_entry){.id = part_text(ids[i])};
    }
    cr_assert_eq(append(store, now, entries, some, now), 1);
    n -= some;
  }
}

/* From wherever one reads, in pieces of any size: what is there comes, in order, and nothing else. */
static void expect_left(solid_store *store, const uint8_t *is_dropped, uint64_t count, uint64_t from, size_t most) {
  static found_items found;
  uint64_t number = from;
  for (;;) {
    cr_assert_eq(read_from(store, number, most, &found).count, count);
    if (!found.n) break;
    for (size_t i = 0; i < found.n; i++) {
      char id[24];
      do number++;
      while (number <= count && is_dropped[number]);
      snprintf(id, sizeof id, "item %llu", (unsigned long long)number);
      cr_assert(found.numbers[i] == number && !strcmp(found.ids[i], id), "entry %llu: %s, after %llu",
                (unsigned long long)found.numbers[i], found.ids[i], (unsigned long long)from);
    }
  }
  do number++;
  while (number <= count && is_dropped[number]);
  cr_assert_gt(number, count, "entry %llu does not come", (unsigned long long)number);
}

/* Dropped in any order, one by one and many at once, over the edges of blocks of 1,024; appended to in between. */
void body_dropped_items_are_passed_over(const store_maker *maker) {
  enum { MOST = 2400 };
  static uint8_t is_dropped[MOST + 2];
  static uint64_t numbers[MOST];
  solid_store *store = maker->open(0), *other = maker->open(0);
  solid_items_version now = {.count = 0};
  uint64_t seed = 99;
  int dropped = 7;
  memset(is_dropped, 0, sizeof is_dropped);
  append_numbered(store, &now, 1500);
  for (int round = 0; round < 60; round++) {
    size_t n = 0;
    int dense = round % 3;
    for (uint64_t number = 1; number < now.count; number++) {
      seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
      uint64_t r = seed >> 33, first = round * 40u % 1500;
      int is_due = dense == 0 ? r % 97 == 0 : dense == 1 ? number > first && number <= first + 70 : number == r % 2400;
      if (round == 59) is_due = number % 400 != 0;
      if (is_due) numbers[n++] = number, is_dropped[number] = 1;
    }
    solid_store *by = round % 2 ? store : other;
    cr_assert_eq(by->ops->items_drop(by, &now, numbers, n, &dropped), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(dropped, 1);
    if (round % 10 == 0) append_numbered(store, &now, 90);
    if (round % 6 == 5) expect_left(other, is_dropped, now.count, 0, SOLID_ITEMS_AT_ONCE);
    expect_left(other, is_dropped, now.count, seed % now.count, 1 + seed / 7 % 40);
  }
  for (uint64_t from = 0; from < now.count; from += 7) expect_left(store, is_dropped, now.count, from, 3);
  solid_items_version before = now; /* what came since then stays; and it may be done again */
  append_numbered(other, &now, 10);
  for (int again = 0; again < 2; again++) {
    is_dropped[numbers[0] = before.count - 1] = 1;
    cr_assert_eq(store->ops->items_drop(store, &before, numbers, 1, &dropped), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(dropped, 1);
    expect_left(other, is_dropped, now.count, 0, SOLID_ITEMS_AT_ONCE);
  }
  solid_items_version stranger = now;
  stranger.log[0] ^= 1;
  numbers[0] = 400;
  cr_assert_eq(store->ops->items_drop(store, &stranger, numbers, 1, &dropped), SOLID_OK);
  cr_assert_eq(dropped, 0, "it is another log");
  expect_left(store, is_dropped, now.count, 0, SOLID_ITEMS_AT_ONCE);
  numbers[1] = 399;
  cr_assert_eq(store->ops->items_drop(store, &now, numbers, 2, &dropped), SOLID_ERANGE, "they rise");
  numbers[0] = now.count;
  cr_assert_eq(store->ops->items_drop(store, &now, numbers, 1, &dropped), SOLID_ERANGE, "the newest stays");
  numbers[0] = 0;
  cr_assert_eq(store->ops->items_drop(store, &now, numbers, 1, &dropped), SOLID_ERANGE);
  solid_store_close(other);
  solid_store_close(store);
}

void body_refuses_bad_items(const store_maker *maker) {
  static char many[SOLID_TITLE_MAX + 1];
  static float wide[SOLID_ITEM_VECTOR_MAX + 1];
  static solid_bytes names[SOLID_ITEM_ATTRIBUTES_MAX + 1];
  const float bad[2] = {1, NAN};
  solid_store *store = maker->open(0);
  solid_items_version none = {.count = 0}, now;
  memset(many, 'a', sizeof many);
  for (int i = 0; i <= SOLID_ITEM_ATTRIBUTES_MAX; i++) names[i] = part_text("x");
  const solid_bytes empty = {"", 0}, id = part_text("new"), long_name = {many, SOLID_ID_MAX + 1};
  const struct {
    solid_item_entry entry;
    solid_status status;
    const char *word;
  } cases[] = {
      {{.id = {NULL, 0}}, SOLID_ERANGE, "id of 0"},
      {{.id = {many, SOLID_ID_MAX + 1}}, SOLID_ERANGE, "id of 256"},
      {{.id = id, .title = {many, sizeof many}}, SOLID_ERANGE, "title of 1001"},
      {{.id = id, .attributes = &empty, .n_attributes = 1}, SOLID_ERANGE, "attribute of 0"},
      {{.id = id, .attributes = &long_name, .n_attributes = 1}, SOLID_ERANGE, "attribute of 256"},
      {{.id = id, .attributes = names, .n_attributes = SOLID_ITEM_ATTRIBUTES_MAX + 1}, SOLID_ERANGE, "257 attributes"},
      {{.id = id, .n_attributes = 1}, SOLID_EINVAL, "without data"},
      {{.id = id, .vector = bad, .width = 2}, SOLID_ERANGE, "number 1 of its vector is nan"},
      {{.id = id, .vector = wide, .width = SOLID_ITEM_VECTOR_MAX + 1}, SOLID_ERANGE, "vector of 4097"},
      {{.id = id, .width = 1}, SOLID_EINVAL, "without data"},
      {{.id = id, .kind = 4}, SOLID_EINVAL, "no kind"},
      {{.id = id, .kind = SOLID_ITEM_HIDDEN, .title = id}, SOLID_EINVAL, "hidden"},
  };
  int appended = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const solid_item_entry both[2] = {{.id = id}, cases[i].entry};
    cr_assert_eq(store->ops->items_append(store, &none, both, 2, &now, &appended), cases[i].status, "case %zu", i);
    cr_assert(strstr(solid_last_error(), cases[i].word), "case %zu: %s", i, solid_last_error());
  }
  const solid_item_entry good = {.id = id};
  cr_assert_eq(store->ops->items_append(store, &none, &good, 0, &now, &appended), SOLID_ERANGE);
  cr_assert_eq(store->ops->items_append(store, &none, &good, SOLID_ITEMS_AT_ONCE + 1, &now, &appended), SOLID_ERANGE);
  cr_assert_eq(store->ops->items_append(store, NULL, &good, 1, &now, &appended), SOLID_EINVAL);
  cr_assert_eq(store->ops->items_append(store, &none, NULL, 1, &now, &appended), SOLID_EINVAL);
  cr_assert_eq(store->ops->items_append(store, &none, &good, 1, NULL, &appended), SOLID_EINVAL);
  cr_assert_eq(store->ops->items_append(store, &none, &good, 1, &now, NULL), SOLID_EINVAL);
  cr_assert_eq(store->ops->items_read(store, 0, 0, take, NULL, &now), SOLID_EINVAL);
  cr_assert_eq(store->ops->items_read(store, 0, 1, NULL, NULL, &now), SOLID_EINVAL);
  cr_assert_eq(store->ops->items_read(store, 0, 1, take, NULL, NULL), SOLID_EINVAL);
  static found_items found;
  cr_assert_eq(read_from(store, 0, 10, &found).count, 0, "nothing of a bad append is kept");
  solid_item_entry largest = {
      .id = {many, SOLID_ID_MAX}, .title = {many, SOLID_TITLE_MAX}, .vector = wide, .width = SOLID_ITEM_VECTOR_MAX};
  for (int i = 0; i < SOLID_ITEM_ATTRIBUTES_MAX; i++) names[i] = (solid_bytes){many, SOLID_ID_MAX};
  largest.attributes = names, largest.n_attributes = SOLID_ITEM_ATTRIBUTES_MAX;
  cr_assert_eq(append(store, &none, &largest, 1, &now), 1);
  cr_assert_eq(read_from(store, 0, 10, &found).count, 1);
  cr_assert(found.n == 1 && found.width == SOLID_ITEM_VECTOR_MAX && found.n_attributes == SOLID_ITEM_ATTRIBUTES_MAX);
  solid_store_close(store);
}
