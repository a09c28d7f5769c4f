/* The rows of the protocol against its rules, on a history made here. */
#include "examples/paper/data.h"
#include "tests/solid/train/data.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS  160
#define WINDOW 4

/* Three users over a catalogue that the fourth spans; u4 and u5 are too short. */
static solid_dataset make_history(void) {
  static char all[ITEMS * 5];
  size_t at = 0;
  for (int i = 0; i < ITEMS; i++) at += (size_t)snprintf(all + at, sizeof all - at, "%d ", i + 1);
  const char *rows[] = {"1 2 3 4 5 6 7", "9 8 9", "20 30 20 40", "50", "60 70", all};
  return data_from_rows(rows, 6);
}

static void check_example(const sol_paper_data *data, const sol_paper_example *e, int count, int distinct,
                          const int32_t *window, const int32_t *candidates) {
  const solid_dataset *h = data->dataset;
  size_t begin = h->offsets[e->user], known = e->target - begin, length = known < WINDOW ? known : WINDOW;
  for (size_t i = 0; i < WINDOW; i++) {
    int32_t want = i < length ? (int32_t)h->sequence[e->target - length + i] + 1 : 0;
    cr_expect_eq(window[i], want, "place %zu is %d, not %d", i, window[i], want);
  }
  cr_expect_eq(candidates[0], (int32_t)h->sequence[e->target] + 1);
  for (int n = 1; n < count; n++) {
    cr_assert(candidates[n] >= 1 && (uint32_t)candidates[n] <= h->items);
    for (size_t i = begin; i < h->offsets[e->user + 1]; i++)
      cr_expect_neq(candidates[n], (int32_t)h->sequence[i] + 1, "a negative that the user met");
    for (int m = 1; distinct && m < n; m++) cr_expect_neq(candidates[n], candidates[m], "a negative twice");
  }
}

Test(paper_data, rows_obey_the_rules) {
  solid_dataset all = make_history(), h = all;
  h.users = 5; /* the sixth met everything */
  h.events = h.offsets[5];
  sol_paper_data data;
  cr_assert_eq(sol_paper_data_open(&data, &h, WINDOW, 3), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(data.trains, 5 + 1 + 2);
  cr_assert_eq(data.tests, 3);
  int32_t window[WINDOW], candidates[SOL_PAPER_TEST_CANDIDATES], again[SOL_PAPER_TEST_CANDIDATES];
  for (size_t i = 0; i < data.trains; i++) {
    sol_paper_data_train(&data, i, window, candidates);
    check_example(&data, &data.train[i], SOL_PAPER_TRAIN_CANDIDATES, 0, window, candidates);
  }
  for (size_t i = 0; i < data.tests; i++) {
    cr_expect_eq(data.test[i].target, h.offsets[data.test[i].user + 1] - 1);
    sol_paper_data_test(&data, i, window, candidates);
    check_example(&data, &data.test[i], SOL_PAPER_TEST_CANDIDATES, 1, window, candidates);
    sol_paper_data_test(&data, i, window, again);
    cr_expect_arr_eq(candidates, again, sizeof again);
  }
  sol_paper_data_close(&data);
  solid_dataset_clear(&all);
}

/* Every epoch has every target once, in an order of its own that does not depend on the orders before it. */
Test(paper_data, epochs_are_orders_of_the_same_targets) {
  solid_dataset all = make_history(), h = all;
  h.users = 5, h.events = h.offsets[5];
  sol_paper_data data;
  cr_assert_eq(sol_paper_data_open(&data, &h, WINDOW, 3), SOLID_OK);
  uint32_t second[8], seen[8] = {0};
  sol_paper_data_shuffle(&data, 1, 2);
  memcpy(second, data.order, sizeof second);
  for (size_t i = 0; i < 8; i++) seen[data.order[i]]++;
  for (size_t i = 0; i < 8; i++) cr_expect_eq(seen[i], 1);
  sol_paper_data_shuffle(&data, 1, 1);
  cr_expect_arr_neq(second, data.order, sizeof second);
  sol_paper_data_shuffle(&data, 1, 2);
  cr_expect_arr_eq(second, data.order, sizeof second);
  sol_paper_data_close(&data);
  solid_dataset_clear(&all);
}

Test(paper_data, semantics_stand_in_for_items) {
  solid_dataset all = make_history(), h = all;
  h.users = 5, h.events = h.offsets[5];
  int32_t category[ITEMS + 1] = {0}, plain[WINDOW], window[WINDOW], items[5], semantics[5];
  for (int i = 1; i <= ITEMS; i++) category[i] = 1 + i % 7;
  sol_paper_data data;
  cr_assert_eq(sol_paper_data_open(&data, &h, WINDOW, 3), SOLID_OK);
  for (size_t i = 0; i < data.trains; i++) {
    data.category = NULL;
    sol_paper_data_train(&data, i, plain, items);
    data.category = category;
    sol_paper_data_train(&data, i, window, semantics);
    for (int j = 0; j < WINDOW; j++) cr_expect_eq(window[j], category[plain[j]]);
    for (int j = 0; j < 5; j++) cr_expect_eq(semantics[j], category[items[j]]);
  }
  sol_paper_data_close(&data);
  solid_dataset_clear(&all);
}

Test(paper_data, refuses_what_leaves_no_negatives) {
  solid_dataset h = make_history();
  sol_paper_data data;
  cr_expect_eq(sol_paper_data_open(&data, &h, WINDOW, 3), SOLID_ERANGE);
  cr_expect_not_null(strstr(solid_last_error(), "user \"u5\" met "), "%s", solid_last_error());
  h.users = 0, h.events = 0;
  cr_expect_eq(sol_paper_data_open(&data, &h, WINDOW, 3), SOLID_ENOTFOUND);
  h.users = 6;
  solid_dataset_clear(&h);
}
