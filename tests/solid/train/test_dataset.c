#include "solid/train/dataset.h"
#include "solid/train/split.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static void push(solid_collector *collector, const char *user, const char *item, int64_t time_ms) {
  solid_event event = {text(user), text(item), text(""), time_ms, {0, 0}, SOLID_WORTH_STEP, 0};
  solid_status verdict = SOLID_EINTERNAL;
  cr_assert_eq(solid_collector_push(collector, &event, 1, &verdict), SOLID_OK);
  cr_assert_eq(verdict, SOLID_OK);
}

static solid_collector *collect(solid_collector_options options) {
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, &options), SOLID_OK);
  return collector;
}

static void assert_sequence(const solid_dataset *dataset, uint32_t u, const char *items) {
  char made[256] = "";
  for (size_t i = dataset->offsets[u]; i < dataset->offsets[u + 1]; i++) {
    solid_bytes id = solid_vocab_id(&dataset->item_ids, dataset->sequence[i]);
    strncat(made, id.data, id.size);
    strcat(made, " ");
  }
  cr_assert_str_eq(made, items);
}

Test(dataset, keeps_arrival_order_and_first_appearance) {
  solid_collector *collector = collect((solid_collector_options){0});
  push(collector, "bob", "z", 5);
  push(collector, "amy", "a", 9);
  push(collector, "bob", "a", 4);
  push(collector, "bob", "z", 3);
  solid_dataset dataset;
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  cr_assert(dataset.users == 2 && dataset.items == 2 && dataset.events == 4);
  cr_assert_eq(solid_vocab_find(&dataset.user_ids, text("bob")), 0);
  cr_assert_eq(solid_vocab_find(&dataset.item_ids, text("z")), 0);
  assert_sequence(&dataset, 0, "z a z ");
  assert_sequence(&dataset, 1, "a ");
  cr_assert_eq(dataset.times[2], 3);
  solid_dataset_clear(&dataset);
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
}

Test(dataset, sorts_by_time_and_keeps_ties) {
  solid_collector *collector = collect((solid_collector_options){.sort_by_time = 1});
  const char *items[] = {"c", "b", "d", "a", "e"};
  const int64_t times[] = {7, 3, 7, -1, 7};
  for (int i = 0; i < 5; i++) push(collector, "u", items[i], times[i]);
  solid_dataset dataset;
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  assert_sequence(&dataset, 0, "a b c d e ");
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
}

/* Users in no order, some with times that rise already; the number of the event is its item. */
Test(dataset, sorts_many_users_by_time) {
  enum { EVENTS = 2000, USERS = 60, TIMES = 30 };
  seed_rng rng = seed_start(1);
  uint32_t user[EVENTS];
  int64_t time_ms[EVENTS];
  solid_collector *collector = collect((solid_collector_options){.sort_by_time = 1});
  for (int i = 0; i < EVENTS; i++) {
    char name[16], item[16];
    user[i] = (uint32_t)seed_below(&rng, USERS);
    time_ms[i] = user[i] % 4 ? seed_below(&rng, TIMES) : i;
    snprintf(name, sizeof name, "u%u", user[i]);
    snprintf(item, sizeof item, "%d", i);
    push(collector, name, item, time_ms[i]);
  }
  solid_dataset dataset;
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  cr_assert(dataset.users == USERS && dataset.items == EVENTS && dataset.events == EVENTS);
  for (uint32_t u = 0; u < USERS; u++)
    for (size_t e = dataset.offsets[u]; e < dataset.offsets[u + 1]; e++) {
      uint32_t event = dataset.sequence[e];
      cr_assert_eq(dataset.times[e], time_ms[event]);
      cr_assert_eq(user[event], user[dataset.sequence[dataset.offsets[u]]]);
      if (e == dataset.offsets[u]) continue;
      uint32_t last = dataset.sequence[e - 1];
      cr_assert(time_ms[last] < time_ms[event] || (time_ms[last] == time_ms[event] && last < event), "seed %llu",
                (unsigned long long)seed_value());
    }
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
}

Test(dataset, numbers_integer_ids_in_their_order) {
  solid_collector *collector = collect((solid_collector_options){0});
  push(collector, "20", "100", 0);
  push(collector, "3", "7", 0);
  push(collector, "20", "9", 0);
  solid_dataset dataset;
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  cr_assert_eq(solid_vocab_find(&dataset.user_ids, text("3")), 0);
  cr_assert_eq(solid_vocab_find(&dataset.item_ids, text("7")), 0);
  cr_assert_eq(solid_vocab_find(&dataset.item_ids, text("9")), 1);
  cr_assert_eq(solid_vocab_find(&dataset.item_ids, text("100")), 2);
  assert_sequence(&dataset, 0, "7 ");
  assert_sequence(&dataset, 1, "100 9 ");
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
}

