/* Slices and the figures beyond accuracy, by hand. */
#include "solid/train/beyond.h"
#include "solid/train/slices.h"
#include "tests/solid/train/data.h"
#include <criterion/criterion.h>
#include <math.h>

/* Training (all but the last two of a row): u0 a b a a, u1 a b, u2 a c, u3 a. Counts: a 6, b 2, c 1, d e f none. The
 * head of six items is one: a. */
static const char *const rows[] = {"a b a a d a", "a b e b", "a c f d", "a b c"};

Test(slices, by_hand) {
  solid_dataset dataset = data_from_rows(rows, 4);
  solid_evaluation e;
  solid_slices slices;
  cr_assert_eq(solid_evaluate_popularity(&e, &dataset, NULL), SOLID_OK);
  cr_assert_eq(e.users, 4);
  cr_assert_eq(solid_slices_make(&slices, &dataset, &e, SOLID_PART_TEST, 2), SOLID_OK);
  cr_assert_float_eq(slices.popular_share, 6 / 9.0, 1e-12);
  /* Targets: a (6), b (2), d (0), c (1). Popularity's ranks: a among c d e f... */
  const int expected[4] = {1 << SOLID_SLICE_MORE_EVENTS | 1 << SOLID_SLICE_KNOWN_ITEM | 1 << SOLID_SLICE_POPULAR_ITEM,
                           1 << SOLID_SLICE_FEW_EVENTS | 1 << SOLID_SLICE_RARE_ITEM | 1 << SOLID_SLICE_OTHER_ITEM,
                           1 << SOLID_SLICE_FEW_EVENTS | 1 << SOLID_SLICE_UNSEEN_ITEM | 1 << SOLID_SLICE_OTHER_ITEM,
                           1 << SOLID_SLICE_FEW_EVENTS | 1 << SOLID_SLICE_RARE_ITEM | 1 << SOLID_SLICE_OTHER_ITEM};
  for (int i = 0; i < 4; i++)
    cr_assert_eq(slices.of[i], expected[i], "user %d: %x, not %x", i, slices.of[i], expected[i]);
  const uint32_t ranks[] = {0, 9, SOLID_RANK_BEYOND, 1};
  for (int i = 0; i < 4; i++) e.ranks[i] = ranks[i];
  solid_slice_figures figures;
  cr_assert_eq(solid_slices_measure(&figures, &slices, SOLID_SLICE_RARE_ITEM, &e, 50, 1), SOLID_OK);
  cr_assert_eq(figures.users, 2);
  cr_assert_float_eq(figures.value.value[SOLID_HR_5], 0.5, 1e-12);
  cr_assert_float_eq(figures.value.value[SOLID_NDCG_10], (1 / log2(11) + 1 / log2(3)) / 2, 1e-12);
  cr_assert(figures.low.value[SOLID_HR_5] == 0 && figures.high.value[SOLID_HR_5] == 1);
  cr_assert_eq(solid_slices_measure(&figures, &slices, SOLID_SLICE_KNOWN_ITEM, &e, 50, 1), SOLID_OK);
  cr_assert(figures.users == 1 && figures.value.value[SOLID_HR_5] == 1);
  solid_slices_clear(&slices);
  cr_assert_eq(solid_slices_make(&slices, &dataset, &e, SOLID_PART_TEST, 0), SOLID_OK);
  cr_assert_eq(solid_slices_measure(&figures, &slices, SOLID_SLICE_FEW_EVENTS, &e, 50, 1), SOLID_OK);
  cr_assert(figures.users == 0 && figures.value.value[SOLID_HR_5] == 0 && figures.high.value[SOLID_HR_5] == 0);
  slices.users = 3;
  cr_assert_eq(solid_slices_measure(&figures, &slices, SOLID_SLICE_FEW_EVENTS, &e, 50, 1), SOLID_EMISMATCH);
  solid_slices_clear(&slices);
  solid_evaluation_clear(&e);
  solid_dataset_clear(&dataset);
}

