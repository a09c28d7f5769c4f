/* What a service says of a store that was emptied: each change once, and no log is filled by one that goes on. */
#include "examples/common/emptied.h"
#include <criterion/criterion.h>

enum { MINUTE_MS = 60000 };

static solid_store_epoch epoch_of(uint8_t number) {
  return (solid_store_epoch){.bytes = {number}};
}

Test(emptied, says_a_change_once) {
  emptied_said said = {0};
  uint64_t left_out = 9;
  solid_store_epoch one = epoch_of(1), two = epoch_of(2);
  cr_assert(emptied_is_news(&said, &one, 1000, &left_out));
  cr_assert_eq(left_out, 0);
  for (int i = 0; i < 100; i++) cr_assert_not(emptied_is_news(&said, &one, 1000 + i * MINUTE_MS, &left_out), "%d", i);
  cr_assert(emptied_is_news(&said, &two, 1000 + 100 * MINUTE_MS, &left_out));
  cr_assert_eq(left_out, 0, "whoever meets the same change leaves nothing out");
}

Test(emptied, says_a_few_a_minute_and_how_many_it_left_out) {
  emptied_said said = {0};
  for (int minute = 0; minute < 3; minute++) {
    int lines = 0;
    for (int i = 0; i < 200; i++) { /* two stores that take turns are changes, too */
      uint64_t left_out = 0;
      solid_store_epoch epoch = epoch_of((uint8_t)(1 + i % 2));
      if (!emptied_is_news(&said, &epoch, 1000 + minute * MINUTE_MS + i, &left_out)) continue;
      cr_assert_eq(left_out, minute && !lines ? 200 - EMPTIED_LINES : 0, "minute %d, line %d", minute, lines);
      lines++;
    }
    cr_assert_eq(lines, EMPTIED_LINES);
  }
}

Test(emptied, begins_with_any_epoch) {
  emptied_said said = {0};
  uint64_t left_out = 0;
  solid_store_epoch zero = epoch_of(0);
  cr_assert(emptied_is_news(&said, &zero, 0, &left_out), "no epoch was said yet");
}
