/* The harness on its simplest ranking: by hand, and against the figures published for public data. */
#include "solid/train/evaluate.h"
#include "tests/solid/train/data.h"
#include <criterion/criterion.h>
#include <stdio.h>

Test(popularity, by_hand) {
  const char *rows[] = {"a b c d", "a b e d", "a c c b f", "c a"};
  solid_dataset dataset = data_from_rows(rows, 4);
  /* Train: ab, ab, acc, ca: a 4, c 3, b 2. Order of the list: a c b f e d (f, e, d, which nobody
   * took, by the hash of their ids). */
  solid_evaluate_options options = SOLID_EVALUATE_OPTIONS_INIT;
  solid_evaluation made;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, &options), SOLID_OK);
  cr_assert(made.users == 3 && made.skipped == 1 && made.items == 6);
  cr_assert_eq(made.ranks[0], 2, "a, b, c are known; f and e stand before d");
  cr_assert_eq(made.ranks[1], 2, "c and f stand before d");
  cr_assert_eq(made.ranks[2], 0, "f after a, b, c are known");
  cr_assert_float_eq(made.coverage, 4 / 6.0, 1e-12, "c, d, e, f");
  solid_evaluation_clear(&made);
  options.keep_history = 1;
  options.part = SOLID_PART_VALID;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, &options), SOLID_OK);
  cr_assert(made.ranks[0] == 1 && made.ranks[1] == 4 && made.ranks[2] == 2);
  solid_evaluation_clear(&made);
  solid_dataset_clear(&dataset);
}

/* Every item was taken once in training, and the targets are the ten items that the file names first: by the order of
 * the file they would all be found. */
Test(popularity, the_order_of_the_file_favours_nobody) {
  enum { FIRST = 10, USERS = 400 };
  static char text[USERS][64];
  const char *rows[USERS];
  for (int u = 0; u < USERS; u++) {
    if (u < FIRST)
      snprintf(text[u], sizeof text[u], "t%d", u);
    else
      snprintf(text[u], sizeof text[u], "x%d y%d t%d", u, u, u % FIRST);
    rows[u] = text[u];
  }
  solid_dataset dataset = data_from_rows(rows, USERS);
  solid_evaluation made, turned;
  solid_metrics metrics;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, NULL), SOLID_OK);
  solid_metrics_of(made.ranks, made.users, &metrics);
  cr_assert_lt(metrics.value[SOLID_HR_10], 0.2, "%g", metrics.value[SOLID_HR_10]);
  solid_dataset_clear(&dataset);
  for (int u = 0; u < USERS; u++) rows[u] = text[USERS - 1 - u];
  dataset = data_from_rows(rows, USERS);
  cr_assert_eq(solid_evaluate_popularity(&turned, &dataset, NULL), SOLID_OK);
  for (uint32_t i = 0; i < made.users; i++)
    cr_assert_eq(made.ranks[i], turned.ranks[made.users - 1 - i], "the same file from its end");
  solid_evaluation_clear(&made);
  solid_evaluation_clear(&turned);
  solid_dataset_clear(&dataset);
}

Test(popularity, nobody_to_ask) {
  const char *rows[] = {"a b", "a"};
  solid_dataset dataset = data_from_rows(rows, 2);
  solid_evaluation made;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, NULL), SOLID_ENOTFOUND);
  cr_assert_str_eq(solid_last_error(), "none of 2 users has 3 events, the fewest that leave one out");
  solid_dataset_clear(&dataset);
}

static void known_figures(const char *name, uint32_t users, uint32_t items, double hr10, double ndcg10) {
  solid_dataset dataset;
  if (!data_from_public(name, &dataset)) cr_skip_test("%s is not here", name);
  cr_assert_eq(dataset.users, users);
  cr_assert_eq(dataset.items, items);
  solid_evaluation made;
  solid_metrics metrics;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, NULL), SOLID_OK);
  solid_metrics_of(made.ranks, made.users, &metrics);
  cr_assert_float_eq(metrics.value[SOLID_HR_10], hr10, 0.00011, "%g", metrics.value[SOLID_HR_10]);
  cr_assert_float_eq(metrics.value[SOLID_NDCG_10], ndcg10, 0.00011, "%g", metrics.value[SOLID_NDCG_10]);
  solid_evaluation_clear(&made);
  solid_dataset_clear(&dataset);
}

Test(popularity, beauty) {
  known_figures("amazon-beauty/Beauty.txt", 22363, 12101, .0115, .0055);
}

Test(popularity, toys) {
  known_figures("amazon-toys/Toys_and_Games.txt", 19412, 11924, .0090, .0049);
}

Test(popularity, ml_1m) {
  known_figures("ml-1m/ml-1m.txt", 6040, 3416, .0369, .0180);
}