/* Every user is in one slice of each of the three kinds, and the slices' hits add up to the whole. */
Test(slices, add_up_on_public_data) {
  solid_dataset dataset;
  if (!data_from_public("amazon-beauty/Beauty.txt", &dataset)) cr_skip_test("amazon-beauty/Beauty.txt is not here");
  solid_evaluation e;
  solid_slices slices;
  solid_metrics whole;
  cr_assert_eq(solid_evaluate_popularity(&e, &dataset, NULL), SOLID_OK);
  cr_assert_eq(solid_slices_make(&slices, &dataset, &e, SOLID_PART_TEST, 5), SOLID_OK);
  solid_metrics_of(e.ranks, e.users, &whole);
  const int kinds[][2] = {{SOLID_SLICE_FEW_EVENTS, SOLID_SLICE_UNSEEN_ITEM},
                          {SOLID_SLICE_UNSEEN_ITEM, SOLID_SLICE_POPULAR_ITEM},
                          {SOLID_SLICE_POPULAR_ITEM, SOLID_SLICES}};
  for (int k = 0; k < 3; k++) {
    uint32_t users = 0;
    double hits = 0;
    for (int s = kinds[k][0]; s < kinds[k][1]; s++) {
      solid_slice_figures figures;
      cr_assert_eq(solid_slices_measure(&figures, &slices, (solid_slice)s, &e, 1, 1), SOLID_OK);
      users += figures.users;
      hits += figures.value.value[SOLID_HR_20] * figures.users;
      if (s == SOLID_SLICE_UNSEEN_ITEM) cr_assert_eq(figures.users, 138, "targets that never train, as published");
    }
    cr_assert_eq(users, e.users);
    cr_assert_float_eq(hits, whole.value[SOLID_HR_20] * e.users, 1e-6);
  }
  solid_slices_clear(&slices);
  solid_evaluation_clear(&e);
  solid_dataset_clear(&dataset);
}

/* Two users, shown a b and a c of the items a b c d e f. */
Test(beyond, by_hand) {
  solid_dataset dataset = data_from_rows(rows, 4);
  uint32_t shown[2 * SOLID_COVERED_DEPTH];
  for (int i = 0; i < 2 * SOLID_COVERED_DEPTH; i++) shown[i] = SOLID_NO_ID;
  shown[0] = 0, shown[1] = 1, shown[SOLID_COVERED_DEPTH] = 0, shown[SOLID_COVERED_DEPTH + 1] = 2;
  const solid_evaluation e = {.users = 2, .items = 6, .shown = shown};
  const float vectors[6][2] = {{2, 0}, {3, 3}, {0, 1}, {1, 1}, {1, 1}, {0, 0}};
  solid_beyond made;
  cr_assert_eq(dataset.sequence[0], 0, "a is 0");
  cr_assert_eq(solid_beyond_of(&made, &e, &dataset, vectors[0], 2), SOLID_OK);
  /* Exposure ascending 0 0 0 1 1 2: ((2*4-7) 1 + (2*5-7) 1 + (2*6-7) 2) / (6 * 4). */
  cr_assert_float_eq(made.gini, (1 + 3 + 5 * 2) / 24.0, 1e-12);
  /* Pairs: a b at 45 degrees, a c at 90. */
  cr_assert_float_eq(made.diversity, ((1 - sqrt(0.5)) + 1) / 2, 1e-7);
  /* (n_v + 1) / (9 + 6): a 7, b 3, c 2; d appears in the rows before c, e, f do. */
  cr_assert_float_eq(made.novelty, -(2 * log2(7 / 15.0) + log2(3 / 15.0) + log2(1 / 15.0)) / 4, 1e-12,
                     "item 2 is d: it never trains");
  cr_assert_eq(solid_beyond_of(&made, &e, &dataset, NULL, 0), SOLID_OK);
  cr_assert_eq(made.diversity, -1);
  shown[1] = shown[SOLID_COVERED_DEPTH + 1] = SOLID_NO_ID;
  cr_assert_eq(solid_beyond_of(&made, &e, &dataset, vectors[0], 2), SOLID_OK);
  cr_assert_eq(made.diversity, -1, "lists of one item");
  cr_assert_float_eq(made.gini, 5 / 6.0, 1e-12, "all on one of six");
  for (uint32_t i = 0; i < 6; i++) shown[i] = i;
  shown[SOLID_COVERED_DEPTH] = SOLID_NO_ID;
  cr_assert_eq(solid_beyond_of(&made, &e, &dataset, vectors[0], 2), SOLID_OK);
  cr_assert_float_eq(made.gini, 0, 1e-12, "everything once");
  solid_dataset_clear(&dataset);
}
