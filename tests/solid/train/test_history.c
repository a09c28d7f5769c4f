#include "solid/train/data/history.h"
#include "solid/train/data/split.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static void push(sol_collector *collector, const char *user, const char *item, int64_t time_ms) {
  solid_event event = {text(user), text(item), text(""), time_ms, {0, 0}, SOLID_WORTH_STEP};
  solid_status verdict = SOLID_EINTERNAL;
  cr_assert_eq(sol_collector_push(collector, &event, 1, &verdict), SOLID_OK);
  cr_assert_eq(verdict, SOLID_OK);
}

static sol_collector *collect(sol_collector_options options) {
  sol_collector *collector = NULL;
  cr_assert_eq(sol_collector_new(&collector, &options), SOLID_OK);
  return collector;
}

static void assert_sequence(const sol_history *history, uint32_t u, const char *items) {
  char made[256] = "";
  for (size_t i = history->offsets[u]; i < history->offsets[u + 1]; i++) {
    solid_bytes id = sol_vocab_id(&history->item_ids, history->sequence[i]);
    strncat(made, id.data, id.size);
    strcat(made, " ");
  }
  cr_assert_str_eq(made, items);
}

Test(history, keeps_arrival_order_and_first_appearance) {
  sol_collector *collector = collect((sol_collector_options){0});
  push(collector, "bob", "z", 5);
  push(collector, "amy", "a", 9);
  push(collector, "bob", "a", 4);
  push(collector, "bob", "z", 3);
  sol_history history;
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
  cr_assert(history.users == 2 && history.items == 2 && history.events == 4);
  cr_assert_eq(sol_vocab_find(&history.user_ids, text("bob")), 0);
  cr_assert_eq(sol_vocab_find(&history.item_ids, text("z")), 0);
  assert_sequence(&history, 0, "z a z ");
  assert_sequence(&history, 1, "a ");
  cr_assert_eq(history.times[2], 3);
  sol_history_clear(&history);
  sol_history_clear(&history);
  sol_collector_free(collector);
}

Test(history, sorts_by_time_and_keeps_ties) {
  sol_collector *collector = collect((sol_collector_options){.sort_by_time = 1});
  const char *items[] = {"c", "b", "d", "a", "e"};
  const int64_t times[] = {7, 3, 7, -1, 7};
  for (int i = 0; i < 5; i++) push(collector, "u", items[i], times[i]);
  sol_history history;
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
  assert_sequence(&history, 0, "a b c d e ");
  sol_history_clear(&history);
  sol_collector_free(collector);
}

Test(history, numbers_integer_ids_in_their_order) {
  sol_collector *collector = collect((sol_collector_options){0});
  push(collector, "20", "100", 0);
  push(collector, "3", "7", 0);
  push(collector, "20", "9", 0);
  sol_history history;
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
  cr_assert_eq(sol_vocab_find(&history.user_ids, text("3")), 0);
  cr_assert_eq(sol_vocab_find(&history.item_ids, text("7")), 0);
  cr_assert_eq(sol_vocab_find(&history.item_ids, text("9")), 1);
  cr_assert_eq(sol_vocab_find(&history.item_ids, text("100")), 2);
  assert_sequence(&history, 0, "7 ");
  assert_sequence(&history, 1, "100 9 ");
  sol_history_clear(&history);
  sol_collector_free(collector);
}

Test(history, refuses_nothing_and_bad_ids) {
  sol_collector *collector = collect((sol_collector_options){0});
  sol_history history;
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_ENOTFOUND);
  cr_assert_str_eq(solid_last_error(), "the data has no events");
  char longest[257];
  memset(longest, 'x', sizeof longest);
  solid_event events[] = {{{"", 0}, {"i", 1}, {"", 0}, 0, {0, 0}, SOLID_WORTH_STEP},
                          {{"u", 1}, {longest, 256}, {"", 0}, 0, {0, 0}, SOLID_WORTH_STEP},
                          {{"u", 1}, {longest, 255}, {"", 0}, 0, {0, 0}, SOLID_WORTH_STEP}};
  solid_status verdicts[3];
  cr_assert_eq(sol_collector_push(collector, events, 3, verdicts), SOLID_OK);
  cr_assert(verdicts[0] == SOLID_ERANGE && verdicts[1] == SOLID_ERANGE && verdicts[2] == SOLID_OK);
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
  cr_assert_eq(history.events, 1);
  sol_history_clear(&history);
  sol_collector_free(collector);
}

