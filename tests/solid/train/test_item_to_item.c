#include "solid/train/evaluate.h"
#include "solid/train/evaluate/ranking.h"
#include "tests/solid/train/data.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { USERS = 80, ITEMS = 30, MOST = 12 };

/* Everybody has 3 to 12 of the items, of which some go together; some are taken twice. */
static solid_dataset made_data(void) {
  static char text[USERS][128];
  const char *rows[USERS];
  seed_rng rng = seed_start(11);
  for (int u = 0; u < USERS; u++) {
    int n = 3 + seed_below(&rng, MOST - 2), used = 0, group = seed_below(&rng, 3);
    for (int i = 0; i < n; i++) {
      int item = seed_below(&rng, 4) ? group * 10 + seed_below(&rng, 10) : seed_below(&rng, ITEMS);
      used += snprintf(text[u] + used, sizeof text[u] - (size_t)used, "%si%d", i ? " " : "", item);
    }
    rows[u] = text[u];
  }
  return data_from_rows(rows, USERS);
}

static int has(const solid_dataset *d, uint32_t u, uint32_t item) {
  solid_range train = solid_split_train(d, u);
  for (size_t e = train.begin; e < train.end; e++)
    if (d->sequence[e] == item) return 1;
  return 0;
}

/* By the definition, in double. */
static double cosine(const solid_dataset *d, uint32_t a, uint32_t b) {
  double of_a = 0, of_b = 0, both = 0;
  for (uint32_t u = 0; u < d->users; u++) {
    of_a += has(d, u, a), of_b += has(d, u, b);
    both += has(d, u, a) && has(d, u, b);
  }
  return both > 0 ? both / sqrt(of_a * of_b) : 0;
}

/* 1 if b is among the n items nearest to a. */
static int is_near(const solid_dataset *d, double sim[ITEMS][ITEMS], uint32_t a, uint32_t b, uint32_t n) {
  uint32_t before = 0;
  uint64_t tie = sol_tie_of(solid_vocab_id(&d->item_ids, b));
  for (uint32_t c = 0; c < d->items; c++) {
    if (c == a || c == b) continue;
    float one = (float)sim[a][c], other = (float)sim[a][b];
    before += one > other || (one == other && sol_tie_of(solid_vocab_id(&d->item_ids, c)) < tie);
  }
  return sim[a][b] > 0 && before < n;
}

static void check_user(const solid_dataset *d, double sim[ITEMS][ITEMS], const solid_evaluation *e, uint32_t i,
                       uint32_t n) {
  solid_range known;
  double score[ITEMS] = {0};
  uint32_t above = 0, level = 0;
  solid_split_question(d, e->who[i], SOLID_PART_TEST, &known);
  uint32_t target = d->sequence[known.end];
  for (size_t k = known.begin; k < known.end; k++)
    for (uint32_t v = 0; v < d->items; v++)
      if (v != d->sequence[k] && is_near(d, sim, d->sequence[k], v, n)) score[v] += sim[d->sequence[k]][v];
  if (score[target] == 0) return; /* among those that follow by popularity */
  for (uint32_t v = 0; v < d->items; v++) {
    int is_known = 0;
    for (size_t k = known.begin; k < known.end; k++) is_known |= d->sequence[k] == v;
    if (v == target || is_known) continue;
    above += score[v] > score[target] + 1e-6;
    level += fabs(score[v] - score[target]) <= 1e-6;
  }
  cr_assert(e->ranks[i] >= above && e->ranks[i] <= above + level, "user %u: rank %u, by the definition %u to %u",
            e->who[i], e->ranks[i], above, above + level);
}

Test(item_to_item, ranks_are_those_of_the_definition) {
  static double sim[ITEMS][ITEMS];
  static const uint32_t neighbours[] = {1, 3, SOLID_NEIGHBOURS_MAX};
  solid_dataset d = made_data();
  solid_evaluate_options options = SOLID_EVALUATE_OPTIONS_INIT;
  solid_item_to_item *m = NULL;
  options.depth = ITEMS;
  cr_assert(d.items == ITEMS);
  cr_assert_eq(solid_item_to_item_new(&m, &d), SOLID_OK);
  for (uint32_t a = 0; a < ITEMS; a++)
    for (uint32_t b = 0; b < ITEMS; b++) sim[a][b] = a == b ? 0 : cosine(&d, a, b);
  for (int n = 0; n < 3; n++) {
    solid_evaluation e;
    cr_assert_eq(solid_item_to_item_evaluate(&e, m, neighbours[n], &options), SOLID_OK);
    for (uint32_t i = 0; i < e.users; i++) check_user(&d, sim, &e, i, neighbours[n]);
    solid_evaluation_clear(&e);
  }
  solid_item_to_item_free(m);
  solid_dataset_clear(&d);
}

/* c was taken with a once, d never with anybody's history and more often than e: then the popular ones. */
Test(item_to_item, by_hand) {
  const char *rows[] = {"a c x y", "d x y", "d x y", "e x y", "a z e"};
  solid_dataset d = data_from_rows(rows, 5);
  solid_evaluate_options options = SOLID_EVALUATE_OPTIONS_INIT;
  solid_item_to_item *m = NULL;
  solid_evaluation e;
  cr_assert_eq(solid_item_to_item_new(&m, &d), SOLID_OK);
  cr_assert_eq(solid_item_to_item_evaluate(&e, m, 10, &options), SOLID_OK);
  cr_assert_eq(e.users, 5);
  cr_assert_eq(e.ranks[4], 2, "after c, the neighbour of a, and d, of which there are two");
  uint32_t chosen = 0;
  cr_assert_eq(solid_item_to_item_choose(m, &options, &chosen), SOLID_OK);
  cr_assert_eq(chosen, 5, "the fewest, as all are equally good");
  solid_evaluation_clear(&e);
  cr_assert_eq(solid_item_to_item_evaluate(&e, m, 0, &options), SOLID_ERANGE);
  cr_assert_eq(solid_item_to_item_evaluate(&e, m, SOLID_NEIGHBOURS_MAX + 1, &options), SOLID_ERANGE);
  solid_item_to_item_free(m);
  solid_dataset_clear(&d);
}
