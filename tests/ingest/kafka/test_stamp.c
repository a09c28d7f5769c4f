#include "ingest/kafka/stamp.h"
#include <criterion/criterion.h>
#include <string.h>

static sol_stamp any_stamp(int has_epoch) {
  sol_stamp stamp = {.stream = 0xfedcba9876543210,
                     .anchor = {123456789, 1690000000000, {7, 0xffffffffffffffff}},
                     .has_epoch = has_epoch};
  for (size_t i = 0; has_epoch && i < sizeof stamp.epoch; i++) stamp.epoch[i] = (uint8_t)(250 + i);
  return stamp;
}

Test(stamp, comes_back_from_its_text) {
  for (int has_epoch = 0; has_epoch < 2; has_epoch++) {
    char text[SOL_STAMP_ROOM];
    sol_stamp stamp = any_stamp(has_epoch), back = {.offset = 5};
    size_t size = sol_stamp_write(&stamp, text);
    cr_assert_lt(size, sizeof text);
    sol_stamp_read(&back, text, size);
    stamp.offset = 5;
    cr_assert_eq(memcmp(&back.anchor, &stamp.anchor, sizeof back.anchor), 0, "%s", text);
    cr_assert(back.stream == stamp.stream && back.offset == 5 && back.has_epoch == has_epoch, "%s", text);
    cr_assert_arr_eq(back.epoch, stamp.epoch, sizeof back.epoch);
  }
}

Test(stamp, what_is_no_stamp_says_nothing) {
  char text[SOL_STAMP_ROOM];
  sol_stamp stamp = any_stamp(1);
  size_t size = sol_stamp_write(&stamp, text);
  for (size_t cut = 0; cut < size; cut++) {
    sol_stamp back = {.offset = 5, .stream = 1};
    sol_stamp_read(&back, text, cut);
    cr_assert(back.stream == 0 && back.offset == 5, "cut at %zu", cut);
  }
  const char *const others[] = {"", "solid2 00 1 1 00 -", "committed by a tool"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    sol_stamp back = {.stream = 1};
    sol_stamp_read(&back, others[i], strlen(others[i]));
    cr_assert_eq(back.stream, 0, "%s", others[i]);
  }
  sol_stamp back = {.stream = 1};
  sol_stamp_read(&back, NULL, 0);
  cr_assert_eq(back.stream, 0);
}
