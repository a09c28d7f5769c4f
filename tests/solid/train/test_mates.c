/* Similar items that stand for an input now and then. */
#include "solid/train/fit/feed.h"
#include "solid/train/fit/options.h"
#include "tests/solid/train/two_users.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CONTENT = 2 };

/* Items in 20s by their first code, but for the last, which is alone; v is v / 20 beside a place on a line. */
static void draw_content(uint16_t *codes, float *content) {
  for (int v = 0; v < LONG; v++) {
    codes[2 * v] = (uint16_t)(v == LONG - 1 ? 5 : v / 20), codes[2 * v + 1] = 3;
    content[CONTENT * v] = (float)(v * 7 % 20), content[CONTENT * v + 1] = 1;
  }
}

static sol_mates open_mates(void) {
  uint16_t codes[2 * LONG];
  float content[CONTENT * LONG];
  sol_mates mates;
  draw_content(codes, content);
  cr_assert_eq(sol_mates_open(&mates, &(sol_mates_source){LONG, 2, 6, codes, content, CONTENT}), SOLID_OK);
  return mates;
}

/* The k nearest of the code by sorting all of them. */
Test(schedule, mates_are_the_nearest_of_a_code) {
  sol_mates mates = open_mates();
  for (int v = 0; v < LONG; v++) {
    uint32_t *of = mates.mates + v * SOL_MATES_MOST, n = mates.count[v];
    float farthest = -1;
    cr_assert_eq(n, v == LONG - 1 ? 0u : SOL_MATES_MOST, "item %d has %u", v, n);
    for (uint32_t i = 0; i < n; i++) {
      float distance = fabsf((float)(v * 7 % 20) - (float)(of[i] * 7 % 20));
      cr_assert(of[i] != (uint32_t)v && of[i] / 20 == (uint32_t)v / 20 && of[i] < LONG - 1);
      cr_assert_geq(distance, farthest, "nearest first");
      farthest = distance;
      for (uint32_t j = 0; j < i; j++) cr_assert_neq(of[i], of[j]);
    }
    int nearer = 0;
    for (int o = v / 20 * 20; o < v / 20 * 20 + 20 && o < LONG - 1; o++)
      nearer += o != v && fabsf((float)(v * 7 % 20) - (float)(o * 7 % 20)) < farthest;
    cr_assert_lt(nearer, SOL_MATES_MOST, "item %d: %d are nearer than its last mate", v, nearer);
  }
  sol_random random = sol_random_start(1, 2);
  int drawn[LONG] = {0};
  for (int i = 0; i < 5000; i++) drawn[sol_mates_draw(&mates, 14, &random)]++;
  for (int i = 0; i < SOL_MATES_MOST; i++) {
    int times = drawn[mates.mates[14 * SOL_MATES_MOST + i]];
    cr_expect(abs(times - 500) < 100, "mate %d: %d times", i, times);
  }
  cr_expect_eq(sol_mates_draw(&mates, LONG - 1, &random), LONG - 1);
  sol_mates_close(&mates);
}

/* Mates stand among the inputs, as often as asked, others in each epoch; targets are what came. */
Test(schedule, mates_stand_for_inputs_alone) {
  solid_dataset dataset;
  sol_mates mates = open_mates();
  sol_feed b;
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  int rows = 0, swapped = 0, patterns = 0;
  uint32_t before[WINDOW] = {0};
  two_users(&dataset);
  o.batch = 2, o.swap = 0.3f;
  cr_assert_eq(sol_feed_open(&b, &dataset, WINDOW, &o, 0), SOLID_OK);
  b.mates = &mates;
  for (uint32_t e = 0; e < 300; e++) {
    solid_windows windows;
    const int32_t *targets;
    sol_feed_shuffle(&b, 5, e);
    sol_feed_get(&b, 0, &windows, &targets);
    for (uint32_t r = 0; r < windows.offsets[2]; r++, rows++) {
      uint32_t came = (uint32_t)targets[r] - 1, is_mate = 0;
      for (uint32_t i = 0; i < mates.count[came]; i++)
        is_mate |= mates.mates[came * SOL_MATES_MOST + i] == windows.items[r];
      cr_assert(windows.items[r] == came || is_mate, "%u stands for %u", windows.items[r], came);
      swapped += windows.items[r] != came;
    }
    uint32_t of_long = windows.offsets[1] == WINDOW ? 0 : windows.offsets[1];
    patterns += memcmp(before, windows.items + of_long, sizeof before) != 0;
    memcpy(before, windows.items + of_long, sizeof before);
  }
  cr_expect_float_eq(swapped / (double)rows, 0.3, 0.03, "%d of %d", swapped, rows);
  cr_expect_gt(patterns, 200);
  sol_feed_close(&b);
  sol_mates_close(&mates);
  solid_dataset_clear(&dataset);
}
