/* Which part of a long history a batch shows. */
#include "solid/train/fit/feed.h"
#include "solid/train/fit/options.h"
#include "tests/solid/train/two_users.h"
#include <criterion/criterion.h>

typedef struct survey {
  int newest, epochs;   /* how often user 0's window was the newest */
  uint8_t target[LONG]; /* seen as a target of user 0 */
} survey;

/* Every window must be a walk of its length without gaps, inside the training events. */
static survey look(const solid_dataset *dataset, float cuts, int epochs) {
  survey s = {.epochs = epochs};
  sol_feed b;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.batch = 2, o.cuts = cuts;
  cr_assert_eq(sol_feed_open(&b, dataset, WINDOW, &o, 0), SOLID_OK);
  for (int e = 0; e < epochs; e++) {
    solid_windows windows;
    const int32_t *targets;
    sol_feed_shuffle(&b, 5, (uint32_t)e);
    sol_feed_get(&b, 0, &windows, &targets);
    cr_assert_eq(windows.n, 2);
    cr_assert_eq(windows.offsets[2], WINDOW + SHORT - 3);
    for (int w = 0; w < 2; w++) {
      uint32_t begin = windows.offsets[w], end = windows.offsets[w + 1];
      int of_long = end - begin == WINDOW;
      for (uint32_t r = begin; r < end; r++) {
        cr_assert_eq(windows.items[r], windows.items[begin] + (r - begin));
        cr_assert_eq((uint32_t)targets[r], windows.items[r] + 1);
        cr_assert_lt(targets[r], of_long ? LONG - 2 : SHORT - 2);
        if (of_long) s.target[targets[r]] = 1;
      }
      s.newest += of_long && targets[end - 1] == LONG - 3;
    }
  }
  sol_feed_close(&b);
  return s;
}

Test(schedule, cuts_show_all_of_a_long_history) {
  solid_dataset dataset;
  two_users(&dataset);
  survey never = look(&dataset, 0, 50), half = look(&dataset, 0.5f, 400), always = look(&dataset, 1, 400);
  cr_expect_eq(never.newest, never.epochs);
  cr_expect(half.newest > 150 && half.newest < 280, "%d of %d", half.newest, half.epochs);
  cr_expect_lt(always.newest, 40, "%d of %d", always.newest, always.epochs);
  for (int i = 1; i < LONG - 2; i++) {
    cr_expect(always.target[i], "target %d is never shown", i);
    cr_expect_eq(never.target[i], i >= LONG - 2 - WINDOW, "target %d", i);
  }
  solid_dataset_clear(&dataset);
}