Test(dataset, refuses_nothing_and_bad_ids) {
  solid_collector *collector = collect((solid_collector_options){0});
  solid_dataset dataset;
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_ENOTFOUND);
  cr_assert_str_eq(solid_last_error(), "the data has no events");
  char longest[257];
  memset(longest, 'x', sizeof longest);
  solid_event events[] = {{{"", 0}, {"i", 1}, {"", 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0},
                          {{"u", 1}, {longest, 256}, {"", 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0},
                          {{"u", 1}, {longest, 255}, {"", 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0}};
  solid_status verdicts[3];
  cr_assert_eq(solid_collector_push(collector, events, 3, verdicts), SOLID_OK);
  cr_assert(verdicts[0] == SOLID_ERANGE && verdicts[1] == SOLID_ERANGE && verdicts[2] == SOLID_OK);
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  cr_assert_eq(dataset.events, 1);
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
}

Test(dataset, joins_attributes_and_vectors_to_items) {
  for (int keep = 0; keep < 2; keep++) {
    solid_collector *collector = collect((solid_collector_options){.keep_unseen_items = keep});
    cr_assert_eq(solid_collector_attribute(collector, text("2"), text("red")), SOLID_OK);
    cr_assert_eq(solid_collector_attribute(collector, text("9"), text("blue")), SOLID_OK);
    cr_assert_eq(solid_collector_attribute(collector, text("2"), text("blue")), SOLID_OK);
    cr_assert_eq(solid_collector_attribute(collector, text("2"), text("red")), SOLID_OK);
    push(collector, "u", "5", 0);
    push(collector, "u", "2", 0);
    float given[] = {1.5f, -2}, wide[3] = {0}, bad[] = {NAN, 0};
    cr_assert_eq(solid_collector_vector(collector, text("5"), given, 2), SOLID_OK);
    cr_assert_eq(solid_collector_vector(collector, text("2"), wide, 3), SOLID_EMISMATCH);
    cr_assert_str_eq(solid_last_error(), "vector of 3 values after vectors of 2");
    cr_assert_eq(solid_collector_vector(collector, text("2"), bad, 2), SOLID_ERANGE);
    solid_dataset dataset;
    cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
    cr_assert_eq(dataset.items, keep ? 3 : 2);
    cr_assert_eq(dataset.unseen_items, keep ? 0 : 1);
    cr_assert_eq(dataset.attributes.count, 2);
    cr_assert_eq(dataset.attribute_offsets[1], 2, "item 2 has red and blue once each");
    cr_assert(dataset.attribute_ids[0] == 0 && dataset.attribute_ids[1] == 1);
    cr_assert_eq(dataset.attribute_offsets[2], 2, "item 5 has none");
    if (keep) cr_assert_eq(dataset.attribute_offsets[3], 3);
    cr_assert_eq(dataset.vector_width, 2);
    cr_assert(dataset.vectors[0] == 0 && dataset.vectors[2] == 1.5f && dataset.vectors[3] == -2);
    solid_dataset_clear(&dataset);
    solid_collector_free(collector);
  }
}

Test(dataset, hash_moves_with_the_data_only) {
  uint64_t hashes[3];
  for (int i = 0; i < 3; i++) {
    solid_collector *collector = collect((solid_collector_options){0});
    push(collector, "u", "a", i);
    push(collector, "u", i == 2 ? "c" : "b", i);
    solid_dataset dataset;
    cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
    hashes[i] = solid_dataset_hash(&dataset);
    solid_dataset_clear(&dataset);
    solid_collector_free(collector);
  }
  cr_assert_eq(hashes[0], hashes[1]);
  cr_assert_neq(hashes[0], hashes[2]);
}

Test(split, leaves_the_last_two_out) {
  solid_collector *collector = collect((solid_collector_options){0});
  const char *rows[] = {"a", "ab", "abc", "abcde"};
  const char *users[] = {"u1", "u2", "u3", "u4"};
  for (int u = 0; u < 4; u++)
    for (const char *c = rows[u]; *c; c++) push(collector, users[u], (char[2]){*c, 0}, 0);
  solid_dataset dataset;
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  const size_t trains[] = {1, 2, 1, 3};
  for (uint32_t u = 0; u < 4; u++) {
    solid_range train = solid_split_train(&dataset, u), known = {0, 0};
    cr_assert_eq(train.end - train.begin, trains[u]);
    cr_assert_eq(solid_split_question(&dataset, u, SOLID_PART_VALID, &known), u >= 2);
    if (u < 2) continue;
    cr_assert(known.begin == train.begin && known.end == train.end);
    cr_assert_eq(solid_split_question(&dataset, u, SOLID_PART_TEST, &known), 1);
    cr_assert(known.begin == train.begin && known.end == train.end + 1);
    cr_assert_eq(known.end + 1, dataset.offsets[u + 1]);
  }
  cr_assert_eq(solid_split_users(&dataset, SOLID_PART_TEST), 2);
  float count[5];
  solid_split_popularity(&dataset, count);
  cr_assert(count[0] == 4 && count[1] == 2 && count[2] == 1 && count[3] == 0 && count[4] == 0);
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
}
