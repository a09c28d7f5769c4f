#include "solid/train/data/vocab.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

Test(vocab, gives_each_string_one_index) {
  solid_vocab vocab = {0};
  char id[32];
  uint32_t index;
  cr_assert_eq(solid_vocab_find(&vocab, text("a")), SOLID_NO_ID);
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < 5000; i++) {
      snprintf(id, sizeof id, "item-%u", i * 7919u);
      cr_assert_eq(sol_vocab_add(&vocab, text(id), &index), SOLID_OK);
      cr_assert_eq(index, i, "%s got %u instead of %u", id, index, i);
    }
  cr_assert_eq(vocab.count, 5000);
  for (uint32_t i = 0; i < 5000; i++) {
    snprintf(id, sizeof id, "item-%u", i * 7919u);
    solid_bytes held = solid_vocab_id(&vocab, i);
    cr_assert(held.size == strlen(id) && !memcmp(held.data, id, held.size));
    cr_assert_eq(solid_vocab_find(&vocab, text(id)), i);
  }
  cr_assert_null(solid_vocab_id(&vocab, 5000).data);
  sol_vocab_clear(&vocab);
}

Test(vocab, tells_zero_bytes_and_lengths_apart) {
  solid_vocab vocab = {0};
  uint32_t a, b, c;
  cr_assert_eq(sol_vocab_add(&vocab, (solid_bytes){"x\0y", 3}, &a), SOLID_OK);
  cr_assert_eq(sol_vocab_add(&vocab, (solid_bytes){"x\0z", 3}, &b), SOLID_OK);
  cr_assert_eq(sol_vocab_add(&vocab, (solid_bytes){"x", 1}, &c), SOLID_OK);
  cr_assert(a == 0 && b == 1 && c == 2);
  sol_vocab_clear(&vocab);
}

Test(vocab, sorts_integers_by_value) {
  const char *ids[] = {"10", "9", "-3", "100", "0"};
  const uint32_t expected[] = {3, 2, 0, 4, 1};
  solid_vocab vocab = {0};
  uint32_t index, map[5];
  for (int i = 0; i < 5; i++) cr_assert_eq(sol_vocab_add(&vocab, text(ids[i]), &index), SOLID_OK);
  cr_assert(sol_vocab_is_integers(&vocab));
  cr_assert_eq(sol_vocab_sort_integers(&vocab, map), SOLID_OK);
  for (int i = 0; i < 5; i++) {
    cr_assert_eq(map[i], expected[i]);
    cr_assert_eq(solid_vocab_find(&vocab, text(ids[i])), expected[i]);
  }
  cr_assert_eq(sol_vocab_add(&vocab, text("11"), &index), SOLID_OK);
  cr_assert_eq(index, 5);
  sol_vocab_clear(&vocab);
}

Test(vocab, knows_what_is_no_integer) {
  const char *ids[] = {"12a", "-", "1234567890123456789", "1.5", "+1"};
  uint32_t index;
  for (int i = 0; i < 5; i++) {
    solid_vocab vocab = {0};
    cr_assert_eq(sol_vocab_add(&vocab, text("1"), &index), SOLID_OK);
    cr_assert(sol_vocab_is_integers(&vocab));
    cr_assert_eq(sol_vocab_add(&vocab, text(ids[i]), &index), SOLID_OK);
    cr_assert_not(sol_vocab_is_integers(&vocab), "%s", ids[i]);
    sol_vocab_clear(&vocab);
  }
}

/* A vocabulary that somebody filled by hand has no table, and finds its strings all the same. */
Test(vocab, one_filled_by_hand_is_searched_through) {
  uint32_t offsets[] = {0, 1, 1, 4};
  char bytes[] = "abcd";
  solid_vocab vocab = {.count = 3, .offsets = offsets, .bytes = bytes};
  cr_expect_eq(solid_vocab_find(&vocab, (solid_bytes){"a", 1}), 0);
  cr_expect_eq(solid_vocab_find(&vocab, (solid_bytes){NULL, 0}), 1);
  cr_expect_eq(solid_vocab_find(&vocab, (solid_bytes){"bcd", 3}), 2);
  cr_expect_eq(solid_vocab_find(&vocab, (solid_bytes){"bc", 2}), SOLID_NO_ID);
}