Test(history, joins_attributes_and_vectors_to_items) {
  for (int keep = 0; keep < 2; keep++) {
    sol_collector *collector = collect((sol_collector_options){.keep_unseen_items = keep});
    cr_assert_eq(sol_collector_attribute(collector, text("2"), text("red")), SOLID_OK);
    cr_assert_eq(sol_collector_attribute(collector, text("9"), text("blue")), SOLID_OK);
    cr_assert_eq(sol_collector_attribute(collector, text("2"), text("blue")), SOLID_OK);
    cr_assert_eq(sol_collector_attribute(collector, text("2"), text("red")), SOLID_OK);
    push(collector, "u", "5", 0);
    push(collector, "u", "2", 0);
    float given[] = {1.5f, -2}, wide[3] = {0}, bad[] = {NAN, 0};
    cr_assert_eq(sol_collector_vector(collector, text("5"), given, 2), SOLID_OK);
    cr_assert_eq(sol_collector_vector(collector, text("2"), wide, 3), SOLID_EMISMATCH);
    cr_assert_str_eq(solid_last_error(), "vector of 3 values after vectors of 2");
    cr_assert_eq(sol_collector_vector(collector, text("2"), bad, 2), SOLID_ERANGE);
    sol_history history;
    cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
    cr_assert_eq(history.items, keep ? 3 : 2);
    cr_assert_eq(history.unseen_items, keep ? 0 : 1);
    cr_assert_eq(history.attributes.count, 2);
    cr_assert_eq(history.attribute_offsets[1], 2, "item 2 has red and blue once each");
    cr_assert(history.attribute_ids[0] == 0 && history.attribute_ids[1] == 1);
    cr_assert_eq(history.attribute_offsets[2], 2, "item 5 has none");
    if (keep) cr_assert_eq(history.attribute_offsets[3], 3);
    cr_assert_eq(history.vector_width, 2);
    cr_assert(history.vectors[0] == 0 && history.vectors[2] == 1.5f && history.vectors[3] == -2);
    sol_history_clear(&history);
    sol_collector_free(collector);
  }
}

Test(history, hash_moves_with_the_data_only) {
  uint64_t hashes[3];
  for (int i = 0; i < 3; i++) {
    sol_collector *collector = collect((sol_collector_options){0});
    push(collector, "u", "a", i);
    push(collector, "u", i == 2 ? "c" : "b", i);
    sol_history history;
    cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
    hashes[i] = sol_history_hash(&history);
    sol_history_clear(&history);
    sol_collector_free(collector);
  }
  cr_assert_eq(hashes[0], hashes[1]);
  cr_assert_neq(hashes[0], hashes[2]);
}

Test(split, leaves_the_last_two_out) {
  sol_collector *collector = collect((sol_collector_options){0});
  const char *rows[] = {"a", "ab", "abc", "abcde"};
  const char *users[] = {"u1", "u2", "u3", "u4"};
  for (int u = 0; u < 4; u++)
    for (const char *c = rows[u]; *c; c++) push(collector, users[u], (char[2]){*c, 0}, 0);
  sol_history history;
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
  const size_t trains[] = {1, 2, 1, 3};
  for (uint32_t u = 0; u < 4; u++) {
    sol_range train = sol_split_train(&history, u), known = {0, 0};
    cr_assert_eq(train.end - train.begin, trains[u]);
    cr_assert_eq(sol_split_question(&history, u, SOL_PART_VALID, &known), u >= 2);
    if (u < 2) continue;
    cr_assert(known.begin == train.begin && known.end == train.end);
    cr_assert_eq(sol_split_question(&history, u, SOL_PART_TEST, &known), 1);
    cr_assert(known.begin == train.begin && known.end == train.end + 1);
    cr_assert_eq(known.end + 1, history.offsets[u + 1]);
  }
  cr_assert_eq(sol_split_users(&history, SOL_PART_TEST), 2);
  float count[5];
  sol_split_popularity(&history, count);
  cr_assert(count[0] == 4 && count[1] == 2 && count[2] == 1 && count[3] == 0 && count[4] == 0);
  sol_history_clear(&history);
  sol_collector_free(collector);
}
