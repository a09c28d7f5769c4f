/* What changes over the epochs: learning rate, moving average, and which part of a long history a batch shows. */
#include "solid/train/fit/feed.h"
#include "solid/train/fit/options.h"
#include "solid/train/split.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double rate_at(const solid_train_options *o, uint64_t number) {
  return (double)sol_train_options_at(o, number, 100).rate;
}

Test(schedule, rate_falls_along_a_half_cosine) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.rate = 0.01f;
  for (uint64_t n = 1; n < 200; n += 7) cr_expect_eq(sol_train_options_at(&o, n, 100).rate, o.rate);
  o.rate_end = 0.2f;
  cr_expect_float_eq(rate_at(&o, 50), 0.006, 1e-8); /* half way: the mean of 1 and 0.2 */
  cr_expect_float_eq(rate_at(&o, 25), 0.01 * (0.2 + 0.8 * (1 + sqrt(0.5)) / 2), 1e-8);
  cr_expect_float_eq(rate_at(&o, 100), 0.002, 1e-8);
  cr_expect_float_eq(rate_at(&o, 1000), 0.002, 1e-8); /* more steps than planned */
}

Test(schedule, average_forgets_the_initial_weights) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  cr_expect_eq(sol_train_options_at(&o, 1, 100).average, 0); /* there is none */
  o.average = 0.99f;
  cr_expect_float_eq(sol_train_options_at(&o, 1, 100).average, 2.0 / 11, 1e-6);
  cr_expect_float_eq(sol_train_options_at(&o, 90, 100).average, 0.91, 1e-6);
  cr_expect_eq(sol_train_options_at(&o, 5000, 100).average, o.average);
}

Test(schedule, refuses_shares_above_one) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.rate_end = 1.5f;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
  cr_expect(strstr(solid_last_error(), "rate_end = 1.5") != NULL, "%s", solid_last_error());
  o.rate_end = 1, o.cuts = 2;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
  o.cuts = 1, o.check = 0;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
}

#define LONG   40
#define SHORT  6
#define WINDOW 8

/* User 0 goes through items 0 .. LONG - 1, user 1 through SHORT of them. */
static void make_history(solid_dataset *dataset) {
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < 2; u++)
    for (int i = 0; i < (u ? SHORT : LONG); i++) {
      char item[16];
      snprintf(item, sizeof item, "%d", i);
      solid_event event = {.user = {u ? "1" : "0", 1}, .item = {item, strlen(item)}, .position = {0, 0}};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
}

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
  make_history(&dataset);
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
  make_history(&dataset);
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
